"""Which of the trained rows are asked again, of the model and while it is trained."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.stages.compared import make_book

from rawtune.dataset import files
from rawtune.project import Project
from rawtune.records import Row, Suite
from rawtune.stages import stopping
from rawtune.stages.questions import questions


@pytest.mark.parametrize("template", ["kind:reverse", "kind:purpose", "feedback"])
def test_rows_with_answers_of_their_own_are_not_held_against_the_held_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, template: str
) -> None:
    with Project(make_book(tmp_path, tmp_path / "student")) as opened:
        opened.export()
        work = opened._work
        own = list(work.ledger.training_rows())
        # Their ids are the smallest there are, so that the draw would take them first.
        others = [
            replace(row, id=f"!{row.id}", question=f"哪一个？{row.id}", answer=row.concept, template=template)
            for row in own
        ]
        monkeypatch.setattr(type(work.ledger), "training_rows", lambda _: iter([*own, *others]))
        rows = [Row(row.question, row.answer) for row in (*own, *others)]
        monkeypatch.setattr(files, "read", lambda *_: rows)
        seen = [asked.reference for asked in questions(work) if asked.suite is Suite.SEEN]
        settings = work.config.training.model_copy(update={"stopping": True})
        tuned = replace(work, config=work.config.model_copy(update={"training": settings}))
        evaluate = stopping.evaluating(tuned, rows)
    assert len(seen) == 3
    assert set(seen) <= {row.answer for row in own}
    assert evaluate is not None
    asked, texts = evaluate.args[2:]  # type: ignore[attr-defined]
    assert asked.seen
    assert {row.template for row in asked.seen}.isdisjoint({template})
    assert any(other.answer in texts[other.passage_id] for other in others), "what it recites may be any trained text"
