"""One JSON form for dataclasses, derived from their annotations: frozen values out, checked values in.

A dataclass becomes an object of its fields. Where a field may hold one of several dataclasses, the object carries
`type`, the class name in snake case. Unknown fields are ignored; a missing or wrong one is an error naming its path.
Numbers that JSON does not have (NaN and the infinities) are written as the strings "NaN", "Infinity" and "-Infinity".
"""

import dataclasses
import json
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from operator import attrgetter, or_
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from aiex.errors import StoreError

T = TypeVar("T")
_ENCODE: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_ODD_NUMBERS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class Malformed(StoreError):
    """Data from outside does not have the form it should have; the message names the place."""


class UnknownKind(Malformed):
    """An object carries a `type`, or a word, that this version does not know."""


@dataclasses.dataclass(frozen=True, slots=True)
class Form:
    """How values of one type are written and read; `read` gets the place in words for its errors."""

    write: Callable[[Any], Any]
    read: Callable[[Any, str], Any]


def to_json(value: object) -> Any:
    """The value as dicts, lists, strings, numbers, booleans and None. Raises TypeError for what has no JSON form."""
    return _write_any(value)


def from_json(kind: type[T], data: object) -> T:
    """Build a `kind` from parsed JSON. Raises Malformed if the data does not fit."""
    value: T = form_of(kind).read(data, _tag(kind))
    return value


def dump(value: object) -> str:
    """JSON text on one line that can always be encoded as UTF-8.

    Text is written as it is. When a string holds a lone surrogate (a file name that is not UTF-8, half an emoji), the
    whole line is written in ASCII with `\\u` escapes: it survives; two adjacent halves read back as their character.
    """
    text = _ENCODE(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text


def form_of(hint: Any) -> Form:
    """The form for an annotation. Raises TypeError if the annotation has none."""
    if hint not in _FORMS:
        _FORMS[hint] = _lazy(hint)  # a class that holds itself finds this while its own form is made
        try:
            _FORMS[hint] = _make_form(hint)
        except TypeError:
            del _FORMS[hint]
            raise
    return _FORMS[hint]


def tagged_union(kinds: Sequence[type]) -> Form:
    """The form of "one of these dataclasses", told apart by `type`."""
    by_tag = {_tag(kind): kind for kind in kinds}

    def write(value: Any) -> Any:
        return {"type": _tag(type(value)), **form_of(type(value)).write(value)}

    def read(data: Any, place: str) -> Any:
        name = data.get("type") if isinstance(data, Mapping) else None
        if not isinstance(name, str):
            raise Malformed(f"cannot read {place}: found {_kind_of(data)}, expected an object with a type")
        if name not in by_tag:
            raise UnknownKind(f"cannot read {place}: unknown type {name!r}")
        return form_of(by_tag[name]).read(data, f"{place}.{name}")

    return Form(write, read)


_FORMS: dict[Any, Form] = {}


def _make_form(hint: Any) -> Form:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if hint is Any or hint is object:
        return Form(_write_any, lambda data, _: data)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return _literal(arguments)
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _sequence(arguments[0], tuple)
    if origin in (list, Sequence):
        return _sequence(arguments[0], list)
    if origin in (dict, Mapping) and arguments[0] is str:
        return _mapping(arguments[1])
    if supertype := getattr(hint, "__supertype__", None):  # NewType
        return form_of(supertype)
    raise TypeError(f"no JSON form for {hint!r}")


def _lazy(hint: Any) -> Form:
    def write(value: Any) -> Any:
        return _FORMS[hint].write(value)

    def read(data: Any, place: str) -> Any:
        return _FORMS[hint].read(data, place)

    return Form(write, read)


def _record(kind: type) -> Form:
    hints = get_type_hints(kind)
    fields = [(field, form_of(hints[field.name])) for field in dataclasses.fields(kind) if field.init]
    names = [field.name for field, _ in fields]
    values_of = attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, name) for name in names]
    writers = [(field.name, form.write) for field, form in fields if form.write is not _keep]

    def write(value: Any) -> dict[str, Any]:
        written = dict(zip(names, values_of(value), strict=True))
        for name, encode in writers:
            written[name] = encode(written[name])
        return written

    def read(data: Any, place: str) -> Any:
        if not isinstance(data, Mapping):
            raise Malformed(f"cannot read {place}: found {_kind_of(data)}, expected an object")
        values = {}
        for field, form in fields:
            if field.name in data:
                values[field.name] = form.read(data[field.name], f"{place}.{field.name}")
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise Malformed(f"cannot read {place}: {field.name} is missing")
        return kind(**values)

    return Form(write, read)


def _union(members: Sequence[Any]) -> Form:
    if type(None) in members:
        inner = form_of(reduce(or_, (member for member in members if member is not type(None))))
        return Form(
            lambda value: None if value is None else inner.write(value),
            lambda data, place: None if data is None else inner.read(data, place),
        )
    if all(dataclasses.is_dataclass(member) for member in members):
        return tagged_union(members)
    forms = [form_of(member) for member in members]

    def read(data: Any, place: str) -> Any:
        for form in forms:
            try:
                return form.read(data, place)
            except Malformed:
                continue
        raise Malformed(f"cannot read {place}: found {_kind_of(data)}, which is none of its kinds")

    return Form(_write_any, read)


def _sequence(item: Any, build: Callable[[list[Any]], Any]) -> Form:
    form = form_of(item)

    def read(data: Any, place: str) -> Any:
        if not isinstance(data, list | tuple):
            raise Malformed(f"cannot read {place}: found {_kind_of(data)}, expected a list")
        return build([form.read(entry, f"{place}[{index}]") for index, entry in enumerate(data)])

    return Form(lambda value: [form.write(entry) for entry in value], read)


def _mapping(item: Any) -> Form:
    form = form_of(item)

    def read(data: Any, place: str) -> Any:
        if not isinstance(data, Mapping):
            raise Malformed(f"cannot read {place}: found {_kind_of(data)}, expected an object")
        return {name: form.read(entry, f"{place}.{name}") for name, entry in data.items()}

    return Form(lambda value: {str(name): form.write(entry) for name, entry in value.items()}, read)


def _literal(words: Sequence[Any]) -> Form:
    def read(data: Any, place: str) -> Any:
        if data in words:
            return data
        raise UnknownKind(f"cannot read {place}: found {data!r}, expected one of {', '.join(map(str, words))}")

    return Form(_keep, read)


def _scalar(kind: type, word: str) -> Form:
    def read(data: Any, place: str) -> Any:
        if isinstance(data, kind) and (kind is bool or not isinstance(data, bool)):
            return data
        raise Malformed(f"cannot read {place}: found {_kind_of(data)}, expected {word}")

    return Form(_keep, read)


def _keep(value: Any) -> Any:
    """Writes what is JSON already."""
    return value


def _read_float(data: Any, place: str) -> float:
    if isinstance(data, str) and data in _ODD_NUMBERS:
        return _ODD_NUMBERS[data]
    if isinstance(data, int | float) and not isinstance(data, bool):
        return float(data)
    raise Malformed(f"cannot read {place}: found {_kind_of(data)}, expected a number")


def _write_float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _write_any(value: Any) -> Any:
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return _write_float(value)
        case Mapping():
            return {str(name): _write_any(entry) for name, entry in value.items()}
        case list() | tuple():
            return [_write_any(entry) for entry in value]
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return form_of(type(value)).write(value)
    raise TypeError(f"no JSON form for {type(value).__name__}")


def _kind_of(data: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(data), "a number")


def _tag(kind: type) -> str:
    """The name of a class in JSON: `ToolCallStarted` is `tool_call_started`."""
    return _in_snake_case(kind.__name__)


@cache
def _in_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


_SCALARS: Final[dict[Any, Form]] = {
    str: _scalar(str, "a string"),
    bool: _scalar(bool, "a boolean"),
    int: _scalar(int, "a whole number"),
    float: Form(_write_float, _read_float),
}
