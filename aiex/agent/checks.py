"""The checks of a project: tests, linters and type checkers that it is set up for, or that the settings name."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from aiex.agent.recognising import recognise
from aiex.errors import AiexError
from aiex.patterns import late
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiex.guard.sandbox.files import Workspace
    from aiex.settings import Settings

LIMIT_BYTES: Final = 1 << 20
"""A larger file says nothing here."""
_NO_TEST: Final = "no test specified"
"""In the script that `npm init` writes."""
_PYTEST: Final = late(r"\bpytest\b")
_PYTHON_FILES: Final = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "setup.py",
                        "requirements.txt", "requirements-dev.txt", "dev-requirements.txt")  # fmt: skip
_MANIFESTS: Final = frozenset((*_PYTHON_FILES, "package.json", "Cargo.toml", "go.mod", "mix.exs"))
"""A folder that has one is a package of its own."""
_MAKEFILES: Final = ("GNUmakefile", "makefile", "Makefile")
_LOCKS: Final = {"pnpm-lock.yaml": "pnpm", "yarn.lock": "yarn", "bun.lock": "bun", "bun.lockb": "bun"}
_TARGET: Final = late(r"^(test|check)\s*:(?!=)", re.MULTILINE)


@record
class Check:
    """A command whose exit code says whether the work is good."""

    name: str
    """As `recognise` names it, else the command itself."""
    command: str
    """For bash, in the root of the workspace."""
    required: bool
    """Without it nothing is done: tests, and whatever a person named."""
    source: str
    """The file that speaks of it, or `settings`."""
    folder: str = ""
    """The package that it is about; empty for the whole workspace."""


def find_checks(
    workspace: Workspace, settings: Settings, *, trusted: bool = False, edited: Iterable[str] = ()
) -> tuple[Check, ...]:
    """The checks that the settings name, else those that the files are set up for; nothing is run.

    Those of the root come first. For each edited file those of the nearest package around it follow, as far as the root
    has none of their kind: where `make test` or `pytest` of the root is there, it is taken to run all that is its own.

    Args:
        workspace: Its files.
        settings: `checks.commands` takes the place of everything that would be found.
        trusted: Whether a project's own settings count.
        edited: Paths relative to the root.

    Cost: a listing, and a read of at most a dozen small files, for the root and each folder above an edited file.
    """
    commands = settings.get("checks.commands")
    if commands and (trusted or settings.origin("checks.commands").source != "project"):
        return tuple(Check(recognise(command) or command, command, True, "settings") for command in commands)
    root = _Finding(workspace)
    found = list(root.find())
    tested = root.tested()
    if "make" not in tested:
        for package in sorted(_packages(root, edited, tested), key=lambda one: one.folder):
            found += (_within(package.folder, check) for check in package.find(tested) if check.required)
    return tuple(found)


def _packages(root: _Finding, edited: Iterable[str], tested: frozenset[str]) -> set[_Finding]:
    """The nearest folders around edited files that have tests of a kind that the root has none of."""
    known: dict[str, _Finding] = {"": root}
    covered = tested | {"make"} if tested else tested

    def look(folder: str) -> _Finding:
        if folder not in known:
            known[folder] = _Finding(root.workspace, folder, look(folder.rpartition("/")[0]))
        return known[folder]

    found: set[_Finding] = set()
    for path in edited:
        folder = path.rpartition("/")[0]
        while folder and not folder.startswith("/"):
            one = look(folder)
            if one.is_package and one.tested() - covered:
                found.add(one)
                break
            folder = folder.rpartition("/")[0]
    return found


def _within(folder: str, check: Check) -> Check:
    """A check of a package, for bash in the root."""
    return Check(check.name, enter(folder) + check.command, check.required, f"{folder}/{check.source}", folder)


def enter(folder: str) -> str:
    """How a command line begins that is about a folder."""
    return f"cd {shlex.quote(folder if folder[0] != '-' else f'./{folder}')} && "


class _Finding:
    """Looks at what lies in one folder, the root unless told."""

    def __init__(self, workspace: Workspace, folder: str = "", above: _Finding | None = None) -> None:
        self.workspace = workspace
        self.folder = folder
        self._above = above
        self._names = self._list(".")
        self._texts: dict[str, str] = {}

    @property
    def is_package(self) -> bool:
        """Whether the folder stands for itself; one with a Makefile does where nothing above has tests."""
        return not self._names.isdisjoint((*_MANIFESTS, *_MAKEFILES))

    def tested(self) -> frozenset[str]:
        """The kinds of project that it has tests of, or `make`."""
        kinds = frozenset(kind for kind, look in self._kinds().items() if any(check.required for check in look()))
        return kinds or (frozenset(["make"]) if any(self._make()) else kinds)

    def find(self, without: frozenset[str] = frozenset()) -> Iterator[Check]:
        """Its checks but for some kinds; targets of `make` where nothing else tests, here or by those kinds."""
        is_tested = bool(without)
        for kind, look in self._kinds().items():
            for check in look() if kind not in without else ():
                is_tested = is_tested or check.required
                yield check
        if not is_tested:
            yield from self._make()

    def _kinds(self) -> Mapping[str, Callable[[], Iterator[Check]]]:
        return {
            "python": self._python, "node": self._node, "cargo": self._cargo, "go": self._go, "mix": self._mix,
        }  # fmt: skip

    def _whole(self, name: str) -> str:
        return f"{self.folder}/{name}" if self.folder else name

    def _list(self, folder: str) -> frozenset[str]:
        try:
            return frozenset(self.workspace.list(self._whole(folder)))
        except AiexError:
            return frozenset()

    def _read(self, name: str) -> str:
        """The text of a file in the folder; empty when it is missing, too large or not to be read."""
        if name not in self._texts:
            try:
                is_there = name.partition("/")[0] in self._names
                data = self.workspace.read(self._whole(name), limit_bytes=LIMIT_BYTES) if is_there else b""
            except AiexError:
                data = b""
            self._texts[name] = data.decode("utf-8", "replace")
        return self._texts[name]

    # --- Python -------------------------------------------------------------------------------------------------------

    def _python(self) -> Iterator[Check]:
        source = next((name for name in _PYTHON_FILES if _PYTEST.search(self._read(name))), "")
        source = source or next((name for name in ("conftest.py", "tests/conftest.py") if self._read(name)), "")
        if source:
            yield Check("pytest", self._module("pytest", "-q"), True, source)
        elif found := self._plain_tests():
            path, text = found
            is_plain = "unittest" in text and not _PYTEST.search(text)
            folder = path.rpartition("/")[0]
            plain = f"discover -s {folder} -t ." if folder else "discover"
            command = self._module("unittest", plain) if is_plain else self._module("pytest", "-q")
            yield Check("unittest" if is_plain else "pytest", command, True, path)
        project, setup = self._read("pyproject.toml"), self._read("setup.cfg")
        if source := self._configured("[tool.ruff", project, ("ruff.toml", ".ruff.toml")):
            yield Check("ruff", self._program("ruff", "check ."), False, source)
        if source := self._configured("[tool.mypy", project, ("mypy.ini", ".mypy.ini")) or (
            "setup.cfg" if "[mypy" in setup else ""
        ):
            says = re.search(r"^(files|packages|modules)\s*=", self._read(source), re.MULTILINE)
            yield Check("mypy", self._program("mypy", "" if says else "."), False, source)

    def _plain_tests(self) -> tuple[str, str] | None:
        """A test file of Python where nothing says how tests are run, and its text."""
        for folder in ("", "tests", "test"):
            names = self._names if not folder else self._list(folder) if folder in self._names else ()
            for name in sorted(names):
                if name.startswith("test_") and name.endswith(".py"):
                    path = f"{folder}/{name}" if folder else name
                    return path, self._read(path)
        return None

    def _configured(self, section: str, project: str, files: tuple[str, ...]) -> str:
        if section in project:
            return "pyproject.toml"
        return next((name for name in files if name in self._names), "")

    def _module(self, name: str, arguments: str) -> str:
        return f"{self._interpreter()} -m {name} {arguments}"

    def _program(self, name: str, arguments: str) -> str:
        folder, names = self._environment()
        return f"{f'{folder}/{name}' if name in names else f'{self._prefix()}{name}'} {arguments}".strip()

    def _interpreter(self) -> str:
        folder, _ = self._environment()
        return f"{folder}/python" if folder else f"{self._prefix()}python{'' if self._prefix() else '3'}"

    def _environment(self) -> tuple[str, frozenset[str]]:
        """Where the programs of the nearest virtual environment of the project lie, and their names."""
        for folder in (f"{name}/bin" for name in (".venv", "venv") if name in self._names):
            if "python" in (names := self._list(folder)):
                return folder, names
        if self._above is None:
            return "", frozenset()
        folder, names = self._above._environment()
        return f"../{folder}" if folder else "", names

    def _prefix(self) -> str:
        if "uv.lock" in self._names:
            return "uv run "
        if "poetry.lock" in self._names:
            return "poetry run "
        return self._above._prefix() if self._above else ""

    # --- JavaScript and TypeScript ------------------------------------------------------------------------------------

    def _node(self) -> Iterator[Check]:
        package = _parse_object(self._read("package.json"))
        scripts = package.get("scripts")
        scripts = scripts if isinstance(scripts, dict) else {}
        manager = self._manager(package)
        for name in ("test", "lint", "typecheck"):
            script = scripts.get(name)
            if isinstance(script, str) and script.strip() and _NO_TEST not in script:
                run = f"{manager} {name}" if name == "test" and manager != "bun" else f"{manager} run {name}"
                yield Check(f"{manager} {name}", run, name == "test", "package.json")
        if "tsconfig.json" in self._names and "typecheck" not in scripts:
            ways = {"npm": "npx --no-install tsc", "pnpm": "pnpm exec tsc", "yarn": "yarn run tsc", "bun": "bun x tsc"}
            yield Check("tsc", f"{ways[manager]} --noEmit", False, "tsconfig.json")

    def _manager(self, package: Mapping[str, Any]) -> str:
        locked = next((manager for lock, manager in _LOCKS.items() if lock in self._names), "")
        named = str(package.get("packageManager", "")).partition("@")[0]
        if locked or named in _LOCKS.values():
            return locked or named
        above = self._above
        return above._manager(_parse_object(above._read("package.json"))) if above else "npm"

    # --- others -------------------------------------------------------------------------------------------------------

    def _cargo(self) -> Iterator[Check]:
        if "Cargo.toml" in self._names:
            where = " --workspace" if "[workspace" in self._read("Cargo.toml") else ""
            yield Check("cargo test", f"cargo test{where}", True, "Cargo.toml")
            yield Check("cargo check", f"cargo check{where} --all-targets", False, "Cargo.toml")

    def _go(self) -> Iterator[Check]:
        if "go.mod" in self._names:
            yield Check("go test", "go test ./...", True, "go.mod")
            yield Check("go vet", "go vet ./...", False, "go.mod")

    def _mix(self) -> Iterator[Check]:
        if "mix.exs" in self._names:
            yield Check("mix test", "mix test", True, "mix.exs")

    def _make(self) -> Iterator[Check]:
        """Targets of `make`, where nothing else says how the tests are run."""
        name = next((name for name in _MAKEFILES if name in self._names), "")
        targets = _TARGET.findall(self._read(name)) if name else []
        if target := next((target for target in ("test", "check") if target in targets), ""):
            yield Check(f"make {target}", f"make {target}", True, name)


def _parse_object(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
