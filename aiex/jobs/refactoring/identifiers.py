"""Rename by the index, for languages other than Python: what is certain by the syntax, and what is not.

Certain is a name in the file that alone defines it, and in files that import that file; where it stands behind a dot,
certain is only what stands behind `this` in its own class. All else is told as uncertain.
"""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import EditError, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.refactoring.edits import Doubt, Edit, Place, Plan, apply_edits
from aiex.jobs.refactoring.leaves import Leaf, leaf_at, leaves_of
from aiex.jobs.refactoring.pointing import Spot, offset_of

if TYPE_CHECKING:
    from aiex.context.facts import FileFacts, Symbol
    from aiex.jobs.refactoring.sources import Source, Sources

PROGRAMS = frozenset({
    "bash", "c", "cpp", "elixir", "go", "java", "javascript", "ruby", "rust", "tsx", "typescript",
})  # fmt: skip
"""Languages whose names are those of a program."""
OTHER = "something else"
"""In place of a reason: the place surely means another thing, and is left alone."""
MEMBERS = frozenset({"method", "field", "property", "constructor"})
_NAME = re.compile(r"[^\W\d][\w$]*[!?]?\Z|\$[\w$]*\Z")
_SCRIPTS = frozenset({"javascript", "typescript", "tsx"})
_EXPLICIT = _SCRIPTS | {"go", "rust", "c", "cpp"}
"""Languages in which what stands behind a dot is never a name of a file, unless a module stands before it."""
_EXPANDED = frozenset({"javascript", "typescript", "tsx", "rust"})


class Definition(NamedTuple):
    """A place that defines a name."""

    path: str
    symbol: Symbol | None
    """None for what the index does not know, such as a variable of a function."""
    start: int
    """Where the name stands."""
    span: tuple[int, int]
    """The stretch of the file in which it can be meant."""
    owner: tuple[int, int] | None = None
    """The stretch of the class that it belongs to, for a member."""


def rename_identifier(sources: Sources, spot: Spot, new: str, *, also_doubts: bool = False) -> Plan:
    """Plan a rename.

    Args:
        also_doubts: Change the uncertain places as well.

    Raises:
        UsageError: if nothing of this name is there, or the new one cannot be had.
    """
    source = sources.read(spot.path)
    language = source.language
    if language is None or language.name not in PROGRAMS:
        raise UsageError(f"{printable_path(spot.path)} is no program, so nothing in it can be renamed")
    if source.fault:
        raise UsageError(f"cannot refactor {printable_path(spot.path)}: {source.fault}", hint="repair it first")
    if not _NAME.match(new):
        raise UsageError(f"{printable_path(new)!r} is no name in {language.name}")
    found = _find(source, spot)
    old = source.utf8[found.start :].decode("utf-8", "replace")
    old = re.match(r"[\w$]+[!?]?", old)[0]  # type: ignore[index]  # (it is a name)
    if old == new:
        raise UsageError(f"it is called {new} already")
    renaming = _Renaming(sources, found, old, new, language.kin)
    renaming.run()
    return renaming.plan(also_doubts=also_doubts)


def _facts(source: Source) -> FileFacts:
    from aiex.context.extract import extract

    return extract(source.utf8, source.language, uses=False)


def _find(source: Source, spot: Spot) -> Definition:
    facts = _facts(source)
    if spot.column:
        leaf = leaf_at(source, offset_of(source, spot))
        if leaf is None:
            raise UsageError(f"no name of the program stands at {spot}", hint="point at the first letter of a name")
        return _of_leaf(source, facts, leaf)
    if spot.symbol:
        wanted = [one for one in facts.symbols if one.qualified == spot.symbol]
        wanted = wanted or [one for one in facts.symbols if one.name == spot.symbol]
    elif spot.start_line:
        wanted = [one for one in facts.symbols if one.start_line == spot.start_line]
    else:
        raise UsageError(f"{printable_path(spot.path)} names a whole file", hint="write FILE::NAME")
    if not wanted:
        near = difflib.get_close_matches(spot.symbol, [one.qualified for one in facts.symbols], 3, 0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else "point at a name: FILE:LINE:COLUMN"
        raise UsageError(f"nothing is defined at {spot}", hint=hint)
    if len({one.qualified for one in wanted}) > 1:
        names = ", ".join(one.qualified for one in wanted[:5])
        raise UsageError(f"{spot} may be any of: {names}", hint="add the column: FILE:LINE:COLUMN")
    return _of_symbol(source, facts, wanted[0])


def _of_symbol(source: Source, facts: FileFacts, symbol: Symbol) -> Definition:
    name = re.sub(r"^.*[^\w$!?]", "", symbol.name)
    start = next((leaf.start for leaf in leaves_of(source, name)
                  if symbol.start_byte <= leaf.start < symbol.end_byte), -1)  # fmt: skip
    if start < 0:
        raise UsageError(f"{symbol.name} has a name that cannot be changed in the code")
    parent = facts.symbols[symbol.parent] if symbol.parent >= 0 else None
    is_member = symbol.kind in MEMBERS
    if parent is not None and not is_member and parent.kind in ("function", "method", "constructor"):
        outer = _outermost(facts, symbol)
        return Definition(source.path, None, start, (outer.start_byte, outer.end_byte))
    owner = (parent.start_byte, parent.end_byte) if parent is not None and is_member else None
    return Definition(source.path, symbol, start, (0, len(source.utf8)), owner)


def _of_leaf(source: Source, facts: FileFacts, leaf: Leaf) -> Definition:
    word = source.utf8[leaf.start : leaf.end].decode()
    named = [one for one in facts.symbols if re.sub(r"^.*[^\w$!?]", "", one.name) == word]
    for symbol in named:
        found = _of_symbol(source, facts, symbol)
        if found.start == leaf.start or (len(named) == 1 and leaf.position == "bare"):
            return found
    if leaf.position != "bare" or named:
        raise UsageError(f"nothing says which {word} is meant here", hint="point at its definition")
    around = [one for one in facts.symbols if one.start_byte <= leaf.start < one.end_byte
              and one.kind in ("function", "method", "constructor", "test")]  # fmt: skip
    if not around:
        raise UsageError(f"{word} is not defined in this file", hint="point at its definition")
    outer = _outermost(facts, around[0])
    return Definition(source.path, None, leaf.start, (outer.start_byte, outer.end_byte))


def _outermost(facts: FileFacts, symbol: Symbol) -> Symbol:
    """The outermost function around, so that everything that can mean a name of it lies inside."""
    found = symbol
    while symbol.parent >= 0:
        symbol = facts.symbols[symbol.parent]
        if symbol.kind in ("function", "method", "constructor", "test"):
            found = symbol
    return found


class _Renaming:
    def __init__(self, sources: Sources, target: Definition, old: str, new: str, kin: str) -> None:
        self.sources = sources
        self.target = target
        self.old = old
        self.new = new
        self.kin = kin
        known = sources.read(target.path).language
        self.language = known.name if known is not None else ""
        self.edits: dict[str, list[Edit]] = {}
        self.places: list[Place] = []
        self.doubts: list[Doubt] = []
        self.definitions: list[tuple[str, Symbol]] = []

    def run(self) -> None:
        files = list(self.sources.mentioning(self.old, self.sources.paths(kin=self.kin)))
        known = {one.path for one in files}
        if self.target.path not in known:
            files.append(self.sources.read(self.target.path))
        facts = {one.path: _facts(one) for one in files if not one.fault}
        for path, one in facts.items():
            self.definitions += [(path, symbol) for symbol in one.symbols
                                 if re.sub(r"^.*[^\w$!?]", "", symbol.name) == self.old]  # fmt: skip
        for source in files:
            if source.fault:
                self.sources.skipped[source.path] = source.fault
            elif source.path == self.target.path:
                self._own(source)
            elif self.target.symbol is not None:
                self._other(source, facts[source.path])

    def _own(self, source: Source) -> None:
        first, last = self.target.span
        if any(first <= leaf.start < last for leaf in leaves_of(source, self.new)):
            line = next(source.line(leaf.start) for leaf in leaves_of(source, self.new) if first <= leaf.start < last)
            raise UsageError(f"{self.new!r} is taken: {printable_path(source.path)}:{line} has it")
        for leaf in leaves_of(source, self.old):
            if first <= leaf.start < last:
                self._judge(source, leaf, self._why_own(leaf))
            elif self.target.symbol is None and leaf.position == "bare":
                # the same word outside of the function: it may be what is meant inside
                self._add_doubt(source, leaf, "the same name outside of this function", can_change=False)

    def _why_own(self, leaf: Leaf) -> str:
        """Why a place of the file with the definition may mean something else; empty when it cannot."""
        target = self.target
        if leaf.start == target.start:
            return ""
        if leaf.position in ("symbol", "macro"):
            return "in a macro" if leaf.position == "macro" else "a symbol that may be the name"
        here = [symbol for path, symbol in self.definitions if path == target.path]
        if target.symbol is not None and target.symbol.kind not in MEMBERS and self.language in _EXPLICIT:
            here = [symbol for symbol in here if symbol.kind not in MEMBERS]
        kinds = {(symbol.parent, symbol.kind) for symbol in here}
        if target.symbol is not None and target.symbol.kind in MEMBERS:
            return self._why_member(leaf, {(symbol.qualified) for symbol in here})
        if leaf.position in ("member", "key"):
            if self._is_other(leaf):
                return OTHER
            return "behind a dot, of what nobody knows" if leaf.position == "member" else "a key of this name"
        if target.symbol is not None and len(kinds) > 1:
            return "this file defines the name twice"
        return ""

    def _why_member(self, leaf: Leaf, here: set[str]) -> str:
        owner = self.target.owner
        is_inside = owner is not None and owner[0] <= leaf.start < owner[1]
        language = self.sources.read(self.target.path).language
        is_self = language is not None and leaf.receiver in {*language.self_names, "@", "this"}
        if is_inside and leaf.position == "member" and is_self:
            return ""
        if leaf.position == "bare":
            return "may be a variable of the same name"
        if len(here) == 1 and len(self.definitions) == 1:
            return "nothing else is called so here, but nobody knows of what type it is"
        return "nobody knows of what type it is"

    def _other(self, source: Source, facts: FileFacts) -> None:
        sees = self._sees(source, facts)
        is_alone = not any(self._rivals(path, symbol) for path, symbol in self.definitions)
        is_member = self.target.symbol is not None and self.target.symbol.kind in MEMBERS
        has_new = next(leaves_of(source, self.new), None) is not None
        leaves = list(leaves_of(source, self.old))
        if sees and any(leaf.kind == "shorthand_property_identifier_pattern" for leaf in leaves):
            for leaf in leaves:  # `const {old} = require(…)`: what the other file calls it there may stay
                self._add_doubt(source, leaf, "of an object that is taken apart", can_change=False)
            return
        for leaf in leaves:
            if is_member:
                self._judge(source, leaf, "nobody knows of what type it is" if leaf.position != "bare" else OTHER)
            elif leaf.position in ("member", "key", "symbol", "macro"):
                through = sees and is_alone and leaf.position == "member" and self._names_module(leaf, facts)
                other = OTHER if self._is_other(leaf) and leaf.position in ("member", "key") else ""
                self._judge(source, leaf, "" if through else other or "behind a dot, of what nobody knows")
            elif not sees:
                self._judge(source, leaf, self._why_unseen(facts))
            elif has_new:
                raise UsageError(f"{self.new!r} is taken: {printable_path(source.path)} has it")
            else:
                self._judge(source, leaf, "" if is_alone else "other files define this name as well")

    def _why_unseen(self, facts: FileFacts) -> str:
        """Of a name in a file that does not import the one with the definition."""
        names = {name for item in facts.imports for name, _ in item.names}
        if self.language == "go" or (self.language in _SCRIPTS and facts.imports and not names & {self.old, "*"}):
            return OTHER
        if self.language in _SCRIPTS and self.target.symbol is not None and self.target.symbol.exported:
            return OTHER
        if self.language in _SCRIPTS and any(symbol.name == self.old for symbol in facts.symbols):
            return OTHER
        return "the same name in a file that does not import this one"

    def _rivals(self, path: str, symbol: Symbol) -> bool:
        """Whether another definition can be meant in a file that gets this one."""
        return path != self.target.path and (symbol.kind not in MEMBERS or self.language not in _EXPLICIT)

    def _sees(self, source: Source, facts: FileFacts) -> bool:
        """Whether a file gets the definition, by an import or by lying beside it."""
        if source.language is None:
            return False
        tree = self.sources.engine.paths
        if source.language.siblings_visible and _folder(source.path) == _folder(self.target.path):
            return True
        return any(self.target.path in source.language.resolve(item, source.path, tree) for item in facts.imports)

    def _names_module(self, leaf: Leaf, facts: FileFacts) -> bool:
        """Whether what stands before the dot is the imported file itself."""
        tree, language = self.sources.engine.paths, self.sources.read(self.target.path).language
        if language is None:
            return False
        for item in facts.imports:
            last = re.split(r"[/.:]", item.module)[-1]
            local = item.alias or last
            stars = [bound for name, bound in item.names if name == "*"]
            if leaf.receiver in (local, *stars) and self.target.path in language.resolve(item, self.target.path, tree):
                return True
        return False

    def _is_other(self, leaf: Leaf) -> bool:
        """Whether a name behind a dot, or a key, cannot be the name of a file that is renamed."""
        return self.language in _EXPLICIT and leaf.receiver not in ("exports", "module.exports", "globalThis", "window")

    def _judge(self, source: Source, leaf: Leaf, why: str) -> None:
        if why == OTHER:
            return
        if why:
            self._add_doubt(source, leaf, why)
            return
        self.edits.setdefault(source.path, []).append(self._edit(source, leaf))
        self.places.append(Place(source.path, source.line(leaf.start), "the same name in the code"))

    def _add_doubt(self, source: Source, leaf: Leaf, why: str, *, can_change: bool = True) -> None:
        edit = self._edit(source, leaf) if can_change else None
        self.doubts.append(Doubt(source.path, source.line(leaf.start), why, edit))

    def _edit(self, source: Source, leaf: Leaf) -> Edit:
        text = self.new
        if leaf.position == "shorthand" and source.language is not None and source.language.name in _EXPANDED:
            is_member = self.target.symbol is not None and self.target.symbol.kind in MEMBERS
            text = f"{self.new}: {self.old}" if is_member else f"{self.old}: {self.new}"
        return Edit(leaf.start, leaf.end, text.encode())

    def plan(self, *, also_doubts: bool) -> Plan:
        """What was found; every changed place is still a name."""
        from aiex.jobs.refactoring.rename import change_all

        edits = {path: list(some) for path, some in self.edits.items()}
        for doubt in self.doubts if also_doubts else ():
            if doubt.edit is not None:
                edits.setdefault(doubt.path, []).append(doubt.edit)
        for path, some in edits.items():
            _require_names(self.sources.read(path), some, self.new)
        mentions = self._mentions(edits)
        notes = tuple(f"not looked into: {printable_path(path)} ({why})"
                      for path, why in sorted(self.sources.skipped.items()))  # fmt: skip
        done = f"rename {self.old} to {self.new}"
        return Plan(done, change_all(self.sources, edits), tuple(self.places), tuple(sorted(self.doubts)),
                    mentions, notes)  # fmt: skip

    def _mentions(self, edits: dict[str, list[Edit]]) -> tuple[Place, ...]:
        found: list[Place] = []
        paths = [*self.sources.paths(kin=self.kin), *self.sources.paths(suffixes=(".md", ".rst", ".txt"))]
        for source in self.sources.mentioning(self.old, paths):
            is_code = source.language is not None and source.language.kin == self.kin and not source.fault
            names = {leaf.start for leaf in leaves_of(source, self.old)} if is_code else set()
            for match in re.finditer(rb"(?<![\w$])" + re.escape(self.old.encode()) + rb"(?![\w$])", source.utf8):
                if match.start() not in names:
                    kind = "comment or string" if is_code else "text"
                    found.append(Place(source.path, source.line(match.start()), kind))
        return tuple(found)


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _require_names(source: Source, edits: list[Edit], new: str) -> None:
    """Refuse a new name that the language reads as something else, such as a keyword. Raises UsageError."""
    from aiex.jobs.refactoring.sources import Source as Text

    try:
        after = Text(source.path, apply_edits(source.utf8, edits), source.language)
    except EditError as error:
        raise UsageError(error.message) from error
    if after.fault:
        language = source.language.name if source.language is not None else "text"
        raise UsageError(f"{new!r} is no name that can stand here in {language}: {after.fault}")
    count = sum(1 for _ in leaves_of(after, new))
    before = sum(1 for _ in leaves_of(source, new))
    if count < before + len({(edit.start, edit.end) for edit in edits}):
        raise UsageError(f"{new!r} means something else in {source.language.name if source.language else 'text'}")
