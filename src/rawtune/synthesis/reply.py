"""What a teacher sent, to a concept and an answer. Tolerant of form, never guessing at meaning.

Taken: labelled text (quotes and full-width punctuation optional, bold markers, keys in any case and order), a JSON
object, either of them in a code fence. Everything else is a named fault, so that the teacher can be told what it was:

    RT110 missing-column      RT113 cut-off         RT116 example-echoed
    RT111 extra-key           RT114 empty-value     RT117 text-around
    RT112 doubled-key         RT115 refusal         RT118 nested-object
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from rawtune.records import Finding

_THOUGHT = re.compile(r"<think>.*?</think>\s*", re.DOTALL)  # of reasoning models served without a parser for it
_FENCE = re.compile(r"```[\w-]*[^\S\n]*\n(?P<body>(?:[^`]++|`(?!``))*+)```")
_LABEL = re.compile(
    r"^[^\S\n]*(?:[-*#>]+[^\S\n]*)?[\"'“”*`]*(?P<key>[^\W\d][\w ]{0,39}?)[\"'“”*`]*[^\S\n]*[:：](?!//)[*]*[^\S\n]*",
    re.MULTILINE,
)
_INLINE_KEY = re.compile(r'"[^\S\n]*[,，;；]?[^\S\n]*"?(?P<key>[^\W\d][\w ]{0,39})"?[^\S\n]*[:：][^\S\n]*["“]')
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")  # what a JSON escape such as "\\ud83d" leaves, and no file can hold
_QUOTES = {'"': '"', "“": "”", "”": "”", "「": "」", "'": "'", "＂": "＂"}
_ALIKE = "\"'＂"  # on both sides; the last one before a cut may have opened within the value
_MAY_OPEN = re.compile(r"[\s,，:：;；、（(\[【]$")  # what stands before a quote that opens
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_REFUSAL = re.compile(
    r"^(?:(?:I['’]m|I am) sorry|Sorry, (?:but )?I|I (?:can(?:no|['’])t|am unable to)|As an AI"
    r"|(?:很?抱歉|对不起)[，,]|我(?:无法|不能)(?:回答|提供|协助|完成)|作为(?:一个|一名)?(?:AI|人工智能))",
    re.IGNORECASE,
)


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


@dataclass(slots=True)
class _Reading:
    """Key and value pairs in the order in which they stand, with what was noticed on the way."""

    pairs: list[tuple[str, Any]] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    faults: list[Finding] = field(default_factory=list)
    closed: bool = False

    def fault(self, code: str, message: str) -> None:
        self.faults.append(Finding(code, message))


def parse(text: str, columns: tuple[str, str], finish_reason: str = "stop", example_answer: str = "") -> Parsed:
    """Read one reply. Either ``faults`` is empty and both values are filled, or there are faults."""
    text = text.strip().lstrip("\ufeff").lstrip()
    if finish_reason == "length":
        return Parsed(faults=(Finding("RT113", "the reply was cut off at the length limit; answer more briefly"),))
    if not text:
        return Parsed(faults=(Finding("RT114", "the reply is empty"),))
    if _REFUSAL.match(text):
        return Parsed(faults=(Finding("RT115", "the reply refuses instead of answering"),))
    reading = _Reading()
    if thought := _THOUGHT.match(text):
        text = text[thought.end() :]
        reading.repairs.append("thoughts before the response removed")
    if fence := _FENCE.fullmatch(text):
        text = fence["body"].strip()
        reading.closed = True
        reading.repairs.append("code fence removed")
    if text.startswith("```") and text.count("```") == 1:
        reading.fault("RT113", "the code fence is not closed; give the whole of the response")
    elif text.startswith("```"):
        reading.fault("RT117", "there is other text around the code fence")
    elif text.startswith(("{", "｛")):
        _read_json(text, reading)
    else:
        _read_labels(text, columns, reading)
    return _judge(reading, columns, example_answer)


def _judge(reading: _Reading, columns: tuple[str, str], example_answer: str) -> Parsed:
    if reading.faults:
        return Parsed(faults=tuple(reading.faults))
    values: dict[str, str] = {}
    known = {column.casefold(): column for column in columns}
    for key, value in reading.pairs:
        column = known.get(key.strip().casefold())
        if column is None:
            reading.fault("RT111", f"the key '{key.strip()}' does not belong there; only {' and '.join(columns)} do")
        elif column in values:
            reading.fault("RT112", f"the key '{column}' stands there twice")
        elif not isinstance(value, str) or _HALF_CHARACTER.search(value):
            reading.fault("RT118", f"the value of '{column}' must be plain text")
        elif not value.strip():
            reading.fault("RT114", f"the value of '{column}' is empty")
        else:
            values[column] = value.strip()
        if column is not None and key != column:
            reading.repairs.append(f"key '{key}' read as '{column}'")
    found = {key.strip().casefold() for key, _ in reading.pairs}
    for column in columns:
        if column.casefold() not in found:
            reading.fault("RT110", f"the key '{column}' is missing")
    if not reading.faults and example_answer and values[columns[1]] == example_answer.strip():
        reading.fault("RT116", "the reply repeats the worked example instead of answering for the passage")
    if reading.faults:
        return Parsed(faults=tuple(reading.faults))
    return Parsed(values[columns[0]], values[columns[1]], tuple(reading.repairs), closed=reading.closed)


def _read_json(text: str, reading: _Reading) -> None:
    try:
        tree, end = _DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        mended = _mend_json(text)
        try:
            tree, end = _DECODER.raw_decode(mended)
        except (ValueError, RecursionError):
            if text.rstrip().endswith(("}", "｝")):
                reading.fault("RT118", "the reply is not valid JSON")
            else:
                reading.fault("RT113", "the reply ends in the middle; give the whole of it")
            return
        reading.repairs.append("JSON punctuation mended")
        text = mended
    if text[end:].strip():
        reading.fault("RT117", "there is other text around the response")
    reading.pairs.extend(tree)
    reading.closed = True


class _Pairs(list[tuple[str, Any]]):
    """A JSON object that remembers doubled keys; being no ``str``, it is also told apart as a value."""


_DECODER = json.JSONDecoder(object_pairs_hook=_Pairs, strict=False)


def _mend_json(text: str) -> str:
    """Full-width punctuation between the values made ASCII, trailing commas removed; strings are left alone."""
    pieces = re.split(r'("(?:[^"\\]|\\.)*")', text, flags=re.DOTALL)
    for i in range(0, len(pieces), 2):
        pieces[i] = pieces[i].translate(str.maketrans("｛｝：，", "{}:,"))
    mended = "".join(pieces)
    return re.sub(r",(\s*})\s*$", r"\1", mended)


def _read_labels(text: str, columns: tuple[str, str], reading: _Reading) -> None:
    known = {column.casefold() for column in columns}
    labels = [label for label in _LABEL.finditer(text) if label["key"].strip().casefold() in known]
    if not labels:
        reading.pairs.extend((label["key"], "") for label in _LABEL.finditer(text) if _is_key(text, label))
        return
    if text[: labels[0].start()].strip():
        reading.fault("RT117", f"there is other text before '{labels[0]['key'].strip()}'")
    for label, following in zip(labels, [*labels[1:], None], strict=True):
        raw = text[label.end() : following.start() if following else len(text)].strip().rstrip("*` \n")
        value, rest = _unquote(raw, reading)
        reading.pairs.append((label["key"].strip(), value))
        if label["key"].strip().casefold() == columns[1].casefold() and rest is not raw:
            reading.closed |= raw[0] not in _ALIKE or (raw[0] != "'" and not _MAY_OPEN.search(value))
        others = [key for key in _other_keys(raw, value, rest) if key.casefold() not in known]
        reading.pairs.extend((key, "") for key in others)
        if not others and (rest.strip() if rest is not raw else _BLANK_LINE.search(raw)):
            reading.fault("RT117", f"there is other text after the value of '{label['key'].strip()}'")


def _other_keys(raw: str, value: str, rest: str) -> list[str]:
    """Keys of the teacher's own making that stand in or behind a value.

    Without quotes nothing tells where a value ends, so there every further line that opens like a key is one. Within
    straight quotes, a quote that closes and is followed by a key and another quote ended the value.
    """
    if rest is raw:
        return [label["key"].strip() for label in _LABEL.finditer(raw) if label.start()]
    inside = [key["key"] for key in _INLINE_KEY.finditer(value) if value.count('"', 0, key.start()) % 2 == 0]
    return inside + [label["key"].strip() for label in _LABEL.finditer(rest) if _is_key(rest, label)]


def _unquote(raw: str, reading: _Reading) -> tuple[str, str]:
    """The value and what stands behind it; without quotes the whole is the value and is searched for further keys."""
    closing = _QUOTES.get(raw[:1])
    if closing is None:
        return raw, raw
    body = raw[1:]
    # The last closing quote before a line that starts a new key, so that quotes inside the value survive.
    inner = next(
        (match.start() for match in _LABEL.finditer(body) if match.start() and _is_key(body, match)), len(body)
    )
    end = body.rfind(closing, 0, inner)
    if end < 0 and raw[0] in "\"'＂" and body.count("”", 0, inner) > body.count("“", 0, inner):
        end = body.rfind("”", 0, inner)  # opened straight, closed curly
    if end < 0:
        reading.fault("RT113", "a value has no closing quote; give the whole of it")
        return body, ""
    return body[:end], body[end + 1 :].lstrip(" ,，;；。")


def _is_key(text: str, label: re.Match[str]) -> bool:
    """Whether a label inside a value is a key of the teacher's own making and not prose such as a time or a name.

    Keys are written in lower-case Latin words (``source:``), or are followed by a quote (``来源："``).
    """
    return bool(re.fullmatch(r"[a-z_]{2,30}", label["key"].strip())) or text[label.end() : label.end() + 1] in _QUOTES
