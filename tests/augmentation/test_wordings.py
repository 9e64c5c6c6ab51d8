"""Other wordings of an answer, and how a row's questions share them out."""

import json
from collections import Counter

import pytest

from rawtune.augmentation.parts import Fault
from rawtune.augmentation.wordings import ask, deal
from rawtune.records import Example, Origin, Parameters, Reply, ReplyForm, Split

ROW = Example("ab12", "p1", Split.TRAIN, "蒙卦", "蒙卦", "蒙卦讲的是山下的泉水。", Origin.WRITTEN, "t", "h")


def talk(*replies, language="zh"):
    conversation = ask(
        ROW,
        "蒙卦\n蒙卦讲的是山下的泉水。",
        2,
        lambda _, texts: Fault("RT203", "no") if "海" in texts["answer"] else None,
        language=language,
        model="m",
        parameters=Parameters(),
        form=ReplyForm.TEXT,
    )
    requests = [next(conversation)]
    for reply in replies:
        try:
            requests.append(conversation.send(Reply(json.dumps(reply))))
        except StopIteration as stop:
            return stop.value, requests
    raise AssertionError("another reply is waited for")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_wordings_are_asked_for_and_what_is_at_fault_once_more(language):
    first = {"1": {"answer": "山下的泉水，便是蒙卦。"}, "2": {"answer": "蒙卦是海。"}}
    parts, (begun, again) = talk(first, {"2": {"answer": "蒙卦即泉水。"}}, language=language)
    assert [parts[name].texts["answer"] for name in "12"] == ["山下的泉水，便是蒙卦。", "蒙卦即泉水。"]
    assert ROW.answer in begun.messages[1].content
    assert "<" not in begun.messages[1].content
    assert '{"2": {"answer": "..."}}' in again.messages[-1].content


def test_answers_are_dealt_out_evenly_and_not_by_family():
    forms, answers = [str(number) for number in range(20)], ["a", "b", "c"]
    dealt = deal(forms, answers, "ab12")
    assert list(dealt) == forms
    assert sorted(Counter(dealt.values()).values()) == [6, 7, 7]
    assert dealt == deal(forms, answers, "ab12")
    assert dealt != deal(forms, answers, "ab13")
    assert list(dealt.items())[:5] == list(deal(forms[:5], answers, "ab12").items())
    families = [{dealt[str(number)] for number in range(first, 20, 3)} for first in range(3)]
    assert max(map(len, families)) > 1


@pytest.mark.parametrize("answers", [["own", "b", "c", "d"], ["本来的", "乙", "丙", "丁"]])
def test_the_rows_own_answer_is_never_left_out(answers):
    for row_id in map(str, range(20)):
        assert deal(["x"], answers, row_id) == {"x": answers[0]}
        assert len(set(deal("wxyz", answers, row_id).values())) == 4


def test_one_answer_is_that_of_all_forms():
    assert deal(["x", "y"], ["a"], "ab12") == {"x": "a", "y": "a"}
    assert deal([], ["a"], "ab12") == {}
