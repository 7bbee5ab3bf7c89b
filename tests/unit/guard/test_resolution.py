"""Random trees of directories, files and links: both engines agree with the kernel, and nothing outside is reached."""

import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.errors import AiexError, Denied
from aiex.guard.sandbox.files import Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.sampled_from(["a", "b", "c", "..", ".", ""])
PATHS = st.lists(STEPS, min_size=1, max_size=7).map("/".join)
TARGETS = st.one_of(PATHS, st.sampled_from(["../out", "../out/f", "/", "../ws/a", "..", "../../x", "a/../../out/f"]))
PLACES = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
TREES = st.lists(st.tuples(PLACES, st.one_of(st.none(), st.just("dir"), TARGETS.map(lambda to: "->" + to))), max_size=9)


def build(top: Path, tree: list[tuple[str, str | None]]) -> None:
    (top / "ws").mkdir()
    (top / "out").mkdir()
    (top / "out/f").write_text("OUTSIDE")
    for name in "abc":
        (top / "out" / name).write_text("OUTSIDE")
    for number, (place, what) in enumerate(tree):
        path = top / "ws" / place
        try:
            if what == "dir":
                path.mkdir(parents=True)
            elif what is None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"inside {number}")
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(what.removeprefix("->"))
        except OSError:
            continue  # something of that name is there, or a link leads elsewhere


def outcome(workspace: Workspace, path: str) -> tuple[str, bytes]:
    try:
        return "read", workspace.read(path)
    except Denied:
        return "denied", b""
    except AiexError as error:
        return type(error).__name__, b""


def stays_inside(root: Path, path: str) -> bool:
    """Whether the kernel, step by step, never leaves the root."""
    at, todo, links = root, [part for part in path.split("/") if part not in ("", ".")], 0
    while todo:
        name = todo.pop(0)
        if name == "..":
            if at == root:
                return False
            at = at.parent
            continue
        nxt = at / name
        if nxt.is_symlink():
            links += 1
            target = os.readlink(nxt)
            if target.startswith("/") or links > 40:
                return False
            todo = [part for part in target.split("/") if part not in ("", ".")] + todo
            continue
        at = nxt
    return True


@settings(max_examples=200)
@given(tree=TREES, paths=st.lists(PATHS, min_size=1, max_size=6))
def test_both_engines_agree_with_the_kernel_and_never_leave(
    tree: list[tuple[str, str | None]], paths: list[str]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(os.path.realpath(folder))
        build(top, tree)
        walk, openat2 = (Workspace(str(top / "ws"), engine=engine) for engine in ("walk", "openat2"))
        for path in filter(None, paths):
            relative = path.lstrip("/") or "."
            first, second = outcome(walk, relative), outcome(openat2, relative)
            assert first == second
            assert b"OUTSIDE" not in first[1]
            full = f"{top}/ws/{relative}"
            if stays_inside(top / "ws", relative) and os.path.isfile(full):
                assert first == ("read", Path(full).read_bytes())
            elif not os.path.realpath(full).startswith(f"{top}/ws"):
                assert first[0] != "read"


@settings(max_examples=60)
@given(tree=TREES, path=PATHS)
def test_a_write_ends_inside_or_changes_nothing(tree: list[tuple[str, str | None]], path: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = Path(os.path.realpath(folder))
        build(top, tree)
        relative = path.lstrip("/") or "."
        outside = contents_outside(top)
        try:
            Workspace(str(top / "ws"), engine="walk").write(relative, b"WRITTEN")
        except AiexError:
            changed = [at for at, _, names in os.walk(top) for name in names if reads(at, name) == "WRITTEN"]
            assert changed == []
        else:
            assert Path(f"{top}/ws/{relative}").read_text() == "WRITTEN"
        assert contents_outside(top) == outside
        assert not [name for _, _, names in os.walk(top) for name in names if name.endswith(".tmp")]


def contents_outside(top: Path) -> dict[str, bytes | None]:
    beside = (path for path in top.rglob("*") if path != top / "ws" and top / "ws" not in path.parents)
    return {str(path): path.read_bytes() if path.is_file() and not path.is_symlink() else None for path in beside}


def reads(at: str, name: str) -> str:
    path = Path(at) / name
    return "" if path.is_symlink() else path.read_text()
