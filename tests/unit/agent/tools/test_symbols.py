"""Names: where they are defined and used, what is certain of that, and outlines of files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiex.agent.arguments import fit
from aiex.agent.kit import Kit
from aiex.agent.overlay import Overlay
from aiex.agent.tools.symbols import TOOL
from aiex.errors import Denied, ToolError
from tests.fakes.toolcalls import call, open_kit


@pytest.fixture
async def kit(workspace: Path) -> AsyncIterator[Kit]:
    async with open_kit(workspace) as kit:
        yield kit


async def ask(kit: Kit, **arguments: object) -> str:
    return (await call(TOOL, kit, **arguments)).text


async def test_a_definition_is_a_place_with_its_signature(kit: Kit) -> None:
    assert await ask(kit, name="price_of") == "shop/prices.py:6 function def price_of(name: str) -> int"
    assert await ask(kit, name="total") == (
        "shop/basket.py:18 method Basket.total def total(self) -> int\nweb/sum.js:1 function function total(items)"
    )


@pytest.mark.parametrize("name", ["Basket.total", "Basket::total", "Basket#total()", " Basket.total "])
async def test_a_name_with_what_it_is_in_means_one(kit: Kit, name: str) -> None:
    assert await ask(kit, name=name) == "shop/basket.py:18 method Basket.total def total(self) -> int"


async def test_a_path_narrows_it(kit: Kit) -> None:
    assert (await ask(kit, name="total", path="web")).startswith("web/sum.js:1 ")
    assert (await ask(kit, name="total", path="shop/basket.py")).startswith("shop/basket.py:18 ")


async def test_uses_are_told_apart_from_what_only_has_the_same_word(kit: Kit, workspace: Path) -> None:
    (workspace / "notes.md").write_text("See price_of.\n")
    assert await ask(kit, name="price_of", kind="references") == (
        "defined: shop/prices.py:6 function def price_of(name: str) -> int\n"
        "shop/basket.py:3: from shop.prices import price_of\n"
        "shop/basket.py:20: return sum(price_of(name) * count for name, count in self.items.items())\n"
        "not certain, the same word:\n"
        "notes.md:1: See price_of."
    )


async def test_files_are_seen_as_they_are_now(kit: Kit, workspace: Path) -> None:
    assert await ask(kit, name="newcomer") == "newcomer stands nowhere in ."
    (workspace / "shop" / "prices.py").write_text("# none\n\n\ndef newcomer():\n    return 1\n")
    assert await ask(kit, name="newcomer") == "shop/prices.py:4 function def newcomer()"
    (workspace / "shop" / "user.py").write_text("from shop.prices import newcomer\n\nnewcomer()\n")
    assert "\nshop/user.py:3: newcomer()" in await ask(kit, name="newcomer", kind="references")


async def test_a_dry_run_knows_what_it_wrote(kit: Kit, workspace: Path) -> None:
    layer = Overlay(kit.means.workspace)
    dry = Kit(kit.means, files=layer, is_dry=True)
    layer.write("shop/prices.py", b"\n\n\ndef newcomer():\n    return price_of\n")
    layer.write("shop/fresh/user.py", b"class Fresh:\n    pass\n")
    assert await ask(dry, name="newcomer") == "shop/prices.py:4 function def newcomer()"
    assert await ask(dry, path="shop/prices.py") == "shop/prices.py, 5 lines of python\n4-5 function def newcomer()"
    assert await ask(dry, name="Fresh", path="shop/fresh") == "shop/fresh/user.py:1 class class Fresh"
    assert await ask(dry, path="shop/fresh/user.py") == "shop/fresh/user.py, 2 lines of python\n1-2 class class Fresh"
    assert await ask(dry, name="price_of", kind="references") == (
        "no definition is known\nnot certain, the same word:\nshop/basket.py:3: from shop.prices import price_of\n"
        "shop/basket.py:20: return sum(price_of(name) * count for name, count in self.items.items())\n"
        "shop/prices.py:5: return price_of\n"
        "(shop/prices.py: held in memory, so no use in it, or of what it defines, is certain)"
    )
    layer.delete("shop/prices.py")
    with pytest.raises(ToolError):
        await ask(dry, path="shop/prices.py")
    assert await ask(kit, name="price_of") == "shop/prices.py:6 function def price_of(name: str) -> int"


async def test_a_word_without_a_definition_says_where_it_stands(kit: Kit) -> None:
    assert await ask(kit, name="KeyError") == (
        "no definition of KeyError is known here; the word stands in 1 files: shop/prices.py:7"
    )


async def test_an_outline_names_what_a_file_defines(kit: Kit) -> None:
    assert await ask(kit, path="shop/basket.py") == (
        "shop/basket.py, 20 lines of python\n"
        "6-20 class class Basket\n"
        "  9-10 method def __init__(self) -> None\n"
        "  12-16 method def add(self, name: str, count: int = 1) -> None\n"
        "  18-20 method def total(self) -> int"
    )
    assert (await ask(kit, kind="outline", path=".gitignore")).startswith(
        ".gitignore has no definitions that are known"
    )


async def test_what_makes_no_sense_says_what_to_do(kit: Kit, workspace: Path) -> None:
    (workspace / ".env").write_text("KEY=1\n")
    for arguments in ({}, {"kind": "outline"}, {"name": "two words"}, {"name": "x", "kind": "callers"}, {"name": "\n"}):
        with pytest.raises(ToolError):
            TOOL.plan(fit(arguments, TOOL.parameters), kit)
    with pytest.raises(ToolError, match="shop is a directory"):
        await ask(kit, path="shop")
    with pytest.raises(ToolError, match="there is no shop/x"):
        await ask(kit, path="shop/x")
    with pytest.raises(Denied):
        await ask(kit, path=".env")
