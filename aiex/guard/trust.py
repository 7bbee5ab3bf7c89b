"""Which workspaces a person trusts to configure Aiex, bound to exactly what they configure.

Trust covers the bytes of everything in `COUNTED`: what would configure Aiex or run. When one of these files changes,
appears or goes, the workspace is not trusted until the person says so again. A record is one small file for each
workspace, so two processes never overwrite each other.
"""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Final

from aiex import dirs
from aiex.digest import fingerprint
from aiex.errors import AiexError, Conflict, NotSignedIn, StoreError
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.guard.sandbox.files import Workspace

FOLDER: Final = ".aiex"
LIMIT_BYTES: Final = 1_000_000
"""A larger file is no configuration; it is treated as unreadable."""
MOST_FILES: Final = 2_000
"""In one place that counts; with more of them nobody could know what they trust."""


@record
class Counted:
    """A place whose files would configure Aiex, or run, once the workspace is trusted."""

    path: str
    """A directory or one file, relative to the root."""
    endings: tuple[str, ...] = ("",)
    """Of the names that count; all by default."""
    deep: bool = False
    """What lies in directories beneath counts as well."""


COUNTED: Final[tuple[Counted, ...]] = (Counted(FOLDER, (".toml",)),)
"""Everything that counts. What runs something of a project adds its place here before it reads it: an entry more ends
no trust in workspaces that have no such files, and is never taken out again."""


@record
class ProjectFiles:
    """What a project would configure, read once: the same bytes are judged and used."""

    root: str
    """Real path of the workspace."""
    contents: Mapping[str, bytes]
    """By path relative to the root, such as `.aiex/config.toml`."""
    problems: Mapping[str, AiexError]
    """Files that are there but cannot be read; while there is one, nothing is trusted."""

    def read(self, path: str) -> bytes | None:
        """The bytes of a file, None when it is missing: the reader that `settings.load` wants."""
        if path in self.problems:
            raise self.problems[path]
        return self.contents.get(path)

    @property
    def digest(self) -> str:
        """A fingerprint of names and bytes; it changes when any of them does."""
        parts = [f"{os.fsencode(path).hex()} {fingerprint(self.contents[path], size_bytes=32)}" for path in self.paths]
        return fingerprint("\n".join(parts).encode(), size_bytes=32)

    @property
    def paths(self) -> tuple[str, ...]:
        """The files that count, sorted."""
        return tuple(sorted(self.contents))


def project_files(
    root: str, *, workspace: Workspace | None = None, counted: Sequence[Counted] = COUNTED
) -> ProjectFiles:
    """Read what the project at `root` would configure or run, through the guard.

    Args:
        root: The workspace.
        workspace: The way to its files; a new one when None.
        counted: What counts; everything by default, and nobody asks for less.
    """
    present = [place for place in counted if os.path.lexists(os.path.join(root, place.path))]
    if not present:
        return ProjectFiles(os.path.realpath(root), {}, {})
    from aiex.guard.sandbox.files import Workspace as Files

    files = workspace or Files(root)
    contents: dict[str, bytes] = {}
    problems: dict[str, AiexError] = {}
    for place in present:
        for path in _paths_in(files, place, problems):
            try:
                contents[path] = files.read(path, limit_bytes=LIMIT_BYTES)
            except AiexError as error:
                problems[path] = error
    return ProjectFiles(files.root, contents, problems)


def _paths_in(files: Workspace, place: Counted, problems: dict[str, AiexError]) -> list[str]:
    """The files of a place that count; a directory that cannot be listed is a problem."""
    from aiex.guard.sandbox.files import Missing, NotADirectory

    found: list[str] = []
    folders = [place.path]
    for folder in folders:
        try:
            entries = files.scan(folder)
        except Missing:
            continue
        except NotADirectory:
            found += [folder] if folder == place.path and place.endings == ("",) else []
            continue
        except AiexError as error:
            problems[_name_of_problem(folder)] = error
            continue
        folders += [f"{folder}/{entry.name}" for entry in entries if place.deep and entry.kind == "dir"]
        found += [
            f"{folder}/{entry.name}"
            for entry in entries
            if entry.name.endswith(place.endings) and not (place.deep and entry.kind == "dir")
        ]
        if len(found) + len(folders) > MOST_FILES:
            problems[place.path] = StoreError(f"there are more than {MOST_FILES:,} files in {place.path}")
            return []
    return found


def _name_of_problem(folder: str) -> str:
    return f"{FOLDER}/config.toml" if folder == FOLDER else folder


def is_trusted(root: str, files: ProjectFiles | None = None) -> bool:
    """Whether a person trusted exactly what the project configures now.

    Pass `files` when they are used afterwards: then nothing can change between the judgement and the use.
    """
    files = files or project_files(root)
    return not files.problems and _recorded_digest(files.root) == files.digest


def trust(root: str, *, seen: ProjectFiles | None = None) -> ProjectFiles:
    """Trust what the project configures.

    Args:
        root: The workspace.
        seen: What the person was shown; trust fails when the files are others by now.

    Raises:
        Conflict: if the files changed since they were shown.
        NotSignedIn: if one of them cannot be read, so nobody can know what it says.
        StoreError: if the record cannot be written.
    """
    files = project_files(root)
    for path, problem in files.problems.items():
        raise NotSignedIn(f"cannot trust {files.root}: {path} cannot be read", hint=problem.message) from problem
    if seen is not None and seen.digest != files.digest:
        raise Conflict(f"cannot trust {files.root}: its settings changed while you looked", hint="look again")
    _write_record(_record_path(files.root), {"root": files.root, "digest": files.digest, "files": list(files.paths)})
    return files


def distrust(root: str) -> bool:
    """Take trust back; False when there was none."""
    try:
        os.unlink(_record_path(os.path.realpath(root)))
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"cannot take back trust in {root}: {error.strerror}") from error
    return True


def trusted_roots() -> tuple[str, ...]:
    """The workspaces with a record, sorted; their files may have changed since."""
    try:
        names: Sequence[str] = os.listdir(_folder())
    except FileNotFoundError:
        return ()
    records = (_read_record(os.path.join(_folder(), name)) for name in names if name.endswith(".json"))
    return tuple(sorted(str(found["root"]) for found in records if found))


def _recorded_digest(real_root: str) -> str:
    found = _read_record(_record_path(real_root))
    return str(found["digest"]) if found.get("root") == real_root else ""


def _folder() -> str:
    return os.path.join(dirs.data_dir(), "trust")


def _record_path(real_root: str) -> str:
    return os.path.join(_folder(), f"{fingerprint(os.fsencode(real_root))}.json")


def _read_record(path: str) -> Mapping[str, object]:
    """A record that only we could have written; empty when it is missing, damaged or open to others."""
    try:
        with open(path, "rb") as source:
            if _is_open_to_others(os.fstat(source.fileno())):
                return {}
            found = json.loads(source.read())
    except (OSError, ValueError):
        return {}
    complete = isinstance(found, dict) and isinstance(found.get("root"), str) and isinstance(found.get("digest"), str)
    return found if complete else {}


def _is_open_to_others(found: os.stat_result) -> bool:
    if not hasattr(os, "geteuid"):
        return False
    return found.st_uid != os.geteuid() or bool(found.st_mode & (stat.S_IWGRP | stat.S_IWOTH))


def _write_record(path: str, content: Mapping[str, object]) -> None:
    from aiex.jsonform import dump

    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        dirs.ensure(os.path.dirname(path))
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(dump(content).encode() + b"\n")
            target.flush()
            os.fsync(target.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}", hint="check that its directory is yours") from error
