"""Listing directories: what belongs to the repository, in order and bounded."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiex.agent.kit import Kit
from aiex.agent.overlay import Overlay
from aiex.agent.tools.list import MOST_NAMES, TOOL
from aiex.errors import Denied, ToolError
from tests.fakes.toolcalls import call, open_kit


@pytest.fixture
def root(workspace: Path) -> Path:
    (workspace / "build" / "deep").mkdir(parents=True)
    (workspace / "build" / "deep" / "out.o").write_text("x")
    (workspace / "debug.log").write_text("x")
    (workspace / ".env").write_text("KEY=1")
    return workspace


@pytest.fixture
async def kit(root: Path) -> AsyncIterator[Kit]:
    async with open_kit(root) as kit:
        yield kit


async def names(kit: Kit, **arguments: object) -> list[str]:
    return (await call(TOOL, kit, **arguments)).text.split("\n")


async def test_names_are_sorted_and_what_is_ignored_or_secret_is_left_out(kit: Kit) -> None:
    assert await names(kit) == [".gitignore", "README.md", "shop/", "tests/", "web/"]


async def test_depth_says_how_far_down(kit: Kit) -> None:
    assert await names(kit, path="shop") == ["shop/__init__.py", "shop/basket.py", "shop/prices.py"]
    assert await names(kit, depth=2) == [
        ".gitignore", "README.md", "shop/", "shop/__init__.py", "shop/basket.py", "shop/prices.py", "tests/",
        "tests/test_basket.py", "web/", "web/app.js", "web/sum.js",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("glob", "path", "found"),
    [
        ("*.js", ".", ["web/app.js", "web/sum.js"]),
        ("app.*", "web", ["web/app.js"]),
        ("**/test_*.py", ".", ["tests/test_basket.py"]),
        ("web/*.{js,ts}", ".", ["web/app.js", "web/sum.js"]),
        ("*.js", "shop", ["no file matches in shop"]),
        ("shop/", ".", ["shop/__init__.py", "shop/basket.py", "shop/prices.py"]),
        ("*.o", ".", ["no file matches in ."]),
    ],
)
async def test_a_glob_finds_files_at_any_depth(kit: Kit, glob: str, path: str, found: list[str]) -> None:
    assert await names(kit, path=path, glob=glob) == found


async def test_an_ignored_directory_that_is_named_is_shown(kit: Kit) -> None:
    assert await names(kit, path="build", depth=3) == ["build/deep/", "build/deep/out.o"]


async def test_changes_of_files_and_rules_are_seen_at_once(kit: Kit, root: Path) -> None:
    assert "debug.log" not in await names(kit)
    (root / "new.py").write_text("x")
    (root / ".gitignore").write_text("*.py\n")
    assert await names(kit) == [".gitignore", "README.md", "build/", "debug.log", "shop/", "tests/", "web/"]
    (root / ".aiexignore").write_text("/web/\n")
    (root / "shop" / ".gitignore").write_text("!prices.py\n")
    assert "web/" not in await names(kit)
    assert await names(kit, path="shop") == ["shop/.gitignore", "shop/prices.py"]
    (root / "shop" / ".gitignore").unlink()
    assert await names(kit, path="shop") == ["shop is empty, or all in it is ignored"]


async def test_more_than_fits_is_counted(kit: Kit, root: Path) -> None:
    (root / "many").mkdir()
    for number in range(MOST_NAMES + 7):
        (root / "many" / f"{number:04}").touch()
    shown = await names(kit, path="many")
    assert shown[0] == "many/0000"
    assert len(shown) == MOST_NAMES + 1
    assert shown[-1] == "... 7 more; name a directory in it, or a glob"


async def test_what_is_no_directory_says_what_to_do(kit: Kit, root: Path) -> None:
    os.symlink("/etc", root / "out")
    with pytest.raises(ToolError, match=r"README\.md is no directory"):
        await names(kit, path="README.md")
    with pytest.raises(ToolError, match="there is no directory shpo") as caught:
        await names(kit, path="shpo")
    assert caught.value.hint == "did you mean shop?"
    for path in ("out", "..", "/etc"):
        with pytest.raises(Denied):
            await names(kit, path=path)


async def test_links_are_not_followed(kit: Kit, root: Path) -> None:
    os.symlink("shop", root / "alias")
    assert "alias" not in " ".join(await names(kit, depth=3))
    assert await names(kit, path="alias") == ["shop/__init__.py", "shop/basket.py", "shop/prices.py"]


async def test_a_dry_run_lists_what_it_wrote(root: Path) -> None:
    async with open_kit(root) as real:
        layer = Overlay(real.means.workspace)
        kit = Kit(real.means, files=layer, is_dry=True)
        layer.write("web/new/page.js", b"x")
        layer.delete("web/app.js")
        assert await names(kit, path="web") == ["web/new/", "web/sum.js"]
        assert await names(kit, glob="*.js") == ["web/new/page.js", "web/sum.js"]
        assert await names(kit, path="web/new") == ["web/new/page.js"]
