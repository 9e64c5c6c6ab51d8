"""Which passage a row was made from, where the row does not say: by its concept, or by what its answer shares."""

import re
from array import array
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from heapq import nsmallest

from rawtune.verification.headings import names, plain
from rawtune.verification.units import CJK, units
from rawtune.verification.weights import Weights

LEAST = 0.25
"""The share of an answer's weight that its passage holds at least.

51 free paraphrases of the packaged corpora share at least 0.32 (Chinese) and 0.41 (English) with their own passage, and
up to 0.26 and 0.50 with some other one: this keeps out what is foreign to all, while the order tells which one it is.
"""

_TOKEN = re.compile(rf"[{CJK}]|[^\W_{CJK}]+")
_LONGEST_NAME = 10  # characters of Chinese, or words
_RAREST = 40  # units of an answer that are looked up


class Source:
    """Passages, found again from the rows made of them by an inverted index.

    A passage's heading is its first line, if it is short and not closed like a sentence.
    """

    def __init__(self, passages: Iterable[str]) -> None:
        self.passages = list(passages)
        self.weights = Weights(self.passages)
        self._named: dict[str, list[int]] = defaultdict(list)
        self._holders: dict[str, array[int]] = defaultdict(lambda: array("I"))
        for index, passage in enumerate(self.passages):
            for name in names(passage):
                self._named[name].append(index)
            for unit in units(passage):
                if len(unit) > 1:  # not the single characters, which too many passages hold
                    self._holders[unit].append(index)

    def find(self, question: str, answer: str, concept: str = "") -> int | None:
        """The index of the passage that a row was most probably made from; None if nothing fits.

        A heading that is the ``concept``, or that the question names, decides if a single passage has it. Otherwise the
        answer decides, among those or among all, if the passage holds at least ``LEAST`` of its weight.
        """
        named = self._called(question, concept)
        if len(named) == 1:
            return named[0]
        said = units(answer)
        if named:
            return max(named, key=lambda index: self._containment(said, index))
        best = self._nearest(said)
        return best if best is not None and self._containment(said, best) >= LEAST else None

    def _called(self, question: str, concept: str) -> list[int]:
        """The passages whose heading is the concept, or else is the longest one in the question."""
        if found := self._named.get(plain(concept)):
            return found
        question = question.casefold()
        spans = [match.span() for match in _TOKEN.finditer(question)][:200]
        for length in range(min(_LONGEST_NAME, len(spans)), 0, -1):
            for first, last in zip(spans, spans[length - 1 :], strict=False):
                if found := self._named.get(question[first[0] : last[1]]):
                    return found
        return []

    def _nearest(self, said: set[str]) -> int | None:
        """The passage that shares most weight of the answer's rarest units."""
        holders = self._holders
        known = [unit for unit in said if unit in holders]
        scores: dict[int, float] = defaultdict(float)
        for unit in nsmallest(_RAREST, known, key=lambda unit: (len(holders[unit]), unit)):
            weight = self.weights.total((unit,))
            for index in holders[unit]:
                scores[index] += weight
        return max(scores, key=lambda index: (scores[index], -index), default=None)

    def _containment(self, said: set[str], index: int) -> float:
        return self.weights.containment(said, _units(self.passages[index]))


_units = lru_cache(256)(units)
