"""The sessions of one person as the settings want them kept: store, archive, views and locks, opened when used."""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Final

from aiex import dirs, sqlite
from aiex.errors import ConfigError, Conflict, StoreError, UsageError
from aiex.events import Warned
from aiex.guard.audit.datakeys import Erased
from aiex.guard.neutral import printable_path
from aiex.guard.owners import Owner, OwnerLock, find_dead, find_owner
from aiex.sessions.archive import ArchivingStore
from aiex.sessions.log import DamagedSession, EventLog
from aiex.sessions.opening import open_state

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiex.sessions.projections import Views
    from aiex.sessions.salvage import Salvaged
    from aiex.sessions.sealing import Sealing
    from aiex.sessions.state import SessionState
    from aiex.sessions.stores import Store
    from aiex.sessions.stores.cold import ColdStore
    from aiex.sessions.stores.views import Listed
    from aiex.settings import Settings

FILE: Final = "sessions.db"
COLD_FILE: Final = "cold.db"
LOCKS: Final = "locks"
LEAST_PREFIX: Final = 4
_SHOWN: Final = 5


class Sessions:
    """All sessions in one folder; nothing is opened or made before it is needed.

    Args:
        folder: A directory of ours.
        open_store: Opens the store that is not the file in this folder, such as a server; None for the file.
        seal: Seals what the settings want sealed.
        tell: Gets what a person should know, such as what a damaged file lost.
    """

    def __init__(
        self,
        folder: str,
        *,
        open_store: Callable[[], Store] | None = None,
        seal: Sealing | None = None,
        tell: Callable[[Warned], None] = lambda _: None,
    ) -> None:
        self.folder = folder
        self._open_store = open_store
        self._seal = seal
        self._tell = tell
        self._views_are_stale = False
        self._locks: dict[str, OwnerLock] = {}

    @property
    def exist(self) -> bool:
        """Whether there may be any: a server may always have some."""
        return self._open_store is not None or sqlite.may_exist(os.path.join(self.folder, FILE))

    @cached_property
    def store(self) -> ArchivingStore:
        """The store with its archive; a damaged file is set aside, and what is whole of it is kept.

        Raises:
            StoreError: if it cannot be opened.
        """
        with sqlite.translated_errors(os.path.join(self.folder, FILE)):
            dirs.ensure(self.folder)
        cold = self._open_archive()
        try:
            return ArchivingStore(self._open_store() if self._open_store else self._open_file(), cold)
        except BaseException:
            cold.close()
            raise

    def _open_archive(self) -> ColdStore:
        from aiex.sessions.stores.cold import ColdStore

        path = os.path.join(self.folder, COLD_FILE)
        try:
            return ColdStore(path)
        except sqlite.DamagedStore:
            aside = sqlite.set_aside(path)
            message = "the archive of sessions is damaged, so those in it are not there; a new one was begun"
            self._tell(Warned(message, f"the damaged file is {aside}; bring it back from a backup as {path}"))
            return ColdStore(path)

    def _open_file(self) -> Store:
        from aiex.sessions.stores.sqlite import SqliteStore

        path = os.path.join(self.folder, FILE)
        try:
            return SqliteStore(path)
        except sqlite.DamagedStore:
            self._salvage()
            return SqliteStore(path)

    def _salvage(self) -> Salvaged:
        from aiex.sessions.salvage import salvage

        listed = self._last_listed()
        path = os.path.join(self.folder, FILE)
        salvaged = salvage(path, seal=self._seal)
        self._views_are_stale = True
        unseen, gone = _find_unseen(path, salvaged, listed)
        lost = sum(loss.events for loss in salvaged.losses) + sum(unseen.values())
        among = len({loss.session for loss in salvaged.losses} | unseen.keys())
        told = f"{salvaged.events:,} events of {salvaged.sessions:,} sessions were whole and are kept"
        told += f", {lost:,} in {among:,} sessions are lost"
        if not listed and not salvaged.sessions and not among:
            told = "nothing in it was whole, and what it held cannot be told"
        names = "; ".join(_describe(one) for one in gone[:_SHOWN])
        more = f" and {len(gone) - _SHOWN:,} more" if len(gone) > _SHOWN else ""
        hint = f"the damaged file is {salvaged.aside}" + (f"; gone as a whole: {names}{more}" if names else "")
        self._tell(Warned(f"the file of sessions was damaged: {told}", hint))
        return salvaged

    def _last_listed(self) -> list[tuple[Listed, int]]:
        """The sessions outside the archive, as the views knew them last, and how many events each had."""
        from aiex.sessions.projections import FILE as VIEWS_FILE
        from aiex.sessions.stores.views import ViewsFile

        path = os.path.join(self.folder, VIEWS_FILE)
        if not os.path.isfile(path):
            return []
        with suppress(StoreError), closing(ViewsFile(path)) as views:
            seqs = views.seqs()
            return [(one, seqs.get(one.id, 0)) for one in views.listed(root=None, archived=False, limit=-1)]
        return []

    def find_damaged(self) -> dict[str, int]:
        """The sessions in which not everything is whole, each with the first event that is not.

        Raises:
            StoreError: if they cannot be read at all.

        Cost: 7 µs for each event.
        """
        from aiex.sessions.stores.cold import DamagedArchive

        damaged: dict[str, int] = {}
        for session in self.log.sessions() if self.exist else ():
            seq = 0
            try:
                for one in self.log.read(session):
                    seq = one.seq
            except (DamagedSession, DamagedArchive):
                damaged[session] = seq + 1
            except Erased:
                continue
        return damaged

    def repair(self) -> Salvaged | None:
        """Make a new file of all that is whole when something is not, the old one beside it; None for nothing to do.

        The archive stays as it is: nothing can be made of what is damaged in it.

        Raises:
            UsageError: where sessions are on a server, which has its own means.
            Conflict: if other processes have the file open.
            StoreError: if it cannot be read or written.
        """
        if all(map(self.store.is_archived, self.find_damaged())):
            return None
        if self._open_store:
            raise UsageError("sessions on a server are not repaired from here", hint="restore them from a backup there")
        self.close()
        salvaged = self._salvage()
        _ = self.views
        return salvaged

    @cached_property
    def log(self) -> EventLog:
        """Their events. Raises StoreError."""
        return EventLog(self.store, seal=self._seal)

    @cached_property
    def _views(self) -> Views:
        from aiex.sessions.projections import FILE as VIEWS_FILE
        from aiex.sessions.projections import Views

        return Views(os.path.join(self.folder, VIEWS_FILE), self.log, archived=self.store.cold.seqs)

    @property
    def views(self) -> Views:
        """What lists, bills and searches ask, as of now. Raises StoreError."""
        views = self._views
        if self._views_are_stale:  # they may have counted what was lost
            views.rebuild()
            self._views_are_stale = False
        views.catch_up()
        return views

    def now_ms(self) -> int:
        """UTC, milliseconds since 1970."""
        return int(time.time() * 1000)

    def rotate_keys(self) -> int:
        """Wrap the keys of encrypted sessions by a new one; how many there are. Raises StoreError."""
        return self._seal.keys.rotate() if self._seal and self._seal.keys.exists() else 0

    # --- which one --------------------------------------------------------------------------------------------------

    def new_id(self) -> str:
        """The name of a session that is not there yet."""
        return os.urandom(8).hex()

    def find(self, wanted: str = "", *, root: str | None = None, to_talk: bool = False) -> str:
        """The session with this id, beginning of an id (4 digits and more) or title.

        Args:
            wanted: Empty for the one that was used last; an archived one only where all are.
            root: For the one that was used last: in this workspace; None for any.
            to_talk: Of those that were used last, rather one with turns than what only holds a command.

        Raises:
            UsageError: if there is none, naming the nearest, or several.
            StoreError: if they cannot be read.
        """
        if not self.exist:
            raise UsageError("there is no session yet", hint="a question to a model begins one: aiex ask")
        if not wanted:
            return self._find_last(root, to_talk=to_talk)
        listed = self.views.listed()
        for matches in (self._with_id(wanted, listed), self._with_title(wanted, listed)):
            if len(matches) > 1:
                hint = "; ".join(_describe(one) for one in matches[:_SHOWN])
                raise UsageError(f"{printable_path(wanted)} may be one of {len(matches)} sessions", hint=hint)
            if matches:
                return matches[0].id
        raise _unknown(wanted, listed)

    def _find_last(self, root: str | None, *, to_talk: bool) -> str:
        for archived in (False, None):
            for least_turns in (1, 0) if to_talk else (0,):
                if found := self.views.listed(root=root, archived=archived, limit=1, least_turns=least_turns):
                    return found[0].id
        raise UsageError("there is no session in this workspace yet", hint="of all: aiex list sessions --all")

    def _with_id(self, wanted: str, listed: list[Listed]) -> list[Listed]:
        prefix = wanted.lower()
        exact = [one for one in listed if one.id == prefix]
        return exact or [one for one in listed if len(prefix) >= LEAST_PREFIX and one.id.startswith(prefix)]

    def _with_title(self, wanted: str, listed: list[Listed]) -> list[Listed]:
        folded = wanted.casefold()
        return [one for one in listed if one.title and one.title.casefold() == folded]

    # --- one of them ------------------------------------------------------------------------------------------------

    def state(self, session: str, *, at_seq: int | None = None) -> SessionState:
        """What a session is behind its last event, or behind `at_seq`. Raises as `open_state` does."""
        return open_state(self.log, session, upto_seq=at_seq)

    def lock(self, session: str) -> OwnerLock:
        """The right to write to a session, the same for all who ask here; see `OwnerLock`."""
        if session not in self._locks:
            hint = f"end it there, or go on beside it: aiex fork session {session}"
            folder = os.path.join(self.folder, LOCKS)
            self._locks[session] = OwnerLock(folder, session, title=f"session {session}", hint=hint)
        return self._locks[session]

    def owner(self, session: str) -> Owner | None:
        """The process that has a session open now."""
        return find_owner(os.path.join(self.folder, LOCKS), session)

    def dead(self) -> Mapping[str, Owner]:
        """Sessions whose process died with them open, and that process.

        One that died before its session began left nothing to be taken up; what it left of its lock goes.
        """
        dead = find_dead(os.path.join(self.folder, LOCKS))
        for session in [name for name in dead if not self.exist or self.log.head(name) is None]:
            del dead[session]
            with suppress(Conflict, StoreError):
                lock = self.lock(session)
                lock.acquire()
                lock.release()
        return dead

    def close(self) -> None:
        """Let go of everything that was opened."""
        for name in ("_views", "store"):
            if name in self.__dict__:
                self.__dict__.pop(name).close()
        self.__dict__.pop("log", None)


def open_sessions(
    settings: Settings, environ: Mapping[str, str] = os.environ, *, tell: Callable[[Warned], None] = lambda _: None
) -> Sessions:
    """The sessions as `sessions.store` and `sessions.encrypt` want them; nothing is opened yet.

    Args:
        settings: Those two count, and `sessions.url_env`.
        environ: Says where the person's files are, and the address of a server.
        tell: Gets what a person should know.
    """
    from aiex.sessions.sealing import Sealing, open_session_keys

    data = dirs.data_dir(environ)
    folder = os.path.join(data, "sessions")
    keys = open_session_keys(folder, os.path.join(data, "keys", "sessions.key"))
    seal = Sealing(keys, new_sessions=settings.get("sessions.encrypt") == "on")
    variable = str(settings.get("sessions.url_env"))
    is_on_server = settings.get("sessions.store") == "postgres"
    server = (lambda: _open_server(variable, environ)) if is_on_server else None
    return Sessions(folder, open_store=server, seal=seal, tell=tell)


def _open_server(variable: str, environ: Mapping[str, str]) -> Store:
    """The server that a variable of the environment names. ConfigError when it names none."""
    from aiex.sessions.stores.postgres import STORE

    address = environ.get(variable, "").strip()
    if not address:
        hint = f"set {variable} to an address such as postgresql://user@host/name, or sessions.store to sqlite"
        raise ConfigError(f"sessions.store is postgres, and {variable} is not set", hint=hint)
    return STORE.open(address)


def _find_unseen(
    path: str, salvaged: Salvaged, listed: list[tuple[Listed, int]]
) -> tuple[dict[str, int], list[Listed]]:
    """Events by session that were listed and left no trace in a damaged file; and the sessions that are gone."""
    from aiex.sessions.stores.sqlite import SqliteStore

    ends = {loss.session: max(last for _, last in loss.missing) for loss in salvaged.losses}
    unseen: dict[str, int] = {}
    gone: list[Listed] = []
    with suppress(StoreError, Conflict), closing(SqliteStore(path)) as store:
        for one, seq in listed:
            head = store.head(one.id)
            kept = head.seq if head else 0
            if seq > max(kept, ends.get(one.id, 0)):
                unseen[one.id] = seq - max(kept, ends.get(one.id, 0))
            if not kept:
                gone.append(one)
    return unseen, gone


def _describe(one: Listed) -> str:
    return f"{one.id} {printable_path(one.title or one.words)}".rstrip()


def _unknown(wanted: str, listed: list[Listed]) -> UsageError:
    names = {one.id: one for one in listed} | {one.title: one for one in listed if one.title}
    near = get_close_matches(wanted, names, 3, 0.5)
    hint = "; ".join(f"did you mean {_describe(names[name])}" for name in near) or "aiex list sessions --all"
    return UsageError(f"there is no session {printable_path(wanted)}", hint=hint)
