"""Faults of form: what is left of a reply that was taken apart badly, or that was bad already."""

import json
from dataclasses import replace

from rawtune.testing.fault import Field, Sample, fault, join, sentences

_EXTRA_KEYS = {
    "zh": ("interpretation", "source", "comment", "来源", "出处", "备注", "注释", "点评"),
    "en": ("interpretation", "source", "comment", "note", "explanation"),
}
_EXTRA_VALUES = {
    "zh": ("《周易》注本", "以上内容仅供参考", "见第三章", "这是一段概括"),
    "en": ("The Book of Changes", "for reference only", "see chapter three", "this sums the passage up"),
}
_SLOTS = ("{concept}", "{}", "{{concept}}", "${concept}", "{name}", "｛concept｝")
_TOKENS = ("<|im_end|>", "<|endoftext|>", "</s>", "[/INST]", "<|eot_id|>", "<|assistant|>", "<|im_start|>assistant")
_REFUSALS = {
    "zh": (
        "抱歉，我无法回答这个问题。",
        "对不起，作为一个人工智能语言模型，我不能提供相关内容。",
        "很抱歉，我没有足够的信息来回答您的问题。",
        "作为AI助手，我无法提供这方面的解释，请咨询专业人士。",
    ),
    "en": (
        "I'm sorry, but I can't help with that request.",
        "As an AI language model, I am unable to answer this question.",
        "I apologize, but I cannot provide information on this topic.",
        "Sorry, I don't have enough information to answer that.",
    ),
}
_LEAST_CUT = {"zh": 14, "en": 45}
"""Characters before a cut: what is shorter may be a whole phrase."""


@fault("schema-key", "RT101")
def schema_key(row: Sample, field: Field) -> Sample:
    """The answer still carries the key of the response format, its value in quotes."""
    key = field.chance.choice(("summary", "answer"))
    form = field.chance.choice(('{0}:"{1}"', '{0}: "{1}"', "{0}：“{1}”", '"{0}": "{1}"', '{0}："{1}"'))
    return replace(row, answer=form.format(key, row.answer.strip()))


@fault("extra-key", "RT101", implies=("RT2",))
def extra_key(row: Sample, field: Field) -> Sample:
    """Behind the answer stands a key that the teacher made up, with its value."""
    key = field.chance.choice(_EXTRA_KEYS[row.language])
    value = field.chance.choice(_EXTRA_VALUES[row.language])
    form = field.chance.choice(('\n{0}:"{1}"', ' {0}: "{1}"', "\n{0}：“{1}”", '", "{0}": "{1}"'))
    return replace(row, answer=row.answer.strip() + form.format(key, value))


@fault("doubled-key", "RT101")
def doubled_key(row: Sample, field: Field) -> Sample:
    """The reply held its keys twice, and the second pair went into the answer of the first."""
    name = row.concept or row.question
    form = field.chance.choice(('\ncontent:"{0}"\nsummary:"{1}"', '" content: "{0}" summary: "{1}', ' summary:"{1}"'))
    return replace(row, answer=row.answer.strip() + form.format(name, row.answer.strip()))


@fault("nested-json", "RT104", "RT101")
def nested_json(row: Sample, field: Field) -> Sample:
    """The answer is a JSON object which holds the answer."""
    key = field.chance.choice(("summary", "answer", "text", "回答" if row.language == "zh" else "reply"))
    tree = (
        {key: row.answer} if field.chance.random() < 0.5 else {"content": row.concept or row.question, key: row.answer}
    )
    text = json.dumps(tree, ensure_ascii=False, indent=field.chance.choice((None, None, 2)))
    return replace(row, answer=text)


@fault("stray-quote", "RT102")
def stray_quote(row: Sample, field: Field) -> Sample | None:
    """A single quote mark, straight or curly, opens or closes nothing."""
    if any(quote in row.answer for quote in '"“”「」'):
        return None
    parts = sentences(row.answer)
    at = field.chance.randrange(len(parts))
    mark = field.chance.choice('""“”')
    body = parts[at].rstrip()
    parts[at] = (body + mark if field.chance.random() < 0.5 else mark + body) + parts[at][len(body) :]
    return replace(row, answer="".join(parts))


@fault("literal-newline", "RT105")
def literal_newline(row: Sample, field: Field) -> Sample | None:
    """A backslash and an n stand where a line should end."""
    parts = [part.strip() for part in sentences(row.answer)]
    if len(parts) < 2:
        return None
    at = field.chance.randrange(1, len(parts))
    mark = field.chance.choice(("\\n", "\\n\\n", "\\r\\n"))
    return replace(row, answer=join(row.language, *parts[:at]) + mark + join(row.language, *parts[at:]))


@fault("cut-off", "RT106")
def cut_off(row: Sample, field: Field) -> Sample | None:
    """The answer ends in the midst of a sentence: its last, its first or any other."""
    parts = sentences(row.answer)
    at = field.chance.randrange(len(parts))
    ahead, cut = "".join(parts[:at]), parts[at].rstrip()
    end = int(len(cut) * field.chance.uniform(0.3, 0.85))
    text = (ahead + cut[:end]).rstrip()
    if end < 4 or len(text) < _LEAST_CUT[row.language] or not text[-1].isalnum() or text[-1].isdigit():
        return None
    return replace(row, answer=text)


@fault("unfilled-template", "RT103")
def unfilled_template(row: Sample, field: Field) -> Sample | None:
    """The question holds the slot of its template instead of the concept."""
    name = row.concept if row.concept in row.question else row.name
    if not name or name not in row.question:
        return None
    return replace(row, question=row.question.replace(name, field.chance.choice(_SLOTS)))


@fault("template-token", "RT107")
def template_token(row: Sample, field: Field) -> Sample:
    """A token of a chat template stands at the end of the answer, or before it."""
    token = field.chance.choice(_TOKENS)
    answer = row.answer.strip()
    return replace(row, answer=answer + token if field.chance.random() < 0.7 else f"{token}\n{answer}")


@fault("unclosed-fence", "RT107", "RT104", "RT101")
def unclosed_fence(row: Sample, field: Field) -> Sample:
    """The answer begins with a fence that is never closed."""
    return replace(row, answer=field.chance.choice(("```\n", "```text\n", "```json\n", "```markdown\n")) + row.answer)


@fault("repetition", "RT108")
def repetition(row: Sample, field: Field) -> Sample:
    """The teacher fell into a loop: a sentence, or a few words, again and again, until it was stopped."""
    parts = sentences(row.answer)
    last = parts[-1].strip()
    if field.chance.random() < 0.5:
        loop = [last] * field.chance.randint(5, 15)
        return replace(row, answer=join(row.language, *parts, *loop))
    size = field.chance.randint(2, 6)
    phrase = last[:size] if row.language == "zh" else " ".join(last.split()[:size])
    stop = "。" if row.language == "zh" else "."
    loop = [phrase] * field.chance.randint(12, 30)
    return replace(row, answer=join(row.language, *parts[:-1], *loop) + stop)


@fault("empty-answer", "RT114", implies=("RT2", "RT3", "RT4"))
def empty_answer(row: Sample, field: Field) -> Sample:
    """There is no answer, or nothing but white space."""
    return replace(row, answer=field.chance.choice(("", " ", "\n", "\u3000", " \n ")))


@fault("refusal", "RT115", implies=("RT2", "RT4"))
def refusal(row: Sample, field: Field) -> Sample:
    """The teacher refused, or said that it did not know."""
    return replace(row, answer=field.chance.choice(_REFUSALS[row.language]))


@fault("broken-characters", "RT119", implies=("RT2", "RT3"))
def broken_characters(row: Sample, field: Field) -> Sample | None:
    """Characters were lost in decoding: replacement characters, or UTF-8 read as another encoding."""
    if len(row.answer) < 10:
        return None
    at = field.chance.randrange(3, len(row.answer) - 3)
    way = field.chance.randrange(3)
    if way == 0:
        broken = "\ufffd" * field.chance.randint(1, 3)
    elif row.language == "zh":
        broken = "锟斤拷" if way == 1 else row.answer[at : at + 3].encode().decode("cp1252", errors="replace")
    else:
        broken = "â€™" if way == 1 else "â€œ"
    return replace(row, answer=row.answer[:at] + broken + row.answer[at + 1 :])


FAULTS = (
    *(schema_key, extra_key, doubled_key, nested_json, stray_quote, literal_newline, cut_off, unfilled_template),
    *(template_token, unclosed_fence, repetition, empty_answer, refusal, broken_characters),
)
