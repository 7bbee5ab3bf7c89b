"""Whether a JSON schema is one that OpenAI enforces word for word (`strict`).

Source: OpenAI's guide on structured outputs, "Supported schemas", and the transformer of pydantic-ai 2.68, November
2026: every property is required, no others are allowed, and some keywords are unknown.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from aiex.patterns import late

_FORBIDDEN = frozenset(
    (
        "minLength", "maxLength", "patternProperties", "unevaluatedProperties", "propertyNames", "minProperties",
        "maxProperties", "unevaluatedItems", "contains", "minContains", "maxContains", "uniqueItems", "default",
        "oneOf", "allOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "prefixItems",
    )
)  # fmt: skip
_FORMATS = frozenset(("date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"))
_TYPED = frozenset(("type", "$ref", "anyOf", "enum", "const"))
_REF = late(r"#(?:/(?:\$defs|definitions)/[^/]+)?")
_MAX_DEPTH = 10
_MAX_PROPERTIES = 5000


def is_strict(schema: Mapping[str, Any]) -> bool:
    """True when the schema may be sent with `strict: true` as it is."""
    if schema.get("type") != "object" or "anyOf" in schema:
        return False
    count = 0
    for node, depth in _nodes(schema, 1):
        if depth > _MAX_DEPTH or not _is_legal(node):
            return False
        properties = node.get("properties")
        count += len(properties) if isinstance(properties, Mapping) else 0
    return count <= _MAX_PROPERTIES


def _nodes(node: Any, depth: int) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Every schema in a schema with its depth in objects; something that is no schema object is given as one that
    is not legal."""
    if not isinstance(node, Mapping):
        yield {"not": {}}, depth
        return
    yield node, depth
    if depth > _MAX_DEPTH:
        return
    for name in ("properties", "$defs", "definitions"):
        inner = node.get(name)
        for child in inner.values() if isinstance(inner, Mapping) else ():
            yield from _nodes(child, depth + 1 if name == "properties" else 1)
    if "items" in node:
        yield from _nodes(node["items"], depth)
    choices = node.get("anyOf")
    for child in choices if isinstance(choices, list | tuple) else ():
        yield from _nodes(child, depth)


def _is_legal(node: Mapping[str, Any]) -> bool:
    if not _FORBIDDEN.isdisjoint(node) or not _TYPED.intersection(node):
        return False
    reference = node.get("$ref")
    if reference is not None and (not isinstance(reference, str) or not _REF.fullmatch(reference) or len(node) > 1):
        return False
    if node.get("format", "date") not in _FORMATS or "(?" in str(node.get("pattern", "")):
        return False
    kinds = node.get("type")
    kinds = kinds if isinstance(kinds, list | tuple) else (kinds,)
    if "array" in kinds and "items" not in node:
        return False
    return "object" not in kinds or _is_closed(node)


def _is_closed(node: Mapping[str, Any]) -> bool:
    properties, required = node.get("properties"), node.get("required", ())
    if node.get("additionalProperties") is not False or not isinstance(properties, Mapping):
        return False
    return isinstance(required, list | tuple) and set(required) == set(properties)
