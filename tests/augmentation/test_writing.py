"""Templates that a teacher writes: parsed strictly, asked again once, nothing dropped without a word."""

import json

import pytest

from rawtune.augmentation.writing import examples, read_questions, write
from rawtune.errors import ConfigError
from rawtune.records import Parameters, Reply, ReplyForm

LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])
REAL = {"en": ["How do I reset the lamp?", "whats a filter"], "zh": ["滤芯怎么换？", "灯闪两下啥意思"]}
GOOD = {
    "en": ["Could someone clear up {concept} for me?", "Quick one: {concept}?", "Any info on {concept}?"],
    "zh": ["求教，{concept}是咋回事？", "麻烦问下{concept}", "谁懂{concept}啊？"],
}
KNOWN = {"en": "What is {concept}?", "zh": "什么是{concept}？"}


def said(*templates):
    return json.dumps({"templates": templates}, ensure_ascii=False)


def talk(replies, language="zh", count=3, form=ReplyForm.TEXT):
    """What came of a conversation with these replies, and the requests that were made."""
    conversation = write(
        REAL[language], count, [KNOWN[language]], language=language, model="m", parameters=Parameters(), form=form
    )
    requests = [next(conversation)]
    for reply in replies:
        try:
            requests.append(conversation.send(reply if isinstance(reply, Reply) else Reply(reply)))
        except StopIteration as stop:
            return stop.value, requests
    raise AssertionError("another reply is waited for")


@LANGUAGES
def test_the_users_questions_are_shown_and_good_templates_are_taken(language):
    written, (request,) = talk([said(*GOOD[language])], language)
    assert (written.templates, written.refused) == (tuple(GOOD[language]), ())
    system, user = (message.content for message in request.messages)
    assert "{concept}" in system
    assert all(question in user for question in REAL[language])
    assert "3" in user
    assert "<" not in system + user


@pytest.mark.parametrize(
    "around",
    ["{}", "```json\n{}\n```", "<think>{{concept}} ... {{}}</think>\n{}", "好的，如下：\n{}\n希望有帮助。"],
)
def test_a_fence_prose_or_thoughts_may_stand_around_the_json(around):
    written, _ = talk([around.format(said(*GOOD["zh"]))])
    assert written.templates == tuple(GOOD["zh"])


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("这是什么？", "exactly once"),
        ("{concept}和{concept}", "exactly once"),
        ("{name}的{concept}", "no other braces"),
        ("{概念}是什么", "exactly once"),
        ("什么是 {concept}", "one like it already"),
        ("求教，{concept}是咋回事", "one like it already"),
        ("What about {concept}, please?", "another language"),
        ("请教\n{concept}", "not one line"),
        ("", "not one line"),
        (["{concept}呢"], "not one line"),
        (7, "not one line"),
    ],
)
def test_an_unfit_template_is_asked_again_with_its_fault_named(bad, why):
    first, second, third = GOOD["zh"]
    written, (_, again) = talk([said(first, bad, second), said(third)])
    assert written.templates == (first, second, third)
    (refused,) = written.refused
    assert why in refused
    assert [message.role for message in again.messages] == ["system", "user", "assistant", "user"]
    assert why in again.messages[-1].content
    assert "1" in again.messages[-1].content


def test_chinese_in_an_english_template_is_another_language():
    written, _ = talk([said("请问{concept}？"), said("Any info on {concept}?")], "en", count=1)
    assert written.templates == ("Any info on {concept}?",)
    assert "another language" in written.refused[0]


def test_what_is_still_bad_after_the_second_reply_is_told():
    first, second, _ = GOOD["zh"]
    written, requests = talk([said(first, "坏的", "也坏"), said(second, first)])
    assert written.templates == (first, second)
    assert len(requests) == 2
    assert ["坏的" in line or "也坏" in line or first in line for line in written.refused] == [True] * 3


def test_too_few_are_asked_for_again_and_too_many_are_told():
    first, second, third = GOOD["zh"]
    written, (_, again) = talk([said(first), said(second, third, "还有{concept}呢？")])
    assert written.templates == (first, second, third)
    assert "2 are missing" in again.messages[-1].content
    assert any("more than were asked for" in line for line in written.refused)


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("1. {concept}是什么？", "not a JSON object"),
        ("", "not a JSON object"),
        ('{"questions": []}', "no list 'templates'"),
        ('{"templates": "{concept}"}', "no list 'templates'"),
        ("[" * 100_000, "not a JSON object"),
        (Reply(said(*GOOD["zh"]), "length"), "cut off"),
    ],
)
def test_an_unreadable_reply_is_asked_again(reply, why):
    written, (_, again) = talk([reply, said(*GOOD["zh"])])
    assert written.templates == tuple(GOOD["zh"])
    assert why in written.refused[0]
    assert all(message.content for message in again.messages)


def test_twice_nothing_brings_nothing_and_no_error():
    written, _ = talk(["不", "不"])
    assert written.templates == ()
    assert len(written.refused) == 2


def test_the_schema_goes_with_the_form_of_reply():
    schemas = [talk([said(*GOOD["zh"])], form=form)[1][0].schema for form in ReplyForm]
    assert schemas[0]["required"] == ["templates"]
    assert schemas[1] == {"type": "object"}
    assert schemas[2] is None


def test_questions_are_read_a_line_each(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_bytes("\ufeff滤芯怎么换？\r\n\r\n  whats a filter \n".encode())
    assert read_questions(path) == ["滤芯怎么换？", "whats a filter"]


@pytest.mark.parametrize(("data", "why"), [(None, "cannot be read"), ("问".encode("gb18030"), "cannot"), (b"\n", "no")])
def test_a_file_without_questions_is_a_fault(tmp_path, data, why):
    path = tmp_path / "questions.txt"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(ConfigError, match=why) as caught:
        read_questions(path)
    assert str(path) in caught.value.message


def test_of_many_questions_some_of_the_whole_file_are_shown():
    assert examples(["a", "b"]) == ["a", "b"]
    shown = examples([str(n) for n in range(1000)])
    assert (len(shown), shown[0], shown[-1]) == (40, "0", "975")
