"""The house: imports go down and never sideways, and each power has one home.

Drawn from the source itself, so an import inside a function counts like any other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import aiex

PACKAGE = Path(aiex.__file__).parent

FLOORS = (
    {"__main__"},
    {"_entry"},
    {"cli", "tui", "ops", "repl"},
    {"runs"},
    {"wiring"},
    {"jobs"},
    {"agent"},
    {"context", "llm", "sessions"},
    {"guard"},
)
"""From the roof down; whatever is not named stands on the ground floor."""

GROUND = len(FLOORS)
MOST_LINES = 500


class Line(NamedTuple):
    """One import or call, where it stands."""

    module: str
    path: Path
    number: int
    name: str

    def __str__(self) -> str:
        return f"{self.path.relative_to(PACKAGE.parent)}:{self.number} {self.name}"


@cache
def sources() -> dict[str, tuple[Path, ast.Module]]:
    """Module name -> file and syntax tree."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = (path, ast.parse(path.read_text(encoding="utf-8"), filename=str(path)))
    return found


@pytest.fixture(scope="module", autouse=True)
def forget_sources() -> Iterator[None]:
    """Let the syntax trees go at the end: each search for garbage after it would go through them for a second."""
    yield
    for kept in (sources, all_imports, all_calls):
        kept.cache_clear()


def imports_of(module: str) -> Iterator[Line]:
    path, tree = sources()[module]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Line(module, path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield Line(module, path, node.lineno, full if full in sources() else str(node.module))


@cache
def all_imports() -> tuple[Line, ...]:
    return tuple(line for module in sources() for line in imports_of(module))


@cache
def all_calls() -> tuple[Line, ...]:
    """Every call of something that has a name, as it is written."""
    return tuple(
        Line(module, path, node.lineno, ast.unparse(node.func))
        for module, (path, tree) in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute)
    )


def calls(wanted: Callable[[str], bool]) -> list[Line]:
    """Every call whose function, written as in the source, is wanted."""
    return [line for line in all_calls() if wanted(line.name)]


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def floor_of(module: str) -> int:
    return next((number for number, rooms in enumerate(FLOORS) if room_of(module) in rooms), GROUND)


def outside(lines: list[Line], *homes: str) -> list[str]:
    """Those that stand in none of the homes, ready to be read."""
    return [str(line) for line in lines if not any(f"{line.module}.".startswith(f"{home}.") for home in homes)]


def test_imports_go_down_and_never_sideways():
    wrong = []
    for line in all_imports():
        if not line.name.startswith("aiex."):
            continue
        ours, theirs = floor_of(line.module), floor_of(line.name)
        sideways = ours == theirs != GROUND and room_of(line.module) != room_of(line.name)
        if theirs < ours or sideways:
            wrong.append(str(line))
    assert wrong == []


def test_the_ground_floor_has_no_circles():
    below: dict[str, set[str]] = {}
    for line in all_imports():
        if line.name.startswith("aiex.") and floor_of(line.module) == floor_of(line.name) == GROUND:
            below.setdefault(line.module, set()).add(line.name)

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join((*trail, module))
        for lower in below.get(module, ()):
            visit(lower, (*trail, module))

    for module in below:
        visit(module, ())


LIBRARY_HOMES = {
    "click": ("aiex.cli",),
    "rich": ("aiex.cli", "aiex.tui"),
    "textual": ("aiex.tui",),
    "httpx2": ("aiex.llm.http", "aiex.agent.tools.fetch"),
    "tiktoken": ("aiex.tokens",),
    "tree_sitter": ("aiex.context", "aiex.guard.commands"),
    "sqlite3": ("aiex.sqlite", "aiex.context", "aiex.llm.stores", "aiex.sessions", "aiex.guard"),
    "psycopg": ("aiex.sessions.stores",),
    "subprocess": ("aiex.guard.sandbox",),
    "pty": ("aiex.guard.sandbox",),
    "ctypes": ("aiex.guard.sandbox", "aiex.cli.checkup", "aiex.sqlite"),
    "shutil": ("aiex.guard.sandbox", "aiex.cli", "aiex.tui"),
}


@pytest.mark.parametrize("library", sorted(LIBRARY_HOMES))
def test_a_library_has_its_home(library):
    users = [line for line in all_imports() if line.name.split(".")[0] == library]
    assert outside(users, *LIBRARY_HOMES[library]) == []


def test_no_module_uses_a_library_that_is_not_meant_for_it():
    """`requests`, `httpx` and friends are installed by others; they are not ours to use."""
    foreign = {"requests", "urllib3", "httpx", "pydantic", "regex", "attrs", "pkg_resources", "setuptools"}
    assert [str(line) for line in all_imports() if line.name.split(".")[0] in foreign] == []


OPENERS = {"open", "io.open", "os.open", "os.fdopen", "codecs.open", "path.open", "Path.open"}
READERS = {"read_text", "read_bytes", "write_text", "write_bytes", "unlink", "rmtree", "copyfile", "copytree"}
OWN_FILES = (
    "aiex._entry",  # packaged help
    "aiex.cli",  # packaged help and scripts, standard streams
    "aiex.context.languages",  # its own queries
    "aiex.templates",  # packaged prompts
    "aiex.plugins",  # sources of the package
    "aiex.tokens",  # packaged vocabularies
    "aiex.llm.tape",  # recordings, where the person says
    "aiex.settings",
    "aiex.configfile",
    "aiex.settingdocs",
    "aiex.dirs",
    "aiex.llm.catalogue",  # packaged and fetched model lists
    "aiex.llm.cataloguing",
    "aiex.llm.discovery",
    "aiex.sqlite",
    "aiex.telemetry",
)
"""Modules beside the guard that may open files: the package's own data, settings and state, never a workspace."""


def test_only_the_guard_opens_files_of_a_workspace():
    opened = calls(lambda name: name in OPENERS or name.split(".")[-1] in READERS)
    assert outside(opened, "aiex.guard", *OWN_FILES) == []


def test_only_the_sandbox_starts_processes():
    started = calls(
        lambda name: (
            name.startswith(("os.exec", "os.spawn", "os.posix_spawn", "os.fork", "subprocess."))
            or name in {"os.system", "os.popen"}
        )
    )
    assert outside(started, "aiex.guard.sandbox") == []


def test_only_the_door_prints():
    printed = calls(
        lambda name: name in {"print", "click.echo", "click.secho", "input", "sys.stdout.write", "sys.stderr.write"}
    )
    assert outside(printed, "aiex.cli", "aiex._entry", "aiex.settingdocs", "aiex.llm.cataloguing") == []


def test_only_a_door_starts_an_event_loop():
    started = calls(lambda name: name in {"asyncio.run", "asyncio.new_event_loop", "asyncio.Runner"})
    assert outside(started, "aiex.cli", "aiex.tui", "aiex.ops", "aiex.repl") == []


def test_every_module_says_in_its_first_line_what_it_is():
    silent = [
        name for name, (_, tree) in sources().items() if not (ast.get_docstring(tree) or "").split("\n")[0].strip()
    ]
    assert silent == []


def test_modules_stay_small():
    sizes = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, (path, _) in sources().items()}
    assert {name: size for name, size in sizes.items() if size > MOST_LINES} == {}


def test_nothing_of_the_package_is_imported_that_is_not_there():
    missing = [str(line) for line in all_imports() if line.name.startswith("aiex.") and line.name not in sources()]
    assert missing == []


def test_the_standard_library_alone_carries_the_ground_floor():
    allowed = {"aiex", "platformdirs", "tiktoken", *sys.stdlib_module_names}
    ground = [line for line in all_imports() if floor_of(line.module) == GROUND]
    assert [str(line) for line in ground if line.name.split(".")[0] not in allowed] == []
