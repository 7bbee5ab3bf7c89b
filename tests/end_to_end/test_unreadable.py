"""What an ordinary user may not read is left out and said."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.source import SOURCE_ROOT

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs modes of POSIX")

AS_NOBODY = """
import os, sys
from aiex.cli.main import run
folder, *words = sys.argv[1:]
for name in ("warm", "ws"):  # the libraries may lie where an ordinary user cannot read them
    os.environ.update({f"AIEX_{kind}_DIR": f"{folder}/own-{name}" for kind in ("CACHE", "CONFIG", "DATA", "STATE")})
    if name == "ws" and os.geteuid() == 0:
        os.setgid(65534); os.setuid(65534)
    sys.stdout.write("---"), sys.stderr.write("---")
    code = run([*words, "-C", f"{folder}/{name}"])
sys.exit(code)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """Two workspaces, `ws` of an ordinary user and a readable `warm` of the same files."""
    with tempfile.TemporaryDirectory() as made:
        for name in ("warm", "ws"):
            for part in "abcde":
                (Path(made) / name / part).mkdir(parents=True)
                (Path(made) / name / part / "code.py").write_text("def price():\n    return 1\n")
            (Path(made) / f"own-{name}").mkdir()
            (Path(made) / f"own-{name}").chmod(0o777)
        os.chmod(made, 0o755)
        try:
            yield Path(made)
        finally:
            for place in (Path(made, "ws"), *Path(made, "ws").iterdir()):
                place.chmod(0o755)


def run_as_nobody(folder: Path, *words: str) -> tuple[int, str, str]:
    """Exit code and both outputs of a command on `ws`."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(folder), *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE_ROOT, "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.rpartition("---")[2], done.stderr.rpartition("---")[2]


def test_directories_that_are_shut_are_named_once(folder: Path) -> None:
    for part in "abcd":
        (folder / "ws" / part).chmod(0)
    code, out, err = run_as_nobody(folder, "create", "index")
    assert (code, err) == (0, "warning: left out what cannot be read: a, b, c and 1 more\n")
    assert out.startswith("1 file read")


def test_files_that_are_shut_are_named_once(folder: Path) -> None:
    for part in "abcd":
        (folder / "ws" / part / "code.py").chmod(0)
    code, _out, err = run_as_nobody(folder, "create", "index")
    said = "left out 4 files that cannot be read: a/code.py, b/code.py, c/code.py and 1 more: permission denied"
    assert (code, err) == (0, f"warning: {said}\n")


@pytest.mark.parametrize("words", [("create", "index"), ("list", "context"), ("explain", ".")])
def test_a_workspace_that_is_shut_is_an_error(folder: Path, words: tuple[str, ...]) -> None:
    (folder / "ws").chmod(0o311)
    code, out, err = run_as_nobody(folder, *words)
    assert (code, out) == (74, "")
    assert f"cannot list the files of {folder}/ws: permission denied\nhint: " in err
