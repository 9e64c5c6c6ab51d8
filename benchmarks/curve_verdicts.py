"""How often simulated loss curves are called jagged: healthy ones of many lengths and batches, mixtures of
tasks, as curves alone and with rows whose kinds are known, and broken ones.

    python benchmarks/curve_verdicts.py

The figures of docs/diagnosis.md are printed by this.
"""

import random
from collections import Counter
from collections.abc import Sequence
from math import exp
from statistics import fmean

from rawtune.diagnosis.curve import Verdict, judge
from rawtune.diagnosis.kinds import evened
from rawtune.diagnosis.logs import of_rows
from rawtune.diagnosis.visits import RowLoss

KINDS = ((1.0, 0.4), (1.0, 1.6, 0.5), (1.0, 2.0, 0.3))
"""What rows of each kind of a mixture lose, as a share of the first's."""


def fall(n: int, pace: float, noise: float, seed: int) -> list[float]:
    """An exponential fall from 4 to 0.8 within ``pace`` of the steps, scattering by ``noise`` of the loss."""
    chance = random.Random(seed)
    return [(0.8 + 3.2 * exp(-i / n / pace)) * (1 + chance.gauss(0, noise)) for i in range(n)]


def mixture(
    levels: Sequence[float], broken: float, n: int, pace: float, batch: int, seed: int
) -> tuple[Verdict, Verdict]:
    """The verdicts on a run of rows that differ by 0.12 within their kind, its kinds unknown and known.

    Kinds are drawn at random; ``broken`` is the share of rows that lose twice as much.
    """
    chance = random.Random(seed)
    rows, kinds = [], {}
    for step, usual in enumerate(fall(n, pace, 0, seed), 1):
        for row in range(batch * step, batch * (step + 1)):
            kind = chance.randrange(len(levels))
            kinds[row] = f"kind {kind}" if kind else ""
            loss = usual * levels[kind] * (1 + chance.gauss(0, 0.12)) * (2 if chance.random() < broken else 1)
            rows.append(RowLoss(step, row, "", 40, loss, 2 * loss))
    log = of_rows(rows)
    return (
        judge(log.losses, log.steps, batch).verdict,
        judge(log.losses, log.steps, batch, evened(rows, kinds).losses).verdict,
    )


def main() -> None:
    healthy = Counter(
        judge(fall(n, pace, 0.12 / batch**0.5, seed), batch=batch).verdict
        for batch in (1, 2, 4, 8, 16, 32)
        for n in (8, 20, 60, 200)
        for pace in (0.2, 0.5)
        for seed in range(100)
    )
    print(f"healthy: {healthy[Verdict.JAGGED]} of {healthy.total():,} called jagged")
    mixed = Counter(
        judge([loss * (1 + chance.gauss(0, scatter / batch**0.5)) for loss in losses], batch=batch).verdict
        for losses in ([2.5] * 60, [1.6 + 0.6 * exp(-i / 60) for i in range(200)])
        for scatter in (0.3, 0.5)
        for batch in (4, 8)
        for chance in map(random.Random, range(100))
    )
    print(f"mixtures, rows of which differ by 30 or 50%: {mixed[Verdict.JAGGED] / mixed.total():.0%} called jagged")
    for broken in (0.0, 0.3):
        pairs = [
            mixture(levels, broken, n, pace, batch, seed)
            for levels in KINDS
            for batch in (4, 8)
            for n in (20, 60, 200)
            for pace in (0.2, 0.5)
            for seed in range(20)
        ]
        unknown, known = (fmean(verdict is Verdict.JAGGED for verdict in each) for each in zip(*pairs, strict=True))
        print(f"mixtures of kinds, {broken:.0%} of rows broken: {unknown:.0%} jagged, {known:.0%} if kinds are known")
    for noise in (0.125, 0.15, 0.2):
        broken = Counter(judge(fall(60, 0.4, noise, seed), batch=8).verdict for seed in range(500))
        found = broken[Verdict.JAGGED] / broken.total()
        print(f"broken, 60 steps in batches of 8 that scatter by {noise:.1%}: {found:.0%} jagged")


if __name__ == "__main__":
    main()
