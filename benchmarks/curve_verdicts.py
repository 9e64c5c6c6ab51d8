"""How often simulated loss curves are called jagged: healthy ones of many lengths and batches, mixtures of
tasks, and broken ones.

    python benchmarks/curve_verdicts.py

The figures of docs/diagnosis.md are printed by this.
"""

import random
from collections import Counter
from math import exp

from rawtune.diagnosis.curve import Verdict, judge


def fall(n: int, pace: float, noise: float, seed: int) -> list[float]:
    """An exponential fall from 4 to 0.8 within ``pace`` of the steps, scattering by ``noise`` of the loss."""
    chance = random.Random(seed)
    return [(0.8 + 3.2 * exp(-i / n / pace)) * (1 + chance.gauss(0, noise)) for i in range(n)]


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
    for noise in (0.125, 0.15, 0.2):
        broken = Counter(judge(fall(60, 0.4, noise, seed), batch=8).verdict for seed in range(500))
        found = broken[Verdict.JAGGED] / broken.total()
        print(f"broken, 60 steps in batches of 8 that scatter by {noise:.1%}: {found:.0%} jagged")


if __name__ == "__main__":
    main()
