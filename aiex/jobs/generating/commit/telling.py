"""What happened in a change, by names: symbols, files, dependencies that came, went, moved or are other than before."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.jobs.briefing.manifests import read_manifest, reader_for
from aiex.jobs.briefing.names import DATA_LANGUAGES, FUNCTIONS, TYPES, is_test, role_of

if TYPE_CHECKING:
    from aiex.context.facts import FileFacts, Symbol
    from aiex.jobs.reviewing.diff import FileChange
    from aiex.jobs.reviewing.source import Source

Verb = Literal["add", "remove", "rename", "move", "change", "test", "document", "bump"]
Area = Literal["code", "tests", "docs", "ci", "build", "data"]
RANKS: dict[Verb, int] = {
    "add": 0, "remove": 1, "rename": 2, "move": 3, "change": 4, "bump": 5, "test": 6, "document": 7,
}  # fmt: skip
AREAS: dict[Area, int] = {"code": 0, "build": 1, "ci": 2, "tests": 3, "docs": 4, "data": 5}
_CI = re.compile(
    r"(?:^|/)(?:\.github/(?:workflows|actions)/|\.circleci/|\.gitlab-ci|\.travis|azure-pipelines|Jenkinsfile)"
)
_LOCK = re.compile(r"(?:^|/)(?:[\w.-]+\.lock|package-lock\.json|pnpm-lock\.yaml|go\.sum|requirements[\w.-]*\.lock)$")
_VERSION = re.compile(r"""^\s*(?:__)?["']?version["']?(?:__)?\s*[:=]\s*["']([\w.+-]+)["'],?\s*$""")


class Deed(NamedTuple):
    """One thing that happened."""

    verb: Verb
    name: str
    """Of a symbol, a file, a dependency."""
    area: Area
    path: str
    more: str = ""
    """Behind it: the new name, the new version."""
    is_public: bool = True


def area_of(path: str) -> Area:
    """What a file is for, in the words of commits."""
    if _CI.search(path):
        return "ci"
    if is_test(path):
        return "tests"
    if _LOCK.search(path) or reader_for(path) is not None or role_of(path, "c") == "configuration":
        return "build"
    if role_of(path, "c") == "documentation":
        return "docs"
    from aiex.context.language import find_language

    language = find_language(path)
    return "data" if language is None or language.name in DATA_LANGUAGES else "code"


def tell(change: FileChange) -> list[Deed]:
    """What happened in one file."""
    area: Area = "data" if change.is_generated and not _LOCK.search(change.path) else area_of(change.path)
    name = change.path.rpartition("/")[2]
    if change.status == "renamed":
        moved = [Deed("move", name, area, change.path, change.path.rpartition("/")[0] or ".")]
        before = change.old_path.rpartition("/")[2]
        return (moved if before == name else [Deed("rename", before, area, change.path, name)]) + _inside(change, area)
    if change.status == "deleted":
        return [Deed("remove", name, area, change.path)]
    if area == "build" and (said := [*_dependencies(change)]):
        return said
    if change.status == "added":
        return [Deed("test" if area == "tests" else "add", _subject_of(change, area), area, change.path)]
    return _inside(change, area) or [_whole(change, area, name)]


def _whole(change: FileChange, area: Area, name: str) -> Deed:
    if change.old_mode != change.new_mode and not change.hunks:
        return Deed("change", f"the mode of {name}", area, change.path)
    return Deed("test" if area == "tests" else "change", name, area, change.path, is_public=False)


def _subject_of(change: FileChange, area: Area) -> str:
    """What a new file is called: by its only public symbol, else by its name."""
    name = change.path.rpartition("/")[2]
    stem = name.partition(".")[0]
    if area == "tests":
        return re.sub(r"(?i)^tests?[_-]|[_-](?:tests?|spec)$", "", stem) or name
    if area != "code" or stem in ("__init__", "index", "mod", "main", "lib"):
        return name if area != "code" else change.path
    symbols = [one for one in _symbols(change.new) if one.exported and one.parent < 0]
    return symbols[0].name if len(symbols) == 1 else name


# --- symbols ----------------------------------------------------------------------------------------------------------


def _facts(source: Source | None) -> FileFacts | None:
    if source is None or source.is_binary:
        return None
    from aiex.context.reading import describe

    return describe(source.data, source.path)[1]


def _symbols(source: Source | None) -> list[Symbol]:
    facts = _facts(source)
    if facts is None:
        return []
    kinds = FUNCTIONS | TYPES
    return [one for one in facts.symbols if one.kind in kinds and (one.parent < 0 or _is_member(facts, one))]


def _is_member(facts: FileFacts, symbol: Symbol) -> bool:
    return facts.symbols[symbol.parent].kind in TYPES


def _inside(change: FileChange, area: Area) -> list[Deed]:
    """What happened to the symbols of a file that is still there."""
    if change.old is None or change.new is None or not change.hunks:
        return []
    old = {one.qualified: one for one in _symbols(change.old)}
    new = {one.qualified: one for one in _symbols(change.new)}
    came = [one for name, one in new.items() if name not in old]
    went = [one for name, one in old.items() if name not in new]
    found = [*_renamed(change, came, went, area)]
    paired = {name for deed in found for name in (deed.name, deed.more)}
    add: Verb = "test" if area == "tests" else "add"
    found += [
        Deed(add, _shown(one, area), area, change.path, is_public=one.exported)
        for one in _outermost(came)
        if one.qualified not in paired
    ]
    found += [
        Deed("remove", _shown(one, area), area, change.path, is_public=one.exported)
        for one in _outermost(went)
        if one.qualified not in paired
    ]
    if found:
        return found
    touched = [one for name, one in new.items() if name in old and _is_touched(change, one)]
    inner = [one for one in touched if not any(_holds(one, other) for other in touched)]
    return [Deed("test" if area == "tests" else "change", _shown(one, area), area, change.path, is_public=one.exported)
            for one in inner]  # fmt: skip


def _shown(symbol: Symbol, area: Area) -> str:
    if area != "tests":
        return symbol.qualified
    words = re.sub(r"(?i)^tests?_?", "", symbol.name).replace("_", " ").strip()
    return words if symbol.kind != "class" else symbol.name


def _outermost(symbols: Sequence[Symbol]) -> list[Symbol]:
    return [one for one in symbols if not any(_holds(other, one) for other in symbols)]


def _holds(outer: Symbol, inner: Symbol) -> bool:
    return outer is not inner and outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _is_touched(change: FileChange, symbol: Symbol) -> bool:
    return any(
        start + 1 <= symbol.end_line and max(end, start + 1) >= symbol.start_line for _, _, start, end in change.hunks
    )


def _renamed(change: FileChange, came: Sequence[Symbol], went: Sequence[Symbol], area: Area) -> Iterator[Deed]:
    """Symbols whose text is the same but for their names."""
    assert change.old is not None and change.new is not None  # noqa: S101, PT018  (asked before)
    left = list(came)
    for one in went:
        text = change.old.data[one.start_byte : one.end_byte].replace(one.name.encode(), b"\0")
        for other in left:
            theirs = change.new.data[other.start_byte : other.end_byte].replace(other.name.encode(), b"\0")
            if text == theirs:
                left.remove(other)
                yield Deed("rename", one.qualified, area, change.path, other.qualified, is_public=other.exported)
                break


# --- dependencies -----------------------------------------------------------------------------------------------------


def _dependencies(change: FileChange) -> Iterator[Deed]:
    """Dependencies that a manifest needs otherwise than before, and its own version."""
    if change.new is None or _LOCK.search(change.path):
        return
    before = read_manifest(change.path, change.old.data if change.old else b"").external
    after = read_manifest(change.path, change.new.data).external
    old, new = ({one.name: one.required for one in externals} for externals in (before, after))
    if change.old is not None:
        for name in new:
            if name not in old:
                yield Deed("add", name, "build", change.path)
            elif old[name] != new[name]:
                yield Deed("bump", name, "build", change.path, new[name])
        yield from (Deed("remove", name, "build", change.path) for name in old if name not in new)
        for _, line in change.added_lines():
            if found := _VERSION.match(line):
                yield Deed("bump", "the version", "build", change.path, found[1])
                break
