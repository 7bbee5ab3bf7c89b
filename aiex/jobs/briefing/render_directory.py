"""The sections of a briefing on a directory."""

from aiex.jobs.briefing.model import Briefing
from aiex.jobs.briefing.overview import EntryPoint, External, LanguageShare, Order, Part, TestLayout
from aiex.jobs.briefing.render import (
    Links,
    code,
    history_section,
    hot_spots_section,
    language_name,
    purpose_section,
)
from aiex.jobs.briefing.section import Line, Section
from aiex.jobs.briefing.words import clip, count, sentence, size_words

_ROLE_RANK = {"code": 0, "tests": 2, "documentation": 3, "examples": 3, "configuration": 4, "data": 5}


def directory_sections(briefing: Briefing, links: Links) -> list[Section]:
    """The sections, in the order of reading."""
    made = [
        purpose_section(briefing),
        _glance(briefing),
        _parts(briefing.parts, links),
        _entry_points(briefing.entry_points, links),
        _read_first(briefing, links),
        _order(briefing.order, links),
        _external(briefing.external, links),
        _tests(briefing.test_layout, links),
        hot_spots_section(briefing.hot_spots, links),
        _largest(briefing, links),
        _languages(briefing.languages),
        history_section(briefing.history, links),
    ]
    return [section for section in made if section is not None]


def _glance(briefing: Briefing) -> Section | None:
    shares = briefing.languages or ()
    files = sum(share.files for share in shares)
    if not files:
        return None
    named = [share for share in shares if share.language]
    mostly = ", ".join(language_name(share.language) for share in named[:3]) or "not code"
    rows = [f"- {count(files, 'file')}, mostly {mostly}"]
    commands = [
        point.name for point in briefing.entry_points or () if point.kind in ("console script", "command", "cargo bin")
    ]
    if commands:
        rows.append(f"- commands: {', '.join(f'`{name}`' for name in commands[:5])}")
    order = briefing.order
    if order and order.layers:
        groups = sum(len(layer.groups) for layer in order.layers)
        cyclic = f", {count(len(order.cycles), 'cycle')}" if order.cycles else ", no cycles when loaded"
        rows.append(
            f"- {count(groups, 'group')} of parts in {count(len(order.layers), 'layer')}{cyclic}"
            if groups > 1
            else "- one part"
        )
    if briefing.external:
        rows.append(f"- {count(len(briefing.external), 'external package')}")
    tests = briefing.test_layout
    cases = f"{count(tests.cases, 'function')} in " if tests and tests.cases else ""
    rows.append(f"- tests: {cases}{count(tests.files, 'file')}" if tests else "- tests: none in it")
    return Section("At a glance", tuple(Line(row) for row in rows), 6, 1, 2)


def _parts(parts: tuple[Part, ...] | None, links: Links) -> Section | None:
    if not parts:
        return None
    ordered = sorted(enumerate(parts), key=lambda item: (_ROLE_RANK[item[1].role] > 1, item[0]))
    rows = [Line(_part(part, links), _weight(part, position / len(parts))) for position, part in ordered]
    return Section("Parts", tuple(rows), 24, 2, 4, "parts")


def _weight(part: Part, position: float) -> float:
    """The rank of a part: code before the rest, large before small."""
    return 10 * _ROLE_RANK[part.role] + (900 / (100 + part.lines) if part.role == "code" else 9 * position)


def _part(part: Part, links: Links) -> str:
    shown = links.path(part.path.rstrip("/*")) + (
        "/" if part.path.endswith("/") else "/*" if part.path.endswith("*") else ""
    )
    languages = ", ".join(language_name(name) for name in part.languages[:2])
    size = f"{count(part.files, 'file')}, " if part.path.endswith(("/", "*")) else ""
    numbers = f"{size}{count(part.lines, 'line')}" + (f", {languages}" if languages and size else "")
    said = f": {sentence(part.purpose, 130)}" if part.purpose else ""
    return f"- **{shown}** ({numbers}){said}"


def _entry_points(points: tuple[EntryPoint, ...] | None, links: Links) -> Section | None:
    if points is None:
        return None
    if not points:
        return Section("Entry points", (Line("None found: a library, or started by something outside."),), 1, 3, 1)
    rows = []
    for position, point in enumerate(points):
        what = f" — {clip(point.what, 90)}" if point.what else ""
        name = "" if point.kind == "main" else f" `{point.name}`"
        rows.append(Line(f"- {links.place(point.place)} {point.kind}{name}{what}", position))
    return Section("Entry points", tuple(rows), 12, 2, 2, "entry points")


def _read_first(briefing: Briefing, links: Links) -> Section | None:
    if not briefing.read_first:
        return None
    rows = [
        Line(f"{number}. {links.path(item.path)} ({count(item.lines, 'line')}): {clip(item.reason, 150)}", number)
        for number, item in enumerate(briefing.read_first, 1)
    ]
    return Section("Read first", tuple(rows), 10, 1, 3, "files")


def _order(order: Order | None, links: Links) -> Section | None:
    if order is None or sum(len(group) for layer in order.layers for group in layer.groups) < 2:
        return None
    needed: dict[str, int] = {}
    for edge in order.edges:
        needed[edge.target] = needed.get(edge.target, 0) + edge.imports
        needed[edge.source] = needed.get(edge.source, 0) - edge.imports
    rows: list[Line] = []
    for number, layer in enumerate(order.layers, 1):
        single = [links.path(group[0]) for group in layer.groups if len(group) == 1]
        circles = [group for group in layer.groups if len(group) > 1]
        listed = ", ".join(single[:12]) + (f" and {len(single) - 12} more" if len(single) > 12 else "")
        circled = [_circle(sorted(group, key=lambda name: -needed.get(name, 0)), links) for group in circles[:3]]
        rows.append(Line(f"{number}. {'; '.join([listed, *circled] if listed else circled)}", 0 if circles else 1))
    for edge in [edge for edge in order.edges if edge.imports > 1][:5]:
        rows.append(Line(f"- {links.path(edge.source)} → {links.path(edge.target)}: {count(edge.imports, 'import')}, "
                         f"for example {links.place(edge.example)}", 2))  # fmt: skip
    opening = "Each layer needs only layers above it in this list.\n"
    return Section("Dependency order", tuple(rows), 18, 3, 3, "lines", opening)


def _circle(group: list[str], links: Links) -> str:
    """A cycle, its parts from those that are needed most to those that need most."""
    named = ", ".join(links.path(name) for name in group[:12])
    return f"a cycle of {len(group)}, what is needed most first: {named}{' …' if len(group) > 12 else ''}"


def _external(external: tuple[External, ...] | None, links: Links) -> Section | None:
    if not external:
        return None
    rows = []
    declared = [item for item in external if item.manifest]
    loose = [item for item in external if not item.manifest]
    for position, item in enumerate(declared):
        required = f" {code(item.required, 40)}" if item.required else ""
        where = f" required at {links.place(item.manifest)}" if item.manifest else ""
        used = f", imported by {count(item.files, 'file')}" if item.files else ", not imported by name"
        first = f" (first {links.place(item.example)})" if item.example else ""
        rows.append(Line(f"- {item.name}{required}:{where}{used}{first}", position))
    if loose:
        listed = ", ".join(f"{item.name} ({item.files})" for item in loose[:16])
        more = f" and {len(loose) - 16} more" if len(loose) > 16 else ""
        rows.append(Line(f"- imported, but in no manifest that was read (files): {listed}{more}", len(declared) // 2))
    return Section("External dependencies", tuple(rows), 14, 5, 3, "packages")


def _tests(tests: TestLayout | None, links: Links) -> Section | None:
    if tests is None:
        return None
    framework = f" with {tests.framework}" if tests.framework else ""
    cases = f"{count(tests.cases, 'test function')} in " if tests.cases else ""
    head = f"- {cases}{count(tests.files, 'file')}, {count(tests.lines, 'line')}{framework}"
    rows = [
        Line(head),
        *(Line(f"- {links.path(folder)}/: {count(files, 'file')}", 1) for folder, files in tests.directories),
    ]
    return Section("Tests", tuple(rows), 7, 4, 1, "directories")


def _largest(briefing: Briefing, links: Links) -> Section | None:
    if not briefing.largest:
        return None
    rows = [
        Line(f"- {links.path(item.path)}: {_lines(item.lines)}{size_words(item.size_bytes)}")
        for item in briefing.largest
    ]
    return Section("Largest files", tuple(rows), 6, 7, 3, "files")


def _languages(shares: tuple[LanguageShare, ...] | None) -> Section | None:
    if not shares:
        return None
    head = "| language | files | lines | size |\n|---|---:|---:|---:|"
    rows = [Line(_share(share)) for share in shares]
    return Section("Languages", tuple(rows), 8, 6, 1, "languages", head)


def _share(share: LanguageShare) -> str:
    name = language_name(share.language) if share.language else "other"
    return f"| {name} | {share.files:,} | {share.lines:,} | {size_words(share.size_bytes)} |"


def _lines(number: int) -> str:
    return f"{count(number, 'line')}, " if number else ""
