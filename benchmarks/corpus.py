"""Real code to measure on: the standard library of the running Python, laid out as a repository."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Iterator
from pathlib import Path

PACKAGES = (
    "asyncio", "collections", "concurrent", "ctypes", "curses", "dbm", "email", "encodings", "html", "http",
    "importlib", "json", "logging", "multiprocessing", "re", "sqlite3", "tomllib", "unittest", "urllib", "wsgiref",
    "xml", "xmlrpc", "zoneinfo",
)  # fmt: skip
TARGET = "email/message.py"
"""A file of about 1,000 lines with imports to and from other files of the corpus."""


def library_files() -> Iterator[Path]:
    """Python files of the standard library in path order, without tests and installed packages."""
    top = Path(sysconfig.get_path("stdlib"))
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top).parts
        if not {"site-packages", "test", "tests", "idlelib", "lib2to3", "__pycache__"} & set(parts):
            yield path


def small_repository(folder: Path, files: int = 200) -> Path:
    """A repository of `files` files that holds `TARGET`; the smaller files of the packages are left out first."""
    top = Path(sysconfig.get_path("stdlib"))
    chosen = [path for path in library_files() if path.relative_to(top).parts[0] in PACKAGES]
    chosen.sort(key=lambda path: (path.relative_to(top).as_posix() != TARGET, "encodings" in path.parts, path))
    for path in chosen[:files]:
        place = folder / path.relative_to(top)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return folder


def large_repository(folder: Path, files: int = 3_000) -> Path:
    """A repository of `files` different files: the library several times, each copy with a line of its own."""
    top = Path(sysconfig.get_path("stdlib"))
    library = list(library_files())
    for number in range(files):
        copy, path = divmod(number, len(library))
        place = folder / f"copy{copy}" / library[path].relative_to(top)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(library[path].read_bytes() + f"\n# copy {copy}\n".encode())
    return folder
