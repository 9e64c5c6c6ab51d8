import dataclasses
import hashlib
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    ReplyForm,
    Request,
    State,
    Suite,
    canonical,
    content_hash,
)


def test_the_hash_is_of_canonical_json_in_utf_8():
    content = {"b": ["蒙卦", 1, None], "a": True}
    expected = '{"a":true,"b":["蒙卦",1,null]}'
    assert canonical(content) == expected.encode()
    assert content_hash(content, 64) == hashlib.sha256(expected.encode()).hexdigest()
    assert content_hash(content) == content_hash(dict(reversed(content.items()))) == content_hash(content, 64)[:16]


def test_the_hashes_of_texts_are_what_they_always_were():
    # A passage's id, and through it its split, hangs on them.
    assert content_hash("山下出泉。") == hashlib.sha256('"山下出泉。"'.encode()).hexdigest()[:16] == "79dde51cc5071e68"
    assert content_hash(["held out", "a"]) == "8a62eaacd2d2b655"


CONTENT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(-1e6, 1e6).map(lambda x: round(x, 3)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def turned(content):
    """The same, with every mapping in the other order."""
    if isinstance(content, dict):
        return {key: turned(content[key]) for key in reversed(content)}
    return [turned(item) for item in content] if isinstance(content, list) else content


@given(CONTENT)
def test_canonical_json_parses_back_and_knows_no_order_of_keys(content):
    written = canonical(content)
    assert json.loads(written.decode()) == content
    assert canonical(turned(content)) == written
    assert content_hash(turned(content)) == content_hash(content)


@given(st.text())
def test_canonical_json_of_a_text_is_the_standard_librarys(text):
    assert canonical(text) == json.dumps(text, ensure_ascii=False).encode()


@pytest.mark.parametrize("text", ["山下出泉。😀é\u2028", string.printable, '\x00\x1f\x7f"\\/'])
def test_nothing_is_escaped_that_json_lets_stand(text):
    assert canonical([text]).decode() == json.dumps([text], ensure_ascii=False)
    assert request_of(text).canonical.decode().count(json.dumps(text, ensure_ascii=False)) == 1


def request_of(text, **more):
    return Request("m", (Message("user", text),), **more)


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


def test_keys_are_what_they_always_were():
    # Pinned: with other keys, every stored reply would be paid for again.
    assert REQUEST.key == "cb6b0360211474886fed6bea544a89e6"
    schema = {"type": "object", "properties": {"summary": {"type": "string"}, "content": {"type": "string"}}}
    parameters = Parameters(temperature=0.3, top_p=0.9, max_tokens=800, seed=7, stop=("\n\n",))
    assert request_of("A spring.", parameters=parameters, schema=schema).key == "47a2088ad12d4518d617c3e3ad229e93"


def test_a_requests_canonical_form_holds_all_of_it():
    schema = {"type": "object", "properties": {"乙": {}, "甲": {}}}
    asked = dataclasses.replace(REQUEST, schema=schema)
    assert json.loads(asked.canonical.decode()) == {
        "messages": [{"role": "system", "content": "任务"}, {"role": "user", "content": "山下出泉。"}],
        "model": "m",
        "parameters": {"temperature": 0.3, "top_p": None, "max_tokens": None, "seed": None, "stop": []},
        "schema": schema,
    }
    assert asked.key == hashlib.sha256(asked.canonical).hexdigest()[:32]


def test_the_order_of_a_schemas_columns_is_part_of_what_is_asked():
    one, other = ({"properties": {name: {} for name in names}} for names in ("ab", "ba"))
    assert request_of("x", schema=one).key != request_of("x", schema=other).key


def test_a_key_that_was_made_before_is_not_taken_over_by_a_changed_request():
    assert REQUEST.key
    changed = dataclasses.replace(REQUEST, model="n")
    assert changed.key == Request("n", REQUEST.messages, REQUEST.parameters).key != REQUEST.key
    assert changed != REQUEST
    assert dataclasses.replace(REQUEST) == REQUEST


@pytest.mark.parametrize(
    "kind", [Document, Passage, Message, Parameters, Request, Reply, Finding, Example, Outcome, Answer]
)
def test_records_are_frozen_and_slotted(kind):
    assert kind.__dataclass_params__.frozen
    assert not hasattr(kind, "__dict__") or "__slots__" in vars(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        Message("user", "x").role = "system"


def test_reply_forms_come_with_the_strictest_first():
    assert [*ReplyForm] == ["json_schema", "json_object", "text"]


def test_a_reply_is_taken_for_one_unless_it_says_otherwise():
    assert Reply("答").status == 200


def test_states_and_suites_read_as_their_names():
    assert f"{State.KEPT}, {State.QUARANTINED}, {State.FAILED}" == "kept, quarantined, failed"
    assert [*Suite] == ["seen", "phrasing", "concept", "follow_up", "refusal", "outside"]
