"""Whatever lies in a workspace, an index takes it in within bounds, or says why it leaves it out."""

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.context.retrieval import Retrieval
from aiex.context.search.index import Index
from aiex.context.search.reading import Gathering, Parsing, fit_sources
from aiex.context.search.segment import MOST_DOCUMENTS, File, Source, Span, to_segment
from aiex.guard.sandbox.files import Workspace
from tests.unit.context.search.indexes import find, held_by, index_on, refresh, write

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "ws", "shop.py", "def price_of(name):\n    return name\n")
    return tmp_path / "ws"


def indexed(root: Path, warnings: int = 0, **options: int) -> Index:
    index = index_on(root, **options)
    refresh(index)
    assert len(index.warnings) == warnings, index.warnings
    return index


# --- many and deep --------------------------------------------------------------------------------------------------


def make_many(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    for number in range(count):
        (folder / f"file{number}.py").write_bytes(b"x%d = 1\n" % number if number % 100 == 0 else b"")


def test_thousands_of_files_in_one_directory(root: Path, tmp_path: Path):
    make_many(root / "many", 20_000)
    index = index_on(root, tmp_path / "index.db", workers=2)
    assert refresh(index)[-1] == (20_001, 20_001)
    assert (len(held_by(index)), find(index, "x9900")) == (20_001, ["many/file9900.py"])
    assert index.warnings == []


def test_thousands_of_directories(root: Path):
    for number in range(1_000):
        write(root, f"a{number % 10}/b{number % 100}/c{number}/leaf.py", f"leaf{number} = 1\n")
    index = indexed(root)
    assert find(index, "leaf777") == ["a7/b77/c777/leaf.py"]


def test_directories_deeper_than_the_bound_are_left_out(root: Path):
    write(root, "d/" * 60 + "near.py", "near = 1\n")
    write(root, "d/" * 80 + "far.py", "far = 1\n")
    index = indexed(root)
    assert ([path[-7:] for path in find(index, "near")], find(index, "far")) == (["near.py"], [])


# --- names and links ------------------------------------------------------------------------------------------------


@POSIX
def test_loops_of_links_and_links_to_elsewhere_are_not_followed(root: Path, tmp_path: Path):
    write(tmp_path, "elsewhere/secret.py", "hidden_word = 1\n")
    (root / "loop").symlink_to(".")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "link.py").symlink_to("shop.py")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    index = indexed(root)
    assert (sorted(held_by(index)), find(index, "hidden_word")) == (["shop.py"], [])


ODD_NAMES = [
    b"caf\xe9.py",
    b"\xff\xfe/\x80.py",
    b"new\nline.py",
    b"tab\t.py",
    b"'quote\".py",
    b" .py",
    b"\xe2\x80\xae.py",
]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_of_any_bytes_are_found_and_kept(root: Path, tmp_path: Path):
    for name in ODD_NAMES:
        place = os.path.join(os.fsencode(root), name)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        Path(os.fsdecode(place)).write_text("def odd_name():\n    return 1\n")
    store = tmp_path / "index.db"
    index = index_on(root, store)
    refresh(index)
    assert find(index, "=odd_name") == sorted(map(os.fsdecode, ODD_NAMES))
    index.close()
    again = Retrieval(index_on(root, store))
    assert len(refresh(again.index)) <= 1  # the files are young
    assert {result.path for result in again.rank("odd_name")} >= set(map(os.fsdecode, ODD_NAMES))


# --- contents -------------------------------------------------------------------------------------------------------

CODE = "def price_of(name):\n    return largest_word\n"
CONTENTS = {
    "empty": (b"", False),
    "one line end": (b"\n", False),
    "CRLF": (CODE.replace("\n", "\r\n").encode(), True),
    "CR": (CODE.replace("\n", "\r").encode(), True),
    "byte order mark": (b"\xef\xbb\xbf" + CODE.encode(), True),
    "Latin-1": (b"# caf\xe9\n" + CODE.encode(), True),
    "UTF-16": (CODE.encode("utf-16"), False),
    "UTF-32": (CODE.encode("utf-32"), False),
    "binary": (bytes(range(256)) * 40 + CODE.encode(), False),
    "NUL late": (b"#" * 9_000 + b"\n" + CODE.encode() + b"\0\n", True),
    "no line end": (CODE.encode().rstrip(), True),
    "broken": (b"def def ((((\n" * 50 + CODE.encode(), True),
    "deep": (b"(" * 30_000 + CODE.encode(), True),
    "surrogates": (b"\xed\xa0\x80 = 1\nclass \xed\xb0\x80:\n    pass\n" + CODE.encode(), True),
    "separators": ("x\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029y = 1\n".encode() + CODE.encode(), True),
}


@pytest.mark.parametrize("kind", CONTENTS)
@pytest.mark.parametrize("ending", ["py", "txt"])
def test_a_file_of_any_content_is_taken_in(tmp_path: Path, kind: str, ending: str):
    content, is_text = CONTENTS[kind]
    write(tmp_path / "ws", f"odd.{ending}", content)
    index = indexed(tmp_path / "ws")
    assert list(held_by(index)) == [f"odd.{ending}"]
    assert find(index, "largest_word") == ([f"odd.{ending}"] if is_text else [])
    spans = held_by(index)[f"odd.{ending}"]
    assert [span[0] for span in spans[1:]] == [span[1] + 1 for span in spans[:-1]]
    assert all(1 <= start <= end <= content.count(b"\n") + 1 for start, end, *_ in spans)


def test_a_file_of_10_mb_in_one_line_is_known_by_name(root: Path):
    write(root, "data.json", b'{"a": "' + b"0123456789 word " * 655_360 + b'"}')
    index = indexed(root)
    assert sorted(held_by(index)) == ["data.json", "shop.py"]
    assert (find(index, "word"), find(index, "=price_of")) == ([], ["shop.py"])


def test_a_minified_bundle_does_not_drown_the_rest(root: Path):
    bundle = "".join(f"function f{number}(a,b){{return price_of(a)+g{number}(b)}};" for number in range(4_000))
    write(root, "bundle.min.js", bundle)
    index = indexed(root)
    assert find(index, "=f3999") in (["bundle.min.js"], [])
    assert len(held_by(index)["bundle.min.js"]) <= MOST_DOCUMENTS
    assert Retrieval(index).rank("price_of")[0].path == "shop.py"


@settings(max_examples=8)
@given(st.lists(st.sampled_from([0, 1, 2, 20_000, 40_000, 70_000]), min_size=1, max_size=4))
def test_where_a_segment_cannot_hold_all_documents_neighbours_share_one(counts: list[int]):
    span = Span(1, 1, "f", "function")
    sources = [
        Source(
            File(f"{number}.rb", "d", ""), (), [span._replace(start_line=n, end_line=n) for n in range(1, count + 1)]
        )
        for number, count in enumerate(counts)
    ]
    fitting = fit_sources(sources)
    assert sum(len(source.spans) for source in fitting) <= MOST_DOCUMENTS
    for count, source in zip(counts, fitting, strict=True):
        starts, ends = [span.start_line for span in source.spans], [span.end_line for span in source.spans]
        assert [*starts, count + 1] == [1, *(end + 1 for end in ends)]


def test_a_file_of_more_lines_than_documents_fit_is_found_to_its_end():
    many = Source(
        File("many.rb", "d", ""), [b"word"] * 65_999 + [b"last"], [Span(n, n, "", "") for n in range(1, 66_001)]
    )
    segment = to_segment(fit_sources([many]))
    assert {"word", "last"} <= set(segment.terms)


# --- at work --------------------------------------------------------------------------------------------------------


def test_a_file_that_vanishes_while_the_index_is_made_is_left_out_and_said(root: Path):
    write(root, "gone.py", "gone = 1\n")
    index = index_on(root)
    progress = index.refresh()
    next(progress)
    (root / "gone.py").unlink()
    assert list(progress)[-1] == (2, 2)
    assert (list(held_by(index)), [told.message for told in index.warnings]) == (
        ["shop.py"],
        ["left out gone.py: cannot read gone.py: no such file or directory"],
    )


def test_a_file_that_grows_while_the_index_is_made_is_read_as_it_is_then(root: Path):
    write(root, "grows.py", "one = 1\n")
    index = index_on(root)
    progress = index.refresh()
    next(progress)
    write(root, "grows.py", "one = 1\ntwo_word = 2\n", 1_700_000_000_000_000_000)
    list(progress)
    refresh(index)
    assert find(index, "two_word") == ["grows.py"]
    assert index.stale() == []


def test_a_file_that_becomes_a_directory_while_the_index_is_made_is_said(root: Path):
    place = write(root, "turns.py", "one = 1\n")
    index = index_on(root)
    progress = index.refresh()
    next(progress)
    place.unlink()
    place.mkdir()
    list(progress)
    assert ["turns.py" in told.message for told in index.warnings] == [True]


@POSIX
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_files_and_folders_that_may_not_be_read_are_left_out(root: Path):
    write(root, "closed.py", "closed_word = 1\n").chmod(0)
    write(root, "shut/inner.py", "inner_word = 1\n").parent.chmod(0)
    try:
        index = indexed(root, warnings=1)
        assert list(held_by(index)) == ["shop.py"]
    finally:
        (root / "shut").chmod(0o755)


@POSIX
def test_pipes_and_sockets_are_passed_over(root: Path):
    os.mkfifo(root / "pipe.py")
    assert list(held_by(indexed(root))) == ["shop.py"]


def test_a_nested_repository_is_read_without_its_git_directory(root: Path):
    for folder in (root, root / "vendor/inner"):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "-q", folder], check=True)
    write(root, "vendor/inner/lib.py", "inner_word = 1\n")
    write(root, "vendor/inner/.gitignore", "out/\n")
    write(root, "vendor/inner/out/made.py", "inner_word = 1\n")
    index = indexed(root)
    assert find(index, "inner_word") == ["vendor/inner/lib.py"]
    assert not any(".git/" in path for path in held_by(index))


def test_a_piece_tells_what_it_could_not_read(root: Path):
    workspace = Workspace(str(root))
    entries = index_on(root).listing.files
    gathering = Gathering(workspace, partial(Parsing, 1_000))
    piece = gathering.read_alone([*entries, entries[0]._replace(path="missing.py")])
    assert piece is not None
    assert [path for path, _ in piece.failed] == ["missing.py"]
    assert [row.path for row in piece.seen] == [file.path for file in piece.segment.files] == ["shop.py"]
