"""The conversation of a session as a tree: what was said stays, and a rewind moves the place where it goes on.

Every piece of a conversation is a node behind the one that was last when it was said. Which node was last behind any
event of the log is remembered, so the conversation of any moment can be told: the path from the root to that node.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal

from aiex.jsonform import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiex.messages import Message

NodeKind = Literal["user", "assistant", "words", "begun", "tool", "interrupted", "summary", "pin", "drop"]
"""words: what was shown of an answer that has no record of its own; begun: a tool call began to run."""
_AS_RECORDED: Final = frozenset({"user", "assistant", "tool"})
"""Their data is that of their event, so that the log has it too."""
Source = Callable[[int], bytes]
"""Reads the fields of the event with a number from the log, as JSON in the form of today. Raises StoreError."""
ROOT = -1


class Node:
    """One piece of a conversation."""

    __slots__ = ("_data", "kind", "message", "parent", "seq")

    def __init__(self, parent: int, seq: int, kind: NodeKind, data: bytes | Source) -> None:
        self.parent = parent
        """The number of the node before, or `ROOT`."""
        self.seq = seq
        """Of the event that recorded it."""
        self.kind = kind
        self._data = data
        """Or where to read it, once no request needs it any more."""
        self.message: Message | None = None
        """The same for a model; made when first asked for (`aiex/sessions/requests.py`)."""

    @property
    def is_packed(self) -> bool:
        """Whether a summary stands for it: it lies in the log alone, and what is made of it is not kept."""
        return not isinstance(self._data, bytes)

    @property
    def data(self) -> bytes:
        """The fields of that event as JSON. Raises StoreError where they have to be read and cannot be."""
        return self._data if isinstance(self._data, bytes) else self._data(self.seq)

    def pack(self, source: Source) -> None:
        """Leave it to the log, which has it; what lies nowhere else stays."""
        if self.kind in _AS_RECORDED:
            self._data, self.message = source, None


class Chat:
    """The tree, and where the conversation goes on."""

    __slots__ = ("_heads", "_path", "_seqs", "head", "nodes", "redo", "source")

    def __init__(self, source: Source | None = None) -> None:
        self.source = source
        """Where to read what is not kept in memory; without one everything is kept."""
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
        """Forget what a summary stands for, and what the log can tell again: the conversation up to an event."""
        if self.source is None:
            return
        for node in reversed(self.path()):
            if node.seq <= upto_seq:
                if node.is_packed:
                    break
                node.pack(self.source)

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
        if at != known:
            path = []
        path.extend(reversed(new))
        self._path = end, path
        return list(path)

    def to_json(self) -> dict[str, Any]:
        """All of it; the data of nodes as text, and none of those that the log alone has."""
        return {
            "head": self.head,
            "redo": list(self.redo),
            "bounds": [list(self._seqs), list(self._heads)],
            "parents": [node.parent for node in self.nodes],
            "seqs": [node.seq for node in self.nodes],
            "kinds": [node.kind for node in self.nodes],
            "data": [None if node.is_packed else node.data.decode() for node in self.nodes],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], source: Source | None = None) -> Chat:
        """Read what `to_json` wrote. Raises Malformed, also where something is left to a log and none is given."""
        chat = cls(source)
        try:
            chat.head, chat.redo = data["head"], data["redo"]
            chat._seqs, chat._heads = data["bounds"]
            columns = (data[name] for name in ("parents", "seqs", "kinds", "data"))
            chat.nodes = [
                Node(parent, seq, kind, _read(text, source)) for parent, seq, kind, text in zip(*columns, strict=True)
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Malformed("cannot read the conversation of a snapshot") from error
        return chat

    def _go(self, seq: int, head: int) -> None:
        self.head = head
        self._seqs.append(seq)
        self._heads.append(head)


def _read(text: str | None, source: Source | None) -> bytes | Source:
    if text is not None:
        return text.encode()
    if source is None:
        raise ValueError
    return source
