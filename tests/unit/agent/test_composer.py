"""Each request of a run begins with the one before, byte for byte, in every protocol."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiex.agent.composer import Composer, define, introduce, load_tools, load_words
from aiex.jsonform import dump
from aiex.messages import Text
from tests.fakes.legality import PROTOCOLS, encode_with
from tests.fakes.scripted_model import Bench, says

Open = Callable[..., Bench]
HISTORIES = {
    "anthropic": "messages",
    "chat": "messages",
    "responses": "input",
    "gemini": "contents",
    "ollama": "messages",
}
STORY = (
    says("I look.", ("list", {"path": "."}), ("read", {"path": "shop/prices.py"})),
    says("", ("edit", {"path": "shop/prices.py", "old": '"apple": 40', "new": '"apple": 45'})),
    says("", ("bash", {}), ("read", {})),
    says("It does not", reason="max_tokens"),
    says("", ("run", {"command": "ls shop"})),
    says("I wait", reason="pause"),
    says("", ("todo", {"items": [{"text": "café \ud800", "state": "done"}]})),
    says("Done."),
)


def without_marks(value: Any) -> Any:
    """The same without the marks that say up to where a vendor may cache; they go with the end of a request."""
    if isinstance(value, dict):
        return {name: without_marks(inner) for name, inner in value.items() if name != "cache_control"}
    return [without_marks(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_each_request_begins_with_the_one_before(bench: Open, protocol: str) -> None:
    made = bench(*STORY, says("All of it."))
    await made.work("mend the price of apples")
    await made.work("and what else?")
    bodies = [without_marks(json.loads(dump(encode_with(protocol, request)))) for request in made.requests]
    name = HISTORIES[protocol]
    for before, behind in itertools.pairwise(bodies):
        rest = [{key: value for key, value in body.items() if key != name} for body in (before, behind)]
        assert dump(rest[0]) == dump(rest[1])
        was, now = dump(before[name]), dump(behind[name])
        assert now[: len(was) - 1] == was[:-1], f"{was[-300:]}\n{now[len(was) - 300 : len(was) + 300]}"
        assert len(now) > len(was)


async def test_the_data_at_the_end_goes_on_with_the_same_beginning(bench: Open) -> None:
    made = bench(says("", ("list", {})), says("Two."), says('{"n": 2}'))
    await made.work(schema={"type": "object"})
    first, second, last = made.requests
    assert last.messages[: len(second.messages)] == second.messages
    assert last.tools == second.tools == first.tools


async def test_tools_are_sorted_and_few_words(bench: Open) -> None:
    made = bench(says("Hello."))
    await made.work()
    names = [tool.name for tool in made.requests[0].tools]
    assert names == sorted(names)
    assert len(names) >= 12
    assert made.requests[0].messages[0].role == "system"


async def test_only_the_tools_that_were_asked_for_are_offered(bench: Open) -> None:
    made = bench(says("", ("write", {"path": "a", "content": "b"})), says("I cannot."))
    ran = await made.work(tools=("read", "list"))
    assert [tool.name for tool in made.requests[0].tools] == ["list", "read"]
    assert ran.results == ["there is no tool 'write'\nhint: there are: list, read"]


async def test_a_read_only_sandbox_offers_no_tool_that_writes(bench: Open) -> None:
    made = bench(says("Hello."), overrides=("sandbox.mode=read-only",))
    await made.work()
    names = {tool.name for tool in made.requests[0].tools}
    assert not names & {"edit", "patch", "write"}
    assert {"read", "run"} <= names


def test_what_is_said_first_holds_only_what_is_there(tmp_path: Path) -> None:
    bare = introduce(root="/w", platform="linux", today="2026-01-31")
    whole = introduce(root="/w", platform="linux", today="2026-01-31", instructions="No tabs.", skills="skills: a")
    assert whole == (*bare, Text("No tabs."), Text("skills: a"))
    assert "/w" in json.dumps([part.text for part in bare if isinstance(part, Text)])
    assert "2026-01-31" not in load_words("system")


def test_a_definition_is_that_of_the_file(bench: Open) -> None:
    tools = load_tools(("read", "edit"))
    assert list(tools) == ["edit", "read"]
    definition = define("edit", tools["edit"])
    assert definition.parameters == tools["edit"].parameters
    assert definition.description.strip()
    made = bench()
    request = Composer("one/m", (Text("hi"),), tools, "s1").compose(made.state)
    assert (request.model, request.cache_key, [tool.name for tool in request.tools]) == (
        "one/m",
        "s1",
        ["edit", "read"],
    )
