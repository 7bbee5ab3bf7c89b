"""Writes what Aiex does to a rotating file of JSON lines, for those who look after it.

Nothing is imported, opened or created before the first record that passes the level. Logging never fails its caller: a
full or read-only disk loses records, not work.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal

from aiex import dirs
from aiex.errors import ConfigError

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator, Mapping

Level = Literal["debug", "info", "warning", "error"]

LEVELS: Final[Mapping[Level, int]] = {"debug": 10, "info": 20, "warning": 30, "error": 40}
LIMIT_BYTES: Final = 2_000_000
"""Size at which the file is rotated; three old ones are kept, 8 MB in all."""
KEPT_FILES: Final = 3

_BOUND: ContextVar[Mapping[str, str]] = ContextVar("aiex_log_context", default={})  # noqa: B039  (never changed)


class _State:
    """What `configure` decided, and the handler once it is open."""

    level: Level = "warning"
    path: str | None = None
    redact: Callable[[str], str] | None = None
    handler: logging.Handler | None = None


def configure(level: Level, path: str | None = None, *, redact: Callable[[str], str] | None = None) -> None:
    """Say what is recorded and where, before or after the first record.

    Args:
        level: The least severe level that is written.
        path: The file; `aiex.log` in the state directory when None.
        redact: Takes the secrets out of every text before it is written, as the guard does.
    """
    close()
    _State.level, _State.path, _State.redact = level, path, redact


def close() -> None:
    """Close the file; a later record opens it again."""
    handler, _State.handler = _State.handler, None
    if handler is not None:
        with suppress(OSError):  # what a full disk did not take is lost
            handler.close()


def logger(name: str) -> Logger:
    """The logger of one part, named after its module."""
    return Logger(name)


@contextmanager
def bind(**ids: str) -> Iterator[None]:
    """Within the block, each record carries these ids (`correlation_id`, `session_id`, …), also across `await`."""
    token = _BOUND.set({**_BOUND.get(), **ids})
    try:
        yield
    finally:
        _BOUND.reset(token)


class Logger:
    """Writes records under one name; the fields are values that JSON has; of others the type is named."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def debug(self, message: str, **fields: object) -> None:
        """What helps to find a bug."""
        _write("debug", self.name, message, fields)

    def info(self, message: str, **fields: object) -> None:
        """What happened as it should."""
        _write("info", self.name, message, fields)

    def warning(self, message: str, **fields: object) -> None:
        """What was odd and did not stop the work."""
        _write("warning", self.name, message, fields)

    def error(self, message: str, *, error: BaseException | None = None, **fields: object) -> None:
        """What failed; the type, text and place of `error` are added."""
        _write("error", self.name, message, {**fields, **_described(error)})


def _described(error: BaseException | None) -> dict[str, object]:
    if error is None:
        return {}
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    at = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place is not None else ""
    return {"error": type(error).__name__, "error_message": str(error), "error_place": at}


def _write(level: Level, name: str, message: str, fields: Mapping[str, object]) -> None:
    if LEVELS[level] < LEVELS[_State.level]:
        return
    import logging

    try:
        if _State.handler is None:
            _State.handler = _open_handler()
        line = _render(level, name, message, fields)
        record = logging.LogRecord(name, LEVELS[level], "", 0, line, None, None)
        _State.handler.handle(record)
    except (OSError, ConfigError):
        return  # the log is the last to know: there is nowhere to say that it cannot be written


def _render(level: Level, name: str, message: str, fields: Mapping[str, object]) -> str:
    from aiex.eventforms import to_timestamp
    from aiex.jsonform import dump

    known = {"ts": to_timestamp(_now()), "level": level, "logger": name, "message": message, "pid": os.getpid()}
    entry: dict[str, Any] = {**known, **{key: _plain(value) for key, value in fields.items() if key not in known}}
    entry |= {key: value for key, value in _BOUND.get().items() if key not in entry}
    if _State.redact is not None:
        entry = _redacted(entry, _State.redact)
    return dump(entry)


def _now() -> float:
    import time

    return time.time()


def _plain(value: object, depth: int = 6) -> object:
    """The value as far as JSON has it; of anything else, and of what lies too deep, the name of its type."""
    match value:
        case float() if str(value) in ("nan", "inf", "-inf"):
            return str(value)
        case None | bool() | int() | float() | str():
            return value
        case dict() if depth:
            return {str(key): _plain(entry, depth - 1) for key, entry in value.items()}
        case list() | tuple() if depth:
            return [_plain(entry, depth - 1) for entry in value]
        case os.PathLike():
            return os.fsdecode(value)
    return f"<{type(value).__name__}>"


def _redacted(value: Any, redact: Callable[[str], str]) -> Any:
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: _redacted(entry, redact) for key, entry in value.items()}
        case list():
            return [_redacted(entry, redact) for entry in value]
        case _:
            return value


def _open_handler() -> logging.Handler:
    from logging import Formatter
    from logging.handlers import RotatingFileHandler

    class PrivateFile(RotatingFileHandler):
        """A rotating file that only its owner can read, and that keeps quiet when it cannot be written."""

        def _open(self) -> Any:
            descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            return os.fdopen(descriptor, "a", encoding="utf-8", newline="\n")

        def handleError(self, record: logging.LogRecord) -> None:
            return

    path = _State.path or os.path.join(dirs.state_dir(), "aiex.log")
    dirs.ensure(os.path.dirname(os.path.abspath(path)))
    handler = PrivateFile(path, maxBytes=LIMIT_BYTES, backupCount=KEPT_FILES, encoding="utf-8", delay=True)
    handler.setFormatter(Formatter("%(message)s"))
    return handler
