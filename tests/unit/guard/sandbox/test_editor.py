"""The person's own editor gets a text, and what it wrote is taken over."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from aiex.errors import AiexError, StoreError, UsageError
from aiex.guard.sandbox.editor import edit_text, find_editor


def program(tmp_path: Path, body: str) -> dict[str, str]:
    script = tmp_path / "an editor.py"
    script.write_text(f"import sys\npath = sys.argv[-1]\n{body}\n")
    return {**os.environ, "VISUAL": "", "EDITOR": f"{sys.executable} '{script}'", "TMPDIR": str(tmp_path)}


def test_what_the_editor_wrote_is_taken(tmp_path: Path):
    environ = program(tmp_path, "text = open(path).read(); open(path, 'w').write(text.upper() + 'é\\n')")

    assert edit_text("one\ntwo", environ) == "ONE\nTWOé\n"


def test_the_first_of_two_names_counts():
    assert find_editor({"VISUAL": "code --wait", "EDITOR": "vi"}) == ["code", "--wait"]


@pytest.mark.parametrize("environ", [{}, {"EDITOR": "  "}, {"EDITOR": "'"}, {"EDITOR": "/no/such/program"}])
def test_without_an_editor_it_says_what_to_do(environ: dict[str, str]):
    with pytest.raises(UsageError) as caught:
        edit_text("x", environ)
    assert "EDITOR" in caught.value.hint


@pytest.mark.parametrize("body", ["sys.exit(3)", "open(path, 'wb').write(b'\\xff\\xfe')"])
def test_what_went_wrong_there_is_not_taken(tmp_path: Path, body: str):
    with pytest.raises(StoreError):
        edit_text("x", program(tmp_path, body))


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    environ = program(tmp_path, "open(path + '~', 'w').write('backup'); sys.exit(1)")

    with pytest.raises(AiexError):
        edit_text("x", environ)

    assert [entry.name for entry in tmp_path.iterdir()] == ["an editor.py"]
