"""The event log in PostgreSQL, for many machines: rows as in the SQLite file, one writer at a time.

Every append holds an advisory lock to its end. Without it a later position could be seen before an earlier one, and a
follower would miss that (https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS). A transaction
that need not last is committed with synchronous_commit=off: a crash of the server may take the last of those, never one
before a synced one, since all are written to one log in order.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiex.errors import StoreError
from aiex.sessions.stores import Draft, Head, Kind, Moved, Row, Snapshot, read_in_pages
from aiex.sqlite import DamagedStore, FullStore, LockedStore, NewerStore, ReadOnlyStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import psycopg

T = TypeVar("T")
CONNECT_WITHIN_S: Final = 10
WAIT_WITHIN_S: Final = 60
"""For other writers, each of which is done in milliseconds; and how long one may be silent before it is cut off."""
ROWS_AT_ONCE: Final = 500
LOCK_KEY: Final = 0x61696578  # "aiex"

MIGRATIONS: Final = (
    """
    create table aiex_events (
        position bigint generated always as identity primary key, session text collate "C" not null,
        seq bigint not null, at_ms bigint not null, turn bigint not null, type text not null, v integer not null,
        link bytea not null, sealed boolean not null, copied boolean not null, data bytea not null,
        unique (session, seq)
    );
    create table aiex_snapshots (
        session text collate "C" primary key, seq bigint not null, link bytea not null, version integer not null,
        data bytea not null
    );
    """,
)
_VERSION = "create table if not exists aiex_schema (one boolean primary key check (one), version integer not null)"
_BEGIN = "select pg_advisory_xact_lock(%s), set_config('synchronous_commit', %s, true)"
_COLUMNS = "position, session, seq, at_ms, turn, type, v, data, link, sealed, copied"
_INSERT = """
    insert into aiex_events (session, seq, at_ms, turn, type, v, data, link, sealed, copied)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_LAST_SEQ = "select seq from aiex_events where session = %s order by seq desc limit 1"
_READ = f"select {_COLUMNS} from aiex_events where session = %s and seq > %s and seq <= %s order by seq limit %s"  # noqa: S608  (a constant)
_FOLLOW = f"select {_COLUMNS} from aiex_events where position > %s order by position limit %s"  # noqa: S608  (a constant)
_HEAD = "select seq, position, link, turn, at_ms from aiex_events where session = %s order by seq desc limit 1"
_SESSIONS = """
    with recursive names (name) as (
        (select session from aiex_events order by session limit 1)
        union all
        select (select min(session) from aiex_events where session > name) from names where name is not null
    )
    select name from names where name is not null
    order by (select position from aiex_events where session = name order by seq limit 1)
"""
_KEEP_SNAPSHOT = """
    insert into aiex_snapshots (session, seq, link, version, data) values (%s, %s, %s, %s, %s)
    on conflict (session) do update
    set seq = excluded.seq, link = excluded.link, version = excluded.version, data = excluded.data
"""


class PostgresStore:
    """Rows in the database at one address; safe for threads, which take turns at one connection."""

    def __init__(self, address: str) -> None:
        """Connect, and make the tables where there are none.

        Args:
            address: `postgresql://user@host/database`, or the words of libpq: `host=... dbname=...`.

        Raises:
            StoreError: if the server cannot be reached, or a later version of Aiex made the tables.
        """
        self._address = address
        self.name = _name_of(address)
        self._lock = RLock()
        self._connection = self._connect()
        try:
            self._migrate()
        except BaseException:
            self._connection.close()
            raise

    def append(self, session: str, drafts: Sequence[Draft], *, after_seq: int, synced: bool) -> int:
        """Add rows behind `after_seq` in one transaction; the position of the last.

        Raises:
            Moved: if the session ends elsewhere.
            StoreError: if they cannot be written. Where the connection broke meanwhile, they may have been.
        """

        def insert() -> int:
            self._require_end(session, after_seq)
            rows = [(session, seq, *draft) for seq, draft in enumerate(drafts, after_seq + 1)]
            self._connection.cursor().executemany(_INSERT, rows)
            head = self._connection.execute(_HEAD, (session,)).fetchone()
            return int(head[1]) if head else 0

        return self._change(insert, synced=synced)

    def sync_soon(self) -> None:
        """Nothing to do: the server syncs what is not waited for within three times its `wal_writer_delay`, 0.6 s."""

    def read(self, session: str, *, after_seq: int = 0, upto_seq: int | None = None) -> Iterator[Row]:
        """The rows of a session in order. Raises StoreError."""
        return read_in_pages(
            lambda after, last: self._fetch(_READ, (session, after, last, ROWS_AT_ONCE)),
            after_seq,
            upto_seq,
            most=ROWS_AT_ONCE,
        )

    def follow(self, after_position: int, *, limit: int) -> list[Row]:
        """The next rows of all sessions, in the order in which they were committed. Raises StoreError."""
        return list(map(Row._make, self._fetch(_FOLLOW, (after_position, limit))))

    def head(self, session: str) -> Head | None:
        """The end of a session. Raises StoreError."""
        rows = self._fetch(_HEAD, (session,))
        return Head(*rows[0]) if rows else None

    def sessions(self) -> list[str]:
        """Every session, in order of its first position. Raises StoreError."""
        return [name for (name,) in self._fetch(_SESSIONS)]

    def keep_snapshot(self, session: str, snapshot: Snapshot) -> None:
        """Put a snapshot in the place of the one before. Raises StoreError."""
        self._change(lambda: self._connection.execute(_KEEP_SNAPSHOT, (session, *snapshot)), synced=False)

    def snapshot(self, session: str) -> Snapshot | None:
        """The last snapshot. Raises StoreError."""
        rows = self._fetch("select seq, link, version, data from aiex_snapshots where session = %s", (session,))
        return Snapshot(*rows[0]) if rows else None

    def remove(self, session: str, *, at_seq: int | None = None) -> bool:
        """Take a session out; its bytes stay on the server's disk until that is vacuumed. Raises Moved, StoreError."""

        def delete() -> int:
            if at_seq is not None:
                self._require_end(session, at_seq)
            self._connection.execute("delete from aiex_snapshots where session = %s", (session,))
            return self._connection.execute("delete from aiex_events where session = %s", (session,)).rowcount

        return self._change(delete, synced=True) > 0

    def close(self) -> None:
        """Let go of the connection."""
        with self._lock:
            self._connection.close()

    def _require_end(self, session: str, seq: int) -> None:
        found = self._connection.execute(_LAST_SEQ, (session,)).fetchone()
        last_seq = found[0] if found else 0
        if last_seq != seq:
            raise Moved(
                f"session {session} went on: it ends with event {last_seq}, not {seq}",
                hint="another process continued it; read it again",
            )

    def _connect(self) -> psycopg.Connection[Any]:
        """A new connection that gives up on a server or writer that is silent."""
        import psycopg

        with self._translated_errors():
            connection = psycopg.connect(self._address, autocommit=True, connect_timeout=CONNECT_WITHIN_S)
            connection.execute(f"set lock_timeout = '{WAIT_WITHIN_S}s'")
            connection.execute(f"set idle_in_transaction_session_timeout = '{WAIT_WITHIN_S}s'")
            connection.execute("set client_min_messages = warning")
            return connection

    def _migrate(self) -> None:
        if self._version() == len(MIGRATIONS):
            return

        def migrate() -> None:
            self._connection.execute(_VERSION)
            for script in MIGRATIONS[self._version() :]:  # another process may have been here while we waited
                self._connection.execute(script)
            self._connection.execute("delete from aiex_schema")
            self._connection.execute("insert into aiex_schema values (true, %s)", (len(MIGRATIONS),))

        self._change(migrate, synced=True)

    def _version(self) -> int:
        """Of the tables; 0 where there are none. Raises NewerStore."""
        if self._fetch("select to_regclass('aiex_schema')") == [(None,)]:
            return 0
        rows = self._fetch("select version from aiex_schema")
        found = int(rows[0][0]) if rows else 0
        if found > len(MIGRATIONS):
            raise NewerStore(
                f"cannot use {self.name}: its schema is version {found}, this aiex knows {len(MIGRATIONS)}",
                hint="use the newer aiex that made it, or another database",
            )
        return found

    def _change(self, act: Callable[[], T], *, synced: bool) -> T:
        """Do it in a transaction of its own, while no other process writes."""
        with self._lock, self._translated_errors():
            self._require_connection()
            with self._connection.transaction():
                self._connection.execute(_BEGIN, (LOCK_KEY, "on" if synced else "off"))
                return act()

    def _fetch(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        with self._lock, self._translated_errors():
            self._require_connection()
            return self._connection.cursor(binary=True).execute(statement.encode(), values).fetchall()

    def _require_connection(self) -> None:
        """Connect anew where the connection is known to be broken: the server was restarted, or cut us off."""
        if self._connection.closed:
            self._connection = self._connect()

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise _to_store_error(error, self.name) from error


STORE = Kind("address", PostgresStore)


def _name_of(address: str) -> str:
    """What a person may see of an address: server and database.

    Raises:
        StoreError: if it is none, or psycopg is not installed. What libpq says of a wrong one may quote a password.
    """
    try:
        import psycopg
        from psycopg.conninfo import conninfo_to_dict
    except ImportError as error:
        raise StoreError(
            "cannot keep sessions in PostgreSQL: psycopg is not installed", hint="pip install 'aiex[fleet]'"
        ) from error
    try:
        known = conninfo_to_dict(address)
    except psycopg.Error:
        raise _no_address() from None
    host, port, database = (str(known.get(name) or "") for name in ("host", "port", "dbname"))
    is_cut_wrongly = "@" in host + port + database and "%40" not in address
    if "://" in address and is_cut_wrongly:
        raise _no_address()
    return f"postgresql://{host}{port and ':'}{port}/{database}"


def _no_address() -> StoreError:
    return StoreError(
        "cannot keep sessions in PostgreSQL: its address cannot be read",
        hint="postgresql://user:password@host/name, where : / ? # @ in a password are %3A %2F %3F %23 %40",
    )


def _to_store_error(error: psycopg.Error, name: str) -> StoreError:
    """What a failure of the server or of the way to it means (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
    from psycopg import errors

    said = str(error).strip().splitlines()
    reason = said[0] if said else type(error).__name__
    match error:
        case errors.DiskFull():
            return FullStore(f"cannot write {name}: {reason}", hint="free some space on the server's disk")
        case errors.LockNotAvailable():
            return LockedStore(f"cannot use {name}: another process holds it", hint="try again in a while")
        case errors.ReadOnlySqlTransaction() | errors.InsufficientPrivilege():
            return ReadOnlyStore(f"cannot write {name}: {reason}", hint="ask for a user that may write there")
        case errors.DataCorrupted() | errors.IndexCorrupted():
            return DamagedStore(f"cannot read {name}: {reason}", hint="restore the database from a backup")
        case errors.OperationalError() | errors.InterfaceError():
            return StoreError(f"cannot reach {name}: {reason}", hint="check the address and that the server runs")
        case _:
            return StoreError(f"cannot use {name}: {reason}")
