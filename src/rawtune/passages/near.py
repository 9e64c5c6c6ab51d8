"""Passages that say nearly the same, found among all of them at once.

Texts are compared by the Jaccard similarity of their pairs of neighbouring words, of Chinese their characters: what
both hold over what either holds. It is estimated by one permutation hashing (Li, Owen and Zhang 2012): pairs are hashed
into bins, of each bin the least hash is kept, and the share of bins with equal least hashes estimates the similarity,
with a standard deviation of 0.035 at the limit; of short texts it is nearly exact. Of a least hash one byte is kept: it
tells two apart as well, in a quarter of the memory (b-bit minwise hashing, Li and König 2010). What may be alike is
found by locality-sensitive hashing, in bands of bins that are equal as a whole (Indyk and Motwani 1998).
"""

import re
import sys
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise

LEAST = 0.8
"""The similarity from which on two passages go together.

In the packaged corpora two different passages come to 0.15 at most, while one of some 200 words (or Chinese characters)
of which five were exchanged keeps at least 0.89, and with eight exchanged 0.83.
"""
_BAND = 5
_BINS = 24 * _BAND
"""So two texts at the limit are missed once in 14,000 times: 24 bands, each equal with a chance of 0.8 ** 5."""
_EMPTY = 2**32 - 1
_NOTHING = 2 ** (8 * _BAND) - 1
"""A band without words: all its bytes are 255. A bin that happens to hold that byte counts as empty."""
_COMPARED = 2
"""Texts of a band that another is compared with: enough, as it meets others in other bands."""

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORDS = re.compile(rf"[{_CJK}]+|[^\W_{_CJK}]+")


class NearDuplicates:
    """Texts, added one by one; of each some 130 bytes are kept."""

    def __init__(self) -> None:
        self._ids = array("Q")
        self._sketches = bytearray()

    def add(self, id: int, text: str) -> None:
        """Take in a text that was not added before; its id has at most 64 bits."""
        self._ids.append(id)
        self._sketches += _sketch(text)

    def groups(self) -> Iterator[list[int]]:
        """The ids of texts that are near each other, or near another of the group; in the order in which they came."""
        leader = array("I", range(len(self._ids)))

        def find(index: int) -> int:
            while leader[index] != index:
                leader[index] = index = leader[leader[index]]
            return index

        for band in range(0, _BINS, _BAND):
            for alike in self._alike(band):
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
        members: defaultdict[int, list[int]] = defaultdict(list)
        for index, id in enumerate(self._ids):
            if (first := find(index)) in leading:
                members[first].append(id)
        yield from members.values()

    def _alike(self, band: int) -> Iterable[list[int]]:
        """Texts whose bins of a band are equal, and not all empty."""
        starts = range(band, len(self._sketches), _BINS)
        keys = [int.from_bytes(self._sketches[start : start + _BAND]) for start in starts]
        repeated = {one for one, other in pairwise(sorted(keys)) if one == other} - {_NOTHING}
        found: defaultdict[int, list[int]] = defaultdict(list)
        for index, key in enumerate(keys):
            if key in repeated:
                found[key].append(index)
        return found.values()

    def _similarity(self, one: int, other: int) -> float:
        first, second = (int.from_bytes(self._sketches[at * _BINS : (at + 1) * _BINS]) for at in (one, other))
        empty = (first & second).to_bytes(_BINS).count(255)
        alike = (first ^ second).to_bytes(_BINS).count(0)
        return (alike - empty) / (_BINS - empty)


def _sketch(text: str) -> bytes:
    """A byte of the least hash in each bin."""
    bins = [_EMPTY] * _BINS
    for pair in _pairs(_symbols(text)):
        at = pair % _BINS
        if pair < bins[at]:
            bins[at] = pair
    return array("I", bins).tobytes()[1::4]


def _pairs(symbols: str) -> memoryview:
    """The hashes of all pairs of neighbours, of 32 bits each; of one symbol alone, of that.

    They stand side by side in one large number, in 64 bits each, and are mixed together, as MurmurHash3 does with one
    (Appleby 2008): a tenth of the time that it takes to mix them one by one.
    """
    lanes = bytearray(8 * len(symbols))
    encoded = symbols.encode("utf-32-le")
    for byte in range(3):
        lanes[byte::8] = encoded[byte::4]
    low = _low_halves(len(symbols).bit_length())
    firsts = int.from_bytes(lanes, "little")
    pairs = (0x9E3779B1 * firsts + 0x7FEB352D * (firsts >> 64)) & low
    for multiplier, shift in ((0x85EBCA6B, 15), (0xC2B2AE35, 16)):
        pairs = ((pairs ^ (pairs >> shift & low)) * multiplier) & low
    return memoryview(pairs.to_bytes(len(lanes), sys.byteorder)).cast("Q")[: len(symbols) - 1 or 1]


@lru_cache
def _low_halves(size: int) -> int:
    """The mask of the lower 32 bits of each of 2 ** ``size`` numbers."""
    return int.from_bytes(b"\xff\xff\xff\xff\0\0\0\0" * 2**size, "little")


def _symbols(text: str) -> str:
    """One sign for each word; a Chinese character stands for itself."""
    runs = _WORDS.findall(text.casefold())
    return "".join([run if run >= "\u3040" else _symbol(run) for run in runs])


@lru_cache(maxsize=20_000)
def _symbol(word: str) -> str:
    """The same in every process, as what it decides is never decided again."""
    hash = int.from_bytes(blake2b(word.encode(errors="replace"), digest_size=4).digest())
    return chr(0x10000 + hash % 0x100000)
