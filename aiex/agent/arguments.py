"""The arguments of a call as its schema wants them: what is missing, too much or of another kind is said in a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aiex.errors import ToolError

_WORDS: Final = {
    "string": "text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list",
    "object": "an object",
}  # fmt: skip
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,), "array": (list, tuple),
    "object": (Mapping,),
}  # fmt: skip
_LONGEST_NUMBER: Final = 18


def fit(arguments: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a call, of the kinds that a schema of type object names.

    What models often send is understood: a number or a truth as text, a whole number as 3.0, and null for what may be
    left out. Knows of a schema: properties, required, additionalProperties, type, enum, items, minimum, maximum.

    Raises:
        ToolError: naming the argument, what came and what is wanted.
    """
    if not isinstance(arguments, Mapping):
        raise ToolError(f"the arguments are {_show(arguments)}, not an object", hint=_wanted(schema))
    return _fit_object(arguments, schema, "")


def _fit_object(given: Mapping[Any, Any], schema: Mapping[str, Any], where: str) -> dict[str, Any]:
    properties: Mapping[str, Any] = schema.get("properties", {})
    required = schema.get("required", ())
    kept = {name: value for name, value in given.items() if value is not None or name in required}
    missing = [name for name in required if name not in kept]
    if missing:
        raise ToolError(f"{_inside(where)}{' and '.join(missing)} is missing", hint=_wanted(schema))
    unknown = [str(name) for name in kept if name not in properties]
    if unknown and schema.get("additionalProperties") is False:
        from difflib import get_close_matches

        near = get_close_matches(unknown[0], properties, 1)
        hint = f"did you mean {near[0]}?" if near else _wanted(schema)
        raise ToolError(f"{_inside(where)}there is no argument {_show(unknown[0])}", hint=hint)
    return {
        name: _fit_value(value, properties[name], f"{where}.{name}" if where else name) if name in properties else value
        for name, value in kept.items()
    }


def _fit_value(value: Any, schema: Mapping[str, Any], where: str) -> Any:
    kind = schema.get("type")
    if isinstance(kind, str) and kind in _KINDS:
        value = _to_kind(value, kind)
        if not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean"):
            raise ToolError(f"{where} is {_show(value)}, not {_WORDS[kind]}")
    if "enum" in schema and value not in schema["enum"]:
        raise ToolError(f"{where} is {_show(value)}, not one of {', '.join(map(str, schema['enum']))}")
    if isinstance(value, int | float) and not isinstance(value, bool):
        _require_within(value, schema, where)
    if isinstance(value, Mapping):
        return _fit_object(value, schema, where)
    if isinstance(value, list | tuple) and "items" in schema:
        return [_fit_value(item, schema["items"], f"{where}[{number}]") for number, item in enumerate(value)]
    return value


def _to_kind(value: Any, kind: str) -> Any:
    """A number or a truth that came as text, and a whole number with a point, as what they are."""
    if kind == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not isinstance(value, str) or kind not in ("integer", "number", "boolean"):
        return value
    text = value.strip().lower()
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, value)
    digits = text.removeprefix("-")
    is_whole = digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER
    return int(text) if is_whole else value


def _require_within(value: float, schema: Mapping[str, Any], where: str) -> None:
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and not value >= least:
        raise ToolError(f"{where} is {_show(value)}; it has to be at least {least}")
    if most is not None and not value <= most:
        raise ToolError(f"{where} is {_show(value)}; it may be at most {most}")


def _wanted(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    names = [name if name in required else f"[{name}]" for name in schema.get("properties", {})]
    return f"it takes {', '.join(names)}" if names else "it takes no arguments"


def _inside(where: str) -> str:
    return f"in {where}: " if where else ""


def _show(value: Any) -> str:
    """A value in a few characters that can be sent anywhere."""
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    text = text if len(text) <= 60 else f"{text[:59]}…"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
