"""Searching files: what is found, how it is shown, and that ripgrep and our own means find the same."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aiex.agent.kit import Kit
from aiex.agent.overlay import Overlay
from aiex.agent.tools.search import TOOL
from aiex.errors import AiexError, Denied, ToolError
from tests.fakes.toolcalls import call, open_kit

RG = shutil.which("rg")
WAYS = ["ourselves", pytest.param("ripgrep", marks=pytest.mark.skipif(not RG, reason="ripgrep is not installed"))]


@pytest.fixture
def root(workspace: Path) -> Path:
    return workspace


@pytest.fixture(params=WAYS)
async def kit(request: pytest.FixtureRequest, root: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kit]:
    if request.param == "ourselves":
        monkeypatch.setenv("PATH", str(root.parent))
    async with open_kit(root) as kit:
        yield kit


async def search(kit: Kit, pattern: str, **more: object) -> str:
    return (await call(TOOL, kit, pattern=pattern, **more)).text


async def test_lines_come_by_file_in_the_order_of_paths(kit: Kit) -> None:
    assert await search(kit, r"def \w+\(") == (
        "shop/basket.py\n"
        "9:     def __init__(self) -> None:\n12:     def add(self, name: str, count: int = 1) -> None:\n"
        "18:     def total(self) -> int:\n\n"
        "shop/prices.py\n6: def price_of(name: str) -> int:\n\n"
        "tests/test_basket.py\n4: def test_total_counts_every_piece():\n\n"
        "(5 lines in 3 files)"
    )


async def test_path_and_glob_narrow_the_search(kit: Kit) -> None:
    assert await search(kit, "total", path="web", glob="s*.js") == (
        "web/sum.js\n1: export function total(items) {\n\n(1 line in 1 file)"
    )
    assert await search(kit, "total", path="web/app.js", glob="*.py") == (
        'web/app.js\n1: import { total } from "./sum.js";\n4:   return `${total(items)} cents`;\n\n(2 lines in 1 file)'
    )
    assert await search(kit, "total", glob="*.md") == "no line matches in 1 file of ."


async def test_a_literal_is_taken_as_it_is(kit: Kit) -> None:
    assert "(1 line in 1 file)" in await search(kit, "PRICES[name]", literal=True)
    assert await search(kit, "PRICES[name]") == "no line matches in 8 files of ."
    assert "(1 line in 1 file)" in await search(kit, "(?i)basket = BASKET")


async def test_context_shows_each_line_once(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text("1\n2 x\n3\n4\n5 x\n6\n7\n8\n9 x\n")
    assert await search(kit, "x", path="a.txt", context=1) == (
        "a.txt\n1- 1\n2: 2 x\n3- 3\n4- 4\n5: 5 x\n6- 6\n--\n8- 8\n9: 9 x\n\n(3 lines in 1 file)"
    )


async def test_the_rest_is_counted(kit: Kit, root: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (root / name).write_text("needle\n" * 30)
    text = await search(kit, "needle", max=32)
    assert text.count(": needle") == 32
    assert text.endswith("\n\n(the first 32 of 60 lines in 2 files; narrow the pattern, path or glob)")


async def test_far_too_many_lines_are_counted_all_the_same(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text("e\n" * 60_000)
    (root / "b.txt").write_text("e\n" * 60_000)
    text = await search(kit, "e$", glob="*.txt", max=1)
    assert text == "a.txt\n1: e\n\n(the first 1 of 120,000 lines in 2 files; narrow the pattern, path or glob)"


async def test_a_long_line_is_cut_around_the_match(kit: Kit, root: Path) -> None:
    (root / "min.js").write_text("é" * 50_000 + "needle" + "b" * 50_000)
    line = (await search(kit, "needle", glob="*.js")).splitlines()[1]
    assert line.startswith("1: …éé")
    assert line.endswith("bb…")
    assert "needle" in line
    assert len(line) < 310


async def test_an_answer_is_bounded(kit: Kit, root: Path) -> None:
    (root / "a.txt").write_text(("word " * 100 + "\n") * 2_000)
    text = await search(kit, "word", max=500)
    assert len(text) < 31_000
    assert "of 2,000 lines in 1 file" in text


async def test_what_is_ignored_secret_binary_or_linked_is_not_searched(kit: Kit, root: Path) -> None:
    (root / "build").mkdir()
    for name in ("build/a.py", "a.log", ".env", "id_rsa"):
        (root / name).write_text("needle\n")
    (root / "a.bin").write_bytes(b"needle\0")
    (root / "wide.txt").write_bytes("needle".encode("utf-16"))
    os.symlink("/etc/passwd", root / "passwd")
    assert await search(kit, "needle|root") == "no line matches in 10 files of ."
    assert "(1 line in 1 file)" in await search(kit, "needle", path="build")
    with pytest.raises(Denied):
        await search(kit, "needle", path=".env")
    with pytest.raises(Denied):
        await search(kit, "root", path="passwd")


async def test_hidden_files_are_searched(kit: Kit) -> None:
    assert (await search(kit, "log$")).startswith(".gitignore\n2: *.log\n")


async def test_settings_of_ripgrep_do_not_count(kit: Kit, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "ripgreprc").write_text("--invert-match\n--pre=/bin/false\n")
    (root / ".ignore").write_text("*.py\n")
    monkeypatch.setenv("RIPGREP_CONFIG_PATH", str(root / "ripgreprc"))
    assert "shop/prices.py\n" in await search(kit, "PRICES")


async def test_names_that_look_like_options_are_files(kit: Kit, root: Path) -> None:
    (root / "--pre=sh").write_text("needle\n")
    (root / "-e").write_text("needle\n")
    assert await search(kit, "needle") == "--pre=sh\n1: needle\n\n-e\n1: needle\n\n(2 lines in 2 files)"
    assert "(1 line in 1 file)" in await search(kit, "--x|-e|total_c")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(?=x)", "(?=x is not understood"),
        (r"(a)\1", r"\1 is not understood"),
        ("a\nb", "a pattern is about one line"),
        (r"a\nb", "a pattern is about one line"),
        ("(", "a ( is not closed"),
        ("a)", "a ) too many"),
        ("[a", "a [ is not closed"),
        ("*a", "nothing stands before *"),
        ("a++", "a repeat is repeated"),
        (r"\p{Greek}", r"\p is not understood"),
        ("a{9999}", "repeats too often"),
        ("", "the pattern is empty"),
        ("x" * 1_001, "1,001 characters"),
        ("\udc80", "no text"),
    ],
)
async def test_a_pattern_that_not_both_know_is_refused_with_words(root: Path, pattern: str, said: str) -> None:
    async with open_kit(root) as kit:
        with pytest.raises(ToolError) as caught:
            TOOL.plan({"pattern": pattern}, kit)
    assert said in caught.value.message


async def test_a_pattern_that_explodes_is_ended(kit: Kit, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiex.agent.looking.finding.TIMEOUT_S", 1.0)
    (root / "a.txt").write_text("a" * 5_000 + "!\n")
    (root / "b.txt").write_text("a" * 40 + "!\n")
    for pattern in ("(a+)+$", "(a|a|aa)*$c", "a*a*a*a*a*b", "^(a?){41}a{41}$"):
        try:
            said = await search(kit, pattern, glob="*.txt")
        except ToolError as error:
            said = error.message
        assert "no line matches" in said or "took longer than 1 s" in said


async def test_what_is_not_there_says_what_may_be_meant(kit: Kit) -> None:
    with pytest.raises(ToolError) as caught:
        await search(kit, "x", path="shop/price.py")
    assert (caught.value.message, caught.value.hint) == ("there is no shop/price.py", "did you mean shop/prices.py?")


async def test_a_dry_run_searches_what_it_wrote(kit: Kit) -> None:
    layer = Overlay(kit.means.workspace)
    dry = Kit(kit.means, files=layer, is_dry=True)
    layer.write("new.py", b"price_of = needle\n")
    layer.delete("shop/prices.py")
    assert await search(dry, "price_of|needle", glob="*.py") == (
        "new.py\n1: price_of = needle\n\nshop/basket.py\n3: from shop.prices import price_of\n"
        "20:         return sum(price_of(name) * count for name, count in self.items.items())\n\n(3 lines in 2 files)"
    )


async def test_a_dry_run_searches_a_directory_that_it_made(kit: Kit) -> None:
    layer = Overlay(kit.means.workspace)
    dry = Kit(kit.means, files=layer, is_dry=True)
    layer.write("made/deep/new.py", b"needle\n")
    layer.write("made/.env", b"needle\n")
    for path in (".", "made", "made/deep", "made/deep/new.py"):
        assert await search(dry, "needle", path=path) == "made/deep/new.py\n1: needle\n\n(1 line in 1 file)"
    with pytest.raises(Denied):
        await search(dry, "needle", path="made/.env")
    layer.delete("made/deep/new.py")
    with pytest.raises(ToolError):
        await search(dry, "needle", path="made/deep/new.py")


async def test_what_an_editor_holds_is_searched_in_the_place_of_the_file(kit: Kit) -> None:
    dry = Kit(kit.means, files=Overlay(kit.means.workspace, {"shop/prices.py": b"needle = 1\n"}), is_dry=True)
    assert await search(dry, "needle") == "shop/prices.py\n1: needle = 1\n\n(1 line in 1 file)"
    assert "shop/prices.py" not in await search(dry, "price_of")


async def test_a_large_tree_is_searched_without_what_does_not_count(kit: Kit, root: Path) -> None:
    for number in range(250):
        (root / f"many_{number % 5}").mkdir(exist_ok=True)
        (root / f"many_{number % 5}" / f"{number}.txt").write_text("needle\n" if number % 50 == 0 else "hay\n")
    (root / "many_1" / "build").mkdir()
    (root / "many_1" / "build" / "a.txt").write_text("needle\n")
    (root / ".gitignore").write_text("/many_2/deep/\n*.log\nbuild/\n")
    for name in ("many_2/deep", "many_3/deep", ".git"):
        (root / name).mkdir(parents=True)
        (root / name / "b.txt").write_text("needle\n")
    (root / "a.log").write_text("needle\n")
    (root / ".env").write_text("needle\n")
    (root / "large.txt").write_text("needle\n" + "x" * 16_000_001)
    text = await search(kit, "needle")
    found = [line for line in text.splitlines() if "/" in line]
    assert found == [f"many_0/{number}.txt" for number in (0, 100, 150, 200, 50)] + ["many_3/deep/b.txt"]
    assert text.endswith("(6 lines in 6 files)")


async def test_a_large_tree_is_searched_as_it_is_now(kit: Kit, root: Path) -> None:
    (root / "many").mkdir()
    (root / "out").mkdir()
    for number in range(250):
        (root / "many" / f"{number}.txt").write_text("hay\n")
    (root / "out" / "a.txt").write_text("needle\n")
    (root / ".gitignore").write_text("out/\n")
    for _ in range(2):
        assert (await search(kit, "needle")).startswith("no line matches in ")
    (root / ".gitignore").write_text("many/7.txt\n")
    (root / "many" / "7.txt").write_text("needle\n")
    (root / "many" / "8.txt").write_text("needle\n")
    assert await search(kit, "needle") == "many/8.txt\n1: needle\n\nout/a.txt\n1: needle\n\n(2 lines in 2 files)"
    for _ in range(2):
        with pytest.raises(ToolError):
            await search(kit, "(needle")
    (root / ".gitignore").write_text("out/\n")
    assert await search(kit, "needle", path="many") == (
        "many/7.txt\n1: needle\n\nmany/8.txt\n1: needle\n\n(2 lines in 2 files)"
    )


# --- the same answers -----------------------------------------------------------------------------------------------

LETTERS = "abAB_ 01.-{[(é\tßЯ日\u00a0\r"
ATOMS = st.sampled_from(
    [
        *(
            "a",
            "b",
            "é",
            "Я",
            r"\.",
            r"\w",
            r"\W",
            r"\d",
            r"\D",
            r"\s",
            r"\S",
            r"\b",
            "^",
            "$",
            ".",
            " ",
            "_",
            "{",
            "-",
        ),
        *("[ab]", "[^ab]", r"[\w.]", r"[^\s]", r"[\s\S]", r"[^\W]", "[[:alpha:]]", "[^-a]", "[]a]", "[a&&b[]", "[é-я]"),
        *(r"\x61", r"\u00e9", r"[\x01-\xff]", "(?i:a)", "(?:)", "(?P<n>a)"),
    ]
)
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{,1}", "+?", "*?"])
ROWS = st.lists(st.tuples(ATOMS, REPEATS), min_size=1, max_size=4).map(
    lambda parts: "".join(atom + ("" if atom in (r"\b", "^", "$") else sign) for atom, sign in parts)
)
PATTERNS = st.one_of(
    ROWS,
    st.tuples(ROWS, ROWS).map("|".join),
    st.tuples(ROWS, ROWS).map(lambda two: f"({two[0]})+{two[1]}"),
    ROWS.map(lambda row: f"(?i){row}"),
)
LINES = st.text(LETTERS, max_size=8).map(str.encode) | st.sampled_from([b"\xff", b"a\xe9b", b"a\0b", b"\xc3"])
FILES = st.dictionaries(
    st.sampled_from(["a.py", "b.txt", "d/a.py", "d/-x", "d/.h", "d/e/ü", "build/a.py", "x.log", ".gitignore"]),
    st.tuples(st.lists(LINES, max_size=5), st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.booleans()),
    max_size=5,
)


def answer_of(root: Path, pattern: str, path: str) -> str:
    async def ask() -> str:
        async with open_kit(root) as kit:
            try:
                return await search(kit, pattern, max=9, context=len(pattern) % 2)
            except AiexError as error:
                return error.message

    os.environ["PATH"] = path
    return asyncio.run(ask())


@pytest.mark.skipif(not RG, reason="ripgrep is not installed")
@example(files={"a.py": ([b"a"], b"\r\n", True, True), "b.txt": ([b"", b"a"], b"\n", True, False)}, pattern="^a$")
@example(files={"a.py": ([b"a\xff"], b"\n", True, False), "b.txt": ([b"aa"], b"\n", False, False)}, pattern=r"a.|\W$")
@given(FILES, PATTERNS)
def test_ripgrep_and_our_own_means_give_the_same_answers(files: dict[str, tuple], pattern: str) -> None:
    before = os.environ["PATH"]
    with tempfile.TemporaryDirectory() as top:
        for name, (lines, end, has_last_end, has_mark) in files.items():
            path = Path(top, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            data = (b"\xef\xbb\xbf" if has_mark else b"") + end.join(lines) + (end if has_last_end else b"")
            path.write_bytes(b"x.log\nbuild/\n" if name == ".gitignore" else data)
        try:
            assert answer_of(Path(top), pattern, before) == answer_of(Path(top), pattern, top)
        finally:
            os.environ["PATH"] = before
