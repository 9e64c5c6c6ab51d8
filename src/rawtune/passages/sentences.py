"""Where sentences end, in Chinese and English."""

import re

# A Chinese full stop ends a sentence wherever it stands; a Western one only before white space, so that 3.14 and
# example.com stay whole. Closing quotes and brackets belong to the sentence they close. ASCII: an abbreviation may
# follow a Chinese character directly.
_END = re.compile(r"(?:[。！？]+|[.!?]+(?=[\"'”’)\]]*(?:\s|$)))[\"'”’」』）)\]]*")
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|vs|etc|cf|No|Fig|e\.g|i\.e)\.$", re.ASCII)

_LONGEST_ABBREVIATION = 8
"""Characters to look back; to look back to the sentence's start would take quadratic time on a line of initials."""


def spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the sentences of ``text``, without the white space around them.

    A line end also ends a sentence: headings and list items carry no full stop. Every character that is not white
    space lies in exactly one span.
    """
    found = []
    for line in re.finditer(r"[^\n]+", text):
        start = line.start()
        for end in _END.finditer(text, line.start(), line.end()):
            if not _ABBREVIATION.search(text, max(start, end.end() - _LONGEST_ABBREVIATION), end.end()):
                found.append((start, end.end()))
                start = end.end()
        found.append((start, line.end()))
    return [trimmed for span in found if (trimmed := trim(text, *span))]


def trim(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The span without white space at its ends; None if nothing else is in it."""
    piece = text[start:end]
    if not piece.strip():
        return None
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
