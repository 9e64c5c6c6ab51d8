"""What the teacher's calls will cost: foretold from what passages took so far, and asked about before it is spent."""

from collections.abc import Sequence

from rawtune import config
from rawtune.errors import GateFailed
from rawtune.llm import price
from rawtune.llm.prices import version
from rawtune.llm.tokens import estimate_tokens
from rawtune.stages.stage import Work
from rawtune.synthesis.forecast import Forecast, Usage, forecast

_SAMPLE = 200
"""Passages from which the rest is foretold, at most."""
_REPLY_TOKENS = 800
"""Taken for the length of a reply where the settings do not bound it."""


def foretell(work: Work, made_by: str, left: int, teacher: config.Teacher) -> Forecast | None:
    """What ``left`` more passages will take with ``teacher``, by its price of today; None if none has been made yet."""
    money = price(teacher)
    used = work.ledger.usage(made_by, _SAMPLE)
    return forecast([_priced(usage, money) for usage in used], left) if used else None


def confirm(work: Work, told: Forecast, teacher: config.Teacher) -> None:
    """Say what is to come; ask if that is more than may be spent unasked. Raises ``GateFailed`` on a no."""
    if money := price(teacher):
        most = None if told.cost is None else told.cost.high or told.cost.expected
        _agree(work, told.describe(money.currency), most, money, teacher)


def longest_reply(teacher: config.Teacher) -> int:
    """Tokens that a reply may come to."""
    return teacher.max_tokens or _REPLY_TOKENS


def confirm_questions(work: Work, questions: Sequence[str], longest: int, teacher: config.Teacher) -> None:
    """As ``confirm``, for bare questions: their cost if every answer takes as many as ``longest`` tokens."""
    money = price(teacher)
    if money is None or not questions:
        return
    usage = Usage(sum(map(estimate_tokens, questions)), longest * len(questions), None, 0.0, len(questions))
    most = _priced(usage, money).cost or 0.0
    line = f"{len(questions):,} questions to {teacher.model}: at most about {most:.2g} {money.currency}"
    _agree(work, line, most, money, teacher)


def _agree(work: Work, line: str, most: float | None, money: config.Price, teacher: config.Teacher) -> None:
    limit = work.config.synthesis.confirm_above
    work.tell(line + (f" (price by {version()})" if teacher.price is None else ""))
    if limit is None or most is None or most <= limit:
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
