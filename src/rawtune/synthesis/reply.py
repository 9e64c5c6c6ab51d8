"""What a teacher sent, to a concept and an answer. Tolerant of form, never guessing at meaning.

Taken: labelled text (``reply_labels``) and a JSON object (``reply_json``), in a code fence or not, with prose around it
where nothing of that prose can belong to a value. What was mended is told. Everything else is a named fault, so that
the teacher can be told what it was; ``FAULTS`` says more of each:

    RT110 missing-column      RT113 cut-off         RT116 example-echoed
    RT111 extra-key           RT114 empty-value     RT117 text-around
    RT112 doubled-key         RT115 refusal         RT118 nested-object
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from rawtune.records import Finding
from rawtune.synthesis.faults import FAULTS
from rawtune.synthesis.reading import Reading
from rawtune.synthesis.reply_json import is_object, read_object
from rawtune.synthesis.reply_labels import keys_in_prose, labels, own_keys, read_labels

__all__ = ["FAULTS", "Parsed", "parse"]

_TOO_LONG = ("RT113", "the reply was cut off at the length limit; answer more briefly")
_UNFINISHED = {
    **dict.fromkeys(("length", "max_tokens", "MAX_TOKENS"), _TOO_LONG),  # OpenAI's, Anthropic's, Google's
    "content_filter": ("RT115", "the endpoint's filter withheld the reply"),
}
_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>", re.IGNORECASE)  # served without a parser for it
_END_OF_THOUGHT = re.compile(r"</(?:think|thinking|thought|reasoning)>\s*", re.IGNORECASE)
_ELSEWHERE = re.compile(r"```|[{｛]")
_FENCE = re.compile(r"```(?:[\w+-]*+[^\S\n]*+(?:\n|(?=[{｛])))?\s*+")
_FENCED = re.compile(r"\s*```(?:[\w+-]*\n)?(.*)```\s*", re.DOTALL)
_END_OF_FENCE = re.compile(r"\s*+```")
_NO_QUESTION = re.compile(r"[.…_\s\"'“”-]*")
_NO_ANSWER = re.compile(r"[\W_]*+(?:null|none|nil|n/?a|无|空|暂无)?[\W_]*+", re.IGNORECASE)
_NOT_WORD = re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W_]")
_REFUSAL = re.compile(
    r"^(?:(?:I['’]m|I am) sorry|Sorry, (?:but )?I|I (?:can(?:no|['’])t|am unable to)|As an AI"
    r"|(?:很?抱歉|对不起)[，,]|我(?:无法|不能)(?:回答|提供|协助|完成)|作为(?:一个|一名)?(?:AI|人工智能))",
    re.IGNORECASE,
)
"""How a reply begins that is no response at all."""
_NO_OPENS = frozenset("AISRUWaisruw你您非很十抱对遗不这该此我作")  # as the pattern that follows is slow
_SAYS_NO = re.compile(
    r"(?:(?:(?:I['’]m|I am|we are) )?(?:(?:so|very|really) )?(?:sorry|afraid)\b|unfortunately|I apologi[sz]e)"
    r"[^.!?\n]{0,60}\b(?:can(?:no|['’])t|unable|not able|won['’]t|don['’]t have)\b"
    r"|I (?:can(?:no|['’])t|am unable to|am not able to|won['’]t|will not) "
    r"(?:help|assist|answer|provide|comply|complete|write|create|generate|summari[sz]e|discuss|continue|do)\b"
    r"|As an? (?:AI|artificial intelligence|(?:large )?language model)\b[^.!?\n]{0,60}\bI\b"
    r"|(?:[你您]好[，,！!])?(?:(?:非常|很|十分)?(?:抱歉|对不起|遗憾|不好意思)[，,。！!][^。！？\n]{0,20}"
    r"(?:无法|不能|不便|没办法|没有办法|不可以)"
    r"|(?:[这该此]个?(?:问题|话题|内容)[，,]?)?我(?:暂时|目前)?(?:无法|不能|没办法)(?:回答|提供|协助|完成|帮助|帮[你您]|生成|讨论|处理|继续|满足)"
    r"|作为(?:一个|一名|一款)?(?:AI|人工智能|大?语言模型)[^。！？，,\n]{0,10}[，,]我)",
    re.IGNORECASE,
)
"""How a text begins that refuses. It must say what cannot be done, as "I am sorry" may well open an answer."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """A reply's two values, or why it has none. ``repairs`` are the safe mendings that were made.

    ``closed`` says that the reply itself shows where the answer ends: it is JSON, or in quotes that close, or in a
    code fence that does. Of quotes that look alike on both sides, those that may have opened within the answer, and
    apostrophes, show nothing.
    """

    concept: str = ""
    answer: str = ""
    repairs: tuple[str, ...] = ()
    faults: tuple[Finding, ...] = ()
    closed: bool = False


def parse(text: str, columns: tuple[str, str], finish_reason: str = "stop", example_answer: str = "") -> Parsed:
    """Read one reply. Either ``faults`` is empty and both values are filled, or there are faults.

    ``finish_reason`` is as the endpoint gave it; ``example_answer`` is that of the prompt's worked example.
    """
    reading = Reading(columns)
    if fault := _UNFINISHED.get(finish_reason):
        reading.fault(*fault)
    elif text := _without_thoughts(text.strip().lstrip("\ufeff").lstrip(), reading):
        _read(text, reading)
    elif not reading.faults:
        reading.fault("RT114", "the reply is empty")
    return _judge(reading, example_answer)


def _without_thoughts(text: str, reading: Reading) -> str:
    """The reply behind what a reasoning model thought aloud; some servers leave out the mark that opens it."""
    if text[:1] in "{｛":  # such a mark is part of a value there
        return text
    thought = _THOUGHT.match(text)
    if not thought and "</" not in text:
        return text
    end = _END_OF_THOUGHT.search(text)
    if not end:
        if thought:
            reading.fault("RT113", "the reply ends within its thoughts; give the whole of it")
        return "" if thought else text
    text = text[end.end() :]
    if _END_OF_THOUGHT.search(text):
        reading.fault("RT117", "thoughts and response cannot be told apart; give the response alone")
        return ""
    reading.repairs.append("thoughts before the response removed")
    return text


def _read(text: str, reading: Reading) -> None:
    start = _response_start(text, reading)
    if start < 0:
        if _REFUSAL.match(text) or _SAYS_NO.match(text):
            reading.fault("RT115", "the reply refuses instead of answering")
        else:
            reading.pairs.extend((key, "") for key in own_keys(text))
        return
    if text.startswith("```", start):
        end = _read_fence(text, start, reading)
    elif text[start] in "{｛":
        end = read_object(text, start, reading)
        if text[end:].strip() == "```":
            end = len(text)
            reading.repairs.append("code fence removed")
    else:
        end = read_labels(text, start, reading)
    if (start or end < len(text)) and not reading.faults:
        _leave_out(text[:start].strip(), text[end:].strip(), reading)


def _response_start(text: str, reading: Reading) -> int:
    """Where the first code fence, object or label of a column begins; -1 if there is none."""
    if text.startswith(("{", "｛", "```")):
        return 0
    label = next((label.start() for label in labels(text) if reading.column(label["key"])), -1)
    other = _ELSEWHERE.search(text, 0, label if label >= 0 else len(text))
    return other.start() if other else label


def _read_fence(text: str, start: int, reading: Reading) -> int:
    """Read what stands in a code fence; where the fence ends. An object in it may itself hold the marks of a fence."""
    reading.repairs.append("code fence removed")
    opening = _FENCE.match(text, start)
    body = opening.end() if opening else start
    if text[body : body + 1] in ("{", "｛"):
        end = read_object(text, body, reading)
        closing = _END_OF_FENCE.match(text, end)
        after = closing.end() if closing else -1
    else:
        end = text.find("```", body)
        after = end + 3 if end >= 0 else -1
        if end >= 0:
            _read(text[body:end].strip() or "-", reading)
            reading.closed = True
    if after < 0 and not reading.faults:
        if end >= 0 and "```" in text[end:]:
            reading.fault("RT117", "there is other text beside the object in the code fence")
        else:
            reading.fault("RT113", "the code fence is not closed; give the whole of the response")
    return after


def _leave_out(before: str, after: str, reading: Reading) -> None:
    """Judge the text around the response: prose is left out, anything that may belong to it is a fault."""
    if (before, after) == ("[", "]"):
        reading.repairs.append("list around the one object removed")
        return
    for prose in (before, after):
        if _SAYS_NO.match(prose):
            reading.fault("RT115", "the reply refuses beside its response")
        elif _ELSEWHERE.search(prose) or any(reading.column(label["key"]) for label in labels(prose)):
            reading.fault("RT117", "there is more than one response, or other text around it")
        else:
            reading.pairs.extend((key, "") for key in keys_in_prose(prose))
    reading.repairs.append("text around the response removed")


def _judge(reading: Reading, example_answer: str) -> Parsed:
    if not reading.faults:
        values = _values(reading)
        if not reading.faults and _echoes(values[reading.columns[1]], example_answer):
            reading.fault("RT116", "the reply repeats the worked example instead of answering for the passage")
    if reading.faults:
        return Parsed(faults=tuple(reading.faults))
    return Parsed(values[reading.columns[0]], values[reading.columns[1]], tuple(reading.repairs), closed=reading.closed)


def _values(reading: Reading) -> dict[str, str]:
    """Both columns' values, complete where no fault was found."""
    values: dict[str, str] = {}
    doubled: list[str] = []
    extra: list[str] = []
    for key, value in reading.pairs:
        column = reading.column(key)
        if column is None:
            extra.append(key.strip()[:40])
        elif column in values:
            doubled.append(column)
        else:
            values[column] = _value(column, value, reading)
            if key != column:
                reading.repairs.append(f"key '{key[:40]}' read as '{column}'")
    if extra:
        extra = list(dict.fromkeys(extra))
        named = ", ".join(f"'{key}'" for key in extra[:5])
        keys, belong = ("key", "does") if len(extra) == 1 else ("keys", "do")
        allowed = " and ".join(reading.columns)
        reading.fault("RT111", f"the {keys} {named} {belong} not belong there; only {allowed} do")
    for column in dict.fromkeys(doubled):
        reading.fault("RT112", f"the key '{column}' stands there twice")
    for column in reading.columns:
        if column not in values:
            reading.fault("RT110", f"the key '{column}' is missing")
    return values


def _value(column: str, value: object, reading: Reading) -> str:
    if not isinstance(value, str) or not _is_storable(value):
        reading.fault("RT118", f"the value of '{column}' must be plain text")
        return ""
    value = value.strip()
    is_answer = column == reading.columns[1]
    if (len(value) < 5 or not value[0].isalnum()) and (_NO_ANSWER if is_answer else _NO_QUESTION).fullmatch(value):
        reading.fault("RT114", f"the value of '{column}' is empty")
    elif value[0] in "{｛[`" and is_object(_FENCED.sub(r"\1", value).strip() if value[0] == "`" else value):
        reading.fault("RT118", f"the value of '{column}' is itself an object; it must be plain text")
    elif value[0] in _NO_OPENS and _SAYS_NO.match(value):
        reading.fault("RT115", f"the value of '{column}' refuses instead of answering")
    return value


def _is_storable(value: str) -> bool:
    """Whether UTF-8 can hold it: not the half of a character that a JSON escape can leave."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _echoes(answer: str, example: str) -> bool:
    """Whether an answer is the example's but for white space, punctuation and case."""
    first = _WORD.search(answer)
    words = _words(example)
    # A comparison of all of both costs as much as the reading; most answers begin with another letter.
    return bool(first and words.startswith(first.group().casefold())) and _NOT_WORD.sub("", answer).casefold() == words


@lru_cache(maxsize=4)
def _words(text: str) -> str:
    return _NOT_WORD.sub("", text).casefold()
