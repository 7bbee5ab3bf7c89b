"""Events of earlier and later versions of Aiex."""

import pytest

from aiex.events import SessionRenamed, UnknownEvent
from aiex.sessions import upcast
from aiex.sessions.log import Recorded


def recorded(kind: str, v: int, data: bytes) -> Recorded:
    return Recorded("0123456789abcdef", 1, 1, 1, 0, kind, v, data)


@pytest.fixture
def upcasters(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {
        ("session_renamed", 1): lambda data: {"name": data["text"]},
        ("session_renamed", 2): lambda data: {"title": data["name"]},
    }
    monkeypatch.setattr(upcast, "UPCASTERS", steps)


@pytest.mark.parametrize(("v", "data"), [(1, b'{"text":"a"}'), (2, b'{"name":"a"}'), (3, b'{"title":"a"}')])
def test_every_version_becomes_the_event_of_today(upcasters: None, v: int, data: bytes):
    assert recorded("session_renamed", v, data).event() == SessionRenamed("a")


def test_a_version_from_the_future_is_kept_as_it_came():
    found = recorded("session_renamed", 9, b'{"titles":["a"]}').event()
    assert found == UnknownEvent("session_renamed", {"titles": ["a"]})


def test_a_type_from_the_future_is_kept_as_it_came():
    assert recorded("dreamt", 1, b'{"of":"sheep"}').event() == UnknownEvent("dreamt", {"of": "sheep"})


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"title":1}', b'{"text":"a"}', b"[" * 100_000])
def test_what_cannot_be_understood_is_unknown_and_no_crash(data: bytes):
    assert isinstance(recorded("session_renamed", 1, data).event(), UnknownEvent)


def test_an_upcaster_that_misses_its_field_is_no_crash(upcasters: None):
    assert recorded("session_renamed", 1, b"{}").event() == UnknownEvent("session_renamed", {})
