"""Labelled text: ``key: value`` lines, in quotes of many kinds or in none."""

import re
from collections.abc import Iterator
from itertools import pairwise

from rawtune.synthesis.reading import Reading

_LABEL = re.compile(
    r"[^\S\n]*+(?:(?:[-*#>]++|\d{1,2}[.)、])[^\S\n]*+)?+[\"'“”‘’「」【】*`]*+"
    r"(?P<key>[^\W\d][\w ]{0,39}?)[\"'“”‘’「」【】*`]*+[^\S\n]*+[:：](?!//)\**+[^\S\n]*+"
)
_INLINE_KEY = re.compile(r'"[^\S\n]*+[,，;；]?+[^\S\n]*+"?+(?P<key>[^\W\d][\w ]{0,39})"?+[^\S\n]*+[:：][^\S\n]*+["“]')
_BETWEEN = re.compile(r"[^\S\n]*+[,，;；、]?+[^\S\n]*+")  # two labels that share a line
_QUOTES = {'"': '"', "“": "”", "”": "”", "「": "」", "『": "』", "'": "'", "‘": "’", "＂": "＂", '"""': '"""'}
_ALIKE = ('"', "＂", '"""', "”")  # on both sides; the last one before a cut may have opened within the value
_APOSTROPHES = ("'", "‘")
_BEFORE_OPENING = tuple(",，:：;；、（([【")
_CLOSES = re.compile(
    r'[^"]*+(?<=[^\s"(（\[【:：,，、;；])"(?=[\s,.;:!?，。；：！？、)）])'
)  # the first quote within is a last one
_DECORATION = " \t\r\n,，;；。*`_=#-"
_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n")
_CHATTER = re.compile(
    r"[(（]?(?:(?:I )?hope (?:this|that|it)|let me know|feel free|please (?:let|note)|is there anything"
    r"|希望(?:这|以上|上述|对[你您])|如(?:需|有(?:需要|疑问|问题|其他|任何))|如果[你您]|以上(?:内容|就是|是|为)|请注意)",
    re.IGNORECASE,
)


def labels(text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """What opens like ``key:`` at ``start`` and at the beginning of every line behind it."""
    while True:
        if label := _LABEL.match(text, start):
            yield label
        start = text.find("\n", start) + 1
        if not start:
            return


def own_keys(text: str) -> list[str]:
    """Keys of the teacher's own making, which are certainly no prose."""
    return [label["key"].strip() for label in labels(text) if _is_key(text, label)]


def keys_in_prose(text: str) -> list[str]:
    """Keys of the teacher's own making beside the response: one or two words, a colon, and something behind it."""
    found = []
    for label in labels(text):
        line_end = text.find("\n", label.end())
        said = text[label.end() : line_end if line_end >= 0 else len(text)].strip()
        if said and label["key"].strip().count(" ") < 2 and len(label["key"]) <= 20:
            found.append(label["key"].strip())
    return found


def read_labels(text: str, start: int, reading: Reading) -> int:
    """Read the labels of the two columns from ``start`` on; where the prose behind the last value begins, if any."""
    found = [label for label in labels(text, start) if reading.column(label["key"])]
    if len(found) == 1 and (second := _on_one_line(text, found[0], reading)):
        found.append(second)
    for label, following in pairwise(found):
        rest = _read_value(label["key"].strip(), text[label.end() : following.start()], reading, is_last=False)
        if rest.strip():
            reading.fault("RT117", f"there is other text after the value of '{label['key'].strip()}'")
    rest = _read_value(found[-1]["key"].strip(), text[found[-1].end() :], reading)
    return len(text) - len(rest)


def _on_one_line(text: str, first: re.Match[str], reading: Reading) -> re.Match[str] | None:
    """The other column's label behind a value in quotes on the same line, if it opens a quote, too.

    Without the quotes it could be words of the value: "content: In summary: ...".
    """
    closing = _QUOTES.get(text[first.end() : first.end() + 1])
    end = text.find(closing, first.end() + 1) if closing else -1
    if end < 0 or not (between := _BETWEEN.match(text, end + 1)):
        return None
    second = _LABEL.match(text, between.end())
    if not second or text[second.end() : second.end() + 1] not in _QUOTES:
        return None
    if reading.column(second["key"]) in (None, reading.column(first["key"])):
        return None
    reading.repairs.append("keys on one line taken apart")
    return second


def _read_value(key: str, raw: str, reading: Reading, *, is_last: bool = True) -> str:
    """Read the value of one label; text behind it that may be prose around the response is given back."""
    raw = raw.strip()
    opening = '"""' if raw.startswith('"""') and len(raw) > 5 else raw[:1]
    if opening not in _QUOTES:
        _read_bare(key, raw, reading)
        return ""
    value, rest = _unquote(raw, opening, reading)
    reading.pairs.append((key, value))
    # Opened in one kind of quote and closed in another, it may be the last one within the value, too.
    matched = raw.startswith(_QUOTES[opening], len(opening) + len(value))
    alike = opening in _ALIKE or not matched
    if reading.column(key) == reading.columns[1] and opening not in _APOSTROPHES and matched:
        reading.closed |= not alike or (opening not in value and value[-1:] not in _BEFORE_OPENING)
    if is_last and alike and value[-1:].isspace() and not reading.faults:
        reading.fault("RT113", "the reply ends in a space and a quote, as if cut off; give the whole of it")
    foreign = [*_inline_keys(value), *own_keys(rest)]
    reading.pairs.extend((found, "") for found in foreign)
    if not foreign and opening == '"' and _CLOSES.match(value):
        reading.fault("RT117", f"the value of '{key}' closes its first quote before its end; put all of it in quotes")
    if foreign or not rest.strip(_DECORATION):
        return ""
    whole = opening not in _APOSTROPHES and (not alike or value.count(opening) % 2 == 0)
    if not whole or "\n" not in rest[: len(rest) - len(rest.lstrip(_DECORATION))]:
        reading.fault("RT117", f"there is other text after the value of '{key}'")
        return ""
    reading.closed = False  # the last quote before the prose may have closed within a value that was cut off
    return rest


def _read_bare(key: str, raw: str, reading: Reading) -> None:
    """Read a value without quotes. Nothing tells where it ends, so every further line like a key is taken for one."""
    for mark in ("**", "*", "`"):
        if raw.endswith(mark) and raw.count(mark) % 2 and not raw.endswith("```"):
            raw = raw.removesuffix(mark).rstrip()  # of a pair around label and value
    reading.pairs.append((key, raw))
    if "\n" not in raw:
        return
    foreign = [label["key"].strip() for label in labels(raw, raw.find("\n") + 1)]
    reading.pairs.extend((found, "") for found in foreign)
    is_question = reading.column(key) == reading.columns[0]
    chatter = _CHATTER.match(raw, raw.rfind("\n") + 1)
    if not foreign and (is_question or chatter or raw.count("```") % 2 or _BLANK_LINE.search(raw)):
        reading.fault(
            "RT117", f"it cannot be told where the value of '{key}' ends; put it in quotes, without other text"
        )


def _unquote(raw: str, opening: str, reading: Reading) -> tuple[str, str]:
    """The value within its quotes, and what stands behind it."""
    closing = _QUOTES[opening]
    body = raw[len(opening) :]
    # The last closing quote before a line that starts a new key, so that quotes inside the value survive.
    inner = next((label.start() for label in labels(body) if label.start() and _is_key(body, label)), len(body))
    end = body.rfind(closing, 0, inner)
    if end < 0 and opening in "\"'＂" and body.count("”", 0, inner) > body.count("“", 0, inner):
        closing, end = "”", body.rfind("”", 0, inner)  # opened straight, closed curly
    if end < 0 and opening == "“" and body.count('"', 0, inner) == 1:
        closing, end = '"', body.find('"')  # opened curly, closed straight
    if end < 0:
        reading.fault("RT113", "a value has no closing quote; give the whole of it")
        return body[:inner], body[inner:]
    value = body[:end]
    if opening in "“「『" and not _pairs(value, opening, _QUOTES[opening]):
        reading.fault("RT113", "a value has no closing quote; give the whole of it")
    return value, body[end + len(closing) :]


def _pairs(value: str, opening: str, closing: str) -> bool:
    """Whether every quote within the value has its partner there."""
    depth = 0
    for quote in re.findall(f"[{opening}{closing}]", value):
        depth += 1 if quote == opening else -1
        if depth < 0:
            return False
    return depth == 0


def _inline_keys(value: str) -> list[str]:
    """Keys within straight quotes: one quote closed there, and a key and another quote follow."""
    found = []
    quotes = counted = 0
    for key in _INLINE_KEY.finditer(value) if '"' in value else ():
        quotes += value.count('"', counted, key.start())
        counted = key.start()
        if quotes % 2 == 0:
            found.append(key["key"].strip())
    return found


def _is_key(text: str, label: re.Match[str]) -> bool:
    """Whether a label inside a value is a key of the teacher's own making and not prose such as a time or a name.

    Keys are written in lower-case Latin words (``source:``), or are followed by a quote (``来源："``).
    """
    return bool(re.fullmatch(r"[a-z_]{2,30}", label["key"].strip())) or text[label.end() : label.end() + 1] in _QUOTES
