"""A turn as an agent runs it, that can die anywhere and be taken up again: a story with one right end.

A person wants a file changed. The model, a server on loopback, asks for the tool `mend`; a checkpoint is taken, the
tool writes a file of the workspace and runs a command that adds a line to a file outside; the model hears of it and
answers. Every step that was promised to last is said when the call that promised it returns.

Taking up is what `go_on` does: the lock of the dead process is found, its turn is closed, and the model is asked
again. A model that hears that its call may have run does not ask for it again, so more than one line in that file means
that something was repeated.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from aiex.errors import AiexError, StoreError
from aiex.eventforms import to_json
from aiex.eventlines import has_line
from aiex.events import CheckpointTaken, FileEdited, SessionStarted
from aiex.guard.sandbox.tree import is_temporary
from aiex.messages import Text, ToolCall, ToolDefinition
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.server import Answer, Asked, Reply

Say = Callable[[Any], None]
Files = dict[str, tuple[int, bytes]]

SESSION = "5e55105e55105e55"
ROLE = "admin"
OLD, NEW = b"def total(items):\n    return 0\n", b"def total(items):\n    return sum(items)\n" * 40
MENDED, MADE = "shop/basket.py", "shop/new/notes.md"
TOOL = ToolDefinition("mend", "Mends a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
DONE = "The file is mended."
WISH, AGAIN = "Mend the basket.", "Go on, please."


class Place(NamedTuple):
    """Where one story happens."""

    top: str

    @property
    def root(self) -> str:
        """The workspace."""
        return os.path.join(self.top, "work")

    @property
    def outside(self) -> str:
        """A directory that the tool may write to as well."""
        return os.path.join(self.top, "outside")

    @property
    def effects(self) -> list[str]:
        """A line for each time that the command ran."""
        path = Path(self.outside, "effects")
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    @property
    def environ(self) -> dict[str, str]:
        """What tells Aiex that its files are here."""
        folders = {f"AIEX_{kind}_DIR": os.path.join(self.top, kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
        return {**folders, "AIEX_STATE_DIR": os.path.join(self.top, "state"), "HOME": os.path.join(self.top, "home")}

    def copy(self, top: str) -> Place:
        """The same somewhere else."""
        shutil.copytree(self.top, top, symlinks=True)
        return Place(top)


def make_place(top: str) -> Place:
    """A workspace with one of each kind of thing, and nothing of Aiex but what it found out about this machine."""
    place = Place(top)
    for folder in ("home", "outside", "work/shop", "work/empty"):
        os.makedirs(os.path.join(top, folder))
    files = {MENDED: OLD, "README.md": b"# Shop\n", "run.sh": b"#!/bin/sh\n", "blob": bytes(range(256)) * 300}
    for name, data in files.items():
        Path(place.root, name).write_bytes(data)
    os.chmod(os.path.join(place.root, "run.sh"), 0o755)
    os.symlink("README.md", os.path.join(place.root, "link"))
    return place


def look(root: str) -> Files:
    """Mode and bytes of everything beneath a directory; of a link, where it leads; nothing of a directory."""
    found: Files = {}
    for folder, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if stat.S_ISLNK(mode):
                data = os.fsencode(os.readlink(path))
            else:
                data = Path(path).read_bytes() if stat.S_ISREG(mode) else b""
            found[os.path.relpath(path, root)] = mode, data
    return found


# --- the model ------------------------------------------------------------------------------------------------------


class Vendor(FakeOpenAI):
    """Asks for the tool until it hears what came of it. What OpenAI refuses it refuses, for it has no memory."""

    def route(self, asked: Asked) -> Answer:
        """Its next word follows from the conversation alone."""
        messages = asked.body.get("messages", []) if isinstance(asked.body, dict) else []
        results = [str(message["content"]) for message in messages if message["role"] == "tool"]
        if isinstance(asked.body, dict) and not asked.body.get("tools"):
            self._replies = [Reply("It is a very small shop.\nThat is all there is to say.")]
            return super().route(asked)
        heard = [result for result in results if "was not run" not in result]
        if not heard:
            call = ("mend", json.dumps({"path": MENDED}))
            self._replies = [Reply("I look at the basket.\nWhat is wrong with it\nI mend.", calls=(call,))]
        elif heard[-1] == DONE:
            self._replies = [Reply("It is mended: the sum is right.")]
        else:
            self._replies = [Reply("I do not know whether that was done. Look at the file.")]
        return super().route(asked)


@contextmanager
def vendor() -> Iterator[str]:
    """The address of the model, which runs in a process of its own: this one can be forked."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setpgid(0, 0)
            with Vendor() as server:
                os.write(theirs, server.base_url.encode())
                os.close(theirs)
                signal.pause()
        finally:
            os._exit(0)
    os.close(theirs)
    try:
        with os.fdopen(ours, "rb") as pipe:
            yield pipe.read().decode()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


# --- the turn -------------------------------------------------------------------------------------------------------


class Turn:
    """One process's part of the story."""

    def __init__(self, place: Place, address: str, say: Say, *, sealed: bool = False) -> None:
        from aiex.wiring import Services

        os.environ.update(place.environ)
        os.chdir(place.root)
        overrides = [f"providers.one.base_url={address}", "model=one/fake-1", "retry.max_attempts=1"]
        overrides += ["sessions.encrypt=on"] if sealed else []
        self.place = place
        self.services = Services(place.root, overrides=overrides)
        self.services.session = SESSION
        self.sessions = self.services.sessions
        self.lock = self.sessions.lock(SESSION)
        self._say = say

    def begin(self) -> None:
        """Run the turn, or what is left of it."""
        from aiex.agent.answering import failed
        from aiex.sessions.decisions import Interrupt, Speak
        from aiex.sessions.recorder import Recorder

        died = self.lock.acquire()
        try:
            self.recorder = Recorder(self.sessions.log, SESSION)
            has_begun = self.recorder.seq > 0
            if died or self.recorder.state.interrupted:
                self.services.checkpoints.tidy()
            self.do(Interrupt("its process died"))
            self.record(SessionStarted("0", self.place.root, "agent", "one", "fake-1", root=self.place.root))
            self.do(Speak((Text(AGAIN if has_begun else WISH),)))
            try:
                asyncio.run(self._answer())
            except AiexError as error:
                with suppress(StoreError):  # what it cannot write down it can only say
                    self.record(failed(error))
                raise
            self.recorder.close()
        finally:
            self.lock.release()
            self.services.close()

    def record(self, event: Any) -> None:
        """Keep an event, and say so when it is kept."""
        envelope = self.recorder.record(event)
        if has_line(event):
            self._say([envelope.seq, to_json(event)])

    def do(self, command: Any) -> None:
        """Decide on a command, and say what was kept of it."""
        for envelope in self.recorder.do(command, ROLE):
            self._say([envelope.seq, to_json(envelope.event)])

    async def _answer(self) -> None:
        from aiex.agent.answering import Outcome, listen
        from aiex.events import AssistantSpoke
        from aiex.sessions.requests import project_request

        while True:
            request = project_request(self.recorder.state, model="fake-1", tools=(TOOL,))
            calls: list[ToolCall] = []
            async for told in listen(self.services.stream, request, advice=""):
                if isinstance(told, Outcome):
                    outcome = told
                    continue
                self.record(told)
                if isinstance(told, AssistantSpoke):
                    calls += [part for part in told.parts if isinstance(part, ToolCall)]
            if not calls:
                break
            for call in calls:
                await self._run(call)
        self.record(outcome.to_end({}))

    async def _run(self, call: ToolCall) -> None:
        from aiex.guard.sandbox.runner import Runner
        from aiex.sessions.decisions import FinishTool, StartTool

        self.do(StartTool(call.id, call.name, call.arguments))
        taken = self.services.checkpoints.take(f"before {call.name}", session=SESSION)
        self.record(CheckpointTaken(taken.checkpoint.id, f"before {call.name}"))
        workspace = self.services.workspace
        workspace.write(MENDED, NEW)
        self.record(FileEdited(MENDED, "changed", 79, 1))
        workspace.write(MADE, NEW)
        self.record(FileEdited(MADE, "created", 80, 0))
        from aiex.guard.sandbox.bounds import make_policy

        async with Runner(make_policy(self.place.root, allow_write=[self.place.outside])) as runner:
            ended, _ = await runner.run(f"echo {call.id} >> {self.place.outside}/effects", approved=True)
        self.do(FinishTool(call.id, DONE if ended.code == 0 else "It failed.", ended.code != 0))


# --- what must hold afterwards --------------------------------------------------------------------------------------


@dataclass
class Faults:
    """What is wrong after a death; all empty is right."""

    lost: list[str] = field(default_factory=list)
    """Of what was promised to last."""
    half: list[str] = field(default_factory=list)
    """Files that are neither old nor new, or were left over."""
    doubled: list[str] = field(default_factory=list)
    """What happened twice."""
    stuck: list[str] = field(default_factory=list)
    """Why the session cannot be gone on with, or says something else than it should."""


def examine(place: Place, address: str, promised: list[Any], say: Say, *, died: bool, sealed: bool) -> None:
    """Open everything as the next start does, check it, take the session up, and check again; says the `Faults`."""
    faults = Faults()
    before = look(place.root)
    files = {name: data for name, (_, data) in before.items()}
    if files[MENDED] not in (OLD, NEW) or files.get(MADE, NEW) != NEW:
        faults.half.append("a file of the workspace is neither old nor new")
    turn = Turn(place, address, promised.append, sealed=sealed)
    sessions = turn.sessions
    kept = _read(sessions, faults) if sessions.exist else {}
    faults.lost += _missing(promised, kept)
    edited = {event["path"] for _, event in promised if event["type"] == "file_edited"}
    faults.lost += [f"{path} is not as it was edited" for path in edited if files.get(path) != NEW]
    try:
        if kept and sessions.state(SESSION).interrupted and died and SESSION not in sessions.dead():
            faults.stuck.append("the session is not found among those whose process died")
        turn.begin()
        _require_end(place, promised, faults, sealed=sealed)
    except AiexError as error:
        faults.stuck.append(f"{type(error).__name__}: {error.message} ({error.hint})")
    if len(place.effects) > 1:
        faults.doubled.append(f"the command ran {len(place.effects)} times")
    faults.half += [f"{name} was left over" for name in look(place.root) if is_temporary(os.path.basename(name))]
    faults.half += [f"data/{name} was left over" for name in look(place.environ["AIEX_DATA_DIR"]) if ".tmp" in name]
    say({"faults": asdict(faults)})


def _read(sessions: Any, faults: Faults) -> dict[int, Any]:
    """Every event with its links checked, by number."""
    kept: dict[int, Any] = {}
    try:
        for one in sessions.log.read(SESSION):
            kept[one.seq] = to_json(one.event())
    except AiexError as error:
        faults.lost.append(error.message)
    if sorted(kept) != list(range(1, len(kept) + 1)):
        faults.lost.append("there are gaps between the events")
    return kept


def _missing(promised: list[Any], kept: dict[int, Any]) -> list[str]:
    """What was promised and is not there as it was; of a stream, which waits for line ends, only whole lines count."""
    missing = []
    said = found = ""
    for seq, event in promised:
        there = kept.get(seq, {"type": "nothing"})
        if event["type"] == there["type"] == "text_delta":
            said, found = said + event["text"], found + there["text"]
        elif there != event:
            missing.append(f"event {seq}: {event['type']} was promised, {there['type']} is there")
        if event["type"] != "text_delta":
            said = found = ""
        elif not found.startswith(said[: said.rfind("\n") + 1]):
            missing.append(f"event {seq}: whole lines of an answer are not there")
    return missing


def _require_end(place: Place, promised: list[Any], faults: Faults, *, sealed: bool) -> None:
    """What holds once the session was gone on with, be it at the first or the second attempt."""
    from aiex.sessions.checkpoints.verify import verify

    again = Turn(place, "http://127.0.0.1:1/v1", lambda _: None, sealed=sealed)
    sessions, checkpoints = again.sessions, again.services.checkpoints
    kept = _read(sessions, faults)
    faults.lost += _missing(promised, kept)
    state = sessions.state(SESSION)
    if state.interrupted or state.ended is None or state.ended.status != "success":
        faults.stuck.append(f"the turn did not end well: {state.ended}")
    if sessions.dead() or sessions.owner(SESSION):
        faults.stuck.append("the session is still open for the next start")
    if [one.id for one in sessions.views.listed()] != [SESSION]:
        faults.stuck.append("the list of sessions does not have it")
    began = [event for event in kept.values() if event["type"] == "tool_started"]
    if len(began) > 1:
        faults.doubled.append(f"the call began {len(began)} times")
    if [event for event in kept.values() if event.get("text") == DONE] and len(place.effects) != 1:
        faults.lost.append(f"the command ran {len(place.effects)} times, and the session says once")
    report = verify(checkpoints.objects, checkpoints.catalogue)
    if not report.is_whole:
        faults.lost.append(f"the checkpoints are damaged: {report.faults} {report.broken}")
    if checkpoints.catalogue.last() is not None:
        _require_way_back(place, checkpoints, faults)
    again.services.close()


def _require_way_back(place: Place, checkpoints: Any, faults: Faults) -> None:
    """The checkpoint before the tool has exactly the old files, and the way back from it exactly those of now."""
    now = look(place.root)
    (first,) = checkpoints.catalogue.list()[-1:]
    restored = checkpoints.restorer.restore(first.id, on_conflict="force")
    with make_once(place) as old:
        if look(place.root) != old:
            faults.half.append(f"the checkpoint does not have the old files: {_differences(look(place.root), old)}")
    checkpoints.restorer.restore(restored.undo.id, on_conflict="force")
    if look(place.root) != now:
        differences = _differences(look(place.root), now)
        faults.half.append(f"the way back from the checkpoint does not have the files as they were: {differences}")


def _differences(found: Files, wanted: Files) -> list[str]:
    return sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))


@contextmanager
def make_once(place: Place) -> Iterator[Files]:
    """What the workspace looked like at the beginning."""
    top = os.path.join(place.top, "first")
    try:
        yield look(make_place(top).root)
    finally:
        shutil.rmtree(top)
