"""The hard cap on money: each call is reserved at its dearest before it is made, and settled at its cost afterwards."""

from rawtune.config import Price
from rawtune.errors import CallRejected, EndpointDown, RateLimited, TeacherError, UsageError

_LONGEST_REPLY = 1_000
"""Tokens; what a reply may come to while teacher.max_tokens is null and no longer one has been seen."""


class Budget:
    """What is ``spent`` on calls that ended and ``reserved`` for those in flight, in the price's currency.

    ``spent`` starts at what earlier runs spent; ``longest_reply`` is teacher.max_tokens. As no call is made that does
    not fit, ``spent`` stays within ``cap`` for as long as no call costs more than was reserved for it; if one does, it
    is exceeded by no more than that. Without ``cap`` every call fits. Raises ``UsageError`` for a cap without a price.
    """

    def __init__(self, cap: float | None, price: Price | None, spent: float, longest_reply: int | None) -> None:
        if cap is not None and price is None:
            raise UsageError(
                f"a budget of {cap:g} cannot be held: the price of this teacher is not known",
                "write teacher.price into rawtune.yaml, or take synthesis.budget out",
            )
        self.spent = spent
        self.reserved = 0.0
        self.cap = cap
        self.price = price
        self._reservations = 0
        self._longest_reply = longest_reply
        self._longest_seen = _LONGEST_REPLY

    def cost(self, prompt_tokens: int, completion_tokens: int) -> float | None:
        """What a call with this usage costs; None if there is no price."""
        if self.price is None:
            return None
        return (prompt_tokens * self.price.input + completion_tokens * self.price.output) / 1_000_000

    def reserve(self, prompt_tokens: int) -> float | None:
        """Set aside what one call may cost at most, and return it; None if that does not fit.

        While other calls are in flight it may fit later: most cost less than was set aside for them.
        """
        worst = self._worst(prompt_tokens) or 0.0
        if self.cap is not None and self.spent + self.reserved + worst > self.cap:
            return None
        self.reserved += worst
        self._reservations += 1
        return worst

    def settle(self, reserved: float, cost: float | None, completion_tokens: int = 0) -> None:
        """Replace what ``reserve`` set aside for a call by its ``cost`` (None without a price).

        ``completion_tokens``, if a reply came, tell how long replies can be where nothing limits them.
        """
        self._reservations -= 1
        # Sums of floats drift, but not below nothing, and with nothing reserved not above it.
        self.reserved = max(0.0, self.reserved - reserved) if self._reservations > 0 else 0.0
        self.spent += cost or 0.0
        self._longest_seen = max(self._longest_seen, completion_tokens)

    def cost_of_failure(self, error: TeacherError, prompt_tokens: int) -> float | None:
        """What a failed call is taken to have cost; None if there is no price.

        Nothing if the endpoint refused it or was never reached, the prompt if it broke down over it. Where no answer
        came, or none that can be read, the reply may have been written and charged: the dearest is assumed.
        """
        if isinstance(error, RateLimited | CallRejected) or (isinstance(error, EndpointDown) and not error.sent):
            return self.cost(0, 0)
        if isinstance(error, EndpointDown) and error.status >= 400:
            return self.cost(prompt_tokens, 0)
        return self._worst(prompt_tokens)

    def _worst(self, prompt_tokens: int) -> float | None:
        return self.cost(prompt_tokens, self._longest_reply or self._longest_seen)
