"""JSON schemas: refused where they are none or lead astray, never fetched, and told apart by what checking costs."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

import pytest

from aiex.errors import UsageError
from aiex.llm.schemas import check_schema, is_quick, problems_with


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "objekt"}, "not a valid JSON schema"),
        ({"type": "object", "properties": []}, "at properties"),
        ({"type": "array"}, "must describe an object"),
        ({}, "must describe an object"),
    ],
)
def test_what_is_no_schema_of_an_object_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_schema(schema)


def _with_a(sub: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": sub}, **more}


@pytest.mark.parametrize(
    "schema",
    [
        _with_a({"$ref": "#/nowhere"}),
        _with_a({"$ref": "http://127.0.0.1:1/other.json"}),
        _with_a({"$ref": "file:///etc/hostname"}),
        _with_a({"$ref": "b"}, **{"$id": "http://["}),
        _with_a({"$ref": "#/properties/a"}),
        {"type": "object", "$ref": "#"},
        {"type": "object", "$dynamicRef": "#x"},
    ],
)
def test_a_reference_that_leads_nowhere_is_refused_before_anything_is_sent(schema: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="not a valid JSON schema"):
        check_schema(schema)


def test_a_reference_is_never_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/other.json"
        visits: list[object] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                visitor, _ = server.accept()
                visits.append(visitor.recv(1))
                visitor.close()

        waiting = threading.Thread(target=serve)
        waiting.start()
        with pytest.raises(UsageError, match=r"other\.json"):
            problems_with('{"a": 1}', _with_a({"$ref": address}))
        server.shutdown(socket.SHUT_RDWR)
        waiting.join()
    assert visits == []


@pytest.mark.parametrize("depth", [150, 900])
def test_a_schema_that_is_nested_too_deeply_is_refused(depth: int) -> None:
    schema: dict[str, Any] = {}
    for _ in range(depth):
        schema = _with_a(schema)
    with pytest.raises(UsageError, match="nested too deeply"):
        check_schema(schema)


def test_a_schema_may_refer_to_itself_and_to_its_meta_schema() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    meta = {"$ref": "https://json-schema.org/draft/2020-12/schema"}
    schema = _with_a({"$ref": "#/$defs/node"}, **{"$defs": {"node": node, "meta": meta}})
    check_schema(schema)
    assert problems_with('{"a": {"next": {"next": {}}}}', schema) == []
    assert problems_with('{"a": {"next": {"next": 1}}}', schema) == ["at /a/next/next: 1 is not of type 'object'"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "object", "$schema": []}, "at \\$schema"),
        ({"type": "object", "$schema": "http://["}, "at \\$schema"),
        (_with_a({"$schema": "http://["}), "at \\$schema"),
        (_with_a({"$schema": "http://json-schema.org/draft-03/schema#", "extends": 5}), "two dialects"),
        ({"$schema": "http://json-schema.org/draft-04/schema#", "type": "object", "$ref": 5}, "leads nowhere"),
        (_with_a({"$ref": "#/type"}), "leads to something else"),
        (_with_a({"$ref": "#/type/x"}), "leads nowhere"),
        (_with_a({"$ref": "#/default"}, default={"type": 5}), "not a valid JSON schema"),
        (_with_a({"$ref": "#/default"}, default={"allOf": [{"$ref": "#/gone"}]}), "leads nowhere"),
        (_with_a({"pattern": "("}), "at properties/a/pattern"),
        (_with_a({"pattern": "a{99999999999999999999}"}), "not a valid JSON schema"),
        (_with_a({"pattern": "(" * 5000 + ")" * 5000}), "nested too deeply"),
        (_with_a({"allOf": [{"anyOf": [{"$ref": "#/properties/a"}]}]}), "in a circle"),
        (
            _with_a(
                {"$ref": "#/$defs/0"},
                **{"$defs": {str(n): {"$ref": f"#/$defs/{n + 1}"} for n in range(99)} | {"99": {}}},
            ),
            "nested too deeply",
        ),
    ],
)
def test_a_schema_that_leads_astray_is_refused(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        check_schema(schema)


@pytest.mark.parametrize("dialect", ["http://example.org/mine", "https://json-schema.org/draft-07/schema#", ""])
def test_a_dialect_that_nobody_knows_is_read_as_the_latest(dialect: str) -> None:
    schema = {"$schema": dialect, **_with_a({"$ref": "#/$defs/b"}, **{"$defs": {"b": {"type": "integer"}}})}
    check_schema(schema)
    assert problems_with('{"a": "x"}', schema) == ["at /a: 'x' is not of type 'integer'"]


@pytest.mark.parametrize("draft", ["draft-04", "draft-06", "draft-07", "draft/2019-09", "draft/2020-12"])
def test_every_dialect_may_refer_to_its_meta_schema_and_to_itself(draft: str) -> None:
    meta = f"http{'s' if '/' in draft else ''}://json-schema.org/{draft}/schema{'' if '/' in draft else '#'}"
    schema = _with_a({"allOf": [{"$ref": meta}, {"properties": {"type": {"enum": ["object"]}}}]}, **{"$schema": meta})
    check_schema(schema)
    assert problems_with('{"a": {"type": "object"}}', schema) == []
    assert problems_with('{"a": {"type": "objekt"}}', schema) != []


@pytest.mark.parametrize(
    ("answer", "schema"),
    [
        ('{"a": 1.5}', _with_a({"multipleOf": 10**400})),
        ('{"a":' * 300 + "{}" + "}" * 300, {"type": "object", "properties": {"a": {"$ref": "#"}}}),
    ],
)
def test_an_answer_that_cannot_be_checked_is_told(answer: str, schema: dict[str, Any]) -> None:
    check_schema(schema)
    with pytest.raises(UsageError, match="cannot check the answer"):
        problems_with(answer, schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object"},
        _with_a({"type": ["string", "null"], "maxLength": 5, "format": "email", "description": "x"}),
        _with_a({"type": "array", "items": {"enum": [1, 2]}}, additionalProperties=False, required=["a"]),
        _with_a({"$ref": "#/$defs/node"}, **{"$defs": {"node": _with_a({"$ref": "#/$defs/node", "title": "x"})}}),
        _with_a({"properties": {"pattern": {}, "$ref": True}}),
    ],
)
def test_plain_schemas_are_checked_at_once(schema: dict[str, Any]) -> None:
    check_schema(schema)
    assert is_quick("{}", schema)


@pytest.mark.parametrize(
    "schema",
    [
        _with_a({"pattern": "a"}),
        _with_a({"patternProperties": {"a": {}}}),
        _with_a({"propertyNames": {"pattern": "a"}}),
        _with_a({"uniqueItems": True}),
        _with_a({"allOf": [{}]}),
        _with_a({"$ref": "#/default"}, default={"pattern": "a"}),
        _with_a({"$ref": "#/$defs/a/default"}, **{"$defs": {"a": {"default": {"pattern": "a"}}}}),
        _with_a({"$ref": "#/$defs/a%2Fdefault"}, **{"$defs": {"a": {"default": {"pattern": "a"}}}}),
        _with_a({"$ref": "#/$defs/a", "properties": {"a": {"$ref": "#/$defs/a"}}}, **{"$defs": {"a": {}}}),
        {"$schema": "http://json-schema.org/draft-07/schema#", **_with_a({"items": [{"pattern": "a"}]})},
        {"$schema": "http://json-schema.org/draft-03/schema#", **_with_a({"type": [{"pattern": "a"}]})},
    ],
)
def test_what_may_take_long_is_told_apart(schema: dict[str, Any]) -> None:
    check_schema(schema)
    assert not is_quick("{}", schema)


def test_a_large_answer_is_not_checked_at_once() -> None:
    assert not is_quick(" " * 10**8, {"type": "object"})
