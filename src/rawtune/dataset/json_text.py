"""JSON text: single values of it replaced, and faults that are not seen once it is read."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
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


def doubled(raw: str, keys: Iterable[str]) -> str:
    """The fault if the object ``raw`` has one of ``keys`` twice: readers differ in which of the values they take."""
    if all(raw.count(f'"{key}"') < 2 for key in keys):
        return ""
    pairs = json.loads(raw, object_pairs_hook=list)  # the outermost object is the last to become a list
    found = Counter(key for key, _ in pairs)
    return next((f"the key '{key}' stands there twice" for key in keys if found[key] > 1), "")


def lone_surrogate(record: Record) -> Record:
    r"""A fault if a text has half a pair such as ``\ud83d``: it is no character, and no file could hold it."""
    for turn in record.turns:
        for column, text in ((turn.question_column, turn.question), (turn.answer_column, turn.answer)):
            try:
                text.encode()
            except UnicodeEncodeError as error:
                code = ord(text[error.start])
                return replace(record, turns=(), fault=f"'{column}' holds half a character: \\u{code:04x}")
    return record
