"""Which check a command line amounts to: its exit code has to be that of the check, or it is none.

`pytest | tail` ends as `tail` does, and `pytest || true` always well: neither says anything about the tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from aiex.patterns import late

_TOKEN: Final = late(
    r"""(?P<space>[ \t\r]+|\\\n)
      | (?P<comment>(?:(?<=[\s;&|()])|\A)\#[^\n]*)
      | (?P<mark>\n|&&|\|\||&>>|&>|>&|>>|>\||<<|[;&|<>()])
      | (?P<word>(?:[^\s;&|<>()'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+)""",
    re.VERBOSE | re.DOTALL,
)
"""The words and operators of a plain line (bash(1), DEFINITIONS and QUOTING)."""
_QUOTED: Final = late(r"""'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)""", re.DOTALL)
_INTO_FILES: Final = frozenset([">", ">>", "<", "&>", "&>>", ">&", ">|"])
_ASSIGNED: Final = late(r"[A-Za-z_]\w*=.*", re.DOTALL)
_VERSIONED: Final = late(r"(python|pypy)[\d.]*")
_LONGEST_CHARS: Final = 10_000
"""A longer line is a program, and no check."""
_FLOW: Final = frozenset([
    "if", "then", "else", "elif", "fi", "for", "while", "until", "do", "done", "case", "esac", "select", "function",
    "coproc", "{", "}", "!", "[[", "exit", "return", "break", "continue", "exec", "eval", "alias", "trap", "kill",
    "logout",
])  # fmt: skip
"""Words behind which the rest of a line may not run, or end otherwise."""
_WORDS_BEHIND: Final[Mapping[str, int]] = {
    "time": 0, "env": 0, "nice": 0, "nohup": 0, "command": 0, "stdbuf": 0, "xvfb-run": 0, "npx": 0, "bunx": 0, "uvx": 0,
    "pipx": 1, "timeout": 1, "direnv": 2,
}  # fmt: skip
"""Programs that run another one, and how many words of their own come before it, besides options."""
_RUNNERS: Final = frozenset(["uv", "poetry", "pipenv", "pdm", "hatch", "rye", "conda", "mise", "bundle"])
"""Programs that run another one behind `run` or `exec`."""
_MANAGERS: Final = frozenset(["npm", "pnpm", "yarn", "bun"])
_SCRIPTS: Final = frozenset(["test", "lint", "typecheck", "check"])
_VALUED: Final = frozenset([
    "-k", "-s", "-C", "-p", "-n", "-u", "-w", "-f", "-W", "-X", "--signal", "--kill-after", "--package", "--with",
    "--group", "--extra", "--python", "--prefix", "--directory", "--dir", "--filter", "--cwd", "--project",
    "--workspace", "--manifest-path",
])  # fmt: skip
"""Options whose value is the next word."""
_NO_CHECK: Final = frozenset([
    "--help", "-h", "--version", "--collect-only", "--co", "--no-run", "--exit-zero", "--dry-run", "--list-tests",
    "--listTests", "--fixtures", "--markers",
])  # fmt: skip
_PLAIN: Final = frozenset([
    "pytest", "mypy", "pyright", "pylint", "flake8", "tox", "nox", "tsc", "vitest", "jest", "mocha", "eslint",
    "rspec", "phpunit", "ctest", "golangci-lint", "stylelint", "ava",
])  # fmt: skip
_SUBCOMMANDS: Final[Mapping[str, frozenset[str]]] = {
    "ruff": frozenset(["check"]),
    "cargo": frozenset(["test", "check", "clippy", "nextest"]),
    "go": frozenset(["test", "vet"]),
    "mix": frozenset(["test"]),
    "make": frozenset(["test", "check"]),
    "gmake": frozenset(["test", "check"]),
    "just": frozenset(["test", "check"]),
    "dotnet": frozenset(["test"]),
    "deno": frozenset(["test", "check", "lint"]),
    "swift": frozenset(["test"]),
    "mvn": frozenset(["test", "verify"]),
    "gradle": frozenset(["test", "check"]),
    "gradlew": frozenset(["test", "check"]),
    "rake": frozenset(["test", "spec"]),
}
_SAME: Final[Mapping[str, str]] = {
    "py.test": "pytest", "ruff check": "ruff", "cargo nextest": "cargo test", "gmake test": "make test",
    "gmake check": "make check", "gradlew test": "gradle test", "gradlew check": "gradle check",
}  # fmt: skip


def recognise(command_text: str) -> str:
    """The name of the one check that a line for bash amounts to, such as `pytest` or `cargo test`; empty for none."""
    found = recognise_each(command_text)
    return found[0] if len(found) == 1 else ""


def recognise_each(command_text: str) -> tuple[str, ...]:
    """The checks that a line runs one after the other; where it ends well each did, else something in it did not."""
    tokens = _read_tokens(command_text) if len(command_text) <= _LONGEST_CHARS else None
    parts = _split(tokens, ";") if tokens is not None else []
    if not parts or any(_names_of(part) != () for part in parts[:-1]):
        return ()
    return _names_of(parts[-1]) or ()


class _Mark(str):
    """An operator, which no quoted word is."""

    __slots__ = ()


def _read_tokens(text: str) -> list[str] | None:
    """Words and marks; None for what is more than a plain line."""
    tokens: list[str] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            return None
        at = found.end()
        if found["mark"]:
            tokens.append(_Mark(";" if found["mark"] == "\n" else found["mark"]))
        elif found["word"]:
            if re.search(r"`|\$\(", re.sub(r"'[^']*'", "", found["word"])):
                return None
            tokens.append(_QUOTED.sub(_unquote, found["word"]))
    return tokens


def _unquote(found: re.Match[str]) -> str:
    plain, quoted, escaped = found.groups()
    return plain if plain is not None else escaped if quoted is None else re.sub(r"\\([$`\"\\])", r"\1", quoted)


def _split(tokens: Sequence[str], mark: str) -> list[list[str]]:
    """The parts between marks, without empty ones."""
    parts: list[list[str]] = [[]]
    for token in tokens:
        if isinstance(token, _Mark) and token == mark:
            parts.append([])
        else:
            parts[-1].append(token)
    return [part for part in parts if part]


def _names_of(tokens: Sequence[str]) -> tuple[str, ...] | None:
    """The checks in a chain of `&&`; None for a line whose end says nothing about those in it."""
    names: list[str] = []
    for part in _split(tokens, "&&"):
        words = _without_redirections(part)
        if words is None:
            return None
        while words and _ASSIGNED.fullmatch(words[0]):
            words = words[1:]
        if words and words[0] in _FLOW:
            return None
        names += _inner(words) if words else ()
    return tuple(names)


def _without_redirections(tokens: Sequence[str]) -> list[str] | None:
    """The words of a simple command; None for a pipe, an alternative, the background or a subshell."""
    words: list[str] = []
    is_target = False
    for token in tokens:
        if isinstance(token, _Mark):
            if token not in _INTO_FILES:
                return None
            if words and words[-1].isdigit():
                words.pop()
            is_target = True
        elif is_target:
            is_target = False
        else:
            words.append(token)
    return words


def _inner(words: Sequence[str]) -> tuple[str, ...]:
    """The checks of one command, also where a shell is given it as a text."""
    name = _name(words[0])
    if name in ("bash", "sh", "zsh") and len(words) > 2 and words[1].startswith("-") and words[1].endswith("c"):
        return recognise_each(words[2])
    found = _recognise_words(list(words))
    return (found,) if found else ()


def _recognise_words(words: list[str]) -> str:
    for _ in range(8):
        if not words:
            return ""
        name = _name(words[0])
        unwrapped = _unwrap(name, words)
        if unwrapped is None:
            return _named(name, words[1:])
        words = unwrapped
    return ""


def _unwrap(name: str, words: list[str]) -> list[str] | None:
    """What a program runs that only runs another one; None for any other program."""
    rest = words[1:]
    if name in _WORDS_BEHIND:
        rest = _behind_options(rest)[_WORDS_BEHIND[name] :]
        while rest and _ASSIGNED.fullmatch(rest[0]):
            rest = rest[1:]
        return rest
    if name in _RUNNERS:
        rest = _behind_options(rest)
        return _behind_options(rest[1:]) if rest[:1] in (["run"], ["exec"], ["x"]) else []
    if name == "coverage" and rest[:1] == ["run"]:
        name, rest = "python", rest[1:]
    if name in ("python", "pypy"):
        rest = _behind_options(rest, until="-m")
        return rest[1:] if rest[:1] == ["-m"] else []
    if name in _MANAGERS and (found := _behind_manager(name, rest)) is not None:
        return found
    return None


def _behind_manager(name: str, rest: list[str]) -> list[str] | None:
    """What `pnpm exec`, `yarn tsc` or `bun x` runs; None for a script of the package."""
    rest = _behind_options(rest)
    if rest[:1] in (["exec"], ["dlx"], ["x"]):
        return _behind_options(rest[1:])
    script = rest[1:] if rest[:1] == ["run"] else rest
    if script and script[0] in _PLAIN and name != "npm":
        return script
    return None


def _behind_options(words: list[str], *, until: str = "") -> list[str]:
    """The words from the first on that is no option."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != until:
        at += 2 if words[at] in _VALUED else 1
        if words[at - 1 : at] == ["--"]:
            break
    return words[at:]


def _named(name: str, rest: list[str]) -> str:
    """What a program with its arguments is called; empty where it checks nothing."""
    if not _NO_CHECK.isdisjoint(rest):
        return ""
    if name in _MANAGERS:
        return _named_script(name, rest)
    if name == "unittest":
        return name
    if name == "node":
        return "node --test" if "--test" in rest else ""
    if _SAME.get(name, name) in _PLAIN:
        return _SAME.get(name, name)
    return _NAMED.get(name, _named_subcommand)(name, rest)


def _named_subcommand(name: str, rest: list[str]) -> str:
    known = _SUBCOMMANDS.get(name, frozenset())
    first = next((word for word in _targets(rest)), "")
    called = f"{name} {first}" if first in known else ""
    return _SAME.get(called, called)


def _targets(rest: list[str]) -> Iterator[str]:
    """What stands behind options, numbers (`-j 4`) and variables (`CI=1`)."""
    words = _behind_options(rest)
    while words and (words[0].isdigit() or _ASSIGNED.fullmatch(words[0])):
        words = _behind_options(words[1:])
    yield from words


def _named_script(name: str, rest: list[str]) -> str:
    words = _behind_options(rest)
    words = words[1:] if words[:1] in (["run"], ["run-script"]) else words
    script = {"t": "test"}.get(words[0], words[0]) if words else ""
    return f"{name} {script}" if script in _SCRIPTS else ""


def _named_make(name: str, rest: list[str]) -> str:
    return "" if not {"-n", "-q", "-i", "-k"}.isdisjoint(rest) else _named_subcommand(name, rest)


def _named_ruff(_: str, rest: list[str]) -> str:
    words = _behind_options(rest)
    if words[:1] == ["format"]:
        return "ruff format" if "--check" in words or "--diff" in words else ""
    return "ruff" if words[:1] == ["check"] else ""


_NAMED: Final[Mapping[str, Callable[[str, list[str]], str]]] = {
    "make": _named_make,
    "gmake": _named_make,
    "ruff": _named_ruff,
}


def _name(word: str) -> str:
    """A program by its last name: `.venv/bin/python3.12` is `python`."""
    name = word.rpartition("/")[2]
    versioned = _VERSIONED.fullmatch(name)
    return versioned[1] if versioned else name
