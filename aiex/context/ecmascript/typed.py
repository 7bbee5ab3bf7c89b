"""What TypeScript adds: interfaces, types, enums, namespaces, overloads, and the language both dialects share."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from aiex.context.ecmascript import definitions, exports, imports, paths
from aiex.context.ecmascript import uses as known
from aiex.context.facts import SymbolKind
from aiex.context.language import Found, Language, Reader, by_fields, field, text
from aiex.context.prose import SIGNATURE_LIMIT

if TYPE_CHECKING:
    from tree_sitter import Node

_INTERFACE: Reader = by_fields("interface")
_ENUM: Reader = by_fields("enum")
_CLASS: Reader = by_fields("class")


def _named(kind: SymbolKind) -> Reader:
    """A reader for what has a name and no body."""

    def read(node: "Node", source: bytes) -> Iterable[Found]:
        name = field(node, "name", source)
        whole = " ".join(text(node, source).split()).rstrip(";,")
        short = whole if len(whole) <= SIGNATURE_LIMIT else whole[: SIGNATURE_LIMIT - 1] + "…"
        return (Found(name.strip("\"'"), kind, node, signature=short),) if name else ()

    return read


def _alias(node: "Node", source: bytes) -> Iterator[Found]:
    name = field(node, "name", source)
    if name:
        short = " ".join(text(node, source).split()).rstrip(";")
        yield Found(name, "type", node, signature=short if len(short) <= 120 else short[:119].rstrip() + "…")


def _module(node: "Node", source: bytes) -> Iterator[Found]:
    """`namespace A.B { … }` and `declare module 'x' { … }`."""
    written = field(node, "name", source)
    name = written.strip("\"'")
    if name:
        yield Found(name, "namespace", node, node.child_by_field_name("body"), exported=written != name or None)


def _statement(node: "Node", source: bytes) -> Iterable[Found]:
    child = node.named_child(0) if node.named_child_count else None
    if child is not None and child.type == "internal_module":
        return _module(child, source)
    return definitions.read_statement(node, source)


def _member(node: "Node", source: bytes) -> Iterator[Found]:
    """A member of an enum without a value; other names in a body are no definitions."""
    if node.parent is not None and node.parent.type == "enum_body":
        yield Found(text(node, source), "constant", node)


_USES = """
    (class_heritage (extends_clause value: [(identifier) (member_expression)] @inherit))
    (class_heritage (implements_clause [(type_identifier) (nested_type_identifier)] @inherit))
    (class_heritage (implements_clause (generic_type name: (_) @inherit)))
    (extends_type_clause [(type_identifier) (nested_type_identifier)] @inherit)
    (extends_type_clause (generic_type name: (_) @inherit))
    (type_annotation [(type_identifier) (nested_type_identifier)] @type)
    (type_annotation (generic_type name: (_) @type))
    (type_annotation (array_type (type_identifier) @type))
    (type_arguments (type_identifier) @type)
    (type_alias_declaration value: [(type_identifier) (generic_type)] @type)
    (union_type (type_identifier) @type)
    (as_expression (type_identifier) @type)
"""

DEFINITIONS: Mapping[str, Reader] = {
    **definitions.DEFINITIONS,
    "expression_statement": _statement,
    "public_field_definition": definitions.class_field,
    "abstract_class_declaration": _CLASS,
    "interface_declaration": _INTERFACE,
    "type_alias_declaration": _alias,
    "enum_declaration": _ENUM,
    "enum_assignment": _named("constant"),
    "property_identifier": _member,
    "internal_module": _module,
    "module": _module,
    "function_signature": _named("function"),
    "method_signature": _named("method"),
    "abstract_method_signature": _named("method"),
    "property_signature": _named("field"),
}


def typed_language(
    *, name: str, grammar: str, extensions: tuple[str, ...], interpreters: tuple[str, ...] = (), uses: str = ""
) -> Language:
    """TypeScript, or TypeScript with JSX: one language with two grammars."""
    return Language(
        name=name,
        grammar=grammar,
        extensions=extensions,
        interpreters=interpreters,
        definitions=DEFINITIONS,
        containers=definitions.CONTAINERS,
        inside=known.INSIDE_TYPED,
        wrappers=frozenset({"export_statement", "ambient_declaration"}),
        attached=frozenset({"decorator"}),
        comments=exports.COMMENTS,
        imports=imports.IMPORTS,
        inner_imports=imports.INNER_IMPORTS,
        inner_import_signs=known.IMPORT_SIGNS,
        exported=exports.is_exported,
        public=exports.public_names,
        entry=exports.entry_line,
        uses=known.USES + uses + _USES,
        effects=known.EFFECTS,
        exits=known.EXITS,
        ignored=known.IGNORED | known.IGNORED_TYPES,
        mention=paths.MENTION,
        names_of=paths.names_of,
        resolve=paths.resolve,
        family="ecmascript",
        standard=known.STANDARD | frozenset("node:" + name for name in known.STANDARD),
        self_names=frozenset({"this", "self", "that"}),
        chunk_inside=known.CHUNK_INSIDE,
    )
