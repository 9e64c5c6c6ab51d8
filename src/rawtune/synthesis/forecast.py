"""What the rest will cost, foretold from a pilot."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10, sqrt
from statistics import NormalDist, mean, stdev


@dataclass(frozen=True, slots=True)
class Usage:
    """What one passage took, all its ``calls`` that brought a reply together.

    ``seconds`` is the sum of the calls' latencies; ``cost`` is in the price's currency, None if there is no price.
    """

    prompt_tokens: int
    completion_tokens: int
    cost: float | None
    seconds: float
    calls: int


@dataclass(frozen=True, slots=True)
class Total:
    """The sum to expect and its 95% prediction interval; no bounds after a pilot of one passage."""

    expected: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Forecast:
    """Totals over the ``passages`` that are left; ``cost`` is None if that of any passage is unknown.

    ``seconds`` is the sum over calls: divide by the calls in flight for the time to wait.
    """

    passages: int
    cost: Total | None
    tokens: Total
    seconds: Total
    calls: Total

    def describe(self, currency: str) -> str:
        """One line for the reader."""
        rest = "passage" if self.passages == 1 else f"{self.passages:,} passages"
        return f"forecast for the other {rest}: {self._money(currency)}, {_short(self.tokens.expected)} tokens"

    def _money(self, currency: str) -> str:
        if self.cost is None:
            return "cost unknown (set teacher.price)"
        places = _places(self.cost.expected)
        expected = f"{self.cost.expected:,.{places}f} {currency}"
        if self.cost.low is None or self.cost.high is None:
            return f"{expected} (one passage gives no interval)"
        return f"{expected} (95% interval {self.cost.low:,.{places}f} to {self.cost.high:,.{places}f})"


def forecast(pilot: Sequence[Usage], remaining: int) -> Forecast:
    """What ``remaining`` passages will take if they are like the pilot's; ``ValueError`` if that is empty."""
    if not pilot:
        raise ValueError("no passages in the pilot")
    costs = [usage.cost for usage in pilot if usage.cost is not None]
    return Forecast(
        remaining,
        _total(costs, remaining) if len(costs) == len(pilot) else None,
        _total([usage.prompt_tokens + usage.completion_tokens for usage in pilot], remaining),
        _total([usage.seconds for usage in pilot], remaining),
        _total([usage.calls for usage in pilot], remaining),
    )


def _total(values: Sequence[float], remaining: int) -> Total:
    """The sum of ``remaining`` further values, with the prediction interval that normal values would have.

    It is ``remaining`` times the interval for the mean of m future observations: mean +/- t s sqrt(1/m + 1/n)
    (Hahn and Meeker 1991, "Statistical Intervals", chapter 4). Nothing sums to less than 0.
    """
    n, expected = len(values), mean(values) * remaining
    if n < 2:
        return Total(expected, None, None)
    half = _student_t(n - 1) * stdev(values) * sqrt(remaining + remaining**2 / n)
    return Total(expected, max(0.0, expected - half), expected + half)


_STUDENT_T = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)


def _student_t(freedom: int) -> float:
    """The 97.5% quantile of Student's t, right to four digits.

    Above ten degrees of freedom by its expansion (Abramowitz and Stegun 1964, 26.7.5); scipy comes with training only.
    """
    if freedom <= len(_STUDENT_T):
        return _STUDENT_T[freedom - 1]
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / (4 * freedom)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    )


def _places(amount: float) -> int:
    """Decimals of an amount of money: cents, and two significant digits of less than that."""
    return max(2, 1 - floor(log10(amount))) if amount > 0 else 2


def _short(count: float) -> str:
    """A count of tokens: 950, 31k, 3.1M."""
    if count < 9_950:
        return f"{count:,.0f}"
    return f"{count / 1e3:,.0f}k" if count < 999_500 else f"{count / 1e6:,.1f}M"
