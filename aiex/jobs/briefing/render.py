"""A briefing as Markdown for a person: what matters first, every list bounded, places as `path:line`."""

import os
import re

from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.model import (
    METHOD,
    Briefing,
    Caller,
    Dependent,
    Fault,
    Flow,
    History,
    HotSpot,
    Needed,
    Outlined,
    Place,
    Step,
    Subject,
    Suite,
)
from aiex.jobs.briefing.names import FUNCTIONS, TYPES, is_hidden_name
from aiex.jobs.briefing.observations import COMPLEX, EFFECT_ORDER, LONG, stands_out
from aiex.jobs.briefing.section import Line, Section
from aiex.jobs.briefing.words import clip, count, sentence, size_words

SIGNATURE_CHARS = 110
LANGUAGE_NAMES = {
    "javascript": "JavaScript", "typescript": "TypeScript", "tsx": "TSX", "cpp": "C++", "html": "HTML", "css": "CSS",
    "json": "JSON", "yaml": "YAML", "toml": "TOML", "csharp": "C#", "php": "PHP",
}  # fmt: skip


class Links:
    """How places are written: `path:line`, relative to the directory one stands in."""

    def __init__(self, base: str = ".") -> None:
        self.base = base
        self._known: dict[str, str] = {}

    def path(self, path: str) -> str:
        """A path as it is shown; what is no text or could mislead is spelled out."""
        shown = self._known.get(path)
        if shown is None:
            shown = path if self.base in ("", ".") or path.startswith("/") else _relative(path, self.base)
            shown = self._known[path] = printable_path(shown)
        return shown

    def at(self, path: str, line: int) -> str:
        """A place."""
        return f"{self.path(path)}:{line}" if line > 0 else self.path(path)

    def place(self, place: Place) -> str:
        """A place."""
        return self.at(place.path, place.line)


def _relative(path: str, base: str) -> str:
    return os.path.relpath(path, base).replace(os.sep, "/")


def language_name(name: str) -> str:
    """A language as it is written."""
    return LANGUAGE_NAMES.get(name, name.capitalize())


def code(text: str, limit: int = SIGNATURE_CHARS) -> str:
    """Inline code on one line, clipped."""
    line = " ".join(text.split())
    line = line if len(line) <= limit else line[: limit - 1] + "…"
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def render_head(briefing: Briefing, links: Links) -> str:
    """The heading, one line of numbers, and what is odd about the target."""
    subject = briefing.subject
    rows = [f"# {_title(subject, links)}", "", _numbers(briefing, links)]
    rows += [f"\n> **Note:** {note}." for note in subject.notes]
    return "\n".join(rows)


def _title(subject: Subject, links: Links) -> str:
    shown = links.path(subject.path)
    if subject.kind == "symbol":
        return f"`{printable_path(subject.target.removeprefix(f'{subject.path}::'))}` in {shown}"
    if subject.kind == "range":
        return f"{shown}:{subject.start_line}" + (
            f"-{subject.end_line}" if subject.end_line > subject.start_line else ""
        )
    return shown + ("/" if subject.kind == "directory" and not shown.endswith("/") else "")


def _numbers(briefing: Briefing, links: Links) -> str:
    subject = briefing.subject
    facts = [language_name(subject.language)] if subject.language else []
    if subject.kind == "symbol" and briefing.symbols:
        symbol = briefing.symbols[0]
        facts += [
            symbol.kind,
            f"{links.at(subject.path, subject.start_line)}",
            count(subject.end_line - subject.start_line + 1, "line"),
        ]
        facts += [f"complexity {symbol.complexity}"] if symbol.complexity else []
        facts += [] if symbol.exported else ["internal"]
        return " · ".join(facts)
    if subject.kind == "range":
        which = f"lines {subject.start_line} to {subject.end_line}"
        which = which if subject.start_line < subject.end_line else f"line {subject.start_line}"
        facts.append(f"{which} of {subject.line_count:,}")
        return " · ".join(facts)
    facts += [count(subject.line_count, "line")] if subject.line_count else []
    facts.append(size_words(subject.size_bytes))
    facts += _defined(briefing.outline or ())
    return " · ".join(facts)


def _defined(outline: tuple[Outlined, ...]) -> list[str]:
    types = sum(item.kind in TYPES for item in outline)
    functions = sum(item.kind in FUNCTIONS for item in outline)
    return ([count(types, "type")] if types else []) + ([count(functions, "function")] if functions else [])


def code_sections(briefing: Briefing, links: Links) -> list[Section]:
    """The sections of a briefing on code, in the order of reading."""
    made = [
        purpose_section(briefing),
        _glance(briefing),
        _around(briefing, links),
        _source(briefing),
        _outline(briefing, links),
        _flow(briefing.flow, links),
        _callers(briefing, links),
        _callees(briefing, links),
        _needs(briefing.needs, links),
        _dependents(briefing.dependents, links),
        _effects(briefing, links),
        _faults(briefing.faults, links),
        hot_spots_section(briefing.hot_spots, links, whole=briefing.subject.kind == "file"),
        _tests(briefing.tests, links),
        history_section(briefing.history, links),
    ]
    return [section for section in made if section is not None]


def purpose_section(briefing: Briefing) -> Section | None:
    """What it is for, and how that is known."""
    purpose = briefing.purpose
    if purpose is None:
        return None
    said = clip(purpose.text, 700)
    return Section("Purpose", (Line(f"{said} *(from {purpose.origin})*"),), 1, 0, 1)


def _glance(briefing: Briefing) -> Section | None:
    if briefing.effects is None or briefing.outline is None or briefing.needs is None:
        return None
    rows = []
    if briefing.dependents is not None:
        rows.append(f"- used by {_usage(briefing.dependents)}")
    rows.append(f"- needs {_needed(briefing.needs)}")
    kinds = {effect.kind for effect in briefing.effects or ()}
    rows.append(f"- side effects seen: {', '.join(kind for kind in EFFECT_ORDER if kind in kinds) or 'none'}")
    worst = briefing.hot_spots[0] if briefing.hot_spots else None
    if worst is not None and stands_out(worst):
        rows.append(f"- hardest to change: `{worst.qualified}` ({_hardness(worst)})")
    if briefing.tests is not None:
        cases = sum(len(test.cases) for test in briefing.tests)
        rows.append(
            f"- tests: {count(len(briefing.tests), 'file')}, {count(cases, 'test')} by name"
            if briefing.tests
            else "- tests: none found"
        )
    return Section("At a glance", tuple(Line(row) for row in rows), 6, 1, 2)


def _usage(dependents: tuple[Dependent, ...]) -> str:
    files = {item.path for item in dependents if not item.test}
    tests = {item.path for item in dependents if item.test}
    if not dependents:
        return "nothing that imports it directly"
    parts = ([count(len(files), "file")] if files else []) + ([count(len(tests), "test file")] if tests else [])
    return " and ".join(parts)


def _needed(needs: tuple[Needed, ...]) -> str:
    def of(origin: str) -> int:
        return len({need.module for need in needs if need.origin == origin})

    parts = [
        count(of("repository"), "module of the repository", "modules of the repository"),
        f"{of('third-party')} third-party",
        f"{of('standard')} standard",
    ]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "nothing"


def _source(briefing: Briefing) -> Section | None:
    source = briefing.source
    if source is None:
        return None
    longest = max((len(run) for run in re.findall(r"`+", source.text)), default=0)
    fence = "`" * max(3, longest + 1)
    rows = tuple(Line(row) for row in source.text.split("\n"))
    opening = f"{fence}{briefing.subject.language}"
    title = "Source" if briefing.subject.kind != "file" else "How it begins"
    return Section(title, rows, 80, 3, 5, "lines", opening, fence)


def _around(briefing: Briefing, links: Links) -> Section | None:
    if briefing.subject.kind != "range" or not briefing.symbols:
        return None
    rows = tuple(_definition(item, links, item.depth) for item in briefing.symbols)
    return Section("Definitions here", rows, 15, 2, 1)


def _outline(briefing: Briefing, links: Links) -> Section | None:
    if not briefing.outline:
        return None
    lowest = min(item.depth for item in briefing.outline)
    rows = tuple(_definition(item, links, item.depth - lowest) for item in briefing.outline)
    title = "Outline" if briefing.subject.kind == "file" else "Members"
    return Section(title, rows, 45, 2, 4, "definitions")


def _definition(item: Outlined, links: Links, depth: int) -> Line:
    signature = item.signature or f"{item.kind} {item.name}"
    said = f" — {sentence(item.doc)}" if item.doc else ""
    hard = f" · complexity {item.complexity}" if item.complexity >= COMPLEX else ""
    text = f"{'  ' * min(depth, 4)}- {links.at(item.path, item.start_line)} {code(signature)}{said}{hard}"
    return Line(text, _rank(item))


def _rank(item: Outlined) -> float:
    """What goes first when there is no room: private and nested names, data, properties; what does much stays."""
    if item.kind in TYPES:
        return 0 if item.depth == 0 else 2
    private = 0 if item.exported and not is_hidden_name(item.name) else 3
    kind = 0 if item.kind in FUNCTIONS or item.kind in ("section", "key", "target", "rule") else 3
    return 1 + 2 * min(item.depth, 2) + private + kind + (item.kind == "property") - min(item.complexity, 10) / 10


def _flow(flow: Flow | None, links: Links) -> Section | None:
    if flow is None or not flow.steps:
        return None
    opening = f"From `{flow.start}` ({links.place(flow.place)}): {flow.why}.\n"
    rows: list[Line] = []
    outside: list[Step] = []
    for step in (*flow.steps, None):
        alike = step is not None and (not outside or (outside[-1].depth, outside[-1].note) == (step.depth, step.note))
        if step is not None and step.note in _UNKNOWN and alike:
            outside.append(step)
            continue
        if outside:
            rows.append(_outside(outside, links))
            outside = []
        if step is not None and step.note in _UNKNOWN:
            outside.append(step)
        elif step is not None:
            rows.append(_step(step, links))
    return Section("Flow", tuple(rows), 30, 4, 3, "calls", opening)


_UNKNOWN = ("outside", "not resolved")


def _step(step: Step, links: Links) -> Line:
    target = links.place(step.target) if step.target else ""
    last = step.call.replace("::", ".").rsplit(".", 1)[-1]
    named = f" `{step.qualified}`" if step.qualified and step.qualified.rsplit(".", 1)[-1] != last else ""
    note = f" ({step.note})" if step.note else ""
    indent = "  " * (step.depth - 1)
    text = f"{indent}- {links.at(step.path, step.line)} {code(step.call + '()', 70)} →{named} {target}{note}"
    return Line(text, 2 * step.depth)


def _outside(steps: list[Step], links: Links) -> Line:
    calls = ", ".join(code(step.call, 50) for step in steps[:6])
    rest = f" and {len(steps) - 6} more" if len(steps) > 6 else ""
    first = steps[0]
    return Line(
        f"{'  ' * (first.depth - 1)}- {links.at(first.path, first.line)} {first.note}: {calls}{rest}",
        2 * first.depth + 1,
    )


def _callers(briefing: Briefing, links: Links) -> Section | None:
    callers = briefing.callers
    if callers is None:
        return None
    title = "Called by" if briefing.subject.kind == "symbol" else "The function around these lines is called by"
    if not callers:
        return Section(
            title, (Line("Nothing found in the repository: an entry point, called dynamically, or unused."),), 1, 2, 1
        )
    return Section(title, tuple(_caller(use, links) for use in callers), 20, 2, 3, "uses")


def _caller(use: Caller, links: Links) -> Line:
    inside = f" in `{use.inside}`" if use.inside else " at the top of the file"
    doubt = " — by name only" if use.certainty == "name" else ""
    rank = (2 if use.certainty == "name" else 0) + (1 if use.test else 0)
    return Line(f"- {links.at(use.path, use.line)}{inside}{doubt}", rank)


def _callees(briefing: Briefing, links: Links) -> Section | None:
    callees = briefing.callees
    if not callees or (briefing.flow is not None and briefing.flow.steps):
        return None
    path = briefing.subject.path
    rows = []
    for item in callees:
        if item.target is not None:
            rows.append(
                Line(f"- {links.at(path, item.line)} {code(item.call + '()', 70)} → {links.place(item.target)}")
            )
    outside = [item for item in callees if item.target is None and item.origin in ("third-party", "standard")]
    rows += [Line(f"- {links.at(path, item.line)} {code(item.call + '()', 70)} ({item.origin})", 1) for item in outside]
    return Section("Calls", tuple(rows), 20, 4, 2, "calls") if rows else None


def _needs(needs: tuple[Needed, ...] | None, links: Links) -> Section | None:
    if not needs:
        return None
    rows = [Line(_inner_need(need, links)) for need in needs if need.origin == "repository"]
    for origin, label, rank in (
        ("third-party", "third-party", 1),
        ("standard", "standard library", 3),
        ("unknown", "not found", 2),
    ):
        group = [need for need in needs if need.origin == origin]
        if group:
            rows.append(Line(f"- {label}: {_need_list(group)}", rank))
    return Section("Depends on", tuple(rows), 18, 5, 2, "modules")


def _inner_need(need: Needed, links: Links) -> str:
    names = f": {_names(need.names)}" if need.names else ""
    where = " ".join(links.path(path) for path in need.paths[:2])
    more = f" and {len(need.paths) - 2} more" if len(need.paths) > 2 else ""
    return f"- {where}{more}{names} (line {need.line})"


def _need_list(needs: list[Needed]) -> str:
    modules: dict[str, list[str]] = {}
    for need in needs:
        modules.setdefault(need.module, []).extend(need.names)
    shown = [
        f"`{module}`" + (f" ({_names(tuple(names), 4)})" if names else "")
        for module, names in list(modules.items())[:14]
    ]
    return ", ".join(shown) + (f" and {len(modules) - 14} more" if len(modules) > 14 else "")


def _names(names: tuple[str, ...], limit: int = 6) -> str:
    unique = list(dict.fromkeys("everything" if name == "*" else name for name in names))
    return ", ".join(unique[:limit]) + (f" and {len(unique) - limit} more" if len(unique) > limit else "")


def _dependents(dependents: tuple[Dependent, ...] | None, links: Links) -> Section | None:
    if dependents is None:
        return None
    if not dependents:
        return Section("Used by", (Line("Nothing in the repository imports it directly."),), 1, 3, 1)
    rows = []
    for item in dependents:
        names = f": {_names(item.names)}" if item.names else ""
        via = f" (through {links.path(item.via)})" if item.via else ""
        rows.append(Line(f"- {links.at(item.path, item.line)}{names}{via}", 2 * int(item.test) + int(bool(via))))
    return Section("Used by", tuple(rows), 16, 3, 3, "places")


def _effects(briefing: Briefing, links: Links) -> Section | None:
    effects = briefing.effects
    if effects is None:
        return None
    if not effects:
        return Section("Side effects", (Line("None seen."),), 1, 6, 1)
    groups: dict[str, list[str]] = {}
    for item in effects:
        inside = f" in `{item.inside}`" if item.inside and briefing.subject.kind == "file" else ""
        groups.setdefault(item.kind, []).append(f"{links.at(item.path, item.line)} {code(item.what, 40)}{inside}")
    rows = []
    for kind, places in groups.items():
        rank = EFFECT_ORDER.index(kind) if kind in EFFECT_ORDER else len(EFFECT_ORDER)
        rest = f"; and {len(places) - 4} more" if len(places) > 5 else ""
        shown = places[:4] if rest else places
        rows.append(Line(f"- **{kind}**: {'; '.join(shown)}{rest}", rank))
    return Section("Side effects", tuple(rows), 12, 4, 1, "kinds")


def _faults(faults: tuple[Fault, ...] | None, links: Links) -> Section | None:
    if faults is None:
        return None
    told = [fault for fault in faults if fault.kind != "assert"]
    asserts = len(faults) - len(told)
    if not told:
        text = "None seen." if not asserts else f"Only {count(asserts, 'assertion')}."
        return Section("Error paths", (Line(text),), 1, 7, 1)
    rank = {"exit": 0, "raise": 1, "catch": 2}
    rows = [Line(_fault(fault, links), 1 if fault.note else rank.get(fault.kind, 3)) for fault in told]
    if asserts:
        rows.append(Line(f"- and {count(asserts, 'assertion')}", 4))
    return Section("Error paths", tuple(rows), 16, 6, 3, "places")


def _fault(fault: Fault, links: Links) -> str:
    inside = f" in `{fault.inside}`" if fault.inside else ""
    verb = {"raise": "raises", "catch": "catches", "exit": "ends the process"}.get(fault.kind, fault.kind)
    note = f" — **{fault.note}**" if fault.note else ""
    return f"- {links.at(fault.path, fault.line)} {verb}: {code(fault.what, 70)}{inside}{note}"


def hot_spots_section(spots: tuple[HotSpot, ...] | None, links: Links, *, whole: bool = True) -> Section | None:
    """What is hard to change; for a part of a file nothing is said when nothing stands out."""
    if not spots:
        return None
    if not stands_out(spots[0]) and not whole:
        return None
    if not stands_out(spots[0]):
        text = f"Nothing stands out; the most complex is `{spots[0].qualified}` ({_hardness(spots[0])})."
        return Section("Hot spots", (Line(text),), 1, 7, 1)
    rows = tuple(Line(f"- {links.at(spot.path, spot.line)} `{spot.qualified}`: {_hardness(spot)}") for spot in spots)
    return Section("Hot spots", rows, 8, 5, 2, f"functions above complexity {COMPLEX} or {LONG} lines")


def _hardness(spot: HotSpot) -> str:
    nested = f", nested {spot.nesting} deep" if spot.nesting > 3 else ""
    return f"complexity {spot.complexity}, {count(spot.line_count, 'line')}{nested}"


def _tests(tests: tuple[Suite, ...] | None, links: Links) -> Section | None:
    if tests is None:
        return None
    if not tests:
        return Section("Tests", (Line("No test imports it, is named after it, or mentions its names."),), 1, 6, 1)
    rows: list[Line] = []
    for position, test in enumerate(tests):
        rows.append(
            Line(
                f"- {links.path(test.path)} {test.why}" + (f", {_mentioning(len(test.cases))}:" if test.cases else ""),
                position,
            )
        )
        shown = sorted(test.cases, key=lambda case: -len(case.mentions))[:3]
        for case in shown:
            rows.append(
                Line(
                    f"  - {links.at(test.path, case.line)} `{case.name}` uses {_names(case.mentions, 4)}", position + 2
                )
            )
    return Section("Tests", tuple(rows), 16, 5, 2, "lines of tests")


def _mentioning(number: int) -> str:
    return f"{number} test{' mentions' if number == 1 else 's mention'} it"


def history_section(history: History | None, links: Links) -> Section | None:
    """What git remembers."""
    if history is None:
        return None
    number = len(history.commits)
    authors = ", ".join(f"{name} ({times})" for name, times in history.authors[:3])
    more = f" and {len(history.authors) - 3} more" if len(history.authors) > 3 else ""
    total = count(number, "commit") if history.complete else f"the last {count(number, 'commit')}"
    first, last = history.commits[-1].date, history.commits[0].date
    churn = f"+{history.lines_added:,} -{history.lines_removed:,} lines"
    span = f"on {last}" if first == last else f"from {first} to {last}"
    rows = [Line(f"- {total} {span} by {authors}{more}; {churn}")]
    rows += [Line(f"- {commit.id} {commit.date} {clip(commit.subject, 80)}", 1) for commit in history.commits[:6]]
    for label, items in (("changes together with", history.together), ("changed most", history.busiest)):
        if items:
            listed = ", ".join(f"{links.path(item.path)} ({item.commits})" for item in items[:6])
            rows.append(Line(f"- {label}: {listed}", 0))
    return Section("History", tuple(rows), 9, 8, 2, "lines")


def render_foot(cut: list[str]) -> str:
    """The line that says what kind of knowledge this is, and what was left out to fit."""
    said = f"*{METHOD}*"
    return f"*Cut to fit the budget: {', '.join(cut)}.*\n\n{said}" if cut else said
