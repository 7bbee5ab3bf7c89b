"""Whole trajectories: read, search, edit, a failing test, its repair and green, in each language and protocol."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from aiex.events import CheckRan, Event, SessionStarted, ToolFinished, TurnEnded
from aiex.jobs.stepping import Step
from aiex.jobs.working import Wish, work
from aiex.messages import Text
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import Recorder
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.wiring import Services
from tests.fakes.legality import faults_of_session
from tests.fakes.repositories import CHECK, REPOSITORIES, Repository
from tests.fakes.server import FakeServer
from tests.fakes.vendors import SERVERS


@contextmanager
def vendor_of(protocol: str, repository: Repository) -> Iterator[FakeServer]:
    """A vendor that tells the story of a repair."""
    with SERVERS[protocol]() as server:
        for text, calls in repository.answers():
            server.say(text, calls=tuple((name, json.dumps(arguments)) for name, arguments in calls))
        yield server


def open_services(root: Path, server: FakeServer, protocol: str, *more: str) -> Services:
    """The services of a run that asks this server, and a session in memory."""
    overrides = [f"providers.one.base_url={server.base_url}", f"providers.one.protocol={protocol}"]
    services = Services(str(root), overrides=[*overrides, "model=one/fake-1", "policy.mode=bypass", *more])
    services.recorder = Recorder(EventLog(SqliteStore(":memory:")), services.session)
    services.recorder.record(SessionStarted("0", str(root), "run", "one", "fake-1", root=str(root)))
    return services


async def tell(services: Services, text: str = "The total is wrong: mend it.") -> list[Event]:
    """Every event of a run, each in the log first."""
    wish = Wish((Text(text),))
    told: list[Event] = []
    step = lambda reason: Step(services.checkpoints, reason, session=services.session)  # noqa: E731
    async with aclosing(cast("AsyncGenerator[Event, None]", work(wish, services, step=step))) as events:
        async for event in events:
            assert services.recorder is not None
            services.recorder.record(event)
            told.append(event)
    return told


def of(told: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]


@pytest.mark.parametrize("protocol", SERVERS)
@pytest.mark.parametrize("language", REPOSITORIES)
async def test_a_wish_goes_in_and_a_checked_change_comes_out(language: str, protocol: str, tmp_path: Path) -> None:
    repository = REPOSITORIES[language]
    root = repository.write(tmp_path / "basket")
    with vendor_of(protocol, repository) as server:
        services = open_services(root, server, protocol)
        try:
            told = await tell(services)
        finally:
            services.close()
    end = told[-1]
    assert isinstance(end, TurnEnded)
    assert (end.status, end.exit_code, end.answer) == ("success", 0, "Mended: the sum counts every piece.")
    assert (root / repository.code).read_text() == repository.mended
    assert end.files_changed == (repository.code,)
    assert [(one.name, one.exit_code) for one in of(told, CheckRan)] == [("make test", 2), ("make test", 0)]
    (check,) = end.checks
    assert (check["command"], check["passed"], check["current"]) == (CHECK, True, True)
    listed, read, found, edited, red, mended, green = of(told, ToolFinished)
    assert repository.code.partition("/")[0] in listed.text
    assert "result" in read.text
    assert repository.code in found.text
    assert not any(one.is_error for one in (listed, read, found, edited, mended))
    assert red.text.startswith("exit code 2")
    assert green.text.startswith("exit code 0")
    assert len(server.requests) == len(repository.answers())
    assert services.recorder is not None
    assert faults_of_session(services.recorder.state) == []
