"""Reads the facts of a file from its syntax tree: structure by a walk over containers, uses by one query."""

import re
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator
from functools import cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from aiex.context.facts import Effect, Fault, FileFacts, Import, Parsed, Reference, Symbol, SymbolKind
from aiex.context.language import Found, Language, line_of, load_grammar, text

if TYPE_CHECKING:
    from tree_sitter import Node

VERSION = 1
"""Raised when the same source would give other facts, so that stored facts are read anew."""

FULL_LIMIT_BYTES = 1_000_000
"""Larger files are not parsed: valid Python takes about 61 MB of memory per MB of source."""
LINE_LIMIT_BYTES = 20_000
"""A longer line means generated or minified text, on which a parse tells little."""
PARSE_DEADLINE_S = 2.0
PARSE_PLAIN_BYTES = 262_144
"""Up to here a parse is bounded well enough by its size (random bytes: about 1.5 s per MB)."""
QUERY_WINDOW_BYTES = 65_536
"""Query results are cut without a sign at 65,535 captures; a window this small cannot reach that."""
QUERY_DEPTH = 200
"""Deeper nesting makes queries quadratic (200,000 nested arrays: minutes) and no person wrote it."""
WALK_DEPTH = 48
BOUNDED_SYMBOLS = 3_000
"""Symbols kept of a file in a language with bounds: a large data file tells little by its keys."""
OPENED_LIMIT = 200
"""Parts of one file parsed anew, at most."""
SIGNATURE_LIMIT = 240
DOC_LIMIT = 400
BODIED: frozenset[str] = frozenset({"function", "method", "constructor", "test", "macro", "property"})
REFERENCE_KINDS = frozenset({"call", "new", "inherit", "decorate", "macro", "type", "link"})
FAULT_KINDS = frozenset({"raise", "catch", "exit", "assert"})

_CALLEE = re.compile(
    r"(?s)(?:(.*?)\s*(?:\?\.|\.|::|->|:)\s*)?([@$A-Za-z_\u0080-\U0010ffff][\w$]*[!?]?)\s*(?:<[^()]*>)?$"
)
_TAG = re.compile(r"[@\\](?:(description|summary|brief|file(?:overview)?|desc)\s+|[a-zA-Z]+\b(?!\.))")
"""A tag of JSDoc, Javadoc or Doxygen; the first group introduces a description, any other ends it."""
_DIRECTIVE = re.compile(
    r"(?:es|ts|js)lint\b|jshint\b|prettier-|biome-|istanbul |[cv]8 ignore|@ts-|@vite|webpack\w+:|<reference "
    r"|#(?:end)?region\b|noqa\b|pylint:|pragma:|nolint\b|rubocop:|clang-(?:format|tidy)|NOLINT"
)
"""Comments for tools, which tell a reader nothing."""
_COMMENT_EDGE = re.compile(r"^\s*(?:/\*+!?|\*+/|//+!?|\*+(?!/)|#+!?|--+|;+|%+|<!--|\"\"\")\s?|\s*(?:\*+/|-->)\s*$")
_LICENCE = re.compile(
    r"(?i)copyright|licen[cs]e|spdx-|all rights reserved|^\s*(?:-\*-|vim:|eslint|prettier|pylint|noqa|@ts-)"
)


class Unparsed(NamedTuple):
    """A file that is not worth or not able to be parsed, and why."""

    note: str


def parse(source: bytes, language: Language) -> "Any | Unparsed":
    """The syntax tree of a source, or why there is none: too large, one long line, deadline."""
    if len(source) > FULL_LIMIT_BYTES:
        return Unparsed(f"{len(source) / 1e6:.1f} MB, too large to parse")
    if longest_line(source) > LINE_LIMIT_BYTES:
        return Unparsed("minified or generated: a line is longer than 20 kB")
    if language.refused is not None and language.refused.search(source):
        return Unparsed("nested too deeply to parse")
    from tree_sitter import Parser

    parser = Parser(load_grammar(language.grammar))
    if len(source) <= PARSE_PLAIN_BYTES:
        return parser.parse(source)
    from time import monotonic

    end = monotonic() + PARSE_DEADLINE_S
    try:
        return parser.parse(
            lambda offset, _point: source[offset : offset + 65_536],
            progress_callback=lambda _offset, _error: monotonic() > end,
        )
    except ValueError:
        return Unparsed(f"parsing took longer than {PARSE_DEADLINE_S:.0f} s")


def parse_span(source: bytes, span: tuple[int, int], language: Language) -> "Node":
    """The tree of a part of the source, with the places of the whole."""
    from tree_sitter import Parser, Point, Range

    start, end = span
    row = source.count(b"\n", 0, start)
    first = Point(row, start - (source.rfind(b"\n", 0, start) + 1))
    last = Point(row + source.count(b"\n", start, end), end - (source.rfind(b"\n", 0, end) + 1))
    parser = Parser(load_grammar(language.grammar), included_ranges=[Range(first, last, start, end)])
    return parser.parse(source[:end]).root_node


def longest_line(source: bytes) -> int:
    """Length in bytes of the longest line."""
    if len(source) <= LINE_LIMIT_BYTES:
        return len(source)
    longest = start = 0
    while start < len(source):
        end = source.find(b"\n", start)
        end = len(source) if end < 0 else end
        longest = max(longest, end - start)
        start = end + 1
    return longest


def extract(source: bytes, language: Language | None, *, note: str = "") -> FileFacts:
    """The facts of a file; never raises for any content.

    Without a language, or when the source cannot be parsed, the facts hold only sizes and say why in `note`.
    Cost: about 0.7 times the parse on top of the parse.
    """
    if language is None:
        return bare_facts(source, note or "no grammar for this kind of file")
    tree = parse(source, language)
    if isinstance(tree, Unparsed):
        return bare_facts(source, tree.note, language.name)
    return read_facts(tree.root_node, source, language)


def bare_facts(source: bytes, note: str, language: str = "text") -> FileFacts:
    """Facts of a file that was not parsed."""
    return FileFacts(language, count_lines(source), len(source), "fallback", note, "", (), (), (), (), (), (), 0)


def count_lines(source: bytes) -> int:
    """Lines as an editor counts them: a last line without line end counts."""
    return source.count(b"\n") + (1 if source and not source.endswith(b"\n") else 0)


def read_facts(root: "Node", source: bytes, language: Language) -> FileFacts:
    """The facts that a syntax tree holds."""
    walk = _Walk(source, language)
    if language.public is not None:
        walk.public = language.public(root, source)
    walk.look(root, -1, None, 0, ())
    symbols = tuple(walk.symbols)
    uses = _Uses(symbols, walk.imports, language, source)
    uses.collect(root, *walk.opened)
    imports = walk.imports
    if language.implied is not None:
        implied = language.implied(imports, uses.references)
        imports = sorted([*imports, *implied], key=lambda item: item.line)
    parsed, note = _health(root)
    doc = language.module_doc(root, source) if language.module_doc else None
    return FileFacts(
        language.name,
        count_lines(source),
        len(source),
        parsed,
        note,
        doc if doc is not None else first_comment(root, source, language),
        symbols,
        tuple(imports),
        tuple(uses.references),
        tuple(uses.faults),
        tuple(uses.effects),
        tuple(0 if value == 1 and index in walk.bare else value for index, value in enumerate(uses.complexity)),
        language.entry(root, source) if language.entry else 0,
    )


def _health(root: "Node") -> tuple[Parsed, str]:
    if not root.has_error:
        return "full", ""
    node, depth = root, 0
    while depth < 500:
        broken = next((child for child in node.children if child.has_error or child.is_error or child.is_missing), None)
        if broken is None or broken.is_error or broken.is_missing:
            node = broken or node
            break
        node, depth = broken, depth + 1
    return "partial", f"syntax error near line {line_of(node)}"


# --- structure -----------------------------------------------------------------------------------------------------


class _Walk:
    """Collects symbols and imports by looking into containers only."""

    def __init__(self, source: bytes, language: Language) -> None:
        self.source = source
        self.language = language
        self.symbols: list[Symbol] = []
        self.imports: list[Import] = []
        self.public: Container[str] = ()
        self.kept: dict[int, int] = {}
        self.full: set[int] = set()
        self.opened: list[Node] = []
        self.bare: set[int] = set()

    def look(self, node: "Node", parent: int, outer: "Node | None", depth: int, wrappers: tuple[str, ...]) -> None:
        """Look at the children of a node; `outer` is the wrapper whose start the next definition takes."""
        language = self.language
        definitions, containers, imports = language.definitions, language.containers, language.imports
        comments, attached = language.comments, language.attached
        leading: list[Node] = []
        before: Node | None = None
        for child in node.named_children:
            kind = child.type
            if kind in comments or kind in attached:
                # a comment behind code on its line says nothing about what follows
                if kind in attached or before is None or child.start_point[0] + 1 != last_line(before):
                    leading.append(child)
                continue
            before = child
            reader = definitions.get(kind)
            found = tuple(reader(child, self.source)) if reader is not None else ()
            if found:
                for item in found:
                    self.add(item, parent, outer, leading, depth, wrappers)
                if parent in self.full:
                    return
            elif kind in imports:
                self.imports.extend(imports[kind](child, self.source))
            if not found and depth < WALK_DEPTH:
                if kind in language.wrappers:
                    start = outer or child
                    self.look_wrapped(child, parent, start, leading, depth + 1, (*wrappers, kind))
                elif kind in containers:
                    self.look(child, parent, None, depth + 1, ())
                elif kind in language.opened:
                    self.open(child, parent, depth + 1)
            if leading:
                leading = []

    def open(self, node: "Node", parent: int, depth: int) -> None:
        """Look into bytes that the grammar left unparsed, such as the items in a macro call."""
        span = self.language.opened[node.type](node, self.source)
        if span is None or span[1] - span[0] > PARSE_PLAIN_BYTES or len(self.opened) >= OPENED_LIMIT:
            return
        root = parse_span(self.source, span, self.language)
        self.opened.append(root)
        self.look(root, parent, None, depth, ())

    def look_wrapped(
        self, node: "Node", parent: int, outer: "Node", leading: "list[Node]", depth: int, wrappers: tuple[str, ...]
    ) -> None:
        before = len(self.symbols)
        self.look(node, parent, outer, depth, wrappers)
        if len(self.symbols) > before and not self.symbols[before].doc:
            doc = comment_above(leading, outer, self.source, self.language)
            self.symbols[before] = self.symbols[before]._replace(doc=doc)

    def has_room(self, parent: int) -> bool:
        """Whether the bounds of the language let one more definition into a parent; counts it when they do."""
        bounds, level, outer = self.language.bounds, 0, parent
        while outer >= 0 and level < len(bounds):
            level, outer = level + 1, self.symbols[outer].parent
        count = self.kept.get(parent, 0)
        if level >= len(bounds) or count >= bounds[level] or len(self.symbols) >= BOUNDED_SYMBOLS:
            return False
        self.kept[parent] = count + 1
        if count + 1 >= bounds[level]:
            self.full.add(parent)
        return True

    def add(
        self,
        found: Found,
        parent: int,
        outer: "Node | None",
        leading: "list[Node]",
        depth: int,
        wrappers: tuple[str, ...],
    ) -> None:
        node, language = found.node, self.language
        if not found.name:
            if found.body is not None and depth < WALK_DEPTH:
                self.look(found.body, parent, None, depth + 1, ())
            return
        if language.bounds and not self.has_room(parent):
            return
        above = self.symbols[parent] if parent >= 0 else None
        kind: SymbolKind = "method" if found.kind == "function" and above and above.kind in OWNERS else found.kind
        exported = found.exported
        if exported is None:
            exported = language.exported(found.name, node, wrappers, above.kind if above else None)
            outermost = (found.qualified or found.name).partition(".")[0]
            exported = exported and above.exported if above else exported or outermost in self.public
        start = outer or node
        attributes = [item for item in leading if item.type in language.attached]
        if attributes and outer is None:
            start = attributes[0]
        doc = found.doc
        if doc is None:
            doc = comment_above(leading, outer or node, self.source, language)
        last = found.last or outer or node
        self.symbols.append(
            Symbol(
                found.name,
                found.qualified or (f"{above.qualified}.{found.name}" if above else found.name),
                kind,
                found.signature if found.signature is not None else signature(node, found.body, self.source),
                doc,
                start.start_point[0] + 1,
                last_line(last),
                start.start_byte,
                last.end_byte,
                parent,
                exported,
            )
        )
        if found.body is None:
            self.bare.add(len(self.symbols) - 1)
        elif depth < WALK_DEPTH and self.is_worth_a_look(kind, found.body):
            self.look(found.body, len(self.symbols) - 1, None, depth + 1, ())

    def is_worth_a_look(self, kind: SymbolKind, body: "Node") -> bool:
        """Whether a body may hold definitions or imports: that of a function seldom does."""
        inside = self.language.inside
        if inside is None or kind not in BODIED:
            return True
        return inside.search(self.source, body.start_byte, body.end_byte) is not None


OWNERS: frozenset[str] = frozenset({"class", "interface", "struct", "enum", "trait", "implementation", "protocol"})
"""Kinds whose functions are methods."""


def last_line(node: "Node") -> int:
    """Last line a node reaches, counted from 1; an end at the start of a line belongs to the line before."""
    row, column = node.end_point
    return int(row) + (1 if column or row == node.start_point[0] else 0)


def signature(node: "Node", body: "Node | None", source: bytes) -> str:
    """The text of a definition before its body, on one line."""
    end = body.start_byte if body is not None and body.start_byte > node.start_byte else node.end_byte
    raw = source[node.start_byte : min(end, node.start_byte + 4 * SIGNATURE_LIMIT)].decode("utf-8", "replace")
    if body is None:
        raw = raw.split("\n", 1)[0] if len(raw) > SIGNATURE_LIMIT else raw
    line = " ".join(raw.split()).rstrip("{").rstrip()
    line = line.removesuffix(":").removesuffix(" do").removesuffix("=>").rstrip()
    line = line.replace("( ", "(").replace(", )", ")").replace(" )", ")").replace(",)", ")").rstrip(",")
    return line if len(line) <= SIGNATURE_LIMIT else line[: SIGNATURE_LIMIT - 1] + "…"


def comment_above(leading: "list[Node]", node: "Node", source: bytes, language: Language) -> str:
    """First paragraph of the comments that end directly above a node; `/**` may leave one line blank."""
    wanted_row = node.start_point[0]
    lines: list[str] = []
    for item in reversed(leading):
        end_row = item.end_point[0] - (0 if item.end_point[1] else 1)
        if end_row < wanted_row - (2 if source.startswith(b"/**", item.start_byte) else 1):
            break
        wanted_row = item.start_point[0]
        if item.type in language.comments and not source.startswith(b"#!", item.start_byte):
            lines[:0] = text(item, source).splitlines()
    return clean_comment(lines) if lines else ""


def clean_comment(lines: list[str]) -> str:
    """The first paragraph of comment lines without their markers, on one line."""
    words: list[str] = []
    for raw in lines:
        line = _COMMENT_EDGE.sub("", _COMMENT_EDGE.sub("", raw)).strip()
        if line and (not line.strip("=-*#/~") or _DIRECTIVE.match(line)):
            continue
        tag = _TAG.match(line)
        if words and (not line or tag):
            break
        if tag and not tag.group(1):
            continue
        if line:
            words.append(line[tag.end() :] if tag else line)
    return shorten(" ".join(words))


def shorten(words: str) -> str:
    """A paragraph on one line of at most `DOC_LIMIT` characters."""
    line = " ".join(words.split())
    return line if len(line) <= DOC_LIMIT else line[: DOC_LIMIT - 1].rstrip() + "…"


def first_paragraph(words: str) -> str:
    """The text up to the first blank line, on one line."""
    return shorten(re.split(r"\n\s*\n", words.strip(), maxsplit=1)[0])


def first_comment(root: "Node", source: bytes, language: Language) -> str:
    """The first paragraph of the leading comments that is not a licence, a shebang or an editor line.

    A comment directly above the first definition documents that definition, not the file.
    """
    block: list[Node] = []
    blocks: list[list[Node]] = [block]
    last_row = -1
    following_row = 1 << 30
    for child in root.named_children:
        if child.type not in language.comments:
            following_row = child.start_point[0]
            if child.type in language.imports:
                following_row += 2
            break
        whole = source.startswith(b"/*", child.start_byte)
        if block and (whole or child.start_point[0] > last_row + 1):
            block = []
            blocks.append(block)
        block.append(child)
        last_row = child.end_point[0] - (0 if child.end_point[1] else 1)
    if len(blocks) > 1 or following_row <= last_row + 1:
        blocks = blocks[:-1] if following_row <= last_row + 1 else blocks
    for group in blocks:
        lines = [line for item in group for line in text(item, source).splitlines()]
        lines = [line for line in lines if not line.startswith("#!")]
        licence = next((row for row, line in enumerate(lines) if _LICENCE.search(line.strip(" #/*-;"))), len(lines))
        doc = clean_comment(lines[:licence])
        if doc and (licence == len(lines) or doc.count(" ") > 2):
            return doc
    return ""


# --- uses ----------------------------------------------------------------------------------------------------------


@cache
def _query(language: Language) -> Any:
    from tree_sitter import Query

    return Query(load_grammar(language.grammar), language.uses)


class _Uses:
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
        """Run the query over the trees and sort its captures by place."""
        if not self.language.uses:
            return
        captures = [item for root in roots for item in self.captures(root)]
        captures.sort(key=itemgetter(0))
        self.add_imports(node for _, name, node in captures if name == "import")
        self.bound = bound_names(self.imports)
        place = _Places(self.symbols)
        for start, name, node in captures:
            inside = place.at(start)
            if name == "branch":
                owner = inside
                while owner >= 0 and self.symbols[owner].kind not in BODIED:
                    owner = self.symbols[owner].parent
                if owner >= 0:
                    self.complexity[owner] += 1
            elif name == "read":
                self.read(start, node, inside)
            else:
                self.note(name, node, inside)

    def read(self, start: int, node: "Node", inside: int) -> None:
        """Keep the use of a name when an import bound it."""
        receiver, _, name = self.source[start : node.end_byte].decode("utf-8", "replace").rpartition(".")
        if (receiver or name) in self.bound:
            line = node.start_point[0] + 1
            if self.last_read != (receiver, name, line):
                self.last_read = (receiver, name, line)
                self.references.append(Reference(name, receiver, line, inside, "read"))

    def add_imports(self, nodes: "Iterable[Node]") -> None:
        """Add the imports inside expressions, which the walk does not look at."""
        readers, known = self.language.imports, len(self.imports)
        for node in nodes:
            if node.type in readers:
                self.imports.extend(readers[node.type](node, self.source))
        if len(self.imports) > known:
            self.imports[:] = sorted(dict.fromkeys(self.imports), key=lambda item: item.line)

    def captures(self, root: "Node") -> "Iterator[tuple[int, str, Node]]":
        from tree_sitter import QueryCursor

        cursor = QueryCursor(_query(self.language))
        cursor.set_max_start_depth(QUERY_DEPTH)
        size = root.end_byte - root.start_byte
        for begin in range(root.start_byte, max(root.end_byte, root.start_byte + 1), QUERY_WINDOW_BYTES):
            end = begin + QUERY_WINDOW_BYTES
            if size > QUERY_WINDOW_BYTES:
                cursor.set_byte_range(begin, end)
            for name, nodes in cursor.captures(root).items():
                for node in nodes:
                    start = node.start_byte
                    if begin <= start < end:
                        yield start, name, node

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


CALL_KINDS = frozenset({"call", "new", "macro"})


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


def short_text(raw: str) -> str:
    """A piece of source on one line, at most 60 characters."""
    line = " ".join(raw.split())
    return line if len(line) <= 60 else line[:59] + "…"


class _Places:
    """The innermost symbol at a byte, for symbols in walk order (start ascending, parents first)."""

    def __init__(self, symbols: tuple[Symbol, ...]) -> None:
        self.symbols = symbols
        order = sorted(range(len(symbols)), key=lambda index: (symbols[index].start_byte, index))
        self.order = order
        self.starts = [symbols[index].start_byte for index in order]

    def at(self, byte: int) -> int:
        """Index of the innermost symbol that holds a byte, -1 for the module."""
        position = bisect_right(self.starts, byte) - 1
        index = self.order[position] if position >= 0 else -1
        while index >= 0 and self.symbols[index].end_byte <= byte:
            index = self.symbols[index].parent
        return index
