"""What a module exports under which name, and how one more is exported."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

_DECLARED = re.compile(
    r"(?m)^[ \t]*export\s+(?P<default>default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?"
    r"(?:function\*?|class|const|let|var|enum)\s+(?P<name>[\w$]+)"
)
_NAMED_DEFAULT = re.compile(r"(?m)^[ \t]*export\s+default\s+(?P<name>[A-Za-z_$][\w$]*)\s*;?[ \t]*$")
_LIST = re.compile(r"(?m)^[ \t]*export\s*\{(?P<names>[^}]*)\}(?!\s*from)")
_OBJECT = re.compile(r"(?m)^module\.exports\s*=\s*\{(?P<names>[^{}]*)\}")
_PROPERTY = re.compile(r"(?m)^(?:module\.)?exports\.(?P<name>[\w$]+)\s*=\s*(?P<value>[^;\n]*)")
_SINGLE = re.compile(r"(?m)^module\.exports\s*=\s*(?P<name>[A-Za-z_$][\w$]*)\s*;?[ \t]*$")
Way = Literal["named", "default"]


class Exported(NamedTuple):
    """How others get at something."""

    way: Way
    name: str
    """As it is called there."""


def find_exports(text: str) -> dict[str, Exported]:
    """What a module exports, by its name inside."""
    found: dict[str, Exported] = {}
    for match in _PROPERTY.finditer(text):
        value = match["value"].strip()
        inner = value if re.fullmatch(r"[\w$]+", value) else _function_name(value) or match["name"]
        found[inner] = Exported("named", match["name"])
    for pattern in (_OBJECT, _LIST):
        for match in pattern.finditer(text):
            found |= dict(_listed(match["names"]))
    for match in (*_NAMED_DEFAULT.finditer(text), *_SINGLE.finditer(text)):
        found[match["name"]] = Exported("default", match["name"])
    for match in _DECLARED.finditer(text):
        found[match["name"]] = Exported("default" if match["default"] else "named", match["name"])
    return found


def _function_name(value: str) -> str:
    named = re.match(r"(?:async\s+)?(?:function\*?|class)\s+([\w$]+)", value)
    return named[1] if named else ""


def _listed(names: str) -> list[tuple[str, Exported]]:
    found = []
    for part in re.sub(r"/\*.*?\*/|//[^\n]*", "", names, flags=re.DOTALL).split(","):
        words = re.match(r"\s*(?:type\s+)?([\w$]+)(?:\s+as\s+([\w$]+)|\s*:\s*([\w$]+))?\s*\Z", part)
        if words is None:
            continue
        inner, outer = (words[3], words[1]) if words[3] else (words[1], words[2] or words[1])
        found.append((inner, Exported("default", inner) if outer == "default" else Exported("named", outer)))
    return found


def add_function(text: str, name: str, block: str, *, is_esm: bool, semicolon: str) -> str:
    """The text with a function, and an export of it in the way of the file.

    Args:
        block: The function without `export`, behind its comment if it has one: `function NAME() {...}`.
    """
    body = text.rstrip("\n")
    listed = [*_LIST.finditer(text)] if is_esm else [*_OBJECT.finditer(text)]
    is_declared = _DECLARED.search(text) is not None
    if listed and not is_declared:
        last = listed[-1]
        start = text.rfind("\n", 0, last.start()) + 1
        changed = _with_name(last[0], name)
        before = text[:start].rstrip("\n")
        return f"{before}\n\n{block}\n\n{text[start : last.start()]}{changed}{text[last.end() :]}"
    if is_esm:
        exported = re.sub(r"(?m)^((?:async )?function |const )", r"export \1", block, count=1)
        return f"{body}\n\n{exported}\n" if body else f"{exported}\n"
    word = "module.exports" if "module.exports" in text or not re.search(r"(?m)^exports\.", text) else "exports"
    if not _CJS_EXPORT.search(text):
        export = f"module.exports = {{ {name} }}{semicolon}"
    else:
        export = f"{word}.{name} = {name}{semicolon}"
    return f"{body}\n\n{block}\n\n{export}\n" if body else f"{block}\n\n{export}\n"


_CJS_EXPORT = re.compile(r"(?m)^(?:module\.)?exports\b")


def _with_name(statement: str, name: str) -> str:
    """A list of names in braces with one more at its end; on a line of its own, where the others are."""
    opening, closing = statement.index("{"), statement.rindex("}")
    names = statement[opening + 1 : closing]
    if "\n" in names:
        last = names.rstrip()
        indent = re.findall(r"\n([ \t]*)\S", names)
        comma = "" if last.endswith(",") or not last.strip() else ","
        inner = f"{last}{comma}\n{indent[-1] if indent else '  '}{name},\n"
    elif names.strip():
        inner = f"{names.rstrip().rstrip(',')}, {name}{' ' if names.endswith(' ') else ''}"
    else:
        inner = f" {name} "
    return statement[: opening + 1] + inner + statement[closing:]
