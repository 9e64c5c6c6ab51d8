import json
import sqlite3
from dataclasses import replace

import pytest

from rawtune.errors import StorageFull
from rawtune.ledger.ledger import Ledger, StageRecord
from rawtune.records import (
    Example,
    Finding,
    Message,
    Origin,
    Outcome,
    Parameters,
    Passage,
    Reply,
    Request,
    Split,
    State,
    Suite,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    ledger = Ledger(path)
    yield ledger
    ledger.close()


def reopened(ledger, path):
    ledger.close()
    return Ledger(path)


def passage(name, split=Split.TRAIN, **more):
    text = f"{name}：山下出泉。A spring."
    return Passage(name, "raw/易经.txt", "a" * 64, 3, 3 + len(text), text, split, **more)


def request(content="山下出泉。", **more):
    return Request("m", (Message("system", "任务"), Message("user", content)), **more)


def example(name, of="p1", **more):
    return Example(name, of, Split.TRAIN, "蒙卦", "蒙卦", "山下出泉。", Origin.WRITTEN, "openai:m", "hash", **more)


def kept(of="p1", name="r1", **more):
    return Outcome(of, State.KEPT, example(name, of), **more)


# Passages


def test_passages_come_back_in_their_order(ledger, path):
    passages = [passage("p2"), passage("p1", Split.HELD_OUT), passage("p3")]
    ledger.save_passages(passages)
    assert ledger.passages() == passages
    again = reopened(ledger, path)
    assert again.passages() == passages
    again.close()


def test_a_passage_that_left_is_not_current_but_its_split_is_remembered(ledger):
    ledger.save_passages([passage("p1", Split.HELD_OUT), passage("p2")])
    ledger.save_passages([passage("p2")])
    assert [p.id for p in ledger.passages()] == ["p2"]
    assert ledger.frozen_splits() == {"p1": Split.HELD_OUT, "p2": Split.TRAIN}
    ledger.save_passages([passage("p2"), passage("p1", Split.TRAIN)])
    assert [(p.id, p.split) for p in ledger.passages()] == [("p2", Split.TRAIN), ("p1", Split.HELD_OUT)]


def test_a_passage_that_moved_is_found_where_it_now_is(ledger):
    ledger.save_passages([passage("p1"), passage("p2")])
    moved = replace(passage("p1"), document="raw/b.txt", document_sha256="b" * 64, start=100, end=120)
    ledger.save_passages([passage("p2"), moved])
    assert ledger.passages() == [passage("p2"), moved]


def test_no_passage_is_current_after_none_was_read(ledger):
    ledger.save_passages([passage("p1")])
    ledger.save_passages([])
    assert ledger.passages() == []
    assert ledger.frozen_splits() == {"p1": Split.TRAIN}


# Replies


def test_an_exchange_comes_back_as_it_was(ledger, path):
    asked = request(
        parameters=Parameters(temperature=0.3, top_p=0.9, max_tokens=800, seed=7, stop=("\n\n", "。")),
        schema={"type": "object", "properties": {"choice": {"enum": ["山", "泉"]}}},
    )
    reply = Reply('content:"蒙卦"\nsummary:"启\\n蒙😀"', "length", 12, 34, True, 0.25, 3, 0.0012)
    ledger.save_replies([(asked, reply)])
    again = reopened(ledger, path)
    assert again.reply(asked.key) == reply
    assert again.reply_keys() == {asked.key}
    stored, answer = again.exchange(asked.key)
    assert (stored, answer) == (asked, reply)
    assert stored.key == asked.key
    again.close()


def test_a_request_with_nothing_set_comes_back_too(ledger):
    ledger.save_replies([(request(), Reply("x"))])
    assert ledger.exchange(request().key) == (request(), Reply("x"))


def test_what_was_never_asked_is_not_there(ledger):
    assert ledger.reply("unknown") is None
    assert ledger.reply_keys() == set()
    with pytest.raises(KeyError):
        ledger.exchange("unknown")


def test_the_first_reply_stays(ledger):
    ledger.save_replies([(request(), Reply("first")), (request(), Reply("second"))])
    ledger.save_replies([(request(), Reply("third")), (request("other"), Reply("fourth"))])
    assert ledger.reply(request().key) == Reply("first")
    assert ledger.reply(request("other").key) == Reply("fourth")


def test_spending_is_summed_over_what_has_a_price(ledger):
    assert ledger.spent() == (0, None)
    ledger.save_replies([(request("a"), Reply("x"))])
    assert ledger.spent() == (1, None)
    ledger.save_replies([(request("b"), Reply("x", cost=0.5)), (request("c"), Reply("x", cost=0.25))])
    assert ledger.spent() == (3, 0.75)


# Outcomes


def test_outcomes_come_back_in_the_order_of_the_passages(ledger, path):
    ledger.save_passages([passage("p1"), passage("p2"), passage("p3"), passage("p4")])
    finding = Finding("RT111", "键“来源”多余", "summary", 3, 7)
    outcomes = [
        Outcome("p3", State.FAILED, reason="连接中断", replies=("k3",)),
        Outcome("p2", State.QUARANTINED, findings=(finding, Finding("RT106", "x")), reason="键", replies=("k1", "k2")),
        kept("p1", repairs=("code fence removed",), replies=("k0",)),
    ]
    ledger.save_outcomes("hash", outcomes)
    again = reopened(ledger, path)
    assert list(again.outcomes().items()) == [(o.passage_id, o) for o in reversed(outcomes)]
    assert again.synthesised() == [example("r1")]
    again.close()


def test_an_outcome_replaces_the_one_before_with_its_rows(ledger):
    ledger.save_passages([passage("p1"), passage("p2")])
    ledger.save_outcomes("first", [kept(), kept("p2", "r2")])
    ledger.save_questions([example("q1", parent="r1"), example("q2", "p2", parent="r2")])
    ledger.save_outcomes("second", [kept(name="r9")])
    assert ledger.outcomes() == {"p1": kept(name="r9"), "p2": kept("p2", "r2")}
    assert [row.id for row in ledger.synthesised()] == ["r9", "r2"]
    assert [row.id for row in ledger.training_rows()] == ["q2"]  # its answer is no longer the passage's
    ledger.save_outcomes("third", [Outcome("p1", State.QUARANTINED, reason="x")])
    assert ledger.outcomes()["p1"] == Outcome("p1", State.QUARANTINED, reason="x")
    assert [row.id for row in ledger.synthesised()] == ["r2"]


def test_saving_the_same_outcome_twice_doubles_nothing(ledger):
    ledger.save_passages([passage("p1")])
    ledger.save_outcomes("hash", [kept()])
    ledger.save_outcomes("hash", [kept()])
    assert ledger.outcomes() == {"p1": kept()}
    assert ledger.synthesised() == [example("r1")]


def test_only_outcomes_made_the_same_way_count_when_asked_for(ledger):
    ledger.save_passages([passage("p1"), passage("p2")])
    ledger.save_outcomes("old prompt", [kept("p1", "r1")])
    ledger.save_outcomes("new prompt", [kept("p2", "r2")])
    assert set(ledger.outcomes("new prompt")) == {"p2"}
    assert set(ledger.outcomes()) == {"p1", "p2"}


def test_what_came_of_a_passage_that_left_is_not_shown_but_is_back_with_it(ledger):
    ledger.save_passages([passage("p1"), passage("p2")])
    ledger.save_outcomes("hash", [kept("p1", "r1"), kept("p2", "r2")])
    ledger.save_questions([example("q1", parent="r1"), example("q2", "p2", parent="r2", suite=Suite.PHRASING)])
    ledger.save_passages([passage("p2")])
    assert set(ledger.outcomes()) == {"p2"}
    assert [row.id for row in ledger.synthesised()] == ["r2"]
    assert ledger.training_rows() == []
    ledger.save_passages([passage("p1"), passage("p2")])
    assert ledger.outcomes()["p1"] == kept()
    assert [row.id for row in ledger.training_rows()] == ["q1"]


def test_questions_are_replaced_as_a_whole_and_told_apart_by_suite(ledger):
    ledger.save_passages([passage("p1"), passage("p2", Split.HELD_OUT)])
    ledger.save_outcomes("hash", [kept(), kept("p2", "r2")])
    ledger.save_questions([example("old", parent="r1")])
    train = [example(f"t{n}", parent="r1", template="{concept}是什么？") for n in range(12)]  # t10 sorts before t2
    phrasing = replace(example("a", parent="r1", template="讲讲{concept}"), suite=Suite.PHRASING)
    concept = replace(example("b", "p2", parent="r2"), suite=Suite.CONCEPT, split=Split.HELD_OUT)
    ledger.save_questions([*train, phrasing, concept])
    assert ledger.training_rows() == train
    assert ledger.suite(Suite.PHRASING) == [phrasing]
    assert ledger.suite(Suite.CONCEPT) == [concept]
    assert ledger.suite(Suite.GENERAL) == []
    assert [row.id for row in ledger.synthesised()] == ["r1", "r2"]
    ledger.save_questions([])
    assert ledger.training_rows() == ledger.suite(Suite.PHRASING) == []
    assert [row.id for row in ledger.synthesised()] == ["r1", "r2"]


# Answers and stages


def test_answers_are_kept_by_their_key(ledger):
    ledger.save_answers([])
    ledger.save_answers([{"key": "k", "model": "base", "question": "蒙卦？", "text": "启蒙。"}])
    ledger.save_answers([{"key": "k", "model": "base", "question": "蒙卦？", "text": "another"}])
    assert ledger.answers() == {"k": "启蒙。"}


def test_a_stage_comes_back_and_is_replaced(ledger, path):
    first = StageRecord(
        {"raw/易经.txt": "1", "a": "2"}, "out", "", {"passages": 64, "loss": 0.5}, 1.25, "2026-11-22T12:00"
    )
    second = first._replace(inputs={"b": "3"}, product="datasets/易经.csv", summary={})
    assert ledger.stage("read") is None
    ledger.save_stage("read", first)
    ledger.save_stage("export", second)
    assert ledger.stage("read") == first
    assert list(ledger.stage("read").inputs) == ["raw/易经.txt", "a"]
    ledger.save_stage("read", second)
    again = reopened(ledger, path)
    assert again.stage("read") == again.stage("export") == second
    again.close()


# On the disk


def test_chinese_is_stored_as_it_is_read(ledger, path):
    ledger.save_passages([passage("p1")])
    ledger.save_replies([(request(), Reply("启蒙"))])
    ledger.save_outcomes("hash", [kept(repairs=("键“内容”",))])
    ledger.save_stage("read", StageRecord({"raw/易经.txt": "1"}, "", "", {"概念": 1}, 0.0, ""))
    connection = sqlite3.connect(path)
    ((raw,),) = connection.execute("SELECT request FROM replies").fetchall()
    ((inputs, summary),) = connection.execute("SELECT inputs, summary FROM stages").fetchall()
    ((repairs,),) = connection.execute("SELECT repairs FROM outcomes").fetchall()
    connection.close()
    assert "山下出泉。" in raw
    assert json.loads(raw)["messages"][0] == {"role": "system", "content": "任务"}
    assert ("易经" in inputs, "概念" in summary, "内容" in repairs) == (True, True, True)


def test_on_a_full_disk_no_group_is_half_stored(ledger):
    ledger.save_replies([(request("before"), Reply("前"))])
    with ledger._database.read() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFull):
        ledger.save_replies([(request(f"{n}"), Reply("泉" * 1000)) for n in range(50)])
    assert ledger.reply_keys() == {request("before").key}
    assert ledger.reply(request("before").key) == Reply("前")
