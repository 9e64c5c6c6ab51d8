import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rawtune.config import Verification
from rawtune.synthesis.reply import parse
from rawtune.verification.rule import Row
from rawtune.verification.rulebook import Checker

COLUMNS = ("content", "summary")
CHECKER = Checker(Verification(select=("RT1",)))
EN = ("Meng", "Meng is a spring at the foot of a mountain: youth that asks to be taught.")
ZH = ("蒙卦", "蒙卦上艮下坎，山下出泉，象征启蒙。卦辞：亨。")
BOTH = pytest.mark.parametrize("row", [EN, ZH])


def read(text, columns=COLUMNS, **more):
    parsed = parse(text, columns, **more)
    assert not parsed.faults, parsed.faults
    return parsed.concept, parsed.answer


def codes(text, columns=COLUMNS, **more):
    parsed = parse(text, columns, **more)
    assert (parsed.concept, parsed.answer, parsed.repairs) == ("", "", ()) or not parsed.faults
    return {fault.code for fault in parsed.faults}


LABELLED = [
    'content:"{0}"\nsummary:"{1}"',
    "content: {0}\nsummary: {1}",
    "content：“{0}”\nsummary：“{1}”",
    'content："{0}”\nsummary："{1}”',
    "content: 「{0}」\nsummary: 「{1}」",
    "content: '{0}'\nsummary: '{1}'",
    'summary:"{1}"\ncontent:"{0}"',
    'CONTENT: "{0}"\nSummary: "{1}"',
    "**Content:** {0}\n**Summary:** {1}",
    "**content**：{0}\n\n**summary**：{1}",
    "- content: {0}\n- summary: {1}",
    "# content: {0}\n# summary: {1}",
    '"content": "{0}",\n"summary": "{1}"',
    "content:\n{0}\nsummary:\n{1}",
    '\n\n  content:"{0}"  \n\n  summary:"{1}"  \n\n',
    '\ufeff content:"{0}"\r\nsummary:"{1}"\r\n',
    '```\ncontent:"{0}"\nsummary:"{1}"\n```',
    '```text\ncontent:"{0}"\nsummary:"{1}"```',
]
JSON = [
    '{{"content": {0}, "summary": {1}}}',
    '{{\n  "summary": {1},\n  "content": {0}\n}}',
    '{{"Content": {0}, "SUMMARY": {1}}}',
    '{{"content": {0}, "summary": {1},}}',
    '{{"content": {0}, "summary": {1},\n}}',
    '｛"content"：{0}，"summary"：{1}｝',
    '```json\n{{"content": {0}, "summary": {1}}}\n```',
    '```\n{{"content": {0}, "summary": {1}}}\n```\n',
    '\ufeff \n{{"content": {0}, "summary": {1}}}',
]


@BOTH
@pytest.mark.parametrize("shape", LABELLED)
def test_labelled_text_is_read(shape, row):
    assert read(shape.format(*row)) == row


@BOTH
@pytest.mark.parametrize("shape", JSON)
def test_json_is_read(shape, row):
    assert read(shape.format(*(json.dumps(value, ensure_ascii=False) for value in row))) == row
    assert read(shape.format(*(json.dumps(value) for value in row))) == row


@BOTH
def test_the_configured_columns_are_the_keys(row):
    assert read(f'概念："{row[0]}"\n解读："{row[1]}"', ("概念", "解读")) == row
    assert read(f'question:"{row[0]}"\nAnswer:"{row[1]}"', ("question", "answer")) == row
    assert codes(f'content:"{row[0]}"\nsummary:"{row[1]}"', ("question", "answer")) == {"RT110", "RT111"}


@pytest.mark.parametrize(
    "answer",
    [
        "Note: it opens at 10:30, not at 9:00.",
        "Note: keep it dry. Source: the manual.",
        "warning: hot surface.",
        "See https://example.com/a:b for more.",
        "卦辞：亨，匪我求童蒙。",
        "注意：开水烫手，比例是3:1。",
        'He said "yes" and "no".',
        '"Meng" means youth, and "Xu" means waiting.',
        '他说"走"，我答："好"。',
        "他说“走”，我答：“好”。",
        "It's the child's turn.",
        "a, b; c (d) [e] – f…",
        "First line.\nSecond line.",
        "第一行。\n第二行。",
        "Price: $5 {approx}",
    ],
)
def test_what_stands_within_quotes_or_json_is_kept_as_it_is(answer):
    assert read(f'content:"x"\nsummary:"{answer}"') == ("x", answer)
    assert read(json.dumps({"content": "x", "summary": answer})) == ("x", answer)


@pytest.mark.parametrize(
    "answer",
    [
        "Note: it opens at 10:30.",
        "warning: hot surface.",
        "https://example.com is the address.",
        "卦辞：亨。",
        'It is called "Meng" there.',
        "First line.\nSecond line, at 10:30.",
        "第一行。\n10:30 开门。",
        "Read this:\nhttps://example.com",
    ],
)
def test_a_value_without_quotes_may_hold_colons_and_lines(answer):
    assert read(f"content: x\nsummary: {answer}") == ("x", answer)


words = st.text(st.characters(blacklist_categories=("C", "Z"), blacklist_characters="\"“”'‘’「」`*＂"), min_size=1)


@given(words, words)
def test_a_row_written_as_the_prompt_shows_comes_back_unchanged(concept, answer):
    assert read(f'content:"{concept}"\nsummary:"{answer}"') == (concept, answer)


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_text_in_json_comes_back_but_for_outer_white_space(concept, answer):
    text = json.dumps({"content": concept, "summary": answer})
    if concept.strip() and answer.strip():
        assert read(text) == (concept.strip(), answer.strip())
    else:
        assert codes(text) == {"RT114"}


def test_repairs_are_told():
    parsed = parse('```json\n{"Content": "x", "summary": "y",}\n```', COLUMNS)
    assert len(parsed.repairs) == 3
    assert "code fence" in parsed.repairs[0]
    assert "punctuation" in parsed.repairs[1]
    assert "'Content'" in parsed.repairs[2]
    assert parse('content:"x"\nsummary:"y"', COLUMNS).repairs == ()


@BOTH
@pytest.mark.parametrize(
    ("shape", "closed"),
    [
        ('{{"content": "{0}", "summary": "{1}"}}', True),
        ('｛"content"："{0}"，"summary"："{1}",｝', True),
        ('```json\n{{"content": "{0}", "summary": "{1}"}}\n```', True),
        ("```\ncontent: {0}\nsummary: {1}\n```", True),
        ('content:"{0}"\nsummary:"{1}"', True),
        ('summary:"{1}"\ncontent: {0}', True),
        ("content：“{0}”\nsummary：“{1}”", True),
        ("content: {0}\nsummary: 「{1}」", True),
        ('content:"{0}"\nsummary:{1}', False),
        ("content: {0}\nsummary: {1}", False),
        ("content: '{0}'\nsummary: '{1}'", False),  # an apostrophe looks the same
        ('content:"{0}"\nsummary:"{1}, and he said "', False),  # this one opens
        ('content:"{0}"\nsummary:"{1}他说："', False),
    ],
)
def test_whether_a_reply_shows_where_the_answer_ends(shape, closed, row):
    parsed = parse(shape.format(*row), COLUMNS)
    assert not parsed.faults
    assert parsed.closed is closed


# The faults


@pytest.mark.parametrize(
    "text",
    [
        'content:"Meng"',
        'summary:"Meng is youth."',
        "蒙卦象征启蒙。",
        "Meng is youth: it asks.",
        '{"content": "蒙卦"}',
        "{}",
        "[]",
        'content:"Meng", summary:"Meng is youth."',
        "Title: Meng\nText: youth",
    ],
)
def test_a_missing_column_is_rt110(text):
    assert codes(text) == {"RT110"}


@pytest.mark.parametrize(
    "text",
    [
        'content:"Meng"\nsummary:"Youth."\nnotes:"For reference."',
        'content:"蒙卦"\nsummary:"启蒙。"\n备注："仅供参考"',
        'content:"蒙卦"\n来源：“《易经》”\nsummary:"启蒙。"',
        'content:"Meng"\nsummary:"Youth."\nsource: the Book of Changes',
        "content: Meng\nsummary: Youth.\nNotes: for reference only.",
        "content: 蒙卦\nsummary: 启蒙。\n备注：以上内容仅供参考。",
        'content:"蒙卦"\nsummary:"启蒙。"来源:"《易经》。"',
        'content:"Meng"\nsummary:"Youth.", source: "The Book."',
        '{"content": "蒙卦", "summary": "启蒙。", "备注": "仅供参考"}',
        '{"content": "Meng", "summary": "Youth.", "notes": null}',
    ],
)
def test_an_extra_key_is_rt111(text):
    assert codes(text) == {"RT111"}


@pytest.mark.parametrize(
    "text",
    [
        'content:"Meng"\ncontent:"Xu"\nsummary:"Youth."',
        'content:"蒙卦"\nsummary:"启蒙。"\nSummary："等待。"',
        '{"content": "Meng", "content": "Xu", "summary": "Youth."}',
        '{"content": "蒙卦", "summary": "启蒙。", "SUMMARY": "启蒙。"}',
    ],
)
def test_a_doubled_key_is_rt112(text):
    assert codes(text) == {"RT112"}


@pytest.mark.parametrize(
    "text",
    [
        'content:"Meng"\nsummary:"Meng is a spr',
        "content：“蒙卦”\nsummary：“山下出",
        'content:"蒙卦"\nsummary:"他说“山下出泉。”',
        '{"content": "Meng", "summary": "Meng is a spr',
        '{"content": "蒙卦", "summary": "山下出泉。"',
        '```json\n{"content": "Meng", "summary": "You',
        '```\ncontent:"蒙卦"\nsummary:"山下出泉。"',
    ],
)
def test_a_reply_that_ends_in_the_middle_is_rt113(text):
    assert codes(text) == {"RT113"}


@BOTH
def test_a_reply_at_the_length_limit_is_rt113_even_if_it_looks_whole(row):
    assert codes('content:"{}"\nsummary:"{}"'.format(*row), finish_reason="length") == {"RT113"}


@pytest.mark.parametrize("text", ["", "  \n\t", "\ufeff", "\u3000"])
def test_an_empty_reply_is_rt114(text):
    assert codes(text) == {"RT114"}


@pytest.mark.parametrize(
    "text",
    [
        'content:""\nsummary:"x"',
        "content: 蒙卦\nsummary:",
        '{"content": " ", "summary": "启蒙。"}',
        "content:「」\nsummary: x",
    ],
)
def test_an_empty_value_is_rt114(text):
    assert codes(text) == {"RT114"}


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I can’t.",
        "I cannot assist with this request.",
        "As an AI language model, I have no opinion.",
        "抱歉，我无法回答这个问题。",
        "很抱歉，我不能。",
        "对不起，这段文字我看不懂。",
        "作为一个人工智能，我没有看法。",
        "我无法提供这样的内容。",
    ],
)
def test_a_refusal_is_rt115(text):
    assert codes(text) == {"RT115"}


@BOTH
def test_the_worked_example_given_back_is_rt116(row):
    text = 'content:"{}"\nsummary:"{}"'.format(*row)
    assert codes(text, example_answer=f"{row[1]}\n") == {"RT116"}
    assert codes(text, example_answer="another answer") == set()


@pytest.mark.parametrize(
    "text",
    [
        'Here is the row:\ncontent:"Meng"\nsummary:"Youth."',
        '好的，结果如下：\ncontent:"蒙卦"\nsummary:"启蒙。"',
        'content:"Meng"\nsummary:"Youth."\nI hope this helps!',
        'content:"蒙卦"\nsummary:"启蒙。"\n希望对你有帮助。',
        "content: Meng\nsummary: Youth.\n\nI hope this helps!",
        "content: 蒙卦\nsummary: 启蒙。\n\n希望对你有帮助。",
        '{"content": "Meng", "summary": "Youth."} Done.',
        '{"content": "Meng", "summary": "Youth."}\n{"content": "Xu", "summary": "Waiting."}',
        '```json\n{"content": "Meng", "summary": "Youth."}\n```\nBye!',
        "```\ncontent: a\nsummary: b\n```\nand\n```\nmore\n```",
        'Sure!\n```\ncontent:"Meng"\nsummary:"Youth."\n```',
    ],
)
def test_text_around_the_response_is_rt117(text):
    assert codes(text) == {"RT117"}


@pytest.mark.parametrize(
    "text",
    [
        '{"content": "Meng", "summary": {"text": "Youth."}}',
        '{"content": "蒙卦", "summary": ["启蒙。"]}',
        '{"content": 4, "summary": "Youth."}',
        '{"content": "蒙卦", "summary": null}',
        '{"content": ' + "1" * 5000 + ', "summary": "x"}',  # more digits than Python converts
        '{"content": "half an emoji \\ud83d", "summary": "x"}',  # no UTF-8 can hold it
        '{"content": "x" "summary": "y"}',
        "{蒙卦}",
    ],
)
def test_a_value_that_is_no_plain_text_or_broken_json_is_rt118(text):
    assert codes(text) == {"RT118"}


def test_faults_are_told_together():
    assert codes('{"title": "x", "summary": "y", "summary": ""}') == {"RT110", "RT111", "RT112"}
    assert codes('标题:"蒙卦"\n正文:"启蒙。"') == {"RT110", "RT111"}


def test_a_fault_names_what_the_teacher_should_change():
    (fault,) = parse('content:"Meng"\nsummary:"Youth."\nnotes:"x"', COLUMNS).faults
    assert "'notes'" in fault.message
    (fault,) = parse('{"content": "Meng"}', COLUMNS).faults
    assert "'summary'" in fault.message


# Whatever comes

KEYS = ("content", "summary", "Content", "note", "备注", "蒙卦", "Meng.", "1", "null")
MARKS = tuple(":：\"“”'「」{}｛｝[],，\n \\\ufeff")
PIECES = st.sampled_from((*KEYS, *MARKS, "\n\n", "**", "- ", "```", "```json", "\\n", "\\ud83d"))


@given(st.text() | st.lists(PIECES, max_size=25).map("".join), st.sampled_from(["stop", "length", "", "tool_calls"]))
def test_any_text_gives_either_faults_or_two_values(text, finish_reason):
    parsed = parse(text, COLUMNS, finish_reason, "example")
    if parsed.faults:
        assert (parsed.concept, parsed.answer) == ("", "")
        assert all(fault.code in {f"RT11{n}" for n in range(9)} and fault.message for fault in parsed.faults)
    else:
        assert parsed.concept.strip()
        assert parsed.answer.strip()
        (parsed.concept + parsed.answer).encode()  # storable


@pytest.mark.parametrize("text", ['{"a":' * 20_000, "[" * 100_000, "content:" * 5_000, "*" * 2_000, '"' * 5_000])
def test_degenerate_replies_do_no_harm(text):
    assert codes(text)


# The replies of a faulty endpoint: as JSON, JSON in a code fence, and labelled text, broken in five ways

CONTENT = "P0000042主题天地玄黄，宇宙洪荒日月盈昃"
SUMMARY = "P0000042解读" + "寒来暑往秋收冬藏，闰余成岁律吕调阳；云腾致雨露结为霜。" * 5


def render(shape, concept, answer, fault):
    quoted = [json.dumps(text, ensure_ascii=False) for text in (concept, answer, answer[:40])]
    first, second = ("标题", "正文") if shape == "text" else ("title", "text")
    if fault != "wrong_keys":
        first, second = "content", "summary"
    pairs = [(first, quoted[0]), (second, quoted[1])]
    if fault == "dup_keys":
        pairs.insert(1, (first, quoted[2]))
    if fault == "extra_section":
        pairs.append(("notes", '"以上内容仅供参考"'))
    if shape == "text":
        text = "\n".join(f"{key}:{value}" for key, value in pairs)
    else:
        text = "{" + ", ".join(f'"{key}": {value}' for key, value in pairs) + "}"
    if shape == "fenced":
        text = f"```json\n{text}\n```"
    return "" if fault == "empty" else text[: int(len(text) * 0.6)] if fault == "truncated" else text


@pytest.mark.parametrize("shape", ["json", "fenced", "text"])
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("wrong_keys", {"RT110", "RT111"}),
        ("dup_keys", {"RT112"}),
        ("extra_section", {"RT111"}),
        ("truncated", {"RT113"}),
        ("empty", {"RT114"}),
    ],
)
@pytest.mark.parametrize("row", [(CONTENT, SUMMARY), EN, ZH])
def test_malformed_replies_are_told_apart_and_none_is_taken(shape, fault, expected, row):
    assert codes(render(shape, *row, fault)) == expected


@pytest.mark.parametrize("shape", ["json", "fenced", "text"])
@pytest.mark.parametrize("row", [(CONTENT, SUMMARY), EN, ZH])
def test_good_replies_are_taken_unchanged(shape, row):
    assert read(render(shape, *row, None)) == row


QUOTING = [
    ("Meng", 'It is "youth" (or "folly"): the text says, "Ask once," and "mean it", for it\'s the child\'s turn.'),
    ("蒙卦", "卦辞说：“匪我求童蒙，童蒙求我。”又说：“初筮告，再三渎”，「渎」是不敬。"),
]


@pytest.mark.parametrize("shape", ["json", "fenced", "text"])
@pytest.mark.parametrize("row", [ZH, EN, *QUOTING])
def test_wherever_a_reply_is_cut_nothing_of_it_passes_both_parser_and_rules(shape, row):
    text = f'content:"{row[0]}"\nsummary:"{row[1]}"' if shape == "text" else render(shape, *row, None)
    for end in range(len(text)):
        parsed = parse(text[:end], COLUMNS)
        if not parsed.faults:
            # What is left then is whole: only outer marks are gone.
            found = CHECKER.check(Row(parsed.concept, parsed.answer, COLUMNS, closed=parsed.closed))
            assert (parsed.concept, parsed.answer) == row or found
