"""Held-out answers that training holds, too, whole or nearly."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from heapq import nsmallest
from zlib import crc32

from rawtune.verification.ending import refusal
from rawtune.verification.rule import Row

_RUN = 8
"""Characters; eight in a row are hardly shared by chance, in Chinese or in English."""
_SHORTEST = 12
"""Characters: a shorter answer, such as "Yes." or 「正确」, may well answer questions of both splits."""
_SAMPLE = 12
"""Runs by which an answer is looked up; where some are found, all of them are counted."""
_SHARE = 0.8


@lru_cache(maxsize=64)
def is_training(split: str) -> bool:
    """Whether a split of this name is trained on: train, Training, train_sft, 训练集, or no name at all."""
    return not split.strip() or re.match(r"train|训练", split.strip().lower()) is not None


def crossed(rows: Callable[[], Iterable[Row]]) -> dict[str, int]:
    """The held-out answers of which a training row holds at least four fifths, with that row's number.

    Read twice. Refusals and answers of a few characters give nothing away.
    """
    holders: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows():
        if not is_training(row.split) and len(row.answer.strip()) >= _SHORTEST and not any(refusal.check(row)):
            for run in nsmallest(_SAMPLE, _runs(row.answer)):
                if row.answer not in holders[run]:
                    holders[run].append(row.answer)
    found: dict[str, int] = {}
    if holders:
        for row in rows():
            if is_training(row.split):
                runs = _runs(row.answer)
                hits = Counter(answer for run in runs & holders.keys() for answer in holders[run])
                for answer, hit in hits.items():
                    whole = _runs(answer)
                    # Half of the sample is less than four fifths of the whole, chance allowed for.
                    if 2 * hit >= min(_SAMPLE, len(whole)) and len(whole & runs) >= _SHARE * len(whole):
                        found.setdefault(answer, row.number)
    return found


@lru_cache(maxsize=1024)
def _runs(text: str) -> frozenset[int]:
    """Hashes of all runs of characters, white space aside; the same in every process."""
    text = re.sub(r"\s+", "", text.casefold())
    starts = range(max(1, len(text) - _RUN + 1))
    return frozenset(crc32(text[at : at + _RUN].encode(errors="replace")) for at in starts)
