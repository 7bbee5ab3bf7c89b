"""A list of texts in a TOML file: the line of each entry, and adding or removing one without touching the rest."""

import re
from typing import Any, NamedTuple

from aiex.configfile import Path, decode, edit, find_pair, load, not_editable, render, value_tokens
from aiex.errors import ConfigError


class _Entry(NamedTuple):
    value: str
    start: int
    end: int


def entry_lines(data: bytes, file: str, path: Path) -> list[tuple[str, int]]:
    """The entries of a list with their lines, from 1; nothing when there is no such list.

    Raises:
        ConfigError: if the file is malformed.
    """
    text = decode(data, file)
    load(text, file)
    lines, line, at = [], 1, 0
    for entry in _entries(text, path):
        line, at = line + text.count("\n", at, entry.start), entry.start
        lines.append((entry.value, line))
    return lines


def with_entry(data: bytes, file: str, path: Path, entry: str) -> bytes:
    """The file with one entry more at the end of a list, which is made when missing. Raises ConfigError."""
    text, found = _read(data, file, path)
    if not found:
        return _checked(edit(text, path, render([entry])), text, file, path, [entry])
    return _checked(_inserted(text, path, render(entry)), text, file, path, [*found, entry])


def without_entry(data: bytes, file: str, path: Path, entry: str) -> bytes:
    """The file without the entries of a list that are this text. Raises ConfigError."""
    text, found = _read(data, file, path)
    edited = text
    for one in reversed(_entries(text, path)):
        if one.value == entry:
            edited = _cut(edited, one)
    return _checked(edited, text, file, path, [value for value in found if value != entry])


def _read(data: bytes, file: str, path: Path) -> tuple[str, list[str]]:
    table: Any = load(decode(data, file), file)
    text = data.decode("utf-8")
    for part in path[:-1]:
        table = table.get(part, {}) if isinstance(table, dict) else table
    value = table.get(path[-1], []) if isinstance(table, dict) else table
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"cannot change {file}: {'.'.join(path)} is not a list of strings")
    return text, value


def _checked(edited: str, text: str, file: str, path: Path, wanted: list[str]) -> bytes:
    """The edited text if it says what is wanted and nothing else is different; else with the list written anew."""
    expected = _values(text)
    table = expected
    for part in path[:-1]:
        table = table.setdefault(part, {})
    table[path[-1]] = wanted
    for tried in (edited, edit(text, path, render(wanted))):
        if _values(tried) == expected:
            return tried.encode("utf-8")
    raise not_editable(path, file)


def _values(text: str) -> dict[str, Any]:
    try:
        return load(text.removeprefix("\ufeff"), "")
    except ConfigError:
        return {}


def _entries(text: str, path: Path) -> list[_Entry]:
    pair = find_pair(text, path)
    if pair is None:
        return []
    found = []
    for start, word in value_tokens(text, pair.value_start, pair.end):
        if word[0] in "\"'":
            values = load(f"value = {word}", "")
            found.append(_Entry(values["value"], start, start + len(word)))
    return found


def _inserted(text: str, path: Path, rendered: str) -> str:
    entries, pair = _entries(text, path), find_pair(text, path)
    if not entries or pair is None:
        return text
    last = entries[-1]
    newline = "\r\n" if "\r\n" in text else "\n"
    if "\n" not in text[last.end : pair.end]:
        return f"{text[: last.end]}, {rendered}{text[last.end :]}"
    has_comma = any("," in word for _, word in value_tokens(text, last.end, pair.end) if word[0] != "#")
    line_end = text.index("\n", last.end)
    line_end -= text[line_end - 1] == "\r"
    indent = re.search(r"[ \t]*\Z", text[: last.start])
    alone = indent is not None and text[: indent.start()].endswith("\n")
    space = indent[0] if indent and alone else "  "
    rest = text[last.end : line_end]
    return f"{text[: last.end]}{'' if has_comma else ','}{rest}{newline}{space}{rendered},{text[line_end:]}"


def _cut(text: str, entry: _Entry) -> str:
    start, end = entry.start, entry.end
    comma = re.compile(r"[ \t]*,[ \t]*").match(text, end)
    if comma:
        end = comma.end()
    elif before := re.search(r",[ \t]*\Z", text[:start]):
        start = before.start()
    line_start = text.rfind("\n", 0, start) + 1
    line_end = text.find("\n", end)
    if line_start and line_end >= 0 and not text[line_start:start].strip() and not text[end:line_end].strip():
        return text[:line_start] + text[line_end + 1 :]
    return text[:start] + text[end:]
