"""Any reply whatever: faults or two values, the true row or none."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rawtune.config import Verification
from rawtune.synthesis.reply import parse
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker

COLUMNS = ("content", "summary")
CODES = {f"RT11{n}" for n in range(9)}
CHECKER = Checker(Verification(select=("RT1",)))
fuzzed = settings(derandomize=True, database=None, max_examples=60, deadline=None)


def check(parsed):
    """Either faults with words for the teacher, or two values that a file can hold."""
    if parsed.faults:
        assert (parsed.concept, parsed.answer, parsed.repairs) == ("", "", ())
        assert all(fault.code in CODES and fault.message for fault in parsed.faults)
    else:
        assert parsed.concept.strip()
        assert parsed.answer.strip()
        (parsed.concept + parsed.answer).encode()


KEYS = (
    "content",
    "summary",
    "Content",
    "**summary**",
    "content:",
    "summary：",
    '"content":',
    '"summary":',
    "note",
    "备注",
)
MARKS = tuple(":：\"“”'‘’「」『』{}｛｝[],，。;\n \\\ufeff＂*`-#")
PIECES = (
    *KEYS,
    *MARKS,
    "蒙卦",
    "Meng.",
    "1",
    "null",
    "\n\n",
    "```",
    "```json\n",
    "\\n",
    "\\ud83d",
    "<think>",
    "</think>\n",
)
pieces = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)
reasons = st.sampled_from(["stop", "length", "", "tool_calls", "content_filter"])


@fuzzed
@given(st.text() | pieces, reasons)
def test_any_text_gives_either_faults_or_two_values(text, finish_reason):
    check(parse(text, COLUMNS, finish_reason, "example"))


@fuzzed
@given(st.binary(max_size=80))
def test_any_bytes_do(data):
    check(parse(data.decode("utf-8", "surrogateescape"), COLUMNS))
    check(parse('content:"a"\nsummary:"' + data.decode("latin-1"), COLUMNS))


LONG = 200_000
HOSTILE = (
    *(
        '"',
        "'",
        "“",
        "”",
        "「",
        "{",
        "}",
        "｛",
        "[",
        ":",
        "：",
        "`",
        "```",
        "*",
        "#",
        "-",
        "\n",
        " ",
        "\\",
        "_",
        "I am ",
    ),
    *('{"a":', '"a:"', '"a":"', '" a', "“a”", "content:", "content:\n", 'content:"\n', "summary：“", "a:\n", "a:b\n"),
    *("```\n", "```json\n{", "<think>", "</think>", "\n \n", '{"content":"', "{'a':'", "{“", "1. ", "你好，", "sorry "),
)


@pytest.mark.parametrize(
    "before", ["", "content: x\nsummary: ", 'content:"x"\nsummary:"', '{"content": "x", "summary": ']
)
def test_a_long_hostile_reply_is_read_to_its_end(before):
    # There is no assertion on the time: with a pattern that goes back over its text, this would not end in hours.
    for piece in HOSTILE:
        check(parse(before + (piece * LONG)[:LONG] + "x", COLUMNS))


def test_objects_in_objects_are_no_danger():
    for text in ('{"a":' * 20_000, '{"content":' + "[" * 100_000, '{"content": ' + "1" * 5_000 + ', "summary": "x"}'):
        assert {fault.code for fault in parse(text, COLUMNS).faults} <= {"RT118", "RT113"}


# Rows that could be anyone's: words and sentences, with quotes that pair

WORDS = ("Meng", "youth", "it's", "10:30", "蒙卦", "山下出泉", "a.b", "50%", "note", "https://a.b/c", "{x}", "(or so)")
said = st.sampled_from(['"Ask once,"', '"yes"', "“匪我求童蒙。”", "「渎」", "“他说：「走」。”", "'go'"])
sentence = st.builds(
    lambda words, end: " ".join(words) + end,
    st.lists(st.sampled_from(WORDS) | said, min_size=2, max_size=8).filter(lambda words: words[0] in WORDS),
    st.sampled_from([".", "。", "！", "?"]),
).filter(lambda text: not text.startswith("{"))
concepts = st.sampled_from(["Meng", "蒙卦", "What is Meng?", "《易经》的“蒙”", "C++", "it's so", "10:30"])
answers = st.lists(sentence, min_size=1, max_size=3).map(" ".join)


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def single(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


BEFORE = "Here is the row:\n\n"
AFTER = "\n\nI hope this helps!"
CLOSED = {
    "labels": lambda c, a: f'content:"{c}"\nsummary:"{a}"',
    "swapped": lambda c, a: f'summary："{a}"\ncontent："{c}"',
    "curly": lambda c, a: f"content：“{c}”\nsummary：“{a}”",
    "bold": lambda c, a: f'**Content:** "{c}"\n\n**Summary:** "{a}"',
    "json": lambda c, a: f'{{"content": {quoted(c)}, "summary": {quoted(a)}}}',
    "pretty": lambda c, a: json.dumps({"summary": a, "Content": c}, indent=2),
    "trailing": lambda c, a: f'{{"content": {quoted(c)}, "summary": {quoted(a)},\n}}',
    "wide": lambda c, a: f'｛"content"：{quoted(c)}，"summary"：{quoted(a)}｝',
    "single": lambda c, a: f"{{'content': {single(c)}, 'summary': {single(a)}}}",
    "fenced": lambda c, a: f'```json\n{{"content": {quoted(c)}, "summary": {quoted(a)}}}\n```',
    "fenced labels": lambda c, a: f"```\ncontent: {c}\nsummary: {a}\n```",
    "prose": lambda c, a: f'{BEFORE}{{"content": {quoted(c)}, "summary": {quoted(a)}}}{AFTER}',
    "prose and labels": lambda c, a: f'{BEFORE}content:"{c}"\nsummary:"{a}"{AFTER}',
    "all": lambda c, a: f"<think>{a}</think>{BEFORE}```json\n{CLOSED['pretty'](c, a)}\n```{AFTER}",
}


@pytest.mark.parametrize("shape", CLOSED)
@fuzzed
@given(concepts, answers)
def test_a_row_comes_back_as_it_was_written(shape, concept, answer):
    parsed = parse(CLOSED[shape](concept, answer), COLUMNS)
    assert (parsed.concept, parsed.answer) == (concept, answer), parsed.faults


@fuzzed
@given(concepts, sentence)
def test_a_row_without_quotes_comes_back_or_is_a_fault(concept, answer):
    parsed = parse(f"content: {concept}\nsummary: {answer}", COLUMNS)
    assert (parsed.concept, parsed.answer) == (concept, answer), parsed.faults


words = st.text(st.characters(blacklist_categories=("C", "Z"), blacklist_characters="\"“”'‘’「」『』`*＂"), min_size=1)


@fuzzed
@given(words, words)
def test_any_words_come_back_from_quotes(concept, answer):
    assume(any(c.isalnum() for c in concept) and any(c.isalnum() for c in answer) and answer[0] not in "{｛[")
    assume(answer[-1] not in ",，:：;；、（([【" and concept[0] not in "{｛[")
    parsed = parse(f'content:"{concept}x"\nsummary:"{answer}xyz"', COLUMNS)
    assert (parsed.concept, parsed.answer) == (f"{concept}x", f"{answer}xyz"), parsed.faults


@fuzzed
@given(st.text(), st.text())
def test_any_text_comes_back_from_json_but_for_outer_white_space(concept, answer):
    concept, answer = f"x{concept}", f"some{answer}"
    for text in (json.dumps({"content": concept, "summary": answer}), CLOSED["json"](concept, answer)):
        parsed = parse(text, COLUMNS)
        assert (parsed.concept, parsed.answer) == (concept.strip(), answer.strip()), parsed.faults


@pytest.mark.parametrize("shape", CLOSED)
@settings(fuzzed, max_examples=6)
@given(concepts, answers)
def test_wherever_a_reply_is_cut_the_true_row_or_none_is_left(shape, concept, answer):
    text = CLOSED[shape](concept, answer)
    for end in range(len(text)):
        parsed = parse(text[:end], COLUMNS)
        check(parsed)
        if not parsed.faults and (parsed.concept, parsed.answer) != (concept, answer):
            found = CHECKER.check(Row(parsed.concept, parsed.answer, COLUMNS, closed=parsed.closed))
            assert found, text[:end]
