"""Which names a repository leaves out: `.gitignore` and `.aiexignore` of each folder, and patterns for all.

Loading what compiles patterns costs 30 ms, so callers remember what was decided, and ask only about new names.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from aiex.digest import fingerprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pathspec import GitIgnoreSpec

IGNORE_FILES = (".gitignore", ".aiexignore")
EXCLUDE_FILE = ".git/info/exclude"
DEFAULT_PATTERNS = (
    "node_modules/", "__pycache__/", ".venv/", ".tox/", ".nox/", ".mypy_cache/", ".pytest_cache/", ".ruff_cache/",
    ".hypothesis/", ".idea/", "*.pyc", "*.pyo", "*.egg-info/", ".DS_Store", "bower_components/", ".gradle/",
    ".terraform/",
)  # fmt: skip
"""Dependencies and caches, left out where no ignore file says otherwise."""


Verdict: TypeAlias = "Callable[[str], bool | None]"
"""Says of a path, a folder with its final `/`, whether it is left out; None where no pattern is about it."""
_PLAIN = re.compile(r"/?[\w.+@~-]*(?:\*[\w.+@~-]+)*\*?(?:/[\w.+@~-]*(?:\*[\w.+@~-]+)*\*?)*", re.ASCII)
"""Lines without negation, classes, `?`, `**`, escapes and spaces."""


class IgnoreRules:
    """The rules of one repository; each file is read when something beneath its folder is asked for."""

    def __init__(
        self, read_lines: Callable[[str], list[str]], extra: Iterable[str] = (), files: tuple[str, ...] = IGNORE_FILES
    ) -> None:
        """The rules of these files.

        Args:
            read_lines: The lines of a file, by its path relative to the root; none where there is no such file.
            extra: Further patterns for the whole repository.
            files: Names of the files that hold rules.
        """
        self._read_lines = read_lines
        self._extra = list(extra)
        self._files = files
        self._specs: dict[str, Verdict | None] = {}

    def is_ignored(self, path: str) -> bool:
        """Whether a path is left out; a folder ends with `/`. The last matching pattern of the nearest file decides."""
        folder = path.rstrip("/").rpartition("/")[0]
        while True:
            prefix = folder + "/" if folder else ""
            spec = self._spec(prefix)
            if spec is not None:
                verdict = spec(path[len(prefix) :])
                if verdict is not None:
                    return verdict
            if not folder:
                return _default_pattern().search(path) is not None
            folder = folder.rpartition("/")[0]

    def _spec(self, prefix: str) -> Verdict | None:
        if prefix not in self._specs:
            lines = [] if prefix else self._read_lines(EXCLUDE_FILE)
            for name in self._files:
                lines += self._read_lines(prefix + name)
            lines += [] if prefix else self._extra
            self._specs[prefix] = _compile_rules(lines) if lines else None
        return self._specs[prefix]


class KeptRules:
    """What checkpoints leave out: what git ignores, and dependencies and caches, but for what a person wants in.

    Args:
        read_lines: As for `IgnoreRules`.
        include: Patterns, as in `.gitignore`, of what is kept although it is ignored.
    """

    def __init__(self, read_lines: Callable[[str], list[str]], include: Iterable[str] = ()) -> None:
        self._given = tuple(include)
        self._read_lines = read_lines
        self._exclude = "\n".join(read_lines(EXCLUDE_FILE))
        self._include = compile_patterns(list(self._given)) if self._given else None
        self._folders = {folder for pattern in self._given for folder in _folders_on_the_way(pattern)}

    @property
    def digest(self) -> bytes:
        """Differs when anything but the files in the folders says something else."""
        said = repr((self._given, self._exclude, DEFAULT_PATTERNS))
        return bytes.fromhex(fingerprint(said.encode("utf-8", "surrogateescape")))

    def is_left_out(self, folder: str, names: list[str]) -> set[str]:
        """Which names of a folder ("" is the root) are left out; directories end with `/`.

        The files of rules are read anew each time, for they may have changed since.
        """
        rules = IgnoreRules(self._read_lines, files=(IGNORE_FILES[0],))
        prefix = folder + "/" if folder else ""
        return {name for name in names if rules.is_ignored(prefix + name) and not self._is_wanted(prefix + name)}

    def _is_wanted(self, path: str) -> bool:
        return self._include is not None and (path in self._folders or self._include.match_file(path))


def _compile_rules(lines: list[str]) -> Verdict:
    """The patterns of one folder's files; plain ones, as most are, without the library for all of them."""
    told = [line for line in lines if line.strip() and not line.startswith("#")]
    if all(line != "/" and "//" not in line and _PLAIN.fullmatch(line) for line in told):
        if not told:
            return lambda _: None
        search = re.compile("|".join(map(_spell_plain, told))).search
        return lambda path: True if search(path) else None
    check = compile_patterns(lines).check_file

    def judge(path: str) -> bool | None:
        verdict = check(path).include
        return None if verdict is None else bool(verdict)

    return judge


def _spell_plain(line: str) -> str:
    """A plain pattern as an expression to search a path for: anchored by a `/` that is not its last character."""
    words = line.removeprefix("/").removesuffix("/").split("/")
    spelled = "/".join("[^/]+" if word == "*" else re.escape(word).replace(r"\*", "[^/]*") for word in words)
    begin = "^" if "/" in line.removesuffix("/") else "(?:^|/)"
    return f"{begin}{spelled}{'/' if line.endswith('/') else '(?:/|$)'}"


def _folders_on_the_way(pattern: str) -> Iterable[str]:
    """The folders, each with its `/`, that have to be looked into to come to what a pattern with a place names."""
    words = pattern.strip().removeprefix("/").rstrip("/").split("/")
    for count in range(1, len(words)):
        if any(sign in words[count - 1] for sign in "*?["):
            return
        yield "/".join(words[:count]) + "/"


@cache
def _default_pattern() -> re.Pattern[str]:
    """Finds what `DEFAULT_PATTERNS` leave out, an order of magnitude faster than one pattern after the other."""
    names = [re.escape(line).replace(r"\*", "[^/]*") for line in DEFAULT_PATTERNS]
    endings = (name if name.endswith("/") else name + "(?:/|$)" for name in names)
    return re.compile(f"(?:^|/)(?:{'|'.join(endings)})")


def compile_patterns(lines: list[str]) -> GitIgnoreSpec:
    """The patterns of an ignore file; lines that are none are left out, as git does."""
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        return GitIgnoreSpec.from_lines(lines)
    except GitIgnorePatternError:
        return GitIgnoreSpec.from_lines([line for line in lines if _is_pattern(line)])


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec
    from pathspec.patterns.gitignore import GitIgnorePatternError

    try:
        GitIgnoreSpec.from_lines([line])
    except GitIgnorePatternError:
        return False
    return True
