"""What a model is asked while it is trained, to see whether it has learnt enough; see ``rawtune.training.stopping``."""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from statistics import fmean
from typing import Any, NamedTuple

from rawtune.comparison import answers, metrics
from rawtune.comparison.recitation import recitations
from rawtune.config.settings import Comparison
from rawtune.records import Answer, Example, Row, Suite
from rawtune.stages.stage import Work
from rawtune.stages.templates import asked_as_held_out
from rawtune.training import tokens
from rawtune.training.stopping import Evaluate, Figures

SAMPLE = 24
"""Most questions in new phrasings; as many of the same passages are asked as trained."""
_ANY = 10**6
"""Tokens: no limit."""


class _Asked(NamedTuple):
    unseen: list[Example]
    seen: list[Example]


def evaluating(work: Work, rows: Iterable[Row]) -> Evaluate | None:
    """How a model is checked that is trained on ``rows``; None if it is not to be, or there is nothing to ask."""
    if not work.config.training.stopping:
        return None
    asked = unseen(work)
    if not asked:
        work.tell("training.stopping: no phrasing is held out, so that nothing can be checked; all steps are trained")
        return None
    trained, passages = set(rows), {row.passage_id for row in asked}
    known = [row for row in work.ledger.training_rows() if row.row in trained]
    seen = _spread([row for row in known if row.passage_id in passages and asked_as_held_out(row)], len(asked))
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for row in known:
        if row.answer not in texts[row.passage_id]:
            texts[row.passage_id].append(row.answer)
    return partial(_evaluate, work.config.comparison, work.config.language, _Asked(asked, seen), texts)


def unseen(work: Work) -> list[Example]:
    """The questions in new phrasings that a check asks."""
    return _spread(work.ledger.suite(Suite.PHRASING), SAMPLE)


def _evaluate(
    settings: Comparison, language: str, asked: _Asked, trained: dict[str, list[str]], model: Any, tokenizer: Any
) -> Figures:
    rows = [*asked.unseen, *asked.seen]
    # An answer as long as the longest wanted says whether it is right: what follows would only cost time.
    longest = max(sum(tokens.encode(tokenizer, "?", row.answer, _ANY, _ANY).mask) for row in rows)
    prompts = [tokens.prompt_ids(tokenizer, row.question) for row in rows]
    texts = answers.answer(model, tokenizer, prompts, min(longest, settings.max_new_tokens), settings.batch_size)
    given = [
        Answer("tuned", suite, row.passage_id, row.question, row.answer, text, row.concept)
        for (suite, row), text in zip(
            [*((Suite.PHRASING, row) for row in asked.unseen), *((Suite.SEEN, row) for row in asked.seen)],
            texts,
            strict=True,
        )
    ]
    scores = metrics.score(given)
    unseen, seen = scores[: len(asked.unseen)], scores[len(asked.unseen) :]
    wrong = [found.wrong > 0 for found in recitations(given, trained, language)]
    return Figures(
        unseen=fmean(score.identified for score in unseen),
        chrf=fmean(score.chrf for score in unseen),
        seen=fmean(score.identified for score in seen) if seen else None,
        recited=fmean(wrong),
    )


def _spread(rows: Iterable[Example], most: int) -> list[Example]:
    """At most so many rows, of as many passages as there are: one of each, then another; drawn by lot, by their ids."""
    by_passage: defaultdict[str, list[Example]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.id):
        by_passage[row.passage_id].append(row)
    rounds = [(turn, row.id, row) for group in by_passage.values() for turn, row in enumerate(group)]
    return [row for _, _, row in sorted(rounds, key=lambda found: found[:2])[:most]]
