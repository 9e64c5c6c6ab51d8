"""The tree of errors. Each says what is wrong, where, and what to do about it (``hint``).

RawtuneError                 exit code 1
├── UsageError               exit code 2: wrong use or configuration
│   ├── ConfigError          rawtune.yaml, every fault at once
│   ├── RawTextError         a raw file cannot be used as it is
│   ├── MissingDependency    an extra is not installed
│   └── ModelUnavailable     a student or teacher model cannot be found or loaded
├── TeacherError             a call to the teacher failed
│   ├── Retryable            the same call may succeed later
│   │   ├── RateLimited      429; may carry ``retry_after`` seconds
│   │   └── EndpointDown     no connection, a time-out, or a 5xx
│   └── CallRejected         final: the endpoint refuses this call
│       ├── KeyRejected      401/403; exit code 2
│       ├── ModelNotFound    404; exit code 2
│       └── QuotaExhausted   402, or 429 for want of money: waiting does not help
├── GateFailed               the work was done, but a gate says no
├── BudgetReached            no call more fits into synthesis.budget; resumable
├── Interrupted              stopped at the user's word, calls in flight brought home; exit code 130
├── StorageFull              no space left; everything committed before is kept
├── IsolationError           base was no longer itself beside its adapters: nothing measured so can be trusted
└── AccountingError          a sum does not add up: a bug, the run stops
"""


class RawtuneError(Exception):
    """Base of all errors that rawtune raises on purpose."""

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(RawtuneError):
    """The command or its configuration is wrong; nothing was done."""

    exit_code = 2


class ConfigError(UsageError):
    """rawtune.yaml has faults; ``message`` lists all of them, one a line."""


class RawTextError(UsageError):
    """A raw file is missing, empty or undecodable."""


class MissingDependency(UsageError):
    """A library of an optional extra is not installed."""


class ModelUnavailable(UsageError):
    """Model files are missing or cannot be loaded."""


class TeacherError(RawtuneError):
    """A call to the teacher failed."""

    status: int = 0
    """The HTTP status, or the one usual for errors of this kind; 0 if no answer came."""


class Retryable(TeacherError):
    """The same call may succeed later."""

    def __init__(self, message: str, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_after = retry_after


class RateLimited(Retryable):
    """The endpoint asks to slow down (HTTP 429)."""

    status = 429


class EndpointDown(Retryable):
    """No connection, a time-out, or a server-side error.

    ``sent`` is False if the call never left for want of a connection, so that it cannot have cost anything.
    """

    def __init__(
        self, message: str, hint: str = "", retry_after: float | None = None, status: int = 0, sent: bool = True
    ) -> None:
        super().__init__(message, hint, retry_after)
        self.status = status
        self.sent = sent


class CallRejected(TeacherError):
    """The endpoint refuses this call and would refuse it again."""

    status = 400


class KeyRejected(CallRejected):
    """The API key is missing or not accepted."""

    status = 401
    exit_code = 2


class ModelNotFound(CallRejected):
    """The endpoint has no model of this name."""

    status = 404
    exit_code = 2


class QuotaExhausted(CallRejected):
    """The account behind the key has nothing left to spend."""

    status = 402


class GateFailed(RawtuneError):
    """The work was done, but its result is not good enough to go on."""


class BudgetReached(RawtuneError):
    """The next call could exceed the budget, so it was not made."""


class Interrupted(RawtuneError):
    """The user asked to stop; what was in flight came home and is stored."""

    exit_code = 130


class StorageFull(RawtuneError):
    """The disk is full; what was committed before is kept."""


class IsolationError(RawtuneError):
    """Base, its adapters switched off, does not answer as it did before any was loaded."""


class AccountingError(RawtuneError):
    """n != kept + quarantined + failed: a bug, never the user's fault."""
