"""`@record` behaves as `@dataclass(frozen=True, slots=True)` does."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from aiex.record import record


@record
class Point:
    """A record."""

    x: int
    y: int = 2
    tags: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plain:
    """The same, by the standard library."""

    x: int
    y: int = 2
    tags: tuple[str, ...] = ()
    more: dict[str, int] = field(default_factory=dict)


@record
class Empty:
    """No fields."""


@record
class Checked:
    """Looks at its values when it is made."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("negative")


@record
class Single:
    """One field that is a tuple, which must not be taken for all fields."""

    values: tuple[int, ...]


def test_repr_fields_and_match_are_those_of_a_dataclass() -> None:
    ours, theirs = Point(1, tags=("a",)), Plain(1, tags=("a",))
    assert repr(ours) == repr(theirs).replace("Plain", "Point")
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert Point.__match_args__ == Plain.__match_args__  # type: ignore[attr-defined]
    assert not hasattr(ours, "__dict__")


def test_equality_needs_the_same_class_and_values() -> None:
    assert Point(1) == Point(1)
    assert Point(1) != Point(2)
    assert Point(1) != Plain(1)
    assert Single((1, 2)) != Single((1,))
    assert Empty() == Empty()


def test_equal_values_have_equal_hashes_and_unhashable_ones_say_so() -> None:
    assert hash(Single((1, 2))) == hash(Single((1, 2)))
    assert {Empty(), Empty()} == {Empty()}
    with pytest.raises(TypeError):
        hash(Point(1))


@pytest.mark.parametrize("change", [lambda p: setattr(p, "x", 3), lambda p: delattr(p, "x")])
def test_a_record_cannot_be_changed(change: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        change(Point(1))


def test_replace_copy_and_pickle_give_equal_values() -> None:
    point = Point(1, more={"a": 1})
    assert dataclasses.replace(point, x=5) == Point(5, more={"a": 1})
    assert copy.deepcopy(point) == point
    for value in (point, Empty(), Single(())):
        assert pickle.loads(pickle.dumps(value)) == value


def test_default_factories_give_each_record_its_own_value() -> None:
    assert Point(1).more is not Point(1).more


def test_wrong_arguments_are_named_as_in_a_dataclass() -> None:
    with pytest.raises(TypeError, match=r"missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected keyword argument 'z'"):
        Point(1, z=1)  # type: ignore[call-arg]


def test_post_init_runs() -> None:
    with pytest.raises(ValueError, match="negative"):
        Checked(-1)


def test_the_signature_is_that_of_the_fields() -> None:
    assert str(inspect.signature(Point)).replace(" -> None", "") == str(inspect.signature(Plain)).replace(
        " -> None", ""
    )
