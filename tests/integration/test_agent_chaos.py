"""Whatever breaks between the agent and its vendor: the files end as they would have, and everything happens once."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from aiex.budget import Budget
from aiex.events import Event, SessionStarted, ToolFinished, ToolStarted, TurnEnded
from aiex.jobs.working import Wish, work
from aiex.llm.chaos import Chaos
from aiex.llm.failover import Means, answer
from aiex.llm.health import Monitor
from aiex.llm.retry import Policy
from aiex.llm.stores.health import HealthStore
from aiex.llm.toll import Toll
from aiex.llm.wire import Stream
from aiex.messages import Text
from aiex.sessions.log import EventLog
from aiex.sessions.recorder import Recorder
from aiex.sessions.stores.sqlite import SqliteStore
from aiex.wiring import Services
from tests.fakes.legality import faults_of_session
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.server import Answer, Asked, Reply
from tests.fakes.vendors import link_to
from tests.fakes.wires import InProcess

SEEDS = range(int(os.environ.get("CHAOS_SEEDS", "8")))
RATE = 0.5
STORY: tuple[tuple[str, tuple[tuple[str, dict[str, Any]], ...]], ...] = (
    (
        "I look at the shop first, and at what it sells.",
        (("list", {"path": "."}), ("read", {"path": "shop/prices.py"})),
    ),
    ("Apples cost more now.", (("edit", {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'}),)),
    ("", (("run", {"command": "echo once >> effects"}), ("write", {"path": "notes/new.md", "content": "# New\n"}))),
    ("And once more.", (("run", {"command": "echo twice >> effects"}),)),
    ("Apples cost 45 cents now, and that is written down.", ()),
)


class Teller(FakeOpenAI):
    """Its next word follows from how many of its calls were answered, so it may be asked the same again."""

    def route(self, asked: Asked) -> Answer:
        """The answer that belongs to the conversation."""
        done = sum(bool(message.get("tool_calls")) for message in asked.body["messages"])
        text, calls = STORY[min(done, len(STORY) - 1)]
        self._replies = [Reply(text, calls=tuple((name, json.dumps(arguments)) for name, arguments in calls))]
        return super().route(asked)


class Shaken(Services):
    """Services whose requests go through chaos; two vendors, so that one can take over; nothing is waited for."""

    seed = 0
    rate = RATE

    def open(self, server: FakeOpenAI, again: int = 0) -> None:
        """Ask this server, with other faults each time."""

        async def no_wait(_: float) -> None:
            """Time passes at once."""

        links = [link_to(server, "openai-chat", name, first_byte=0.05, idle=0.05) for name in ("one", "two")]
        chaos = Chaos(InProcess(server).connect, rate=self.rate, seed=self.seed + 1_000 * again)
        means = Means(connect=chaos.connect, monitor=Monitor(HealthStore()), policy=Policy(sleep=no_wait))
        self._asked = links, means

    def stream_within(self, budget: Budget) -> Stream:
        """The answers of whoever gives one."""
        links, means = self._asked
        bound = replace(means, gate=Toll(budget, lambda name, usage: None))
        return lambda request: answer(links, request, bound)


async def tell(root: Path, server: FakeOpenAI, *, seed: int, rate: float) -> tuple[list[Event], Shaken]:
    overrides = [f"providers.one.base_url={server.base_url}", "model=one/fake-1", "policy.mode=bypass"]
    services = Shaken(str(root), overrides=overrides)
    services.seed, services.rate = seed, rate
    services.open(server)
    services.recorder = Recorder(EventLog(SqliteStore(":memory:")), services.session)
    services.recorder.record(SessionStarted("0", str(root), "run", "one", "fake-1", root=str(root)))
    told: list[Event] = []
    for again in range(1, 7):  # a run that gave up is gone on with
        wish = Wish((Text("Raise the price of apples."),))
        async with aclosing(cast("AsyncGenerator[Event, None]", work(wish, services))) as events:
            async for event in events:
                services.recorder.record(event)
                told.append(event)
        assert faults_of_session(services.recorder.state) == []
        ended = told[-1]
        assert isinstance(ended, TurnEnded)
        assert (ended.exit_code == 0) == (ended.status == "success")
        if ended.exit_code == 0:
            break
        assert ended.exit_code in (69, 75), ended
        services.open(server, again)
    return told, services


def look(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.fixture
def wanted(workspace: Path) -> dict[str, bytes]:
    """The files as a run without faults leaves them."""
    files = look(workspace)
    files["shop/prices.py"] = files["shop/prices.py"].replace(b'"apple": 40', b'"apple": 45')
    return {**files, "effects": b"once\ntwice\n", "notes/new.md": b"# New\n"}


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_files_end_as_they_would_have_and_each_effect_happens_once(
    seed: int, workspace: Path, wanted: dict[str, bytes]
) -> None:
    server = Teller()
    try:
        told, services = await tell(workspace, server, seed=seed, rate=RATE if seed else 0)
    finally:
        server._http.server_close()
    services.close()
    assert look(workspace) == wanted
    ended = told[-1]
    assert isinstance(ended, TurnEnded)
    assert ended.exit_code == 0
    names = [event.name for event in told if isinstance(event, ToolStarted)]
    assert names == ["list", "read", "edit", "run", "write", "run"]
    assert not any(event.is_error for event in told if isinstance(event, ToolFinished))
