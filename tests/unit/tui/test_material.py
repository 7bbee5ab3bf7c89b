"""What comes along with a wish is read through the guard, or the wish is refused."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest

from aiex.errors import AiexError
from aiex.messages import Document, Image, Part, Text
from aiex.tui.folding import Fold
from aiex.tui.material import MOST_CHARS, to_parts
from aiex.wiring import open_services

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "shop"
    (root / "src").mkdir(parents=True)
    (root / "src" / "shop.py").write_text(
        "class Shop:\n    def open(self):\n        return 1\n\n\ndef close():\n    pass\n"
    )
    (root / "src" / "other.py").write_text("def close():\n    pass\n")
    (root / ".env").write_text("KEY=abc")
    (root / "keys.txt").write_text("a\npassword=hunter2hunter2\nb\n")
    (root / "shot.png").write_bytes(PNG)
    (root / "data.bin").write_bytes(b"\0\1\2")
    (root / "long.txt").write_text("x" * (MOST_CHARS + 1))
    (root / "my notes.md").write_text("notes\n")
    return root


def parts(root: Path, text: str, folds: Mapping[str, Fold] | None = None) -> tuple[Part, ...]:
    services = open_services(str(root), None)
    try:
        for _ in services.index.refresh():
            pass
        return to_parts(text, folds or {}, services)
    finally:
        services.close()


@pytest.mark.parametrize(
    ("mention", "title", "text"),
    [
        ("@src/other.py", "src/other.py", "def close():\n    pass\n"),
        ("@src/shop.py:2-3", "src/shop.py:2-3", "    def open(self):\n        return 1"),
        ("@src/shop.py::Shop.open", "src/shop.py:2-3 Shop.open", "    def open(self):\n        return 1"),
        ("@Shop.open", "src/shop.py:2-3 Shop.open", "    def open(self):\n        return 1"),
        ('@"my notes.md"', "my notes.md", "notes\n"),
        ("@src/", "src/", "src/other.py\nsrc/shop.py"),
    ],
)
def test_what_is_mentioned_comes_along(root: Path, mention: str, title: str, text: str):
    said = f"look at {mention}, please"
    assert parts(root, said) == (Document(title, "text/plain", text), Text(said))


def test_pictures_come_as_pictures(root: Path):
    picture = Image("image/png", base64.b64encode(PNG).decode())
    folds = {"[picture shot.png]": Fold(picture=str(root / "shot.png"))}

    assert parts(root, "see @shot.png") == (picture, Text("see @shot.png"))
    assert parts(root, "see [picture shot.png]", folds) == (picture, Text("see [picture shot.png]"))


def test_a_paste_comes_as_material(root: Path):
    folds = {"[pasted 9 lines]": Fold(text="x\n" * 9)}
    said = "why? [pasted 9 lines]"

    assert parts(root, said, folds) == (Document("pasted 9 lines", "text/plain", "x\n" * 9), Text(said))


def test_secrets_in_a_text_are_taken_out_and_lines_stay(root: Path):
    document = parts(root, "@keys.txt")[0]

    assert isinstance(document, Document)
    assert "hunter2" not in document.text
    assert document.text.count("\n") == 3


@pytest.mark.parametrize(
    ("mention", "why"),
    [
        ("@.env", "secret"),
        ("@data.bin", "binary"),
        ("@long.txt", "too long"),
        ("@src/shop.py:90", "has 7 lines"),
        ("@src/shop.py::Nobody", "defines no Nobody"),
        ("@close", "defined 2 times"),
    ],
)
def test_what_cannot_come_along_refuses_the_wish(root: Path, mention: str, why: str):
    with pytest.raises(AiexError, match=why):
        parts(root, mention)


@pytest.mark.parametrize("picture", ["/etc/hostname.png", "data.png"])
def test_only_pictures_in_reach_come_along(root: Path, picture: str):
    (root / "data.png").write_bytes(b"no picture")
    with pytest.raises(AiexError):
        parts(root, "[p]", {"[p]": Fold(picture=picture)})


@pytest.mark.parametrize(
    "words", ["ask @anna", "import @types/node", "me@example.org", "@", "@@", '@"', "@:::", "@a::b"]
)
def test_words_that_name_nothing_here_stay_words(root: Path, words: str):
    assert parts(root, words) == (Text(words),)
