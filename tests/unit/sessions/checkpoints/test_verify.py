"""Whatever was changed on disk is found, or reading gives what was stored all the same."""

from __future__ import annotations

import shutil
from random import Random

import pytest

from aiex.errors import StoreError
from aiex.sessions.checkpoints.verify import verify
from tests.unit.sessions.checkpoints.contents import keep, open_store, read_tree

TEXT = b"".join(b"value_%d = compute(%d)\n" % (number, number * number) for number in range(300))
FILES = {
    "README.md": b"# A project\n",
    "src/app.py": TEXT,
    "src/lib/big.bin": Random(1).randbytes(1_100_000),
    "src/lib/empty": b"",
}
EDITED = {**FILES, "src/app.py": TEXT.replace(b"value_7 ", b"value_seven "), "src/new.py": TEXT[:500]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A store of two checkpoints."""
    folder = tmp_path_factory.mktemp("whole")
    with open_store(folder) as (objects, catalogue):
        keep(objects, catalogue, FILES)
        keep(objects, catalogue, EDITED, tag="edited")
        catalogue.note("seen", b"what was seen" * 500)
    return folder / "checkpoints.db"


def test_untouched_store_is_whole(whole):
    with open_store(whole.parent) as (objects, catalogue):
        report = verify(objects, catalogue)
        assert (report.is_whole, report.checkpoints, report.faults) == (True, 2, ())
        assert report.bytes > 1_100_000


@pytest.mark.parametrize("seed", range(60))
def test_changed_byte_is_found_or_does_not_matter(whole, tmp_path, seed):
    chance = Random(seed)
    data = bytearray(whole.read_bytes())
    data[chance.randrange(len(data) if seed % 2 else len(data) // 20)] ^= 1 << chance.randrange(8)
    (tmp_path / "checkpoints.db").write_bytes(data)
    try:
        with open_store(tmp_path) as (objects, catalogue):
            if verify(objects, catalogue).is_whole:
                trees = [read_tree(objects, checkpoint.tree) for checkpoint in catalogue.list()]
                assert trees == [FILES, EDITED]
    except StoreError as error:
        assert error.message  # noqa: PT017  (either is right: said at once, or found)


@pytest.mark.parametrize("column", ["id", "data", "kind", "codec", "depth", "base", "size"])
def test_every_changed_column_of_every_content_is_found(whole, tmp_path, column):
    shutil.copy(whole, tmp_path / "checkpoints.db")
    with open_store(tmp_path) as (objects, catalogue):
        connection = objects.database.connection
        for head in objects.rows.heads():
            if column in {"id", "data"}:
                if not objects.rows.numbered(head.n).data and column == "data":
                    continue
                change = f"{column} = cast(x'00' || substr({column}, 2) as blob)"
                first = connection.execute(f"select substr({column}, 1, 1) from objects where n = ?", (head.n,))
                if first.fetchone()[0] == b"\0":
                    change = f"{column} = cast(x'01' || substr({column}, 2) as blob)"
            else:
                change = f"{column} = ifnull({column}, 0) + 1"
            connection.execute("begin")
            connection.execute(f"update objects set {change} where n = ?", (head.n,))
            report = verify(objects, catalogue)
            connection.rollback()
            assert not report.is_whole, head


def test_checkpoint_that_lacks_a_content_names_the_file(whole, tmp_path):
    shutil.copy(whole, tmp_path / "checkpoints.db")
    with open_store(tmp_path) as (objects, catalogue):
        id = bytes.fromhex(objects.put(EDITED["src/new.py"]))
        objects.rows.remove([objects.rows.find(id).n])
        report = verify(objects, catalogue)
    ((checkpoint, reason),) = report.broken
    assert checkpoint.number == 2
    assert "src/new.py" in reason


def test_directory_that_two_checkpoints_share_breaks_both(whole, tmp_path):
    shutil.copy(whole, tmp_path / "checkpoints.db")
    with open_store(tmp_path) as (objects, catalogue):
        id = bytes.fromhex(objects.put(FILES["src/lib/empty"]))
        objects.rows.remove([objects.rows.find(id).n])
        assert [known.number for known, _ in verify(objects, catalogue).broken] == [1, 2]


def test_changed_entry_breaks_its_checkpoint(whole, tmp_path):
    shutil.copy(whole, tmp_path / "checkpoints.db")
    with open_store(tmp_path) as (objects, catalogue):
        objects.database.connection.execute("update checkpoints set reason = 'other' where number = 1")
        assert [known.number for known, _ in verify(objects, catalogue).broken] == [1]
