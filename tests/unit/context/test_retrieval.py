"""The right code for a request: the same answer however the index is damaged, shared, or has no place to be kept."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

from aiex.context.ranking.rank import Result
from aiex.context.retrieval import Retrieval
from aiex.events import TurnEnded
from aiex.jobs.query import QueryTask, query
from tests.conftest import SOURCE_ROOT
from tests.fakes.damages import AS_NOBODY, DAMAGES, SMALL_FILES
from tests.unit.context.search.indexes import OLD_NS, change_store, index_on, refresh, write

TASK = "put an apple in the basket and ask for its price"
COUNT = 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "ws"
    write(root, "shop/basket.py", "import os\n\n\nclass Basket:\n    def put(self, apple):\n        return apple\n")
    write(root, "shop/prices.py", "from shop.basket import Basket\n\n\ndef price_of(name):\n    return name\n")
    for number in range(COUNT):
        write(root, f"other/thing{number}.py", f"def thing{number}(word{number}):\n    return price{number}\n" * 9)
    return root


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "index.db"


def retrieval_on(root: Path, store: Path | None = None) -> Retrieval:
    return Retrieval(index_on(root, store))


def answer(retrieval: Retrieval, task: str = TASK, budget_tokens: int = 2_000) -> list[dict[str, object]]:
    """Spans that a query gives."""
    *_, end = query(QueryTask(task, budget_tokens), retrieval)
    assert isinstance(end, TurnEnded)
    assert (end.exit_code, end.data is not None) == (0, True), end
    return list((end.data or {})["spans"])


@pytest.fixture
def expected(root: Path) -> list[dict[str, object]]:
    found = answer(retrieval_on(root))
    assert found[0]["path"] == "shop/basket.py"
    return found


def build(root: Path, store: Path) -> None:
    retrieval = retrieval_on(root, store)
    answer(retrieval)
    retrieval.close()


def said_by(retrieval: Retrieval) -> list[str]:
    return [told.message for told in retrieval.index.warnings]


# --- what is found --------------------------------------------------------------------------------------------------


def test_a_change_shows_in_the_next_answer(root: Path, store: Path, expected: list[dict[str, object]]):
    retrieval = retrieval_on(root, store)
    assert answer(retrieval) == expected
    (root / "shop/basket.py").rename(root / "shop/moved.py")
    paths = {span["path"] for span in answer(retrieval)}
    assert "shop/moved.py" in paths
    assert "shop/basket.py" not in paths
    (root / "shop/moved.py").unlink()
    assert answer(retrieval) == answer(retrieval_on(root))


def test_nothing_is_found_where_nothing_is(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    assert answer(retrieval_on(tmp_path / "empty")) == []


def rank(retrieval: Retrieval) -> list[Result]:
    refresh(retrieval.index)
    return retrieval.rank(TASK)


def test_the_first_result_is_given_however_small_the_budget(root: Path):
    retrieval = retrieval_on(root)
    results = rank(retrieval)
    assert retrieval.fit(results, 1) == results[:1]
    assert retrieval.fit(results, 0) == []
    assert retrieval.fit(results, 10**9) == results


def test_a_larger_budget_adds_at_the_end(root: Path):
    retrieval = retrieval_on(root)
    results = rank(retrieval)
    counts = [len(retrieval.fit(results, budget)) for budget in range(1, 600, 7)]
    assert counts == sorted(counts)
    assert [retrieval.fit(results, budget) for budget in (50, 500)] == [
        results[: counts[7]],
        results[: len(retrieval.fit(results, 500))],
    ]


def test_a_file_that_vanishes_after_it_was_ranked_does_not_stop_the_answer(root: Path):
    retrieval = retrieval_on(root)
    results = rank(retrieval)
    (root / results[0].path).unlink()
    assert retrieval.fit(results, 10**9) == results


# --- damage ---------------------------------------------------------------------------------------------------------


def add_a_column(path: Path) -> None:
    change_store(path, "alter table blocks add column more blob")


@pytest.mark.parametrize("damage", [*DAMAGES, add_a_column])
def test_a_damaged_index_is_set_aside_said_and_made_anew(
    root: Path, store: Path, expected: list[dict[str, object]], damage: Callable[[Path], None]
):
    build(root, store)
    damage(store)
    write(root, "shop/later.py", "def thing():\n    pass\n")
    retrieval = retrieval_on(root, store)
    found = answer(retrieval)
    assert found == answer(retrieval_on(root))
    assert [("index.db" in said, "set aside" in said) for said in said_by(retrieval)] == [(True, True)]
    retrieval.close()
    again = retrieval_on(root, store)
    assert (answer(again), said_by(again), refresh(again.index)) == (found, [], [])


@pytest.mark.parametrize(
    "statement",
    [
        "update blocks set documents = x'ffff'",
        "update segments set owners = x'ffff'",
        "update segments set names = x''",
        "update notes set value = '[1]'",
        "update notes set value = x'ff'",
        'update notes set value = cast(\'{"rules": 1, "ignored": 2, "folders": {}}\' as blob)',
        "update seen set digest = 'other'",
        "update seen set path = 'text' where path = (select min(path) from seen)",
        "delete from blocks",
        "delete from segments",
        "delete from seen",
        "delete from notes",
    ],
)
def test_rows_that_change_under_an_open_index_do_not_change_the_answer(
    root: Path, store: Path, expected: list[dict[str, object]], statement: str
):
    retrieval = retrieval_on(root, store)
    assert answer(retrieval) == expected
    change_store(store, statement)
    if statement != "delete from blocks":  # nobody can know that there were any
        assert answer(retrieval) == expected
    assert answer(retrieval_on(root)) == expected


def test_flipped_bytes_anywhere_give_the_same_answer(root: Path, store: Path, expected: list[dict[str, object]]):
    build(root, store)
    whole = store.read_bytes()
    chance = Random(11)
    for _ in range(25):
        content = bytearray(whole)
        for _ in range(chance.choice([1, 20, 400])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        for entry in store.parent.iterdir():
            entry.unlink()
        store.write_bytes(content)
        retrieval = retrieval_on(root, store)
        assert answer(retrieval) == expected
        retrieval.close()


# --- no place -------------------------------------------------------------------------------------------------------

WORK = """
import json, sys
from pathlib import Path
from tests.unit.context.test_retrieval import answer, retrieval_on, said_by
answer(retrieval_on(Path(sys.argv[1])))  # everything is imported
LIMITS
retrieval = retrieval_on(Path(sys.argv[1]), Path(sys.argv[2]))
print(json.dumps([answer(retrieval), said_by(retrieval)]))
"""


def run_limited(limits: str, root: Path, store: Path) -> tuple[list[dict[str, object]], list[str]]:
    """What a process finds which may do less than this one."""
    done = subprocess.run(
        [sys.executable, "-c", WORK.replace("LIMITS", limits), root, store],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
    )
    assert (done.returncode, done.stderr) == (0, "")
    found, said = json.loads(done.stdout)
    return found, said


def as_json(spans: list[dict[str, object]]) -> list[dict[str, object]]:
    return list(json.loads(json.dumps(spans)))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine can reach."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
@pytest.mark.parametrize("exists", [False, True], ids=["new", "there"])
def test_a_read_only_cache_costs_speed_only(
    root: Path, open_folder: Path, expected: list[dict[str, object]], *, exists: bool
):
    root, store = shutil.move(root, open_folder / "ws"), open_folder / "cache" / "index.db"
    store.parent.mkdir()
    if exists:
        build(root, store)
    for place in (*store.parent.iterdir(), store.parent):
        place.chmod(0o555 if place.is_dir() else 0o444)
    found, said = run_limited(AS_NOBODY, root, store)
    assert (found, len(said)) == (as_json(expected), 1)
    assert ("what it holds is used" if exists else "going on without a cache") in said[0]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_fills_up_costs_speed_only(root: Path, store: Path, expected: list[dict[str, object]]):
    found, said = run_limited(SMALL_FILES.replace("100_000", "30_000"), root, store)
    assert found == as_json(expected)
    assert said
    again = retrieval_on(root, store)
    assert (answer(again), said_by(again)) == (expected, [])


@pytest.mark.parametrize("spare_pages", [0, 1])
def test_a_store_that_reached_its_limit_goes_on_in_memory(
    root: Path, store: Path, expected: list[dict[str, object]], spare_pages: int
):
    retrieval = retrieval_on(root, store)
    connection = retrieval.index.shelf.store.connection
    pages = connection.execute("pragma page_count").fetchone()[0] + spare_pages
    connection.execute(f"pragma max_page_count = {pages}")
    assert answer(retrieval) == expected
    assert ["full" in said for said in said_by(retrieval)] == [True]
    write(root, "shop/prices.py", "def price_of_apple(basket):\n    return put\n", OLD_NS + 1)
    assert answer(retrieval) == answer(retrieval_on(root))
    retrieval.close()
    again = retrieval_on(root, store)
    assert (answer(again), said_by(again)) == (answer(retrieval_on(root)), [])


# --- others at work -------------------------------------------------------------------------------------------------


def test_what_another_process_does_between_two_answers_is_taken_in(root: Path, store: Path):
    one, two = retrieval_on(root, store), retrieval_on(root, store)
    answer(one)
    answer(two)
    for number in range(20):  # enough for segments to be joined
        write(root, f"shop/new{number}.py", f"def put_apple{number}(basket):\n    return price\n")
        answer(two)
    before = {result.path for result in one.rank(TASK)}
    assert "shop/basket.py" in before
    assert not any("new" in path for path in before)
    assert answer(one) == answer(retrieval_on(root))
    assert (said_by(one), said_by(two)) == ([], [])


def test_an_index_that_another_process_removes_is_made_anew(root: Path, store: Path, expected: list[dict[str, object]]):
    one, two = retrieval_on(root, store), retrieval_on(root, store)
    assert answer(one) == expected
    two.index.remove()
    assert answer(one) == expected
    two.index.remove()
    refresh(two.index)
    assert one.rank(TASK) == two.rank(TASK)
    assert (said_by(one), said_by(two)) == ([], [])


# --- history --------------------------------------------------------------------------------------------------------


def test_a_commit_of_files_that_are_known_is_noticed(root: Path, store: Path):
    history = store.parent / "history.db"

    def commit(message: str) -> None:
        who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "--allow-empty", "-m", message]):
            subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)

    commit("Begin")
    write(root, "shop/prices.py", "def price_of(name):\n    return 2\n")
    before = Retrieval(index_on(root, store), str(history))
    refresh(before.index)
    assert before.rank("teach the walrus to sing") == []
    before.close()
    commit("Teach the walrus to sing")
    first, *_ = Retrieval(index_on(root, store), str(history)).rank("teach the walrus to sing")
    assert (first.path, first.why) == ("shop/prices.py", ("changed by a commit about this",))
