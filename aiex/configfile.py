"""A TOML file as text: its values with the line of each, and changing one value without touching the rest.

`tomllib` gives the values; it does not tell lines and cannot write, so a small scanner finds the statements.
"""

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from aiex.errors import ConfigError
from aiex.record import record

Path = tuple[str, ...]

MOST_BYTES = 1_000_000
"""Of a file of settings."""
_LONG_KEY = re.compile(r"(?<![\w-])(?:[\"']?[\w-]++[\"']?[ \t]*+\.[ \t]*+){64}")
"""64 parts and their dots, more than a setting has or a manifest needs; strings and comments are not told apart."""
_SPACE = re.compile(r"(?:[ \t\r\n\ufeff]|#[^\n]*)*")
_EQUALS = re.compile(r"=[ \t]*")
_KEY_PART = re.compile(r"""[ \t]*("(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)[ \t]*(\.?)""")
_VALUE_TOKEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|#[^\n]*|[\[{]|[\]}]|\n|[^"\'#\[\]{}\n]+',
    re.DOTALL,
)


@record
class Statement:
    """A header (`value` empty) or a pair of a TOML text; offsets in characters."""

    path: Path
    table: Path
    start: int
    value_start: int
    end: int


@record
class ConfigText:
    """A parsed file: nested values, and the line (from 1) of each statement by its path."""

    values: dict[str, Any]
    lines: dict[Path, int]

    def line(self, path: Path) -> int | None:
        """The line of a value; inside an inline table, the line where the table is written."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def parse(data: bytes, file: str) -> ConfigText:
    """Read the bytes of a TOML file.

    Raises:
        ConfigError: with file and line, if it is not UTF-8 or not TOML; if it is larger than `MOST_BYTES`.
    """
    text = decode(data, file)
    values = load(text, file)
    lines: dict[Path, int] = {}
    line, counted = 1, 0
    for statement in _statements(text):
        line, counted = line + text.count("\n", counted, statement.start), statement.start
        lines.setdefault(statement.path, line)
    return ConfigText(values, lines)


def set_in_file(file: str, path: Path, value: object) -> None:
    """Change or add one value, keep every other byte; written whole or not at all, mode and symbolic link kept.

    Raises:
        ConfigError: if the file is malformed, or holds the value in a form that cannot be edited in place.
    """

    def change(data: bytes) -> bytes:
        load(decode(data, file), file)
        edited = edit(data.decode("utf-8"), path, render(value))
        if not holds(edited, path, value):
            raise not_editable(path, file)
        return edited.encode("utf-8")

    change_file(file, change)


def change_file(file: str, change: Callable[[bytes], bytes]) -> None:
    """Write what `change` makes of a file, whole or not at all; mode and symbolic link are kept.

    Raises:
        ConfigError: if it cannot be read or written, or `change` raises one.
    """
    real = os.path.realpath(file)
    try:
        with open(real, "rb") as source:
            data, mode = source.read(), stat.S_IMODE(os.fstat(source.fileno()).st_mode)
    except FileNotFoundError:
        data, mode = b"", 0o600
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    _replace_file(real, change(data), mode)


def not_editable(path: Path, file: str) -> ConfigError:
    """Why a value cannot be changed in place, and what to do."""
    return ConfigError(
        f"cannot change {'.'.join(path)} in {file}: it is written as an inline table",
        hint="edit the file by hand, or write the table with a [header]",
    )


def render(value: object) -> str:
    """A value in TOML syntax."""
    if isinstance(value, list | tuple):
        return "[" + ", ".join(render(item) for item in value) + "]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    # a JSON string is a TOML basic string, but for the escapes of lone surrogates and U+007F
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def find_pair(text: str, path: Path) -> Statement | None:
    """The pair that sets a value; None when there is none. `text` is valid TOML without a byte order mark in front."""
    return next((found for found in _statements(text) if found.path == path and found.value_start < found.end), None)


def value_tokens(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    """The tokens of a value with their offsets: strings, comments, brackets, line ends, and what is between them."""
    while start < end and (token := _VALUE_TOKEN.match(text, start, end)):
        yield start, token[0]
        start = token.end()


def decode(data: bytes, file: str) -> str:
    """The text of a file without its byte order mark. Raises ConfigError if it is too large or not UTF-8."""
    if len(data) > MOST_BYTES:
        raise ConfigError(f"cannot read {file}: it is larger than 1 MB", hint="settings are a few lines")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"cannot read {file}:{line}: not UTF-8 (byte {data[error.start]:#04x})") from error


def read_toml(text: str) -> dict[str, Any]:
    """The values of a TOML text. Raises `tomllib.TOMLDecodeError` if it is none, or nested as no person writes it.

    `tomllib` takes the square of the number of parts of a key, and gives up on deep values in its own way.
    """
    if long := _LONG_KEY.search(text):
        line = text.count("\n", 0, long.start()) + 1
        raise tomllib.TOMLDecodeError(f"a key of too many parts (at line {line}, column 1)")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except RecursionError:
        raise tomllib.TOMLDecodeError("values nested too deeply") from None
    except ValueError:
        raise tomllib.TOMLDecodeError("a number of too many digits") from None


def load(text: str, file: str) -> dict[str, Any]:
    """The values of a TOML text. Raises ConfigError with file and line if it is none."""
    try:
        return read_toml(text)
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        at = re.search(r" \(at line (\d+), column \d+\)$", said)
        line = int(at[1]) if at else text.count("\n") + 1
        reason = said[: at.start()] if at else said.removesuffix(" (at end of document)")
        hint = "a string needs quotes in TOML" if "nvalid value" in reason else ""
        raise ConfigError(f"cannot read {file}:{line}: {reason}", hint=hint) from error


def _statements(text: str) -> Iterator[Statement]:
    """Headers and pairs in order; `text` is known to be valid TOML."""
    table: Path = ()
    at = _skip(_SPACE, text, 0)
    while at < len(text):
        start = at
        if text[at] == "[":
            array = text.startswith("[[", at)
            table, at = _read_path(text, at + (2 if array else 1))
            at = text.index("]", at) + (2 if array else 1)
            yield Statement(table, table, start, at, at)
        else:
            relative, at = _read_path(text, at)
            value_start = _skip(_EQUALS, text, at)
            at = _value_end(text, value_start)
            yield Statement(table + relative, table, start, value_start, at)
        at = _skip(_SPACE, text, at)


def _skip(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _read_path(text: str, at: int) -> tuple[Path, int]:
    parts: list[str] = []
    while found := _KEY_PART.match(text, at):
        word, at = found[1], found.end()
        quoted = word[0] in "\"'"
        parts.append(next(iter(tomllib.loads(f"{word}=0"))) if quoted else word)
        if not found[2]:
            break
    return tuple(parts), at


def _value_end(text: str, at: int) -> int:
    """The offset after the value that begins at `at`, without trailing space and comment."""
    depth, end = 0, at
    while token := _VALUE_TOKEN.match(text, at):
        at, word = token.end(), token[0]
        if word == "\n" and depth == 0:
            break
        if word[0] == "#":
            continue
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(word, 0)
        if word.strip():
            end = at - (len(word) - len(word.rstrip()))
    return end


def edit(text: str, path: Path, rendered: str) -> str:
    """The text with one value changed or added, written as `rendered`; every other character stays."""
    newline = "\r\n" if "\r\n" in text else "\n"
    statements = list(_statements(text))
    pairs = [found for found in statements if found.value_start < found.end]
    for pair in pairs:
        if pair.path == path:
            return text[: pair.value_start] + rendered + text[pair.end :]
    siblings = [pair for pair in pairs if pair.path[:-1] == path[:-1]]
    headers = [found for found in statements if found.value_start == found.end]
    for place in (*siblings[-1:], *(header for header in headers if header.path == path[:-1])):
        return _insert_after(text, place, f"{_dotted(path[len(place.table) :])} = {rendered}", newline)
    if len(path) == 1:
        at = headers[0].start if headers else len(text)
        lead = "" if not text[:at] or text[:at].endswith("\n") else newline
        return text[:at] + f"{lead}{_dotted(path)} = {rendered}{newline}" + (newline if headers else "") + text[at:]
    lead = "" if not text else newline if text.endswith("\n") else newline * 2
    return text + f"{lead}[{_dotted(path[:-1])}]{newline}{_dotted(path[-1:])} = {rendered}{newline}"


def _insert_after(text: str, place: Statement, line: str, newline: str) -> str:
    end = text.find("\n", place.end)
    if end < 0:
        return text + newline + line + newline
    return text[: end + 1] + line + newline + text[end + 1 :]


def _dotted(path: Path) -> str:
    return ".".join(part if re.fullmatch(r"[A-Za-z0-9_-]+", part) else render(part) for part in path)


def holds(text: str, path: Path, value: object) -> bool:
    """Whether a text is TOML and says this value."""
    try:
        found: Any = read_toml(text.removeprefix("\ufeff"))
        for part in path:
            found = found[part]
    except (tomllib.TOMLDecodeError, KeyError, TypeError):
        return False
    return bool(found == (list(value) if isinstance(value, tuple) else value))


def _replace_file(file: str, data: bytes, mode: int) -> None:
    folder = os.path.dirname(file) or "."
    temporary = os.path.join(folder, f".{os.path.basename(file)}.{os.getpid()}.tmp")
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(descriptor, "wb") as target:
                target.write(data)
                target.flush()
                os.fsync(target.fileno())
            os.chmod(temporary, mode)
            os.replace(temporary, file)
        finally:
            with suppress(FileNotFoundError):  # it took the place of the file
                os.unlink(temporary)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {error.strerror}", hint="check that it is yours to write") from error
