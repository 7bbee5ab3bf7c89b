"""Arguments of calls: what models often send is understood, and the rest is said in one line."""

from __future__ import annotations

from typing import Any

import pytest

from aiex.agent.arguments import fit
from aiex.errors import ToolError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "path": {"type": "string"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 9},
        "share": {"type": "number"},
        "deep": {"type": "boolean"},
        "kind": {"type": "string", "enum": ["a", "b"]},
        "edits": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"old": {"type": "string"}},
                "required": ["old"],
                "additionalProperties": False,
            },
        },
    },
    "required": ["path"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("given", "fitted"),
    [
        ({"limit": "3"}, {"limit": 3}),
        ({"limit": 3.0}, {"limit": 3}),
        ({"limit": None}, {}),
        ({"deep": "true"}, {"deep": True}),
        ({"share": 0.5}, {"share": 0.5}),
        ({"edits": [{"old": "x"}]}, {"edits": [{"old": "x"}]}),
    ],
)
def test_what_models_often_send_is_understood(given: dict[str, Any], fitted: dict[str, Any]) -> None:
    assert fit({"path": "p", **given}, SCHEMA) == {"path": "p", **fitted}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "path is missing"),
        ({"path": 1}, "path is 1, not text"),
        ({"path": None}, "path is None, not text"),
        ({"path": "p", "limt": 1}, 'there is no argument "limt"'),
        ({"path": "p", "limit": True}, "limit is True, not a whole number"),
        ({"path": "p", "limit": "3.5"}, 'limit is "3.5", not a whole number'),
        ({"path": "p", "limit": 0}, "limit is 0; it has to be at least 1"),
        ({"path": "p", "limit": 10}, "limit is 10; it may be at most 9"),
        ({"path": "p", "kind": "c"}, 'kind is "c", not one of a, b'),
        ({"path": "p", "edits": "x"}, 'edits is "x", not a list'),
        ({"path": "p", "edits": [{}]}, "in edits[0]: old is missing"),
        ({"path": "p", "edits": [{"old": 1}]}, "edits[0].old is 1, not text"),
        ({"path": "p", "\ud800": 1}, 'there is no argument "\\ud800"'),
    ],
)
def test_what_does_not_fit_is_said(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ToolError) as caught:
        fit(given, SCHEMA)
    assert caught.value.message == said


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(ToolError) as caught:
        fit({"path": "p", "limt": 1}, SCHEMA)
    assert caught.value.hint == "did you mean limit?"
    with pytest.raises(ToolError, match="not an object"):
        fit("text", SCHEMA)
