"""Which files of a directory to read first, and why."""

from collections.abc import Sequence
from math import log2

from aiex.jobs.briefing.names import Role
from aiex.jobs.briefing.overview import EntryPoint, Reading
from aiex.jobs.briefing.parts import FRONT_NAMES
from aiex.jobs.briefing.survey import Seen
from aiex.jobs.briefing.words import sentence

FILES = 10
LONG_FILE = 1_200
"""Lines from which a file is costly to read first."""
_GUIDES = ("ARCHITECTURE", "CONTRIBUTING", "DESIGN", "HACKING", "DEVELOPMENT", "OVERVIEW")


def files_to_read(seen: Sequence[Seen], entry_points: Sequence[EntryPoint], readme: str) -> tuple[Reading, ...]:
    """The ten files to begin with, best first; the README leads.

    Worth: entry points and commands, how many files of code need it (by logarithm), how much it ties together, fronts
    of packages, documentation; against length. Tests, examples, data and vendored code stay out.
    """
    needed_by = count_dependents(seen)
    tested_by = count_dependents(seen, "tests")
    starts = entry_files(seen, entry_points)
    shallow = min((item.path.count("/") for item in seen if item.role == "code"), default=0)
    ranked: list[tuple[float, str, Reading]] = []
    for item in seen:
        if item.path == readme or item.vendored:
            continue
        worth, reasons = _judge(item, needed_by.get(item.path, 0.0), starts.get(item.path, ""), shallow)
        worth += 0.5 * log2(1 + tested_by.get(item.path, 0.0)) if worth > 0 else 0.0
        if worth > 0:
            ranked.append((-worth, item.path, Reading(item.path, "; ".join(reasons), item.lines)))
    ranked.sort()
    first = [
        Reading(item.path, "what the project says about itself", item.lines) for item in seen if item.path == readme
    ]
    return tuple((first + [reading for _, _, reading in ranked])[:FILES])


def count_dependents(seen: Sequence[Seen], role: Role = "code") -> dict[str, float]:
    """How many files of a role import each file; an import of a package of many files counts for a share of each."""
    counted: dict[str, float] = {}
    for item in seen:
        if item.role == role and not item.vendored:
            for target, _, share in item.targets:
                counted[target] = counted.get(target, 0.0) + share
    return counted


def entry_files(seen: Sequence[Seen], entry_points: Sequence[EntryPoint]) -> dict[str, str]:
    """Files where runs begin, with the words that say so."""
    found: dict[str, str] = {}
    known = {item.path for item in seen}
    for point in entry_points:
        if point.kind == "main":
            found.setdefault(point.place.path, "a run begins here")
            continue
        if point.kind not in ("console script", "command", "package entry", "cargo bin"):
            continue
        for path in _files_meant(point, known):
            found[path] = f"{point.kind} `{point.name}`"
    return found


def _files_meant(point: EntryPoint, known: set[str]) -> list[str]:
    """Files that `package.module:function` or `./lib/index.js` means."""
    folder = point.place.path.rpartition("/")[0]
    what = point.what.partition(":")[0].strip()
    if "/" in what or what.endswith((".js", ".mjs", ".cjs", ".ts", ".rs")):
        path = "/".join(part for part in (folder, *what.split("/")) if part not in ("", "."))
        return [path] if path in known else []
    tail = what.replace(".", "/")
    wanted = (f"{tail}.py", f"{tail}/__init__.py", f"{tail}/__main__.py")
    return [path for path in sorted(known) if path.endswith(wanted) and _rooted(path, wanted)][:1]


def _rooted(path: str, wanted: tuple[str, ...]) -> bool:
    return any(path == ending or path.endswith("/" + ending) for ending in wanted)


def _judge(item: Seen, dependents: float, start: str, shallow: int) -> tuple[float, list[str]]:
    """How much a file tells a newcomer, and why."""
    name = item.path.rsplit("/", 1)[-1]
    if item.role == "documentation" and item.path.count("/") <= 1 and name.upper().startswith(_GUIDES):
        return 3.0, ["how the project wants to be worked on"]
    if item.role != "code" or not item.lines:
        return 0.0, []
    worth, reasons = 0.0, []
    if start:
        worth += 3.0
        reasons.append(start)
    worth += 1.3 * log2(1 + dependents)
    if dependents >= 1:
        number = round(dependents)
        reasons.append(f"{number} file{' builds' if number == 1 else 's build'} on it")
    needs = round(sum(share for _, _, share in item.targets))
    worth += 0.5 * log2(1 + needs)
    if needs > 2:
        reasons.append(f"ties {needs} modules together")
    worth += 0.4 * log2(1 + item.longest / 30)
    if name in FRONT_NAMES and item.path.count("/") <= shallow + 1:
        worth += 2.5
        reasons.append("front of its package")
    if item.documented:
        worth += 0.5
    worth += 0.3 * log2(1 + item.definitions)
    if item.lines > LONG_FILE:
        worth -= log2(item.lines / LONG_FILE)
    if not start:
        worth *= 0.3 if item.lines < 15 else 0.8 if item.lines < 50 else 1.0
    worth -= 0.25 * max(0, item.path.count("/") - shallow)
    said = sentence(item.purpose, 90)
    return worth, [*reasons, *([said] if said else [])]
