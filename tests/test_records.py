import dataclasses
import hashlib

import pytest

from rawtune.records import (
    Answer,
    Document,
    Example,
    Finding,
    Message,
    Outcome,
    Parameters,
    Passage,
    Reply,
    Request,
    State,
    Suite,
    content_hash,
)


def test_the_hash_is_of_canonical_json_in_utf_8():
    content = {"b": ["蒙卦", 1, None], "a": True}
    canonical = '{"a":true,"b":["蒙卦",1,null]}'
    assert content_hash(content, 64) == hashlib.sha256(canonical.encode()).hexdigest()
    assert content_hash(content) == content_hash(dict(reversed(content.items()))) == content_hash(content, 64)[:16]


def test_the_hash_does_not_confuse_neighbouring_values():
    assert content_hash(["ab", "c"]) != content_hash(["a", "bc"])
    assert content_hash("1") != content_hash(1)


REQUEST = Request("m", (Message("system", "任务"), Message("user", "山下出泉。")), Parameters(temperature=0.3))


@pytest.mark.parametrize(
    "change",
    [
        {"model": "n"},
        {"messages": REQUEST.messages[:1]},
        {"messages": REQUEST.messages[::-1]},
        {"messages": (Message("user", "任务"), REQUEST.messages[1])},
        {"parameters": Parameters()},
        {"parameters": Parameters(temperature=0.3, seed=1)},
        {"parameters": Parameters(temperature=0.3, stop=("。",))},
        {"schema": {"type": "object"}},
    ],
)
def test_a_request_that_asks_anything_else_has_another_key(change):
    assert dataclasses.replace(REQUEST, **change).key != REQUEST.key


def test_the_same_request_has_the_same_key():
    again = Request("m", (Message("system", "任务"), Message("user", "山下出泉。")), Parameters(temperature=0.3))
    assert again.key == REQUEST.key
    assert len(again.key) == 32


@pytest.mark.parametrize(
    "kind", [Document, Passage, Message, Parameters, Request, Reply, Finding, Example, Outcome, Answer]
)
def test_records_are_frozen_and_slotted(kind):
    assert kind.__dataclass_params__.frozen
    assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Message("user", "x").role = "system"


def test_states_and_suites_read_as_their_names():
    assert f"{State.KEPT}, {State.QUARANTINED}, {State.FAILED}" == "kept, quarantined, failed"
    assert [*Suite] == ["phrasing", "concept", "general"]
