"""The error tree: what went wrong, what a person can do, and the exit code that says so.

Branches follow what the caller can do. Every message says what was tried and what was found; `hint` says what to do.
"""

from typing import Literal

FailureKind = Literal[
    "", "rate_limit", "quota", "overloaded", "server_error", "timeout", "transport", "malformed", "auth", "permission",
    "not_found", "invalid_request", "context_overflow", "request_too_large", "content_filter",
]  # fmt: skip
"""What went wrong at a vendor, in one vocabulary for all of them; empty when it is none of these."""


class AiexError(Exception):
    """A problem a person can understand; `exit_code` is the process code when nobody handles it."""

    exit_code = 70
    kind: FailureKind = ""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(AiexError):
    """The request is wrong; other words are needed."""

    exit_code = 2


class ConfigError(AiexError):
    """A setting is missing or malformed."""

    exit_code = 78


class NotSignedIn(AiexError):
    """There is no key, the key was rejected, or the workspace is not trusted."""

    exit_code = 77
    kind: FailureKind = "auth"


class Denied(AiexError):
    """The guard said no: path, role or policy."""

    exit_code = 4


class BudgetEnded(AiexError):
    """Money, tokens, turns, time or calls are used up."""

    exit_code = 5


class Conflict(AiexError):
    """Something changed under us, is dirty, or is locked."""

    exit_code = 6


class ProviderError(AiexError):
    """A model vendor failed."""

    exit_code = 69


class Transient(ProviderError):
    """A failure worth trying again; `retry_after_s` is the vendor's wish in seconds, None when it gave none."""

    exit_code = 75

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_s: float | None = None,
        kind: FailureKind = "transport",
        should_retry: bool | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        self.kind = kind
        self.should_retry = should_retry
        """The vendor's own word on it (`x-should-retry`), None when it gave none."""


class Unavailable(ProviderError):
    """The breaker is open, nothing answers, or nobody is left to ask."""

    exit_code = 69


class Rejected(ProviderError):
    """The vendor refused the request as it is."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", kind: FailureKind = "invalid_request") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class ContextOverflow(ProviderError):
    """The request is larger than the model's window; both sizes in tokens, None when the vendor did not say."""

    exit_code = 1
    kind: FailureKind = "context_overflow"

    def __init__(
        self, message: str, *, hint: str = "", needed_tokens: int | None = None, limit_tokens: int | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.needed_tokens = needed_tokens
        self.limit_tokens = limit_tokens


class ToolError(AiexError):
    """A tool could not do its work; shown to the model, and the turn goes on."""

    exit_code = 1


class EditError(AiexError):
    """The text to change was not found, or was found more than once."""

    exit_code = 1


class StoreError(AiexError):
    """A session, a cache or a file cannot be read or written."""

    exit_code = 74
