"""A briefing as plain values: everything static analysis says about a target, whole and in a stable order.

Field names are the names in the JSON form (`docs/reference/briefing.md`). Lines count from 1; paths are relative to the
root and use `/`. A section that does not apply is None, one that applies and found nothing is empty.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from aiex.jobs.briefing.overview import (
        EntryPoint,
        External,
        LanguageShare,
        LargeFile,
        Order,
        Part,
        Reading,
        TestLayout,
    )

SCHEMA = "aiex.briefing/1"
METHOD = (
    "Static analysis: read from the source without running it. It cannot see calls made through dynamic dispatch, "
    "reflection, generated code or configuration, and it resolves names without types."
)

Kind = Literal["file", "symbol", "range", "directory"]


class Place(NamedTuple):
    """A line in a file; line 0 means the file as a whole."""

    path: str
    line: int


class Subject(NamedTuple):
    """What is explained."""

    kind: Kind
    target: str
    """As one would type it."""
    path: str
    """Relative to the root; the given name for standard input."""
    start_line: int
    end_line: int
    language: str
    """Empty when it is not known."""
    line_count: int
    size_bytes: int
    parsed: str
    """full, partial or fallback."""
    notes: tuple[str, ...]
    """Why the facts are less than full, in plain words."""


class Purpose(NamedTuple):
    """What it is for, and how that is known."""

    text: str
    origin: str
    """Where the words come from: `module documentation`, `README.md`, `names` …"""
    place: Place | None


class Outlined(NamedTuple):
    """One definition."""

    name: str
    qualified: str
    kind: str
    signature: str
    doc: str
    path: str
    start_line: int
    end_line: int
    depth: int
    """Nesting: 0 at the top of the file."""
    exported: bool
    complexity: int
    """Cyclomatic; 0 for what has no body."""


class Needed(NamedTuple):
    """Something the target imports."""

    module: str
    """As written."""
    origin: str
    """repository, third-party, standard, or unknown."""
    paths: tuple[str, ...]
    """Files of the repository it leads to."""
    names: tuple[str, ...]
    """What is imported from it."""
    line: int


class Dependent(NamedTuple):
    """A place that imports the target."""

    path: str
    line: int
    names: tuple[str, ...]
    """What it takes; empty for the module as a whole."""
    via: str
    """The file that passes the names on; empty when the import is direct."""
    test: bool


class Step(NamedTuple):
    """A call in the flow, in the order of the source."""

    depth: int
    """1 for a call of the start itself."""
    call: str
    """As written, without arguments."""
    path: str
    line: int
    target: Place | None
    """Where the called thing is defined; None when that is outside the repository or not known."""
    qualified: str
    """The name of the called thing in its file."""
    note: str
    """recursive, shown above, outside (of an imported module), not resolved, or empty."""


class Flow(NamedTuple):
    """What happens from a starting point on."""

    start: str
    why: str
    """Why this is where to start."""
    place: Place
    steps: tuple[Step, ...]
    left_out: int
    """Calls not followed because the flow is long enough."""


class Effect(NamedTuple):
    """A side effect seen in the source."""

    kind: str
    """network, database, process, file, environment, state, code, thread, input, output, time or random."""
    what: str
    """The call or name that does it, as written."""
    path: str
    line: int
    inside: str
    """The definition that does it; empty at the top of the file."""


class Fault(NamedTuple):
    """A place where an error is raised or caught, or the process ends."""

    kind: str
    """raise, catch, exit, assert."""
    what: str
    path: str
    line: int
    inside: str
    note: str
    """`catches everything` and the like; mostly empty."""


class HotSpot(NamedTuple):
    """A definition that is hard to change safely."""

    qualified: str
    path: str
    line: int
    complexity: int
    line_count: int
    nesting: int
    """Deepest indentation inside; 0 when it was not measured."""


class SuiteCase(NamedTuple):
    """A test that mentions the target."""

    name: str
    line: int
    mentions: tuple[str, ...]


class Suite(NamedTuple):
    """A file of tests that touches the target."""

    path: str
    why: str
    cases: tuple[SuiteCase, ...]


class Commit(NamedTuple):
    """One commit that touched the target."""

    id: str
    date: str
    author: str
    subject: str


class Together(NamedTuple):
    """A file and the number of commits that changed it."""

    path: str
    commits: int


class History(NamedTuple):
    """What git remembers; commits newest first."""

    commits: tuple[Commit, ...]
    authors: tuple[tuple[str, int], ...]
    """Names with their number of commits, most first."""
    lines_added: int
    lines_removed: int
    complete: bool
    """False when there are more commits than were read, or the clone is shallow."""
    together: tuple[Together, ...]
    busiest: tuple[Together, ...]
    """For a directory: the files with the most commits."""


class Caller(NamedTuple):
    """A use of the symbol."""

    path: str
    line: int
    inside: str
    """The definition that uses it; empty at the top of the file."""
    kind: str
    """call, new, inherit, decorate, type …"""
    certainty: str
    """import or scope: resolved; name: only the name agrees."""
    test: bool


class Callee(NamedTuple):
    """Something the symbol calls."""

    call: str
    line: int
    target: Place | None
    qualified: str
    origin: str
    """repository, third-party, standard, or unknown."""
    times: int


class Excerpt(NamedTuple):
    """Source text, without the final newline."""

    path: str
    start_line: int
    end_line: int
    text: str


class Briefing(NamedTuple):
    """Everything known about a target."""

    subject: Subject
    purpose: Purpose | None = None
    """What it is for."""
    source: Excerpt | None = None
    """The source of a symbol or a range; how a text begins that could not be parsed."""
    symbols: tuple[Outlined, ...] | None = None
    """What a range covers or lies in, or the symbol itself."""
    outline: tuple[Outlined, ...] | None = None
    """What it defines, in file order."""
    needs: tuple[Needed, ...] | None = None
    """What it imports."""
    dependents: tuple[Dependent, ...] | None = None
    """Who imports it."""
    callers: tuple[Caller, ...] | None = None
    """Uses of the symbol, or of the function around the range."""
    callees: tuple[Callee, ...] | None = None
    """What the symbol or the range calls, each once."""
    flow: Flow | None = None
    """What happens from the main function on."""
    effects: tuple[Effect, ...] | None = None
    """Side effects seen."""
    faults: tuple[Fault, ...] | None = None
    """Where errors are raised and caught."""
    hot_spots: tuple[HotSpot, ...] | None = None
    """What is hard to change, worst first; the most complex function alone when nothing stands out."""
    tests: tuple[Suite, ...] | None = None
    """Tests that touch it."""
    history: History | None = None
    """What git remembers; left out without git."""
    parts: "tuple[Part, ...] | None" = None
    """What a directory consists of."""
    entry_points: "tuple[EntryPoint, ...] | None" = None
    """Where runs begin."""
    order: "Order | None" = None
    """Which part builds on which."""
    read_first: "tuple[Reading, ...] | None" = None
    """The files to begin with, best first."""
    external: "tuple[External, ...] | None" = None
    """Packages outside the repository."""
    test_layout: "TestLayout | None" = None
    """How the tests lie."""
    largest: "tuple[LargeFile, ...] | None" = None
    """The largest files."""
    languages: "tuple[LanguageShare, ...] | None" = None
    """Lines by language."""


def to_data(briefing: Briefing) -> dict[str, Any]:
    """The whole briefing as JSON data; sections that do not apply are left out."""
    sections = {
        name: _plain(value)
        for name, value in zip(briefing._fields, briefing, strict=True)
        if name != "subject" and value is not None
    }
    return {"schema": SCHEMA, "method": METHOD, **_plain(briefing.subject), **sections}


def _plain(value: Any) -> Any:
    fields = getattr(value, "_fields", None)
    if fields is not None:
        return {name: _plain(inner) for name, inner in zip(fields, value, strict=True)}
    if isinstance(value, tuple):
        return [_plain(inner) for inner in value]
    return value
