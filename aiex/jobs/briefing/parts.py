"""Divides a directory into the parts a person thinks in, says what each is for, and in what order they build up."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from aiex.jobs.briefing.layers import layers
from aiex.jobs.briefing.model import Place
from aiex.jobs.briefing.names import Role, stem_of
from aiex.jobs.briefing.overview import Layer, Order, Part, PartEdge
from aiex.jobs.briefing.survey import Seen
from aiex.jobs.briefing.words import count, sentence

MOST_PARTS = 16
"""A dominating directory is opened while there are fewer parts than this."""
LOOSE_FILES = 40
"""Up to here files that lie directly in a directory are parts of their own."""
FRONT_NAMES = (
    "__init__.py", "lib.rs", "mod.rs", "index.js", "index.ts", "index.tsx", "index.mjs", "doc.go", "package-info.java",
    "main.rs", "__main__.py", "main.go", "__init__.pyi",
)  # fmt: skip

Division = dict[str, list[Seen]]
"""Part → its files. A part is a directory with a final `/`, `dir/*` for the files directly in one, or a file."""


def divide(seen: Sequence[Seen], base: str) -> Division:
    """Parts of a directory: its subdirectories and files, with a single or dominating subdirectory opened."""
    prefix = "" if base == "." else f"{base}/"
    parts = _children(seen, prefix)
    for _ in range(4):
        opened = _dominating(parts)
        if opened is None or len(parts) >= MOST_PARTS:
            break
        inner = _children(parts[opened], opened)
        others = {name: files for name, files in parts.items() if name != opened}
        parts = others | inner
    return dict(sorted(parts.items()))


def _children(seen: Sequence[Seen], prefix: str) -> Division:
    folders: Division = {}
    loose: list[Seen] = []
    for item in seen:
        folder, inner, _ = item.path[len(prefix) :].partition("/")
        if inner:
            folders.setdefault(f"{prefix}{folder}/", []).append(item)
        else:
            loose.append(item)
    telling = [item for item in loose if item.role == "code"]
    if len(telling) > LOOSE_FILES:
        folders[f"{prefix}*"] = loose
    else:
        folders |= {item.path: [item] for item in telling}
    return folders


def _dominating(parts: Division) -> str | None:
    """The directory with more than half of the code, if opening it can tell more."""
    weights = {name: sum(item.lines for item in files if item.role == "code") for name, files in parts.items()}
    total = sum(weights.values())
    if not total:
        return None
    name = max(sorted(weights), key=lambda part: weights[part])
    return name if name.endswith("/") and weights[name] * 2 > total else None


def describe_parts(division: Division, readme: Callable[[str], str]) -> tuple[Part, ...]:
    """What each part is for; `readme` gives the first paragraph of a directory's README."""
    return tuple(_part(name, files, readme) for name, files in division.items())


def _part(name: str, files: list[Seen], readme: Callable[[str], str]) -> Part:
    purpose, origin = _purpose(name, files, readme)
    lines = Counter[str]()
    for item in files:
        if item.language:
            lines[item.language] += item.lines
    languages = tuple(language for language, _ in sorted(lines.items(), key=lambda pair: (-pair[1], pair[0])))
    return Part(name, purpose, origin, len(files), sum(item.lines for item in files), languages, role_of_part(files))


def role_of_part(files: Sequence[Seen]) -> Role:
    """The role most lines of a part have; code wins when it is a fair share."""
    lines = Counter[Role]()
    for item in files:
        lines[item.role] += item.lines + 1
    if not lines:
        return "data"
    most = max(sorted(lines), key=lambda role: lines[role])
    return "code" if lines["code"] * 5 > lines.total() else most


def _purpose(name: str, files: list[Seen], readme: Callable[[str], str]) -> tuple[str, str]:
    if not name.endswith(("/", "*")):
        return files[0].purpose, "its documentation" if files[0].documented else "names"
    if name.endswith("*"):
        return _by_contents(name[:-1], files, None), "names"
    return purpose_of_folder(name, files, readme)


def purpose_of_folder(folder: str, files: list[Seen], readme: Callable[[str], str]) -> tuple[str, str]:
    """What a directory (with its final `/`, empty for the root) is for, and where the words come from."""
    front = _front(folder, files)
    if front is not None and front.documented:
        return front.purpose, front.path
    said = readme(folder.rstrip("/"))
    if said:
        return said, "its README"
    return _by_contents(folder, files, front), "names"


def _front(folder: str, files: list[Seen]) -> Seen | None:
    """The file that speaks for a directory."""
    own = {item.path[len(folder) :]: item for item in files}
    named = folder.rstrip("/").rsplit("/", 1)[-1]
    for name in FRONT_NAMES:
        if name in own and own[name].documented:
            return own[name]
    namesakes = [item for name, item in own.items() if item.documented and stem_of(name) == stem_of(named)]
    if named and namesakes:
        return min(namesakes, key=lambda item: (item.path.count("/"), item.path))
    if any(item.language == "go" for item in files):
        return next(
            (item for name, item in own.items() if "/" not in name and item.documented and item.role == "code"), None
        )
    return next((own[name] for name in FRONT_NAMES if name in own), None)


def _by_contents(folder: str, files: list[Seen], front: Seen | None) -> str:
    role = role_of_part(files)
    if role == "tests":
        cases = sum(item.cases for item in files)
        return f"tests: {count(cases, 'test function')}" if cases else "tests and their data"
    if role == "documentation":
        return "documentation"
    if role == "examples":
        names = sorted({item.path[len(folder) :].partition("/")[0] for item in files})
        return f"examples: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
    if front is not None and front.purpose:
        return sentence(front.purpose)
    code = sorted((item for item in files if item.role == "code"), key=lambda item: (-item.lines, item.path))
    names = [item.path[len(folder) :] for item in code[:5]]
    if not names:
        return role if role != "code" else ""
    said = sentence(code[0].purpose, 80) if len(code) < 4 else ""
    more = f" and {len(code) - 5} more" if len(code) > 5 else ""
    listed = f"holds {', '.join(names)}{more}"
    return (
        f"{listed}; the largest {said}"
        if said.startswith("defines")
        else f"{listed}" + (f"; {names[0]}: {said}" if said else "")
    )


def order_of(division: Division, is_deferred: Callable[[str, int], bool]) -> Order:
    """Which part builds on which, among the parts that are code.

    Args:
        is_deferred: Tells whether the import at a path and line runs later or only for types. Cycles that need such
            imports do no harm when the code is loaded and are no cycles here; asked about imports in cycles only.
    """
    units: dict[str, str] = {}
    for name, files in division.items():
        for item in files:
            if item.role == "code" and not item.vendored:
                units[item.path] = item.path if name.endswith("*") else name
    edges: dict[str, set[str]] = {unit: set() for unit in units.values()}
    counted: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], Place] = {}
    for files in division.values():
        for item in files:
            _count_edges(item, units, edges, counted, examples)
    stacked = layers(edges)
    if any(len(group) > 1 for layer in stacked for group in layer):
        stacked = layers(_without_deferred(stacked, edges, division, units, is_deferred))
    cycles = tuple(group for layer in stacked for group in layer if len(group) > 1)
    listed = sorted(counted, key=lambda pair: (-counted[pair], pair))
    return Order(
        tuple(Layer(tuple(layer)) for layer in stacked),
        tuple(PartEdge(*pair, counted[pair], examples[pair]) for pair in listed),
        cycles,
    )


def _without_deferred(
    stacked: list[list[tuple[str, ...]]],
    edges: Mapping[str, set[str]],
    division: Division,
    units: Mapping[str, str],
    is_deferred: Callable[[str, int], bool],
) -> dict[str, set[str]]:
    """The edges, those inside a cycle only where an import runs when its file is loaded."""
    group_of = {name: group for layer in stacked for group in layer for name in group}
    firm: dict[str, set[str]] = {
        unit: {other for other in others if group_of[other] != group_of[unit]} for unit, others in edges.items()
    }
    for files in division.values():
        for item in files:
            own = units.get(item.path, "")
            for target, line, _ in item.targets if own else ():
                other = units.get(target, own)
                if other != own and group_of[other] == group_of[own] and not is_deferred(item.path, line):
                    firm[own].add(other)
    return firm


def _count_edges(
    item: Seen,
    units: Mapping[str, str],
    edges: dict[str, set[str]],
    counted: "Counter[tuple[str, str]]",
    examples: dict[tuple[str, str], Place],
) -> None:
    own = units.get(item.path)
    if own is None:
        return
    for target, line, _ in item.targets:
        other = units.get(target)
        if other is not None and other != own:
            edges[own].add(other)
            counted[own, other] += 1
            examples.setdefault((own, other), Place(item.path, line))
