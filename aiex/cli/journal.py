"""The line in the log file that says how a run ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiex.events import TurnEnded

if TYPE_CHECKING:
    from aiex.telemetry import Level

BUG = "bug"


def note_end(ended: TurnEnded, arguments: list[str], level: Level, error: BaseException | None = None) -> None:
    """Log the outcome as `info`, a bug as `error`; with the usual level that is nothing, and imports nothing."""
    if ended.subtype != BUG and level not in ("debug", "info"):
        return
    from aiex import telemetry
    from aiex.guard.redact import redact, redact_arguments

    telemetry.configure(level, redact=redact)
    log = telemetry.logger("aiex.cli")
    words = redact_arguments(arguments)
    if ended.subtype == BUG:
        log.error(ended.error, error=error, arguments=words)
    else:
        log.info("run ended", arguments=words, status=ended.status, subtype=ended.subtype, exit_code=ended.exit_code)
    telemetry.close()
