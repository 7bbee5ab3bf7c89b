"""Rooms of parts: named without import, loaded one at a time, and plain words when one does not load."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from aiex import plugins
from aiex.errors import UsageError

ROOM = "aiex.context.languages"


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The room `aiex.parts`, in a folder of the test's own that belongs to the package `aiex` for now."""
    import aiex

    folder = tmp_path / "aiex" / "parts"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.setattr(aiex, "__path__", [*aiex.__path__, str(folder.parent)])
    monkeypatch.setattr(plugins, "__file__", str(folder.parent / "plugins.py"))
    yield folder
    for name in [name for name in sys.modules if name.startswith("aiex.parts")]:
        del sys.modules[name]


def part(room: Path, name: str, source: str) -> None:
    (room / f"{name}.py").write_text(source)


def test_names_come_from_files_sorted_with_dashes(room: Path) -> None:
    for name in ("open_chat", "anthropic", "_shared"):
        part(room, name, "raise SystemExit('imported')")
    (room / "notes.md").write_text("")
    assert plugins.names("aiex.parts") == ["anthropic", "open-chat"]


def test_a_summary_is_the_first_docstring_line_and_imports_nothing(room: Path) -> None:
    part(room, "one", '"""Does one thing."""\nraise SystemExit')
    part(room, "two", "x = 1")
    assert [plugins.summary("aiex.parts", name) for name in ("one", "two")] == ["Does one thing", ""]


def test_a_part_is_loaded_by_its_dashed_name(room: Path) -> None:
    part(room, "open_chat", "PART = 3")
    assert plugins.load("aiex.parts", "open-chat", "PART").PART == 3


def test_an_unknown_part_is_wrong_usage_and_tells_what_there_is(room: Path) -> None:
    part(room, "one", "")
    with pytest.raises(UsageError) as caught:
        plugins.load("aiex.parts", "two")
    assert (caught.value.message, caught.value.hint) == ("no 'two' in aiex.parts", "there is: one")


def test_a_part_that_offers_nothing_says_what_is_missing(room: Path) -> None:
    part(room, "one", "")
    with pytest.raises(
        plugins.BrokenPart, match=r"cannot use 'one' of aiex\.parts: aiex\.parts\.one does not define P"
    ):
        plugins.load("aiex.parts", "one", "P")


@pytest.mark.parametrize(
    ("source", "said", "hint"),
    [
        ("import absent_package", "No module named 'absent_package'", "install what provides absent_package"),
        ("from aiex.errors import Absent", "cannot import name 'Absent'", "install aiex again"),
        ("x = = 1", "invalid syntax in ", "install aiex again"),
    ],
)
def test_a_part_that_does_not_import_says_why(room: Path, source: str, said: str, hint: str) -> None:
    part(room, "one", source)
    with pytest.raises(plugins.BrokenPart) as caught:
        plugins.load("aiex.parts", "one")
    assert said in caught.value.message
    assert caught.value.hint.startswith(hint)
    assert caught.value.__cause__ is not None


def installed(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    """Make another package in `folder`, with the entry point `remote` for rooms named `parts`."""
    (folder / "other_parts.py").write_text(source)
    about = folder / "other-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[aiex.parts]\nremote = other_parts\n")
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "other_parts", raising=False)


def test_a_part_of_another_package_is_found_by_its_entry_point(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part(room, "one", "")
    installed(tmp_path, monkeypatch, "PART = 5")
    assert plugins.load("aiex.parts", "remote", "PART").PART == 5
    with pytest.raises(UsageError) as caught:
        plugins.load("aiex.parts", "absent")
    assert caught.value.hint == "there is: one, remote"


def test_a_part_of_another_package_may_fail_in_any_way(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, monkeypatch, "1 / 0")
    with pytest.raises(plugins.BrokenPart, match="other_parts raised ZeroDivisionError: division by zero"):
        plugins.load("aiex.parts", "remote")


def test_only_rooms_of_ours_have_a_folder() -> None:
    with pytest.raises(ValueError, match="not a room of aiex: os"):
        plugins.folder("os.path")


def test_listing_imports_neither_parts_nor_package_metadata() -> None:
    code = f"import sys; from aiex import plugins; plugins.names('{ROOM}'); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "importlib.metadata" not in loaded
    assert not [name for name in loaded if name.startswith("aiex.context")]
