"""The code around a target that goes to a model with it: who calls it, tests it, is called by it and imports it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from aiex.context.gathering import Gathered, pack_gathered, reading
from aiex.context.packing.packed import Candidate
from aiex.errors import AiexError
from aiex.jobs.asking import OVERHEAD_TOKENS, CountFor, Planned, PlannedPart
from aiex.jobs.briefing.model import Briefing, Caller, Dependent, Place
from aiex.jobs.briefing.names import CALLS, FUNCTIONS
from aiex.jobs.prompting import load_prompt
from aiex.messages import Document, Message, Text

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.facts import FileFacts
    from aiex.context.packing.packed import Pack
    from aiex.guard.sandbox.files import Workspace

TITLE = "code around it"
FIRST_OF_KIND = 8
"""Places of each kind that come before the rest of any kind, so that many callers do not hide the tests."""
MOST_OF_KIND = 60
"""Further places of a kind are not looked at: the budget ends long before."""
BARE_LINES = 3
"""Shown on either side of a use that stands in no function."""
USES_OF_DEPENDENT = 3
"""Functions of one file that imports the target."""

NOTHING = Gathered((), lambda _path: None)
"""Where nothing is around."""


def gather_around(
    briefing: Briefing, engine: "Engine", workspace: "Workspace", shown: Callable[[str], str]
) -> Gathered:
    """The places that a briefing on code names outside of its file, most telling first, to be packed.

    Only listed files of the workspace count: what is ignored, and what cannot be read, is left out.

    Args:
        shown: How a path is written above its code.

    Cost: the facts of the files named, which the briefing has mostly read already.
    """
    around = Around(briefing, engine)
    kinds = [around.callers(), around.tests(), around.callees(), around.dependents()]
    places = [list(islice(kind, MOST_OF_KIND)) for kind in kinds]
    first = (kind[:FIRST_OF_KIND] for kind in places)
    rest = (kind[FIRST_OF_KIND:] for kind in places)
    return Gathered(merge(chain(*first, *rest)), reading(workspace, shown, around.facts))


def merge(places: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Each stretch of code once, where it comes first, with all reasons and all lines that matter."""
    merged: dict[tuple[str, int, int], Candidate] = {}
    for place in places:
        known = merged.setdefault(place[:3], place)
        if known is not place:
            why = tuple(dict.fromkeys((*known.why, *place.why)))
            merged[place[:3]] = known._replace(why=why, focus=tuple(sorted({*known.focus, *place.focus})))
    return tuple(merged.values())


class Around:
    """The places around the target of a briefing, kind by kind, each in the briefing's order."""

    def __init__(self, briefing: Briefing, engine: "Engine") -> None:
        self.briefing = briefing
        self.engine = engine
        self.own = briefing.subject.path
        self._known: dict[str, FileFacts | None] = {}

    def callers(self) -> Iterator[Candidate]:
        """Uses of the target in what is no test."""
        name = _name_of(self.briefing)
        for caller in self.briefing.callers or ():
            if not caller.test:
                yield from self._at(caller.path, caller.line, f"{_verb(caller)} {name}")

    def tests(self) -> Iterator[Candidate]:
        """Tests that mention the target, by turns of their files, then those that use it in another way."""
        suites = self.briefing.tests or ()
        for turn in range(max((len(suite.cases) for suite in suites), default=0)):
            for suite in suites:
                for case in suite.cases[turn : turn + 1]:
                    yield from self._at(suite.path, case.line, "tests it")
        for caller in self.briefing.callers or ():
            if caller.test:
                yield from self._at(caller.path, caller.line, "tests it")

    def callees(self) -> Iterator[Candidate]:
        """Definitions that the target calls: of a file, those that its flow comes by."""
        for target in self._targets():
            facts = self.facts(target.path)
            ends = [symbol.end_line for symbol in facts.symbols if symbol.start_line == target.line] if facts else []
            if ends:
                yield Candidate(target.path, target.line, max(ends), why=("called by it",))

    def _targets(self) -> Iterator[Place]:
        """Where what the target calls is defined, as far as that is known."""
        flow, callees = self.briefing.flow, self.briefing.callees
        if callees is not None:
            yield from (callee.target for callee in callees if callee.target)
        elif flow is not None:
            yield from (step.target for step in flow.steps if step.target and step.path == self.own)

    def dependents(self) -> Iterator[Candidate]:
        """Where files that import the target use what they take from it; the import where no use is seen."""
        for dependent in self.briefing.dependents or ():
            if dependent.test:
                continue
            lines = self._lines_of(dependent) or [dependent.line]
            places = (self._at(dependent.path, line, "imports it") for line in lines)
            yield from merge(chain.from_iterable(places))[:USES_OF_DEPENDENT]

    def _lines_of(self, dependent: Dependent) -> list[int]:
        """Lines where a file uses, inside of its definitions, the names that it takes."""
        facts, names = self.facts(dependent.path), set(dependent.names)
        if facts is None:
            return []
        return [
            reference.line
            for reference in facts.references
            if reference.inside >= 0 and (reference.name in names or reference.receiver.partition(".")[0] in names)
        ]

    def _at(self, path: str, line: int, why: str) -> Iterator[Candidate]:
        """The function around a line, or the lines near it; nothing of files that are not to be shown."""
        facts = self.facts(path)
        if facts is None:
            return
        inside = [
            symbol
            for symbol in facts.symbols
            if symbol.kind in FUNCTIONS and symbol.start_line <= line <= symbol.end_line
        ]
        if inside:
            symbol = min(inside, key=lambda symbol: (symbol.end_line - symbol.start_line, -symbol.start_line))
            yield Candidate(path, symbol.start_line, symbol.end_line, symbol.qualified, why=(why,), focus=(line,))
        elif 1 <= line <= facts.line_count:
            first, last = max(1, line - BARE_LINES), min(facts.line_count, line + BARE_LINES)
            yield Candidate(path, first, last, why=(why,), focus=(line,))

    def facts(self, path: str) -> "FileFacts | None":
        """The facts of another listed file; None for the target's own, which goes along anyway."""
        if path not in self._known:
            self._known[path] = None
            if path != self.own and self.engine.paths.has(path):
                with suppress(AiexError):  # it went away, or is not to be read: it is not shown
                    self._known[path] = self.engine.facts(path)
        return self._known[path]


def _name_of(briefing: Briefing) -> str:
    """What callers call: the symbol, or the function that the range is about."""
    line = briefing.purpose.place.line if briefing.purpose and briefing.purpose.place else briefing.subject.start_line
    return next((symbol.qualified for symbol in briefing.symbols or () if symbol.start_line == line), "it")


def _verb(caller: Caller) -> str:
    sure = caller.certainty != "name"
    if caller.kind in CALLS:
        return "calls" if sure else "may call"
    return "uses" if sure else "may use"


def plan_around(
    planned: Planned, around: Gathered, *, budget_tokens: int, counting: CountFor, kind: str
) -> "tuple[Planned, Pack | None]":
    """The request with as much of the code around its target as fits, and what was packed.

    Nothing is added where the target itself had to be cut, or where too little room is left; that is then told.
    """
    if not around.results:
        return planned, None
    request, system = planned.request, planned.parts[0]

    def count(text: str) -> int:
        return counting(text, request.model).tokens

    text = f"{system.text}{load_prompt('around', kind=kind, title=TITLE)}"
    prompt = PlannedPart(system.role, system.title, count(text), text)
    rest = planned.tokens - system.tokens + prompt.tokens + OVERHEAD_TOKENS
    packed = None if planned.cut else pack_gathered(around, budget_tokens - rest, count)
    if packed is None:
        return planned._replace(cut=(*planned.cut, TITLE)), None
    part = PlannedPart("user", TITLE, packed.tokens, packed.text)
    user = request.messages[1]
    documents = (*user.parts[:-1], Document(TITLE, "text/plain", packed.text), user.parts[-1])
    messages = (Message("system", (Text(text),)), Message("user", documents))
    exact = planned.exact and all(counting(added, request.model).exact for added in (text, packed.text))
    parts = (prompt, *planned.parts[1:], part)
    return Planned(replace(request, messages=messages), parts, rest + packed.tokens, exact, ()), packed
