"""A crash report: what a maintainer needs to know, without secrets, in a file only its owner can read."""

import os
from collections.abc import Sequence
from contextlib import suppress

_KEPT_REPORTS = 20


def write_report(error: BaseException, argv: Sequence[str]) -> str:
    """Write the report of a crash and give its path; an empty string when it cannot be written. Never raises."""
    try:
        return _write(_render(error, argv))
    except Exception:  # noqa: BLE001  (called while the process dies of another error, which must be the one that is told)
        return ""


def _render(error: BaseException, argv: Sequence[str]) -> str:
    import platform
    import traceback

    import aiex
    from aiex.guard.neutral import neutralise
    from aiex.guard.redact import redact, redact_arguments

    lines = [
        f"aiex {aiex.__version__}",
        f"python {platform.python_version()} ({platform.python_implementation()})",
        f"platform {platform.platform()}",
        f"arguments {redact_arguments(argv)}",
        "",
        *traceback.format_exception(error),
    ]
    return neutralise(redact("\n".join(line.rstrip("\n") for line in lines) + "\n"))


def _write(text: str) -> str:
    import time

    from aiex import dirs

    folder = dirs.ensure(os.path.join(dirs.state_dir(), "reports"))
    name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}-{os.urandom(3).hex()}.txt"
    path = os.path.join(folder, name)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as report:
        report.write(text)
    _remove_old(folder)
    return path


def _remove_old(folder: str) -> None:
    """Keep the newest reports; their names sort by time."""
    with suppress(OSError):
        for name in sorted(os.listdir(folder))[:-_KEPT_REPORTS]:
            os.unlink(os.path.join(folder, name))
