"""The step of a session after which a command began to fail: the files go to and fro, and end as they were.

A file beside the checkpoints says that a search goes on and which checkpoint has the files as they were. It is written
before anything moves and removed when they are back, so a search that was cut off is told of, with the way back.
"""

from __future__ import annotations

from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from aiex.errors import Conflict, UsageError
from aiex.events import CheckpointTaken, Event, Noted, ToolWrote, TurnEnded, Warned
from aiex.guard.actions import TYPED
from aiex.guard.owners import OwnerLock
from aiex.jobs.checkpointing import SEARCH_LOCK, begin_search, end_search, find_search, restoring
from aiex.jobs.stepping import find_edits, keep_now

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

    from aiex.jobs.rewinding import Place
    from aiex.sessions.checkpoints.opening import Checkpoints
    from aiex.sessions.checkpoints.stores.catalogue import Checkpoint

SKIP: Final = 125
"""The command cannot tell, as git-bisect(1) has it."""
LEAST_ABORT: Final = 128
"""The command did not run to its end."""
MOST_OUTPUT_CHARS: Final = 4000
NOT_FOUND: Final = 1
"""The exit code where the search finds no step."""


class Stage(NamedTuple):
    """The files at one time."""

    checkpoint: Checkpoint
    seq: int
    """The first event behind which they were so; 0 for now."""
    step: str = ""
    """The step that follows."""


class Trial(NamedTuple):
    """One run of the command."""

    code: int
    output: str
    """Its end."""


class Search(NamedTuple):
    """What is known: the files passed at `good`, failed at `bad`, and what lies between."""

    stages: tuple[Stage, ...]
    good: int
    bad: int
    skipped: frozenset[int] = frozenset()

    def next(self) -> int | None:
        """The stage to try next: the one nearest the middle that was not skipped; None when nothing is left."""
        left = [place for place in range(self.good + 1, self.bad) if place not in self.skipped]
        return min(left, key=lambda place: abs(2 * place - self.good - self.bad), default=None)

    def learn(self, place: int, code: int) -> Search:
        """What is known with the outcome of a run."""
        if code == SKIP:
            return self._replace(skipped=self.skipped | {place})
        return self._replace(good=place) if code == 0 else self._replace(bad=place)


async def bisect(
    place: Place, session: str, run: Callable[[], AsyncIterator[Event]], *, from_seq: int = 0
) -> AsyncIterator[Event]:
    """The runs as they go, and the step that was found.

    Args:
        place: The workspace.
        session: Whose steps are searched.
        run: Runs the command on the files as they are.
        from_seq: The command is said to pass behind this event.

    Raises:
        Denied: if the role or a rule does not let this happen.
        UsageError: if the session has no steps here, or the command does not pass first and fail now.
        Conflict: if another search goes on, or the files changed under it.
        StoreError: if something cannot be read or kept.
    """
    checkpoints = place.checkpoints
    stages = _find_stages(place, session, from_seq)
    lock = OwnerLock(checkpoints.folder, SEARCH_LOCK, title="a search through the steps of this workspace")
    lock.acquire()
    try:
        if wanted := find_search(checkpoints):
            raise Conflict(
                f"a search was cut off; checkpoint {wanted} has the files as they were before it",
                hint=f"first: aiex restore checkpoint {wanted} --force",
            )
        now, _ = keep_now(checkpoints, "before a search through the steps")
        whole = (*(stages[:-1] if stages[-1].checkpoint.tree == now.tree else stages), Stage(now, 0))
        if len(whole) == 1:
            raise UsageError("the files are as they were before the first step, so there is nothing to find")
        with place.gate.doing(restoring(now.id, ()), chosen=TYPED):
            trying = _Trying(checkpoints, run, now)
            async with aclosing(_search(trying, whole)) as events:
                async for event in events:
                    yield event
    finally:
        lock.release()


def _find_stages(place: Place, session: str, from_seq: int) -> tuple[Stage, ...]:
    """The files between the steps, as far as there are checkpoints of them; equal neighbours count once."""
    state = place.sessions.state(session)
    if state.root != place.root:
        raise UsageError(f"session {session} is of another workspace", hint="aiex list sessions")
    if from_seq > state.seq:
        raise UsageError(f"session {session} has no event {from_seq}", hint=f"it has the events 1 to {state.seq}")
    known = {one.id: one for one in place.checkpoints.catalogue.list()} if place.checkpoints.exist else {}
    first = state.steps.files_at(from_seq) if from_seq else ""
    stages: list[Stage] = []
    has_begun = not first
    for step in state.steps.held:
        has_begun = has_begun or step.checkpoint_id == first
        checkpoint = known.get(step.checkpoint_id)
        if has_begun and checkpoint and (not stages or stages[-1].checkpoint.tree != checkpoint.tree):
            stages.append(Stage(checkpoint, step.seq, _step_at(place, session, step.seq)))
    if not stages:
        raise UsageError(f"no checkpoint of a step of session {session} is left", hint="aiex list checkpoints")
    return tuple(stages)


def _step_at(place: Place, session: str, seq: int) -> str:
    """What a step did, in the words of the event that begins it."""
    for recorded in place.sessions.log.read(session, after_seq=seq - 1, upto_seq=seq):
        event = recorded.event()
        if isinstance(event, CheckpointTaken):
            return event.reason
    return "a rewind"


class _Trying:
    """Runs the command on one state of the files after the other."""

    def __init__(self, checkpoints: Checkpoints, run: Callable[[], AsyncIterator[Event]], now: Checkpoint) -> None:
        self.checkpoints = checkpoints
        self._run = run
        self.now = now
        self._made: list[int] = []
        self._warned: set[Warned] = set()
        self.trials: dict[int, Trial] = {}

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """The block in which the files are elsewhere; behind it, however it ends, they are as they were."""
        begin_search(self.checkpoints, self.now.id)
        try:
            yield
        finally:
            self._bring(self.now)
            end_search(self.checkpoints)
            with self.checkpoints.objects.writing():
                self.checkpoints.catalogue.remove(self._made)

    def _bring(self, to: Checkpoint) -> None:
        """Bring the files there; what the command made of them meanwhile does not matter."""
        restored = self.checkpoints.restorer.restore(to.id, on_conflict="force")
        self._made.append(restored.undo.number)

    async def on(self, place: int, stage: Stage) -> AsyncGenerator[Event, None]:
        """Run the command on a state of the files, and keep its outcome."""
        self._bring(stage.checkpoint)
        output = ""
        async with aclosing(cast("AsyncGenerator[Event]", self._run())) as events:
            async for event in events:
                match event:
                    case ToolWrote(text=text):
                        output = (output + text)[-MOST_OUTPUT_CHARS:]
                    case Warned() if event not in self._warned:
                        self._warned.add(event)
                        yield event
                    case TurnEnded(exit_code=code):
                        self.trials[place] = Trial(code, output)
        code = self.trials[place].code
        if code >= LEAST_ABORT:
            raise UsageError(f"the command was ended with {code}, which tells nothing", hint=_last_words(output))
        word = "passes" if code == 0 else "cannot tell" if code == SKIP else f"fails with {code}"
        yield Noted(f"{_name(stage)}: {word}", {"checkpoint": stage.checkpoint.id, "exit_code": code})


async def _search(trying: _Trying, stages: tuple[Stage, ...]) -> AsyncGenerator[Event, None]:
    with trying.under_way():
        last = len(stages) - 1
        for place in (last, 0):
            async for event in trying.on(place, stages[place]):
                yield event
        _require_ends(trying.trials[0], trying.trials[last], stages)
        search = Search(stages, 0, last)
        while (middle := search.next()) is not None:
            async for event in trying.on(middle, stages[middle]):
                yield event
            search = search.learn(middle, trying.trials[middle].code)
    yield _tell(trying, search)


def _require_ends(first: Trial, last: Trial, stages: tuple[Stage, ...]) -> None:
    """Raise UsageError when there is nothing to find."""
    if last.code in (0, SKIP):
        said = "passes now" if last.code == 0 else f"ends with {SKIP} now, so it cannot tell"
        raise UsageError(f"the command {said}, so there is nothing to find")
    if first.code != 0:
        raise UsageError(
            f"the command fails on the first state as well ({_name(stages[0])}), so no step broke it",
            hint=_last_words(first.output),
        )


def _tell(trying: _Trying, search: Search) -> TurnEnded:
    from aiex.guard.neutral import neutralise, printable_path

    stages, objects = search.stages, trying.checkpoints.objects
    good, bad = stages[search.good], stages[search.bad]
    edits = list(find_edits(objects, good.checkpoint.tree, bad.checkpoint.tree))
    data: dict[str, Any] = {
        "found": search.bad == search.good + 1,
        "good": good.checkpoint.id,
        "bad": bad.checkpoint.id,
        "after_seq": good.seq,
        "step": good.step,
        "files": [one.path for one in edits],
        "runs": [{"checkpoint": stages[place].checkpoint.id, "exit_code": trial.code}
                 for place, trial in trying.trials.items()],
        "output": trying.trials[search.bad].output,
    }  # fmt: skip
    first = f"it began to fail in the step behind event {good.seq}: {printable_path(good.step)}"
    if not data["found"]:
        first = f"it began to fail in one of {search.bad - search.good} steps; between them it cannot tell"
    lines = [first, *(f"  {one.change:8} {printable_path(one.path)}" for one in edits[:20])]
    lines += [f"  and {len(edits) - 20:,} more"] if len(edits) > 20 else []
    lines += ["", f"what changed: aiex diff checkpoint {good.checkpoint.id} {bad.checkpoint.id}"]
    if said := neutralise(trying.trials[search.bad].output.strip()):
        lines += ["", "what it said then", *(f"  {line}" for line in said.splitlines()[-20:])]
    if data["found"]:
        return TurnEnded("success", "answered", 0, answer="\n".join(lines), data=data)
    return TurnEnded("error", "undecided", NOT_FOUND, answer="\n".join(lines), data=data, error="no single step found")


def _name(stage: Stage) -> str:
    from aiex.guard.neutral import printable_path

    return f"before {printable_path(stage.step)}" if stage.seq else "the files as they are"


def _last_words(output: str) -> str:
    lines = output.strip().splitlines()
    return f"it said: {lines[-1][:200]}" if lines else ""
