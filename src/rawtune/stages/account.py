"""The closing account: every passage counted by how it ended, the sum checked, and the gate on the quarantine."""

from typing import Any

from rawtune.errors import AccountingError, GateFailed
from rawtune.ledger.outcomes import Tally
from rawtune.records import Origin, State
from rawtune.stages.stage import Work


def checked(work: Work, tally: Tally) -> dict[str, Any]:
    """A tally's figures. Raises ``AccountingError`` if a passage is missing from them."""
    figures = {"passages": work.ledger.count_passages(), **{state.value: tally.states[state] for state in State}}
    if figures["passages"] != tally.states.total():
        raise AccountingError(f"{figures['passages']} passages, but {in_words(tally)}")
    return {**figures, **{origin.value: tally.origins[origin] for origin in Origin}}


def in_words(tally: Tally, aside: str = "") -> str:
    """A tally in words; ``aside`` says more of the kept."""
    kept, quarantined, failed = (tally.states[state] for state in State)
    return f"{kept} kept{aside} + {quarantined} quarantined + {failed} failed = {tally.states.total()} passages"


def gate(work: Work, tally: Tally, account: str) -> None:
    """Raise ``GateFailed`` if nothing was kept, or more is in quarantine than the settings allow."""
    allowed = work.config.synthesis.max_quarantined
    if not tally.states[State.KEPT] or tally.states[State.QUARANTINED] > allowed * tally.states.total():
        raise GateFailed(
            f"{account}: more in quarantine than synthesis.max_quarantined allows ({allowed:.0%})",
            "see what is wrong with: rawtune status --quarantine; ask again with: rawtune retry",
        )
