import random
from collections.abc import Callable

import pytest

from rawtune.diagnosis.rows import RowLoss, group_scores, scores, stand_out

CONCEPTS, TEMPLATES = 24, 20
CONCEPT = {row: f"c{(row - 1) // TEMPLATES}" for row in range(1, CONCEPTS * TEMPLATES + 1)}
TEMPLATE = {row: f"t{(row - 1) % TEMPLATES}" for row in CONCEPT}


def epoch(off: Callable[[int], float] = lambda _: 0, seed: int = 0, batch: int = 8, visits: int = 1) -> list[RowLoss]:
    """Shuffled rows of a loss that falls from 4 to 1 and of scatter 0.12; ``off`` is added to a row, in nats."""
    chance = random.Random(seed)
    own = {name: chance.gauss(0, 0.05) for name in CONCEPT.values()}
    found = []
    for visit in range(visits):
        order = chance.sample(sorted(CONCEPT), len(CONCEPT))
        for at, row in enumerate(order):
            level = (4 - 3 * at / len(order)) * 0.1**visit
            tokens = 30 + 2 * ((row - 1) // TEMPLATES)
            mean = max(0.01, level * (1 + own[CONCEPT[row]] + chance.gauss(0, 0.1)) + (off(row) if not visit else 0))
            step = visit * len(order) // batch + at // batch + 1
            found.append(RowLoss(step, row, "", tokens, mean, 2 * mean))
    return found


def test_healthy_rows_are_left_alone() -> None:
    alarms = sum(bool(stand_out(epoch(seed=seed), CONCEPT, TEMPLATE)) for seed in range(30))
    assert alarms <= 3


@pytest.mark.parametrize("batch", [4, 8])
def test_both_tails_are_ranked_the_farthest_first(batch: int) -> None:
    bad = {7: 3.0, 100: 2.5, 222: -2.5}
    found = stand_out(epoch(lambda row: bad.get(row, 0.0), batch=batch), CONCEPT, TEMPLATE)
    assert {(suspect.row, suspect.tail) for suspect in found} >= {(7, "high"), (100, "high")}
    assert {suspect.row for suspect in found} <= set(bad)
    assert [abs(suspect.z) for suspect in found] == sorted((abs(suspect.z) for suspect in found), reverse=True)
    z = scores(epoch(lambda row: bad.get(row, 0.0), batch=batch))
    assert min(z, key=lambda row: z[row]) == 222


def test_the_falling_loss_makes_no_early_row_suspect() -> None:
    z = scores(epoch())
    assert len(z) == len(CONCEPT)
    early = [row.row for row in epoch() if row.step <= 6]
    assert abs(sum(z[row] for row in early) / len(early)) < 0.5


def test_only_the_first_visit_counts() -> None:
    once, thrice = epoch(lambda row: 3 * (row == 9)), epoch(lambda row: 3 * (row == 9), visits=3)
    assert scores(thrice) == scores(once)
    assert scores(reversed(thrice)).keys() == scores(once).keys()


@pytest.mark.parametrize(("by", "group_of", "group"), [("concept", CONCEPT, "c5"), ("template", TEMPLATE, "t3")])
@pytest.mark.parametrize(("off", "tail"), [(1.2, "high"), (-1.2, "low")])
def test_a_group_stands_out_together(by: str, group_of: dict[int, str], group: str, off: float, tail: str) -> None:
    losses = epoch(lambda row: off * (group_of[row] == group))
    found = stand_out(losses, CONCEPT, TEMPLATE)
    together = [suspect for suspect in found if suspect.by == by]
    assert {suspect.row for suspect in found} == {row for row, name in group_of.items() if name == group}
    assert {(suspect.group, suspect.tail, suspect.rows) for suspect in together} == {
        (group, tail, sum(name == group for name in group_of.values()))
    }


def test_few_groups_cannot_be_judged() -> None:
    z = scores(epoch())
    assert group_scores(z, {row: f"half {row % 2}" for row in z}) == {}
    assert group_scores(z, {}) == {}
    assert stand_out([]) == []
    assert stand_out([RowLoss(1, 1, "", 5, 3.0, 4.0)]) == []


def test_rows_that_are_all_alike_do_not_divide_by_nothing() -> None:
    alike = [RowLoss(1 + i // 8, i + 1, "", 5, 0.01 + 0.0001 * (i == 5), 1.0) for i in range(64)]
    assert stand_out(alike) == []
