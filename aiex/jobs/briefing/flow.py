"""What happens from a starting point on: calls in source order, followed into the repository a few levels deep."""

from typing import Any, NamedTuple

from aiex.context.facts import FileFacts, Reference
from aiex.jobs.briefing.model import Flow, Place, Step
from aiex.jobs.briefing.names import CALLS, FUNCTIONS, TYPES, is_hidden_name
from aiex.jobs.briefing.outline import family_of
from aiex.jobs.briefing.typed import Resolver

MAX_DEPTH = 3
MAX_STEPS = 60
BREADTH = {1: 30, 2: 8, 3: 5}
"""Most calls shown of one function, by depth."""
MODULE = -1

_SELF = frozenset({"", "self", "cls", "this", "super()", "Self", "@"})
_MAIN_NAMES = ("main", "Main", "run", "cli", "handler", "lambda_handler", "start", "app")
_COMMAND_DECORATORS = frozenset({"command", "group"})
_TRIVIAL_WORDS = """
len str int bool float list dict set tuple isinstance issubclass super getattr hasattr setattr type range
enumerate zip map filter sorted reversed min max sum any all repr iter next print format id hash callable vars
object property append extend get items keys values join split strip lstrip rstrip startswith endswith lower
upper replace encode decode pop add remove update insert index count copy sort clear setdefault discard union
rsplit partition rpartition splitlines isdigit title push slice concat forEach reduce indexOf includes find
some every then catch toString hasOwnProperty call apply bind charAt substring test match exec keys String
Number Boolean Array Object Error Symbol unwrap expect clone into iter iter_mut collect as_ref as_mut is_some
is_none is_ok is_err ok err to_string to_owned unwrap_or unwrap_or_else map_err and_then ok_or Some Ok Err
None Box Vec new default with_capacity is_empty make cap panic delete println sprintf Sprintf Errorf Println
Printf size length each to_s to_i to_sym nil? empty? first last raise require puts new push_back begin end
c_str equals hashCode valueOf is_nil is_binary is_list is_atom is_map is_integer is_function elem hd tl
inspect raise
"""
_TRIVIAL = frozenset(_TRIVIAL_WORDS.split())
"""Calls that tell nothing about the flow: conversions, containers and strings of the usual languages."""


class Start(NamedTuple):
    """Where the flow begins."""

    symbol: int
    """Its index, or MODULE for code at the top of the file."""
    from_line: int
    name: str
    why: str


def find_start(facts: FileFacts) -> Start | None:
    """The function that shows best what a file does: its entry point, else the one that reaches most of the file."""
    entry = _entry_start(facts)
    if entry is not None:
        return entry
    calls = calls_within(facts)
    named = _named_start(facts, calls)
    if named is not None:
        return named
    best = _most_central(facts, calls)
    loose = sum(1 for ref in facts.references if ref.inside == MODULE and ref.kind in CALLS)
    inner = len(facts.references) - loose
    if best is None or (loose > 5 and loose > inner):
        return Start(MODULE, 1, "the top of the file", "code that runs when the file is loaded") if loose > 1 else None
    return best


def calls_within(facts: FileFacts) -> dict[int, list[int]]:
    """For each function, the functions of the same file it calls by bare name or on itself, in order."""
    by_name: dict[str, list[int]] = {}
    for index, symbol in enumerate(facts.symbols):
        if symbol.kind in FUNCTIONS or symbol.kind in TYPES:
            by_name.setdefault(symbol.name, []).append(index)
    calls: dict[int, list[int]] = {}
    for ref in facts.references:
        if ref.kind in CALLS and ref.inside >= 0 and (ref.receiver in _SELF or _is_receiver(facts, ref)):
            called = _same_file(facts, ref, by_name)
            if called is not None and called != ref.inside:
                calls.setdefault(ref.inside, []).append(called)
    return calls


def _is_receiver(facts: FileFacts, ref: Reference) -> bool:
    """Whether a call is made on the receiver that a Go method names: `func (e *Engine) …`."""
    return facts.symbols[ref.inside].signature.startswith(f"func ({ref.receiver} ")


def _same_file(facts: FileFacts, ref: Reference, by_name: dict[str, list[int]]) -> int | None:
    candidates = by_name.get(ref.name)
    if not candidates:
        return None
    symbol = facts.symbols[ref.inside]
    if ref.receiver and symbol.qualified != symbol.name and symbol.parent < 0:  # Go: the owner is in the name
        owner = symbol.qualified.rpartition(".")[0]
        return next((index for index in candidates if facts.symbols[index].qualified == f"{owner}.{ref.name}"), None)
    wanted = symbol.parent if ref.receiver else -1
    return next((index for index in candidates if facts.symbols[index].parent == wanted), candidates[0])


def _entry_start(facts: FileFacts) -> Start | None:
    if not facts.entry_line:
        return None
    for index, symbol in enumerate(facts.symbols):
        if symbol.kind in FUNCTIONS and symbol.start_line <= facts.entry_line <= symbol.end_line:
            return Start(index, symbol.start_line, symbol.qualified, "the entry point of the program")
    return Start(MODULE, facts.entry_line, "the main guard", "what a run of this file does")


def _named_start(facts: FileFacts, calls: dict[int, list[int]]) -> Start | None:
    decorated = {ref.inside for ref in facts.references if ref.kind == "decorate" and ref.name in _COMMAND_DECORATORS}
    most = max((len(_reachable(index, calls)) for index in calls), default=0)
    top = [
        (index, symbol)
        for index, symbol in enumerate(facts.symbols)
        if symbol.kind in FUNCTIONS and symbol.parent < 0 and _leads_somewhere(index, symbol.name, calls, most)
    ]
    for name in _MAIN_NAMES:
        for index, symbol in top:
            if symbol.name == name:
                return Start(
                    index, symbol.start_line, symbol.qualified, f"its name, `{name}`, says that work begins here"
                )
    for index, symbol in top:
        if index in decorated:
            return Start(index, symbol.start_line, symbol.qualified, "a command of the command line")
    return None


def _leads_somewhere(index: int, name: str, calls: dict[int, list[int]], most: int) -> bool:
    """Whether a name that promises a beginning keeps the promise: `main` does, others must reach a fair part."""
    return name in ("main", "Main") or (bool(calls.get(index)) and 3 * len(_reachable(index, calls)) >= most)


def _most_central(facts: FileFacts, calls: dict[int, list[int]]) -> Start | None:
    functions = [index for index, symbol in enumerate(facts.symbols) if symbol.kind in FUNCTIONS]
    if not functions:
        return None
    busy: dict[int, int] = {}
    bound = bound_by_imports(facts)
    for ref in facts.references:
        if ref.kind in CALLS and ref.name not in _TRIVIAL:
            weight = 2 if head_of(ref) in bound else int(bool(ref.receiver))
            busy[ref.inside] = busy.get(ref.inside, 0) + weight
    running = set(functions)
    reach = {index: len(_reachable(index, calls) & running) for index in functions}

    def worth(index: int) -> tuple[int, int, int, int]:
        symbol = facts.symbols[index]
        public = symbol.exported and not is_hidden_name(symbol.name)
        own = min(len(set(calls.get(index, ()))), 6) if reach[index] else 0  # a function that only forwards tells less
        return (reach[index] * (2 if public else 1) + own, int(public), busy.get(index, 0), -index)

    functions = [index for index in functions if facts.symbols[index].kind != "test"] or functions
    best = max(functions, key=worth)
    symbol = facts.symbols[best]
    if not reach[best] and not busy.get(best):
        return None
    count = reach[best]
    why = (
        f"it reaches {count} of the {len(running)} functions here, as much as any does"
        if count
        else "it makes the most calls here"
    )
    return Start(best, symbol.start_line, symbol.qualified, why)


def _reachable(start: int, calls: dict[int, list[int]]) -> set[int]:
    seen: set[int] = set()
    waiting = list(calls.get(start, ()))
    while waiting:
        index = waiting.pop()
        if index not in seen and index != start:
            seen.add(index)
            waiting.extend(calls.get(index, ()))
    return seen


def follow(resolver: Resolver, path: str, facts: FileFacts, start: Start) -> Flow:
    """The flow from a start: calls in the order of the source, the known ones followed up to three levels deep."""
    walk = _Walk(resolver)
    walk.visit(path, facts, start.symbol, start.from_line, 1)
    return Flow(start.name, start.why, Place(path, start.from_line), tuple(walk.steps), walk.left_out)


def flow_from_json(row: Any) -> Flow:
    """The flow that was kept as JSON."""
    name, why, place, steps, left_out = row
    return Flow(
        name,
        why,
        Place(*place),
        tuple(
            Step(depth, call, path, line, Place(*target) if target else None, qualified, note)
            for depth, call, path, line, target, qualified, note in steps
        ),
        left_out,
    )


class _Walk:
    """Collects steps; remembers what was shown, so that nothing is unfolded twice and cycles end."""

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.engine = resolver.engine
        self.steps: list[Step] = []
        self.left_out = 0
        self.open: list[tuple[str, int]] = []
        self.shown: set[tuple[str, int]] = set()
        self._bound: dict[str, frozenset[str]] = {}

    def bound(self, path: str, facts: FileFacts) -> frozenset[str]:
        """What the imports of a file bind."""
        if path not in self._bound:
            self._bound[path] = bound_by_imports(facts)
        return self._bound[path]

    def visit(self, path: str, facts: FileFacts, index: int, from_line: int, depth: int) -> None:
        """Add the calls of one function; for the module, those from a line on."""
        inside = family_of(facts, index) if index >= 0 else {MODULE}
        self.open.append((path, index))
        self.shown.add((path, index))
        seen: set[tuple[str, str]] = set()
        room = BREADTH[depth]
        for ref in facts.references:
            if ref.inside not in inside or ref.kind not in CALLS or ref.line < from_line:
                continue
            if (ref.receiver, ref.name) in seen:
                continue
            seen.add((ref.receiver, ref.name))
            step, target = self.step(path, facts, ref, depth, inside)
            if step is None:
                continue
            if room <= 0 or len(self.steps) >= MAX_STEPS:
                self.left_out += 1
                continue
            room -= 1
            self.steps.append(step)
            if target is not None and not step.note:
                self.enter(target, depth)
        self.open.pop()

    def step(
        self, path: str, facts: FileFacts, ref: Reference, depth: int, inside: set[int]
    ) -> tuple[Step | None, tuple[str, int] | None]:
        """One call as a step, and the function to unfold; nothing for calls that say nothing."""
        written = written_call(ref)
        target = self.resolver.resolve(path, facts, ref) if ref.name not in _TRIVIAL or ref.receiver in _SELF else None
        if target is None or target == (path, ref.inside):
            if (
                ref.name in _TRIVIAL
                or depth > 1
                or "(" in ref.receiver
                or not _worth_naming(ref, self.bound(path, facts))
            ):
                return None, None
            note = "outside" if head_of(ref) in self.bound(path, facts) else "not resolved"
            return Step(depth, written, path, ref.line, None, "", note), None
        home = self.engine.facts(target.path) if target.path != path else facts
        if not 0 <= target.symbol < len(home.symbols):
            return Step(depth, written, path, ref.line, Place(target.path, 1), "", ""), None
        symbol = home.symbols[target.symbol]
        key = (target.path, target.symbol)
        if target.path == path and target.symbol in inside and target.symbol != self.open[-1][1]:
            return None, None  # a function defined inside: its calls are listed here already
        note = "recursive" if key in self.open else "shown above" if key in self.shown else ""
        place = Place(target.path, symbol.start_line)
        return Step(depth, written, path, ref.line, place, symbol.qualified, note), key

    def enter(self, target: tuple[str, int], depth: int) -> None:
        """Unfold what was called: a function, or the constructor of a type."""
        path, index = target
        facts = self.engine.facts(path)
        if facts.symbols[index].kind in TYPES:
            self.shown.add(target)
            index = constructor_of(facts, index)
        if index >= 0 and depth < MAX_DEPTH and facts.symbols[index].kind in FUNCTIONS:
            self.visit(path, facts, index, 0, depth + 1)


def constructor_of(facts: FileFacts, index: int) -> int:
    """The constructor of a type, -1 when it has none of its own."""
    for other, symbol in enumerate(facts.symbols):
        if symbol.parent == index and (
            symbol.kind == "constructor" or symbol.name in ("__init__", "initialize", "new")
        ):
            return other
    return -1


def _worth_naming(ref: Reference, bound: frozenset[str]) -> bool:
    """True for calls without a known target that still tell something: imported names, and methods of values."""
    return head_of(ref) in bound or (ref.receiver not in _SELF and ref.receiver.count(".") < 2)


def written_call(ref: Reference) -> str:
    """A call as the source has it, without its arguments."""
    return f"{ref.receiver}.{ref.name}" if ref.receiver else ref.name


def head_of(ref: Reference) -> str:
    """The first word of a call: what an import binds."""
    return (ref.receiver or ref.name).split(".", 1)[0].split("::", 1)[0]


def bound_by_imports(facts: FileFacts) -> frozenset[str]:
    """The local names that imports bind."""
    bound = {item.alias.split(".", 1)[0] for item in facts.imports}
    bound.update(local for item in facts.imports for _, local in item.names)
    return frozenset(bound - {""})
