"""Passages that say nearly the same, found among all of them at once.

Texts are compared by the Jaccard similarity of their pairs of neighbouring words, of Chinese their characters: what
both hold over what either holds. It is estimated by one permutation hashing (Li, Owen and Zhang 2012): pairs are hashed
into bins, of each bin the least hash is kept, and the share of bins with equal least hashes estimates the similarity,
with a standard deviation of 0.035 at the limit; of short texts it is nearly exact. What may be alike is found by
locality-sensitive hashing, in bands of bins that are equal as a whole (Indyk and Motwani 1998).
"""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby, pairwise
from operator import eq

LEAST = 0.8
"""The similarity from which on two passages go together.

In the packaged corpora two different passages come to 0.15 at most, while one of some 200 words (or Chinese characters)
of which five were exchanged keeps at least 0.89, and with eight exchanged 0.83.
"""
_BAND = 5
_BINS = 24 * _BAND
"""So two texts at the limit are missed once in 14,000 times: 24 bands, each equal with a chance of 0.8 ** 5."""
_EMPTY = 2**32 - 1
_COMPARED = 2
"""Texts of a band that another is compared with: enough, as it meets others in other bands."""

_CJK = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WORD = re.compile(rf"[^\W_{_CJK}]+|[{_CJK}]")  # in this order, as words are many letters


class NearDuplicates:
    """Texts, added one by one; of each some 500 bytes are kept."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._sketches = array("I")

    def add(self, id: str, text: str) -> None:
        """Take in a text that was not added before."""
        bins = [_EMPTY] * _BINS
        words = [*map(_hash, _WORD.findall(text.casefold()))]
        for pair in {_ordered(*pair) for pair in pairwise(words)} or words:
            at = pair % _BINS
            if pair < bins[at]:
                bins[at] = pair
        self._ids.append(id)
        self._sketches.extend(bins)

    def groups(self) -> Iterator[list[str]]:
        """The ids of texts that are near each other, or near another of the group; in the order in which they came."""
        leader = list(range(len(self._ids)))

        def find(index: int) -> int:
            while leader[index] != index:
                leader[index] = index = leader[leader[index]]
            return index

        for band in range(0, _BINS, _BAND):
            for alike in self._alike(band):
                met: list[int] = []
                for index in alike:
                    if any(find(other) == find(index) for other in met):
                        continue
                    for other in met:
                        if self._similarity(index, other) >= LEAST:
                            first, second = sorted((find(index), find(other)))
                            leader[second] = first
                    if len(met) < _COMPARED:
                        met.append(index)
        members: defaultdict[int, list[str]] = defaultdict(list)
        for index, id in enumerate(self._ids):
            members[find(index)].append(id)
        yield from (group for group in members.values() if len(group) > 1)

    def _alike(self, band: int) -> Iterator[list[int]]:
        """Texts whose bins of a band are equal, and not all empty."""
        bands = memoryview(self._sketches)
        keys = [bytes(bands[at : at + _BAND]) for at in range(band, len(bands), _BINS)]
        empty = array("I", [_EMPTY] * _BAND).tobytes()
        for key, same in groupby(sorted(range(len(keys)), key=keys.__getitem__), keys.__getitem__):
            found = [*same]
            if len(found) > 1 and key != empty:
                yield found

    def _similarity(self, one: int, other: int) -> float:
        first, second = (self._sketches[at * _BINS : (at + 1) * _BINS] for at in (one, other))
        empty = [*map(min, first, second)].count(_EMPTY)
        alike: int = sum(map(eq, first, second))
        return (alike - empty) / (_BINS - empty)


def _ordered(first: int, second: int) -> int:
    """The hash of a pair of words from those of both: of another pair, also if the two change places or are one."""
    return (31 * first + second) % 2**32


@lru_cache(maxsize=100_000)
def _hash(word: str) -> int:
    """The same in every process, as what it decides is never decided again."""
    return int.from_bytes(blake2b(word.encode(errors="replace"), digest_size=4).digest())
