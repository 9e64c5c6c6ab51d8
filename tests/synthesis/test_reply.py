import json
import re
from textwrap import dedent

import pytest

from rawtune.config import Verification
from rawtune.synthesis.reply import FAULTS, parse
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
        ('content:"{0}"\nsummary:"{1} "Yes," he said."', False),  # the last quote may belong to the answer
        ('content:"{0}"\nsummary:"{1}他说："', False),  # this one opens
        ('content:"{0}"\nsummary:"{1}"\nI hope this helps!', False),
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
        "content: Meng summary: Meng is youth.",
        "content: In summary: Meng is youth.",  # the second key is a word of the value
        'content: In summary: "Meng" is youth.',
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
        '{"content": "Meng", "summary": "Youth."}\nsource: the Book of Changes',
        '{"content": "Meng", "summary": "Youth."}\nNote: I left out the lines.',
        '好的：\n{"content": "蒙卦", "summary": "启蒙。"}\n备注：仅供参考。',
        '标题：蒙卦\ncontent:"蒙卦"\nsummary:"启蒙。"',
        'content:"蒙卦"\nsummary:"启蒙。"\n备注：仅供参考',
        'content:"Meng"\nsummary:"Youth."\n\nNote: I left out the lines.',
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
        "{'content': 'Meng', 'summary': 'Youth.', 'summary': 'Youth.'}",
        'content:"Meng"\nsummary:"Youth."\n\ncontent:"Xu"\nsummary:"Waiting."',
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
        'Here it is:\n{"content": "Meng", "summary": "Meng is a spr',
        'Here it is:\n```json\n{"content": "Meng", "summary": "Youth."}',
        '{"content": "Meng", "summary": "a set {1, 2} and a spr',
        "｛“content”：“蒙卦”，“summary”：“山下",
        "{'content': 'Meng', 'summary': 'It",
        '{"content": "Meng", "summary": "It is "youth',
        "content：“蒙卦”\nsummary：“他说：“山下出泉。”",  # the inner quote is closed, the outer is not
        'content:"Meng"\nsummary:"Meng is youth, and he said "',  # this quote opens
        "<think>The passage is about Meng: content: Meng",
        "<thinking>\n蒙卦讲的是",
    ],
)
def test_a_reply_that_ends_in_the_middle_is_rt113(text):
    assert codes(text) == {"RT113"}


@BOTH
@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS"])
def test_a_reply_at_the_length_limit_is_rt113_even_if_it_looks_whole(row, reason):
    assert codes('content:"{}"\nsummary:"{}"'.format(*row), finish_reason=reason) == {"RT113"}


def test_a_reply_that_a_filter_withheld_is_rt115():
    assert codes("", finish_reason="content_filter") == {"RT115"}


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
        '{"content": "蒙卦", "summary": "无"}',
        '{"content": "Meng", "summary": "N/A"}',
        '{"content": "...", "summary": "Meng is youth."}',
        'content:"Meng"\nsummary:"……"',
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
        "Unfortunately, I am not able to summarise this.",
        "<think>May I?</think>\nI'm sorry, but I can't help with that.",
        "您好，这个问题我暂时无法回答，让我们换个话题再聊聊吧。",
        '{"content": "Meng", "summary": "I\'m sorry, but I can\'t help with that."}',
        'content:"Meng"\nsummary:"As an AI language model, I have no opinion."',
        'content:"蒙卦"\nsummary:"很抱歉，我无法回答这个问题。"',
        "content: 蒙卦\nsummary: 作为一个人工智能，我没有看法。",
        '很抱歉，我无法完成。\n{"content": "蒙卦", "summary": "启蒙。"}',
    ],
)
def test_a_refusal_is_rt115(text):
    assert codes(text) == {"RT115"}


@pytest.mark.parametrize(
    "answer",
    [
        "I am sorry for your loss: so one says to mourners.",
        "As an AI lab, it publishes its models.",
        "作为人工智能的核心，机器学习从数据中归纳规律。",
        "抱歉是一种礼貌的说法。",
        "我无法忘记那条河，作者这样写道。",
        "I cannot forget that river, the author writes.",
        "Sorry is what one says after a mistake.",
        "无",
    ],
)
def test_an_answer_that_opens_like_a_refusal_or_an_empty_one_is_no_fault_elsewhere(answer):
    row = ("无", "“无”是天地之始。") if answer == "无" else ("x", answer)
    assert read(json.dumps(dict(zip(COLUMNS, row, strict=True)))) == row


@BOTH
def test_the_worked_example_given_back_is_rt116(row):
    text = 'content:"{}"\nsummary:"{}"'.format(*row)
    assert codes(text, example_answer=f"{row[1]}\n") == {"RT116"}
    assert codes(text, example_answer=f"“{row[1].replace('，', ', ')} ”".upper()) == {"RT116"}
    assert codes(text, example_answer="another answer") == set()
    assert codes(text, example_answer=row[1] + row[0]) == set()


@pytest.mark.parametrize(
    "text",
    [
        "Here is the row:\n{0}",
        "好的，结果如下：\n{0}",
        "Sure!\n\n{0}\n\nI hope this helps!",
        "{0}\n希望对你有帮助。",
        "抱歉，刚才的格式有误，重新回答：\n{0}",
        "Sure!\n```\n{0}\n```",
        "```\n{0}\n```\nBye!",
        "<think>content: draft\nsummary: draft.</think>\n好的：\n```\n{0}\n```\n希望对你有帮助！",
        "输出：\n{0}",
    ],
)
@pytest.mark.parametrize(
    "response",
    ['content:"{}"\nsummary:"{}"', "content：“{}”\nsummary：“{}”", '{{"content": "{}", "summary": "{}"}}'],
)
@BOTH
def test_prose_around_the_response_is_left_out_and_told(text, response, row):
    parsed = parse(text.format(response.format(*row)), COLUMNS)
    assert (parsed.concept, parsed.answer) == row, parsed.faults
    assert "text around the response removed" in parsed.repairs


@pytest.mark.parametrize(
    "text",
    [
        "content: Meng\nsummary: Youth.\n\nI hope this helps!",
        "content: 蒙卦\nsummary: 启蒙。\n\n希望对你有帮助。",
        "content: Meng\nsummary: Youth.\nI hope this helps!",
        "content: 蒙卦\nsummary: 启蒙。\n希望对你有帮助。",
        "content: Meng\nYouth\nsummary: Meng is youth.",
        "summary: Meng is youth.\ncontent: Meng\nBye!",
        "content: Meng\nsummary: Use this.\n```",
        '{"content": "Meng", "summary": "Youth."}\n{"content": "Xu", "summary": "Waiting."}',
        '[{"content": "Meng", "summary": "Youth."}, {"content": "Xu", "summary": "Waiting."}]',
        "```\ncontent: a\nsummary: b\n```\nand\n```\nmore\n```",
        '```json\n{"content": "a", "summary": "b"}\n```\n```json\n{"content": "a", "summary": "b"}\n```',
        '```\nA plan.\n```\n{"content": "Meng", "summary": "Youth."}',
        '{"content": "Meng", "summary": "Youth."}\nsummary: Meng is more than that.',
        'content:"Meng"\nsummary:"Youth." (from the passage)',
        'content:"Meng"\nThe answer follows.\nsummary:"Youth."',
        'content:"Meng"\nsummary:"Meng" is youth, and "Xu" is waiting.',
        "content:\"Meng\"\nsummary:'It's youth.'\nIt's all I know.",
        'content:"Meng"\nsummary:"He said "go."\nThen he left and',  # cut off after an inner quote
        "<think>a<think>b</think>c</think>\ncontent: a\nsummary: b",
    ],
)
def test_text_that_may_belong_to_a_value_is_rt117(text):
    assert codes(text) == {"RT117"}


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ('content:"Meng" summary:"Youth."', "keys on one line"),
        ('content："Meng"，summary："Youth."', "keys on one line"),
        ('**content**: "Meng"; **summary**: "Youth."', "keys on one line"),
        ("{'content': 'Meng', 'summary': 'Youth.'}", "punctuation"),
        ("{“content”：“Meng”，“summary”：“Youth.”}", "punctuation"),
        ('｛＂content＂：＂Meng＂，"summary"："Youth."，｝', "punctuation"),
        ('{"content": "Meng",\n "summary": "Youth.",\n}', "punctuation"),
        ('[{"content": "Meng", "summary": "Youth."}]', "list around"),
        ('{"content": "Meng", "summary": "Youth."}\n```', "code fence"),
        ('```json {"content": "Meng", "summary": "Youth."}```', "code fence"),
        ('{" Content ": "Meng", "**summary**": "Youth."}', "read as 'content'"),
        ('{"ｃｏｎｔｅｎｔ": "Meng", "summary": "Youth."}', "read as 'content'"),
        ("reasoning\n</think>\ncontent: Meng\nsummary: Youth.", "thoughts"),
        ("<Thinking>reasoning</Thinking>\ncontent: Meng\nsummary: Youth.", "thoughts"),
    ],
)
def test_what_is_mended_keeps_its_meaning_and_is_told(text, repair):
    parsed = parse(text, COLUMNS)
    assert (parsed.concept, parsed.answer) == ("Meng", "Youth."), parsed.faults
    assert repair in "; ".join(parsed.repairs)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"content": "x", "summary": "One.\nTwo."}', "One.\nTwo."),
        ("{'content': 'x', 'summary': 'He said \"go\".'}", 'He said "go".'),
        ("{'content': 'x', 'summary': 'It\\'s so.\\nYes.'}", "It's so.\nYes."),
        ("{'content': 'x', 'summary': \"It's so.\"}", "It's so."),
        ("{“content”: “x”, “summary”: “他说：“走。””}", "他说：“走。”"),
        ('{"content": "x", "summary": "Write ```a``` so."}', "Write ```a``` so."),
        ('```json\n{"content": "x", "summary": "Write ```a``` so."}\n```', "Write ```a``` so."),
        ("content: x\nsummary: Use this:\n```\na: 1\n```", None),
        ('content: x\nsummary: """He said "go"."""', 'He said "go".'),
        ("content: x\nsummary: “蒙”是启蒙。", None),
        ('content: x\nsummary: "Meng" means "youth"', None),
        ('content：“x"\nsummary：“蒙卦。"', "蒙卦。"),
        ("**content: x**\n**summary: 2*3 is six.**", "2*3 is six."),
        ("content: x\nsummary: Use `a` or `b`", "Use `a` or `b`"),
        ("content：“x”\nsummary：“他说：“走。””\n希望对你有帮助！", "他说：“走。”"),
    ],
)
def test_the_marks_of_a_value_are_kept_or_it_is_a_fault(text, answer):
    parsed = parse(text, COLUMNS)
    assert (parsed.answer or None) == answer, parsed


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
        '{"content": "x", "summary": "He said "go" and left."}',  # a quote that nobody escaped
        "{'content': 'x', 'summary': 'It's so.'}",
        '{"content": "x", "summary": "C:\\dir"}',  # an escape that JSON does not know
        '{"content": "x", "summary": "{\\"text\\": \\"y\\"}"}',
        '{"content": "x", "summary": "```json\\n{\\"text\\": \\"y\\"}\\n```"}',
        '{"content": "x", "summary": "[\\"y\\"]"}',
        'content: x\nsummary: {"text": "y"}',
        "content: x\nsummary: ｛“text”：“启蒙。”｝",
    ],
)
def test_a_value_that_is_no_plain_text_or_broken_json_is_rt118(text):
    assert codes(text) == {"RT118"}


@pytest.mark.parametrize("answer", ["[1]", "{1, 2} is a set.", "[1] Meng is youth.", '{"a": 1} is an object.'])
def test_brackets_alone_make_no_object_of_a_value(answer):
    assert read(json.dumps({"content": "x", "summary": answer})) == ("x", answer)


def test_faults_are_told_together():
    assert codes('{"title": "x", "summary": "y", "summary": ""}') == {"RT110", "RT111", "RT112"}
    assert codes('标题:"蒙卦"\n正文:"启蒙。"') == {"RT110", "RT111"}


def test_a_fault_names_what_the_teacher_should_change():
    (fault,) = parse('content:"Meng"\nsummary:"Youth."\nnotes:"x"', COLUMNS).faults
    assert "'notes'" in fault.message
    (fault,) = parse('{"content": "Meng"}', COLUMNS).faults
    assert "'summary'" in fault.message


def test_a_fault_stays_short_however_much_is_wrong():
    (missing, fault) = parse("\n".join(f"key{chr(97 + i % 26) * 20}: x" for i in range(99)), COLUMNS, "stop").faults[
        -2:
    ]
    assert len(missing.message) + len(fault.message) < 400
    (_, fault, *_) = parse("content: x\n" + "".join(f"key_{i}: y\n" for i in range(999)), COLUMNS).faults
    assert len(fault.message) < 400


# The pages of the faults


def replies(heading):
    found = []
    for code, page in FAULTS.items():
        blocks = re.findall(rf"^{heading}:\n((?:(?:    .*|(?=\n    ))\n)+)", f"{page}\n", re.MULTILINE)
        assert blocks, f"{code} has no {heading}"
        found.extend((code, dedent(block)) for block in blocks)
    return found


EXAMPLE_ANSWER = "A heron stands still in the water until a fish comes near."


@pytest.mark.parametrize(("code", "reply"), replies("Bad"))
def test_a_bad_reply_of_a_page_has_its_fault_alone(code, reply):
    assert codes(reply, example_answer=EXAMPLE_ANSWER) == {code}


@pytest.mark.parametrize(("code", "reply"), replies("Good"))
def test_a_good_reply_of_a_page_is_taken(code, reply):
    assert read(reply, example_answer=EXAMPLE_ANSWER)


def test_every_fault_has_a_page_with_a_summary():
    assert list(FAULTS) == [f"RT11{n}" for n in range(9)]
    assert all(page.splitlines()[0].endswith(".") for page in FAULTS.values())


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
