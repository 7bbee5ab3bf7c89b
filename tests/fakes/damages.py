"""What befalls a store between two runs, and what a process is not allowed: one list for every kind of store."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def write_text(path: Path) -> None:
    path.write_text("to do: buy milk\n" * 500)


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("")


def flip_pages(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for start in range(4096, len(content), 4096):
        content[start : start + 64] = b"\xa5" * 64
    path.write_bytes(content)


def make_newer(path: Path) -> None:
    with sqlite3.connect(path) as store:
        store.execute("pragma user_version = 99")
    store.close()


def need_newer_sqlite(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[18] = 9  # file format write version, sqlite.org/fileformat2.html
    path.write_bytes(content)


def drop_tables(path: Path) -> None:
    with sqlite3.connect(path) as store:
        for table in ("facts", "items", "kept", "counts", "blocks", "seen"):
            store.execute(f"drop table if exists {table}")
    store.close()


def damage_side_file(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 9_000)
    Path(f"{path}-wal").write_bytes(b"7\x7f\x06\x82" + b"\xff" * 5_000)


DAMAGES: Final = (
    truncate,
    zero,
    write_text,
    make_directory,
    flip_pages,
    make_newer,
    need_newer_sqlite,
    drop_tables,
    damage_side_file,
)

AS_NOBODY = """
import os
if os.geteuid() == 0:
    os.chdir("."), os.setgid(65534), os.setuid(65534)
"""
SMALL_FILES = """
import resource, signal, sys
sys.dont_write_bytecode = True  # or compiled modules would be cut for everybody
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""
