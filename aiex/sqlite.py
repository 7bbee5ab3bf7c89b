"""Opens SQLite databases the same way everywhere: WAL, waiting instead of failing, schema by numbered migrations.

What can go wrong with the file itself is told apart, because the caller acts differently: a damaged or newer cache is
set aside and built again, a locked store is tried later, a full or read-only disk is a matter for the person.
"""

from __future__ import annotations

import os
from contextlib import closing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Literal

from aiex.errors import StoreError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

BUSY_TIMEOUT_S: Final = 5.0
"""How long another process may hold the lock before we say so; a migration of a large store takes under a second."""

HEED: Final[ContextVar[Callable[[float], object]]] = ContextVar("aiex.sqlite.heed", default=lambda _: None)
"""Is told again and again how long, in seconds, has been waited for another process; what it raises ends the wait."""
LATE_S: Final = 0.5
"""A change takes some milliseconds; so long it takes only where another process has the file, and a person is told."""

MOST_COPIED_BYTES: Final = 128 << 20
"""Of a file that is read into memory because it cannot be written; as much as the index of 80 MB of source."""
KEPT_ASIDES: Final = 2
"""Databases set aside that stay, the last of them."""
_SIDE_FILES = ("", "-wal", "-shm", "-journal")
_LITTLE_BYTES: Final = 64 << 10
"""A disk with less is full: the index of a log of changes alone takes 32 KB."""
_EXCLUSIVE: Final = "mode=rw"
_FULL_HINT: Final = "free some space on this disk"


class DamagedStore(StoreError):
    """The file is not a database, or its pages are broken; `set_aside` makes room for a new one."""


class NewerStore(StoreError):
    """A later version of Aiex wrote the file; this one must not touch it."""


class LockedStore(StoreError):
    """Another process holds the database longer than we wait."""

    exit_code = 6


class ReadOnlyStore(StoreError):
    """The file or its directory cannot be written or opened."""


class FullStore(StoreError):
    """The disk, or the database's own limit, is full."""


def connect(
    path: str,
    *,
    migrations: Sequence[str],
    synchronous: Literal["OFF", "NORMAL", "FULL", "EXTRA"] = "NORMAL",
    any_thread: bool = False,
    shrinkable: bool = False,
    page_bytes: int = 0,
) -> sqlite3.Connection:
    """Open the database at `path` (or ":memory:"), created with mode 0600, at the schema of the last migration.

    Args:
        migrations: Each a script of statements; number n takes the schema from version n to n + 1. Only ever append.
        synchronous: NORMAL loses the last commits at a power cut, never the file; FULL loses nothing.
        any_thread: Let other threads use the connection; they take turns by a lock of the caller's.
        shrinkable: Let `PRAGMA incremental_vacuum` give space back; takes effect when the file is made.
        page_bytes: Size of a page, a power of two to 65536, where rows of kilobytes would waste space in SQLite's own
            4096; takes effect when the file is made.

    The connection begins a write transaction (IMMEDIATE) at the first changing statement, so `with connection:`
    commits or rolls back, and no reader turned writer fails at once with a stale snapshot.

    Raises:
        StoreError: one of the classes above, with the cause.
    """
    import sqlite3

    with translated_errors(path):
        _create_private(path)
        connection = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_S, isolation_level="IMMEDIATE", check_same_thread=not any_thread
        )
        try:
            if (shrinkable or page_bytes) and (path == ":memory:" or os.path.getsize(path) == 0):
                _lay_out(connection, shrinkable=shrinkable, page_bytes=page_bytes)
            _set_pragmas(connection, synchronous)
            _migrate(connection, migrations, path)
        except BaseException as error:
            _give_up(connection, error)
            raise
    return connection


def _give_up(connection: sqlite3.Connection, error: BaseException) -> None:
    """Close a connection that could not be set up, unless that would do harm to the log beside the file.

    Where SQLite could not open its index of the log, as on a full disk, it removes the log when it is closed, though
    nothing of it was carried over (seen with 3.40.1: ftruncate of the index fails with ENOSPC). Such a connection
    lasts as long as the process.
    """
    import sqlite3

    if getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHMOPEN:
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
    else:
        connection.close()


def connect_or_copy(
    path: str, connect: Callable[[str], sqlite3.Connection]
) -> tuple[sqlite3.Connection, ReadOnlyStore | FullStore | None]:
    """Open the database at `path`; where it can only be read, what it holds in memory, and why it cannot be changed.

    A file that is not there, or was begun and never filled, holds nothing.

    Args:
        path: Of the file.
        connect: Opens the database at a path, or one in memory.

    Raises:
        StoreError: as `connect` does, and where the file cannot be read either.

    Cost: of a copy 1 s per GB; a file of more than `MOST_COPIED_BYTES` is not copied.
    """
    try:
        return connect(path), None
    except (ReadOnlyStore, FullStore) as error:
        connection = connect(":memory:")
        if not _is_empty(path) and not copy_unwritable(path, into=connection):
            connection.close()
            raise
        return connection, error


def _is_empty(path: str) -> bool:
    try:
        return os.path.getsize(path) == 0
    except FileNotFoundError:
        return not os.path.lexists(path)
    except OSError:
        return False


def copy_unwritable(path: str, into: sqlite3.Connection) -> bool:
    """Copy what a file holds that can be read and not written; whether that was done.

    So it is on a read-only file system, and on a full disk, where SQLite cannot make the files it wants beside it.

    A file of more than `MOST_COPIED_BYTES` is not copied, nor one of another schema, nor one whose last changes cannot
    be read with it.

    Args:
        into: A database in memory of the same schema; of no use any more when the copy fails.

    Cost: 1 s per GB.
    """
    import sqlite3

    try:
        if os.path.getsize(path) > MOST_COPIED_BYTES:
            return False
        return any(_copy(path, way, into) for way in _ways_to_read(path))
    except (sqlite3.Error, OSError):
        return False


def _ways_to_read(path: str) -> Iterator[str]:
    """How to open a file that may not be written, the better way first.

    SQLite wants side files for WAL, or to make them; where it cannot, the file alone is whole if nothing is in its log.
    """
    yield "mode=ro"
    log = path + "-wal"
    if not os.path.exists(log) or os.path.getsize(log) == 0:
        yield "immutable=1"
    else:
        yield _EXCLUSIVE


def _copy(path: str, way: str, into: sqlite3.Connection) -> bool:
    import sqlite3

    lead = "file:/" if os.path.splitdrive(path)[0] else "file:"
    name = "".join(f"%{byte:02x}" for byte in os.fsencode(path))
    version = "PRAGMA user_version"
    with closing(sqlite3.connect(f"{lead}{name}?{way}", uri=True, timeout=0)) as source:
        try:
            if way == _EXCLUSIVE:  # the index of the log is then kept in memory, which a full disk does not hinder
                source.execute("PRAGMA locking_mode=EXCLUSIVE")
            if source.execute(version).fetchone() != into.execute(version).fetchone():
                return False
            source.backup(into)
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                raise
            return False
    return True


def identify(path: str) -> tuple[int, int]:
    """Tells one file at this path from another that takes its place; (0, 0) when there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return found.st_dev, found.st_ino


def may_exist(path: str) -> bool:
    """Whether there is something at this path, or something in its way, so that nobody can tell: opening it will."""
    try:
        os.lstat(path)
    except FileNotFoundError:
        folder = os.path.dirname(path)
        return os.path.lexists(folder) and not os.path.isdir(folder)
    except OSError:
        return True
    return True


def forget_asides(path: str) -> None:
    """Delete what `set_aside` left of this database, but for the last ones: caches set aside must not fill a disk."""
    folder, name = os.path.split(path)
    try:
        asides = [entry for entry in os.listdir(folder or ".") if entry.startswith(f"{name}.damaged-")]
    except OSError:
        return
    stamps = sorted({entry.removesuffix("-wal").removesuffix("-shm").removesuffix("-journal") for entry in asides})
    for stamp in stamps[: max(0, len(stamps) - KEPT_ASIDES)]:
        for side in _SIDE_FILES:
            try:
                os.remove(os.path.join(folder, stamp + side))
            except OSError:  # not there, or a directory, which stays
                continue


def remove(path: str) -> None:
    """Remove the database and its side files, which a full disk does not hinder.

    Raises:
        StoreError: if one of them cannot be removed.
    """
    for side in _SIDE_FILES:
        try:
            os.unlink(path + side)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ReadOnlyStore(f"cannot remove {path + side}: {error.strerror}") from error


def set_aside(path: str) -> str:
    """Rename the database and its side files to `*.damaged-<utc>`; the new name of the database."""
    import time

    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    suffix, number = f".damaged-{stamp}", 1
    while os.path.lexists(path + suffix):
        number += 1
        suffix = f".damaged-{stamp}-{number}"
    for side in _SIDE_FILES:
        try:
            os.replace(path + side, path + suffix + side)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ReadOnlyStore(f"cannot set {path + side} aside: {error.strerror}") from error
    return path + suffix


class translated_errors:
    """Inside, an error of SQLite or of the file system becomes the StoreError that says what to do."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            return
        import sqlite3

        if isinstance(error, sqlite3.Error | OSError):
            raise to_store_error(error, self.path) from error
        if isinstance(error, UnicodeDecodeError):  # SQLite quotes what it found, and Python cannot read the quote
            raise DamagedStore(f"cannot read {self.path}: it holds text that is not UTF-8") from error


def to_store_error(error: sqlite3.Error | OSError, path: str) -> StoreError:
    """What a failure of SQLite (by its result code) or of the file system means for the store at `path`."""
    if isinstance(error, OSError):
        return _from_os_error(error, path)
    match (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF:  # the low byte is the primary result code
        case 5 | 6 | 15:  # BUSY, LOCKED, PROTOCOL: many processes at the WAL at once
            return LockedStore(
                f"cannot use {path}: another process holds it", hint="wait for the other aiex to finish, then try again"
            )
        case 11 | 26:  # CORRUPT, NOTADB
            return DamagedStore(f"cannot read {path}: {error}", hint="move the file away; a new one is made")
        case 10 | 14 if _is_full(error, path):  # IOERR, CANTOPEN
            return FullStore(f"cannot write {path}: the disk is full", hint=_FULL_HINT)
        case 10:
            return StoreError(f"cannot use {path}: {error}", hint="look whether its disk is full, or fails")
        case 8 | 14 | 3:  # READONLY, CANTOPEN, PERM
            return ReadOnlyStore(
                f"cannot open {path} for writing: {error}", hint="check that its directory exists and is yours to write"
            )
        case 13:  # FULL
            return FullStore(f"cannot write {path}: {error}", hint=_FULL_HINT)
        case 0 if "decode to UTF-8" in str(error):  # raised by Python's module, without a code
            return DamagedStore(f"cannot read {path}: it holds text that is not UTF-8")
        case _:
            return StoreError(f"cannot use {path}: {error}")


def _is_full(error: sqlite3.Error, path: str) -> bool:
    """Whether an error is for want of space: SQLite says so of its own files, and not of those beside them."""
    import sqlite3
    import sys

    if error.sqlite_errorcode == sqlite3.SQLITE_IOERR_SHMSIZE:  # the index of the log could not be made longer
        return True
    if sys.platform == "win32":
        return False
    try:
        disk = os.statvfs(os.path.dirname(path) or ".")
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LITTLE_BYTES


def _from_os_error(error: OSError, path: str) -> StoreError:
    import errno

    reason = error.strerror or str(error)
    if error.errno == errno.EISDIR or (error.errno == errno.EACCES and os.path.isdir(path)):  # the latter on Windows
        return DamagedStore(f"cannot read {path}: it is a directory", hint="move it away; a new file is made")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return FullStore(f"cannot write {path}: {reason}", hint=_FULL_HINT)
    where = _find_blocker(path)
    if error.errno in (errno.EEXIST, errno.ENOTDIR) and not os.path.isdir(where):
        return ReadOnlyStore(f"cannot use {path}: {where} is not a directory", hint=f"move {where} away")
    return ReadOnlyStore(f"cannot open {path} for writing: {reason}", hint="check that its directory is yours to write")


def _find_blocker(path: str) -> str:
    """What stands where a directory above this path should be."""
    above = os.path.dirname(path)
    while not os.path.lexists(above) and os.path.dirname(above) not in ("", above):
        above = os.path.dirname(above)
    return above


def _create_private(path: str) -> None:
    """Make the file before SQLite does, for its mode; the side files inherit it."""
    if path == ":memory:":
        return
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
    os.close(descriptor)


def _lay_out(connection: sqlite3.Connection, *, shrinkable: bool, page_bytes: int) -> None:
    """Say what a file shall be like that has no page yet; later it would only cost a write, or be ignored."""
    if page_bytes:
        connection.execute(f"PRAGMA page_size={page_bytes}")
    if shrinkable:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")


def _set_pragmas(connection: sqlite3.Connection, synchronous: str) -> None:
    _enter_wal(connection)
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute("PRAGMA foreign_keys=ON")


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL. Two processes doing so at once make one fail without waiting, so the waiting is done here."""
    import sqlite3
    import time

    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchone()
            return
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def _is_busy(error: sqlite3.OperationalError) -> bool:
    """Whether others hold the database."""
    import sqlite3

    return (error.sqlite_errorcode & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str], path: str) -> None:
    if _version(connection, path, len(migrations)) == len(migrations):
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()  # parses the schema: damage shows here
        return
    connection.execute("BEGIN IMMEDIATE")
    try:  # the version is read again: another process may have migrated while we waited for the lock
        for script in migrations[_version(connection, path, len(migrations)) :]:
            for statement in _statements(script):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={len(migrations)}")
        connection.commit()
    finally:
        if connection.in_transaction:
            connection.rollback()


def _version(connection: sqlite3.Connection, path: str, known: int) -> int:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > known:
        raise NewerStore(
            f"cannot use {path}: its schema is version {found}, this aiex knows {known}",
            hint="use the newer aiex that wrote it, or move the file away",
        )
    return found


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; a semicolon in a string, comment or trigger body does not end one."""
    import sqlite3

    pending = ""
    for piece in script.split(";"):
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip("; \t\r\n"):
        yield pending


def describe_engine() -> tuple[str, bool]:
    """The version of SQLite that Python was built with, and whether it has full-text search (FTS5)."""
    import sqlite3

    connection = sqlite3.connect(":memory:")
    try:
        options = {row[0] for row in connection.execute("PRAGMA compile_options")}
    finally:
        connection.close()
    return sqlite3.sqlite_version, "ENABLE_FTS5" in options
