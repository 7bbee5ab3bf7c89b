"""A process that is killed while it writes leaves an index that the next one completes, as if nothing had been."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SOURCE_ROOT
from tests.unit.context.search.indexes import held_by, index_on, refresh

STATEMENTS = 80
"""A few more than the work below needs."""

KILLED = """
import os, signal, sys
from pathlib import Path
from aiex import sqlite
from tests.unit.context.search.indexes import index_on, refresh, write
import aiex.context.search.reading

def work(folder, deadly):
    '''Index, index what is new, join; dies before the statement with this number.'''
    left = [deadly]
    plain = sqlite.connect

    def count(statement):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def connect(*args, **options):
        connection = plain(*args, **options)
        connection.set_trace_callback(count)
        return connection

    sqlite.connect = connect
    for number in range(3):
        write(folder / "ws", f"f{number}.py", f"def f{number}():\\n    return word\\n")
        index = index_on(folder / "ws", folder / "index.db")
        refresh(index)
        if number == 1:
            index._rewrite(index.segments())
        index.close()

for deadly in map(int, sys.argv[1:]):
    child = os.fork()
    if child == 0:
        work(Path(str(deadly)), deadly)
        os._exit(0)
    print(deadly, os.WTERMSIG(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 of POSIX")
def test_a_process_killed_at_any_statement_leaves_a_valid_index(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, range(1, STATEMENTS, 3))],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
    )
    assert done.stderr == ""
    runs = [line.split() for line in done.stdout.splitlines()]
    ends = "".join(end for _, end in runs)
    assert len(runs) == len(range(1, STATEMENTS, 3))
    assert ends.startswith("9" * 15)
    assert ends.endswith("0")
    for number, _ in runs:
        folder = tmp_path / number
        index, fresh = index_on(folder / "ws", folder / "index.db"), index_on(folder / "ws")
        refresh(index)
        refresh(fresh)
        assert held_by(index) == held_by(fresh)
        assert (index.warnings, refresh(index)) == ([], [])
        index.close()
