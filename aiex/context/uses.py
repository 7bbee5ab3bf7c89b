"""What a file uses: references, faults, effects and complexity, from the captures of its language's query."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.context.facts import Effect, Fault, Import, Reference, Symbol
from aiex.context.language import Language, load_grammar, text
from aiex.context.prose import short_text
from aiex.context.structure import BODIED

if TYPE_CHECKING:
    from tree_sitter import Node

QUERY_WINDOW_BYTES = 65_536
"""Query results are cut without a sign at 65,535 captures; a window this small cannot reach that."""
QUERY_DEPTH = 200
"""Deeper nesting makes queries quadratic (200,000 nested arrays: minutes) and no person wrote it."""
IMPORT_CLIMB = 4
"""How far above its keyword an import may begin."""
REFERENCE_KINDS = frozenset({"call", "new", "inherit", "decorate", "macro", "type", "link"})
FAULT_KINDS = frozenset({"raise", "catch", "exit", "assert"})
CALL_KINDS = frozenset({"call", "new", "macro"})
_PATH_BYTES = bytes(byte for byte in range(128) if chr(byte).isalnum()) + b"_.:"
_SPACE = re.compile(rb"[\s(]*")
_CALLEE = re.compile(
    r"(?s)(?:(.*?)\s*(?:\?\.|\.|::|->|:)\s*)?(#?[@$A-Za-z_\u0080-\U0010ffff][\w$]*[!?]?)\s*(?:<[^()]*>)?$"
)


@cache
def _query(language: Language, only: str = "") -> Any:
    """The language's query; `only` leaves just the patterns that hold that capture."""
    from tree_sitter import Query

    query = Query(load_grammar(language.grammar), language.uses)
    text = language.uses.encode()
    for index in range(query.pattern_count) if only else ():
        pattern = text[query.start_byte_for_pattern(index) : query.end_byte_for_pattern(index)]
        if only.encode() not in pattern:
            query.disable_pattern(index)
    return query


class Uses:
    """Collects references, faults, effects and complexity from the captures of the language's query."""

    def __init__(self, symbols: tuple[Symbol, ...], imports: list[Import], language: Language, source: bytes) -> None:
        self.symbols = symbols
        self.language = language
        self.source = source
        self.references: list[Reference] = []
        self.faults: list[Fault] = []
        self.effects: list[Effect] = []
        self.complexity = [1 if symbol.kind in BODIED else 0 for symbol in symbols]
        self.imports = imports
        self.bound: dict[str, str] = {}
        self.last_read = ("", "", 0)
        self.callees: dict[str, Callee] = {}

    def collect(self, *roots: "Node") -> None:
        """Run the query over the trees and file its captures by place."""
        if not self.language.uses:
            return
        nodes = self.captures(roots, _query(self.language))
        self.add_imports(nodes.pop("import", []))
        self.bound = bound_names(self.imports)
        hidden = [(node.start_byte, node.end_byte) for node in nodes.pop("hidden", [])]
        nodes.setdefault("call", []).extend(node for node in nodes.pop("element", []) if self.is_component(node))
        reads = self.imported(nodes.pop("read", []))
        nodes["type"] = nodes.pop("type", [])  # behind what stands at the same place and tells more
        place = _Places(self.symbols)
        for node in outside(nodes.pop("branch", []), hidden):
            owner = place.body_at(node.start_byte)
            if owner >= 0:
                self.complexity[owner] += 1
        captures = [
            (node.start_byte, name == "type", node.end_byte, name, node)
            for name, found in nodes.items()
            for node in outside(found, hidden)
        ]
        captures += [(node.start_byte, False, node.end_byte, "read", node) for node in outside(reads, hidden)]
        captures.sort(key=itemgetter(0, 1, 2, 3))
        last = head = -1
        defining, branching = self.language.defining, self.language.branching
        for start, _, _, name, node in captures:
            if name == "read":
                self.read(node, place.at(start))
            elif start == head:
                continue  # the name that a `def` defines
            elif name != "type" or start != last:  # the name after `new` or `extends` is no second use
                self.note(name, node, place.at(start))
                if defining and name == "call" and (word := self.word(node)):
                    if word in defining:
                        head = _SPACE.match(self.source, node.end_byte).end()  # type: ignore[union-attr]  # (it matches an empty place too)
                    elif word in branching and (owner := place.body_at(start)) >= 0:
                        self.complexity[owner] += 1
            last = start

    def is_component(self, node: "Node") -> bool:
        """Whether an element is one of the program's own, as `<Cart>` is and `<div>` is not."""
        return self.source[node.start_byte : node.start_byte + 1].isupper()

    def word(self, node: "Node") -> str:
        """A callee that is one short word, else nothing."""
        start, end = node.start_byte, node.end_byte
        return self.source[start:end].decode("utf-8", "replace") if end - start <= 12 else ""

    def collect_imports(self, *roots: "Node") -> None:
        """Add the imports inside expressions, and nothing else."""
        if not self.language.inner_imports:
            return
        signs = self.language.inner_import_signs
        if not signs:
            self.add_imports(self.captures(roots, _query(self.language, "@import")).get("import", []))
            return
        nodes: dict[int, Node] = {}
        for root in roots:  # a few places to look at cost less than a query over the whole tree
            for sign in signs:
                for match in sign.finditer(self.source, root.start_byte, root.end_byte):
                    node = self.importing(root.descendant_for_byte_range(match.start(), match.start()))
                    if node is not None:
                        nodes[node.id] = node
        self.add_imports(nodes.values())

    def importing(self, node: "Node | None") -> "Node | None":
        """The nearest node around that a reader of imports knows."""
        readers = self.language.inner_imports
        for _ in range(IMPORT_CLIMB):
            if node is None or node.type in readers:
                return node
            node = node.parent
        return None

    def captures(self, roots: "Iterable[Node]", query: Any) -> "dict[str, list[Node]]":
        """The nodes of every capture name, each in order of the source where the tree is one."""
        from tree_sitter import QueryCursor

        cursor = QueryCursor(query)
        cursor.set_max_start_depth(QUERY_DEPTH)
        nodes: dict[str, list[Node]] = {}
        for root in roots:
            first, last = root.start_byte, root.end_byte
            if last - first <= QUERY_WINDOW_BYTES:
                cursor.set_byte_range(0, len(self.source) + 1)
                for name, found in cursor.captures(root).items():
                    nodes.setdefault(name, []).extend(found)
                continue
            for begin in range(first, last, QUERY_WINDOW_BYTES):
                end = begin + QUERY_WINDOW_BYTES
                cursor.set_byte_range(begin, end)
                for name, found in cursor.captures(root).items():
                    nodes.setdefault(name, []).extend(node for node in found if begin <= node.start_byte < end)
        return nodes

    def imported(self, nodes: "Iterable[Node]") -> "list[Node]":
        """The names, also with one attribute, that an import bound."""
        bound = {name.encode("utf-8", "surrogateescape") for name in self.bound}
        source = self.source
        return [node for node in nodes if source[node.start_byte : node.end_byte].partition(b".")[0] in bound]

    def read(self, node: "Node", inside: int) -> None:
        """Keep the use of a name that an import bound, once per line."""
        receiver, _, name = text(node, self.source).rpartition(".")
        line = node.start_point[0] + 1
        if self.last_read != (receiver, name, line):
            self.last_read = (receiver, name, line)
            self.references.append(Reference(name, receiver, line, inside, "read"))

    def add_imports(self, nodes: "Iterable[Node]") -> None:
        """Add the imports inside expressions, which the walk does not look at."""
        readers, known = self.language.inner_imports, len(self.imports)
        for node in nodes:
            if node.type in readers:
                self.imports.extend(readers[node.type](node, self.source))
        if len(self.imports) > known:
            self.imports[:] = sorted(dict.fromkeys(self.imports), key=lambda item: (item.line, item.module))

    def note(self, name: str, node: "Node", inside: int) -> None:
        """File one capture under what its name says."""
        line = node.start_point[0] + 1
        if name in REFERENCE_KINDS:
            last = node
            if node.type in self.language.calls:
                last = node.child_by_field_name(self.language.calls[node.type]) or node
            start = max(node.start_byte, last.end_byte - 400)  # the name stands last: `load(…).then(…).catch`
            self.refer(name, self.source[start : last.end_byte].decode("utf-8", "replace"), line, inside, node)
            return
        raw = self.source[node.start_byte : min(node.end_byte, node.start_byte + 400)].decode("utf-8", "replace")
        if name in FAULT_KINDS:
            self.faults.append(Fault(name, short_text(raw.split("\n", 1)[0]).rstrip("{: "), line, inside))
        elif name.startswith("effect."):
            self.effects.append(Effect(name[7:], short_text(raw), line, inside))

    def refer(self, kind: str, raw: str, line: int, inside: int, node: "Node") -> None:
        """Keep a reference, with the effect or the fault that a callee is known for."""
        callee = self.callees.get(raw)
        if callee is None:
            callee = self.callees[raw] = read_callee(raw, self.bound, self.language)
        if not callee.name:
            return
        if callee.receiver or callee.name not in self.language.ignored:
            self.references.append(Reference(callee.name, callee.receiver, line, inside, kind))
        if kind in CALL_KINDS:
            if callee.effect:
                self.effects.append(Effect(callee.effect, short_text(callee.whole), line, inside))
            if callee.fault:
                call = node if node.type in self.language.calls else node.parent or node
                whole = text(call, self.source)
                what = callee.whole if callee.fault == "exit" else short_text(whole.split("\n", 1)[0]).rstrip("{([: ")
                self.faults.append(Fault(callee.fault, what, line, inside))


def spelled_names(source: bytes, language: Language) -> dict[str, int]:
    """Names written out in the code that may stand for files, each with the line of its first place."""
    if language.spelled is None or language.unspelled is None:
        return {}
    is_text = language.unspelled.search
    quoted = _quoted(source, *language.quoted) if language.quoted else []
    first: dict[bytes, int] = {}
    for match in _spelled_places(source, language.spelled, language.spelled_by):
        name = match[0]
        if name in first:
            continue
        start = match.start()
        if is_text(source[source.rfind(b"\n", 0, start) + 1 : start]):
            continue
        if quoted and bisect_right(quoted, start) % 2:
            continue
        first[name] = start
    lines: dict[str, int] = {}
    line, place = 1, 0
    for name, start in first.items():
        line, place = line + source.count(b"\n", place, start), start
        lines[name.decode("utf-8", "replace")] = line
    return lines


def _spelled_places(
    source: bytes, spelled: "re.Pattern[bytes]", mark: "re.Pattern[bytes] | None"
) -> "Iterator[re.Match[bytes]]":
    if mark is None:
        yield from spelled.finditer(source)
        return
    last = -1
    for found in mark.finditer(source):
        place = found.start()
        before = source[max(0, place - 100) : place]
        start = place - len(before) + len(before.rstrip(_PATH_BYTES))
        if start != last:
            last = start
            match = spelled.match(source, start)
            if match is not None:
                yield match


def _quoted(source: bytes, begin: bytes, end: bytes) -> list[int]:
    """Where each quoted part begins and ends, in turn."""
    places: list[int] = []
    start = source.find(begin)
    while start >= 0:
        stop = source.find(end, start + len(begin))
        if stop < 0:
            break
        places += [start, stop]
        start = source.find(begin, stop + len(end))
    return places


def outside(nodes: "list[Node]", hidden: list[tuple[int, int]]) -> "list[Node]":
    """The nodes that do not begin in one of the hidden byte ranges, which are in order and apart from each other."""
    if not hidden:
        return nodes
    begins: list[int] = []
    ends: list[int] = []  # of all ranges up to here, as one may lie in another
    for begin, end in sorted(hidden):
        begins.append(begin)
        ends.append(max(end, ends[-1] if ends else 0))
    places = [bisect_right(begins, node.start_byte) for node in nodes]
    return [node for node, place in zip(nodes, places, strict=True) if not place or node.start_byte >= ends[place - 1]]


class Callee(NamedTuple):
    """What is known of a callee from its spelling and the imports of the file."""

    name: str
    receiver: str
    whole: str
    effect: str
    fault: str


def read_callee(raw: str, bound: dict[str, str], language: Language) -> Callee:
    """Take a callee apart and look it up; an empty name when it is not spelled as one."""
    receiver, _, name = raw.rpartition(".")
    if name.isidentifier():  # most of them, at a tenth of the cost
        receiver = receiver.rstrip().removesuffix("?").rstrip()
        if len(receiver) > 60 or "\n" in receiver:
            receiver = short_text(receiver)
    elif language.callee is not None and language.callee.fullmatch(raw):
        receiver, name = "", raw
    else:
        match = _CALLEE.match(raw)
        if match is None:
            return Callee("", "", "", "", "")
        receiver, name = match.group(1) or "", match.group(2)
        if len(receiver) > 60 or "\n" in receiver:
            receiver = short_text(receiver)
    whole = f"{receiver}.{name}" if receiver else name
    full = whole.replace("::", ".") if "::" in whole else whole
    head, _, rest = full.partition(".")
    known = bound.get(head)
    if known:
        full = f"{known}.{rest}" if rest else known
    fault = "exit" if full in language.exits else language.faults.get(full, "")
    if not fault and receiver and language.faults:
        fault = language.faults.get("." + name, "")
    return Callee(name, receiver, whole, effect_of(full, name, receiver, language), fault)


def effect_of(full: str, name: str, receiver: str, language: Language) -> str:
    """The kind of effect a callee is known for, empty when none."""
    effects = language.effects
    kind = effects.get(full)
    if kind is not None:
        return kind
    head = full if "(" not in full else ""
    while "." in head:
        head = head.rpartition(".")[0]
        kind = effects.get(head + ".*")
        if kind is not None:
            return kind
    return effects.get("." + name, "") if receiver else ""


def bound_names(imports: list[Import]) -> dict[str, str]:
    """Local names that imports bind, with the dotted thing each stands for."""
    bound: dict[str, str] = {}
    for item in imports:
        module = re.sub(r"::|/", ".", item.module).rstrip(".")  # dots in front stay: `./fs` is not `fs`
        if item.alias:
            head = item.alias.partition(".")[0]
            bound[item.alias] = module
            if head != item.alias:
                bound[head] = module.partition(".")[0]
        for name, local in item.names:
            if name == "default":
                bound[local] = module
            elif name != "*":
                bound[local] = f"{module}.{name}"
    return bound


class _Places:
    """The innermost symbol at a byte."""

    def __init__(self, symbols: tuple[Symbol, ...]) -> None:
        order = sorted(range(len(symbols)), key=lambda index: (symbols[index].start_byte, index))
        self.order = order
        self.starts = [symbols[index].start_byte for index in order]
        self.ends = [symbol.end_byte for symbol in symbols]
        self.parents = [symbol.parent for symbol in symbols]
        self.bodied = [symbol.kind in BODIED for symbol in symbols]

    def at(self, byte: int) -> int:
        """Index of the innermost symbol that holds a byte, -1 for the module."""
        position = bisect_right(self.starts, byte) - 1
        index = self.order[position] if position >= 0 else -1
        while index >= 0 and self.ends[index] <= byte:
            index = self.parents[index]
        return index

    def body_at(self, byte: int) -> int:
        """Index of the innermost symbol with a body that holds a byte, -1 when there is none."""
        index = self.at(byte)
        while index >= 0 and not self.bodied[index]:
            index = self.parents[index]
        return index
