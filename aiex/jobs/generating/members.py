"""The packages of a repository: uv and poetry, npm, pnpm and yarn, cargo, go work, Elixir umbrellas; nothing is run."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from aiex.jobs.briefing.names import role_of
from aiex.jobs.generating.model import Ecosystem, Member

MANIFESTS: dict[str, Ecosystem] = {
    "pyproject.toml": "python",
    "setup.py": "python",
    "setup.cfg": "python",
    "package.json": "node",
    "Cargo.toml": "cargo",
    "go.mod": "go",
    "mix.exs": "mix",
}
Read = Callable[[str], str]
"""The text of a file by its path; empty where there is none."""


class Packages(NamedTuple):
    """What there is to choose from."""

    members: tuple[Member, ...]
    """By folder; a root that only binds others together is none."""
    binders: tuple[Member, ...]
    """Roots of workspaces that hold no code of their own by their manifest."""


class _Said(NamedTuple):
    """What one manifest says."""

    name: str
    is_package: bool
    """Whether it describes a package, and not only a workspace."""
    globs: tuple[str, ...] | None
    """Folders of members, `!` before those that are none; None where it is no workspace."""


def find_packages(paths: Sequence[str], read: Read) -> Packages:
    """The packages by their manifests, those beneath tests, examples and documentation left out.

    In a workspace those count that it names, and its root where that is a package.
    """
    found: dict[tuple[str, Ecosystem], Member] = {}
    binders: list[Member] = []
    rules: list[tuple[str, Ecosystem, tuple[str, ...]]] = []
    for path in sorted(paths, key=lambda one: (one.count("/"), _rank(one), one)):
        folder, _, name = path.rpartition("/")
        if name == "go.work":
            rules.append((folder, "go", tuple(_go_uses(read(path)))))
        ecosystem = MANIFESTS.get(name)
        if ecosystem is None or (folder and role_of(f"{folder}/x.c", "c") != "code") or (folder, ecosystem) in found:
            continue
        said = _say(path, ecosystem, read)
        member = Member(folder, said.name or folder.rpartition("/")[2], ecosystem, path)
        if said.globs is not None:
            rules.append((folder, ecosystem, said.globs))
        if said.is_package:
            found[folder, ecosystem] = member
        else:
            binders.append(member)
    members = [one for one in found.values() if _belongs(one, rules)]
    return Packages(tuple(sorted(members, key=lambda one: one.folder)), tuple(binders))


def _rank(path: str) -> int:
    return [*MANIFESTS].index(name) if (name := path.rpartition("/")[2]) in MANIFESTS else len(MANIFESTS)


def _belongs(member: Member, rules: Iterable[tuple[str, Ecosystem, tuple[str, ...]]]) -> bool:
    """Whether a package is no stranger beneath the root of a workspace."""
    for folder, ecosystem, globs in rules:
        if ecosystem != member.ecosystem or member.folder == folder:
            continue
        if folder and not member.folder.startswith(folder + "/"):
            continue
        inner = member.folder[len(folder) :].strip("/")
        wanted = any(_matches(inner, glob) for glob in globs if not glob.startswith("!"))
        return wanted and not any(_matches(inner, glob[1:]) for glob in globs if glob.startswith("!"))
    return True


def _matches(folder: str, glob: str) -> bool:
    parts = [part for part in glob.strip("/").removeprefix("./").split("/") if part]
    pattern = "/".join(".*" if part == "**" else re.escape(part).replace(r"\*", "[^/]*") for part in parts)
    return re.fullmatch(pattern.replace("/.*", "(?:/.*)?"), folder) is not None


# --- manifests ------------------------------------------------------------------------------------------------------


def _say(path: str, ecosystem: Ecosystem, read: Read) -> _Said:
    try:
        return _READERS[ecosystem](path, read)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return _Said("", True, None)


def table(data: Any, *keys: str) -> dict[str, Any]:
    """A table inside a table; empty where there is none."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def _python(path: str, read: Read) -> _Said:
    text = read(path)
    if path.endswith("setup.py"):
        named = re.search(r"""\bname\s*=\s*["']([\w.-]+)["']""", text)
        return _Said(named[1] if named else "", True, None)
    if path.endswith("setup.cfg"):
        named = re.search(r"(?m)^name\s*=\s*([\w.-]+)", text)
        return _Said(named[1] if named else "", True, None)
    data = read_toml(text)
    name = table(data, "project").get("name") or table(data, "tool", "poetry").get("name") or ""
    workspace = table(data, "tool", "uv").get("workspace")
    if not isinstance(workspace, dict):
        return _Said(str(name), True, None)
    excluded = tuple(f"!{one}" for one in _strings(workspace.get("exclude")))
    is_package = bool(name) and table(data, "tool", "uv").get("package") is not False
    return _Said(str(name), is_package, (*_strings(workspace.get("members")), *excluded))


def read_toml(text: str) -> dict[str, Any]:
    """The tables of a manifest. Raises ValueError where it is damaged."""
    from aiex.configfile import read_toml as read

    return read(text)


def _node(path: str, read: Read) -> _Said:
    data = json.loads(read(path) or "{}")
    folder = path.removesuffix("package.json")
    workspaces = data.get("workspaces")
    globs = _strings(workspaces.get("packages") if isinstance(workspaces, dict) else workspaces)
    pnpm = read(f"{folder}pnpm-workspace.yaml")
    if pnpm:
        globs = tuple(_pnpm_globs(pnpm))
    is_workspace = bool(pnpm) or workspaces is not None
    runs = any(key in data for key in ("main", "exports", "module", "bin", "types"))
    return _Said(str(data.get("name") or ""), runs or not is_workspace, globs if is_workspace else None)


def _pnpm_globs(text: str) -> Iterator[str]:
    is_inside = False
    for line in text.splitlines():
        if re.match(r"\S", line):
            is_inside = line.startswith("packages:")
        elif is_inside and (item := re.match(r"""\s*-\s*["']?([^"'#]+)["']?""", line)):
            yield item[1].strip()


def _cargo(path: str, read: Read) -> _Said:
    data = read_toml(read(path))
    name = str(table(data, "package").get("name") or "")
    if "workspace" not in data:
        return _Said(name, True, None)
    workspace = table(data, "workspace")
    excluded = tuple(f"!{one}" for one in _strings(workspace.get("exclude")))
    return _Said(name, "package" in data, (*_strings(workspace.get("members")), *excluded))


def _go(path: str, read: Read) -> _Said:
    named = re.search(r"(?m)^module\s+\"?([^\s\"]+)", read(path))
    return _Said(named[1] if named else "", True, None)


def _go_uses(text: str) -> Iterator[str]:
    bare = re.sub(r"//[^\n]*", "", text)
    for block, single in re.findall(r"(?m)^use\s*(?:\(([^)]*)\)|(\S+))", bare):
        yield from (one.strip('"').removeprefix("./") or "." for one in (block or single).split())


def _mix(path: str, read: Read) -> _Said:
    text = read(path)
    apps = re.search(r"""\bapps_path:\s*["']([^"']+)["']""", text)
    if apps:
        return _Said("", False, (f"{apps[1]}/*",))
    named = re.search(r"\bapp:\s*:(\w+)", text)
    return _Said(named[1] if named else "", True, None)


_READERS: dict[Ecosystem, Callable[[str, Read], _Said]] = {
    "python": _python,
    "node": _node,
    "cargo": _cargo,
    "go": _go,
    "mix": _mix,
}
