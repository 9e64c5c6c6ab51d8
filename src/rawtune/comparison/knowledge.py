"""What a base model knows of a domain already, and whether tuning it is worth anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rawtune.comparison.statistics import MIN_CLUSTERS, wilson

ENOUGH = 0.8
"""A model that knows so large a share of the concepts has nothing to gain; one that answers so many questions with the
passage before its eyes may need no tuning, but retrieval. A proposal."""
MOSTLY = 0.5
"""From this share of unknown concepts on, training teaches mostly new facts, after which models invent more (Gekhman
et al. 2024, arXiv:2405.05904)."""


class Knowledge(StrEnum):
    """What a model knows of one concept."""

    KNOWN = "known"  # every question was answered rightly
    PARTLY = "partly known"
    UNKNOWN = "unknown"  # none was


class Worth(StrEnum):
    """What is to be made of it all."""

    WORTH_IT = "worth it"
    PERHAPS_RETRIEVAL = "perhaps retrieval alone"
    NOT_WORTH_IT = "not worth it"
    TOO_FEW = "too few concepts to tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """How concepts were sorted, and what follows.

    ``share`` of the concepts are known, one that is partly known counting for half; ``low`` and ``high`` are its Wilson
    interval (95%). ``with_passage`` is the share of questions that are answered rightly where the passage stands before
    them. ``new_facts`` says that most concepts are unknown.
    """

    worth: Worth
    share: float
    low: float
    high: float
    with_passage: float
    new_facts: bool
    concepts: Mapping[str, Knowledge]

    def count(self, kind: Knowledge) -> int:
        """How many concepts are of a kind."""
        return sum(found is kind for found in self.concepts.values())


def judge(base: Mapping[str, Sequence[bool]], with_passage: Mapping[str, Sequence[bool]]) -> Finding:
    """Judge by which questions on each concept were answered rightly, at least one on each.

    ``with_passage`` are the same questions with the passage that answers them put before each.
    """
    concepts = {concept: _sorted(rights) for concept, rights in base.items()}
    weights = {Knowledge.KNOWN: 1.0, Knowledge.PARTLY: 0.5, Knowledge.UNKNOWN: 0.0}
    share = sum(weights[kind] for kind in concepts.values()) / len(concepts)
    low, high = wilson(share, len(concepts))
    given = [right for rights in with_passage.values() for right in rights]
    reading = sum(given) / len(given)
    unknown = sum(kind is Knowledge.UNKNOWN for kind in concepts.values()) / len(concepts)
    if len(concepts) < MIN_CLUSTERS:
        worth = Worth.TOO_FEW
    elif share >= ENOUGH:
        worth = Worth.NOT_WORTH_IT
    else:
        worth = Worth.PERHAPS_RETRIEVAL if reading >= ENOUGH else Worth.WORTH_IT
    return Finding(worth, share, low, high, reading, unknown >= MOSTLY, concepts)


def _sorted(rights: Sequence[bool]) -> Knowledge:
    return Knowledge.KNOWN if all(rights) else Knowledge.PARTLY if any(rights) else Knowledge.UNKNOWN
