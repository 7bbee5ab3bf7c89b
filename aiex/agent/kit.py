"""What the tools of one run may use, and what they remember from call to call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from aiex.errors import ToolError
from aiex.record import record

if TYPE_CHECKING:
    from aiex.agent.beside import Beside
    from aiex.agent.edits.applying import FileChange
    from aiex.agent.processes import Processes
    from aiex.agent.seen import Seen
    from aiex.agent.skills import Skills
    from aiex.agent.tools import Answer
    from aiex.context.catalogue import Catalogue
    from aiex.context.engine import Engine
    from aiex.context.retrieval import Retrieval
    from aiex.context.search.index import Index
    from aiex.events import CheckpointTaken, Event
    from aiex.guard.actions import Action, Decision
    from aiex.guard.gate import Gate
    from aiex.guard.policy.bounds import Bounded
    from aiex.guard.policy.offers import Offer
    from aiex.guard.sandbox.files import FileStat, Workspace
    from aiex.settings import Settings
    from aiex.tokens import Count


class Means(Protocol):
    """The services that tools reach, each made when it is first asked for; `aiex.wiring.Services` is one."""

    @property
    def root(self) -> str: ...
    @property
    def environ(self) -> Mapping[str, str]: ...
    @property
    def trusted(self) -> bool: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def workspace(self) -> Workspace: ...
    @property
    def gate(self) -> Gate: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def index(self) -> Index: ...
    @property
    def retrieval(self) -> Retrieval: ...
    @property
    def model(self) -> str: ...
    @property
    def counting(self) -> Callable[[str, str], Count]: ...
    @property
    def session(self) -> str: ...
    @property
    def processes(self) -> list[Processes]: ...
    def bounds(self, *, read_only: bool = False, domains: Sequence[str] = (), memory_mb: int = 0) -> Bounded: ...


class Step(Protocol):
    """Looks after the files while something changes them: a checkpoint before, and what was changed after."""

    @property
    def taken(self) -> CheckpointTaken | None: ...
    def cover(self, paths: Iterable[str]) -> None: ...
    def begin(self) -> Iterator[Event]: ...
    def end(self) -> tuple[tuple[Event, ...], bool]: ...
    def cut_off(self) -> tuple[Event, ...]: ...
    def hand_over(self) -> tuple[Event, ...]: ...
    def pass_over(self) -> None: ...


class Files(Protocol):
    """The files as the tools see and change them: those of the workspace, or, where nothing is to be written, a layer
    over them."""

    def read(self, path: str, *, limit_bytes: int | None = None) -> bytes: ...
    def stat(self, path: str, *, follow_links: bool = False) -> FileStat: ...
    def write(self, path: str, data: bytes) -> None: ...
    def delete(self, path: str) -> None: ...
    def relative(self, path: str) -> str: ...


@record
class ApprovalRequest:
    """What a person is asked before something happens that a rule asks about."""

    action: Action
    """What would happen."""
    decision: Decision
    """The rule that asks."""
    offers: tuple[Offer, ...]
    """The answers that there are, the narrowest first."""
    title: str
    """All of the call in one line."""
    preview: str
    """All of it, where the title does not say it."""
    changes: tuple[FileChange, ...] = ()
    """Of an edit, what would become of each file."""


@record
class Verdict:
    """What a person said to a request, where an offer alone does not say all of it.

    Of an edit, who gives one has seen all changes: where one of the offers counts, it is for all that the same rule
    asks about in the same edit.
    """

    offer: Offer | None
    """None for no."""
    words: str = ""
    """Why not, for the model."""
    after: Mapping[str, bytes | None] | None = None
    """What the files of an edit shall hold in place of what the model wants, as `Pending.revise` takes it; None leaves
    it as it is."""


class Person(Protocol):
    """Whoever can be asked while the run goes on."""

    async def approve(self, request: ApprovalRequest) -> Offer | Verdict | None:
        """Which of the offers counts; None for no."""

    async def answer(self, question: str, options: Sequence[str]) -> str | None:
        """What they say; None when they say nothing."""


def begin_safely(step: Step) -> Iterator[Event]:
    """Begin a step of a model. Raises StoreError where no checkpoint can be taken: nobody is there to weigh that."""
    from aiex.errors import StoreError
    from aiex.events import CheckpointTaken

    is_kept = False
    for event in step.begin():
        is_kept = is_kept or isinstance(event, CheckpointTaken)
        yield event
    if not is_kept:
        raise StoreError(
            "nothing is changed, because no checkpoint can be taken", hint="aiex doctor; or --set checkpoints.mode=off"
        )


@record
class Errand:
    """What a helper is sent for."""

    text: str
    may_change: bool = False
    """Whether it may edit and run, or only look."""
    turns: int = 0
    """The most answers it may give; 0 for the usual."""


@record
class Renaming:
    """What renaming a name everywhere would change, and what nobody can be certain of."""

    changes: tuple[FileChange, ...]
    notes: tuple[str, ...]
    """For the model: places that stay, and why."""


Rename = Callable[[str, str, str], Renaming]
"""Works out the renaming of a name of a file; path, name, new name. Raises AiexError."""

Delegate = Callable[[Errand, str], "AsyncIterator[Event | Answer]"]
"""Runs an errand for the call with an id."""


class Kit:
    """Of one run, and of nobody else.

    Args:
        means: The services.
        files: What is read and changed.
        step: Makes what looks after the files during one call, named in words for people; it
            gives None where nothing is kept.
        person: Whoever can be asked; None for nobody.
        is_dry: Nothing is written and no command runs that may change something.
    """

    def __init__(
        self,
        means: Means,
        *,
        files: Files | None = None,
        step: Callable[[str], Step | None] = lambda _: None,
        person: Person | None = None,
        is_dry: bool = False,
    ) -> None:
        self.means = means
        self.files: Files = files or means.workspace
        self._make_step = step
        self.behind: list[Step] = []
        """What looks after the files during commands that go on in the background, the oldest first."""
        self._beside: Beside | None = None
        self.person = person
        self.is_dry = is_dry
        self.todo: list[tuple[str, str]] = []
        """What is to be done and how far each item is: `open`, `doing` or `done`."""
        self.delegate: Delegate | None = None
        """Runs errands; None for one who has no right to."""
        self.rename: Rename | None = None
        """Works out renamings; None where nobody can."""
        self.may_try: frozenset[str] = frozenset()
        """Commands that run in a dry run as well, with nothing that they may write: a person chose them."""
        self.news: list[Event] = []
        """What happened beside the calls, such as what a background command did to the files; whoever runs the loop
        tells it between calls, and once more after `leave`, and empties it."""
        self.closing: list[Callable[[], Awaitable[object]]] = []
        """Called when the run ends: background commands end here."""

    @property
    def root(self) -> str:
        """The workspace; paths of the model are relative to it."""
        return self.means.root

    def step(self, title: str) -> Step | None:
        """What looks after the files during one call, named in words for people; None where nothing is kept."""
        from aiex.agent.beside import Beside

        step = self._make_step(title)
        if step is None or not self.behind:
            return step
        self._beside = Beside(step, self.behind)
        return self._beside

    @property
    def is_in_step(self) -> bool:
        """Whether a call goes on now that tells all that happens to the files, also what the background does."""
        return self._beside is not None and self._beside.is_open

    @cached_property
    def seen(self) -> Seen:
        """What the model was shown of the files."""
        from aiex.agent.seen import Seen

        return Seen()

    @cached_property
    def catalogue(self) -> Catalogue:
        """The files that count here, as they are now; folders that did not change are not listed again."""
        from aiex.context.catalogue import Catalogue

        return Catalogue(self.means.workspace, self.means.settings.get("context.ignore"))

    @cached_property
    def skills(self) -> Skills:
        """What the person and the project wrote for work of some kind, loaded on demand."""
        from aiex.agent.skills import find_skills

        return find_skills(self.means)

    @cached_property
    def processes(self) -> Processes:
        """The commands that the run started."""
        from aiex.agent.processes import Processes

        processes = Processes(self)
        self.means.processes.append(processes)
        return processes

    def require_changes_allowed(self, what: str) -> None:
        """Raise ToolError where nothing may change because the run is dry."""
        if self.is_dry:
            raise ToolError(f"{what} does not run: this is a dry run", hint="say in words what you would do")

    async def leave(self) -> None:
        """End what was begun, the last first; each thing once. Cancelled meanwhile, it comes to its end all the same;
        cancelled again, it does not."""
        if not self.closing:
            return
        import asyncio

        leaving = asyncio.ensure_future(self._leave())
        try:
            await asyncio.shield(leaving)
        except asyncio.CancelledError:
            await leaving
            raise

    async def _leave(self) -> None:
        while self.closing:
            await self.closing.pop()()
