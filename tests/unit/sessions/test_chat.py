"""The conversation of any moment is the path to its last node, however the one before was asked for."""

from __future__ import annotations

from aiex.sessions.chat import ROOT, Chat


def test_a_path_is_the_same_whatever_was_asked_for_before() -> None:
    chat = Chat()
    assert chat.path() == []
    for seq in range(1, 5):
        chat.add(seq, "user", b"{}")
        assert [node.seq for node in chat.path()] == list(range(1, seq + 1))
    chat.rewind(5, 2, forth=False)
    assert [node.seq for node in chat.path()] == [1, 2]
    chat.add(6, "user", b"{}")
    assert [[node.seq for node in chat.path(chat.head_at(seq))] for seq in (4, 6, 1, 6, 5)] == [
        [1, 2, 3, 4],
        [1, 2, 6],
        [1],
        [1, 2, 6],
        [1, 2],
    ]
    assert chat.path(ROOT) == []
    chat.add(7, "user", b"{}")
    assert [node.seq for node in chat.path()] == [1, 2, 6, 7]


def test_a_path_belongs_to_whoever_asked_for_it() -> None:
    chat = Chat()
    chat.add(1, "user", b"{}")
    chat.path().clear()
    assert [node.seq for node in chat.path()] == [1]
