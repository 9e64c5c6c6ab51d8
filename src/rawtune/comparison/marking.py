"""Where an answer departs from its reference, for the eye."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Literal, NamedTuple

_PIECE = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+\s*|\s+|.", re.DOTALL)
_ALIKE = 0.5  # of two texts less alike everything would be marked, which shows nothing


class Piece(NamedTuple):
    """A piece of text that both have (``same``), only the answer (``more``), or only the reference (``less``)."""

    kind: Literal["same", "more", "less"]
    text: str


def differences(text: str, reference: str) -> list[Piece]:
    """The pieces of ``text`` in order, with those of ``reference`` that it lacks; words whole, Chinese by character.

    Texts that have little in common are one piece, unmarked.
    """
    said, wanted = _PIECE.findall(text), _PIECE.findall(reference)
    matcher = SequenceMatcher(None, wanted, said, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return [Piece("same", text)]
    return list(_pieces(matcher, wanted, said))


def _pieces(matcher: SequenceMatcher[str], wanted: list[str], said: list[str]) -> Iterator[Piece]:
    for kind, start, end, at, stop in matcher.get_opcodes():
        if kind == "equal":
            yield Piece("same", "".join(said[at:stop]))
            continue
        if start < end:
            yield Piece("less", "".join(wanted[start:end]))
        if at < stop:
            yield Piece("more", "".join(said[at:stop]))
