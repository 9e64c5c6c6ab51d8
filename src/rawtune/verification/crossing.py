"""Held-out answers that training holds, too, whole or nearly."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from rawtune.verification.content import refusal
from rawtune.verification.rule import Row

TRAIN = ("train", "training", "")
"""Names of the split that is trained on; a row that names none belongs to it."""
_RUN = 8
"""Characters; eight in a row are hardly shared by chance, in Chinese or in English."""
_SHORTEST = 12
"""Characters: a shorter answer, such as "Yes." or 「正确」, may well answer questions of both splits."""
_SHARE = 0.8


class HeldOut:
    """Held-out answers by their runs of characters."""

    def __init__(self) -> None:
        self._runs: dict[str, int] = {}
        self._holders: defaultdict[int, list[str]] = defaultdict(list)

    def take(self, row: Row) -> None:
        """Remember the answer of a row that is not trained on."""
        if row.split in TRAIN or row.answer in self._runs or len(row.answer.strip()) < _SHORTEST:
            return
        if not any(refusal.check(row)):  # that gives nothing away
            runs = set(_runs(row.answer))
            self._runs[row.answer] = len(runs)
            for run in runs:
                self._holders[run].append(row.answer)

    def crossed(self, rows: Iterable[Row]) -> dict[str, int]:
        """The answers of which a training row holds at least four fifths, with that row's number."""
        found: dict[str, int] = {}
        if not self._runs:
            return found
        for row in rows:
            if row.split in TRAIN:
                hits: Counter[str] = Counter()
                for run in set(_runs(row.answer)) & self._holders.keys():
                    hits.update(self._holders[run])
                for answer, held in hits.items():
                    if held >= _SHARE * self._runs[answer]:
                        found.setdefault(answer, row.number)
        return found


def _runs(text: str) -> Iterator[int]:
    """Hashes of all runs of characters, white space aside."""
    text = re.sub(r"\s+", "", text.casefold())
    return (hash(text[at : at + _RUN]) for at in range(max(1, len(text) - _RUN + 1)))
