"""Which question forms a row is trained with: some of each family, others for each concept, the same in every run."""

import random
from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest

from rawtune.augmentation.questions import Families


def order(families: Families, concept: str, number: int = 0, of: int = 1) -> list[str]:
    """All forms in the order in which a row of ``concept`` takes them, one of each family in turn.

    So the first n are spread evenly over families, for as long as these last, and hold the first n - 1. The order is
    drawn by the concept's name: what makes a fact retrievable are forms of it drawn for that fact, as in the study that
    measured it (Allen-Zhu and Li, "Physics of Language Models: Part 3.1", 2023: 9.7% with one, 41% with five), and with
    few variants a common order would leave most forms unused, so that all concepts would hang on the same wordings.

    The concept's row ``number`` (from 0) ``of`` several goes on in each family where the one before left off, so that
    passages of one concept ask the same question with different answers only once forms run out.
    """
    drawn = random.Random(concept)  # noqa: S311 - not for secrets
    queues = []
    for _, lines in sorted(families.items()):
        queue = sorted(lines, key=lambda _: drawn.random())
        turned = number * len(queue) // of
        queues.append((drawn.random(), [*queue[turned:], *queue[:turned]]))
    return [line for turn in zip_longest(*(queue for _, queue in sorted(queues))) for line in turn if line is not None]


def shares(concepts: Iterable[str], variants: int, per_concept: int | None) -> list[int]:
    """How many questions each row gets, given the rows' concepts in order.

    ``variants``, unless the concept would then have more than ``per_concept``: then that many are shared out evenly
    among its rows, the first ones getting what is over. Each row gets one at least, or its answer would be lost.
    """
    concepts = list(concepts)
    rows, met = Counter(concepts), Counter[str]()
    given = []
    for concept in concepts:
        share = variants
        if per_concept is not None:
            even, over = divmod(per_concept, rows[concept])
            share = min(variants, max(1, even + (met[concept] < over)))
        met[concept] += 1
        given.append(share)
    return given
