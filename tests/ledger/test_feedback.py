"""Verdicts of users, kept, and the rows that they become."""

from dataclasses import replace

import pytest
from tests.ledger.samples import example

from rawtune.ledger.feedback import Fate, Feedback, Verdict
from rawtune.ledger.ledger import Ledger
from rawtune.records import Message, Origin, Split

BEFORE = (Message("user", "蒙卦是什么？"), Message("assistant", "第四卦。"))


def given(**more) -> Feedback:
    fields = {"model": "base", "question": "为什么？", "answer": "不知道。", "verdict": Verdict.BAD, "history": BEFORE}
    return Feedback(**{**fields, **more})


def test_it_comes_back_as_it_was_given_the_oldest_first(ledger, path):
    first = given(created="2026-01-01T00:00:00.000+00:00", correction="山下出泉。")
    second = given(created="2026-01-02T00:00:00.000+00:00", model="openai:m", history=(), verdict=Verdict.GOOD)
    ledger.save_feedback(second)
    ledger.save_feedback(first)
    assert ledger.feedback() == [first, second]
    other = Ledger(path)
    assert other.feedback() == [first, second]
    other.close()


def test_the_last_verdict_on_an_answer_counts_and_is_looked_at_anew(ledger):
    ledger.save_feedback(given())
    corrected = given(correction="因为山下有泉。")
    ledger.save_feedback(corrected)
    assert ledger.feedback() == [corrected]
    ended = replace(corrected, fate=Fate.TAKEN, passage_id="p1", row="因为山下有泉。", author="by hand")
    ledger.end_feedback([ended])
    assert ledger.feedback() == [ended]
    ledger.save_feedback(given(correction="因为山下有泉。", created="later"))
    assert ledger.feedback() == [ended], "said again, it is still taken"
    ledger.save_feedback(given(correction="另一个。", created="later"))
    assert [one.fate for one in ledger.feedback()] == [Fate.NEW]
    ledger.end_feedback([ended])
    assert [one.fate for one in ledger.feedback()] == [Fate.NEW], "what ended was another verdict"
    assert len({given().id, given(history=()).id, given(model="m").id, given(answer="a").id}) == 4


@pytest.mark.parametrize(
    ("verdict", "correction", "origin"),
    [(Verdict.GOOD, "", Origin.EDITED), (Verdict.BAD, "x", Origin.EDITED), (Verdict.BAD, "", Origin.WRITTEN)],
)
def test_what_was_taken_becomes_a_row_beside_that_of_its_passage(ledger, verdict, correction, origin):
    one = given(verdict=verdict, correction=correction, fate=Fate.TAKEN, passage_id="p1", row="答。", author="作者")
    for other in (one, replace(one, model="refused", fate=Fate.REFUSED), replace(one, model="gone", passage_id="p9")):
        ledger.save_feedback(other)
    (row,) = ledger.feedback_rows([example("r1", "p1"), example("r2", "p2")])
    assert (row.parent, row.passage_id, row.concept, row.template) == ("r1", "p1", "蒙卦", "feedback")
    assert (row.question, row.answer, row.origin, row.teacher) == ("为什么？", "答。", origin, "作者")
    assert row.id != "r1"
    assert row.suite is None


def test_a_passage_that_is_held_out_gets_no_row_to_train_on(ledger):
    ledger.save_feedback(given(fate=Fate.TAKEN, passage_id="p1", row="答。"))
    assert ledger.feedback_rows([example("r1", "p1", split=Split.HELD_OUT)]) == []
    assert len(ledger.feedback_rows([example("r1", "p1")])) == 1
