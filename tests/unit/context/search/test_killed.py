"""A process that is killed while it writes leaves an index that the next one completes, as if nothing had been."""

import os
from pathlib import Path

import pytest

from tests.fakes.deaths import kill_in_turn
from tests.unit.context.search.indexes import held_by, index_on, refresh

STATEMENTS = range(1, 80, 3)
"""A few more than the work below needs."""

KILLED = """
from pathlib import Path
from tests.unit.context.search.indexes import index_on, refresh, write
import aiex.context.search.reading

def work(say):
    '''Index, index what is new, join.'''
    for number in range(3):
        write(Path("ws"), f"f{number}.py", f"def f{number}():\\n    return word\\n")
        index = index_on(Path("ws"), Path("index.db"))
        refresh(index)
        if number == 1:
            index._rewrite(index.segments())
        index.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 of POSIX")
def test_a_process_killed_at_any_statement_leaves_a_valid_index(tmp_path: Path):
    ends = kill_in_turn(KILLED, tmp_path, STATEMENTS)
    assert {end.signal for end in ends[:15]} == {9}
    assert ends[-1].signal == 0
    for folder, *_ in ends:
        index, fresh = index_on(folder / "ws", folder / "index.db"), index_on(folder / "ws")
        refresh(index)
        refresh(fresh)
        assert held_by(index) == held_by(fresh)
        assert (index.warnings, refresh(index)) == ([], [])
        index.close()
