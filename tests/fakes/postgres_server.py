"""A PostgreSQL server of the tests' own: in a temporary folder, at a socket there, as an ordinary user."""

from __future__ import annotations

import atexit
import glob
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.fakes.memory import find_memory

PLACES: Final = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")
USERS: Final = ("postgres", "nobody")
"""Whose rights the server gets where the tests run as root, which it refuses."""
SETTINGS: Final = "-c listen_addresses= -c shared_buffers=16MB -c max_connections=40 -c autovacuum=off"


class NoServer(Exception):
    """Why there is none."""


class PostgresServer:
    """A running server; every address it gives leads to tables of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def new_address(self) -> str:
        """An empty place for a store."""
        import psycopg

        self._count += 1
        name = f"place{self._count}"
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f"create schema {name}")
        return self.address(f" options='-c search_path={name}'")

    def address(self, more: str = "") -> str:
        return f"host={self.folder} dbname=postgres user=aiex{more}"


@cache
def shared_server() -> PostgresServer:
    """One server for all tests of this process, stopped with it. Raises NoServer."""
    with ExitStack() as stack:
        server = stack.enter_context(run_postgres())
        atexit.register(stack.pop_all().close)
        return server


@contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Raises NoServer where there is no server program, or no driver."""
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise NoServer("psycopg is not installed") from error
    folder = Path(tempfile.mkdtemp(prefix="aiex-pg-", dir=find_memory()))  # a socket's path is short
    try:
        rights = _find_rights()
        if rights:
            shutil.chown(folder, rights["user"], rights["group"])
        _run("initdb", "-D", folder / "data", "-A", "trust", "-U", "aiex", "-E", "UTF8", "--no-sync", **rights)
        options = f"-k {folder} {SETTINGS}"
        log = folder / "server.log"
        _run("pg_ctl", "-D", folder / "data", "-l", log, "-o", options, "-w", "start", **rights)
        try:
            yield PostgresServer(folder)
        finally:
            _run("pg_ctl", "-D", folder / "data", "-m", "immediate", "-w", "stop", **rights)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(program: str, *arguments: str | Path, **rights: Any) -> None:
    done = subprocess.run(
        [_find(program), *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,  # a server would keep a pipe open
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
        cwd="/",
        check=False,
        **rights,
    )
    if done.returncode:
        raise NoServer(f"{program} failed: {(done.stdout or b'').decode(errors='replace')[-500:]}")


def _find(program: str) -> str:
    if sys.platform == "win32":
        raise NoServer("servers on sockets are for POSIX systems")
    folders = [folder for place in PLACES for folder in sorted(glob.glob(place), reverse=True)]
    found = shutil.which(program, path=os.pathsep.join([*folders, os.environ.get("PATH", "")]))
    if found is None:
        raise NoServer(f"PostgreSQL is not installed: no {program}")
    return found


def _find_rights() -> dict[str, str]:
    """What a child process is started with, so that it is not root's."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return {}
    import grp
    import pwd

    for user in USERS:
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            continue
        return {"user": user, "group": grp.getgrgid(entry.pw_gid).gr_name}
    raise NoServer("there is no user to run a server as")
