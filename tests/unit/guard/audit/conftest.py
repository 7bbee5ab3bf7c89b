"""A log of the test's own, and what a guard would write into it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from aiex.guard.actions import Action, Decision
from aiex.guard.audit.entries import Outcome
from aiex.guard.audit.heads import Head
from aiex.guard.audit.log import AuditLog, Places, find_places, open_keys
from aiex.guard.audit.reading import Found, Reading, Wanted
from aiex.guard.audit.verify import Checked, verify_log

STATUS = Action("command", "git status", {"cwd": "src"})
ALLOWED = Decision("allow", "built-in: safe commands", "built-in", "it only reads")
DENIED = Decision("deny", "deny command: rm", "user")


class Records(NamedTuple):
    """The places of one log, and short ways to use it."""

    folder: Path
    places: Places

    def open(self, **options: object) -> AuditLog:
        return AuditLog(self.places, **options)  # type: ignore[arg-type]

    def fill(self, count: int, session: str = "one") -> None:
        log = self.open()
        for number in range(count):
            log.append(session, Action("read", f"file{number}.py"), ALLOWED)
        log.close()

    def check(self, *, deep: bool = False, kept: tuple[Head, ...] = ()) -> Checked:
        places = self.places
        keys = open_keys(places)
        return verify_log(places.log, keys, head=places.head, lock=places.lock, deep=deep, kept=kept)

    def read(self, wanted: Wanted | None = None) -> list[Found]:
        return list(Reading(self.places.log, open_keys(self.places), wanted))

    def subjects(self, wanted: Wanted | None = None) -> list[str]:
        return [found.entry.action.subject if found.entry else "" for found in self.read(wanted)]

    def save(self) -> None:
        """Keep everything as it is now."""
        shutil.copytree(self.folder, self.folder.with_name("saved"), dirs_exist_ok=True)

    def put_back(self, *names: str) -> None:
        """Put files back as they were, all of them when none is named."""
        saved = self.folder.with_name("saved")
        for path in [path for path in saved.rglob("*") if path.is_file()]:
            if not names or path.name in names:
                shutil.copy2(path, self.folder / path.relative_to(saved))


@pytest.fixture
def records(tmp_path: Path) -> Records:
    folder = tmp_path / "own"
    environ = {"AIEX_DATA_DIR": str(folder / "data"), "AIEX_STATE_DIR": str(folder / "state")}
    return Records(folder, find_places(environ))


@pytest.fixture
def done() -> Callable[[int], Outcome]:
    return lambda seq: Outcome("done", seq, "exit code 0")
