"""Readers of definitions: declarations, assigned functions, classes, object literals, test blocks."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from aiex.context.ecmascript.exports import EXPORT_OBJECTS, EXPORTS
from aiex.context.facts import SymbolKind
from aiex.context.language import Found, Reader, by_fields, field, text

if TYPE_CHECKING:
    from tree_sitter import Node

FUNCTIONS = frozenset({"arrow_function", "function_expression", "generator_function", "function"})
_TESTS = frozenset(
    {"describe", "it", "test", "suite", "context", "specify", "xit", "xdescribe", "fit", "fdescribe", "xtest", "bench"}
)
_WRAPPERS = frozenset(
    {
        "memo", "forwardRef", "useCallback", "debounce", "throttle", "observer", "once", "memoize", "promisify",
        "asyncHandler", "deprecate", "curry",
    }
)  # fmt: skip
_RUNNERS = frozenset(
    {"setTimeout", "setInterval", "setImmediate", "requestAnimationFrame", "require", "queueMicrotask", "String"}
)
_MODULE_LEVEL = frozenset({"program", "export_statement", "ambient_declaration"})
_CLOSERS = {"object": "{…}", "array": "[…]"}
_CONSTANT = re.compile(r"^_*[A-Z][A-Z0-9_]+$")
_VALUE_LIMIT = 80


def _declared(node: "Node", source: bytes) -> Iterator[Found]:
    """`const`, `let` and `var`: functions everywhere, other values at module level only."""
    above = node.parent
    outermost = above is None or above.type in _MODULE_LEVEL
    several = node.named_child_count > 1
    for child in node.named_children:
        if child.type != "variable_declarator":
            continue
        name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if name is None or name.type != "identifier":
            continue
        label = text(name, source)
        range_of = child if several else node
        while value is not None and value.type == "assignment_expression":  # const a = exports.a = …
            value = value.child_by_field_name("right")
        inner = _unwrapped(value, source, outermost)
        if inner is not None and (inner.type in FUNCTIONS or inner.type == "class"):
            if outermost or inner.start_point[0] != inner.end_point[0]:
                kind: SymbolKind = "class" if inner.type == "class" else "function"
                yield Found(label, kind, range_of, body_of(inner))
        elif outermost:
            if not is_require(value, source):
                fixed = source.startswith(b"const", node.start_byte)
                body = value if value is not None and value.type == "object" else None
                yield Found(
                    label,
                    "constant" if fixed else "variable",
                    range_of,
                    body,
                    signature=_short(node if not several else child, value, source),
                )
        elif _CONSTANT.match(label) and above is not None and _is_module_pattern(above):
            yield Found(label, "constant", range_of, signature=_short(range_of, value, source))
        if value is not None and inner is not None and inner.type == "call_expression":
            yield from _called_in_place(inner)


def _unwrapped(value: "Node | None", source: bytes, outermost: bool = True) -> "Node | None":
    """The function inside `memo(() => …)`, `React.forwardRef(function …)`, `(x)`, `x as T`; else the value itself."""
    for _ in range(4):
        if value is None:
            return None
        if value.type in ("parenthesized_expression", "as_expression", "satisfies_expression"):
            value = value.named_children[0] if value.named_children else None
        elif value.type == "call_expression":
            arguments = value.child_by_field_name("arguments")
            first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
            function = value.child_by_field_name("function")
            if first is None or function is None or not _is_wrapper(function, source, outermost):
                return value
            value = first
        else:
            return value
    return value


def _is_wrapper(callee: "Node", source: bytes, outermost: bool) -> bool:
    """Whether a call hands back the function it is given, as `memo` does and `setTimeout` and `map` do not."""
    name = callee.child_by_field_name("property") if callee.type == "member_expression" else callee
    word = text(name, source) if name is not None else ""
    return word in _WRAPPERS or (outermost and callee.type == "identifier" and word not in _RUNNERS)


def body_of(function: "Node") -> "Node | None":
    return function.child_by_field_name("body")


def is_require(value: "Node | None", source: bytes) -> bool:
    """`require('x')` and what is taken from it: the import says it already."""
    while value is not None and value.type in ("member_expression", "call_expression"):
        inner = value.child_by_field_name("object" if value.type == "member_expression" else "function")
        if inner is not None and inner.type == "identifier" and value.type == "call_expression":
            return text(inner, source) == "require"
        value = inner
    return False


def _is_module_pattern(block: "Node") -> bool:
    """Whether a block is the body of a function called where it stands at module level."""
    node: Node | None = block
    for _ in range(6):
        node = node.parent if node is not None else None
        if node is None:
            return False
        if node.type == "program":
            return True
        if node.type not in FUNCTIONS | {
            "parenthesized_expression", "call_expression", "expression_statement", "unary_expression", "arguments",
        }:  # fmt: skip
            return False
    return False


def _short(node: "Node", value: "Node | None", source: bytes) -> str:
    """A declaration with its value when that is short, else with the kind of value."""
    if value is None:
        return " ".join(text(node, source).rstrip(";").split())[:240]
    head = source[node.start_byte : value.start_byte].decode("utf-8", "replace")
    said = text(value, source)
    if len(said) > _VALUE_LIMIT or "\n" in said:
        said = _CLOSERS.get(value.type, "")
        if value.type in ("new_expression", "call_expression"):
            callee = field(value, "constructor", source) or field(value, "function", source)
            callee = " ".join(callee.split())
            said = ("new " if value.type == "new_expression" else "") + callee[:_VALUE_LIMIT] + "(…)"
        said = said or "…"
    return " ".join(f"{head}{said}".split())[:240]


def read_statement(node: "Node", source: bytes) -> Iterator[Found]:
    """Assigned functions, tests, functions called where they stand."""
    child = node.named_child(0) if node.named_child_count else None
    if child is None:
        return
    match child.type:
        case "assignment_expression":
            yield from _assigned(node, child, source)
        case "call_expression":
            yield from _called(node, child, source)
        case "unary_expression" | "await_expression" | "parenthesized_expression":
            inner = child.named_children[-1] if child.named_children else None
            if inner is not None and inner.type == "call_expression":
                yield from _called_in_place(inner)
        case _:
            return


def _assigned(node: "Node", assignment: "Node", source: bytes) -> Iterator[Found]:
    """`exports.a = …`, `X.prototype.y = function`, `app.use = function`, `module.exports = …`, and chains of these."""
    targets: list[str] = []
    value: Node | None = assignment
    while value is not None and value.type == "assignment_expression":
        left = value.child_by_field_name("left")
        targets.append(_path(left, source) if left is not None else "")
        value = value.child_by_field_name("right")
    inner = _unwrapped(value, source, outermost=False)
    if value is None or inner is None:
        return
    if inner.type == "call_expression":
        yield from _called_in_place(inner)
    if "module.exports" in targets:
        yield from _exported_whole(node, inner, source)
        return
    if inner.type in FUNCTIONS or inner.type == "class":
        path = next((one for one in targets if EXPORTS.match(one)), targets[-1])
        for other in targets:
            if other and other != path and "." in other:
                yield from _member(node, other, inner, source, with_body=False)
        yield from _member(node, path, inner, source, with_body=True)
    elif inner.type == "object" and targets[0].endswith(".prototype"):
        yield Found("", "variable", node, inner)
    else:
        for path in targets:
            owner, _, name = path.rpartition(".")
            if owner in EXPORT_OBJECTS and not _is_defined(name, inner, source):
                body = inner if inner.type == "object" else None
                yield Found(name, "constant", node, body, None, True, _short(node, value, source))


def _exported_whole(node: "Node", inner: "Node", source: bytes) -> Iterator[Found]:
    """`module.exports = …` of a function, a class or an object; named after it or `default`."""
    if inner.type in FUNCTIONS or inner.type == "class":
        name = field(inner, "name", source) or "default"
        yield Found(name, "class" if inner.type == "class" else "function", node, body_of(inner), None, True)
    elif inner.type == "object":
        yield Found("default", "constant", node, inner, None, True, "module.exports = {…}")


def _member(node: "Node", path: str, inner: "Node", source: bytes, *, with_body: bool) -> Iterator[Found]:
    """The function or class that an assignment puts at a dotted path."""
    owner, _, name = path.rpartition(".")
    body = body_of(inner)
    if not name or (not owner and not _is_outermost(node)):
        return
    exported = owner in EXPORT_OBJECTS
    kind: SymbolKind = "class" if inner.type == "class" else "function" if exported or not owner else "method"
    owner = owner.removesuffix(".prototype")
    yield Found(
        name,
        kind,
        node,
        body if with_body else None,
        exported=True if exported else None,
        signature=None if with_body else f"{path} = …",
        qualified=name if exported or not owner else None if owner == "this" else f"{owner}.{name}",
    )


_DEFINITION = re.compile(rb"\b(?:function\*?|class)\s+([\w$]+)|\b(?:const|let|var)\s+([\w$]+)\s*=(?!\s*require)")


def _is_outermost(node: "Node") -> bool:
    return node.parent is not None and node.parent.type in _MODULE_LEVEL


def _is_defined(name: str, value: "Node", source: bytes) -> bool:
    """Whether `exports.a = a` only publishes what this file defines, which has its own symbol."""
    if value.type in ("unary_expression", "undefined"):  # exports.a = void 0
        return True
    if value.type != "identifier" or text(value, source) != name:
        return False
    return name.encode() in _defined(source)


@lru_cache(maxsize=1)
def _defined(source: bytes) -> frozenset[bytes]:
    """Names of the functions, classes and values that a file defines; asked again and again about one file."""
    return frozenset(word for pair in _DEFINITION.findall(source) for word in pair)


def _path(node: "Node", source: bytes) -> str:
    """A chain of plain members as written, empty for anything computed."""
    if node.type not in ("member_expression", "identifier"):
        return ""
    words = text(node, source)
    return words if len(words) < 200 and re.fullmatch(r"[\w$]+(?:\.#?[\w$]+)*", words) else ""


def _called(node: "Node", call: "Node", source: bytes) -> Iterator[Found]:
    """Test blocks, functions called where they stand, and named functions handed to a call at module level."""
    start, end = call.start_byte, call.end_byte
    if source.find(b"=>", start, end) < 0 and source.find(b"function", start, end) < 0:
        return
    yield from _called_in_place(call)
    arguments = call.child_by_field_name("arguments")
    function = _last_function(arguments) if arguments is not None else None
    if arguments is None or function is None:
        return
    if _test_word(call, source):
        first = arguments.named_children[0]
        if first.type in ("string", "template_string"):
            said = " ".join(text(first, source).split())
            head = " ".join(text(call.child_by_field_name("function") or call, source).split())[:60]
            if len(said) > 2:
                yield Found(said[1:-1], "test", node, body_of(function), signature=f"{head}({said[:180]})")
        return
    if not _is_outermost(node):
        return
    owner, label = arguments.named_children[0], arguments.named_children[1:2]
    if owner.type == "identifier" and label and label[0].type == "string":  # defineGetter(req, 'ip', function ip() …)
        name = text(label[0], source)[1:-1]
        kind: SymbolKind = "property" if b"etter" in source[call.start_byte : owner.start_byte] else "method"
        yield Found(name, kind, node, body_of(function), qualified=f"{text(owner, source)}.{name}")
    elif name := field(function, "name", source):
        yield Found(name, "function", function, body_of(function))


def _last_function(arguments: "Node") -> "Node | None":
    for child in reversed(arguments.named_children):
        if child.type in FUNCTIONS:
            return child
    return None


def _test_word(call: "Node", source: bytes) -> bool:
    """Whether a call is `it(…)`, `describe.only(…)`, `test.each(…)(…)`, `Deno.test(…)`."""
    node = call.child_by_field_name("function")
    for _ in range(4):
        if node is None:
            return False
        if node.type == "identifier":
            return text(node, source) in _TESTS
        if node.type == "member_expression":
            if field(node, "property", source) in ("test", "it", "describe") and field(node, "object", source) in (
                "Deno",
                "QUnit",
                "Bun",
            ):
                return True
            node = node.child_by_field_name("object")
        elif node.type == "call_expression":
            node = node.child_by_field_name("function")
        else:
            return False
    return False


def _called_in_place(call: "Node") -> Iterator[Found]:
    """The inside of `(function () { … })()`, and of the factory in the universal module pattern."""
    function = call.child_by_field_name("function")
    if function is not None and function.type == "member_expression":  # (function () { … }).call(this)
        function = function.child_by_field_name("object")
    if function is None or function.type != "parenthesized_expression":
        return
    inner = function.named_children[0] if function.named_children else None
    if inner is not None and inner.type == "call_expression":  # (function () { … }())
        inner = inner.child_by_field_name("function")
    if inner is None or inner.type not in FUNCTIONS:
        return
    yield Found("", "function", call, body_of(inner))
    arguments = call.child_by_field_name("arguments")
    factory = _last_function(arguments) if arguments is not None else None
    if factory is not None:
        yield Found("", "function", call, body_of(factory))


def _pair(node: "Node", source: bytes) -> Iterator[Found]:
    """Functions in an object literal, and objects that hold some."""
    value, key = node.child_by_field_name("value"), node.child_by_field_name("key")
    if value is None or key is None or key.type == "computed_property_name":
        return
    name = text(key, source).strip("\"'`")
    if value.type in FUNCTIONS:
        yield Found(name, "method", node, body_of(value))
    elif value.type == "object" and any(_holds_function(child) for child in value.named_children):
        yield Found(name, "field", node, value)


def _holds_function(member: "Node") -> bool:
    if member.type == "method_definition":
        return True
    value = member.child_by_field_name("value") if member.type == "pair" else None
    return value is not None and value.type in FUNCTIONS


def _method(node: "Node", source: bytes) -> Iterator[Found]:
    label = node.child_by_field_name("name")
    if label is None:
        return
    name = text(label, source)
    kind: SymbolKind = "method"
    if name == "constructor":
        kind = "constructor"
    elif any(child.type in ("get", "set") for child in node.children[:4] if not child.is_named):
        kind = "property"
    yield Found(name.strip("\"'"), kind, node, body_of(node))


def class_field(node: "Node", source: bytes) -> Iterator[Found]:
    """A field of a class; an arrow function in it makes it a method."""
    label = node.child_by_field_name("property") or node.child_by_field_name("name")
    if label is None:
        return
    value = _unwrapped(node.child_by_field_name("value"), source)
    name = text(label, source)
    if value is not None and value.type in FUNCTIONS:
        yield Found(name, "method", node, body_of(value))
    else:
        yield Found(name, "field", node, signature=_short(node, node.child_by_field_name("value"), source))


def _default(node: "Node", source: bytes) -> Iterator[Found]:
    """`export default` of something without a name; a named one is found as usual."""
    value = node.child_by_field_name("value")
    if value is None:
        return
    inner = _unwrapped(value, source)
    if inner is None:
        return
    if inner.type in FUNCTIONS or inner.type in ("class", "class_expression"):
        name = field(inner, "name", source) or "default"
        yield Found(
            name, "class" if inner.type.startswith("class") else "function", node, body_of(inner), exported=True
        )
    elif inner.type not in ("identifier", "member_expression"):
        inside = value if value.type == "object" else _object_argument(inner)
        yield Found("default", "constant", node, inside, None, True, _short(node, value, source))


def _object_argument(call: "Node") -> "Node | None":
    """The options in `defineComponent({ … })`."""
    arguments = call.child_by_field_name("arguments")
    return next((child for child in arguments.named_children if child.type == "object"), None) if arguments else None


_FUNCTION: Reader = by_fields("function")
_CLASS: Reader = by_fields("class")

DEFINITIONS: Mapping[str, Reader] = {
    "function_declaration": _FUNCTION,
    "generator_function_declaration": _FUNCTION,
    "class_declaration": _CLASS,
    "lexical_declaration": _declared,
    "variable_declaration": _declared,
    "expression_statement": read_statement,
    "method_definition": _method,
    "pair": _pair,
    "export_statement": _default,
}
CONTAINERS = frozenset(
    {
        "statement_block", "if_statement", "else_clause", "try_statement", "catch_clause", "finally_clause",
        "labeled_statement",
    }
)  # fmt: skip
