"""What a path is called on record: the same, by whatever links it is asked for, as if each name was resolved."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aiex.guard.actions import Action
from aiex.guard.policy.places import path_action
from aiex.guard.sandbox.paths import askable

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs links")
NAMES = ("a", "b", "c", "d.py", "~e", "f g", "caf\udce9", "\\h", "x:y", "é")
KINDS: tuple[Any, ...] = ("read", "write", "delete")


def by_definition(kind: Any, path: str, root: str) -> Action:
    """The action with every link followed, from the top of the system to the last name."""
    whole, top = os.path.join(root, path), os.path.realpath(root)
    parent, name = os.path.split(whole.rstrip("/")) if kind == "delete" else (whole, "")
    real = os.path.join(os.path.realpath(parent), name) if name not in ("", ".", "..") else os.path.realpath(whole)
    if real == top:
        subject = "."
    elif real.startswith(top.rstrip("/") + "/"):
        subject = askable(real[len(top.rstrip("/")) + 1 :])
    else:
        subject = real
    return Action(kind, subject, {} if subject == path else {"asked": path})


def plant(folder: Path, chance: random.Random) -> list[str]:
    """A tree of directories, files and links of every kind, and roots that lie in it, some behind links."""
    places = [folder / "work", folder / "beside"]
    for place in places:
        place.mkdir()
    for _ in range(24):
        place = chance.choice([one for one in places if one.is_dir()]) / chance.choice(NAMES)
        if os.path.lexists(place):
            continue
        match chance.randrange(4):
            case 0:
                place.mkdir()
            case 1:
                place.write_text("x")
            case _:
                os.symlink(target(chance, places, folder), place)
        places.append(place)
    os.symlink("work", folder / "link")
    os.symlink(folder / "link", folder / "farther")
    os.symlink("loop", folder / "loop")
    os.symlink("nowhere", folder / "dangling")
    found = [folder / name for name in ("work", "link", "farther", "loop", "dangling", "missing", "work/a", "loop/a")]
    return [*map(str, found), f"{folder}/work/", f"{folder}/beside/../work", f"{folder}/./link//", "/"]


def target(chance: random.Random, places: list[Path], folder: Path) -> str:
    match chance.randrange(5):
        case 0:
            return str(chance.choice(places))
        case 1:
            return str(folder / "link" / chance.choice(NAMES))
        case 2:
            return f"../{chance.choice(NAMES)}"
        case 3:
            return f"{folder}/{'nowhere/' * chance.randrange(2)}{chance.choice(NAMES)}"
        case _:
            return chance.choice((*NAMES, ".", "..", "../..", "/", "a/b/c"))


def ask(chance: random.Random, root: str) -> str:
    words = [chance.choice((*NAMES, *NAMES, ".", "..", "", "none")) for _ in range(chance.randint(0, 5))]
    path = "/".join(words) + "/" * chance.randrange(2)
    return path if chance.randrange(8) else f"{root}/{path}"


def outcome(act: Callable[[Any, str, str], Action], kind: Any, path: str, root: str) -> object:
    try:
        return act(kind, path, root)
    except ValueError as error:
        return type(error), str(error)


@pytest.mark.parametrize("seed", range(60))
def test_a_path_is_called_as_its_names_resolve(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    roots = plant(tmp_path, chance)
    for _ in range(150):
        root, kind = chance.choice((*roots[:3], *roots)), chance.choice(KINDS)
        path = ask(chance, root)
        assert outcome(path_action, kind, path, root) == outcome(by_definition, kind, path, root), (kind, path, root)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "path",
    [
        "a\0b",
        "a\0b/..",
        "\ud800",
        "a/\ud800/b",
        "\ud800/x",
        "n" * 300,
        f"{'n/' * 600}x",
        f"{'n' * 250}/" * 20,
        "d.py/x",
    ],
    ids=range(9),
)
def test_what_can_be_no_path_is_the_same(tmp_path: Path, kind: Any, path: str) -> None:
    (tmp_path / "d.py").touch()
    assert outcome(path_action, kind, path, str(tmp_path)) == outcome(by_definition, kind, path, str(tmp_path))


def test_a_root_that_changes_counts_as_it_is_now(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "one" / "f").symlink_to(tmp_path / "one" / "g")
    (tmp_path / "two" / "f").symlink_to(tmp_path / "one" / "g")
    root = tmp_path / "root"
    root.symlink_to("one")
    assert path_action("read", "f", str(root)).subject == "g"
    root.unlink()
    root.symlink_to("two")
    assert path_action("read", "f", str(root)).subject == str(tmp_path / "one" / "g")


def test_a_file_inside_is_looked_at_once_for_each_of_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "src").mkdir()
    looked: list[str] = []
    look = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path, **more: looked.append(str(path)) or look(path, **more))
    assert path_action("read", "src/new.py", str(tmp_path)).subject == "src/new.py"
    assert looked == [f"{tmp_path}/src", f"{tmp_path}/src/new.py"]
