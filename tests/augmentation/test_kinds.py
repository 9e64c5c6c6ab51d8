"""Questions of other kinds, from a teacher whose every part is judged, and asked for once more if it is at fault."""

import json

import pytest

from rawtune.augmentation.kinds import ask, personas
from rawtune.augmentation.parts import NOTHING, Fault
from rawtune.records import ANY_OBJECT, Example, Origin, Parameters, Reply, ReplyForm, Split

PASSAGE = {
    "zh": "蒙卦\n蒙卦讲的是山下的泉水。蒙卦重视教育，因为童蒙要启发。",
    "en": "Meng\nMeng is a spring below a mountain. Meng is about teaching, since beginners ask.",
}
SAID = {"zh": "蒙卦讲的是山下的泉水。", "en": "Meng is a spring below a mountain."}
CONCEPT = {"zh": "蒙卦", "en": "Meng"}
WHY = {
    "zh": {"question": "蒙卦为什么重视教育？", "answer": "因为童蒙要启发。"},
    "en": {"question": "Why is Meng about teaching?", "answer": "Because beginners ask."},
}
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def row(language="zh", concept=None):
    concept = concept or CONCEPT[language]
    return Example("ab12", "p1", Split.TRAIN, concept, concept, SAID[language], Origin.WRITTEN, "t", "h")


def talk(asked, *replies, check=lambda *_: None, language="zh", form=ReplyForm.TEXT, askers=None, **changes):
    askers = askers or dict.fromkeys(asked, "")
    conversation = ask(
        row(language, **changes),
        PASSAGE[language],
        SAID[language],
        askers,
        check,
        language=language,
        model="m",
        parameters=Parameters(),
        form=form,
    )
    requests = [next(conversation)]
    for reply in replies:
        reply = reply if isinstance(reply, Reply) else Reply(json.dumps(reply, ensure_ascii=False))
        try:
            requests.append(conversation.send(reply))
        except StopIteration as stop:
            return stop.value, requests
    raise AssertionError("another reply is waited for")


@LANGUAGES
def test_concept_passage_and_kinds_are_shown_and_the_answer_is_taken(language):
    parts, (request,) = talk(["why"], {"why": WHY[language]}, language=language)
    assert parts == {"why": (WHY[language], None)}
    user = request.messages[1].content
    assert PASSAGE[language] in user
    assert '{"why": {"question": "...", "answer": "..."}}' in user
    assert "<" not in user


@pytest.mark.parametrize(
    ("form", "schema"), [(ReplyForm.TEXT, None), (ReplyForm.JSON_OBJECT, ANY_OBJECT), (ReplyForm.JSON_SCHEMA, "strict")]
)
def test_the_form_of_reply_is_that_of_the_endpoint(form, schema):
    _, (request,) = talk(["why", "reverse"], {"why": WHY["zh"], "reverse": {"question": "哪一卦？"}}, form=form)
    if schema != "strict":
        assert request.schema == schema
        return
    why, reverse = (request.schema["properties"][kind] for kind in ("why", "reverse"))
    assert (why["required"], reverse["required"]) == (["question", "answer"], ["question"])
    assert request.schema["required"] == ["why", "reverse"]
    assert not why["additionalProperties"]


def test_only_what_is_at_fault_is_asked_for_again_and_its_fault_named():
    bad = {"question": "蒙卦为何有七爻？", "answer": "因为有七爻。"}
    replies = [{"why": bad, "what": WHY["zh"]}, {"why": WHY["zh"]}]

    def check(kind, question, answer):
        return Fault("RT201", "holds 七") if "七" in answer else None

    parts, (_, second) = talk(["why", "what"], *replies, check=check)
    assert all(part.fault is None for part in parts.values())
    told = second.messages[-1].content
    assert "why: holds 七" in told
    assert "what" not in told
    parts, requests = talk(["why"], {"why": bad}, {"why": bad}, check=check)
    assert (parts["why"].fault, parts["why"].texts) == (("RT201", "holds 七"), bad)
    assert len(requests) == 2


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (Reply("好的。"), "unreadable"),
        (Reply('{"why": ', finish_reason="length"), "unreadable"),
        ({"what": WHY["zh"]}, "missing"),
        ({"why": "蒙卦"}, "missing"),
        ({"why": {"question": "蒙卦？", "answer": 3}}, "missing"),
        ({"why": {"question": "蒙卦？", "answer": " "}}, "missing"),
        ({"why": {"question": "它为什么重视教育？", "answer": "因为童蒙。"}}, "concept-named"),
    ],
)
def test_faults_of_form_are_named_after_the_second_try(reply, code):
    parts, requests = talk(["why"], reply, reply)
    assert parts["why"].fault.code == code
    assert len(requests) == 2


def test_a_kind_for_which_the_passage_holds_nothing_is_not_asked_for_again():
    parts, requests = talk(["why"], {"why": {"question": "", "answer": ""}})
    assert (parts["why"].fault.code, len(requests)) == (NOTHING, 1)


@LANGUAGES
def test_reverse_asks_for_the_concept_and_must_not_name_it(language):
    named = {"reverse": {"question": f"{CONCEPT[language]}?"}}
    good = {"zh": "哪一卦讲的是山下的泉水？", "en": "Which hexagram is a spring below a mountain?"}[language]
    parts, requests = talk(["reverse"], named, {"reverse": {"question": good}}, language=language)
    assert parts["reverse"] == ({"question": good, "answer": CONCEPT[language]}, None)
    assert len(requests) == 2


@LANGUAGES
def test_what_the_passage_does_not_say_is_answered_with_that_and_with_what_it_says(language):
    question = {"zh": "蒙卦是谁写的？", "en": "Who wrote Meng?"}[language]
    parts, (_, second) = talk(
        ["unanswerable"], {"unanswerable": {"question": question}}, {"found": {"quote": ""}}, language=language
    )
    answer = parts["unanswerable"].texts["answer"]
    refusal = {"zh": "资料中没有说明。", "en": "The text does not say."}[language]
    assert answer.startswith(refusal)
    assert answer.endswith(SAID[language])
    assert parts["unanswerable"].fault is None
    assert question in second.messages[1].content
    assert PASSAGE[language] in second.messages[1].content


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        ({"found": {"quote": "蒙卦重视教育 ，因为童蒙要启发"}}, "answerable"),
        ({"found": {"quote": "无"}}, None),  # words that are not there prove nothing
        ({"found": {}}, "unreadable"),
        (Reply("没有"), "unreadable"),
    ],
)
def test_a_question_that_the_passage_answers_is_left_out(verdict, code):
    parts, _ = talk(["unanswerable"], {"unanswerable": {"question": "蒙卦为什么重视教育？"}}, verdict)
    fault = parts["unanswerable"].fault
    assert (fault.code if fault else None) == code


def test_the_refusal_is_in_the_language_of_the_passage_and_a_bracket_need_not_be_named():
    replies = {"unanswerable": {"question": "Who wrote Meng?"}}, {"found": {"quote": ""}}
    conversation = ask(
        row("en", concept="Meng (4)"),
        PASSAGE["en"],
        SAID["en"],
        {"unanswerable": ""},
        lambda *_: None,
        language="zh",
        model="m",
        parameters=Parameters(),
        form=ReplyForm.TEXT,
    )
    next(conversation)
    conversation.send(Reply(json.dumps(replies[0])))
    with pytest.raises(StopIteration) as stop:
        conversation.send(Reply(json.dumps(replies[1])))
    assert (
        stop.value.value["unanswerable"].texts["answer"].startswith("The text does not say. What it says of Meng is:")
    )


def test_voices_take_turns_over_kinds_and_rows_the_same_in_every_run():
    voices = ["新员工", "老客户"]
    assert personas("0", ["what", "why", "apply"], voices) == {"what": "新员工", "why": "老客户", "apply": "新员工"}
    assert personas("1", ["what"], voices) == {"what": "老客户"}
    assert personas("1", ["what"], []) == {"what": ""}
    _, (request,) = talk(["why"], {"why": WHY["zh"]}, askers={"why": "老客户"})
    assert "“老客户”" in request.messages[1].content
