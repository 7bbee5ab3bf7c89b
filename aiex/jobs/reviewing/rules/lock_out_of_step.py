"""Dependencies that changed in the manifest and not in its lock file, or the other way round."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from aiex.jobs.reviewing.diff import Diff, FileChange
from aiex.jobs.reviewing.model import Hit, Rule
from aiex.jobs.reviewing.source import Source


class _Kind(NamedTuple):
    manifest: str
    locks: tuple[str, ...]
    needs: Callable[[str], Any]
    """What a manifest says of dependencies, to be compared; None when it cannot be read."""


def _of_json(text: str) -> Any:
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return [read.get(key) for key in _JSON_KEYS] if isinstance(read, dict) else None


def _of_toml(text: str) -> Any:
    try:
        return _dependencies(tomllib.loads(text))
    except ValueError:
        return None


def _dependencies(table: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a table that name what is needed, at any depth."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key.endswith("dependencies") or key in ("dependency-groups", "requires"):
            found[key] = value
        elif isinstance(value, Mapping):
            inner = _dependencies(value)
            if inner:
                found[key] = inner
    return found


def _of_lines(*signs: str) -> Callable[[str], Any]:
    return lambda text: [line.strip() for line in text.split("\n") if line.strip().startswith(signs)]


_JSON_KEYS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies", "overrides", "resolutions")
_KINDS = (
    _Kind("package.json", ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock"), _of_json),
    _Kind("pyproject.toml", ("uv.lock", "poetry.lock", "pdm.lock"), _of_toml),
    _Kind("Pipfile", ("Pipfile.lock",), _of_lines("")),
    _Kind("Cargo.toml", ("Cargo.lock",), _of_toml),
    _Kind("mix.exs", ("mix.lock",), _of_lines("{:")),
    _Kind("Gemfile", ("Gemfile.lock",), _of_lines("gem ", "gem(")),
    _Kind("composer.json", ("composer.lock",), lambda text: _of_json(text.replace('"require', '"dependencies', 1))),
)


def _find(diff: Diff) -> Iterator[Hit]:
    if not diff.has_base:
        return
    changes, paths = diff.by_path(), diff.known_paths()
    for change in diff.files:
        folder, _, name = change.path.rpartition("/")
        for kind in _KINDS:
            if name == kind.manifest and change.old is not None and change.new is not None:
                yield from _ask_lock(change, kind, changes, paths, folder)
            elif name in kind.locks and change.status == "modified":
                yield from _ask_manifest(change, kind, changes, folder)


def _ask_lock(
    change: FileChange, kind: _Kind, changes: Mapping[str, FileChange], paths: frozenset[str], folder: str
) -> Iterator[Hit]:
    lock = next((found for at in _upwards(folder) for name in kind.locks if (found := _join(at, name)) in paths), "")
    if not lock or lock in changes or change.old is None or change.new is None:
        return
    before, after = _needs(kind, change.old), _needs(kind, change.new)
    if before is not None and after is not None and before != after:
        yield Hit(change.path, 0, f"dependencies changed and {lock} did not", "write the lock file anew, and commit it")


def _ask_manifest(change: FileChange, kind: _Kind, changes: Mapping[str, FileChange], folder: str) -> Iterator[Hit]:
    inside = f"{folder}/" if folder else ""
    if not any(path.startswith(inside) and path.rpartition("/")[2] == kind.manifest for path in changes):
        message = f"the lock file changed and no {kind.manifest} did"
        yield Hit(change.path, 0, message, "fine for an update of what is locked", severity="note")


def _needs(kind: _Kind, source: Source) -> Any:
    return None if source.is_binary else kind.needs(source.text)


def _upwards(folder: str) -> Iterator[str]:
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


RULE = Rule(
    "warning",
    "Manifest and lock file out of step",
    "What is installed is what the lock file says: others get something else than what was tried here.",
    in_diff=_find,
)
