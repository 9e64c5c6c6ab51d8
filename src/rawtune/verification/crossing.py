"""Held-out answers that training holds, too, whole or nearly."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from heapq import nsmallest
from zlib import crc32

from rawtune.verification.rule import Row
from rawtune.verification.rules.ending import refusal

_RUN = 8
"""Characters; eight in a row are hardly shared by chance, in Chinese or in English."""
_SHORTEST = 12
"""Characters, a Chinese one as two: a shorter answer ("Yes.", 「正确」) may well be given in both splits."""
_SAMPLE = 12
"""Runs by which an answer is looked up; where some are found, all of them are counted."""
_SHARE = 0.8
_SIGNS = re.compile(r"[\s,.;:!?()'\"，。、；：！？（）“”‘’「」《》…—]+")


@lru_cache(maxsize=64)
def is_training(split: str) -> bool:
    """Whether a split of this name is trained on: train, Training, train_sft, 训练集, or no name at all."""
    return not split.strip() or re.match(r"train|训练", split.strip().lower()) is not None


class HeldOut:
    """Held-out answers, to be looked for in rows to train on.

    Refusals and answers of a few characters give nothing away, and are left out.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._holders: defaultdict[str, list[str]] = defaultdict(list)
        for row in rows:
            if _width(row.answer) >= _SHORTEST and not any(refusal.check(row)):
                for run in nsmallest(_SAMPLE, _runs(row.answer), key=_hash):
                    if row.answer not in self._holders[run]:
                        self._holders[run].append(row.answer)

    def __bool__(self) -> bool:
        """Whether there is any to look for."""
        return bool(self._holders)

    def given_away(self, answer: str) -> Iterator[str]:
        """Those of which ``answer`` holds at least four fifths."""
        runs = _runs(answer)
        hits = Counter(held for run in runs & self._holders.keys() for held in self._holders[run])
        for held, hit in hits.items():
            whole = _runs(held)
            # Half of the sample is less than four fifths of the whole, chance allowed for.
            if 2 * hit >= min(_SAMPLE, len(whole)) and len(whole & runs) >= _SHARE * len(whole):
                yield held


def crossed(rows: Callable[[], Iterable[Row]]) -> dict[str, int]:
    """The held-out answers of which a training row holds at least four fifths, with that row's number. Reads twice."""
    held_out = HeldOut(row for row in rows() if not is_training(row.split))
    found: dict[str, int] = {}
    if held_out:
        for row in rows():
            if is_training(row.split):
                for answer in held_out.given_away(row.answer):
                    found.setdefault(answer, row.number)
    return found


def plain(text: str) -> str:
    """What two texts have in common that differ in punctuation, white space, capitals or the width of signs only."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text).casefold())


def _width(text: str) -> int:
    text = text.strip()[:_SHORTEST]
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


@lru_cache(maxsize=1024)
def _runs(text: str) -> frozenset[str]:
    """All runs of characters."""
    text = plain(text)
    return frozenset([text[at : at + _RUN] for at in range(max(1, len(text) - _RUN + 1))])


def _hash(run: str) -> int:
    """The same in every process."""
    return crc32(run.encode(errors="replace"))
