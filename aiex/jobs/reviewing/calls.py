"""Calls in a syntax tree: what is called and with which arguments, in any of the languages that rules know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from aiex.jobs.reviewing.diff import FileChange
    from aiex.jobs.reviewing.source import Source

ECMASCRIPT = frozenset({"javascript", "typescript", "tsx"})
_CALLS = ("call", "call_expression", "new_expression", "method_invocation")
_PLAIN = frozenset(
    (
        *("integer", "float", "number", "true", "false", "none", "null", "nil", "undefined", "identifier_literal"),
        *("string_literal", "interpreted_string_literal", "raw_string_literal", "string_fragment"),
    )
)
_TEXTS = frozenset({"string", "template_string", "concatenated_string", "string_literal"})
_MADE = frozenset({"interpolation", "template_substitution"})


class Call(NamedTuple):
    """One call."""

    node: Any
    callee: str
    """As written, without white space: `subprocess.run`, `db.execute`."""
    arguments: tuple[Any, ...]
    """Those by position."""
    named: dict[str, Any]
    """Keyword arguments."""

    @property
    def name(self) -> str:
        """The last part of what is called."""
        return self.callee.rpartition(".")[2]

    @property
    def receiver(self) -> str:
        """What stands before the last dot."""
        return self.callee.rpartition(".")[0]


def added_calls(change: FileChange, *languages: str) -> Iterator[Call]:
    """Calls that begin in an added line, where the file is in one of the languages."""
    if change.new is None or (languages and change.language not in languages):
        return
    for node in change.nodes(*_CALLS):
        if node.is_named:  # `call` is a keyword somewhere
            yield read_call(node, change.new)


def read_call(node: Any, source: Source) -> Call:
    """A call node taken apart."""
    called = next(filter(None, map(node.child_by_field_name, ("function", "constructor", "name", "method"))), None)
    callee = "".join(source.text_of(called).split()) if called is not None else ""
    if node.type == "method_invocation" and (receiver := node.child_by_field_name("object")) is not None:
        callee = "".join(source.text_of(receiver).split()) + "." + callee
    held = node.child_by_field_name("arguments")
    given = [child for child in held.named_children if child.type != "comment"] if held is not None else []
    named = {}
    for child in given:
        if child.type == "keyword_argument":
            label = child.child_by_field_name("name")
            named[source.text_of(label)] = child.child_by_field_name("value")
    return Call(node, callee, tuple(child for child in given if child.type != "keyword_argument"), named)


def is_fixed(node: Any) -> bool:
    """Whether a value is written out: a number, or text that nothing is put into."""
    if node.type in _PLAIN:
        return True
    if node.type in ("binary_operator", "binary_expression"):
        return all(is_fixed(child) for child in node.named_children)
    if node.type in _TEXTS:
        return not is_made(node)
    if node.type in ("list", "array", "tuple", "parenthesized_expression", "argument_list", "arguments"):
        return all(is_fixed(child) for child in node.named_children)
    return False


def is_made(node: Any) -> bool:
    """Whether text has values put into it: an f-string or a template with holes."""
    return any(child.type in _MADE or is_made(child) for child in node.named_children)


def is_text(node: Any) -> bool:
    """Whether a node is text in quotes, with or without holes."""
    return node.type in _TEXTS or node.type in ("interpreted_string_literal", "raw_string_literal")


def is_put_together(node: Any, source: Source) -> bool:
    """Whether a value is text with other values put into it: by holes, `+`, `%`, `format` or `sprintf`."""
    if is_text(node):
        return is_made(node)
    if node.type in ("binary_operator", "binary_expression"):
        sides = node.named_children
        return any(map(_has_text, sides)) and not all(map(is_fixed, sides))
    if node.type in ("call", "call_expression"):
        call = read_call(node, source)
        if call.name == "format":
            receiver = node.child_by_field_name("function").named_children[:1]
            return any(map(is_text, receiver)) and bool(call.arguments or call.named)
        return call.name in ("Sprintf", "sprintf") and len(call.arguments) > 1
    if node.type == "parenthesized_expression":
        return any(is_put_together(child, source) for child in node.named_children)
    return False


def _has_text(node: Any) -> bool:
    return is_text(node) or (
        node.type in ("binary_operator", "binary_expression") and any(map(_has_text, node.named_children))
    )
