"""Names that change while the bounds of a command are drawn and while it runs.

A second process swaps directories, files and links all the time. AIEX_RACE_S says for how many seconds, one by
default.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tests.unit.guard.sandbox.isolation.conftest import CANARY, Place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these backends are for Linux")
RACE_S = float(os.environ.get("AIEX_RACE_S", "1"))

SWAPPING = """
import itertools, os, sys
root, outside, home = sys.argv[1:]
os.chdir(root)
def swap(name, target):
    try:
        os.rename(name, name + ".real")
        os.symlink(target, name)
        os.unlink(name)
        os.rename(name + ".real", name)
    except OSError:
        pass
pairs = [("part", outside), ("part/.vscode", outside), ("free", outside), ("src", home), ("src/deep", home + "/.ssh"),
         (".vscode", outside), (".env", home + "/.netrc"), ("README.md", outside + "/file"), (".git", outside)]
print("ready", flush=True)
pairs += [(name, os.path.relpath(target, os.path.dirname(name) or ".")) for name, target in pairs]
for name, target in itertools.cycle(pairs):
    swap(name, target)
"""
WORK = """
for d in part free src part/.vscode .vscode .git src/deep; do echo x > $d/new; echo x > $d/file; done
cat .env src/deep/* src/.ssh/* free/file; echo x > README.md
ln -s {outside} free/l$$ && echo x > free/l$$/new; cat free/l$$/../home/.ssh/id_rsa; rm -f free/l$$
"""


def test_swapped_names_lead_nowhere(place: Place) -> None:
    house = place.house
    inside_secret = (place.root / ".env").read_text()
    before = {path.name: path.read_text() for path in house.outside.iterdir()}
    argv = [house.drive.python, "-c", SWAPPING, str(place.root), str(house.outside), str(house.home)]
    runs = 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as swapping:
        try:
            assert swapping.stdout
            swapping.stdout.readline()
            end = time.monotonic() + RACE_S
            while runs < 3 or time.monotonic() < end:
                answer = house.drive.run(place.root, WORK.format(outside=house.outside), timeout_s=60)
                runs += 1
                assert inside_secret.strip() not in answer.output
                assert CANARY not in answer.output
        finally:
            swapping.kill()
    assert {path.name: path.read_text() for path in house.outside.iterdir()} == before
    assert (house.home / ".bashrc").read_text() == "# mine\n"
