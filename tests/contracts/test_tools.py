"""What every tool of the room keeps to, found by file name: few words, a strict schema, errors that say what to do."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.agent.arguments import fit
from aiex.agent.calls import MOST_TEXT_CHARS
from aiex.agent.kit import Kit
from aiex.agent.tools import ROOM, Answer, Kind, Plan, Tool
from aiex.errors import AiexError, Denied, EditError, StoreError, ToolError
from aiex.guard.actions import Action
from aiex.plugins import folder, load, names
from aiex.sessions.log import LOOKS
from tests.fakes.toolcalls import call, open_kit

NAMES = names(ROOM)
MOST_TOKENS = 2_000
"""Of all definitions together; the rest of the 2,500 is for the prompt."""
MOST_WORDS = 60
"""Of one description."""
TYPES = {"string", "integer", "number", "boolean", "array", "object"}
KEYWORDS = {
    "type",
    "description",
    "enum",
    "items",
    "properties",
    "required",
    "additionalProperties",
    "minimum",
    "maximum",
}


def tool_of(name: str) -> Tool:
    tool: Tool = load(ROOM, name, "TOOL").TOOL
    return tool


def test_what_need_not_be_known_to_have_begun_only_looks() -> None:
    assert set(NAMES) >= LOOKS
    assert {tool_of(name).kind for name in LOOKS} == {"look"}


def description_of(name: str) -> str:
    return Path(folder(ROOM), f"{name.replace('-', '_')}.md").read_text(encoding="utf-8")


def definitions() -> list[dict[str, Any]]:
    return [
        {"name": name, "description": description_of(name).strip(), "parameters": tool_of(name).parameters}
        for name in NAMES
    ]


def schemas_in(schema: Mapping[str, Any], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A schema and all within it, each with where it stands."""
    yield place, schema
    for name, inner in schema.get("properties", {}).items():
        yield from schemas_in(inner, f"{place}.{name}")
    if "items" in schema:
        yield from schemas_in(schema["items"], f"{place}[]")


@pytest.fixture
async def kit(workspace: Path) -> AsyncIterator[Kit]:
    async with open_kit(workspace) as kit:
        yield kit


# --- what the model is told -------------------------------------------------------------------------------------------


def test_the_tools_that_look_are_there() -> None:
    assert {"context", "list", "read", "search", "symbols"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_has_its_words_its_kind_and_its_schema(name: str) -> None:
    tool, words = tool_of(name), description_of(name)
    assert tool.kind in get_args(Kind)
    assert callable(tool.plan)
    assert 3 <= len(words.split()) <= MOST_WORDS
    assert words.endswith("\n")
    assert len(words.strip().splitlines()) <= 4
    assert words.isprintable() or all(line.isprintable() for line in words.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_says_the_type_of_everything_and_takes_nothing_else(name: str) -> None:
    parameters = tool_of(name).parameters
    assert parameters["type"] == "object"
    assert json.loads(json.dumps(parameters)) == parameters
    for place, schema in schemas_in(parameters, name):
        assert schema.get("type") in TYPES, f"{place} has no type"
        assert set(schema) <= KEYWORDS, f"{place} has a keyword that not every vendor takes"
        if schema["type"] == "array":
            assert "items" in schema, f"{place} does not say of what"
        if schema["type"] == "object":
            assert schema.get("additionalProperties") is False, f"{place} takes anything"
            assert set(schema.get("required", ())) <= set(schema.get("properties", {})), place
        if "enum" in schema:
            assert schema["enum"], place


def test_all_definitions_together_are_small() -> None:
    from aiex.tokens import count

    told = definitions()
    sizes = {one["name"]: count(json.dumps(one, separators=(",", ":")), "gpt-4o").tokens for one in told}
    assert [one["name"] for one in told] == sorted(sizes)
    assert sum(sizes.values()) <= MOST_TOKENS, sizes


# --- what calls come to -----------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["", " ", ".", "..", "/", "~", "README.md", "shop", "shop/basket.py", "nothing/here", "\0", "\ud800", "é", "*",
     "**", "[", "(", "a{2", "\n", "-x", "$(id)", "x" * 3_000, "https://127.0.0.1:1/x", "1", "def", "Basket",
     "caf\\xe9", "a\\b"]
)  # fmt: skip
NUMBERS = st.sampled_from([0, 1, -1, 2, 7, 10**6, 10**30, -(10**30)])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.sampled_from([0.5, float("nan"), float("inf")]) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=5,
)


def fitting(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values of the type that a schema wants, sensible or not."""
    if "enum" in schema:
        return st.sampled_from(list(schema["enum"]))
    match schema.get("type"):
        case "string":
            return WORDS
        case "integer":
            return NUMBERS
        case "number":
            return NUMBERS | st.just(0.5)
        case "boolean":
            return st.booleans()
        case "array":
            return st.lists(fitting(schema.get("items", {})), max_size=3)
        case "object":
            required = {name: fitting(schema["properties"][name]) for name in schema.get("required", ())}
            optional = {
                name: fitting(inner) for name, inner in schema.get("properties", {}).items() if name not in required
            }
            return st.fixed_dictionaries(required, optional=optional)
    return ANYTHING


def plan_or_error(tool: Tool, arguments: Any, kit: Kit) -> Plan | AiexError:
    """As the loop does it: the arguments are fitted to the schema, then planned."""
    try:
        return tool.plan(fit(arguments, tool.parameters), kit)
    except (ToolError, EditError, Denied, StoreError) as error:
        return error


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_missing_or_unknown_is_said(name: str, kit: Kit) -> None:
    tool = tool_of(name)
    for arguments in ({"no such argument": 1}, *({},) * bool(tool.parameters.get("required"))):
        error = plan_or_error(tool, arguments, kit)
        assert isinstance(error, ToolError)
        assert error.message
    for known, schema in tool.parameters["properties"].items():
        if schema["type"] != "object":
            assert isinstance(plan_or_error(tool, {known: {"a": object()}}, kit), ToolError)


@pytest.mark.parametrize("name", NAMES)
def test_no_arguments_whatever_make_a_plan_fail_otherwise_than_by_an_error_for_the_model(
    name: str, workspace: Path
) -> None:
    tool = tool_of(name)
    junk = st.dictionaries(st.sampled_from([*tool.parameters["properties"], "x"]), ANYTHING, max_size=4)

    @given(fitting(tool.parameters) | junk)
    def try_all(arguments: dict[str, Any]) -> None:
        planned = plan_or_error(tool, arguments, kit)
        if isinstance(planned, Plan):
            assert planned.title
            assert all(isinstance(action, Action) for action in planned.actions)
        else:
            assert planned.message
            planned.message.encode("utf-8")
            planned.hint.encode("utf-8")

    async def run() -> None:
        nonlocal kit
        async with open_kit(workspace) as kit:
            await asyncio.to_thread(try_all)

    kit: Kit
    asyncio.run(run())


LOOKING = [name for name in NAMES if tool_of(name).kind == "look"]


@pytest.mark.parametrize("name", LOOKING)
def test_what_looks_answers_in_bounded_text_that_can_be_sent(name: str, workspace: Path) -> None:
    tool = tool_of(name)
    (workspace / "bytes.txt").write_bytes(b"caf\xe9 def x\0" + bytes(range(256)))
    (workspace / "latin.txt").write_bytes(b"caf\xe9 def\n" * 9_000)

    @given(fitting(tool.parameters))
    def try_all(arguments: dict[str, Any]) -> None:
        with contextlib.suppress(ToolError, EditError, Denied, StoreError):
            answer = asyncio.run_coroutine_threadsafe(call(tool, kit, **arguments), loop).result().answer
            assert isinstance(answer, Answer)
            assert answer.text
            assert len(answer.text) <= MOST_TEXT_CHARS
            answer.text.encode("utf-8")
            assert "\0" not in answer.text

    async def run() -> None:
        nonlocal kit, loop
        loop = asyncio.get_running_loop()
        async with open_kit(workspace) as kit:
            await asyncio.to_thread(try_all)

    kit: Kit
    loop: asyncio.AbstractEventLoop
    asyncio.run(run())
