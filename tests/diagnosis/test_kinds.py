import random
from math import exp

import pytest

from rawtune.diagnosis.curve import Verdict, judge
from rawtune.diagnosis.kinds import evened
from rawtune.diagnosis.logs import of_rows
from rawtune.diagnosis.visits import RowLoss

EASY = 0.4
"""What rows of the easy kind lose, as a share of what others do."""


def mixture(
    broken: float = 0.0, steps: int = 60, batch: int = 8, seed: int = 0
) -> tuple[list[RowLoss], dict[int, str]]:
    """An epoch in which a third of the rows are of an easy kind; those of the share ``broken`` lose twice as much."""
    chance = random.Random(seed)
    rows, kinds = [], {}
    for at in range(steps * batch):
        mean = (0.8 + 3.2 * exp(-at / batch / steps / 0.3)) * (1 + chance.gauss(0, 0.12))
        if chance.random() < 1 / 3:
            kinds[at + 1], mean = "easy", mean * EASY
        mean *= 2 if chance.random() < broken else 1
        rows.append(RowLoss(at // batch + 1, at + 1, "", 40, mean, 2 * mean))
    return rows, kinds


def verdict(rows: list[RowLoss], kinds: dict[int, str] | None) -> Verdict:
    log = of_rows(rows)
    return judge(log.losses, log.steps, 8, None if kinds is None else evened(rows, kinds).losses).verdict


@pytest.mark.parametrize("seed", range(3))
def test_a_mixture_of_kinds_is_not_jagged_but_its_broken_rows_are(seed: int) -> None:
    assert verdict(*mixture(seed=seed)) is not Verdict.JAGGED
    broken, kinds = mixture(broken=0.3, seed=seed)
    assert verdict(broken, kinds) is Verdict.JAGGED


def test_it_would_be_taken_for_jagged_otherwise() -> None:
    rows, _ = mixture()
    assert verdict(rows, None) is Verdict.JAGGED


def test_the_rows_of_a_rare_kind_are_not_held_to_themselves() -> None:
    rows = [RowLoss(step, step, "", 40, 9.0 if step == 5 else 1.0, 9.0) for step in range(1, 41)]
    assert evened(rows, {5: "rare"}).losses == of_rows(rows).losses
