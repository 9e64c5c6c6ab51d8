"""Passages that say nearly the same, found among all of them at once.

Texts are compared by the Jaccard similarity of their pairs of neighbouring words, of Chinese their characters: what
both hold over what either holds. It is estimated by MinHash (Broder 1997), which rensa computes in the way of fast
similarity sketching (Dahlgaard, Knudsen and Thorup 2017): the share of hashes that two texts have in common, with a
standard deviation of 0.035 at the limit. Of a hash one byte is kept: it tells two apart as well, in a quarter of the
memory (b-bit minwise hashing, Li and König 2010). What may be alike is found by locality-sensitive hashing, in bands of
hashes that are equal as a whole (Indyk and Motwani 1998). rensa can do that, too, but keeps hashes whole, and does not
say who belongs together.
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b

from rensa import RMinHash

LEAST = 0.8
"""The similarity from which on two passages go together.

In the packaged corpora two different passages come to 0.15 at most, while one of some 200 words (or Chinese characters)
of which five were exchanged keeps at least 0.89, and with eight exchanged 0.83.
"""
_BANDS = 32
_HASHES = 4 * _BANDS
"""Four bytes to a band, which are compared as one number. So two texts at the limit are missed once in 20 million
times: each band is equal with a chance of 0.8 ** 4."""
_SEED = 0
_COMPARED = 2
"""Texts of a band that another is compared with: enough, as it meets others in other bands."""

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORDS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")
_SHORT = 32
"""Characters of what may be a word with signs around it, and so come again."""


class NearDuplicates:
    """Texts, added one by one; of each some 130 bytes are kept."""

    def __init__(self) -> None:
        self._ids = array("Q")
        self._sketches = bytearray()

    def add(self, id: int, text: str) -> None:
        """Take in a text that was not added before; its id has at most 64 bits. One without words is like no other."""
        if symbols := _symbols(text):
            self._ids.append(id)
            self._sketches += _sketch(symbols)

    def groups(self) -> Iterator["array[int]"]:
        """The ids of texts that are near each other, or near another of the group; in the order in which they came."""
        leader = array("I", range(len(self._ids)))

        def find(index: int) -> int:
            while leader[index] != index:
                leader[index] = index = leader[leader[index]]
            return index

        for band in range(_BANDS):
            for alike in self._alike(band):
                if len({leader[index] for index in alike}) == 1:
                    continue
                met: list[int] = []
                for index in alike:
                    if find(index) in map(find, met):
                        continue
                    for other in met:
                        if self._similarity(index, other) >= LEAST:
                            first, second = sorted((find(index), find(other)))
                            leader[second] = first
                    if len(met) < _COMPARED:
                        met.append(index)
        leading = {find(index) for index, first in enumerate(leader) if first != index}
        members: defaultdict[int, array[int]] = defaultdict(lambda: array("Q"))
        for index, id in enumerate(self._ids):
            if (first := find(index)) in leading:
                members[first].append(id)
        yield from members.values()

    def _alike(self, band: int) -> Iterable[list[int]]:
        """Texts that are equal in a band."""
        keys = memoryview(self._sketches).cast("I")[band::_BANDS]
        seen: set[int] = set()
        repeated: set[int] = set()
        for key in keys:
            (repeated if key in seen else seen).add(key)
        found: defaultdict[int, list[int]] = defaultdict(list)
        if repeated:
            for index, key in enumerate(keys):
                if key in repeated:
                    found[key].append(index)
        return found.values()

    def _similarity(self, one: int, other: int) -> float:
        first, second = (int.from_bytes(self._sketches[at * _HASHES : (at + 1) * _HASHES]) for at in (one, other))
        return (first ^ second).to_bytes(_HASHES).count(0) / _HASHES


def _sketch(symbols: str) -> bytes:
    """The lowest byte of each hash of a text; what is hashed are two symbols side by side, as one number of 64 bits."""
    code = symbols.encode("utf-32-le") if len(symbols) > 1 else symbols.encode("utf-32-le") + bytes(4)
    even, odd = len(code) // 8 * 8, (len(code) - 4) // 8 * 8
    pairs = memoryview(code[:even] + code[4 : 4 + odd]).cast("Q")
    (hashes,) = RMinHash.digest_matrix_from_flat_token_hashes(pairs, (0, len(pairs)), _HASHES, _SEED).to_rows()
    return array("I", hashes).tobytes()[::4]


def _symbols(text: str) -> str:
    """One sign for each word; a Chinese character stands for itself."""
    return "".join([_short(part) if len(part) < _SHORT else _signs(part) for part in text.split()])


def _signs(part: str) -> str:
    return "".join([run if "\u3040" <= run < "\ufb00" else _sign(run) for run in _WORDS.findall(part)])


@lru_cache(maxsize=20_000)
def _sign(word: str) -> str:
    """The same in every process, as what it decides is never decided again."""
    hash = int.from_bytes(blake2b(word.casefold().encode(), digest_size=4).digest())
    return chr(0x10000 + hash % 0x100000)


_short = lru_cache(maxsize=20_000)(_signs)
