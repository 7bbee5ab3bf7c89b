"""Briefings on code: a file, a symbol in it, or some of its lines."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from aiex.context.facts import FileFacts
from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.flow import Start, find_start, flow_from_json, follow, head_of, written_call
from aiex.jobs.briefing.history import Git, history_of
from aiex.jobs.briefing.kept import keep
from aiex.jobs.briefing.material import Material, excerpt_of, is_binary, subject_of
from aiex.jobs.briefing.model import Briefing, Callee, Caller, Flow, History, Place, Purpose, Subject
from aiex.jobs.briefing.names import CALLS, DATA_LANGUAGES, FUNCTIONS, TEXT_LANGUAGES, TYPES, is_test
from aiex.jobs.briefing.observations import effects_of, faults_of, hot_spots_of
from aiex.jobs.briefing.origins import origin_of
from aiex.jobs.briefing.outline import family_of, innermost, name_at, outline_of, outlined
from aiex.jobs.briefing.purpose import purpose_of, readable
from aiex.jobs.briefing.relations import dependents_of, needs_of
from aiex.jobs.briefing.still import Still
from aiex.jobs.briefing.testing import tests_of
from aiex.jobs.briefing.typed import Resolver
from aiex.jobs.target import STDIN, Target

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.context.graph import Graph
    from aiex.guard.sandbox.files import Workspace

QUIET_LANGUAGES = TEXT_LANGUAGES | DATA_LANGUAGES | {"html", "css"}
"""What these say has no flow, no effects and no errors."""
HEAD_LINES = 40
"""Lines shown of a text that could not be parsed."""
READABLE_BYTES = 300
"""Bytes per line up to which a text is one that people read."""

_CERTAINTY = {"import": 0, "scope": 1, "name": 2}


class Sources:
    """Where the builders ask: the engine, the files, and git (None leaves history out)."""

    def __init__(
        self,
        engine: "Engine",
        workspace: "Workspace",
        git: Git | None,
        *,
        known: bool = True,
        held: Material | None = None,
        shown: Callable[[str], str] = str,
    ) -> None:
        from aiex.context.graph import Graph

        still = Still(engine)
        if held is not None:
            still.hold(held)
        self.engine = cast("Engine", still)
        self.graph = Graph(self.engine)
        self.resolver = Resolver(self.graph)
        self.workspace = workspace
        self.git = git
        self.shown = shown
        """How one would type a path, for messages and hints."""
        self.known = known
        """False for text that is not a file of the workspace: nothing else can refer to it. `held` is such a text."""

    def history(self, path: str) -> History | None:
        """The history of a file, None without git."""
        if self.git is None or not self.known:
            return None
        return history_of(self.engine, self.workspace, self.git, path)


def brief_file(sources: Sources, material: Material, target: Target) -> Briefing:
    """Everything about a file."""
    path, facts = material.path, material.facts
    subject = subject_of(material, target, "file")
    if not material.source or is_binary(material.source):
        return Briefing(subject, _bare_purpose(material), history=sources.history(path))
    if facts.parsed == "fallback" or facts.language in QUIET_LANGUAGES:
        return _brief_text(sources, material, subject)
    engine = sources.engine
    dependents = dependents_of(sources.graph, path, facts) if sources.known else None
    start = find_start(facts)
    return Briefing(
        subject,
        purpose_of(path, facts),
        outline=outline_of(path, facts),
        needs=needs_of(sources.graph, path, facts),
        dependents=dependents,
        flow=_flow(sources, path, facts, start),
        effects=effects_of(path, facts),
        faults=faults_of(path, facts),
        hot_spots=hot_spots_of(path, facts, material.text),
        tests=tests_of(engine, path, facts, dependents or (), frozenset())
        if sources.known and not is_test(path)
        else None,
        history=sources.history(path),
    )


def _brief_text(sources: Sources, material: Material, subject: Subject) -> Briefing:
    """What can be said of text that does not run: documents, data, and what could not be parsed."""
    path, facts = material.path, material.facts
    is_prose = facts.parsed == "fallback" and facts.size_bytes <= READABLE_BYTES * max(1, facts.line_count)
    return Briefing(
        subject,
        purpose_of(path, facts),
        source=excerpt_of(material, 1, HEAD_LINES) if is_prose else None,
        outline=outline_of(path, facts) or None,
        needs=needs_of(sources.graph, path, facts) or None,
        dependents=(dependents_of(sources.graph, path, facts) or None) if sources.known else None,
        history=sources.history(path),
    )


def _bare_purpose(material: Material) -> Purpose | None:
    return None if is_binary(material.source) else purpose_of(material.path, material.facts)


def _flow(sources: Sources, path: str, facts: FileFacts, start: Start | None) -> Flow | None:
    if start is None:
        return None
    return keep(
        sources.engine,
        f"flow/{start.symbol}/{start.from_line}",
        path,
        lambda: follow(sources.resolver, path, facts, start),
        flow_from_json,
    )


def brief_symbol(sources: Sources, material: Material, target: Target) -> Briefing:
    """Everything about one definition.

    Raises:
        UsageError: if the file does not define it; the nearest names are offered.
    """
    path, facts = material.path, material.facts
    index = find_symbol(facts, target._replace(path=sources.shown(path)))
    symbol = facts.symbols[index]
    family = family_of(facts, index)
    engine = sources.engine
    exact = Target(path, symbol=symbol.qualified)
    subject = subject_of(material, exact, "symbol")._replace(start_line=symbol.start_line, end_line=symbol.end_line)
    runs = symbol.kind in FUNCTIONS
    dependents = dependents_of(sources.graph, path, facts) if sources.known else ()
    words = symbol.doc or f"A {symbol.kind}{f' of `{name_at(facts, symbol.parent)}`' if symbol.parent >= 0 else ''}."
    start = Start(index, symbol.start_line, symbol.qualified, "it is what you asked about") if runs else None
    inner = tuple(item for item in outline_of(path, facts) if symbol.start_line <= item.start_line <= symbol.end_line)
    return Briefing(
        subject,
        Purpose(
            readable(words), "its documentation" if symbol.doc else "its kind and place", Place(path, symbol.start_line)
        ),
        source=excerpt_of(material, symbol.start_line, symbol.end_line),
        symbols=(outlined(path, symbol, facts.complexity[index]),),
        outline=tuple(item for item in inner if item.qualified.startswith(symbol.qualified + ".")) or None,
        callers=callers_of(sources.graph, path, index) if sources.known else None,
        callees=callees_of(sources.resolver, path, facts, family),
        flow=_flow(sources, path, facts, start) if runs else None,
        effects=effects_of(path, facts, family),
        faults=faults_of(path, facts, family),
        hot_spots=hot_spots_of(path, facts, material.text, family),
        tests=tests_of(engine, path, facts, dependents, frozenset({symbol.name})) if sources.known else None,
    )


def brief_lines(sources: Sources, material: Material, target: Target) -> Briefing:
    """What stands in a range of lines: which definitions it lies in or covers, and the facts of just these lines.

    Raises:
        UsageError: if the range begins after the last line.
    """
    path, facts, shown = material.path, material.facts, sources.shown(material.path)
    if is_binary(material.source):
        raise UsageError(f"{_called(shown)} is binary: it has no lines", hint=f"aiex explain {shown}")
    if target.start_line > facts.line_count:
        raise UsageError(
            f"{_called(shown)} has no line {target.start_line}: {_last_line(facts)}",
            hint=f"aiex explain {_end(shown, facts)}",
        )
    target = target._replace(path=path, end_line=min(target.end_line, facts.line_count))
    first, last = target.start_line, target.end_line
    touched = _touched(facts, first, last)
    inside = set(range(-1, len(facts.symbols)))
    here = _mostly(facts, touched, first, last)
    runs = here >= 0 and facts.symbols[here].kind in FUNCTIONS
    return Briefing(
        subject_of(material, target, "range"),
        _purpose_of_lines(path, facts, here, first, last),
        source=excerpt_of(material, first, last),
        symbols=tuple(item for item in outline_of(path, facts) if item.start_line <= last and item.end_line >= first),
        callers=callers_of(sources.graph, path, here) if sources.known and runs else None,
        callees=callees_of(sources.resolver, path, facts, inside, (first, last)),
        effects=tuple(item for item in effects_of(path, facts) if first <= item.line <= last),
        faults=tuple(item for item in faults_of(path, facts) if first <= item.line <= last),
        hot_spots=hot_spots_of(path, facts, material.text, set(touched)) if touched else None,
        needs=tuple(need for need in needs_of(sources.graph, path, facts) if first <= need.line <= last) or None,
    )


def _touched(facts: FileFacts, first: int, last: int) -> list[int]:
    """Definitions that hold the range or overlap it, outermost first in file order."""
    return [
        index for index, symbol in enumerate(facts.symbols) if symbol.start_line <= last and symbol.end_line >= first
    ]


def _called(shown: str) -> str:
    """What is explained in a sentence, where one would type `shown`."""
    return "standard input" if shown == STDIN else shown


def _end(shown: str, facts: FileFacts) -> Target:
    """The last lines of a file; the whole of it when it has none."""
    return Target(shown, max(1, facts.line_count - 20), facts.line_count) if facts.line_count else Target(shown)


def _last_line(facts: FileFacts) -> str:
    return f"its last line is {facts.line_count}" if facts.line_count else "it is empty"


def _mostly(facts: FileFacts, touched: list[int], first: int, last: int) -> int:
    """The definition that a range is about: the function with most of its lines, else the innermost one around it."""

    def shared(index: int) -> int:
        symbol = facts.symbols[index]
        return min(last, symbol.end_line) - max(first, symbol.start_line) + 1

    functions = [index for index in touched if facts.symbols[index].kind in FUNCTIONS]
    return max(functions, key=lambda index: (shared(index), index), default=innermost(facts, first))


def _purpose_of_lines(path: str, facts: FileFacts, here: int, first: int, last: int) -> Purpose:
    if here < 0:
        return Purpose("Code at the top of the file, outside any definition.", "its place", None)
    symbol = facts.symbols[here]
    said = readable(symbol.doc)
    verb = "Covers" if first <= symbol.start_line and symbol.end_line <= last else "Part of"
    words = f"{verb} `{symbol.qualified}`" + (f": {said}" if said else f", a {symbol.kind} without documentation.")
    return Purpose(words, "the definition there", Place(path, symbol.start_line))


def find_symbol(facts: FileFacts, target: Target) -> int:
    """The index of the named symbol: by full name, by its end, then by bare name; first definitions with a body win.

    Raises:
        UsageError: if there is none; the nearest names are offered.
    """
    wanted = target.symbol.replace("::", ".").replace("#", ".").strip(".").removesuffix("()")
    written = [symbol.qualified for symbol in facts.symbols]
    names = [name.replace("::", ".").replace("#", ".").removesuffix("()") for name in written]
    lower = [name.lower() for name in names]
    for known, asked in ((written, target.symbol), (names, wanted), (lower, wanted.lower())):
        for matches in (
            [index for index, name in enumerate(known) if name == asked],
            [index for index, name in enumerate(known) if name.endswith("." + asked)],
        ):
            if matches:
                return max(matches, key=lambda index: (_has_body(facts, index), -index))
    raise _unknown_symbol(facts, target, wanted, names)


def _has_body(facts: FileFacts, index: int) -> bool:
    return facts.complexity[index] > 0 or facts.symbols[index].kind in TYPES


def _unknown_symbol(facts: FileFacts, target: Target, wanted: str, names: list[str]) -> UsageError:
    from difflib import get_close_matches

    path = printable_path(target.path)
    what = f"no symbol '{printable_path(target.symbol)}' in {_called(path)}"
    if not names:
        why = f" ({facts.note})" if facts.note else ""
        return UsageError(f"{what}: nothing is defined there that could be found{why}", hint=f"aiex explain {path}")
    by_lower: dict[str, str] = {}
    for name in names:
        by_lower.setdefault(name.lower(), name)
        by_lower.setdefault(name.rsplit(".", 1)[-1].lower(), name)
    close = get_close_matches(wanted.lower(), list(by_lower), n=5, cutoff=0.5)
    tail = wanted.rsplit(".", 1)[-1].lower()
    close += get_close_matches(tail, list(by_lower), n=5, cutoff=0.6) if not close else []
    offered = list(dict.fromkeys(by_lower[name] for name in close))[:3]
    if offered:
        return UsageError(what, hint=f"did you mean {' or '.join(f'{path}::{name}' for name in offered)}?")
    return UsageError(what, hint=f"it defines {', '.join(names[:8])}{' …' if len(names) > 8 else ''}")


def callers_of(graph: "Graph", path: str, index: int) -> tuple[Caller, ...]:
    """Uses of a symbol: sure ones first, code before tests, by place."""
    found = {
        Caller(use.path, use.line, use.inside, use.kind, use.certainty, is_test(use.path))
        for use in graph.uses(path, {index})
    }
    return tuple(sorted(found, key=lambda use: (_CERTAINTY.get(use.certainty, 3), use.test, use.path, use.line)))


def callees_of(
    resolver: Resolver, path: str, facts: FileFacts, inside: set[int], lines: tuple[int, int] = (0, 1 << 30)
) -> tuple[Callee, ...]:
    """What some symbols call, each once, in the order of the first call."""
    found: dict[tuple[str, str], Callee] = {}
    for ref in facts.references:
        if ref.inside not in inside or ref.kind not in CALLS or not lines[0] <= ref.line <= lines[1]:
            continue
        key = (ref.receiver, ref.name)
        if key in found:
            found[key] = found[key]._replace(times=found[key].times + 1)
            continue
        target = resolver.resolve(path, facts, ref)
        if target is None:
            origin = _origin(resolver.graph, path, facts, head_of(ref))
            found[key] = Callee(written_call(ref), ref.line, None, "", origin, 1)
            continue
        home = facts if target.path == path else resolver.engine.facts(target.path)
        symbol = home.symbols[target.symbol] if 0 <= target.symbol < len(home.symbols) else None
        place = Place(target.path, symbol.start_line if symbol else 1)
        found[key] = Callee(written_call(ref), ref.line, place, symbol.qualified if symbol else "", "repository", 1)
    return tuple(found.values())


def _origin(graph: "Graph", path: str, facts: FileFacts, head: str) -> str:
    """Where a call leads that is not resolved: by the import that binds its first word `head`."""
    for item in facts.imports:
        if head == item.alias.split(".", 1)[0] or any(head == local for _, local in item.names):
            language = graph.names.language(path, facts)
            standard = language is not None and graph.names.is_standard(item, language)
            return "standard" if standard else origin_of(facts.language, item.module)
    return "unknown"
