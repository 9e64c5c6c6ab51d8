"""Which rows an epoch trains where it takes one question of each answer, and another one in the next epoch."""

from collections.abc import Iterator, Sequence
from random import Random


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
