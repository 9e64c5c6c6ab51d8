"""A JSON object as teachers write it: strictly where that can be, else mended where no meaning is at stake."""

import json
import re
from typing import Any

from rawtune.synthesis.reading import Reading


class _Pairs(list[tuple[str, Any]]):
    """A JSON object that remembers doubled keys; being no ``str``, it is also told apart as a value."""


_STRICT = json.JSONDecoder(object_pairs_hook=_Pairs)
_WITH_LINE_BREAKS = json.JSONDecoder(object_pairs_hook=_Pairs, strict=False)

# A string in straight, single, curly or full-width quotes. Only the curly ones may hold others of their kind, in pairs.
_STRING = (
    r'(?:"(?:[^"\\]++|\\.)*+"|\'(?:[^\'\\]++|\\.)*+\'|＂(?:[^＂\\]++|\\.)*+＂'
    r"|“(?:[^“”\\]++|\\.|“(?:[^“”\\]++|\\.)*+”)*+”)"
)
_PAIR = re.compile(
    rf"\s*+(?P<key>{_STRING})\s*+[:：]\s*+(?P<value>{_STRING})\s*+(?P<end>[,，]?+\s*+[}}｝]|[,，])", re.DOTALL
)
_ESCAPED = re.compile(r'\\(.)|"', re.DOTALL)


def read_object(text: str, start: int, reading: Reading) -> int:
    """Read the object that opens at ``start``; where it ends, or the end of the text after a fault."""
    for decoder, repair in ((_STRICT, ""), (_WITH_LINE_BREAKS, "bare line breaks within JSON strings read")):
        try:
            pairs, end = decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            broken = error
            continue
        except (ValueError, RecursionError):  # a number of too many digits; too many objects in one another
            reading.fault("RT118", "the reply is not one plain JSON object with two strings")
            return len(text)
        if repair:
            reading.repairs.append(repair)
        break
    else:
        return _read_mended(text, start, broken, reading)
    reading.pairs.extend(pairs)
    reading.closed = True
    return end


def is_object(text: str) -> bool:
    """Whether all of a text is a JSON object, however badly written, or a list that holds more than plain numbers."""
    if text.startswith(("{", "｛")):
        inner = Reading(("", ""))
        return read_object(text, 0, inner) == len(text) and not inner.faults
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(tree, list) and any(isinstance(item, str | list | dict) for item in tree)


def _read_mended(text: str, start: int, broken: json.JSONDecodeError, reading: Reading) -> int:
    """Read an object of strings with full-width punctuation, other quotes or a trailing comma."""
    at = start + 1
    pairs = []
    while pair := _PAIR.match(text, at):
        try:
            pairs.append((_string(pair["key"]), _string(pair["value"])))
        except ValueError:  # an escape that JSON does not know
            break
        at = pair.end()
        if pair["end"][-1] in "}｝":
            reading.repairs.append("JSON punctuation mended")
            reading.pairs.extend(pairs)
            reading.closed = True
            return at
    unclosed = broken.msg.startswith("Unterminated string") or not text[broken.pos :].strip()
    if unclosed or not re.search("[}｝]", text[at:]):
        reading.fault("RT113", "the reply ends in the middle; give the whole of it")
    else:
        near = text[broken.pos : broken.pos + 20].strip()
        reading.fault("RT118", f"the reply is not valid JSON at '{near}'; write quotes within a value as \\\"")
    return len(text)


def _string(literal: str) -> str:
    if literal[0] == '"':
        return str(json.loads(literal, strict=False))

    def as_json(part: re.Match[str]) -> str:
        if part[1] is None:
            return '\\"'
        return part[1] if part[1] in "'“”＂" else part[0]

    return str(json.loads(f'"{_ESCAPED.sub(as_json, literal[1:-1])}"', strict=False))
