"""The conversation of a session as a tree: what was said stays, and a rewind moves the place where it goes on.

Every piece of a conversation is a node behind the one that was last when it was said. Which node was last behind any
event of the log is remembered, so the conversation of any moment can be told: the path from the root to that node.
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Literal

from aiex.jsonform import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiex.messages import Message

NodeKind = Literal["user", "assistant", "words", "begun", "tool", "interrupted", "summary", "pin", "drop"]
"""words: what was shown of an answer that has no record of its own; begun: a tool call began to run."""
ROOT = -1


class Node:
    """One piece of a conversation."""

    __slots__ = ("_data", "is_packed", "kind", "message", "parent", "seq")

    def __init__(self, parent: int, seq: int, kind: NodeKind, data: bytes) -> None:
        self.parent = parent
        """The number of the node before, or `ROOT`."""
        self.seq = seq
        """Of the event that recorded it."""
        self.kind = kind
        self._data = data
        self.is_packed = False
        """No request needs it any more: it is kept small, and what is made of it is not kept."""
        self.message: Message | None = None
        """The same for a model; made when first asked for (`aiex/sessions/requests.py`)."""

    @property
    def data(self) -> bytes:
        """The fields of that event as JSON."""
        return zlib.decompress(self._data) if self.is_packed else self._data

    def pack(self) -> None:
        """Take as little memory as possible. Cost: 20 ns a byte."""
        if not self.is_packed:
            self._data, self.is_packed, self.message = zlib.compress(self._data, 1), True, None


class Chat:
    """The tree, and where the conversation goes on."""

    __slots__ = ("_heads", "_path", "_seqs", "head", "nodes", "redo")

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.head = ROOT
        self.redo: list[int] = []
        """Events to which rewinds can be taken back, the next one last; what is said anew empties it."""
        self._seqs: list[int] = []
        self._heads: list[int] = []
        self._path: tuple[int, list[Node]] = (ROOT, [])
        """The last path that was asked for, with its last node."""

    def add(self, seq: int, kind: NodeKind, data: bytes, *, said_at: int = 0) -> None:
        """Go on with a node that the event `seq` brought; `said_at` is the event of its words, where it is another."""
        self.nodes.append(Node(self.head, said_at or seq, kind, data))
        self.redo.clear()
        self._go(seq, len(self.nodes) - 1)

    def rewind(self, seq: int, to_seq: int, *, forth: bool) -> None:
        """Go on, from the event `seq`, where the conversation was behind the event `to_seq`.

        Forth to where a rewind came from takes that rewind back; any other way can be taken back itself.
        """
        if forth and to_seq in self.redo:
            del self.redo[self.redo.index(to_seq) :]
        else:
            self.redo.append(seq - 1)
        self._go(seq, self.head if to_seq >= seq else self.head_at(to_seq))

    def pack(self, upto_seq: int) -> None:
        """Keep small what a summary stands for: the conversation up to an event."""
        for node in reversed(self.path()):
            if node.seq <= upto_seq:
                if node.is_packed:
                    break
                node.pack()

    def head_at(self, seq: int) -> int:
        """The last node behind an event; `ROOT` before anything was said."""
        place = bisect_right(self._seqs, seq)
        return self._heads[place - 1] if place else ROOT

    def path(self, head: int | None = None) -> list[Node]:
        """The nodes of the conversation as it is, or with another last node; the first one first.

        Cost: O(nodes); where the last one that was asked for goes on, those that came since.
        """
        at = end = self.head if head is None else head
        known, path = self._path
        new: list[Node] = []
        while at not in (ROOT, known):
            node = self.nodes[at]
            new.append(node)
            at = node.parent
        found = [*path, *new[::-1]] if at == known else new[::-1]
        self._path = end, found
        return list(found)

    def to_json(self) -> dict[str, Any]:
        """All of it; the data of nodes as text."""
        return {
            "head": self.head,
            "redo": list(self.redo),
            "bounds": [list(self._seqs), list(self._heads)],
            "parents": [node.parent for node in self.nodes],
            "seqs": [node.seq for node in self.nodes],
            "kinds": [node.kind for node in self.nodes],
            "data": [node.data.decode() for node in self.nodes],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Chat:
        """Read what `to_json` wrote. Raises Malformed."""
        chat = cls()
        try:
            chat.head, chat.redo = data["head"], data["redo"]
            chat._seqs, chat._heads = data["bounds"]
            columns = (data[name] for name in ("parents", "seqs", "kinds", "data"))
            chat.nodes = [
                Node(parent, seq, kind, text.encode()) for parent, seq, kind, text in zip(*columns, strict=True)
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed("cannot read the conversation of a snapshot") from error
        return chat

    def _go(self, seq: int, head: int) -> None:
        self.head = head
        self._seqs.append(seq)
        self._heads.append(head)
