"""Rust."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Reader, field, head_line, line_of, patterns, text
from aiex.context.prose import clean_comment
from aiex.context.rustpaths import OUTSIDE, from_file, leaves, modules_around, names_of, resolve

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

_SPELLED = re.compile(rb"[a-z_]\w*(?:::[A-Za-z_]\w*)+")
_UNSPELLED = re.compile(rb"//|^\s*(?:pub(?:\([^)]*\))?\s+)?(?:use\s|#!?\[)|\buse\s[^;]*$|^[^\"]*\"[^\"]*$|[\w:$.]$")
_PRIMITIVE = re.compile(r"[iuf]\d+|[iu]size|bool|char|str")


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


def _use(node: "Node", source: bytes) -> Iterable[Import]:
    argument = node.child_by_field_name("argument")
    if argument is None:
        return
    kind = "reexport" if _visible(node, source) else "import"
    nesting = modules_around(node, source)
    grouped: dict[str, list[tuple[str, str]]] = {}
    for leaf in leaves(argument, source):
        path = from_file(leaf.path, nesting)
        if leaf.name:
            grouped.setdefault(path, []).append((leaf.name, leaf.local))
        else:
            yield Import(path, (), leaf.local, line_of(node), kind)
    for path, names in grouped.items():
        yield Import(path, tuple(names), "", line_of(node), kind)


def _module(node: "Node", source: bytes) -> Iterable[Import]:
    name = field(node, "name", source)
    if node.child_by_field_name("body") is None and name:
        other = _PATH.search(_before(node, source))
        module = (
            other.group(1).decode("utf-8", "replace") if other else "::".join([*modules_around(node, source), name])
        )
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
        if head in bound or head in OUTSIDE or head == "self" or _PRIMITIVE.fullmatch(head) or module in known:
            continue
        known.add(module)
        yield Import(module, ((name, name),), "", line, "mention")


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
    inside=patterns("fn struct enum union trait impl mod use const static type extern macro_rules"),
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
    import_words=frozenset({"use"}),
    names_of=names_of,
    resolve=resolve,
    standard=OUTSIDE,
    self_names=frozenset({"self", "Self"}),
    chunk_inside=frozenset({"block", "token_tree"}),
)  # fmt: skip
