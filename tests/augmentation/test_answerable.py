"""Which templates the answers do not answer, by a teacher whose verdicts must name what they speak of."""

import json

import pytest

from rawtune.augmentation.answerable import ask
from rawtune.records import Parameters, Reply, ReplyForm

TEMPLATES = ["{concept}收费吗？", "谁懂{concept}啊？"]
ANSWERS = {"退货流程": "退货流程共三步，先填写退货单。", "滤芯": "滤芯每半年更换一次。"}


def said(*entries):
    return json.dumps({"unfit": entries}, ensure_ascii=False)


def entry(template=1, concept="滤芯", reason="没有说到费用"):
    return {"template": template, "concept": concept, "reason": reason}


def talk(*replies, form=ReplyForm.TEXT, language="zh"):
    conversation = ask(TEMPLATES, ANSWERS, language=language, model="m", parameters=Parameters(), form=form)
    requests = [next(conversation)]
    for reply in replies:
        try:
            requests.append(conversation.send(Reply(reply)))
        except StopIteration as stop:
            return stop.value, requests
    raise AssertionError("another reply is waited for")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_templates_and_concepts_are_shown_and_the_unfit_are_told_with_a_reason(language):
    unfit, (request,) = talk(said(entry()), language=language)
    assert unfit == {"{concept}收费吗？": "滤芯: 没有说到费用"}
    user = request.messages[1].content
    assert "2. 谁懂{concept}啊？" in user
    assert all(text in user for pair in ANSWERS.items() for text in pair)
    assert "<" not in user


def test_an_empty_list_says_that_all_suit():
    assert talk(said())[0] == {}


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("都合适", "not a JSON object"),
        ('{"fit": []}', "no list 'unfit'"),
        (said(entry(template=3)), "no template"),
        (said(entry(template=0)), "no template"),
        (said(entry(template=True)), "no template"),
        (said("1"), "no template"),
        (said(entry(concept="发票")), "no concept"),
        (said(entry(concept=["滤芯"])), "no concept"),
    ],
)
def test_a_verdict_that_names_nothing_is_asked_for_once_more_and_then_given_up(bad, why):
    unfit, (_, again) = talk(bad, said(entry(2)))
    assert list(unfit) == ["谁懂{concept}啊？"]
    assert why in again.messages[-1].content
    with pytest.raises(ValueError, match=why):
        talk(bad, bad)


def test_long_answers_are_shown_in_part():
    conversation = ask(
        TEMPLATES, {"滤芯": "长" * 5000}, language="zh", model="m", parameters=Parameters(), form=ReplyForm.JSON_SCHEMA
    )
    request = next(conversation)
    assert request.messages[1].content.count("长") == 300
    assert request.schema["required"] == ["unfit"]
