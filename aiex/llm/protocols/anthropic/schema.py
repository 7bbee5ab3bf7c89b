"""JSON schemas as the vendor takes them for structured outputs.

Objects must be closed, `oneOf` is not known, and bounds are refused: they go into the description, where the model
reads them. Source: the Python SDK 2.11, `lib/_parse/_transform.py`. What the answer is checked against stays as it was.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

_KEPT: Final = ("type", "title", "enum", "const", "required", "$ref")
_FORMATS: Final = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)  # fmt: skip


def to_vendor_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema in the vendor's subset of JSON schema; the same for the same."""
    made: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _KEPT:
            made[key] = value
        elif key in ("properties", "$defs", "definitions") and isinstance(value, Mapping):
            made[key] = {name: _to_inner(inner) for name, inner in value.items()}
        elif key in ("anyOf", "oneOf", "allOf") and isinstance(value, list):
            made["allOf" if key == "allOf" else "anyOf"] = [_to_inner(inner) for inner in value]
        elif key == "items":
            made[key] = _to_inner(value)
        elif (key == "format" and value in _FORMATS) or (key == "minItems" and value in (0, 1)):
            made[key] = value
        elif key not in ("$schema", "$id", "description", "additionalProperties"):
            told[key] = value
    if schema.get("type") == "object":
        made["additionalProperties"] = False
    words = [str(schema["description"])] if schema.get("description") else []
    if told:
        words.append("{" + ", ".join(f"{key}: {json.dumps(value)}" for key, value in sorted(told.items())) + "}")
    return {**made, "description": "\n\n".join(words)} if words else made


def _to_inner(schema: Any) -> Any:
    return to_vendor_schema(schema) if isinstance(schema, Mapping) else schema
