"""What the teacher's calls will cost: foretold from what passages took so far, and asked about before it is spent."""

from rawtune import config
from rawtune.errors import GateFailed
from rawtune.llm import price
from rawtune.llm.prices import version
from rawtune.stages.stage import Work
from rawtune.synthesis.forecast import Forecast, Usage, forecast

_SAMPLE = 200
"""Passages from which the rest is foretold, at most."""


def foretell(work: Work, made_by: str, left: int, teacher: config.Teacher) -> Forecast | None:
    """What ``left`` more passages will take with ``teacher``, by its price of today; None if none has been made yet."""
    money = price(teacher)
    used = work.ledger.usage(made_by, _SAMPLE)
    return forecast([_priced(usage, money) for usage in used], left) if used else None


def confirm(work: Work, told: Forecast, teacher: config.Teacher) -> None:
    """Say what is to come; ask if that is more than may be spent unasked. Raises ``GateFailed`` on a no."""
    money, limit = price(teacher), work.config.synthesis.confirm_above
    if money is None:
        return
    source = f" (price by {version()})" if teacher.price is None else ""
    work.tell(told.describe(money.currency) + source)
    if limit is None or told.cost is None or (told.cost.high or told.cost.expected) <= limit:
        return
    if not work.progress.ask(f"this may cost more than {limit:g} {money.currency}; go on?"):
        raise GateFailed(
            f"not begun, as it may cost more than {limit:g} {money.currency}",
            "say --yes, or raise synthesis.confirm_above",
        )


def _priced(usage: Usage, money: config.Price | None) -> Usage:
    cost = None
    if money is not None:
        cost = (usage.prompt_tokens * money.input + usage.completion_tokens * money.output) / 1_000_000
    return Usage(usage.prompt_tokens, usage.completion_tokens, cost, usage.seconds, usage.calls)
