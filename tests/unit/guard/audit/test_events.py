"""Security events: what in the stream of records is told at once."""

from __future__ import annotations

import pytest

from aiex.events import SecurityNoticed
from aiex.guard.actions import Action
from aiex.guard.audit.entries import Outcome
from aiex.guard.audit.events import DENIALS, WITHIN_S
from aiex.guard.audit.log import AuditLog
from tests.unit.guard.audit.conftest import ALLOWED, DENIED, STATUS, Records


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def told() -> list[SecurityNoticed]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def log(records: Records, told: list[SecurityNoticed], clock: Clock) -> AuditLog:
    return records.open(tell=told.append, clock=clock)


def kinds(told: list[SecurityNoticed]) -> list[str]:
    return [event.kind for event in told]


def test_allowed_work_is_not_told(log: AuditLog, told: list[SecurityNoticed]) -> None:
    for _ in range(20):
        log.append("one", STATUS, ALLOWED)
        log.append("one", STATUS, Outcome("failed", 1))
    assert told == []


def test_repeated_denials_are_told_once_for_a_while(log: AuditLog, told: list[SecurityNoticed], clock: Clock) -> None:
    for _ in range(DENIALS - 1):
        log.append("one", STATUS, DENIED)
        log.append("two", STATUS, DENIED)
    assert told == []
    for _ in range(DENIALS):
        log.append("one", STATUS, DENIED)
    assert [(event.kind, event.session) for event in told] == [("repeated-denials", "one")]
    clock.now += WITHIN_S
    for _ in range(DENIALS):
        log.append("one", STATUS, DENIED)
    assert kinds(told) == ["repeated-denials"] * 2


def test_denials_far_apart_are_not_told(log: AuditLog, told: list[SecurityNoticed], clock: Clock) -> None:
    for _ in range(3 * DENIALS):
        log.append("one", STATUS, DENIED)
        clock.now += WITHIN_S / (DENIALS - 1) + 0.1
    assert told == []


@pytest.mark.parametrize(
    "action",
    [
        Action("write", "/etc/passwd"),
        Action("read", "../other/file"),
        Action("delete", "src/../../x"),
        Action("command", "nc 10.0.0.1", {"escape": "opens a connection"}),
    ],
)
def test_an_escape_that_was_denied_is_told(log: AuditLog, told: list[SecurityNoticed], action: Action) -> None:
    log.append("one", action, DENIED)
    log.append("one", action, Outcome("refused", 1))
    assert kinds(told) == ["escape-tried", "escape-tried"]
    assert action.subject in told[0].message


def test_a_file_inside_that_was_denied_is_no_escape(log: AuditLog, told: list[SecurityNoticed]) -> None:
    log.append("one", Action("read", "src/..env"), DENIED)
    assert told == []


def test_a_host_is_new_once_for_all_processes(records: Records, log: AuditLog, told: list[SecurityNoticed]) -> None:
    for subject in ("pypi.org:443", "PyPI.org:80", "pypi.org:443"):
        log.append("one", Action("network", subject), ALLOWED)
    assert [(event.kind, event.message) for event in told] == [
        ("new-host", "pypi.org:443 was not reached from here before")
    ]
    log.close()
    again = records.open(tell=told.append)
    again.append("two", Action("network", "pypi.org:443"), ALLOWED)
    again.append("two", Action("network", "[fd00::7]:443"), ALLOWED)
    for here in ("[::1]:443", "localhost:8080", "127.0.0.1:80"):
        again.append("two", Action("network", here), ALLOWED)
    again.append("two", Action("network", "denied.example:443"), DENIED)
    assert [event.message.split()[0] for event in told] == ["pypi.org:443", "[fd00::7]:443"]


def test_nothing_else_is_told_about_a_record_that_was_not_written(
    records: Records, told: list[SecurityNoticed]
) -> None:
    records.folder.mkdir()
    (records.folder / "data").write_text("in the way")
    log = records.open(tell=told.append)
    assert log.append("one", Action("network", "pypi.org:443"), ALLOWED) == 0
    assert kinds(told) == ["unrecorded"]
