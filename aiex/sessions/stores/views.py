"""The views on disk: one SQLite file that can be made anew from the log at any time.

How far the log was applied stands in the same file and is written in the same transaction, so nothing counts twice.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiex import sqlite
from aiex.sessions.summary import Account, Asked, Changes, Spent, Step, Summary

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

_TALK_OUT: Final = """
    CREATE TRIGGER talk_out AFTER DELETE ON talk BEGIN
        INSERT INTO heard (heard, rowid, text) VALUES ('delete', old.id, old.text);
    END;
"""
_MIGRATIONS: Final = (
    """
    CREATE TABLE applied (
        one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL, version INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY, seq INTEGER NOT NULL, position INTEGER NOT NULL, sealed INTEGER NOT NULL,
        title TEXT NOT NULL, title_seq INTEGER NOT NULL, words TEXT NOT NULL, words_seq INTEGER NOT NULL,
        root TEXT NOT NULL, command TEXT NOT NULL, provider TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL,
        started_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, turns INTEGER NOT NULL,
        calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
        cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_usd REAL NOT NULL, unpriced INTEGER NOT NULL,
        files INTEGER NOT NULL, archived INTEGER NOT NULL, parent TEXT NOT NULL, parent_seq INTEGER NOT NULL,
        imported INTEGER NOT NULL, in_flight INTEGER NOT NULL, folding TEXT NOT NULL
    ) STRICT;
    CREATE INDEX sessions_last ON sessions (last_ms);
    CREATE TABLE files (
        session TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (session, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE usage (
        session TEXT NOT NULL, model TEXT NOT NULL, root TEXT NOT NULL, day TEXT NOT NULL,
        calls INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
        cache_read_tokens INTEGER NOT NULL, cache_write_tokens INTEGER NOT NULL, reasoning_tokens INTEGER NOT NULL,
        cost_usd REAL NOT NULL, unpriced INTEGER NOT NULL, PRIMARY KEY (session, model, root, day)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE approvals (
        session TEXT NOT NULL, approval_id TEXT NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
        action TEXT NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (session, approval_id)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE steps (
        session TEXT NOT NULL, stack TEXT NOT NULL, place INTEGER NOT NULL, seq INTEGER NOT NULL,
        checkpoint_id TEXT NOT NULL, at_ms INTEGER NOT NULL, reason TEXT NOT NULL, PRIMARY KEY (session, stack, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE talk (
        id INTEGER PRIMARY KEY, session TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL,
        at_ms INTEGER NOT NULL, text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX talk_of ON talk (session);
    CREATE VIRTUAL TABLE heard USING fts5(
        text, content='talk', content_rowid='id', tokenize="unicode61 remove_diacritics 2"
    );
    CREATE TRIGGER talk_in AFTER INSERT ON talk BEGIN
        INSERT INTO heard (rowid, text) VALUES (new.id, new.text);
    END;
    """,
    _TALK_OUT,
)
_TABLES: Final = ("sessions", "files", "usage", "approvals", "steps", "talk")
_PLAIN: Final = (
    "id", "seq", "position", "sealed", "title", "title_seq", "words", "words_seq", "root", "command", "provider",
    "model", "state", "started_ms", "last_ms", "turns",
)  # fmt: skip


class Listed(NamedTuple):
    """A line of the list of sessions; times in milliseconds since 1970, what it cost with all that was copied."""

    id: str
    seq: int
    """How many events it has."""
    title: str
    """As a person gave it; empty for none, and in a sealed session."""
    title_seq: int
    words: str
    """The beginning of what was said first; empty in a sealed session."""
    words_seq: int
    root: str
    provider: str
    model: str
    state: str
    """new, working, done, failed or interrupted."""
    started_ms: int
    last_ms: int
    turns: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    unpriced: int
    """Calls whose price is not known; they count as 0 in `cost_usd`."""
    files: int
    in_flight: int
    """Tool calls without an outcome."""
    parent: str
    """The session that it was forked from."""
    sealed: bool
    archived: bool
    imported: bool


class Match(NamedTuple):
    """Something said in which the wanted words stand; the text is whole."""

    session: str
    seq: int
    kind: str
    at_ms: int
    text: str


_COUNTS: Final = ", ".join(Spent._fields)
_REST: Final = ("files", "archived", "parent", "parent_seq", "imported")
_COLUMNS: Final = f"{', '.join(_PLAIN)}, {_COUNTS}, {', '.join(_REST)}"
_LISTED: Final = ", ".join(Listed._fields)


class ViewsFile:
    """The file at `path`, or one in memory; every method raises StoreError when the database fails."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._lock = RLock()
        self.connection: sqlite3.Connection = sqlite.connect(
            path, migrations=_MIGRATIONS, any_thread=True, synchronous="NORMAL"
        )
        with sqlite.translated_errors(path):
            self.connection.execute("PRAGMA secure_delete = ON").fetchall()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self.connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Inside, nobody else writes; all that was done is kept together or not at all. Raises LockedStore."""
        with self._lock, sqlite.translated_errors(self.path):
            self.connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.connection.commit()
            finally:
                if self.connection.in_transaction:
                    self.connection.rollback()

    def applied(self) -> tuple[int, int]:
        """The position up to which the log was applied, and the version of what was folded; zeros at first."""
        with self._reading() as connection:
            row = connection.execute("SELECT position, version FROM applied").fetchone()
            return row if row else (0, 0)

    def note_applied(self, position: int, version: int) -> None:
        """Inside `writing`: how far the log was applied."""
        self.connection.execute("INSERT OR REPLACE INTO applied VALUES (1, ?, ?)", (position, version))

    def clear(self) -> None:
        """Inside `writing`: forget everything."""
        self.connection.execute("DROP TRIGGER talk_out")  # word by word it would take as long as it took to fill
        for table in _TABLES:
            self.connection.execute(f"DELETE FROM {table}")  # noqa: S608  (names of ours)
        self.connection.execute("INSERT INTO heard (heard) VALUES ('delete-all')")
        self.connection.execute(_TALK_OUT)

    def drop(self, session: str) -> None:
        """Inside `writing`: forget a session."""
        self.connection.execute("DELETE FROM sessions WHERE id = ?", (session,))
        for table in _TABLES[1:]:
            self.connection.execute(f"DELETE FROM {table} WHERE session = ?", (session,))  # noqa: S608  (names of ours)

    def scrub(self) -> None:
        """Write over what was dropped: its words still stand in the index, in free pages and in the log of changes.

        Cost: that of writing the index anew.
        """
        with self._lock, sqlite.translated_errors(self.path):
            with self.connection:
                self.connection.execute("INSERT INTO heard (heard) VALUES ('optimize')")
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def seqs(self) -> dict[str, int]:
        """How many events of each session were applied."""
        with self._reading() as connection:
            return dict(connection.execute("SELECT id, seq FROM sessions"))

    # --- summaries --------------------------------------------------------------------------------------------------

    def load(self, session: str) -> Summary | None:
        """The summary as it was saved; None for a session that is new here."""
        with self._reading() as connection:
            row = connection.execute(f"SELECT {_COLUMNS}, folding FROM sessions WHERE id = ?", (session,)).fetchone()  # noqa: S608  (ours)
            if row is None:
                return None
            first, behind = len(_PLAIN), len(_PLAIN) + len(Spent._fields)
            values = dict(zip((*_PLAIN, *_REST), (*row[:first], *row[behind:-1]), strict=True))
            approvals = connection.execute(
                "SELECT seq, approval_id, at_ms, action, reason FROM approvals WHERE session = ? ORDER BY seq",
                (session,),
            )
            return Summary(
                **values,
                spent=Spent._make(row[first:behind]),
                **json.loads(row[-1]),
                approvals={one.approval_id: one for one in map(Asked._make, approvals)},
                undo=self._stack(session, "undo"),
                redo=self._stack(session, "redo"),
                aside=self._stack(session, "aside"),
            )

    def save(self, summary: Summary, changes: Changes) -> None:
        """Inside `writing`: keep a summary and what was changed beside it."""
        run = self.connection
        new = run.executemany(
            "INSERT OR IGNORE INTO files VALUES (?, ?)", [(summary.id, digest) for digest in sorted(changes.files)]
        )
        summary.files += max(new.rowcount, 0)
        self._save_row(summary)
        run.executemany(
            f"INSERT INTO usage VALUES (?, ?, ?, ?, {_marks(Spent._fields)}) ON CONFLICT DO UPDATE SET "  # noqa: S608  (names of ours)
            + ", ".join(f"{name} = {name} + excluded.{name}" for name in Spent._fields),
            [(summary.id, _text(one.model), _text(one.root), one.day, *spent) for one, spent in changes.usage.items()],
        )
        if changes.approvals:
            run.execute("DELETE FROM approvals WHERE session = ?", (summary.id,))
            rows = [(summary.id, _text(one.approval_id), one.seq, one.at_ms, _text(one.action), _text(one.reason))
                    for one in summary.approvals.values()]  # fmt: skip
            run.executemany("INSERT OR REPLACE INTO approvals VALUES (?, ?, ?, ?, ?, ?)", rows)
        if changes.steps:
            self._save_steps(summary)
        run.executemany(
            "INSERT INTO talk (session, seq, kind, at_ms, text) VALUES (?, ?, ?, ?, ?)",
            [(summary.id, one.seq, one.kind, one.at_ms, _text(one.text)) for one in changes.talk],
        )

    def _save_row(self, summary: Summary) -> None:
        plain = [getattr(summary, name) for name in _PLAIN]
        rest = [getattr(summary, name) for name in _REST]
        names = ("calls", "pending", "answered", "is_open")
        folding = json.dumps({name: getattr(summary, name) for name in names})
        row = [*plain, *summary.spent, *rest, len(summary.calls), folding]
        values = [_text(value) if isinstance(value, str) else value for value in row]
        question = f"INSERT OR REPLACE INTO sessions ({_COLUMNS}, in_flight, folding) VALUES ({_marks(values)})"  # noqa: S608  (ours)
        self.connection.execute(question, values)

    def _save_steps(self, summary: Summary) -> None:
        """Only what is not there already: a step more costs one row, however many there are."""
        for stack, steps in (("undo", summary.undo), ("redo", summary.redo), ("aside", summary.aside)):
            before = self._stack(summary.id, stack)
            same = _common(before, steps)
            self.connection.execute(
                "DELETE FROM steps WHERE session = ? AND stack = ? AND place >= ?", (summary.id, stack, same)
            )
            self.connection.executemany(
                "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(summary.id, stack, place, step.seq, _text(step.checkpoint_id), step.at_ms, _text(step.reason))
                 for place, step in enumerate(steps[same:], same)],
            )  # fmt: skip

    def _stack(self, session: str, stack: str) -> list[Step]:
        rows = self.connection.execute(
            "SELECT seq, checkpoint_id, at_ms, reason FROM steps WHERE session = ? AND stack = ? ORDER BY place",
            (session, stack),
        )
        return [Step(*row) for row in rows]

    # --- questions --------------------------------------------------------------------------------------------------

    def listed(
        self, *, root: str | None = None, archived: bool | None = None, limit: int = -1, least_turns: int = 0
    ) -> list[Listed]:
        """Sessions, the last used first."""
        where, values = ["1"], list[object]()
        if root is not None:
            where.append("root = ?")
            values.append(_text(root))
        if archived is not None:
            where.append("archived = ?")
            values.append(archived)
        if least_turns:
            where.append("turns >= ?")
            values.append(least_turns)
        question = f"SELECT {_LISTED} FROM sessions WHERE {' AND '.join(where)}"  # noqa: S608  (ours)
        with self._reading() as connection:
            if limit >= 0:
                few = f"{question} ORDER BY last_ms DESC, id LIMIT ?"
                return [_to_listed(row) for row in connection.execute(few, (*values, limit))]
            rows = [_to_listed(row) for row in connection.execute(question, values)]
        rows.sort(key=lambda row: (-row.last_ms, row.id))  # a third faster than fetching them in the order of an index
        return rows

    def find(self, session: str) -> Listed | None:
        """The line of one session."""
        question = f"SELECT {_LISTED} FROM sessions WHERE id = ?"  # noqa: S608  (ours)
        with self._reading() as connection:
            row = connection.execute(question, (session,)).fetchone()
            return _to_listed(row) if row else None

    def usage(self, by: Sequence[str], *, since_day: str = "", root: str | None = None) -> list[tuple[Account, Spent]]:
        """What was spent, summed by some of model, root and day; a field that was not asked for is empty."""
        keys = [name for name in Account._fields if name in by]
        sums = ", ".join(f"SUM({name})" for name in Spent._fields)
        columns = ", ".join(name if name in keys else "''" for name in Account._fields)
        grouped = f" GROUP BY {', '.join(keys)}" if keys else " HAVING COUNT(*)"
        question = f"SELECT {columns}, {sums} FROM usage WHERE day >= ?1 AND (?2 IS NULL OR root = ?2){grouped} ORDER BY 3, 1, 2"  # noqa: S608, E501  (ours)
        wanted = None if root is None else _text(root)
        with self._reading() as connection:
            return [
                (Account(row[0], row[1], row[2]), Spent(*row[3:]))
                for row in connection.execute(question, (since_day, wanted))
            ]

    def approvals(self) -> list[tuple[str, Asked]]:
        """Every open approval with its session, the oldest first."""
        question = "SELECT session, seq, approval_id, at_ms, action, reason FROM approvals ORDER BY at_ms, session, seq"
        with self._reading() as connection:
            return [(row[0], Asked(*row[1:])) for row in connection.execute(question)]

    def steps(self, root: str, stack: str, limit: int) -> list[tuple[str, Step]]:
        """Steps in a workspace that undo or redo can take, with their session, the next one first."""
        question = (
            "SELECT s.session, s.seq, s.checkpoint_id, s.at_ms, s.reason FROM steps s"
            " JOIN sessions m ON m.id = s.session WHERE m.root = ?"
            " AND s.stack = ? ORDER BY s.at_ms DESC, s.session, s.place DESC LIMIT ?"
        )
        with self._reading() as connection:
            rows = connection.execute(question, (_text(root), stack, limit))
            return [(row[0], Step(*row[1:])) for row in rows]

    def search(self, expression: str, *, root: str | None, kinds: Iterable[str], limit: int) -> list[Match]:
        """What was said and fits an FTS5 expression, the best first."""
        marks = ", ".join(f"'{kind}'" for kind in kinds if kind.isalpha())
        question = (
            "SELECT t.session, t.seq, t.kind, t.at_ms, t.text FROM heard w JOIN talk t ON t.id = w.rowid"  # noqa: S608
            " JOIN sessions m ON m.id = t.session"
            f" WHERE heard MATCH ?1 AND (?2 IS NULL OR m.root = ?2) AND t.kind IN ({marks})"
            " ORDER BY w.rank, t.at_ms DESC, t.session, t.seq LIMIT ?3"
        )
        wanted = None if root is None else _text(root)
        with self._reading() as connection:
            return [Match(*row) for row in connection.execute(question, (expression, wanted, limit))]

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything but positions, in an order of its own: two views of one log are equal in it."""
        shown = {
            "sessions": f"{_COLUMNS}, in_flight, folding".replace("position", "0"),
            "talk": "session, seq, kind, at_ms, text",
        }
        with self._reading() as connection:
            tables = {
                table: sorted(connection.execute(f"SELECT {shown.get(table, '*')} FROM {table}"))  # noqa: S608  (names of ours)
                for table in _TABLES
            }
            connection.execute("INSERT INTO heard (heard) VALUES ('integrity-check')")
            connection.rollback()
            return tables

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock, sqlite.translated_errors(self.path):
            yield self.connection


def _to_listed(row: tuple[Any, ...]) -> Listed:
    sealed, archived, imported = row[-3:]
    return Listed._make((*row[:-3], sealed == 1, archived == 1, imported == 1))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _common(before: Sequence[Step], after: Sequence[Step]) -> int:
    """How many at the beginning are the same."""
    for place, (one, other) in enumerate(zip(before, after, strict=False)):
        if one != other:
            return place
    return min(len(before), len(after))


def _text(text: str) -> str:
    """Text that SQLite can hold: half a character is spelled out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
