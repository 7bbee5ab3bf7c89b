"""The audit log of a person: decisions and outcomes, sealed and chained; leave is written before anything happens."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from aiex import dirs
from aiex.errors import AiexError, Denied, StoreError, UsageError
from aiex.guard.audit.chainfile import ChainFile, Draft
from aiex.guard.audit.datakeys import DataKeys
from aiex.guard.audit.entries import NOWHERE, OWN, Note, codes_of, to_payload
from aiex.guard.audit.recovery import MOST_AT_ONCE
from aiex.guard.audit.turns import Turns
from aiex.guard.private import open_private
from aiex.guard.protectors import KeyFileProtector
from aiex.looping import running_loop
from aiex.record import record

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Mapping, Sequence

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from aiex.events import SecurityNoticed
    from aiex.guard.actions import Action
    from aiex.guard.audit.entries import Verdict
    from aiex.guard.audit.events import Watch
    from aiex.guard.audit.frames import Chain
    from aiex.guard.audit.heads import Head

Mode = Literal["on", "required"]
_LATEST_S: Final = 253_402_300_799
"""The end of the year 9999, after which no time can be written down."""


@record
class Places:
    """Where the log lies: records and keys in the data folder, the head in the state folder, apart from both."""

    log: str
    keys: str
    kek: str
    lock: str
    head: str
    hosts: str


def find_places(environ: Mapping[str, str] = os.environ) -> Places:
    """The places of the person's own log."""
    data, state = os.path.join(dirs.data_dir(environ), "audit"), os.path.join(dirs.state_dir(environ), "audit")
    return Places(
        log=os.path.join(data, "audit.log"),
        keys=os.path.join(data, "audit.keys"),
        kek=os.path.join(dirs.data_dir(environ), "keys", "audit.key"),
        lock=os.path.join(data, "audit.lock"),
        head=os.path.join(state, "audit.head"),
        hosts=os.path.join(state, "audit.hosts"),
    )


def open_keys(places: Places) -> DataKeys:
    """The keys of the log; nothing is read or made yet."""
    return DataKeys(places.keys, KeyFileProtector(places.kek, "the keys of the audit log"))


class _Session(NamedTuple):
    tag: bytes
    cipher: AESGCM


_Sealed: TypeAlias = "tuple[Draft, str, Action, Verdict, float]"
"""A record that is ready, and what it was made of, for those who watch: session, action, verdict, and when, in s."""


class AuditLog:
    """Takes down what the guard decides. One object serves a process, all its sessions and threads."""

    def __init__(
        self,
        places: Places,
        *,
        mode: Mode = "on",
        tell: Callable[[SecurityNoticed], None] | None = None,
        copies: Sequence[Callable[[Chain, Head], None]] = (),
        who: str = "",
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Nothing is opened before the first record.

        Args:
            places: Where everything lies.
            mode: With `required` an action is refused whose record cannot be written, and each record is synced.
            tell: Gets security events, from the thread that appends.
            copies: Get the head when the log is closed, to keep it elsewhere.
            who: On whose behalf a record is that does not say; the login name by default.
            clock: Seconds since 1970.
        """
        self.places = places
        self.mode = mode
        self.missed = 0
        """How many records could not be written since the last that could; the next one says so."""
        self._tell = tell
        self._copies = copies
        self._who = who or _login_name()
        self._clock = clock
        self._lock = threading.RLock()
        self._chain: Chain | None = None
        self._file: ChainFile | None = None
        self._keys = open_keys(places)
        self._watch: Watch | None = None
        self._sessions: dict[str, _Session] = {}
        self._held: list[_Sealed] = []
        """What waits to be written with the next record, or when `_round` comes round."""
        self._holder = 0
        """The process that holds it: a child that is forked would write it once more."""
        self._round: AbstractEventLoop | None = None

    def append(
        self,
        session: str,
        action: Action,
        verdict: Verdict,
        *,
        who: str = "",
        synced: bool | None = None,
        may_wait: bool = False,
    ) -> int:
        """Write a record; its number, or 0 when it could not be written and the mode lets that pass, or when it waits.

        Args:
            session: Whose data key seals it.
            action: What is about to happen, or did.
            verdict: The decision on it, or what came of it.
            who: The person or role on whose behalf; by default as the log was opened.
            synced: Whether the record must survive a power cut; by default as the mode says.
            may_wait: It is sealed now, and may be written with the next record, before that. Where an event loop runs,
                it waits for that until the loop next comes round; elsewhere, or where it has to be synced, it does not
                wait. If the process is killed in between it is not in the log.

        Raises:
            Denied: in `required` mode, if the record cannot be written; the action must not happen then.

        Cost: about 30 µs when not synced, a write to the disk when synced. Source: benchmarks/audit.py.
        """
        with self._lock:
            try:
                is_synced = self.mode == "required" if synced is None else synced
                return self._append(session, who, action, verdict, synced=is_synced, may_wait=may_wait)
            except AiexError as error:
                self._miss(1, session, error)
                if self.mode == "required":
                    raise Denied(
                        f"refused, because it cannot be written into the audit log: {error.message}",
                        hint=error.hint or "audit.mode = required lets nothing happen that is not on record",
                    ) from error
                return 0

    def erase(self, session: str) -> bool:
        """Make the records of a session unreadable for good; False when there is nothing to erase.

        The chain stays whole: it is over hashes of what was sealed. Raises StoreError.
        """
        if session == OWN:
            raise UsageError("which session?", hint="aiex list audit names them")
        with self._lock:
            self._write_held()
            chain, _file = self._open()
            tag = chain.tag(session)
            if not self._keys.erase(tag):
                return False
            self._sessions.pop(session, None)
            self._note(Note("erased", "the records of a session were erased", {"tag": tag.hex()}))
            return True

    def rotate(self) -> int:
        """Wrap all keys by a new one; how many. Records are not touched. Raises StoreError."""
        with self._lock:
            self._write_held()
            self._open()
            count = self._keys.rotate()
            self._note(Note("rotated", f"{count} keys were wrapped anew", {"keys": count}))
            return count

    def close(self) -> None:
        """Give the files back, and the head to whoever keeps copies."""
        with self._lock:
            self._write_held()
            file, chain, self._file = self._file, self._chain, None
            head = file.close() if file else None
            if head and chain:
                for copy in self._copies:
                    copy(chain, head)

    # --- one record -------------------------------------------------------------------------------------------------

    def _append(self, session: str, who: str, action: Action, verdict: Verdict, *, synced: bool, may_wait: bool) -> int:
        if self._file is None:
            self._open()
        at_s = self._clock()
        at_ms = int(at_s * 1000) if 0 <= at_s <= _LATEST_S else _to_ms(at_s)
        draft = self._seal(session, who or self._who, action, verdict, at_ms)
        sealed = (draft, session, action, verdict, at_s)
        if may_wait and not synced and self._hold(sealed):
            return 0
        held = self._take_held()
        return self._write([*held, sealed] if held else [sealed], synced=synced)

    def _write(self, records: list[_Sealed], *, synced: bool) -> int:
        """Write them in one go; the number of the last. Raises AiexError if none is written."""
        file = self._file or self._open()[1]
        try:
            if self.missed:
                self._note(Note("missed", f"{self.missed} records could not be written", {"count": self.missed}))
                self.missed = 0
            seq = file.append([one[0] for one in records], synced=synced)
        except AiexError as error:
            if len(records) > 1:  # that the last one is missed is for whoever gave it to say
                self._miss(len(records) - 1, records[0][1], error)
            raise
        if self._watch:
            if file.found:
                self._tell_found(file)
            for _draft, session, action, verdict, at_s in records:
                self._watch.see(session, action, verdict, at_s)
        return seq

    def _note(self, note: Note) -> None:
        _chain, file = self._open()
        file.append([self._seal_note(note, _to_ms(self._clock()))], synced=True)

    def _seal_note(self, note: Note, at_ms: int) -> Draft:
        return self._seal(OWN, "", NOWHERE, note, at_ms)

    def _seal(self, session: str, who: str, action: Action, verdict: Verdict, at_ms: int) -> Draft:
        found = self._sessions.get(session) or self._begin(session)
        what, kind, effect = codes_of(action, verdict)
        payload = to_payload(session, who, action, verdict)
        nonce = os.urandom(12)
        return what, kind, effect, at_ms, found.tag, nonce + found.cipher.encrypt(nonce, payload, found.tag)

    def _begin(self, session: str) -> _Session:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        tag, key = self._keys.key_of(session)
        self._sessions[session] = found = _Session(tag, AESGCM(key))
        return found

    # --- what waits -------------------------------------------------------------------------------------------------

    def _hold(self, sealed: _Sealed) -> bool:
        """Let a record wait; False where nothing would write it soon, or so many wait that they are written now."""
        loop = running_loop()
        if loop is None:
            return False
        if self._holder != os.getpid():
            self._held, self._round, self._holder = [], None, os.getpid()
        if len(self._held) + 1 >= MOST_AT_ONCE:
            return False
        if self._round is not loop:
            self._round = loop
            loop.call_soon(self._come_round)
        self._held.append(sealed)
        return True

    def _take_held(self) -> list[_Sealed]:
        """What waits, for whoever writes it now: what comes between takes it, and nothing is written twice."""
        held = self._held
        if not held:
            return held
        self._held = []
        return held if self._holder == os.getpid() else []

    def _come_round(self) -> None:
        with self._lock:
            self._round = None
            self._write_held()

    def _write_held(self) -> None:
        """Write what waits; where that fails it is counted and told, as for any record."""
        if held := self._take_held():
            try:
                self._write(held, synced=False)
            except AiexError as error:
                self._miss(1, held[-1][1], error)

    # --- opening ----------------------------------------------------------------------------------------------------

    def _open(self) -> tuple[Chain, ChainFile]:
        if self._chain is None:
            if not self._keys.exists():
                self._require_no_log()
                self._keys.make()
            self._chain = self._keys.open_chain()
            if self._tell:
                from aiex.guard.audit.events import Watch

                self._watch = Watch(self.places.hosts, self._chain, self._tell)
        if self._file is None:
            self._begin(OWN)  # its key must be there when a note has to be written while the log is held
            turns = Turns(self.places.lock)
            self._file = ChainFile(self.places.log, self.places.head, self._chain, turns, self._seal_note)
        return self._chain, self._file

    def _require_no_log(self) -> None:
        """New keys beside an old log would make every record in it look forged.

        Keys are made before the log, so they are looked for last: another process may begin the log just now.
        """
        has_log = os.path.lexists(self.places.log) and os.path.getsize(self.places.log)
        if has_log and not self._keys.exists():
            raise StoreError(
                f"there is an audit log, but its keys are missing: {self.places.keys}",
                hint=f"restore them from a backup, or move {self.places.log} away to begin a new log",
            )

    def _miss(self, count: int, session: str, error: AiexError) -> None:
        """Count what could not be written; told once, until a record can be written again."""
        is_first = not self.missed
        self.missed += count
        if self._tell and is_first and self.mode != "required":
            from aiex.events import SecurityNoticed

            message = f"what happens is not on record: {error.message}"
            self._tell(SecurityNoticed("unrecorded", message, session))

    def _tell_found(self, file: ChainFile) -> None:
        found, file.found = file.found, []
        for note in found:
            if self._watch:
                self._watch.see(OWN, NOWHERE, note, self._clock())


def _to_ms(at_s: float) -> int:
    """Milliseconds of these seconds since 1970; of a clock that is far off, the nearest that a record can hold."""
    return int(min(max(at_s, 0), _LATEST_S) * 1000)


def _login_name() -> str:
    """Who runs this, by the system and not by a variable that anybody can set; the number where it has no name."""
    try:
        import pwd

        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
    except ImportError:  # Windows
        import getpass

        return getpass.getuser()


def keep_in_file(path: str) -> Callable[[Chain, Head], None]:
    """A copy hook that adds each head to a file, which may lie on another disk or be sent away from there."""

    def keep(chain: Chain, head: Head) -> None:
        from aiex.guard.audit.heads import to_line
        from aiex.sqlite import translated_errors

        with translated_errors(path), open(path, "a", encoding="ascii", opener=open_private) as file:
            file.write(to_line(chain, head) + "\n")

    return keep
