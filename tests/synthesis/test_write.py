import json
from dataclasses import replace

import pytest

from rawtune.records import Finding, Origin, Parameters, Reply, ReplyForm, Split, State, content_hash
from rawtune.synthesis.write import write

GOOD = 'content:"蒙卦"\nsummary:"山下出泉，象征启蒙。"'
GOOD_JSON = json.dumps({"content": "蒙卦", "summary": "山下出泉，象征启蒙。"}, ensure_ascii=False)
BAD = 'content:"蒙卦"\nsummary:"启蒙。"\nnotes:"x"'


def start(passage, prompt, repeats=2, check=lambda *_, closed=False: [], form=ReplyForm.TEXT):
    return write(
        passage,
        prompt,
        form=form,
        teacher="openai:m",
        model="m",
        parameters=Parameters(temperature=0.3, seed=7, stop=("\n\n\n",)),
        check=check,
        repeats=repeats,
    )


def in_turn(*texts):
    replies = iter(texts)
    return lambda _: Reply(next(replies))


def test_a_good_reply_becomes_a_row(passage, prompt, drive):
    outcome, (request,) = drive(start(replace(passage, split=Split.HELD_OUT), prompt), in_turn(GOOD))
    assert request.model == "m"
    assert request.messages == prompt.messages(passage.text, ReplyForm.TEXT)
    assert request.parameters == Parameters(temperature=0.3, seed=7, stop=("\n\n\n",))
    assert request.schema is None
    assert (outcome.passage_id, outcome.state, outcome.replies) == ("p1", State.KEPT, (request.key,))
    row = outcome.example
    assert (row.concept, row.question, row.answer) == ("蒙卦", "蒙卦", "山下出泉，象征启蒙。")
    assert (row.passage_id, row.split) == ("p1", Split.HELD_OUT)
    assert (row.origin, row.teacher, row.prompt_hash) == (Origin.WRITTEN, "openai:m", prompt.hash)
    assert (row.parent, row.template, row.suite) == (None, None, None)
    assert row.id == content_hash(["p1", "蒙卦", "山下出泉，象征启蒙。"])


@pytest.mark.parametrize("form", ReplyForm)
def test_every_request_is_in_the_form_and_a_reply_in_any(passage, prompt, drive, form):
    for good in (GOOD, GOOD_JSON):
        outcome, requests = drive(start(passage, prompt, form=form), in_turn(BAD, good))
        assert outcome.state is State.KEPT
        assert outcome.example.answer == "山下出泉，象征启蒙。"
        assert [request.schema for request in requests] == [prompt.schema(form)] * 2
        assert all(request.messages[:2] == prompt.messages(passage.text, form) for request in requests)


def test_the_forms_make_different_requests_of_one_prompt(passage, prompt, drive):
    ended = [drive(start(passage, prompt, form=form), in_turn(GOOD)) for form in ReplyForm]
    assert len({requests[0].key for _, requests in ended}) == len(ReplyForm)
    assert len({outcome.example.prompt_hash for outcome, _ in ended}) == 1


@pytest.mark.parametrize(
    ("text", "expected"), [(GOOD, True), (GOOD_JSON, True), ("content: 蒙卦\nsummary: 山下出泉", False)]
)
def test_the_rules_are_told_whether_the_reply_shows_its_end(passage, prompt, drive, text, expected):
    told = []

    def check(*_, closed=False):
        told.append(closed)
        return []

    drive(start(passage, prompt, check=check), in_turn(text))
    assert told == [expected]


def test_repairs_are_recorded(passage, prompt, drive):
    outcome, _ = drive(start(passage, prompt), in_turn(f"```\n{GOOD}\n```"))
    assert outcome.state is State.KEPT
    assert outcome.repairs == ("code fence removed",)


def test_a_fault_is_named_and_asked_again(passage, prompt, drive):
    outcome, (first, second) = drive(start(passage, prompt), in_turn(BAD, GOOD))
    assert outcome.state is State.KEPT
    assert outcome.replies == (first.key, second.key)
    assert outcome.findings == ()
    assert second.messages[:2] == first.messages
    assert (second.messages[2].role, second.messages[2].content) == ("assistant", BAD)
    assert second.messages[3].role == "user"
    assert "'notes'" in second.messages[3].content


def test_what_the_rules_find_is_asked_again_too(passage, prompt, drive):
    def check(concept, answer, of, *, closed=False):
        assert of is passage
        return [] if len(answer) > 5 else [Finding("RT999", "答案太短")]

    outcome, (_, second) = drive(start(passage, prompt, check=check), in_turn('content:"a"\nsummary:"短。"', GOOD))
    assert outcome.state is State.KEPT
    assert "- 答案太短" in second.messages[-1].content


@pytest.mark.parametrize("repeats", [0, 1, 2])
def test_after_the_repeats_the_passage_is_quarantined_with_its_reasons(passage, prompt, drive, repeats):
    outcome, requests = drive(start(passage, prompt, repeats), in_turn(*[BAD] * (repeats + 1)))
    assert len(requests) == repeats + 1
    assert (outcome.state, outcome.example) == (State.QUARANTINED, None)
    assert [finding.code for finding in outcome.findings] == ["RT111"]
    assert outcome.reason == outcome.findings[0].message
    assert outcome.replies == tuple(request.key for request in requests)


def test_the_same_bad_reply_again_does_not_make_the_same_request_again(passage, prompt, drive):
    # A stored reply would answer it, and the teacher would not be asked at all.
    _, requests = drive(start(passage, prompt), in_turn(BAD, BAD, GOOD))
    assert len({request.key for request in requests}) == 3


def test_a_reply_cut_off_at_the_limit_is_asked_again(passage, prompt, drive):
    replies = iter([Reply(GOOD, finish_reason="length"), Reply(GOOD)])
    outcome, requests = drive(start(passage, prompt), lambda _: next(replies))
    assert len(requests) == 2
    assert outcome.state is State.KEPT


def test_an_echo_of_the_worked_example_is_a_fault_unless_the_passage_is_the_examples_own(passage, prompt, drive):
    echo = prompt.row(prompt.example.concept, prompt.example.answer, ReplyForm.TEXT)
    outcome, _ = drive(start(passage, prompt, repeats=0), in_turn(echo))
    assert [finding.code for finding in outcome.findings] == ["RT116"]
    own = replace(passage, text=prompt.example.passage)
    outcome, _ = drive(start(own, prompt, repeats=0), in_turn(echo))
    assert outcome.state is State.KEPT
