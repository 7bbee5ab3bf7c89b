"""An index holds what the files hold now, whatever happened to them and whoever else is at work."""

import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.context.retrieval import Retrieval
from aiex.context.search import reading
from aiex.context.search.index import MOST_SEGMENTS, SMALL_DOCUMENTS, Index, Live, _to_groups
from aiex.context.search.segment import to_segment
from aiex.context.stores.segments import SegmentStore
from aiex.errors import StoreError
from aiex.guard.sandbox.files import Workspace
from tests.unit.context.search.indexes import OLD_NS, change_store, find, held_by, index_on, refresh, write
from tests.unit.context.search.sources import make_source


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    write(root, "shop/basket.py", "import os\n\n\nclass Basket:\n    def put(self, apple):\n        return apple\n")
    write(root, "shop/prices.py", "def price_of(name):\n    return name\n")
    write(root, "README.md", "# Shop\n\nPears and apples.\n")
    return root


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "index.db"


def build(root: Path, store: Path, **options: str) -> Index:
    """An index as one process leaves it, still open there."""
    index = index_on(root, store, **options)
    refresh(index)
    return index


def later(root: Path, store: Path) -> Index:
    """The index as the next process finds and refreshes it."""
    index = index_on(root, store)
    refresh(index)
    assert index.warnings == []
    return index


def files_of(index: Index) -> list[str]:
    return sorted(held_by(index))


ALL = ["README.md", "shop/basket.py", "shop/prices.py"]

# --- changes of files -----------------------------------------------------------------------------------------------


def test_the_first_refresh_reads_every_file(root: Path, store: Path):
    index = index_on(root, store)
    assert refresh(index) == [(0, 3), (3, 3)]
    assert files_of(index) == ALL
    assert (find(index, "=price_of"), find(index, "appl"), index.stale()) == (
        ["shop/prices.py"],
        ["README.md", "shop/basket.py"],
        [],
    )


def test_files_that_vanish_meanwhile_are_said_once_at_the_end(root: Path, store: Path):
    for number in range(12):
        write(root, f"gone/g{number:02}.py", f"gone = {number}\n")
    index = index_on(root, store)
    progress = index.refresh()
    next(progress)
    assert index.warnings == []
    shutil.rmtree(root / "gone")
    list(progress)
    said = "left out 12 files that cannot be read: gone/g00.py, gone/g01.py, gone/g02.py and 9 more"
    assert [told.message for told in index.warnings] == [f"{said}: no such file or directory"]
    refresh(index)
    assert (files_of(index), len(index.warnings)) == (ALL, 1)


def test_files_are_said_by_reason_and_the_reason_of_most_first(root: Path, store: Path):
    for name in ("a.py", "b.py", "c.py"):
        write(root, name, "one = 1\n")
    index = index_on(root, store)
    progress = index.refresh()
    next(progress)
    for name in ("a.py", "b.py", "c.py"):
        (root / name).unlink()
    (root / "a.py").mkdir()
    list(progress)
    assert [told.message for told in index.warnings] == [
        "left out 2 files that cannot be read: b.py, c.py: no such file or directory",
        "left out a.py: cannot read a.py: it is a directory",
    ]


def test_nothing_is_left_to_do_for_the_second(root: Path, store: Path):
    index = index_on(root, store)
    refresh(index)
    assert refresh(index) == []
    index.close()
    assert refresh(index_on(root, store)) == []


def test_a_changed_file_is_read_alone(root: Path, store: Path):
    build(root, store)
    write(root, "shop/prices.py", "def cost_of(name):\n    return name\n", OLD_NS + 1)
    index = index_on(root, store)
    assert refresh(index) == [(0, 1), (1, 1)]
    assert (find(index, "=cost_of"), find(index, "=price_of")) == (["shop/prices.py"], [])
    assert [[path for path, _ in head.files] for head in index.heads()][1:] == [["shop/prices.py"]]


def test_one_object_sees_what_changed_since_its_last_refresh(root: Path, store: Path):
    index = index_on(root, store)
    refresh(index)
    write(root, "shop/prices.py", "def cost_of(name):\n    return name\n", OLD_NS + 1)
    write(root, "shop/new.py", "def added():\n    pass\n")
    (root / "README.md").unlink()
    assert refresh(index)[-1] == (2, 2)
    assert held_by(index) == held_by(later(root, store))
    assert files_of(index) == ["shop/basket.py", "shop/new.py", "shop/prices.py"]


def test_a_deleted_file_is_not_found(root: Path, store: Path):
    build(root, store)
    (root / "shop/prices.py").unlink()
    index = index_on(root, store)
    assert refresh(index) == []
    assert (find(index, "=price_of"), files_of(index)) == ([], ALL[:2])


def test_a_deleted_file_that_comes_back_is_found(root: Path, store: Path):
    build(root, store)
    place = root / "shop/prices.py"
    place.rename(root.parent / "aside")
    later(root, store).close()
    (root.parent / "aside").rename(place)
    assert find(later(root, store), "=price_of") == ["shop/prices.py"]


def test_a_moved_file_is_found_in_its_new_place_alone(root: Path, store: Path):
    build(root, store)
    (root / "shop/prices.py").rename(root / "costs.py")
    index = later(root, store)
    assert (find(index, "=price_of"), find(index, "costs"), find(index, "pric")) == (["costs.py"], [], ["costs.py"])
    assert files_of(index) == ["README.md", "costs.py", "shop/basket.py"]


def test_two_files_that_change_places_change_their_terms(root: Path, store: Path):
    build(root, store)
    one, two = root / "shop/prices.py", root / "shop/basket.py"
    one.rename(root / "aside")
    two.rename(one)
    (root / "aside").rename(two)
    assert find(later(root, store), "=price_of") == ["shop/basket.py"]


def test_the_same_content_twice_is_found_twice(root: Path, store: Path):
    shutil.copy2(root / "shop/prices.py", root / "shop/again.py")
    build(root, store)
    index = later(root, store)
    assert find(index, "=price_of") == ["shop/again.py", "shop/prices.py"]
    (root / "shop/prices.py").unlink()
    assert find(later(root, store), "=price_of") == ["shop/again.py"]


def test_a_touched_file_is_not_parsed_again(root: Path, store: Path):
    build(root, store)
    os.utime(root / "README.md", ns=(OLD_NS + 1, OLD_NS + 1))
    index = index_on(root, store)
    segments = [head.id for head in index.heads()]
    assert {progress.total for progress in refresh(index)} == {1}
    assert [head.id for head in index.heads()] == segments
    assert (refresh(index_on(root, store)), files_of(index)) == ([], ALL)


def test_a_change_within_one_time_stamp_is_seen(root: Path, store: Path):
    now_ns = time.time_ns() + 60_000_000_000  # however slow the machine is, the file is young when it is read
    write(root, "shop/prices.py", "def one_of(x):\n    return x\n", now_ns)
    build(root, store)
    write(root, "shop/prices.py", "def two_of(x):\n    return x\n", now_ns)
    index = later(root, store)
    assert (find(index, "=one_of"), find(index, "=two_of")) == ([], ["shop/prices.py"])


def test_a_file_that_becomes_another_kind_is_followed(root: Path, store: Path):
    build(root, store)
    place = root / "shop/prices.py"
    for content, found in ((b"\0\0\0", []), (b"def price_of():\n    pass\n", ["shop/prices.py"]), (b"", [])):
        write(root, "shop/prices.py", content, OLD_NS + len(content) + 9)
        assert find(later(root, store), "=price_of") == found
    place.unlink()
    write(root, "shop/prices.py/inner.py", "def price_of():\n    pass\n")
    assert find(later(root, store), "=price_of") == ["shop/prices.py/inner.py"]


# --- rules that leave files out -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".gitignore", ".aiexignore", "shop/.gitignore", ".git/info/exclude"])
def test_a_later_rule_takes_files_out_and_its_end_brings_them_back(root: Path, store: Path, name: str):
    build(root, store)
    write(root, name, "prices.py\n")
    assert find(later(root, store), "=price_of") == []
    assert find(later(root, store), "=price_of") == []
    (root / name).unlink()
    assert find(later(root, store), "=price_of") == ["shop/prices.py"]


def test_a_rule_that_is_first_seen_by_a_look_alone_holds(root: Path, store: Path):
    build(root, store)
    write(root, ".gitignore", "prices.py\n")
    looked = index_on(root, store)
    assert looked.stale() == [entry for entry in looked.listing.files if entry.path == ".gitignore"]
    looked.close()
    assert find(later(root, store), "=price_of") == []


def test_patterns_of_the_settings_hold_as_long_as_they_are_given(root: Path, store: Path):
    build(root, store)
    ignoring = index_on(root, store, ignore=("shop/p*",))
    refresh(ignoring)
    assert find(ignoring, "=price_of") == []
    assert find(later(root, store), "=price_of") == ["shop/prices.py"]


# --- segments -------------------------------------------------------------------------------------------------------


def test_many_refreshes_leave_few_segments(root: Path, store: Path):
    for number in range(3 * MOST_SEGMENTS):
        write(root, f"shop/new{number}.py", f"def added{number}():\n    pass\n")
        index = index_on(root, store)
        refresh(index)
        assert len(index.heads()) <= MOST_SEGMENTS
        index.close()
    fresh = index_on(root)
    refresh(fresh)
    assert held_by(index_on(root, store)) == held_by(fresh)


def test_a_file_that_changes_all_the_time_does_not_grow_the_index(root: Path, store: Path):
    sizes = []
    for number in range(3 * MOST_SEGMENTS):
        write(root, "shop/new.py", f"def added{number}():\n    pass\n", OLD_NS + number)
        index = later(root, store)
        sizes.append(sum(len(head.files) for head in index.heads()))
        index.close()
    assert max(sizes) <= MOST_SEGMENTS + 4


def test_segments_of_an_older_version_are_replaced(root: Path, store: Path):
    build(root, store, version="old")
    index = index_on(root, store, version="new")
    assert index.segments() == []
    assert refresh(index)[-1] == (3, 3)
    assert files_of(index) == ALL
    assert index_on(root, store, version="old").heads() == []


def test_no_more_files_are_joined_than_a_segment_can_number():
    store = SegmentStore(":memory:", "v")
    for part in range(4):
        store.add(to_segment([make_source(f"part{part}/{number}.txt") for number in range(20_000)]))
    groups = list(_to_groups([Live(head, frozenset()) for head in store.heads()]))
    assert [[live.head.id for live in group] for group in groups] == [[1, 2, 3], [4]]


def test_no_more_documents_are_joined_than_a_segment_can_number():
    store = SegmentStore(":memory:", "v")
    for part in range(4):
        store.add(to_segment([make_source(f"part{part}.py", "", ["f"] * 20_000)]))
    groups = list(_to_groups([Live(head, frozenset()) for head in store.heads()]))
    assert [[live.head.id for live in group] for group in groups] == [[1, 2, 3], [4]]


def test_many_large_segments_do_not_have_the_small_ones_written_again_and_again():
    store = SegmentStore(":memory:", "v")
    for part in range(MOST_SEGMENTS + 3):
        store.add(to_segment([make_source(f"part{part}.py", "", ["f"] * (SMALL_DOCUMENTS + 1 if part else 1))]))
    index = Index(Workspace("/"), None, version="v", limit_bytes=1)
    assert index._choose([Live(head, frozenset()) for head in store.heads()]) == []


# --- an end in the middle -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_was_read_before_an_end_in_the_middle_stays(
    root: Path, store: Path, steps: int, workers: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "SEGMENT_BYTES", 100_000)  # what is in a segment stays
    for number in range(6):
        write(root, f"large{number}.py", f"def large{number}():\n    return 1\n" + f"x{number} = 1\n" * 40_000)
    index = index_on(root, store, workers=workers)
    progress = index.refresh()
    done = [next(progress) for _ in range(steps)][-1].done
    progress.close()
    assert len(files_of(index)) == done
    index.close()
    again = index_on(root, store)
    assert len(again.stale()) == 9 - done
    assert refresh(again)[-1] == (9 - done, 9 - done)
    assert len(files_of(again)) == 9
    assert refresh(again) == []


def test_workers_read_the_same(root: Path, store: Path):
    for number in range(40):
        write(root, f"f{number}.py", f"def f{number}():\n    return {number}\n# {'word ' * 2_400}\n")
    one, two = index_on(root), index_on(root, store, workers=2)
    refresh(one)
    refresh(two)
    assert held_by(one) == held_by(two)


def test_an_index_that_cannot_be_changed_is_removed_with_its_file(root: Path, store: Path):
    index = build(root, store)
    change_store(store, "create trigger t before delete on segments begin select raise(abort, 'no'); end")
    assert index.remove() > 0
    assert (store.exists(), index_on(root, store).heads()) == (False, [])


def test_an_index_that_cannot_be_removed_is_not_said_to_be(root: Path, store: Path):
    index = build(root, store)
    change_store(store, "create trigger t before delete on segments begin select raise(abort, 'no'); end")
    (store.parent / "index.db-journal").mkdir()
    with pytest.raises(StoreError, match=r"cannot remove .*index\.db-journal"):
        index.remove()


def test_a_removed_index_holds_nothing(root: Path, store: Path):
    index = index_on(root, store)
    refresh(index)
    assert index.remove() > 0
    assert (files_of(index), refresh(index)[-1], files_of(index)) == ([], (3, 3), ALL)


def test_a_young_file_is_read_again_but_not_called_changed(root: Path, store: Path):
    write(root, "young.py", "x = 1\n", time.time_ns() + 60_000_000_000)
    index = build(root, store)
    assert ([entry.path for entry in index.stale()], index.changed()) == (["young.py"], [])


# --- any history ----------------------------------------------------------------------------------------------------

PLACES = st.sampled_from(["a.py", "b.py", "shop/a.py", "shop/c.js", "docs/d.md", "e.bin"])
CONTENTS = st.sampled_from(
    [
        "def apple(x):\n    return pear(x)\n\n\ndef pear(y):\n    return y\n",
        "from shop.a import Pear\n\n\nclass Apple(Pear):\n    def eat(self):\n        return self.apple\n",
        "import { pear } from './c.js';\nexport function apple() {\n  return pear();\n}\n",
        "# Apples\n\nAn apple is no pear.\n",
        "",
        "\0\1",
    ]
)
RULES = st.sampled_from(["a.py\n", "shop/\n", "*.md\n!a.py\n", ""])
EDITS = st.one_of(
    st.tuples(st.just("write"), PLACES, CONTENTS),
    st.tuples(st.just("move"), PLACES, PLACES),
    st.tuples(st.just("delete"), PLACES, st.just("")),
    st.tuples(st.just("touch"), PLACES, st.just("")),
    st.tuples(st.just("write"), st.sampled_from([".gitignore", "shop/.aiexignore"]), RULES),
    st.tuples(st.just("refresh"), st.just(""), st.just("")),
    st.tuples(st.just("next process"), st.just(""), st.just("")),
    st.tuples(st.just("join"), st.just(""), st.just("")),
)


@settings(max_examples=25)
@given(st.lists(EDITS, min_size=4, max_size=16))
def test_whatever_was_edited_the_index_is_that_of_the_files_now(edits: list[tuple[str, str, str]]):
    with tempfile.TemporaryDirectory() as folder:
        root, store = Path(folder, "ws"), Path(folder, "index.db")
        write(root, "a.py", "def apple():\n    pass\n")
        index = index_on(root, store)
        for number, edit in enumerate(edits, 1):
            index = follow(index, root, store, edit, OLD_NS + number)
        refresh(index)
        fresh = index_on(root)
        refresh(fresh)
        assert held_by(index) == held_by(fresh)
        assert Retrieval(index).rank("an apple and its pear") == Retrieval(fresh).rank("an apple and its pear")
        assert (index.warnings, fresh.warnings) == ([], [])
        index.close()


def follow(index: Index, root: Path, store: Path, edit: tuple[str, str, str], mtime_ns: int) -> Index:
    """Make one edit; gives the index to go on with."""
    deed, path, value = edit
    if deed == "write":
        write(root, path, value, mtime_ns)
    elif deed == "refresh":
        refresh(index)
    elif deed == "next process":
        index.close()
        return index_on(root, store)
    elif deed == "join":
        index._rewrite(index.segments())
    elif (root / path).exists():
        if deed == "touch":
            os.utime(root / path, ns=(mtime_ns, mtime_ns))
        elif deed == "delete":
            (root / path).unlink()
        else:
            (root / value).parent.mkdir(exist_ok=True)
            (root / path).rename(root / value)
    return index
