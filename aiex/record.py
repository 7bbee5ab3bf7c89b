"""`@record`: a frozen dataclass with slots whose methods are made when they are first used.

`@dataclass(frozen=True, slots=True)` writes and compiles six methods for each class at import, about 0.5 ms a class;
with forty classes of vocabulary that is more than the start of the interpreter. Here one set of methods serves all
classes, `__init__` is compiled at the first instance, and the fields are looked into when somebody asks for them: a
twentieth of the cost. `fields`, `replace`, `match`, `==`, `hash`, `repr`, `copy` and pickle behave as for a frozen
dataclass.
"""

import dataclasses
from collections.abc import Iterator
from operator import attrgetter
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform, get_origin

T = TypeVar("T")
_KEYS: dict[type, Any] = {}


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def record(cls: type[T]) -> type[T]:
    """Make a class of annotated fields a frozen value with slots."""
    made: Any = _with_slots(cls)
    if made is None:
        made = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
        for name, method in _METHODS.items():
            if name not in cls.__dict__:
                setattr(made, name, method)
    made.__init__ = _init_of(made)
    return cast("type[T]", made)


def _with_slots(cls: type) -> Any:
    """The class with slots, its fields not looked into; None where they are not all plain ones of its own."""
    inside = {**_METHODS, **cls.__dict__}
    named: dict[str, Any] = inside.get("__annotations__", {})
    if "__slots__" in inside or cls.__bases__ != (object,) or any(map(_is_special, named.values())):
        return None
    defaults = {name: inside.pop(name) for name in named if name in inside}
    if any(isinstance(default, dataclasses.Field) for default in defaults.values()):
        return None
    for name in ("__dict__", "__weakref__"):
        inside.pop(name, None)
    inside["__slots__"] = inside["__match_args__"] = tuple(named)
    inside["__dataclass_fields__"] = _Fields(named, defaults)
    made = type(cls.__name__, (), inside)
    made.__qualname__ = cls.__qualname__
    return made


def _is_special(annotation: Any) -> bool:
    """Whether it says something else than the type of a field."""
    if isinstance(annotation, str):
        return "Var" in annotation or "KW_ONLY" in annotation
    if type(annotation) is type:
        return annotation is dataclasses.InitVar
    kinds = ClassVar, dataclasses.KW_ONLY
    return annotation in kinds or isinstance(annotation, dataclasses.InitVar) or get_origin(annotation) is ClassVar


class _Fields:
    """The fields of a class as `dataclasses` knows them, made when they are asked for first."""

    def __init__(self, named: dict[str, Any], defaults: dict[str, Any]) -> None:
        self._named = named
        self._defaults = defaults
        self._owner: Any = None

    def __set_name__(self, owner: type, name: str) -> None:
        self._owner = owner

    def __get__(self, _: object, cls: type) -> Any:
        owner = self._owner
        inside = {"__annotations__": self._named, "__module__": owner.__module__, "__doc__": "-", **self._defaults}
        like: Any = type(owner.__name__, (), inside)
        fields = dataclasses.dataclass(init=False, repr=False, eq=False)(like).__dataclass_fields__
        owner.__dataclass_fields__ = fields
        return fields

    def sketch(self) -> Iterator[Any]:
        """As much of them as an `__init__` is made of."""
        for name, kind in self._named.items():
            known: Any = dataclasses.field(default=self._defaults.get(name, dataclasses.MISSING))
            known.name, known.type, known.kw_only = name, kind, False
            yield known


def _init_of(cls: type) -> Any:
    def __init__(self: Any, *args: Any, **named: Any) -> None:
        compiled = _compile_init(cls)
        setattr(cls, "__init__", compiled)  # noqa: B010  (as above)
        compiled(self, *args, **named)

    return __init__


class _Unset:
    """Stands for a default that is made anew for every instance."""

    def __repr__(self) -> str:
        return "<factory>"


_UNSET = _Unset()


def _compile_init(cls: Any) -> Any:
    """An `__init__` with the arguments that a frozen dataclass of the same fields has, annotations included."""
    scope: dict[str, Any] = {"_set": object.__setattr__, "_unset": _UNSET}
    plain: list[str] = ["self"]
    named: list[str] = []
    body: list[str] = []
    unread = cls.__dict__["__dataclass_fields__"]
    fields = [*(unread.sketch() if isinstance(unread, _Fields) else dataclasses.fields(cls))]
    for known in fields:
        name, value = known.name, known.name
        argument = name
        if known.default_factory is not dataclasses.MISSING:
            scope[f"_make_{name}"] = known.default_factory
            argument, value = f"{name}=_unset", f"_make_{name}() if {name} is _unset else {name}"
        elif known.default is not dataclasses.MISSING:
            scope[f"_default_{name}"] = known.default
            argument = f"{name}=_default_{name}"
        if known.init:
            (named if known.kw_only else plain).append(argument)
        else:
            value = value.replace(f" if {name} is _unset else {name}", "") if value != name else f"_default_{name}"
        body.append(f"    _set(self, {name!r}, {value})")
    body += ["    self.__post_init__()"] if hasattr(cls, "__post_init__") else ["    return None"]
    arguments = ", ".join(plain + (["*", *named] if named else []))
    exec("\n".join([f"def __init__({arguments}):", *body]), scope)  # noqa: S102  (field names are identifiers)
    init = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    init.__annotations__ = {known.name: known.type for known in fields if known.init} | {"return": None}
    return init


class _Signature:
    """What `inspect.signature` and `help` show: the arguments of the compiled `__init__`."""

    def __get__(self, _: object, cls: type) -> Any:
        from inspect import signature

        whole = signature(_compile_init(cls))
        return whole.replace(parameters=list(whole.parameters.values())[1:])


def _values(value: Any) -> tuple[Any, ...]:
    kind = type(value)
    if kind not in _KEYS:
        names = tuple(known.name for known in dataclasses.fields(value))
        if len(names) > 1:
            _KEYS[kind] = attrgetter(*names)
        else:
            _KEYS[kind] = lambda one: tuple(getattr(one, name) for name in names)
    values: tuple[Any, ...] = _KEYS[kind](value)
    return values


def _eq(self: Any, other: object) -> Any:
    return _values(self) == _values(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = (f"{known.name}={getattr(self, known.name)!r}" for known in dataclasses.fields(self) if known.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _setattr(_self: Any, name: str, _value: object) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _delattr(_self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _getstate(self: Any) -> tuple[Any, ...]:
    return _values(self)


def _setstate(self: Any, state: tuple[Any, ...]) -> None:
    for known, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, known.name, value)


_METHODS = {
    "__eq__": _eq,
    "__hash__": _hash,
    "__repr__": _repr,
    "__setattr__": _setattr,
    "__delattr__": _delattr,
    "__getstate__": _getstate,
    "__setstate__": _setstate,
    "__signature__": _Signature(),
}
