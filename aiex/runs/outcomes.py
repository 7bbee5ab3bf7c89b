"""What an error means for the run that it ended: an outcome with the exit code of its kind, never a traceback."""

from __future__ import annotations

from aiex.errors import AiexError
from aiex.events import TurnEnded

BUG_EXIT = 70
HANG_UP_EXIT = 129
"""The terminal went away (128 + SIGHUP)."""
INTERRUPTED_EXIT = 130
TERMINATED_EXIT = 143


class Terminated(BaseException):
    """The process was asked to end (SIGTERM)."""


def to_failure(error: AiexError) -> TurnEnded:
    """The outcome of an error that a person can understand."""
    return TurnEnded("error", type(error).__name__, error.exit_code, error=error.message, hint=error.hint)


def to_outcome(error: BaseException) -> TurnEnded:
    """The outcome of any error, for the session that it ended; nothing is reported."""
    if isinstance(error, AiexError):
        return to_failure(error)
    if isinstance(error, KeyboardInterrupt | Terminated):
        return to_interruption(error)
    return TurnEnded("error", "bug", BUG_EXIT, error=f"Aiex hit a bug ({type(error).__name__})")


def to_interruption(cause: BaseException) -> TurnEnded:
    """The outcome of Ctrl-C or of being asked to end."""
    code = TERMINATED_EXIT if isinstance(cause, Terminated) else INTERRUPTED_EXIT
    return TurnEnded("error", "interrupted", code, error="interrupted")


def to_crash(error: BaseException, arguments: list[str]) -> TurnEnded:
    """The outcome of a bug: a report on disk and its path, never a traceback."""
    message = f"Aiex hit a bug ({type(error).__name__})"
    try:
        from aiex.guard.report import write_report

        path = write_report(error, arguments)
    except Exception as problem:  # noqa: BLE001  (whatever happens, the bug itself is told)
        message, path = f"{message}; the report could not be written: {problem}", ""
    else:
        message += f", report: {path}" if path else "; no report could be written"
    hint = (
        "attach the report when you tell us about it" if path else "aiex doctor tells which directory is not writable"
    )
    return TurnEnded("error", "bug", BUG_EXIT, error=message, hint=hint)
