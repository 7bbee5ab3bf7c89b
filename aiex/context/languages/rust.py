"""Rust."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Reader, Tree, field, head_line, line_of, text
from aiex.context.prose import clean_comment

if TYPE_CHECKING:
    from tree_sitter import Node

_TEST = re.compile(
    rb"#\[(?:\w+::)*(?:test|rstest|bench|test_case|quickcheck|proptest)\b[^\n]*\]\s*(?:#\[[^\n]*\]\s*)*$"
)
_PATH = re.compile(rb'#\[path\s*=\s*"([^"\n]+)"\s*\]\s*(?:#\[[^\n]*\]\s*)*(?:pub(?:\([^)]*\))?\s*)?$')
_MACRO_EXPORT = re.compile(rb"#\[macro_export[^\n]*\]\s*(?:#\[[^\n]*\]\s*)*$")
_ITEMS = re.compile(
    rb"(?m)(?:^|(?<=[{;]))\s*(?:#|///|pub\b|(?:async |unsafe |const )*fn\b|"
    rb"(?:mod|use|impl|struct|enum|trait|static)\b)"
)
_NAME = re.compile(rb'(?m)^\s*name\s*=\s*["\']([^"\'\n]+)')

_WORD = re.compile(r"[A-Za-z_]\w*")
_SPELLED = re.compile(rb"[a-z_]\w*(?:::[A-Za-z_]\w*)+")
_UNSPELLED = re.compile(rb"//|^\s*(?:pub(?:\([^)]*\))?\s+)?(?:use\s|#!?\[)|\buse\s[^;]*$|^[^\"]*\"[^\"]*$|[\w:$.]$")
_PRIMITIVE = re.compile(r"[iuf]\d+|[iu]size|bool|char|str")
_OUTSIDE = frozenset({"std", "core", "alloc", "proc_macro", "test"})
_CRATE_FILES = ("lib.rs", "main.rs")
_OWN_CRATE_FOLDERS = frozenset({"tests", "examples", "benches"})


# --- definitions ---------------------------------------------------------------------------------------------------


def _before(node: "Node", source: bytes) -> bytes:
    """The source that may hold the attributes of a node."""
    return source[max(0, node.start_byte - 240) : node.start_byte]


def _visible(node: "Node", source: bytes) -> bool:
    first = node.child(0) if node.child_count else None
    if first is None or first.type != "visibility_modifier":
        return False
    return text(first, source) != "pub(self)"


def _exported(name: str, node: "Node", wrappers: tuple[str, ...], parent: SymbolKind | None) -> bool:
    if _visible(node, b""):
        return True
    if parent in ("trait", "enum"):
        return True
    if parent == "implementation" and node.parent is not None and node.parent.parent is not None:
        return node.parent.parent.child_by_field_name("trait") is not None
    return node.type == "impl_item"


def _item(kind: SymbolKind, *, bodied: bool = True) -> Reader:
    def read(node: "Node", source: bytes) -> Iterable[Found]:
        label = node.child_by_field_name("name")
        if label is None:
            return
        name = text(label, source)
        body = node.child_by_field_name("body") if bodied else None
        if name == "_" or (node.type == "mod_item" and body is None):
            return
        if body is None or body.type == "ordered_field_declaration_list":
            yield Found(name, kind, node, signature=head_line(node, source).rstrip(","))
        else:
            yield Found(name, kind, node, body)

    return read


def _function(node: "Node", source: bytes) -> Iterable[Found]:
    before = _before(node, source).rstrip()
    tests = before.endswith(b"]") and _TEST.search(before)
    yield Found(field(node, "name", source), "test" if tests else "function", node, node.child_by_field_name("body"))


def _implementation(node: "Node", source: bytes) -> Iterable[Found]:
    """`impl Trait for net::Point<T>` is named `Point`, as its methods are looked for there."""
    target = node.child_by_field_name("type")
    if target is None:
        return
    while target.type in ("generic_type", "reference_type") and target.child_by_field_name("type") is not None:
        target = target.child_by_field_name("type") or target
    if target.type == "scoped_type_identifier":
        target = target.child_by_field_name("name") or target
    yield Found(" ".join(text(target, source).split()), "implementation", node, node.child_by_field_name("body"))


def _macro(node: "Node", source: bytes) -> Iterable[Found]:
    name = field(node, "name", source)
    exported = bool(_MACRO_EXPORT.search(_before(node, source)))
    yield Found(name, "macro", node, exported=exported, signature=f"macro_rules! {name}")


def _items_in_macro(node: "Node", source: bytes) -> tuple[int, int] | None:
    """The inside of `name! { … }` when it looks like items."""
    if node.parent is None or node.parent.type not in ("source_file", "declaration_list", "expression_statement"):
        return None
    if node.parent.type == "expression_statement" and (
        node.parent.parent is None or node.parent.parent.type not in ("source_file", "declaration_list")
    ):
        return None
    tokens = node.named_children[-1] if node.named_children else None
    if tokens is None or tokens.type != "token_tree" or source[tokens.start_byte : tokens.start_byte + 1] != b"{":
        return None
    start, end = tokens.start_byte + 1, tokens.end_byte - 1
    return (start, end) if _ITEMS.search(source, start, end) else None


def _module_doc(root: "Node", source: bytes) -> str | None:
    lines: list[str] = []
    for child in root.named_children:
        if child.type in ("line_comment", "block_comment"):
            if child.child_by_field_name("inner") is not None:
                lines.extend(text(child, source).splitlines())
            elif lines:
                break
        elif child.type != "inner_attribute_item":
            break
    return clean_comment(lines) or None


def _entry(root: "Node", source: bytes) -> int:
    for child in root.named_children:
        if child.type == "function_item" and field(child, "name", source) == "main":
            return line_of(child)
    return 0


# --- imports -------------------------------------------------------------------------------------------------------


class _Leaf(NamedTuple):
    """One name that a `use` brings in."""

    path: str
    name: str
    local: str


def _use(node: "Node", source: bytes) -> Iterable[Import]:
    argument = node.child_by_field_name("argument")
    if argument is None:
        return
    kind = "reexport" if _visible(node, source) else "import"
    nesting = _nesting(node, source)
    grouped: dict[str, list[tuple[str, str]]] = {}
    for leaf in _leaves(argument, "", source, 0):
        path = _from_file(leaf.path, nesting)
        if leaf.name:
            grouped.setdefault(path, []).append((leaf.name, leaf.local))
        else:
            yield Import(path, (), leaf.local, line_of(node), kind)
    for path, names in grouped.items():
        yield Import(path, tuple(names), "", line_of(node), kind)


def _leaves(node: "Node", prefix: str, source: bytes, depth: int) -> Iterator[_Leaf]:
    if depth > 30:
        return
    if node.type == "use_list":
        for child in node.named_children:
            yield from _leaves(child, prefix, source, depth + 1)
    elif node.type == "scoped_use_list":
        inner = node.child_by_field_name("list")
        path = _join(prefix, _compact(field(node, "path", source)))
        if inner is not None:
            yield from _leaves(inner, path, source, depth + 1)
    elif node.type == "use_wildcard":
        path = _compact(text(node, source)).removesuffix("*").removesuffix("::")
        yield _Leaf(_join(prefix, path), "*", "*")
    elif node.type == "use_as_clause":
        yield _leaf(prefix, _compact(field(node, "path", source)), field(node, "alias", source))
    elif node.type not in ("line_comment", "block_comment"):
        yield _leaf(prefix, _compact(text(node, source)), "")


def _leaf(prefix: str, path: str, alias: str) -> _Leaf:
    if path == "self" and prefix:
        return _Leaf(prefix, "", alias or prefix.rpartition("::")[2])
    whole = _join(prefix, path)
    head, _, name = whole.rpartition("::")
    return _Leaf(head, name, alias or name) if head else _Leaf(whole, "", alias or whole)


def _join(prefix: str, path: str) -> str:
    return f"{prefix}::{path}" if prefix and path else prefix or path


def _compact(written: str) -> str:
    return "".join(written.split()).removeprefix("::")


def _nesting(node: "Node", source: bytes) -> list[str]:
    """Names of the modules in braces around a node, outermost first."""
    names: list[str] = []
    above = node.parent
    while above is not None:
        if above.type == "mod_item":
            names.insert(0, field(above, "name", source))
        above = above.parent
    return names


def _from_file(path: str, nesting: Sequence[str]) -> str:
    """A path as it would be written outside the braces of inner modules: `super` in `mod tests` is the file."""
    parts = path.split("::")
    if not nesting or parts[0] not in ("self", "super"):
        return path
    levels = list(nesting)
    while parts and parts[0] in ("self", "super"):
        word = parts.pop(0)
        if word == "super":
            if not levels:
                return "::".join(["super", *parts])
            levels.pop()
    return "::".join(["self", *levels, *parts])


def _module(node: "Node", source: bytes) -> Iterable[Import]:
    name = field(node, "name", source)
    if node.child_by_field_name("body") is None and name:
        other = _PATH.search(_before(node, source))
        module = other.group(1).decode("utf-8", "replace") if other else "::".join([*_nesting(node, source), name])
        yield Import(module, (), name, line_of(node), "module")


def _extern(node: "Node", source: bytes) -> Iterable[Import]:
    name = field(node, "name", source)
    yield Import(name, (), field(node, "alias", source) or name, line_of(node), "import")


def _implied(imports: Sequence[Import], spelled: Mapping[str, int]) -> Iterable[Import]:
    """Paths written out where they are used: `crate::net::connect()`, `tokio_util::codec::Framed::new()`."""
    known = {item.module for item in imports}
    bound = {local for item in imports for _, local in item.names} | {item.alias for item in imports}
    for written, line in spelled.items():
        module, _, name = written.rpartition("::")
        head = module.partition("::")[0]
        if head in bound or head in _OUTSIDE or head == "self" or _PRIMITIVE.fullmatch(head) or module in known:
            continue
        known.add(module)
        yield Import(module, ((name, name),), "", line, "mention")


# --- files ---------------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """A module: the file it is in and the folder its child modules are in."""

    file: str
    folder: str


def _place_of(path: str, tree: Tree) -> _Place:
    folder, _, base = path.rpartition("/")
    if base in ("mod.rs", *_CRATE_FILES, "build.rs") or _holds_crates(folder, tree):
        return _Place(path, folder)
    return _Place(path, _under(folder, base.removesuffix(".rs")))


def _holds_crates(folder: str, tree: Tree) -> bool:
    """Whether Cargo makes a crate of every file in a folder: `tests` beside a manifest, `src/bin`."""
    above, _, last = folder.rpartition("/")
    if last == "bin":
        return above.rpartition("/")[2] == "src"
    return last in _OWN_CRATE_FOLDERS and tree.has(_under(above, "Cargo.toml"))


def _under(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _child(place: _Place, name: str, tree: Tree) -> _Place | None:
    name = name.removeprefix("r#")
    for path in (_under(place.folder, name + ".rs"), _under(place.folder, name + "/mod.rs")):
        if tree.has(path):
            return _Place(path, _under(place.folder, name))
    inside = _under(place.folder, name)
    return _Place(place.file, inside) if tree.inside(inside) else None  # a module in braces, its children in files


def _parent(place: _Place, tree: Tree) -> _Place | None:
    base = place.file.rpartition("/")[2]
    if base in _CRATE_FILES:
        return None
    folder = place.folder.rpartition("/")[0]
    for path in (*(_under(folder, name) for name in ("mod.rs", *_CRATE_FILES)), folder + ".rs"):
        if path != place.file and tree.has(path):
            return _Place(path, folder)
    return None


def _crate_of(path: str, tree: Tree) -> _Place | None:
    """The root module of the crate that a file belongs to."""
    folder = path.rpartition("/")[0]
    if _holds_crates(folder, tree):
        return _Place(path, folder)
    while True:
        for name in _CRATE_FILES:
            if tree.has(_under(folder, name)):
                return _Place(_under(folder, name), folder)
        if not folder or tree.has(_under(folder, "Cargo.toml")):
            return None
        folder = folder.rpartition("/")[0]


@lru_cache(maxsize=512)
def _crate_name(manifest: bytes) -> str:
    """The name under which the library of a Cargo.toml is used: that of `[lib]`, else of `[package]`."""
    names: dict[bytes, str] = {}
    for block in re.split(rb"(?m)^\s*(?=\[)", manifest):
        header = block.partition(b"]")[0].strip(b"[ \t")
        match = _NAME.search(block)
        if match and header in (b"lib", b"package"):
            names[header] = match.group(1).decode("utf-8", "replace").replace("-", "_")
    return names.get(b"lib") or names.get(b"package", "")


def _workspace_crate(name: str, path: str, tree: Tree) -> _Place | None:
    for manifest in tree.ending("Cargo.toml"):
        if _crate_name(tree.read(manifest)) == name:
            folder = manifest.rpartition("/")[0]
            for inner in ("src/lib.rs", "src/main.rs", "lib.rs"):
                if tree.has(_under(folder, inner)):
                    file = _under(folder, inner)
                    return _Place(file, file.rpartition("/")[0])
    return None


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """The file that holds the module, or the item when only its module has a file."""
    own = _place_of(path, tree)
    if item.kind == "module":
        return _module_files(item, own, tree)
    parts = item.module.split("::")
    start = _start(parts, own, tree)
    if start is None:
        return []
    place, rest = start
    for part in rest:
        inner = _child(place, part, tree)
        if inner is None:
            break
        place = inner
    else:
        deeper = [_child(place, name, tree) for name, _ in item.names]
        files = [inner.file if inner is not None else place.file for inner in deeper] or [place.file]
        return [file for file in dict.fromkeys(files) if file != path and tree.has(file)]
    return [place.file] if place.file != path and tree.has(place.file) else []


def _module_files(item: Import, own: _Place, tree: Tree) -> list[str]:
    if item.module.endswith(".rs"):
        other = _normal(_under(own.file.rpartition("/")[0], item.module))
        return [other] if tree.has(other) else []
    place: _Place = own
    *outer, name = item.module.split("::")
    for part in outer:
        place = _Place(place.file, _under(place.folder, part))
    inner = _child(place, name, tree)
    return [inner.file] if inner is not None else []


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ""):
            parts.append(part)
    return "/".join(parts)


def _start(parts: list[str], own: _Place, tree: Tree) -> tuple[_Place, list[str]] | None:
    """The module a path begins at and what is left to follow."""
    head = parts[0]
    if head in ("crate", "$crate"):
        root = _crate_of(own.file, tree)
        return (root, parts[1:]) if root is not None else None
    if head in ("self", "super"):
        place: _Place | None = own
        rest = parts
        while rest and rest[0] in ("self", "super") and place is not None:
            place = _parent(place, tree) if rest[0] == "super" else place
            rest = rest[1:]
        return (place, rest) if place is not None else None
    if _child(own, head, tree) is not None:
        return own, parts
    if head in _OUTSIDE:
        return None
    crate = _workspace_crate(head, own.file, tree)
    if crate is not None:
        return crate, parts[1:]
    root = _crate_of(own.file, tree)
    return (root, parts) if root is not None and _child(root, head, tree) is not None else None


def _names_of(path: str) -> set[str]:
    """The module's name; `super` and `self` may mean any module, `use` any crate."""
    folder, _, base = path.rpartition("/")
    stem = base.removesuffix(".rs")
    if base == "mod.rs":
        return {folder.rpartition("/")[2], "super"}
    if base in _CRATE_FILES:
        return {"crate", "super", "use", folder.removesuffix("/src").rpartition("/")[2].replace("-", "_")}
    return {stem, "super"}


LANGUAGE = Language(
    name="rust",
    grammar="tree_sitter_rust:language",
    extensions=(".rs",),
    interpreters=("rust-script",),
    definitions={
        "function_item": _function,
        "function_signature_item": _item("function"),
        "struct_item": _item("struct"),
        "union_item": _item("struct"),
        "enum_item": _item("enum"),
        "enum_variant": _item("constant", bodied=False),
        "trait_item": _item("trait"),
        "impl_item": _implementation,
        "mod_item": _item("module"),
        "const_item": _item("constant", bodied=False),
        "static_item": _item("variable", bodied=False),
        "type_item": _item("type", bodied=False),
        "associated_type": _item("type", bodied=False),
        "field_declaration": _item("field", bodied=False),
        "macro_definition": _macro,
    },
    containers=frozenset({"foreign_mod_item", "declaration_list", "expression_statement"}),
    opened={"macro_invocation": _items_in_macro},
    attached=frozenset({"attribute_item"}),
    imports={"use_declaration": _use, "mod_item": _module, "extern_crate_declaration": _extern},
    comments=frozenset({"line_comment", "block_comment"}),
    module_doc=_module_doc,
    exported=_exported,
    entry=_entry,
    uses="""
        (call_expression function: [(identifier) (scoped_identifier) (field_expression)] @call)
        (call_expression function: (generic_function function: (_) @call))
        (struct_expression name: [(type_identifier) @new (scoped_type_identifier) @new
                                  (generic_type_with_turbofish type: (_) @new)])
        (macro_invocation macro: (_) @macro)
        (impl_item trait: [(type_identifier) @inherit (scoped_type_identifier) @inherit
                           (generic_type type: (_) @inherit)])
        (trait_item bounds: (trait_bounds [(type_identifier) (scoped_type_identifier)] @inherit))
        [(type_parameter bounds: (trait_bounds [(type_identifier) (scoped_type_identifier)] @type))
         (where_predicate bounds: (trait_bounds [(type_identifier) (scoped_type_identifier)] @type))
         (abstract_type trait: [(type_identifier) (scoped_type_identifier)] @type)
         (dynamic_type trait: [(type_identifier) (scoped_type_identifier)] @type)
         (function_item return_type: [(type_identifier) (scoped_type_identifier)] @type)]
        (attribute [(identifier) (scoped_identifier)] @decorate)
        (field_declaration type: [(type_identifier) (scoped_type_identifier)] @type)
        (parameter type: [(type_identifier) (scoped_type_identifier)] @type)
        (reference_type type: [(type_identifier) (scoped_type_identifier)] @type)
        (generic_type type: [(type_identifier) (scoped_type_identifier)] @type)
        (return_expression (call_expression function: (identifier) @_name) @raise (#eq? @_name "Err"))
        (match_arm pattern: (match_pattern (tuple_struct_pattern type: (identifier) @_name) @catch)
         (#eq? @_name "Err"))
        (let_condition pattern: (tuple_struct_pattern type: (identifier) @_name) @catch (#eq? @_name "Err"))
        (static_item (mutable_specifier)) @effect.state
        (unsafe_block) @effect.code
        [(if_expression) (match_arm) (for_expression) (while_expression) (loop_expression)
         "&&" "||"] @branch
    """,
    effects={
        "std.fs.*": "file", "fs.*": "file", "tokio.fs.*": "file", "async_std.fs.*": "file", "File.open": "file",
        "File.create": "file", "OpenOptions.new": "file", "std.env.temp_dir": "file", "tempfile.*": "file",
        "memmap2.*": "file", ".read_to_string": "file", ".sync_all": "file", "walkdir.*": "file",
        "std.net.*": "network", "tokio.net.*": "network", "reqwest.*": "network", "hyper.*": "network",
        "TcpStream.connect": "network", "TcpListener.bind": "network", "UdpSocket.bind": "network",
        "UnixStream.connect": "network", "UnixListener.bind": "network", "socket2.*": "network", "mio.net.*": "network",
        "ureq.*": "network", "tonic.*": "network", "axum.serve": "network",
        "std.process.Command.*": "process", "Command.new": "process", "tokio.process.*": "process",
        "std.process.id": "process", "libc.fork": "process", "libc.kill": "process", "libc.waitpid": "process",
        "nix.sys.signal.*": "process", "tokio.signal.*": "process", "signal_hook.*": "process",
        "std.env.*": "environment", "env.var": "environment", "env.vars": "environment", "env.args": "environment",
        "env.var_os": "environment", "env.set_var": "environment", "env.remove_var": "environment",
        "env.current_dir": "environment", "env.set_current_dir": "environment", "env": "environment",
        "option_env": "environment",
        "Instant.now": "time", "SystemTime.now": "time", "std.thread.sleep": "time", "thread.sleep": "time",
        "tokio.time.*": "time", "std.time.Instant.now": "time", "std.time.SystemTime.now": "time",
        "chrono.Utc.now": "time", "chrono.Local.now": "time", "Utc.now": "time",
        "rand.*": "random", "fastrand.*": "random", "getrandom.*": "random", "uuid.Uuid.new_v4": "random",
        "Uuid.new_v4": "random",
        "sqlx.*": "database", "diesel.*": "database", "rusqlite.*": "database", "redis.*": "database",
        "mongodb.*": "database", "sled.*": "database", "rocksdb.*": "database", "sea_orm.*": "database",
        "println": "output", "print": "output", "eprintln": "output", "eprint": "output", "dbg": "output",
        "std.io.stdout": "output", "std.io.stderr": "output", "io.stdout": "output", "io.stderr": "output",
        "tracing.*": "output", "log.*": "output", "info": "output", "warn": "output", "error": "output",
        "debug": "output", "trace": "output",
        "std.io.stdin": "input", "io.stdin": "input",
        "std.thread.*": "thread", "thread.spawn": "thread", "tokio.spawn": "thread", "tokio.task.*": "thread",
        "task.spawn": "thread", "task.spawn_blocking": "thread", "rayon.*": "thread", "crossbeam.*": "thread",
        "tokio.select": "thread", "std.sync.atomic.fence": "thread",
        "std.mem.transmute": "code", "mem.transmute": "code", "libloading.*": "code",
        "std.panic.set_hook": "state", "panic.set_hook": "state", "lazy_static": "state", "thread_local": "state",
        "lazy_static.lazy_static": "state",
    },
    exits=frozenset({"std.process.exit", "process.exit", "std.process.abort", "process.abort"}),
    faults={
        "panic": "raise", "unreachable": "raise", "todo": "raise", "unimplemented": "raise", "bail": "raise",
        "anyhow.bail": "raise", "anyhow": "raise", "anyhow.anyhow": "raise", "compile_error": "raise",
        "std.panic.panic_any": "raise", "eyre": "raise",
        "assert": "assert", "assert_eq": "assert", "assert_ne": "assert", "debug_assert": "assert",
        "debug_assert_eq": "assert", "debug_assert_ne": "assert", "ensure": "assert", "anyhow.ensure": "assert",
        ".unwrap": "assert", ".expect": "assert", "std.panic.catch_unwind": "catch", "panic.catch_unwind": "catch",
        ".map_err": "catch", ".unwrap_or_else": "catch",
    },
    ignored=frozenset(
        {"Some", "None", "Ok", "Err", "Box", "Vec", "String", "Option", "Result", "Self", "derive", "cfg", "allow",
         "doc", "inline", "must_use", "test", "cfg_attr", "format", "vec", "panic", "assert", "assert_eq", "assert_ne",
         "debug_assert", "unreachable", "println", "eprintln", "write", "writeln", "matches", "todo", "deprecated"}
    ),
    spelled=_SPELLED,
    spelled_by=re.compile(rb"::"),
    unspelled=_UNSPELLED,
    quoted=(b"/*", b"*/"),
    implied=_implied,
    mention=re.compile(
        rb"\b(?:use|extern[ \t]+crate)\b[^;]{1,4000};|\bmod[ \t]+(?:r#)?\w+[ \t]*;|#\[path[^\n]*|"
        rb"(?<![\w:])[a-z_]\w*(?:::\w+)+"
    ),
    names_of=_names_of,
    resolve=_resolve,
    standard=_OUTSIDE,
    self_names=frozenset({"self", "Self"}),
    chunk_inside=frozenset({"block", "token_tree"}),
)  # fmt: skip
