"""A judge sees two answers twice, exchanged, and no name; only a verdict held to both times counts."""

import json

import pytest

from rawtune.comparison.preference import Preference, prefer, summary
from rawtune.records import ANY_OBJECT, Parameters, Reply, ReplyForm

TEXTS = {
    "en": ("What is {Meng}?", "Meng: a spring below the mountain.", "A {mountain}.", "A spring below it."),
    "zh": ("蒙卦是什么？", "蒙卦：山下流出泉水。", "是山。", "山下出泉。"),
}
TIE = {"en": "tie", "zh": "平"}


def drive(*replies, language="en", form=ReplyForm.TEXT, arm=None):
    question, passage, base, tuned = TEXTS[language]
    talk = prefer(
        question,
        passage,
        base,
        tuned if arm is None else arm,
        language=language,
        model="m",
        parameters=Parameters(),
        form=form,
    )
    requests, given = [], iter(replies)
    try:
        request = next(talk)
        while True:
            requests.append(request)
            reply = next(given)
            request = talk.send(reply if isinstance(reply, Reply) else Reply(reply))
    except StopIteration as end:
        assert next(given, None) is None, "a reply was not asked for"
        return end.value, requests


def said(verdict, reason="It holds the spring."):
    return json.dumps({"reason": reason, "verdict": verdict}, ensure_ascii=False)


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize(
    ("first", "second", "wanted"),
    [
        ("B", "A", Preference.WON),
        ("A", "B", Preference.LOST),
        ("tie", "tie", Preference.TIE),
        ("A", "A", Preference.SPLIT),
        ("B", "B", Preference.SPLIT),
        ("tie", "A", Preference.SPLIT),
    ],
)
def test_a_verdict_counts_if_it_holds_in_both_orders(language, first, second, wanted):
    replies = [said(TIE[language] if word == "tie" else word) for word in (first, second)]
    assert drive(*replies, language=language)[0] is wanted


@pytest.mark.parametrize("language", TEXTS)
def test_the_judge_is_told_both_answers_in_both_orders_and_no_name(language):
    _, (first, second) = drive(said("A"), said("A"), language=language)
    question, passage, base, arm = TEXTS[language]
    asked, exchanged = first.messages[1].content, second.messages[1].content
    assert asked.index(base) < asked.index(arm)
    assert exchanged.index(arm) < exchanged.index(base)
    assert sorted(asked) == sorted(exchanged)
    for request in (first, second):
        told = " ".join(message.content for message in request.messages).casefold()
        assert question.casefold() in told
        assert passage.casefold() in told
        for name in ("base", "tuned", "adapter", "微调", "基座", "模型"):
            assert name not in told


@pytest.mark.parametrize(
    "odd",
    [
        "B",
        said("C"),
        said("A or B"),
        said(None),
        '{"verdict": "A", "verdict": "B"}',
        '{"reason": "no verdict"}',
        Reply('{"verdict": "B"}', finish_reason="length"),
        "",
    ],
)
def test_what_cannot_be_read_leaves_the_pair_unscored(odd):
    assert drive(odd)[0] is Preference.UNREADABLE
    assert drive(said("B"), odd)[0] is Preference.UNREADABLE


def test_what_stands_around_the_object_does_not_matter():
    thought = '<think>{"verdict": "A"}</think>\n```json\n{"verdict": " b "}\n```'
    assert drive(thought, f"Here it is: {said('a')}")[0] is Preference.WON


def test_answers_that_are_the_same_need_no_judge():
    assert drive(arm=" A {mountain}.\n") == (Preference.TIE, [])


def test_the_schema_is_what_the_endpoint_holds_to():
    for form, wanted in ((ReplyForm.TEXT, None), (ReplyForm.JSON_OBJECT, ANY_OBJECT)):
        assert drive(said("A"), said("B"), form=form)[1][0].schema == wanted
    _, (request, _) = drive(said("A"), said("B"), form=ReplyForm.JSON_SCHEMA, language="zh")
    assert request.schema["properties"]["verdict"]["enum"] == ["A", "B", "平"]
    assert list(request.schema["properties"]) == ["reason", "verdict"]


def test_the_summary_counts_and_tests_what_was_scored():
    found = [Preference.WON] * 12 + [Preference.TIE, Preference.SPLIT, Preference.LOST, Preference.UNREADABLE]
    told = summary(found, [f"p{number % 8}" for number in range(16)])
    assert {kind: told[kind] for kind in ("won", "tie", "split", "lost", "unreadable")} == {
        "won": 12,
        "tie": 1,
        "split": 1,
        "lost": 1,
        "unreadable": 1,
    }
    assert (told["n"], told["clusters"]) == (15, 8)
    assert told["estimate"] == pytest.approx(11 / 15)
    assert told["verdict"] == "better"
    assert told["sign_test"] == pytest.approx(2 * (1 + 13) / 2**13)


def test_too_few_passages_show_nothing_and_no_scored_pair_no_figure():
    assert summary([Preference.WON] * 20, ["a", "b"] * 10)["verdict"] == "not shown"
    assert summary([Preference.UNREADABLE] * 2, ["a", "b"]) == {
        "won": 0,
        "tie": 0,
        "split": 0,
        "lost": 0,
        "unreadable": 2,
    }
