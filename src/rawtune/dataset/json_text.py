"""JSON text: single values of it replaced, and faults that are not seen once it is read."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from rawtune.dataset.rows import Record

_SPACE = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


def rewritten(raw: str, value: Any) -> str:
    """``raw`` with those values replaced that differ in ``value``, in its style; every other character stays."""
    text = raw.strip()
    as_ascii = text.isascii() and "\\u" in text
    separators = (", ", ": ") if '": ' in text else (",", ":")
    parts, end = [], 0
    for start, stop, new in _edits(raw, raw.index(text), value):
        parts += [raw[end:start], json.dumps(new, ensure_ascii=as_ascii, separators=separators)]
        end = stop
    return "".join([*parts, raw[end:]])


def _edits(text: str, at: int, new: Any) -> Iterator[tuple[int, int, Any]]:
    """What to put in place of which characters, so that the value that begins ``at`` becomes ``new``."""
    old, end = _decode(text, at)
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        changed = [key for key in old if old[key] != new[key]]
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        changed = [index for index, item in enumerate(old) if item != new[index]]
    else:
        yield at, end, new
        return
    places = _places(text, at) if changed else {}
    for key in sorted(changed, key=places.__getitem__):
        yield from _edits(text, places[key], new[key])


def _places(text: str, at: int) -> dict[Any, int]:
    """Where each value of the object or array that begins ``at`` begins itself; of a doubled key, the last."""
    places: dict[Any, int] = {}
    has_keys = text[at] == "{"
    at = _after_space(text, at + 1)
    while text[at] not in "}]":
        key: Any = len(places)
        if has_keys:
            key, at = _decode(text, at)
            at = _after_space(text, _after_space(text, at) + 1)
        places[key] = at
        at = _after_space(text, _decode(text, at)[1])
        if text[at] == ",":
            at = _after_space(text, at + 1)
    return places


def _after_space(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


class Doubled(dict[str, Any]):
    """A JSON object that has a key twice, with the last value of each, as ``json`` reads it."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.counts = Counter(key for key, _ in pairs)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    return plain if len(plain) == len(pairs) else Doubled(pairs)


DECODER = json.JSONDecoder(object_pairs_hook=_object)
"""Reads JSON as ``json`` does; an object with a key twice becomes a ``Doubled``."""


def doubled(row: Any, keys: Iterable[str]) -> str:
    """The fault if ``row`` has one of ``keys`` twice: readers differ in which of the values they take."""
    counts = row.counts if isinstance(row, Doubled) else {}
    return next((f"the key '{key}' stands there twice" for key in keys if counts.get(key, 0) > 1), "")


def lone_surrogate(record: Record) -> Record:
    r"""A fault if a text has half a pair such as ``\ud83d``: it is no character, and no file could hold it."""
    for turn in record.turns:
        for column, text in ((turn.question_column, turn.question), (turn.answer_column, turn.answer)):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                code = ord(text[error.start])
                return record._replace(turns=(), fault=f"'{column}' holds half a character: \\u{code:04x}")
    return record
