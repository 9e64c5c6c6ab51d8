"""JSON written again as it was written before."""

import json
from dataclasses import replace
from typing import Any

from rawtune.dataset.rows import Record


def rewritten(raw: str, value: Any) -> str:
    """``value`` in the style of ``raw``, the JSON it replaces: spacing, indents, escapes, and what stands around it."""
    text = raw.strip()
    start = raw.index(text)
    as_ascii = text.isascii() and "\\u" in text
    first, *rest = text.splitlines()
    if not rest:
        separators = (", ", ": ") if '": ' in first else (",", ":")
        new = json.dumps(value, ensure_ascii=as_ascii, separators=separators)
    else:
        outer, inner = (line[: len(line) - len(line.lstrip())] for line in (rest[-1], rest[0]))
        new = json.dumps(value, ensure_ascii=as_ascii, indent=inner[len(outer) :])
        new = new.replace("\n", ("\r\n" if "\r\n" in text else "\n") + outer)
    return raw[:start] + new + raw[start + len(text) :]


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
