"""Reading files: what a model sees of them, and what it hears instead of them."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from aiex.agent.kit import Kit
from aiex.agent.overlay import Overlay
from aiex.agent.tools.read import LINES, MOST_BYTES, TOOL
from aiex.errors import AiexError, Denied, ToolError
from tests.fakes.toolcalls import call, open_kit

PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    root.mkdir()
    return root


@pytest.fixture
async def kit(root: Path) -> AsyncIterator[Kit]:
    async with open_kit(root) as kit:
        yield kit


async def read(kit: Kit, path: str, **more: object) -> str:
    return (await call(TOOL, kit, path=path, **more)).text


async def refusal(kit: Kit, path: str, **more: object) -> str:
    with pytest.raises(AiexError) as caught:
        await read(kit, path, **more)
    return f"{type(caught.value).__name__}: {caught.value.message} | {caught.value.hint}"


async def test_lines_come_with_their_numbers(kit: Kit, root: Path) -> None:
    (root / "a.py").write_text("one\n\n  two\n")
    assert await read(kit, "a.py") == "    1\tone\n    2\t\n    3\t  two\n(all 3 lines)"


async def test_a_window_says_how_to_read_on(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text("".join(f"line {number}\n" for number in range(1, 11)))
    assert await read(kit, "a.txt", offset=4, limit=2) == (
        "    4\tline 4\n    5\tline 5\n(lines 4-5 of 10; go on with offset=6)"
    )
    assert (await read(kit, "a.txt", offset=9, limit=5)).endswith("line 10\n(lines 9-10 of 10)")


async def test_a_long_file_is_read_in_windows(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text("x\n" * (LINES + 5))
    assert (await read(kit, "a.txt")).endswith(f"\n(lines 1-{LINES} of {LINES + 5}; go on with offset={LINES + 1})")


async def test_an_answer_is_bounded_whatever_the_lines_are(kit: Kit, root: Path) -> None:
    (root / "long.txt").write_text(("y" * 100_000 + "\n") * 50)
    text = await read(kit, "long.txt")
    assert len(text) < 32_000
    assert "yy… (100,000 characters, cut here)" in text
    assert "of 50; go on with offset=" in text


async def test_an_offset_behind_the_end_is_an_error(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text("one\n")
    assert "a.txt has 1 lines, and line 9 was asked for" in await refusal(kit, "a.txt", offset=9)


async def test_what_was_read_is_known_to_later_edits(kit: Kit, root: Path) -> None:
    data = b"one\r\ntwo\r\n"
    (root / "a.txt").write_bytes(data)
    assert await read(kit, "./a.txt", limit=1) == "    1\tone\n(lines 1-1 of 2; go on with offset=2)"
    assert kit.seen.compare("a.txt", data) == "same"
    assert kit.seen.compare("a.txt", b"other") == "changed"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"\xef\xbb\xbfa\n", "    1\ta\n(all 1 lines)"),
        ("é\n".encode("utf-16"), "    1\té\n(all 1 lines; the encoding is utf-16-le)"),
        (b"caf\xe9\n", "    1\tcafé\n(all 1 lines; the encoding is not known, perhaps cp1252)"),
        ("ä".encode() + b"\xff\n", "    1\tä\ufffd\n(all 1 lines; the encoding is not known, perhaps utf-8)"),
        (b"a\rb\r", "    1\ta\n    2\tb\n(all 2 lines)"),
        (b"a\x0cb\xe2\x80\xa8c\n", "    1\ta\x0cb\u2028c\n(all 1 lines)"),
        (b"", "a.txt is empty"),
    ],
)
async def test_text_comes_in_any_encoding(kit: Kit, root: Path, data: bytes, shown: str) -> None:
    (root / "a.txt").write_bytes(data)
    assert await read(kit, "a.txt") == shown


async def test_a_picture_comes_as_a_picture(kit: Kit, root: Path) -> None:
    (root / "a.png").write_bytes(PNG)
    (root / "named.wrong").write_bytes(b"GIF89a" + bytes(20))
    answer = (await call(TOOL, kit, path="a.png")).answer
    assert answer.text == "a.png: image/png, 48 bytes"
    assert [(image.media_type, base64.b64decode(image.data)) for image in answer.images] == [("image/png", PNG)]
    assert (await call(TOOL, kit, path="named.wrong")).answer.images[0].media_type == "image/gif"


async def test_a_picture_that_no_model_takes_is_refused(kit: Kit, root: Path) -> None:
    (root / "a.png").write_bytes(PNG + bytes(5_000_000))
    assert "models take pictures up to 5 MB" in await refusal(kit, "a.png")


async def test_a_notebook_comes_as_its_cells(kit: Kit, root: Path) -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Title\n", "text"]},
        {"cell_type": "code", "source": "1 + 1", "outputs": [{"data": {"text/plain": ["2"]}}]},
        "broken",
    ]
    (root / "a.ipynb").write_text(json.dumps({"cells": cells}))
    text = await read(kit, "a.ipynb")
    assert [line.split("\t")[1] for line in text.splitlines()[:-1]] == [
        "# --- cell 1: markdown", "# Title", "text", "# --- cell 2: code", "1 + 1", "# --- output of cell 2", "2",
    ]  # fmt: skip
    assert text.endswith("; the cells of a notebook; the file itself is JSON)")


async def test_what_cannot_be_read_says_what_to_do(kit: Kit, root: Path) -> None:
    (root / "src").mkdir()
    (root / "src" / "application.py").write_text("x\n")
    (root / "data.bin").write_bytes(b"a\0b" * 100)
    assert await refusal(kit, "src") == "ToolError: src is a directory | list shows what is in it"
    assert "data.bin is binary (300 bytes)" in await refusal(kit, "data.bin")
    assert "there is no file src/aplication.py | did you mean src/application.py?" in await refusal(
        kit, "src/aplication.py"
    )
    assert "did you mean src?" in await refusal(kit, "scr/application.py")
    assert "there is no file src/application.py/x" in await refusal(kit, "src/application.py/x")


async def test_a_file_too_large_is_not_held_in_memory(kit: Kit, root: Path) -> None:
    with open(root / "huge.log", "wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "too large to read: 16,000,001 bytes | search finds places in it" in await refusal(kit, "huge.log")


async def test_secrets_and_what_lies_outside_are_denied(kit: Kit, root: Path) -> None:
    (root / ".env").write_text("KEY=1\n")
    os.symlink("/etc/hosts", root / "link")
    with pytest.raises(Denied, match="\\.env is a secret"):
        await read(kit, ".env")
    for path in ("link", "/etc/hosts", "../other"):
        with pytest.raises(Denied):
            await read(kit, path)
    assert ".env" not in await refusal(kit, ".enw")


async def test_the_record_says_which_file_was_read(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text("x\n")
    os.symlink("a.txt", root / "link")
    action = TOOL.plan({"path": "link"}, kit).actions[0]
    assert (action.kind, action.subject, action.detail) == ("read", "a.txt", {"asked": "link", "for": "offline"})
    assert TOOL.plan({"path": "a.txt", "offset": 3, "limit": 5}, kit).title == "read a.txt 3-7"


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode elsewhere")
async def test_a_name_that_is_not_utf8_is_read_as_it_is_shown(kit: Kit, root: Path) -> None:
    (root / os.fsdecode(b"caf\xe9")).write_bytes(b"")
    assert await read(kit, "caf\\xe9") == "caf\\xe9 is empty"


@pytest.mark.parametrize("path", ["", "  ", "a\0b", "\ud800", "x" * 5_000])
async def test_what_is_no_path_is_an_error(kit: Kit, path: str) -> None:
    with pytest.raises(ToolError):
        TOOL.plan({"path": path}, kit)


async def test_a_dry_run_reads_what_it_wrote(root: Path) -> None:
    async with open_kit(root) as real:
        layer = Overlay(real.means.workspace)
        kit = Kit(real.means, files=layer, is_dry=True)
        layer.write("new.txt", b"written\n")
        assert await read(kit, "new.txt") == "    1\twritten\n(all 1 lines)"
