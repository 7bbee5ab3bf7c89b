"""What packing saved is summed up from run to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiex.context.engine import open_engine
from aiex.context.packing.account import KEY, Account, book, read_account
from aiex.context.packing.packed import Effect
from aiex.guard.sandbox.files import Workspace


class Notes(dict[str, str]):
    """Notes in memory."""

    def recall(self, key: str) -> str | None:
        return self.get(key)

    def remember(self, key: str, value: str) -> None:
        self[key] = value


def test_packs_add_up_over_processes(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for _ in range(2):
        engine = open_engine(Workspace(str(tmp_path / "tree")), cache_path=str(tmp_path / "code.db"))
        book(engine, Effect(1_000, 250, {"whole": 1}))
        engine.close()
    engine = open_engine(Workspace(str(tmp_path / "tree")), cache_path=str(tmp_path / "code.db"))
    assert read_account(engine).to_data() == {
        "packs": 2,
        "before_tokens": 2_000,
        "after_tokens": 500,
        "saved_share": 0.75,
    }
    engine.close()


@pytest.mark.parametrize("damaged", ["", "{", "[1]", "[1, 2, null]", "[true, 1, 2]", '{"packs": 1}', "[1.5, 2, 3]"])
def test_a_damaged_note_begins_anew(damaged: str) -> None:
    notes = Notes({KEY: damaged})
    assert read_account(notes) == Account()
    book(notes, Effect(10, 5, {}))
    assert read_account(notes) == Account(1, 10, 5)
