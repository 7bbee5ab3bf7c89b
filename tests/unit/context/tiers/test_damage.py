"""A store that is damaged, newer, or has no place: said once, set aside or left, and the work goes on."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from aiex.context.engine import Engine, open_engine
from aiex.context.memory import Memory
from aiex.context.shelf import Shelf
from aiex.context.tiers.cold import Cold
from aiex.context.tiers.warm import Warm
from aiex.guard.sandbox.files import Workspace
from aiex.sqlite import DamagedStore
from tests.conftest import SOURCE_ROOT
from tests.fakes.damages import AS_NOBODY, DAMAGES, SMALL_FILES, flip_pages, write_text
from tests.unit.context.tiers.facts import NOTHING_STAYS, make_facts, make_file, make_row

COUNT = 300


def open_memory(folder: Path) -> Memory:
    return Memory(str(folder / "code.db"), "v", [])


def fill(folder: Path) -> None:
    """Facts of the first half stay warm, those of the other are cold."""
    memory = open_memory(folder)
    memory.save([], [make_row(number) for number in range(COUNT // 2, COUNT)], [], known_files=0)
    assert memory.tend(NOTHING_STAYS)
    rows = [make_row(number) for number in range(COUNT // 2)]
    memory.save([make_file(number) for number in range(COUNT // 2)], rows, [], known_files=COUNT // 2)
    memory.close()


def asides(folder: Path) -> set[str]:
    """Databases that were set aside, without their side files."""
    return {entry.removesuffix("-wal").removesuffix("-shm") for entry in os.listdir(folder) if "damaged" in entry}


@pytest.mark.parametrize("name", ["code.db", "cold.db"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_set_aside_said_and_begun_anew(tmp_path: Path, name: str, damage: Callable[[Path], None]):
    fill(tmp_path)
    damage(tmp_path / name)
    memory = open_memory(tmp_path)
    keys = [f"{number}:python" for number in range(COUNT)]
    found = memory.light_facts(keys)
    assert all(facts.symbols == make_facts(int(key.split(":")[0])).symbols for key, facts in found.items())
    rows = [make_row(number) for number in range(COUNT)]
    memory.save([], rows, [], known_files=0)
    memory.archive("talk", b"said")
    memory.close()
    assert [("set aside" in told.message, name in told.message) for told in memory.warnings] == [(True, True)]
    assert len([entry for entry in os.listdir(tmp_path) if entry.startswith(f"{name}.damaged-")]) >= 1
    again = open_memory(tmp_path)
    assert len(again.light_facts(keys)) == COUNT
    assert (again.get("talk"), again.warnings) == (b"said", [])


def test_many_damaged_files_do_not_fill_the_disk(tmp_path: Path):
    for _ in range(6):
        memory = open_memory(tmp_path)
        memory.put("key", b"value")
        memory.close()
        assert len(memory.warnings) <= 1
        write_text(tmp_path / "code.db")
    assert len(asides(tmp_path)) == 2


def test_only_the_first_process_that_meets_the_damage_sets_the_file_aside(tmp_path: Path):
    fill(tmp_path)
    one, two = open_memory(tmp_path), open_memory(tmp_path)
    assert one.warm.rows().keys() == two.warm.rows().keys()
    error = DamagedStore("cannot read it")
    one.warm_shelf.begin_anew(error)
    one.put("key", b"value")
    two.warm_shelf.begin_anew(error)
    assert two.get("key") == b"value"
    two.put("other", b"value")
    assert one.get("other") == b"value"
    assert len(asides(tmp_path)) == 1


def test_a_process_that_still_uses_the_file_set_aside_does_no_harm_to_the_new_one(tmp_path: Path):
    fill(tmp_path)
    one, two = open_memory(tmp_path), open_memory(tmp_path)
    two.put("before", b"value")
    one.warm_shelf.begin_anew(DamagedStore("cannot read it"))
    one.put("new", b"value")
    two.put("late", b"value")
    two.close()
    one.put("newer", b"value")
    one.close()
    again = open_memory(tmp_path)
    assert (again.get("new"), again.get("newer"), again.warnings) == (b"value", b"value", [])


def test_flipped_bytes_anywhere_never_end_in_a_traceback(tmp_path: Path):
    fill(tmp_path)
    chance = Random(7)
    keys = [f"{number}:python" for number in range(0, COUNT, 7)]
    for turn in range(60):
        folder = tmp_path / f"turn{turn}"
        folder.mkdir()
        for name in ("code.db", "cold.db"):
            content = bytearray((tmp_path / name).read_bytes())
            for _ in range(chance.choice([1, 20, 400])):
                content[chance.randrange(len(content))] = chance.randrange(256)
            (folder / name).write_bytes(content)
        memory = open_memory(folder)
        memory.warm_shelf.ask(Warm.rows, {})
        memory.light_facts(keys)
        for key in keys:
            memory.facts(key)
        memory.save([make_file(1)], [make_row(1)], [], known_files=1)
        memory.tend(NOTHING_STAYS)
        memory.statistics()
        memory.close()
        shutil.rmtree(folder)


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
@pytest.mark.parametrize("exists", [False, True], ids=["new", "there"])
def test_a_read_only_directory_costs_speed_only(tmp_path: Path, *, exists: bool):
    folder = tmp_path / "locked"
    folder.mkdir()
    if exists:
        fill(folder)
    for place in (*folder.iterdir(), folder):
        place.chmod(0o555 if place.is_dir() else 0o444)
    answer = run_limited(AS_NOBODY + WORK, folder)
    assert answer == [str(COUNT), "value", "going on without a cache"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_fills_up_costs_speed_only(tmp_path: Path):
    answer = run_limited(SMALL_FILES + WORK, tmp_path)
    assert answer[:2] == [str(COUNT), "value"]
    assert "the cache does not work" in answer[2] or "going on without a cache" in answer[2]


def test_a_store_that_reached_its_limit_costs_speed_only(tmp_path: Path):
    memory = open_memory(tmp_path)
    memory.put("kept", b"value")
    memory.warm.connection.execute("PRAGMA max_page_count = 20")
    memory.save([], [make_row(number) for number in range(COUNT)], [], known_files=0)
    memory.put("key", b"x" * 200_000)
    assert memory.facts("17:python") == make_facts(17)
    assert memory.get("key") == b"x" * 200_000
    memory.hot.shrink(0)
    assert (memory.get("key"), memory.get("kept")) == (None, b"value")
    assert [("full" in told.message, told.hint) for told in memory.warnings] == [(True, "free some space on this disk")]


def test_values_stay_warm_when_the_cold_tier_is_full(tmp_path: Path):
    fill(tmp_path)
    memory = open_memory(tmp_path)
    memory.cold_shelf.store.connection.execute("PRAGMA max_page_count = 1")
    assert not memory.tend(NOTHING_STAYS)
    memory.hot.shrink(0)
    assert memory.facts("3:python") == make_facts(3)
    assert ["full" in told.message for told in memory.warnings] == [True]


def test_values_stay_warm_when_the_cold_tier_has_no_place(tmp_path: Path):
    memory = open_memory(tmp_path)
    memory.save([], [make_row(3)], [], known_files=0)
    memory.cold_shelf = Shelf(Cold, str(tmp_path / "code.db" / "cold.db"), memory.warnings)
    assert not memory.tend(NOTHING_STAYS)
    memory.hot.shrink(0)
    assert memory.facts("3:python") == make_facts(3)


def test_the_engine_reads_again_what_a_damaged_store_held(tmp_path: Path):
    root = tmp_path / "ws"
    root.mkdir()
    for number in range(30):
        (root / f"m{number}.py").write_text(f"import os\n\n\ndef f{number}():\n    return os\n")

    def engine() -> Engine:
        return open_engine(Workspace(str(root)), cache_path=str(tmp_path / "cache" / "code.db"), workers=1)

    def facts(one: Engine) -> dict[str, object]:
        return dict(one.many([entry.path for entry in one.listing.files]))

    first = engine()
    expected = facts(first)
    first.close()
    flip_pages(tmp_path / "cache" / "code.db")
    second = engine()
    assert facts(second) == expected
    second.close()
    third = engine()
    assert (facts(third), third.warnings) == (expected, [])


WORK = """
import os, sys
warnings = []
memory = Memory("code.db", "v", warnings)
rows = [make_row(number) for number in range(COUNT)]
for start in range(0, COUNT, 50):
    memory.save([], rows[start : start + 50], [], known_files=0)
memory.put("key", b"value")
memory.archive("talk", b"said")
found = len(memory.light_facts([row.key for row in rows]))
memory.tend(NOTHING_STAYS)
print(found, memory.get("key").decode(), *(told.message.rpartition("; ")[2] for told in warnings[:1]), sep="\\n")
memory.close()
"""
IMPORTS = """
import lzma, sqlite3, zlib
from aiex.context.memory import Memory
from aiex.context.tiers.cold import Cold, codecs
from aiex.context.upkeep import tend
from tests.unit.context.tiers.facts import NOTHING_STAYS, make_row
import aiex.context.tiers.hot, aiex.context.tiers.warm
codecs()
"""


def run_limited(code: str, folder: Path) -> list[str]:
    """The lines that a process prints which may do less than this one."""
    answer = subprocess.run(
        [sys.executable, "-c", f"{IMPORTS}COUNT = {COUNT}\n{code}"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout.splitlines()
