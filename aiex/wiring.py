"""The services of one run, each built when it is first asked for; the one place that knows all rooms."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import cached_property
from typing import TYPE_CHECKING

from aiex.errors import ConfigError, UsageError
from aiex.record import record

if TYPE_CHECKING:
    from aiex.agent.kit import Person
    from aiex.agent.processes import Processes
    from aiex.budget import Budget
    from aiex.context.engine import Engine
    from aiex.context.retrieval import Retrieval
    from aiex.context.search.index import Index
    from aiex.events import Event, StreamEvent
    from aiex.guard.actions import Mode, Role
    from aiex.guard.audit.log import AuditLog
    from aiex.guard.gate import Gate
    from aiex.guard.policy.bounds import Bounded
    from aiex.guard.policy.judge import Judge
    from aiex.guard.policy.keptout import KeptOut
    from aiex.guard.policy.policy import Policy
    from aiex.guard.sandbox.files import Workspace
    from aiex.guard.trust import ProjectFiles
    from aiex.llm.counting import TokenCounter
    from aiex.llm.embedder import Embedder
    from aiex.llm.toll import CostOf
    from aiex.llm.visits import Visit
    from aiex.messages import Request
    from aiex.sessions.checkpoints.opening import Checkpoints
    from aiex.sessions.keeping import Sessions
    from aiex.sessions.recorder import Recorder
    from aiex.settings import Settings
    from aiex.tokens import Count

Stream = Callable[["Request"], AsyncIterator["StreamEvent"]]
OFFLINE = "offline"
NOWHERE = ""
"""In place of a directory, when the current one is gone: there are settings of the user and no workspace."""


@record
class Tape:
    """Files for what is said to models and what they answer; empty for none."""

    record: str = ""
    """Takes everything down."""
    replay: str = ""
    """Answers instead of the network."""


class Services:
    """What a job may need, for the workspace around one directory."""

    def __init__(
        self,
        cwd: str,
        *,
        overrides: Sequence[str] = (),
        profile: str | None = None,
        flags: Mapping[str, object] | None = None,
        tape: Tape | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.cwd, self.environ = cwd, environ
        self.tape = tape or Tape()
        self.tell: Callable[[Event], None] = lambda event: None
        """Gets what is noticed beside a job's own events, such as tampering with the audit log."""
        self.recorder: Recorder | None = None
        """Writes the session of this run, where there is one; set by the door."""
        self.person: Person | None = None
        """Whoever can be asked in a way of the door's own; None where a terminal or nobody can."""
        self.type_unseen: Callable[[str], Awaitable[str | None]] | None = None
        """Asks for what nobody may see, such as a key, as the door does it; None where standard input is read."""
        self.processes: list[Processes] = []
        """What the runs that are under way have started, for a door that shows it."""
        self._overrides, self._profile, self._flags = overrides, profile, flags or {}

    @cached_property
    def root(self) -> str:
        """The directory that the work stays beneath: the repository around `cwd`, else `cwd` itself."""
        if self.cwd == NOWHERE:
            return NOWHERE
        from aiex.guard.sandbox.files import find_root

        return find_root(self.cwd)

    @property
    def is_repository(self) -> bool:
        """Whether the root is one by its own signs, and not just the directory where somebody happens to be."""
        from aiex.guard.sandbox.files import ROOT_MARKS

        return self.root != NOWHERE and any(os.path.lexists(os.path.join(self.root, mark)) for mark in ROOT_MARKS)

    @cached_property
    def project(self) -> ProjectFiles | None:
        """What the project would configure, read once; None when it configures nothing."""
        if self.root == NOWHERE or not os.path.lexists(os.path.join(self.root, ".aiex")):
            return None
        from aiex.guard.trust import project_files

        return project_files(self.root)

    @cached_property
    def trusted(self) -> bool:
        """Whether a person trusts this workspace as it is configured now, be it by nothing."""
        if self.root == NOWHERE:
            return False
        from aiex.guard.trust import is_trusted

        return is_trusted(self.root, self.project)

    @cached_property
    def settings(self) -> Settings:
        """Every setting with its origin; ConfigError when something in them is wrong."""
        from aiex import settings

        return settings.load(
            self.root or None,
            overrides=self._overrides,
            profile=self._profile,
            flags=self._flags,
            trusted=self.project is not None and self.trusted,
            environ=self.environ,
            read=self.project.read if self.project else None,
        )

    @cached_property
    def defaults(self) -> Settings:
        """The built-in settings and the flags alone, for what must work when the settings are broken."""
        from aiex import settings

        return settings.load(None, flags=self._flags, environ={})

    @property
    def sturdy_settings(self) -> Settings:
        """The settings, or the built-in ones where they are broken, for what one runs then."""
        try:
            return self.settings
        except ConfigError:
            return self.defaults

    @cached_property
    def workspace(self) -> Workspace:
        """The only way to the files beneath the root."""
        return self.open_workspace()

    def open_workspace(self) -> Workspace:
        """Another such way, for another thread."""
        from aiex.guard.sandbox.files import Workspace

        return Workspace(
            self.root,
            allow_read=self.settings.get("paths.allow_read"),
            allow_write=self.settings.get("paths.allow_write"),
            kept_out=self.kept_out,
        )

    def bounds(self, *, read_only: bool = False, domains: Sequence[str] = (), memory_mb: int = 0) -> Bounded:
        """What commands may touch in the workspace, by its settings and rules; in the mode `plan` nothing is written.

        Args:
            read_only: Nothing is written in any mode.
            domains: Hosts that may be spoken to, beside those that rules allow.
            memory_mb: Address space of each process, in MiB; 0 for no limit.

        Raises ConfigError for broken rules, and UsageError and Denied as `make_policy` does.
        """
        from aiex.guard.policy.bounds import bound
        from aiex.guard.sandbox.bounds import Limits, make_policy

        judge = self.gate.judge
        sandbox = make_policy(
            self.root,
            read_only=read_only or judge.mode == "plan" or self.settings.get("sandbox.mode") == "read-only",
            allow_read=self.settings.get("paths.allow_read"),
            allow_write=self.settings.get("paths.allow_write"),
            domains=domains,
            limits=Limits(memory_bytes=memory_mb << 20),
            environ=self.environ,
        )
        return bound(sandbox, judge.policy, role=judge.role)

    # --- the guard --------------------------------------------------------------------------------------------------

    @cached_property
    def session(self) -> str:
        """Names this run, on record and in what it prints for programs; set to the session that is gone on with."""
        return os.urandom(8).hex()

    @cached_property
    def gate(self) -> Gate:
        """Decides what may happen in this run, and writes it down; loads and opens nothing before it has to.

        With broken settings the built-in ones count, for the commands that repair them.
        """
        from aiex.guard.gate import Gate

        settings = self.sturdy_settings
        judge = self.make_judge(mode=settings.get("policy.mode"), role=settings.get("policy.role"))
        return Gate(judge, session=self.session, audit=lambda: self._open_audit(settings), environ=self.environ)

    def make_judge(self, *, mode: Mode, role: Role) -> Judge:
        """Decides by the rules that count here, in a mode and on behalf of a role; loads nothing before it has to."""
        from aiex.guard.policy.judge import Judge

        return Judge(self.load_policy, mode=mode, role=role, look=self._look, confined=self._is_confined)

    def _is_confined(self) -> bool:
        from aiex.guard.sandbox.probing import choose

        return self.sturdy_settings.get("sandbox.mode") != "off" and not choose().requires_approval

    def load_policy(self) -> Policy:
        """The rules that count here. Raises ConfigError if one cannot be read."""
        from aiex.guard.policy.sources import load_policy

        return load_policy(self.settings, root=os.path.realpath(self.root) if self.root else "", project=self.project)

    def _open_audit(self, settings: Settings) -> AuditLog | None:
        from aiex.guard.audit.opening import open_audit

        return open_audit(settings, self.environ, tell=self.tell)

    def _look(self, path: str) -> str:
        from aiex.guard.commands.looking import look_in

        return look_in(self.workspace)(path)

    def standing(self, change: str, *, scope: str = "user", **detail: str) -> AbstractContextManager[object]:
        """The block of a change that stays, of trust, keys, rules or what guards them: by an admin, and on record.

        Args:
            change: In the words of its command, such as `add trust /home/me/shop`.
            scope: How far it reaches: `user` or `project`.
            detail: What else belongs to the record; no secrets.
        """
        from aiex.guard.actions import Action

        return self.gate.doing(Action("approval", change, {"scope": scope, **detail}))

    def visit(self, host: str, place: str, name: str) -> AbstractAsyncContextManager[Visit]:
        """Let a server be asked that the settings name, and put on record what comes of it; see `llm/visits.py`."""
        from aiex.guard.actions import Action
        from aiex.llm.visits import ASIDE

        is_aside = name in ASIDE
        action = Action("network", host, {"for" if is_aside else "model": name, "set in": place})
        return self.gate.through(action, chosen="the settings name this server", is_told=not is_aside)

    @property
    def kept_out(self) -> KeptOut | None:
        """Which files rules keep from being read; None where no rule is about reading, mostly without loading any."""
        origin = self.settings.origin("policy.rules")
        if not any(layer.value for layer in (origin, *origin.overrode)):
            return None
        judge = self.gate.judge
        return judge.kept_out if judge.policy.restricts_reads else None

    # --- the code -----------------------------------------------------------------------------------------------------

    @cached_property
    def engine(self) -> Engine:
        """What is known about the code; its cache lies outside the repository."""
        from aiex.context.opening import open_code

        return open_code(self.settings, self.workspace, self.environ)

    @cached_property
    def index(self) -> Index:
        """Where words, names and imports occur in the code; it lies beside the engine's cache."""
        from aiex.context.opening import open_index

        return open_index(self.settings, self.workspace, self.environ)

    @cached_property
    def retrieval(self) -> Retrieval:
        """Finds the code that a request needs."""
        from aiex.context.opening import open_retrieval
        from aiex.events import Warned

        if self.settings.get("context.embeddings") and not self.embeddings:
            self.index.warnings.append(Warned("a recording holds no vectors, so context.embeddings is not used"))
        return open_retrieval(self.index, embeddings=self.embeddings, embed=self.embedder)

    @cached_property
    def embeddings(self) -> str:
        """Whose vectors count, as `provider/model`; empty for nobody's.

        A recording holds none, so that it can be replayed anywhere.
        """
        return "" if self.tape.record or self.tape.replay else str(self.settings.get("context.embeddings"))

    @cached_property
    def embedder(self) -> Embedder | None:
        """Makes vectors of texts; None when nobody may be asked: by the settings, or by what was said to be offline."""
        if not self.embeddings or self._is_kept_offline:
            return None
        from aiex.llm.embedder import open_embedder
        from aiex.llm.gates import open_gate

        return open_embedder(
            self.settings,
            self.embeddings,
            environ=self.environ,
            gate=open_gate(self.settings, self.budget, self._prices, self.environ),
            cost_of=self._prices,
            visit=self.visit,
        )

    @property
    def _is_kept_offline(self) -> bool:
        """Whether `offline` was chosen in a stronger place than the one that names who embeds."""
        from typing import get_args

        from aiex.settings import Source

        ranks = get_args(Source)
        model, embeddings = self.settings.origin("model"), self.settings.origin("context.embeddings")
        return self.is_offline and ranks.index(model.source) > ranks.index(embeddings.source)

    # --- what happened ------------------------------------------------------------------------------------------------

    @cached_property
    def sessions(self) -> Sessions:
        """The sessions of this person; with broken settings as the built-in ones keep them."""
        from aiex.sessions.keeping import open_sessions

        return open_sessions(self.sturdy_settings, self.environ, tell=self._tell)

    def _tell(self, event: Event) -> None:
        """`tell` as it is when something is told."""
        self.tell(event)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The checkpoints of this workspace, as the settings want them."""
        from aiex.context.listing import keep_rules
        from aiex.sessions.checkpoints.opening import open_checkpoints

        include = self.settings.get("checkpoints.include")
        return open_checkpoints(
            self.settings, self.workspace.root, self.environ, ignoring=lambda: keep_rules(self.workspace, include)
        )

    def close(self) -> None:
        """Keep what was learned for the next run, also when this one was interrupted."""
        for name in ("engine", "retrieval", "index", "gate", "checkpoints", "sessions"):
            if name in self.__dict__:
                self.__dict__[name].close()

    @cached_property
    def model(self) -> str:
        """Who answers: `provider/model` or `offline`. ConfigError when the provider is not configured."""
        provider, model = self.settings.provider_and_model()
        return OFFLINE if provider == OFFLINE else f"{provider}/{model}"

    @property
    def is_offline(self) -> bool:
        """Whether nothing leaves this machine and no event loop is needed."""
        return self.model == OFFLINE

    def stream(self, request: Request) -> AsyncIterator[StreamEvent]:
        """Ask the model in use, which is looked up only then: what shows a request needs no key."""
        return self._asking(request)

    @cached_property
    def _asking(self) -> Stream:
        from aiex.llm.router import open_stream

        if self.is_offline:
            return open_stream(self.settings, self.model, environ=self.environ)
        return self.stream_within(self.budget)

    def stream_within(self, budget: Budget) -> Stream:
        """A way to ask the model in use that counts on this budget."""
        return self._within(budget)

    @cached_property
    def budget(self) -> Budget:
        """What this run may use and what it used: one object for everything that it does."""
        from aiex.budget import open_budget

        return open_budget(self.settings)

    @cached_property
    def _within(self) -> Callable[[Budget], Stream]:
        from aiex.llm.asking import open_asking

        return open_asking(
            self.settings,
            self.model,
            environ=self.environ,
            cost_of=self._prices,
            counter=self._counter,
            visit=self.visit,
            record=self.tape.record,
            replay=self.tape.replay,
        )

    @cached_property
    def _prices(self) -> CostOf:
        from aiex import dirs
        from aiex.llm.pricing import open_prices

        return open_prices(dirs.cache_dir(self.environ))

    @cached_property
    def _counter(self) -> TokenCounter:
        from aiex.llm.counting import open_counter

        return open_counter(self.environ)

    @cached_property
    def counting(self) -> Callable[[str, str], Count]:
        """Counts the tokens of a text for a model, with what was learned of it."""
        if self.is_offline:
            from aiex.tokens import count

            return count
        return self._counter.count


def open_services(
    start: str,
    cwd: str | None,
    *,
    overrides: Sequence[str] = (),
    profile: str | None = None,
    flags: Mapping[str, object] | None = None,
    tape: Tape | None = None,
) -> Services:
    """The services for the directory `cwd`, which is relative to `start`; `start` may be `NOWHERE`.

    Raises:
        UsageError: if that is not a directory.
    """
    place = os.path.normpath(os.path.join(start, cwd or ".")) if start or cwd else NOWHERE
    if place != NOWHERE and not os.path.isdir(place):
        found = "not a directory" if os.path.lexists(place) else "no such directory"
        from aiex.guard.neutral import printable_path

        raise UsageError(
            f"cannot work in {printable_path(cwd or start)}: {found}", hint="-C takes the directory to work in"
        )
    return Services(place, overrides=overrides, profile=profile, flags=flags, tape=tape)
