"""What the arms of a comparison are asked."""

from collections.abc import Iterable
from importlib.resources import files as resources
from typing import NamedTuple

from rawtune.dataset import files
from rawtune.records import NEVER_TRAINED, Example, History, Suite, told
from rawtune.stages.stage import Work
from rawtune.stages.templates import asked_as_held_out
from rawtune.stages.train import dataset


class Question(NamedTuple):
    """One question; without a reference it is shown, not scored."""

    suite: Suite
    text: str
    passage_id: str = ""
    reference: str = ""
    concept: str = ""
    history: History = ()

    @property
    def whole(self) -> str:
        """All that is said until the answer, as one text."""
        return f"{told(self.history)}\n{self.text}" if self.history else self.text


def questions(work: Work) -> list[Question]:
    """All questions, suite by suite."""
    return [*_of(held_out(work)), *_of(_seen(work), Suite.SEEN), *_outside(work)]


def held_out(work: Work) -> list[Example]:
    """The rows that are only ever asked."""
    return [row for suite in NEVER_TRAINED for row in work.ledger.suite(suite)]


def _seen(work: Work) -> Iterable[Example]:
    """One trained row of each passage, of ``comparison.seen`` passages at most: those with the smallest ids.

    Ids are hashes, so that this is a draw by lot which more text leaves as it is but for its own share. What somebody
    took out of the dataset by hand was not trained on; rows with other answers than the held-out questions would make
    the gap between seen and unseen one between facts.
    """
    trained = set(files.read(dataset(work), work.config.columns))
    drawn: dict[str, Example] = {}
    for row in work.ledger.training_rows():
        if row.row in trained and asked_as_held_out(row):
            drawn[row.passage_id] = min(drawn.get(row.passage_id, row), row, key=lambda row: row.id)
    return [drawn[id] for id in sorted(drawn)[: work.config.comparison.seen]]


def _of(rows: Iterable[Example], suite: Suite | None = None) -> Iterable[Question]:
    for row in rows:
        found = suite or row.suite
        assert found is not None  # noqa: S101 - held-out rows have one
        yield Question(found, row.question, row.passage_id, row.answer, row.concept, row.history)


def _outside(work: Work) -> list[Question]:
    from ruamel.yaml import YAML

    texts = work.config.comparison.outside
    if texts is None:
        packaged = resources("rawtune.comparison").joinpath("outside.yaml").read_text(encoding="utf-8")
        texts = tuple(YAML(typ="safe").load(packaged)[work.config.language])
    return [Question(Suite.OUTSIDE, text) for text in dict.fromkeys(texts)]
