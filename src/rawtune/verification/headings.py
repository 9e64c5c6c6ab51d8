"""The headings of passages: what they call the things that they speak of."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import lru_cache

from rawtune.verification.units import CJK, units

_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
_BRACKETS = re.compile(r"\s*[(（].*?[)）]")
_CLOSED = re.compile(r"[。！？.!?…,，；;]$")
_LONGEST = 60  # characters of a heading
_LONG = 5  # characters of Chinese that are hardly in a text by chance
_LATIN = re.compile(rf"[^\W_{CJK}]{{2}}")  # two letters of one word
_SHORTEST = {True: 3, False: 2}  # letters, characters of Chinese
_COMMON = 20  # names stand in fewer passages than one of this many
_FEW = 4  # passages in which a name may stand in any case


def names(passage: str) -> set[str]:
    """What a passage's heading calls it, in small letters: the heading, and without what stands in brackets.

    A heading is a first line that is short and not closed like a sentence.
    """
    return {plain(name) for name in _written(passage)}


def heading(passage: str) -> str:
    """A passage's heading as it is written there; empty if it has none."""
    first = passage.lstrip().partition("\n")[0].strip().lstrip("#").strip()
    return "" if not first or len(first) > _LONGEST or _CLOSED.search(first) else first


def plain(name: str) -> str:
    """As it is looked up in a question: from its first word to its last, in small letters."""
    return _trimmed(name.casefold())


def _written(passage: str) -> list[str]:
    first = heading(passage)
    return [name for name in (_trimmed(first), _trimmed(_BRACKETS.sub("", first))) if name]


def _trimmed(name: str) -> str:
    spans = [match.span() for match in _TOKEN.finditer(name)]
    return name[spans[0][0] : spans[-1][1]] if spans else ""


_own = lru_cache(64)(names)


class Headings:
    """Those headings that are names of things, to be found in a text in time linear in its length.

    A name stands again in the text below it, in English with a capital within a sentence and never without; what many
    passages hold is none.
    """

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._lengths: dict[str, list[int]] = {}  # of the names that begin with these two characters, longest first
        self._firsts: set[str] = set()

    def add(self, passage: str) -> None:
        """Take up what the passage's heading calls it."""
        _, _, body = passage.lstrip().partition("\n")
        self._names.update(name for name in set(_written(passage)) if _is_name(name, body))

    def close(self, counts: Callable[[str], int], passages: int) -> None:
        """Leave out what is common: ``counts`` tells how many of the ``passages`` hold a unit of text."""
        most = max(_FEW, passages // _COMMON)
        lengths = defaultdict(set)
        self._names = {name for name in self._names if min(map(counts, units(name)), default=most + 1) <= most}
        for name in self._names:
            lengths[name[:2]].add(len(name))
        self._lengths = {start: sorted(found, reverse=True) for start, found in lengths.items()}
        self._firsts = {start[0] for start in lengths}

    def foreign(self, text: str, passage: str, known: str) -> Iterator[tuple[int, int]]:
        """Where ``text`` names another thing than its passage does, and than ``known``, which is in small letters.

        The longest name counts. A short Chinese one must end like the passage's own, so that both are of a kind.
        """
        lengths, firsts, end = self._lengths, self._firsts, 0
        for at in [at for at, first in enumerate(text) if first in firsts]:
            if at < end:
                continue
            for length in lengths.get(text[at : at + 2], ()):
                stop = at + length
                if stop <= len(text) and text[at:stop] in self._names and _stands_alone(text, at, stop):
                    end = stop
                    if text[at:stop].lower() not in known and _is_foreign(text[at:stop], passage, known):
                        yield at, stop
                    break


def _is_name(name: str, body: str) -> bool:
    if len(name) < _SHORTEST[name.isascii()] or name not in body:
        return False
    if not name[0].isascii():
        return True
    word = re.escape(name)
    return re.search(rf"[a-z,] {word}\b", body) is not None and not re.search(rf"\b{word.lower()}\b", body)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether no Latin word goes on beyond either end."""
    return not (_LATIN.match(text, start - 1) if start else None) and not _LATIN.match(text, end - 1)


def _is_foreign(name: str, passage: str, known: str) -> bool:
    own = _own(passage)
    if any(name.lower() in other for other in own):
        return False
    if name.isascii():
        return True
    return (len(name) >= _LONG or any(name[-1] == other[-1] for other in own)) and not set(name) <= set(known)
