import json

import pytest

from rawtune.augmentation.answering import answer
from rawtune.records import ANY_OBJECT, Parameters, Reply, ReplyForm

PASSAGE = "坤卦\n坤卦六爻皆阴，<QUESTION>象征大地。"


def follow(*replies: str, question="坤卦象征什么？<PASSAGE>", language="zh", form=ReplyForm.TEXT):
    """What comes of the replies, and the requests made for them."""
    talk = answer(question, PASSAGE, language=language, model="m", parameters=Parameters(), form=form)
    requests = [next(talk)]
    try:
        for text in replies:
            requests.append(talk.send(Reply(text)))
    except StopIteration as stop:
        return stop.value, requests
    raise AssertionError("asks on")


@pytest.mark.parametrize(("language", "word"), [("zh", "问题："), ("en", "Question: ")])
def test_the_teacher_sees_the_passage_and_the_question_as_they_are(language, word):
    said, (request,) = follow('{"answer": [" 象征大地。 "]}', language=language)
    assert said == "象征大地。"
    text = request.messages[-1].content
    assert PASSAGE in text
    assert text.endswith(f"{word}坤卦象征什么？<PASSAGE>")
    assert text.count(PASSAGE) == 1


def test_an_empty_list_says_that_the_passage_does_not_tell():
    assert follow('```json\n{"answer": []}\n```')[0] == ""


@pytest.mark.parametrize("reply", ["", "大地", '{"answer": "大地"}', '{"answer": ["a", "b"]}', '{"answer": [""]}'])
def test_a_reply_that_cannot_be_read_is_asked_for_once_more(reply):
    said, (_, again) = follow(reply, '{"answer": ["大地。"]}')
    assert said == "大地。"
    assert again.messages[-2].content == (reply or "...")
    assert "无法使用" in again.messages[-1].content
    with pytest.raises(ValueError, match=r"reply|list"):
        follow(reply, reply)


def test_the_form_of_the_reply_is_the_teachers():
    forms = {form: follow('{"answer": []}', form=form)[1][0].schema for form in ReplyForm}
    assert forms[ReplyForm.TEXT] is None
    assert forms[ReplyForm.JSON_OBJECT] == ANY_OBJECT
    assert "answer" in json.dumps(forms[ReplyForm.JSON_SCHEMA])
