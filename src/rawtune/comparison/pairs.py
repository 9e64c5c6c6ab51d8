"""Right and wrong answers of two models to the same questions: the four cells, their test, and what it can show.

The questions are taken for independent of one another, as those of the general suite are. Where several are asked about
one passage, ``statistics.difference`` and ``statistics.sign_flip`` judge instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

from rawtune.comparison.statistics import CONFIDENCE, POWER, Verdict, wilson


@dataclass(frozen=True, slots=True)
class FourCells:
    """How many questions both models got right, only base, only the tuned one, and neither."""

    both: int
    only_base: int
    only_tuned: int
    neither: int

    @property
    def n(self) -> int:
        """All questions."""
        return self.both + self.only_base + self.only_tuned + self.neither

    @property
    def difference(self) -> float:
        """Share that the tuned model got right, less that of base. ``ValueError`` without questions."""
        if not self.n:
            raise ValueError("no questions")
        return (self.only_tuned - self.only_base) / self.n

    @property
    def verdict(self) -> Verdict:
        """``better`` or ``worse`` if McNemar's exact test is below .05, which takes six differing questions."""
        if mcnemar(self) > 1 - CONFIDENCE:
            return "not shown"
        return "better" if self.only_tuned > self.only_base else "worse"


def four_cells(base: Sequence[bool], tuned: Sequence[bool]) -> FourCells:
    """Count the cells; ``base[i]`` and ``tuned[i]`` say whether question ``i`` was answered rightly."""
    pairs = list(zip(map(bool, base), map(bool, tuned), strict=True))
    return FourCells(*(pairs.count(cell) for cell in ((True, True), (True, False), (False, True), (False, False))))


def mcnemar(cells: FourCells) -> float:
    """Two-sided p of McNemar's exact test: of the questions that differ, half should go each way (McNemar 1947)."""
    from scipy import stats

    differing = cells.only_base + cells.only_tuned
    return float(stats.binomtest(cells.only_tuned, differing).pvalue) if differing else 1.0


def newcombe(cells: FourCells) -> tuple[float, float]:
    """The 95% interval of ``cells.difference``, from the two Wilson intervals and the correlation of the pairs.

    Method 10 of Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on
    paired data". ``ValueError`` without questions.
    """
    n, difference = cells.n, cells.difference
    tuned, base = (cells.both + cells.only_tuned) / n, (cells.both + cells.only_base) / n
    (tuned_low, tuned_high), (base_low, base_high) = wilson(tuned, n), wilson(base, n)
    agreeing, differing = cells.both * cells.neither, cells.only_base * cells.only_tuned
    margins = n**2 * sqrt(tuned * (1 - tuned) * base * (1 - base))
    surplus = max(agreeing - differing - n / 2, 0) if agreeing > differing else agreeing - differing
    correlation = surplus / margins if margins else 0.0

    def reach(first: float, second: float) -> float:
        return sqrt(max(0.0, first**2 - 2 * correlation * first * second + second**2))

    return (
        difference - reach(tuned - tuned_low, base_high - base),
        difference + reach(tuned_high - tuned, base - base_low),
    )


def detectable_gain(n: int, losses: float) -> float | None:
    """The smallest net gain (share won less share lost) that McNemar's exact test would show in 80% of experiments.

    ``losses`` is the share of the ``n`` questions that base answers rightly and the tuned model wrongly. The power is
    the unconditional one: over all numbers of differing questions that may come about (Duffy 1984, "Asymptotic and
    exact power for the McNemar test and its analogue with R controls per case"). None if no gain could be shown.
    """
    from scipy import optimize

    most = 1 - 2 * losses
    if n < 1 or most <= 0 or _power(n, most, losses) < POWER:
        return None
    return float(optimize.brentq(lambda gain: _power(n, gain, losses) - POWER, 0, most))


def _power(n: int, gain: float, losses: float) -> float:
    """Chance that the two-sided exact test rejects at .05."""
    import numpy as np
    from scipy import stats

    differ = gain + 2 * losses
    if not differ:
        return 0.0
    differing = np.arange(1, n + 1)
    least = stats.binom.isf((1 - CONFIDENCE) / 2, differing, 0.5) + 1  # won or lost, this many are significant
    won = (gain + losses) / differ
    rejects = stats.binom.sf(least - 1, differing, won) + stats.binom.cdf(differing - least, differing, won)
    return float((stats.binom.pmf(differing, n, differ) * rejects).sum())
