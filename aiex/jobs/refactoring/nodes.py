"""What a refactoring needs of a node of a syntax tree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Node(Protocol):
    """A stretch of source with what the grammar calls it; nodes of one tree are equal when they are the same."""

    @property
    def id(self) -> int:
        """Tells it from every other node of its tree."""

    @property
    def type(self) -> str:
        """Its name in the grammar."""

    @property
    def start_byte(self) -> int:
        """Where it begins."""

    @property
    def end_byte(self) -> int:
        """Behind its last byte."""

    @property
    def start_point(self) -> tuple[int, int]:
        """Row and column in bytes, from 0."""

    @property
    def end_point(self) -> tuple[int, int]:
        """Row and column behind it."""

    @property
    def is_named(self) -> bool:
        """Whether the grammar has a name for it; punctuation and keywords have none."""

    @property
    def parent(self) -> Node | None:
        """What it is a part of. Cost: the way down from the root."""

    @property
    def children(self) -> Sequence[Node]:
        """Its parts in order."""

    @property
    def named_children(self) -> Sequence[Node]:
        """Those of them that are named."""

    def child_by_field_name(self, name: str, /) -> Node | None:
        """The part with a role, such as `body`."""

    def children_by_field_name(self, name: str, /) -> Sequence[Node]:
        """All parts with a role."""

    def descendant_for_byte_range(self, start: int, end: int, /) -> Node | None:
        """The smallest part around some bytes."""
