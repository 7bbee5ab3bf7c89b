"""Opening SQLite: pragmas, migrations in one transaction, many processes, and files that are wrong."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aiex import sqlite
from aiex.errors import StoreError

FIRST = "CREATE TABLE words (word TEXT PRIMARY KEY);"
SECOND = "ALTER TABLE words ADD COLUMN count INTEGER NOT NULL DEFAULT 0; CREATE INDEX by_count ON words (count);"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "store" / "words.db")


def version_of(path: str) -> int:
    with sqlite3.connect(path) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_a_new_store_has_wal_the_last_schema_and_is_private(path: str) -> None:
    connection = sqlite.connect(path, migrations=[FIRST, SECOND])
    connection.execute("INSERT INTO words VALUES ('a', 1)")
    connection.commit()
    pragmas = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "foreign_keys")]
    assert (pragmas, connection.execute("PRAGMA synchronous").fetchone()[0]) == (["wal", 1], 1)
    assert version_of(path) == 2
    if sys.platform != "win32":
        modes = {stat.S_IMODE(os.stat(path + side).st_mode) for side in ("", "-wal", "-shm")}
        assert modes == {0o600}


def test_synchronous_is_what_was_asked(path: str) -> None:
    connection = sqlite.connect(path, migrations=[FIRST], synchronous="FULL")
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_older_store_is_taken_to_the_last_schema_with_its_rows(path: str) -> None:
    with sqlite.connect(path, migrations=[FIRST]) as old:
        old.execute("INSERT INTO words VALUES ('kept')")
    old.close()
    new = sqlite.connect(path, migrations=[FIRST, SECOND])
    assert new.execute("SELECT * FROM words").fetchall() == [("kept", 0)]


def test_a_migration_that_fails_leaves_the_old_schema(path: str) -> None:
    sqlite.connect(path, migrations=[FIRST]).close()
    with pytest.raises(StoreError, match="no such table: absent"):
        sqlite.connect(path, migrations=[FIRST, "CREATE TABLE more (a); DROP TABLE absent;"])
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert (version_of(path), tables) == (1, [("words",)])


def test_semicolons_in_strings_comments_and_triggers_do_not_end_a_statement(path: str) -> None:
    script = """
        -- first; a comment
        CREATE TABLE notes (text TEXT DEFAULT 'a;b');
        CREATE TRIGGER twice AFTER INSERT ON notes WHEN new.text = 'x' BEGIN
            INSERT INTO notes VALUES ('y;'); INSERT INTO notes VALUES ('z');
        END;
        INSERT INTO notes DEFAULT VALUES -- no semicolon at the end
    """
    connection = sqlite.connect(path, migrations=[script])
    connection.execute("INSERT INTO notes VALUES ('x')")
    assert connection.execute("SELECT text FROM notes").fetchall() == [("a;b",), ("x",), ("y;",), ("z",)]


def test_a_with_block_commits_and_an_error_rolls_back(path: str) -> None:
    connection = sqlite.connect(path, migrations=[FIRST])
    with connection:
        connection.execute("INSERT INTO words VALUES ('kept')")
    with pytest.raises(sqlite3.IntegrityError), connection:
        connection.execute("INSERT INTO words VALUES ('gone'), ('kept')")
    assert connection.execute("SELECT word FROM words").fetchall() == [("kept",)]


def test_memory_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sqlite.connect(":memory:", migrations=[FIRST]).execute("INSERT INTO words VALUES ('a')")
    assert list(tmp_path.iterdir()) == []


OPEN_AND_INSERT = """
import sys
from aiex import sqlite
sqlite.BUSY_TIMEOUT_S = 60  # a busy machine may keep the others waiting for long
path, number = sys.argv[1:]
migrations = ["CREATE TABLE words (word TEXT PRIMARY KEY); INSERT INTO words VALUES ('first')", "CREATE TABLE more (a)"]
sys.stdin.readline()
with sqlite.connect(path, migrations=migrations) as connection:
    connection.execute("INSERT INTO words VALUES (?)", (number,))
"""


def test_processes_that_open_a_new_store_at_once_migrate_it_once(path: str) -> None:
    workers = [
        subprocess.Popen([sys.executable, "-c", OPEN_AND_INSERT, path, str(number)], stdin=subprocess.PIPE, text=True)
        for number in range(4)
    ]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        worker.communicate(timeout=120)
    assert [worker.returncode for worker in workers] == [0, 0, 0, 0]
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT word FROM words ORDER BY word").fetchall()
    assert found == [("0",), ("1",), ("2",), ("3",), ("first",)]


def test_a_newer_store_is_refused_and_left_as_it_is(path: str) -> None:
    sqlite.connect(path, migrations=[FIRST, SECOND]).close()
    before = Path(path).read_bytes()
    with pytest.raises(sqlite.NewerStore, match="its schema is version 2, this aiex knows 1"):
        sqlite.connect(path, migrations=[FIRST])
    assert Path(path).read_bytes() == before


def test_a_file_that_is_no_database_is_damaged(path: str) -> None:
    os.makedirs(os.path.dirname(path))
    Path(path).write_bytes(b"what is this? " * 500)
    with pytest.raises(sqlite.DamagedStore, match="not a database"):
        sqlite.connect(path, migrations=[FIRST])


def test_broken_pages_of_the_schema_are_damage(path: str) -> None:
    sqlite.connect(path, migrations=[FIRST]).close()
    with open(path, "r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 3000)
    with pytest.raises(sqlite.DamagedStore):
        sqlite.connect(path, migrations=[FIRST])


def test_a_damaged_store_set_aside_makes_room_for_a_new_one(path: str) -> None:
    os.makedirs(os.path.dirname(path))
    for side in ("", "-wal", "-shm"):
        Path(path + side).write_bytes(b"rubbish" + side.encode())
    first = sqlite.set_aside(path)
    Path(path).write_bytes(b"again")
    second = sqlite.set_aside(path)
    sqlite.connect(path, migrations=[FIRST]).close()
    assert Path(first + "-wal").read_bytes() == b"rubbish-wal"
    assert Path(first).read_bytes() == b"rubbish"
    assert Path(second).read_bytes() == b"again"
    assert ".damaged-" in first
    assert version_of(path) == 1


def test_a_store_locked_by_another_is_told_apart(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = sqlite.connect(path, migrations=[FIRST])
    holder.execute("INSERT INTO words VALUES ('a')")
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_S", 0.05)
    with pytest.raises(sqlite.LockedStore) as caught:
        sqlite.connect(path, migrations=[FIRST, SECOND])
    assert caught.value.exit_code == 6


def test_a_full_store_is_told_apart(path: str) -> None:
    connection = sqlite.connect(path, migrations=[FIRST])
    connection.execute("PRAGMA max_page_count = 4")
    with pytest.raises(sqlite.FullStore, match="full"), sqlite.translated_errors(path), connection:
        connection.execute("INSERT INTO words VALUES (?)", ("x" * 100_000,))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_met_by_the_file_system_is_told_apart() -> None:
    with pytest.raises(sqlite.FullStore), sqlite.translated_errors("/dev/full"), open("/dev/full", "wb", 0) as full:
        full.write(b"x")


def test_a_parent_that_is_a_file_cannot_hold_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(sqlite.ReadOnlyStore) as caught:
        sqlite.connect(str(tmp_path / "file" / "words.db"), migrations=[FIRST])
    assert caught.value.hint


def test_what_stands_in_the_way_is_named_and_may_hide_a_store(tmp_path: Path) -> None:
    path = str(tmp_path / "folder" / "deep" / "words.db")
    assert not sqlite.may_exist(path)
    (tmp_path / "folder").write_text("")
    assert sqlite.may_exist(path)
    with pytest.raises(sqlite.ReadOnlyStore, match="folder is not a directory"), sqlite.translated_errors(path):
        os.makedirs(os.path.dirname(path))
    (tmp_path / "folder").unlink()
    (tmp_path / "folder").symlink_to(tmp_path / "nowhere")
    assert sqlite.may_exist(str(tmp_path / "folder" / "words.db"))


AS_NOBODY = """
import sys
from aiex import sqlite
try:
    sqlite.connect(sys.argv[1], migrations=["CREATE TABLE a (b)"])
except sqlite.ReadOnlyStore as error:
    print(error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
@pytest.mark.parametrize("exists", [False, True], ids=["new", "there"])
def test_a_read_only_directory_is_told_apart(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "locked"
    folder.mkdir()
    if exists:
        sqlite.connect(str(folder / "a.db"), migrations=["CREATE TABLE a (b)"]).close()
    for place in (folder, *folder.iterdir()):
        place.chmod(0o555)
    become = "import os; os.geteuid() == 0 and (os.chdir(sys.argv[1]), os.setgid(65534), os.setuid(65534))\n"
    code = "import sys\nfrom aiex import sqlite, errors, record\nimport sqlite3, time, errno\n" + become
    answer = subprocess.run(
        [sys.executable, "-c", f"{code}sys.argv[1] = 'a.db'\n{AS_NOBODY}", str(folder)],
        cwd=None if os.geteuid() == 0 else folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(sqlite.__file__))},
    )
    assert answer.stdout.startswith("cannot open a.db for writing")


def test_other_mistakes_stay_plain_store_errors(path: str) -> None:
    with pytest.raises(StoreError) as caught, sqlite.translated_errors(path):
        sqlite.connect(path, migrations=[FIRST]).execute("SELEC")
    assert type(caught.value) is StoreError
