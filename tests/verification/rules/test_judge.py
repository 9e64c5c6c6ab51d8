"""A verdict needs two votes that agree, each with a quote that is really in the passage."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.config import Verification
from rawtune.records import ANY_OBJECT, Parameters, Reply, ReplyForm, Severity
from rawtune.verification.rule import Row, Scope
from rawtune.verification.rulebook import RULES, Checker
from rawtune.verification.rules.judge import Ruling, judge

PASSAGES = {
    "en": 'The gate opens at six.\nThe "long" bell is unlikely to ring before noon, and the keeper sleeps upstairs.',
    "zh": "蒙卦上艮下坎，山下出泉。\n“初筮”则告，再三则渎，渎则不告。",
}
SENTENCES = {
    "en": ("The gate opens at six.", "The keeper sleeps downstairs."),
    "zh": ("蒙卦下艮上坎。", "初筮则告。"),
}
QUOTES = {"en": ("The gate opens at six", "the keeper sleeps upstairs"), "zh": ("蒙卦上艮下坎", "初筮则告，再三则渎")}
LANGUAGES = pytest.mark.parametrize("language", ["en", "zh"])


def begin(language="en", passage=None, form=ReplyForm.JSON_SCHEMA):
    sentences = SENTENCES[language]
    first = len(sentences[0])
    return judge(
        "What is {Meng}?",
        "".join(sentences),
        PASSAGES[language] if passage is None else passage,
        sentences=[(0, first), (first, first + len(sentences[1]))],
        language=language,
        model="m",
        parameters=Parameters(temperature=0.0, seed=7),
        form=form,
    )


def drive(conversation, *replies):
    """The verdict, and the requests that were made for it; ``replies`` are given in turn."""
    requests, given_back = [], iter(replies)
    try:
        request = next(conversation)
        while True:
            requests.append(request)
            reply = next(given_back)
            request = conversation.send(reply if isinstance(reply, Reply) else Reply(reply))
    except StopIteration as end:
        return end.value, requests


def vote(*verdicts, language="en", quotes=None):
    """A reply that judges the sentences in order."""
    entries = [
        {"sentence": n, "quote": quote, "verdict": verdict}
        for n, (quote, verdict) in enumerate(zip(quotes or QUOTES[language], verdicts, strict=True), 1)
    ]
    return json.dumps({"sentences": entries}, ensure_ascii=False)


def rulings(verdict):
    return [judgement.ruling.value for judgement in verdict.judgements]


def reasons(*replies, **how):
    verdict, _ = drive(begin(**how), *replies)
    return [judgement.reason for judgement in verdict.judgements]


SUPPORTED = vote("supported", "supported")


@LANGUAGES
def test_the_second_vote_sees_the_texts_in_another_order_under_another_task(language):
    supported = vote("supported", "supported", language=language)
    verdict, (first, second) = drive(begin(language), supported, supported)
    assert verdict.ruling is Ruling.SUPPORTED
    assert first.key != second.key
    assert first.messages[0].content != second.messages[0].content
    asked, asked_again = (request.messages[1].content for request in (first, second))
    for number, sentence in enumerate(SENTENCES[language], 1):
        numbered = f"\n{number}. {sentence}\n"
        assert asked.index(PASSAGES[language]) < asked.index(numbered)
        assert asked_again.index(numbered) < asked_again.index(PASSAGES[language])
    assert "What is {Meng}?" in asked
    assert "What is {Meng}?" in asked_again
    assert first.parameters == second.parameters == Parameters(temperature=0.0, seed=7)


@LANGUAGES
@pytest.mark.parametrize("form", ReplyForm)
def test_the_same_row_makes_the_same_requests(language, form):
    requests = [drive(begin(language, form=form), SUPPORTED, SUPPORTED)[1] for _ in range(2)]
    assert [request.key for request in requests[0]] == [request.key for request in requests[1]]
    assert len({request.key for request in requests[0]}) == len(requests[0])


def test_the_form_decides_what_the_endpoint_is_to_hold_to():
    words = {"en": ["supported", "contradicted", "absent"], "zh": ["支持", "矛盾", "未提及"]}
    for language, verdicts in words.items():
        schema = next(begin(language)).schema
        entry = schema["properties"]["sentences"]["items"]
        assert list(entry["properties"]) == entry["required"] == ["sentence", "quote", "verdict"]
        assert entry["properties"]["verdict"]["enum"] == verdicts
    assert next(begin(form=ReplyForm.JSON_OBJECT)).schema == ANY_OBJECT
    assert next(begin(form=ReplyForm.TEXT)).schema is None


@LANGUAGES
@pytest.mark.parametrize("form", ReplyForm)
def test_in_every_form_the_prompt_names_the_keys_and_the_verdicts(language, form):
    system = next(begin(language, form=form)).messages[0].content
    for word in ("JSON", '"sentences"', '"sentence"', '"quote"', '"verdict"'):
        assert word in system
    for word in next(begin(language)).schema["properties"]["sentences"]["items"]["properties"]["verdict"]["enum"]:
        assert word in system


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("supported", "contradicted")), ("zh", ("支持", "矛盾")), ("zh", ("SUPPORTED", "矛盾 "))],
)
def test_two_votes_for_one_sentence_reject_that_sentence(language, words):
    agreed = vote(*words, language=language)
    verdict, _ = drive(begin(language), agreed, agreed)
    assert verdict.ruling is Ruling.UNSUPPORTED
    assert rulings(verdict) == ["supported", "unsupported"]
    judgement = verdict.judgements[1]
    answer = "".join(SENTENCES[language])
    assert answer[judgement.start : judgement.end] == SENTENCES[language][1]
    quoted = PASSAGES[language][slice(*judgement.source)]
    assert re.sub(r'["“”]', "", quoted) == QUOTES[language][1]


@pytest.mark.parametrize(
    ("first", "second", "ruling", "reason"),
    [
        ("contradicted", "contradicted", "unsupported", "contradicts its passage, by both votes of the judge"),
        ("absent", "absent", "unsupported", "says what its passage does not, by both votes of the judge"),
        ("absent", "contradicted", "unsupported", "says what its passage does not, by both votes of the judge"),
        ("supported", "absent", "undecided", "divides the judge's votes: supported, then absent"),
        ("contradicted", "supported", "undecided", "divides the judge's votes: contradicted, then supported"),
    ],
)
def test_only_votes_that_agree_decide(first, second, ruling, reason):
    verdict, _ = drive(begin(), vote(first, "supported"), vote(second, "supported"))
    assert rulings(verdict) == [ruling, "supported"]
    assert verdict.judgements[0].reason == reason
    assert verdict.ruling == ruling


def test_votes_against_different_sentences_do_not_agree():
    verdict, _ = drive(begin(), vote("absent", "supported"), vote("supported", "absent"))
    assert rulings(verdict) == ["undecided", "undecided"]


@pytest.mark.parametrize("lying", ["first", "second"])
def test_a_vote_whose_quote_is_not_in_the_passage_does_not_count(lying):
    true = vote("contradicted", "supported")
    lie = vote("contradicted", "supported", quotes=("The gate opens at seven", QUOTES["en"][1]))
    verdict, _ = drive(begin(), *((lie, true) if lying == "first" else (true, lie)))
    assert rulings(verdict) == ["undecided", "supported"]
    assert verdict.judgements[0].reason == f"could not be judged: the {lying} vote quotes what is not in the passage"
    assert PASSAGES["en"][slice(*verdict.judgements[0].source)] == "The gate opens at six"


@pytest.mark.parametrize(
    ("language", "quote", "found"),
    [
        ("en", "The long bell is unlikely to ring", 'The "long" bell is unlikely to ring'),
        ("en", "“opens at six.  The 'long' bell...”", 'opens at six.\nThe "long" bell'),
        ("en", "… the keeper sleeps upstairs!", "the keeper sleeps upstairs"),
        ("en", "the keeper sleeps downstairs", None),
        ("en", "The keeper sleeps upstairs", None),  # another case is another text
        ("en", "likely to ring before noon", None),  # it turns the passage into its contrary
        ("en", "The gate opens at si", None),
        ("en", "The gate ... before noon", None),
        ("en", "the keeper", None),  # too short to prove anything
        ("en", "", None),
        ("en", '"..."', None),
        ("en", None, None),
        ("en", ["The gate opens at six."], None),
        ("zh", "「初筮」则告", "初筮”则告"),
        ("zh", "山下出泉。", "山下出泉"),
        ("zh", "山下出泉。初筮则告", "山下出泉。\n“初筮”则告"),
        ("zh", "下艮上坎", None),
        ("zh", "上艮、下坎", None),
        ("zh", "山下", None),
        ("zh", "，。。。，", None),
    ],
)
def test_a_quote_is_verbatim_but_for_white_space_and_quote_marks(language, quote, found):
    reply = vote("absent", "supported", language=language, quotes=(quote, QUOTES[language][1]))
    verdict, _ = drive(begin(language), reply, reply)
    judgement = verdict.judgements[0]
    assert judgement.ruling is (Ruling.UNSUPPORTED if found else Ruling.UNDECIDED)
    assert PASSAGES[language][slice(*judgement.source)] == (found or "")


def test_a_later_place_of_a_quote_is_found_where_an_earlier_one_is_inside_a_word():
    passage = "It is unlikely to ring today. It is likely to ring today."
    quote = ("likely to ring today", "likely to ring today")
    verdict, _ = drive(begin(passage=passage), *[vote("absent", "absent", quotes=quote)] * 2)
    assert [judgement.source for judgement in verdict.judgements] == [(36, 56), (36, 56)]


def test_of_a_short_passage_the_whole_may_be_quoted():
    verdict, _ = drive(begin("zh", passage="泉。"), *[vote("absent", "absent", quotes=("泉", "泉。"))] * 2)
    assert rulings(verdict) == ["unsupported", "unsupported"]


@pytest.mark.parametrize(
    "around",
    [
        "```json\n{}\n```",
        "```\n{}```",
        "Here is my judgement:\n\n{}\n\nI hope it helps.",
        "判断如下：{}。",
        "<think>Is {{this}} it?</think>{}",
    ],
)
def test_a_fence_prose_or_thoughts_around_the_object_do_not_matter(around):
    verdict, _ = drive(begin(), *[around.format(SUPPORTED)] * 2)
    assert verdict.ruling is Ruling.SUPPORTED


def test_entries_may_come_in_any_order_with_numbers_as_text_and_keys_beside():
    entries = json.loads(vote("absent", "supported"))["sentences"]
    reply = json.dumps({"sentences": [{**entries[1], "sentence": "2", "why": "x"}, entries[0]], "language": "en"})
    assert rulings(drive(begin(), reply, reply)[0]) == ["unsupported", "supported"]


CUT = Reply(SUPPORTED, "length")
UNREADABLE = [
    (CUT, "was cut off at the length limit"),
    (Reply(SUPPORTED, "max_tokens"), "was cut off at the length limit"),
    (Reply(SUPPORTED, "MAX_TOKENS"), "was cut off at the length limit"),
    (SUPPORTED[:-20], "is not a JSON object"),
    ("", "is not a JSON object"),
    ("I am sorry, but I cannot judge this.", "is not a JSON object"),
    ("抱歉，我无法判断。", "is not a JSON object"),
    (SUPPORTED + SUPPORTED, "is not a JSON object"),
    (SUPPORTED.replace('"verdict"', '"verdict": "absent", "verdict"'), "is not a JSON object"),
    ('{"sentences": ' * 100_000, "is not a JSON object"),
    ('{"sentences": [' + "[" * 100_000 + "{}", "is not a JSON object"),
    ('{"sentences": ' + "9" * 5000 + "}", "is not a JSON object"),
    ('{"verdict": "supported"}', "has no list of sentences"),
    ('{"sentences": {"1": "supported"}}', "has no list of sentences"),
    ('{"sentences": ["supported", "supported"]}', "has no list of sentences"),
    (SUPPORTED.replace('"sentence": 2', '"sentence": 0'), "names a sentence that does not exist"),
    (SUPPORTED.replace('"sentence": 1', '"sentence": true'), "names a sentence that does not exist"),
    (SUPPORTED.replace('"sentence"', '"number"'), "names a sentence that does not exist"),
]


@pytest.mark.parametrize(("reply", "fault"), UNREADABLE)
def test_an_unreadable_vote_leaves_the_answer_undecided(reply, fault):
    verdict, requests = drive(begin(), reply)
    assert len(requests) == 1, "a second vote could not decide anything"
    (judgement,) = verdict.judgements
    assert verdict.ruling is Ruling.UNDECIDED
    assert judgement.reason == f"could not be judged: the first vote {fault}"
    assert (judgement.start, judgement.end) == (0, len("".join(SENTENCES["en"])))

    verdict, _ = drive(begin(), vote("absent", "absent"), reply)
    assert [judgement.reason for judgement in verdict.judgements] == [f"could not be judged: the second vote {fault}"]


@pytest.mark.parametrize(
    ("entries", "fault"),
    [
        ([], "leaves the sentence out"),
        ([{"verdict": "absent"}, {"verdict": "supported"}], "judges the sentence twice"),
        ([{"verdict": "absent"}, {"verdict": "absent"}], "judges the sentence twice"),
        ([{"verdict": "not supported"}], "gives no verdict that was asked for"),
        ([{"verdict": None}], "gives no verdict that was asked for"),
        ([{}], "gives no verdict that was asked for"),
    ],
)
def test_a_vote_without_one_clear_opinion_on_a_sentence_does_not_count_for_it(entries, fault):
    quoted = [{"sentence": 1, "quote": QUOTES["en"][0], **entry} for entry in entries]
    second = {"sentence": 2, "quote": QUOTES["en"][1], "verdict": "absent"}
    unclear = json.dumps({"sentences": [*quoted, second]})
    verdict, _ = drive(begin(), unclear, vote("absent", "absent"))
    assert rulings(verdict) == ["undecided", "unsupported"]
    assert verdict.judgements[0].reason == f"could not be judged: the first vote {fault}"
    assert reasons(unclear, unclear)[0] == f"could not be judged: the first vote {fault} and the second vote {fault}"


def is_quoted(reply, sentence):
    """Whether a reply quotes the passage on a sentence, by a plain reading."""
    for entry in json.loads(reply)["sentences"]:
        if str(entry["sentence"]) == str(sentence):
            squeezed = [re.sub(r"[\s\"'“”]", "", text) for text in (entry["quote"], PASSAGES["en"])]
            return squeezed[0].strip(".") in squeezed[1]
    return False


ENTRIES = st.fixed_dictionaries(
    {
        "sentence": st.sampled_from([1, 2, "1", 3, None]),
        "quote": st.sampled_from([*QUOTES["en"], "The gate opens at seven", "unlikely to ring", "likely to ring"])
        | st.text(),
        "verdict": st.sampled_from(["supported", "contradicted", "absent", "unsure"]),
    }
)
VOTES = st.lists(ENTRIES, max_size=3).map(lambda entries: json.dumps({"sentences": entries}))
REPLIES = VOTES | st.text() | st.text(alphabet='{}[]":,sentc123').map(lambda text: f'{{"sentences": [{text}]}}')


@given(REPLIES, REPLIES)
def test_no_reply_crashes_it_or_rejects_a_sentence_without_two_quotes(first, second):
    verdict, _ = drive(begin(), first, second)
    for number, judgement in enumerate(verdict.judgements, 1):
        if judgement.ruling is Ruling.UNSUPPORTED:
            assert is_quoted(first, number)
            assert is_quoted(second, number)
        if judgement.ruling is Ruling.UNDECIDED:
            assert judgement.reason


# What becomes of a verdict.

ROW = Row("Meng", "".join(SENTENCES["en"]), ("content", "summary"), passage=PASSAGES["en"])
REJECTED = [vote("supported", "contradicted")] * 2
DIVIDED = [vote("supported", "contradicted"), SUPPORTED]


@pytest.mark.parametrize(
    ("replies", "code", "severity", "message"),
    [
        (REJECTED, "RT206", Severity.ERROR, "'summary' contradicts its passage, by both votes of the judge"),
        (DIVIDED, "RT207", Severity.WARNING, "'summary' divides the judge's votes: contradicted, then supported"),
    ],
)
def test_a_verdict_becomes_a_finding_with_the_sentence_and_the_quote(replies, code, severity, message):
    verdict, _ = drive(begin(), *replies)
    (finding,) = Checker(Verification()).judged(ROW, verdict)
    assert (finding.code, finding.severity, finding.message) == (code, severity, message)
    assert (finding.column, finding.fixable) == ("summary", False)
    assert ROW.answer[finding.start : finding.end] == SENTENCES["en"][1]
    assert ROW.passage[finding.source_start : finding.source_end] == QUOTES["en"][1]


def test_a_supported_answer_has_no_finding():
    verdict, _ = drive(begin(), SUPPORTED, SUPPORTED)
    assert Checker(Verification()).judged(ROW, verdict) == []


def test_selection_and_severity_hold_for_the_judge_as_for_every_rule():
    rejected, _ = drive(begin(), *REJECTED)
    divided, _ = drive(begin(), *DIVIDED)
    checker = Checker(Verification(ignore=("RT207",), severity={"RT206": Severity.WARNING}))
    assert [finding.severity for finding in checker.judged(ROW, rejected)] == [Severity.WARNING]
    assert checker.judged(ROW, divided) == []


def test_without_a_verdict_the_rules_of_the_judge_find_nothing():
    codes = [code for code, rule in RULES.items() if rule.scope is Scope.JUDGE]
    assert codes == ["RT206", "RT207"]
    assert Checker(Verification(select=tuple(codes))).check(ROW) == []


@pytest.mark.parametrize("code", ["RT206", "RT207"])
def test_the_examples_of_a_page_are_found_by_votes_that_say_so(code):
    said = {"RT206": ("contradicted", "contradicted"), "RT207": ("absent", "supported")}[code]
    checker = Checker(Verification(select=(code,)))
    for heading, verdicts in (("Bad", said), ("Good", ("supported", "supported"))):
        block = re.search(rf"\n{heading}:\n((?:    .*\n?)+)", RULES[code].page).group(1)
        rows = [[cell.strip() for cell in line.split(" | ")] for line in block.splitlines()]
        assert {bool(re.search("[一-鿿]", question)) for question, _, _ in rows} == {True, False}
        for question, answer, passage in rows:
            conversation = judge(
                question,
                answer,
                passage,
                sentences=[(0, len(answer))],
                language="en",
                model="m",
                parameters=Parameters(),
                form=ReplyForm.TEXT,
            )
            verdict, _ = drive(conversation, *(vote(word, quotes=(passage,)) for word in verdicts))
            found = checker.judged(Row(question, answer, passage=passage), verdict)
            assert [finding.code for finding in found] == ([code] if heading == "Bad" else [])
