"""A machine to escape from: a home with secrets, a workspace, and commands that run confined, as root or as nobody."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from aiex.guard.sandbox.probing import backends
from tests.fakes.confined import NOBODY, Answer, Driver, driver, possible_backends, python_for

CONFINING = [name for name in possible_backends() if name not in ("plain", "seatbelt")]
CANARY = "canary-4711-secret"
PLACES = ("/srv", "/opt", "/var/lib")
"""Outside of what is private to a command anyway, such as the directory for temporary files."""


@dataclass
class House:
    """Where a driver works."""

    base: Path
    drive: Driver
    numbers: Iterator[int]
    uid: int

    @property
    def home(self) -> Path:
        return self.base / "home"

    @property
    def outside(self) -> Path:
        return self.base / "outside"

    def refurnish(self) -> None:
        """Bring home and outside back to how they were."""
        for folder in (self.home, self.outside):
            shutil.rmtree(folder)
        _furnish(self.base)
        self.give(self.home, self.outside)

    def give(self, *paths: Path) -> None:
        """Make them, and what lies in them, the user's own."""
        if os.geteuid() == 0:
            subprocess.run(["chown", "-hR", f"{self.uid}:{self.uid}", *paths], check=True)


@dataclass
class Place:
    """One workspace of a house."""

    house: House
    root: Path

    def write(self, path: str, text: str = "") -> Path:
        """A file of the workspace."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        self.house.give(self.root)
        return target

    def run(self, command: str | list[str], **more: object) -> Answer:
        """Run a command there, confined."""
        answer = self.house.drive.run(self.root, command, **more)
        assert not answer.error, answer.error
        return answer

    def python(self, program: str, **more: object) -> Answer:
        """Run a Python program there, confined."""
        return self.run([self.house.drive.python, "-I", "-c", program], **more)


def _users() -> list[str]:
    return ["root", "ordinary"] if os.name == "posix" and os.geteuid() == 0 else ["ordinary"]


@pytest.fixture(scope="module", params=[(name, user) for name in CONFINING for user in _users()], ids="-".join)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """One for each backend and user; skipped where the backend does not work."""
    backend, user = request.param
    probe = next(one for one in backends() if one.name == backend).probe()
    if not probe.works:
        pytest.skip(f"{backend} does not work here: {probe.reason}")
    uid = NOBODY if user == "ordinary" and os.geteuid() == 0 else os.geteuid()
    python = python_for(uid)
    if not python:
        pytest.skip("there is no Python that an ordinary user can run")
    folder = next((place for place in PLACES if os.access(place, os.W_OK)), None)
    base = Path(tempfile.mkdtemp(prefix="aiex-escape-", dir=folder))
    try:
        environ = _furnish(base)
        if uid != os.geteuid():
            subprocess.run(["chown", "-R", f"{uid}:{uid}", base], check=True)
        with driver(python, backend, uid, environ) as drive:
            yield House(base, drive, itertools.count(), uid)
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _furnish(base: Path) -> dict[str, str]:
    base.chmod(0o755)
    for name, text in {
        "home/.ssh/id_rsa": CANARY,
        "home/.ssh/config": CANARY,
        "home/.aws/credentials": CANARY,
        "home/.netrc": CANARY,
        "home/.config/gh/hosts.yml": CANARY,
        "home/.bash_history": CANARY,
        "home/.bashrc": "# mine\n",
        "outside/file": "outside\n",
        "state/keys": CANARY,
        "data/keys": CANARY,
    }.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    places = {f"AIEX_{kind.upper()}_DIR": str(base / kind) for kind in ("state", "data", "cache", "config")}
    secrets = {"OPENAI_API_KEY": CANARY, "AWS_SECRET_ACCESS_KEY": CANARY, "GITHUB_TOKEN": CANARY, "MY_DATABASE": CANARY}
    return {"HOME": str(base / "home"), **places, **secrets}


@pytest.fixture
def place(house: House) -> Place:
    """A workspace with a repository, code, secrets and settings of an editor."""
    found = Place(house, house.base / f"ws{next(house.numbers)}")
    for name, text in {
        "README.md": "readme\n",
        "free/app.py": "print('hi')\n",
        "src/app.py": "print('hi')\n",
        ".env": f"KEY={CANARY}\n",
        "src/deep/.env.local": f"KEY={CANARY}\n",
        "src/deep/notes.txt": "notes\n",
        ".vscode/settings.json": "{}\n",
        ".git/config": "[core]\n",
        ".git/HEAD": "ref: refs/heads/main\n",
        ".git/hooks/sample": "#!/bin/sh\n",
        "part/.vscode/tasks.json": "{}\n",
        "part/code.py": "1\n",
    }.items():
        path = found.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    house.give(found.root)
    return found


@pytest.fixture
def snapshot(place: Place) -> Callable[[], dict[str, str]]:
    """Reads what lies outside the workspace: names and contents."""

    def read() -> dict[str, str]:
        found = {}
        for top in (place.house.outside, place.house.home):
            for path in sorted(top.rglob("*")):
                mode = oct(path.lstat().st_mode)
                found[str(path)] = f"{mode} {path.read_text() if path.is_file() else ''}"
        return found

    return read
