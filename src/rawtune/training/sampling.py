"""Which rows an epoch trains, where these are not simply all: one question of each answer, or an even share."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from random import Random
from typing import Any


class OnePerAnswer:
    """A sampler of rows, given as their ``answers``: an epoch's indices, one for each distinct answer, shuffled.

    The questions of an answer come in a random order without replacement: over as many epochs as it has questions each
    comes once, then they are ordered anew. So all come equally often, as if all were trained in every epoch. An epoch's
    rows depend on ``seed`` and the epoch alone: a run that is resumed draws what it would have drawn.
    """

    def __init__(self, answers: Sequence[str], seed: int) -> None:
        groups: dict[str, list[int]] = {}
        for index, answer in enumerate(answers):
            groups.setdefault(answer, []).append(index)
        self._groups = list(groups.values())
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """The epoch, from 0, that is drawn next; the Trainer calls this."""
        self._epoch = epoch

    def __len__(self) -> int:
        """Rows of an epoch."""
        return len(self._groups)

    def __iter__(self) -> Iterator[int]:
        drawn = [self._drawn(number, group) for number, group in enumerate(self._groups)]
        Random(f"{self._seed} {self._epoch}").shuffle(drawn)  # noqa: S311  # no secret
        return iter(drawn)

    def _drawn(self, number: int, group: Sequence[int]) -> int:
        if len(group) == 1:
            return group[0]
        turn, place = divmod(self._epoch, len(group))
        order = Random(f"{self._seed} {number} {turn}").sample(group, len(group))  # noqa: S311  # no secret
        return order[place]


class FilledUp:
    """The indices of ``sampler``, and then ``filler`` until there are a multiple of ``unit``.

    So several processes get equally many rows, all trained once; where rows were repeated instead, as accelerate does,
    the last step of an epoch would learn other than one process does.
    """

    def __init__(self, sampler: Any, unit: int, filler: int) -> None:
        self._sampler = sampler
        self._missing = -len(sampler) % unit
        self._filler = filler

    def set_epoch(self, epoch: int) -> None:
        """The epoch, from 0, that is drawn next; the Trainer calls this."""
        self._sampler.set_epoch(epoch)

    def __len__(self) -> int:
        """Indices of an epoch."""
        return len(self._sampler) + self._missing

    def __iter__(self) -> Iterator[int]:
        yield from self._sampler
        yield from repeat(self._filler, self._missing)
