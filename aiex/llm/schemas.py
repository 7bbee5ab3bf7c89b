"""JSON schemas that an answer must fit: whether one is usable at all, and where an answer departs from it.

Nothing is ever fetched: a schema refers to itself and to the published meta-schemas, which are at hand. A schema may
come from a hostile repository and an answer from a hostile server, so what is surely checked in bounded time is told
apart (`is_quick`); the rest is for the caller to check where it can be ended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from aiex.errors import UsageError
from aiex.patterns import late

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MOST_PROBLEMS: Final = 5
"""Problems told to the model; the first ones usually cause the others."""
MOST_STEPS: Final = 50
"""Schemas that one value may be handed through, from reference to reference."""
QUICK_WORK: Final = 10**8
"""Characters of an answer times those of its schema that are checked within a second at worst: 20,000 times 5,000."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Nothing, when this is a JSON schema (2020-12 unless it names another) that an answer can be checked against.

    Raises:
        UsageError: if it is none, refers to something that is not there, is nested too deeply, or describes no object.
    """
    from jsonschema.exceptions import SchemaError

    top = dict(schema)
    try:
        kind = _kind_of(top)
        kind.check_schema(top)
        _check_references(top, kind)
    except SchemaError as error:
        place = "/".join(str(step) for step in error.absolute_path) or "its top"
        raise _no_schema(f"at {place}: {error.message[:300]}") from error
    except RecursionError as error:
        raise _no_schema("it is nested too deeply") from error
    except OverflowError as error:  # of a regular expression
        raise _no_schema(str(error)) from error
    if top.get("type") != "object":
        raise UsageError(
            "the schema of an answer must describe an object", hint='give it "type": "object" and its properties'
        )


def problems_with(answer: str, schema: Mapping[str, Any]) -> list[str]:
    """Where an answer departs from the schema, a few places in words; empty when it fits.

    Raises:
        UsageError: if the two cannot be checked.

    Cost: unbounded where not `is_quick`.
    """
    from jsonschema.exceptions import UnknownType
    from referencing.exceptions import Unresolvable

    try:
        value = json.loads(strip_fence(answer), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return [f"it is not JSON: {error}"]
    top = dict(schema)
    try:
        found = list(islice(_kind_of(top)(top, registry=_published()).iter_errors(value), MOST_PROBLEMS))
        return [f"at /{'/'.join(map(str, error.path))}: {error.message[:300]}" for error in found]
    except RecursionError as error:
        raise _uncheckable("one of them is nested too deeply") from error
    except (Unresolvable, UnknownType, ValueError, ArithmeticError, re.error) as error:
        raise _uncheckable(str(error)[:300]) from error


def strip_fence(answer: str) -> str:
    """An answer without the code fence that some models put around JSON."""
    text = answer.strip()
    if text.startswith("```") and text.endswith("```") and "\n" in text:
        return text[text.index("\n") + 1 : -3].strip()
    return text


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _no_schema(why: str) -> UsageError:
    return UsageError(f"not a valid JSON schema: {why}", hint="see https://json-schema.org")


def _uncheckable(why: str) -> UsageError:
    return UsageError(f"cannot check the answer against its schema: {why}", hint="simplify the schema")


def _published() -> Any:
    """The meta-schemas; what is not among them is not fetched."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]  # (it tells no types)

    return REGISTRY


def _kind_of(schema: Mapping[str, Any], default: type[Validator] | None = None) -> type[Validator]:
    """The validator of the dialect that a schema names; 2020-12 for none and for those that nobody knows."""
    from jsonschema.validators import Draft202012Validator, validator_for

    named = schema.get("$schema", "")
    if not isinstance(named, str):
        raise _no_schema("at $schema: it is no text")
    try:
        return validator_for(schema, default=default or Draft202012Validator)
    except ValueError as error:
        raise _no_schema(f"at $schema: {error}") from error


# --- references -----------------------------------------------------------------------------------------------------

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_APPLIED_HERE: Final = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "extends", "type", "disallow")
_NAMED_HERE: Final = ("dependentSchemas", "dependencies")
"""Keywords whose schemas see the same value, not a part of it; `extends` and the like are of draft 3."""

_TWO_DIALECTS: Final = "it is of two dialects"


def _check_references(top: dict[str, Any], kind: type[Validator]) -> None:
    """Nothing, when each reference leads to a schema and none leads back without a step into the value."""
    from referencing.jsonschema import specification_with

    dialect = specification_with(str(kind.META_SCHEMA["$schema"]))
    steps: dict[int, list[int]] = {}
    try:
        resource = dialect.create_resource(top)
        base = resource.id() or ""
        try:
            registry = _published().with_resource(base, resource).crawl()
        except (TypeError, AttributeError) as error:  # a part was read otherwise than it was checked
            raise _no_schema(_TWO_DIALECTS) from error
        parts = [(top, registry.resolver(base))]
        targets: list[tuple[Any, Any]] = []
        while parts or targets:
            is_target = not parts
            schema, resolver = (parts or targets).pop()
            if isinstance(schema, bool) or id(schema) in steps:
                continue
            if is_target:
                _kind_of(schema, kind).check_schema(schema)  # it may stand where no schema was looked for
            elif _kind_of(schema, kind) is not kind:
                raise _no_schema(_TWO_DIALECTS)
            found = [_look_up(schema[word], resolver) for word in _REFERENCES if word in schema]
            steps[id(schema)] = [*map(id, _applied_here(schema)), *(id(target) for target, _ in found)]
            targets += found
            for part in dialect.create_resource(schema).subresources():
                parts.append((part.contents, resolver.in_subresource(part)))
    except ValueError as error:  # of an address
        raise _no_schema(str(error)[:300]) from error
    _check_steps(steps)


def _look_up(address: Any, resolver: Any) -> tuple[dict[str, Any] | bool, Any]:
    """The schema at an address, and what resolves the addresses in it."""
    from referencing.exceptions import Unresolvable

    try:
        found = resolver.lookup(address)
    except (Unresolvable, ValueError, TypeError, AttributeError) as error:
        raise _no_schema(f"the reference {str(address)[:300]!r} leads nowhere, and nothing is fetched") from error
    if not isinstance(found.contents, dict | bool):
        raise _no_schema(f"the reference {address[:300]!r} leads to something else")
    return found.contents, found.resolver


def _applied_here(schema: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for word in (*_APPLIED_HERE, *_NAMED_HERE):
        value = schema.get(word)
        if isinstance(value, dict):
            value = value.values() if word in _NAMED_HERE else [value]
        yield from (part for part in value if isinstance(part, dict)) if isinstance(value, Iterable) else ()


def _check_steps(steps: Mapping[int, list[int]]) -> None:
    """Nothing, when every value is done with after a few steps."""
    from graphlib import CycleError, TopologicalSorter

    longest: dict[int, int] = {}
    try:
        for schema in TopologicalSorter(steps).static_order():
            longest[schema] = 1 + max((longest[following] for following in steps.get(schema, ())), default=0)
    except CycleError as error:
        raise _no_schema("its references lead in a circle") from error
    if max(longest.values()) > MOST_STEPS:
        raise _no_schema("it is nested too deeply")


# --- cost -----------------------------------------------------------------------------------------------------------

_QUIET: Final = frozenset(
    (
        *("$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
        *("format", "$defs", "definitions"),
    )
)
_LINEAR: Final = _QUIET | frozenset(
    (
        *("type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        *("properties", "required", "additionalProperties", "items"),
    )
)
"""Keywords that look at each part of a value once, and hand each part to one schema only."""
_LOCAL: Final = late(r"#|#/(?:\$defs|definitions)/[^/%]+")


def is_quick(answer: str, schema: Mapping[str, Any]) -> bool:
    """Whether checking an answer surely takes no longer than a second; no regular expression is in it."""
    return _is_linear(schema) and len(answer) * len(json.dumps(schema)) <= QUICK_WORK


def _is_linear(schema: Mapping[str, Any]) -> bool:
    left: list[Any] = [schema]
    while left:
        part = left.pop()
        if isinstance(part, bool):
            continue
        if not isinstance(part, Mapping) or not part.keys() <= _LINEAR | {"$ref"}:
            return False
        if "$ref" in part and not (part.keys() <= _QUIET | {"$ref"} and _LOCAL.fullmatch(part["$ref"])):
            return False
        if any(not isinstance(name, str) for name in part.get("type", ())):  # a schema, in draft 3
            return False
        left += [part[word] for word in ("items", "additionalProperties") if word in part]
        for word in ("properties", "$defs", "definitions"):
            left += part.get(word, {}).values()
    return True
