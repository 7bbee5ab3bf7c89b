"""What the engine needs to know about one language; every file in `languages/` fills in one `Language`.

A language is data plus small functions: tables of tree-sitter node types for structure, one query for uses, and a
function that finds the files an import means. The engine reads structure by walking only containers, so function bodies
cost nothing there, and runs the query once per window of the file.
"""

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY
from dataclasses import field as dataclass_field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from aiex import plugins
from aiex.context.facts import Import, SymbolKind, make_plainly
from aiex.context.languages import ROOM
from aiex.record import record

if TYPE_CHECKING:
    from tree_sitter import Node

HEAD_BYTES = 8_192
"""How much of a file tells its language."""


class Found(NamedTuple):
    """A definition that a reader saw in a node."""

    name: str
    """Empty for none: no symbol, the walk only looks into `body`, as for a function called where it stands."""
    kind: SymbolKind
    node: "Node"
    """The node whose range the symbol gets (wrappers such as decorators are added by the walk)."""
    body: "Node | None" = None
    """Where the inside begins: the signature ends before it and inner definitions are looked for in it."""
    doc: str | None = None
    """Documentation, when it is not the comment above; None lets the walk look."""
    exported: bool | None = None
    """None leaves the decision to the language's `exported` rule."""
    signature: str | None = None
    """None takes the text before the body."""
    qualified: str | None = None
    """Path inside the file where it is not that of the nesting: `Type.Method` of a Go method."""
    first: "Node | None" = None
    """Where the symbol begins when before `node`: the `@doc` of an Elixir function."""
    above: "Sequence[Node]" = ()
    """Comments before the body that belong to the first definition in it."""
    last: "Node | None" = None
    """Where the symbol ends when not with `node`: the last clause of an Elixir function."""
    tell: "Callable[[Node, bytes], str | None] | None" = None
    """Reads the documentation from `body`, only where it is wanted."""


class Tree(Protocol):
    """The files of a repository, as far as resolving imports needs them. Paths are relative and use `/`."""

    def has(self, path: str) -> bool:
        """Whether a file with exactly this path exists."""

    def ending(self, suffix: str) -> Sequence[str]:
        """Files whose path is `suffix` or ends with `/` + `suffix`, shortest path first."""

    def inside(self, folder: str) -> Sequence[str]:
        """Files directly in a folder ("" is the root), sorted."""

    def read(self, path: str) -> bytes:
        """Content of a small file such as a manifest; empty when it does not exist or is too large."""


Reader = Callable[["Node", bytes], Iterable[Found]]
ImportReader = Callable[["Node", bytes], Iterable[Import]]


def _no_targets(item: Import, path: str, tree: Tree) -> list[str]:
    return []


def _public(name: str, node: "Node", wrappers: tuple[str, ...], parent: SymbolKind | None) -> bool:
    return not name.startswith("_")


def _stem_names(path: str) -> set[str]:
    stem = path.rsplit("/", 1)[-1].split(".", 1)[0]
    folder = path.rsplit("/", 2)[-2] if "/" in path else ""
    return {stem, folder} - {""}


@record
class Language:
    """Everything the engine asks about one language."""

    _: KW_ONLY
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    name: str
    grammar: str
    """`module:function` that gives the tree-sitter language: `tree_sitter_python:language`."""
    extensions: tuple[str, ...]
    """With the dot, lower case."""
    filenames: tuple[str, ...] = ()
    """Whole names that mean this language: `Gemfile`."""
    interpreters: tuple[str, ...] = ()
    """Programs named in a `#!` line."""

    renamed: Callable[[bytes], str] | None = None
    """Name of the language that a file with this extension is in, by its first bytes: a `.h` may be C++."""

    definitions: Mapping[str, Reader]
    """Node type → reader; a reader may find nothing."""
    containers: frozenset[str] = frozenset()
    """Node types the walk looks into for definitions and imports without making a symbol."""
    opened: Mapping[str, Callable[["Node", bytes], tuple[int, int] | None]] = dataclass_field(default_factory=dict)
    """Node type → bytes inside it to be parsed as if they stood alone: the items in a Rust `cfg_rt! { … }`."""
    inside: "tuple[re.Pattern[bytes], ...] | None" = None
    """Found in what is worth looking into below the body of a function: the keywords of inner definitions and imports.
    None looks into everything. Patterns that begin with plain characters are found ten times as fast."""
    wrappers: frozenset[str] = frozenset()
    """Node types that belong to the one definition inside them: decorated definitions, export statements."""
    attached: frozenset[str] = frozenset()
    """Sibling node types that belong to the next definition: attributes, annotations."""
    imports: Mapping[str, ImportReader] = dataclass_field(default_factory=dict)
    """Node type → reader, for the import statements that the walk comes by."""
    inner_imports: Mapping[str, ImportReader] = dataclass_field(default_factory=dict)
    """Node type → reader, for imports anywhere else, which the query captures as @import."""
    inner_import_signs: "tuple[re.Pattern[bytes], ...]" = ()
    """Each @import node holds, near its root, something found by one of these: looking only there spares the query."""
    comments: frozenset[str] = frozenset({"comment"})
    module_doc: Callable[["Node", bytes], str | None] | None = None
    """Documentation of the whole file; None takes the first comment that is not a licence."""
    exported: Callable[[str, "Node", tuple[str, ...], SymbolKind | None], bool] = _public
    """(name, node, types of the wrappers around it, kind of the parent symbol) → meant for use from outside."""
    public: Callable[["Node", bytes], Container[str]] | None = None
    """Outermost names that a statement elsewhere in the file makes public: `export { a }`, `module.exports = a`."""
    entry: Callable[["Node", bytes], int] | None = None
    """Line where a run of this file begins, 0 for none."""

    uses: str = ""
    """Query with captures @call @element @new @inherit @decorate @macro @type @read @raise @catch @exit @assert @branch
    @effect.KIND @import @hidden; a callee is captured whole, receiver included. A @read counts when an import bound
    its name. An @import goes to the reader in `inner_imports` for its node type. Inside a @hidden node nothing
    counts."""
    calls: Mapping[str, str] = dataclass_field(default_factory=dict)
    """Captured node type → field of its name, where the callee ends: grammars whose calls have no callee node."""
    callee: "re.Pattern[str] | None" = None
    """A whole callee without a receiver that is spelled unlike an identifier: `build-all` in Bash."""
    effects: Mapping[str, str] = dataclass_field(default_factory=dict)
    """Callee → kind of effect. `os.remove` exact after imports are looked through, `subprocess.*` any below,
    `.write_text` that method on any receiver, `open` a bare name."""
    exits: frozenset[str] = frozenset()
    """Callees that end the process: `sys.exit`."""
    faults: Mapping[str, str] = dataclass_field(default_factory=dict)
    """Callee → raise, catch or assert, where a plain call or macro does it: `panic`, `fmt.Errorf`, `.unwrap`."""
    ignored: frozenset[str] = frozenset()
    """Bare names that are no references worth keeping: built-in functions and types."""

    spelled: "re.Pattern[bytes] | None" = None
    """Matches names that may stand for files without an import statement."""
    spelled_by: "re.Pattern[bytes] | None" = None
    """Finds the places in or before which such a name stands: `::` is rarer than letters. None looks everywhere."""
    unspelled: "re.Pattern[bytes] | None" = None
    """Matches the start of a line, up to such a name, when the name is no code: comments, strings, imports."""
    quoted: tuple[bytes, bytes] | None = None
    """Begin and end of text of several lines in which no name is code."""
    implied: Callable[[Sequence[Import], Mapping[str, int]], Iterable[Import]] | None = None
    """Imports without a statement, from what `spelled` found with its first line: `Shop.Basket.add` in Elixir."""
    mention: "re.Pattern[bytes] | None" = None
    """Finds the statements that may name other files; every identifier in a match becomes a key."""
    names_of: Callable[[str], set[str]] = _stem_names
    """Keys under which other files may mention a path."""
    import_words: frozenset[str] = frozenset()
    """Keys of every file with an import: words of the statement, for files that have no name of their own."""
    resolve: Callable[[Import, str, Tree], list[str]] = _no_targets
    """Files of the repository that an import means, best first; empty for outside ones."""
    family: str = ""
    """Languages that can import each other share a family; empty means the own name."""
    loads: bool = False
    """An import without names makes what the file defines visible, as a Ruby `require` does."""
    siblings_visible: bool = False
    """Files of one folder see each other's names without an import (Go, Java)."""
    standard: frozenset[str] = frozenset()
    """First components of standard library modules, where the language has a fixed set."""
    self_names: frozenset[str] = frozenset({"self", "this", "cls"})
    refused: "re.Pattern[bytes] | None" = None
    """A source in which this is found is not parsed, because the grammar would crash on it."""
    blanked: "re.Pattern[bytes] | None" = None
    """What the grammar takes for something else and means nothing to it; its group is parsed as spaces: macros in
    front of the names of C functions and classes."""
    masked: "re.Pattern[bytes] | None" = None
    """What would crash the grammar and means nothing to it; parsed as underscores of the same length."""
    bounds: tuple[int, ...] = ()
    """Definitions kept inside one parent, by nesting: (200, 50) keeps keys of two levels; empty keeps all."""
    defining: frozenset[str] = frozenset()
    """Callees that define what their first argument names, which is then no call: `def` in Elixir."""
    branching: frozenset[str] = frozenset()
    """Callees that make a branch: `if` in Elixir."""
    chunk_inside: frozenset[str] = frozenset()
    """Node types worth cutting inside when too large, beyond what containers and definitions say."""
    keep_lines: bool = True
    """Cut chunks only at line starts; off for languages that may be one long line."""

    @property
    def kin(self) -> str:
        """The family name."""
        return self.family or self.name


def patterns(words: str) -> "tuple[re.Pattern[bytes], ...]":
    """One pattern for each of the words, followed by what ends a word."""
    return tuple(re.compile(re.escape(word.encode()) + rb"\b") for word in words.split())


def text(node: "Node", source: bytes) -> str:
    """The source of a node, undecodable bytes replaced."""
    return source[node.start_byte : node.end_byte].decode("utf-8", "replace")


def field(node: "Node", name: str, source: bytes) -> str:
    """The source of a field, empty when the node lacks it."""
    child = node.child_by_field_name(name)
    return text(child, source) if child is not None else ""


def by_fields(
    kind: SymbolKind,
    *,
    name: str = "name",
    body: str = "body",
    doc: Callable[["Node", bytes], str | None] | None = None,
) -> Reader:
    """A reader for the usual shape: a field holds the name, another the body."""

    def read(node: "Node", source: bytes) -> Iterable[Found]:
        label = node.child_by_field_name(name)
        if label is None:
            return ()
        inner = node.child_by_field_name(body)
        named, tell = text(label, source), doc if inner is not None else None
        return (make_plainly(Found, (named, kind, node, inner, None, None, None, None, None, (), None, tell)),)

    return read


def effects_by_kind(**callees: str) -> dict[str, str]:
    """The `effects` table of a language from words grouped by kind: `file="open os.remove", process="os.system"`."""
    return {callee: kind for kind, words in callees.items() for callee in words.split()}


def head_line(node: "Node", source: bytes) -> str:
    """The first line of a node without an opening bracket at its end; an ellipsis says that more follows."""
    end = source.find(b"\n", node.start_byte, node.end_byte)
    if end < 0:
        return " ".join(text(node, source).split()).rstrip("; ")
    line = " ".join(source[node.start_byte : end].decode("utf-8", "replace").split())
    return line.rstrip("{([ ") + " …"


def line_of(node: "Node") -> int:
    """First line of a node, counted from 1."""
    return int(node.start_point[0]) + 1


@cache
def _tables() -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Language names by extension, file name and interpreter; read from the sources, importing all takes 20 ms."""
    names = plugins.names(ROOM)
    extensions, filenames, interpreters = (
        {word: name for name in names for word in plugins.literals(ROOM, name, field)}
        for field in ("extensions", "filenames", "interpreters")
    )
    return extensions, filenames, interpreters


@cache
def get_language(name: str) -> Language:
    """The language of that file in `languages/`.

    Raises:
        UsageError: if there is none.
    """
    language: Language = plugins.load(ROOM, name).LANGUAGE
    return language


def find_language(path: str, head: bytes = b"") -> Language | None:
    """The language of a file by its name, else by the `#!` line in `head`; None when unknown.

    Args:
        head: The first `HEAD_BYTES` of the file; without them a name that several languages use means the first.
    """
    by_extension, by_filename, by_interpreter = _tables()
    base = path.rsplit("/", 1)[-1]
    name = by_filename.get(base)
    if name is None:
        dot = base.rfind(".")
        name = by_extension.get(base[dot:].lower()) if dot >= 0 else None
    if name is None and head.startswith(b"#!"):
        words = re.split(rb"[\s/]+", head[2:200].split(b"\n", 1)[0].strip())
        programs = [re.sub(r"[\d.]+$", "", word.decode("latin-1")) for word in words]
        name = next((by_interpreter[word] for word in programs if word in by_interpreter), None)
    language = get_language(name) if name else None
    if language is not None and head and language.renamed is not None:
        return get_language(language.renamed(head))
    return language


@cache
def load_grammar(spec: str) -> Any:
    """The tree-sitter `Language` object for `module:function`, made once per process (0.6 to 11 ms)."""
    from importlib import import_module

    from tree_sitter import Language as Grammar

    module, function = spec.split(":")
    return Grammar(getattr(import_module(module), function)())


def sibling(node: "Node", step: int) -> "Node | None":
    """The named sibling so many places further, or back; the grammar's own way walks all of them for each."""
    if node.parent is None:
        return None
    children, places = _siblings(node.parent)
    place = places.get(node.id, -1) + step
    return children[place] if node.id in places and 0 <= place < len(children) else None


@lru_cache(maxsize=4)
def _siblings(parent: "Node") -> "tuple[list[Node], dict[int, int]]":
    children = parent.named_children
    return children, {child.id: place for place, child in enumerate(children)}
