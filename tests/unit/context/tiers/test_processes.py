"""Several processes on one store, and processes that are killed: nobody is told of locks, nothing saved is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aiex.context.memory import Memory
from tests.conftest import SOURCE_ROOT
from tests.fakes.deaths import kill_in_turn
from tests.unit.context.tiers.facts import make_facts

ROUNDS = 60
STATEMENTS = range(1, 131, 2)
"""A few more than the work below needs."""


def start(code: str, folder: Path, *words: object) -> "subprocess.Popen[str]":
    """A process that waits for a line before it begins."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
    )


WORKER = """
import json, sys
from aiex.context.memory import Memory
from tests.unit.context.tiers.facts import NOTHING_STAYS, make_facts, make_file, make_row

role, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
warnings, wrong = [], []
memory = Memory("code.db", "v", warnings)
sys.stdin.readline()
for turn in range(rounds):
    number = turn + 1_000 * seed
    if role == "write":
        memory.save([make_file(number)], [make_row(number)], [], known_files=turn)
        memory.put(f"{seed}/{turn}", b"value" * turn)
    else:
        memory.hot.shrink(0)
        for writer in (1, 2):
            facts = memory.facts(f"{turn + 1_000 * writer}:python")
            value = memory.get(f"{writer}/{turn}")
            if facts not in (None, make_facts(turn + 1_000 * writer)) or value not in (None, b"value" * turn):
                wrong.append(turn)
        memory.warm.rows()
    if role == "tend" and turn % 10 == 9:
        memory.tend(NOTHING_STAYS)
memory.close()
print(json.dumps([wrong, [told.message for told in warnings]]))
"""


def test_readers_writers_and_upkeep_of_many_processes_are_never_told_of_a_lock(tmp_path: Path):
    roles = [("write", 1), ("write", 2), ("read", 3), ("read", 4), ("tend", 5), ("tend", 6)]
    workers = [start(WORKER, tmp_path, role, seed, ROUNDS) for role, seed in roles]
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    answers = [worker.communicate(timeout=300) for worker in workers]
    assert [errors for _, errors in answers] == [""] * len(roles)
    assert [json.loads(said) for said, _ in answers] == [[[], []]] * len(roles)
    memory = Memory(str(tmp_path / "code.db"), "v", [])
    assert len(memory.warm.rows()) == 2 * ROUNDS
    for writer in (1, 2):
        for turn in range(ROUNDS):
            number = turn + 1_000 * writer
            assert memory.facts(f"{number}:python") == make_facts(number)
            assert memory.get(f"{writer}/{turn}") == b"value" * turn


KILLED = """
from aiex.context.memory import Memory
from aiex.context.tiers.cold import Cold
from tests.unit.context.tiers.facts import NOTHING_STAYS, make_file, make_row

def work(say):
    '''Save, demote and promote; says what is saved.'''
    memory = Memory("code.db", "v", [])
    for number in range(3):
        memory.save([make_file(number)], [make_row(number)], [], known_files=number)
        say(f"f{number}")
        memory.put(str(number), b"value")
        say(f"v{number}")
        if number == 1:
            memory.tend(NOTHING_STAYS)
            memory.hot.shrink(0)
            memory.facts("0:python")
            memory.get("1")
    memory.close()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kill -9 of POSIX")
def test_a_process_killed_at_any_statement_loses_nothing_that_was_saved(tmp_path: Path):
    ends = kill_in_turn(KILLED, tmp_path, STATEMENTS)
    assert {end.signal for end in ends[:40]} == {9}
    assert ends[-1].signal == 0
    for folder, _, done in ends:
        warnings: list[object] = []
        memory = Memory(str(folder / "code.db"), "v", warnings)
        rows = memory.warm.rows()
        for thing in done:
            if thing[0] == "f":
                assert f"file{thing[1:]}.py" in rows
                assert memory.facts(f"{thing[1:]}:python") == make_facts(int(thing[1:]))
            else:
                assert memory.get(thing[1:]) == b"value"
        memory.put("after", b"value")
        memory.tend()
        memory.close()
        assert (folder.name, warnings) == (folder.name, [])
