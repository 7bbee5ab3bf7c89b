"""Replacement of a substring, as JSON: path, old_str, new_str and replace_all, one object or a list of them."""

import json
from typing import Any, Final

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.dress import clean_path, to_line_feeds, unfence
from aiex.errors import EditError

_HOW: Final = 'write {"path": "a.py", "old_str": "text as in the file", "new_str": "text instead"}'
_NAMES: Final = {
    "path": ("path", "file_path", "file"),
    "old_str": ("old_str", "old_string"),
    "new_str": ("new_str", "new_string"),
}


class StrReplace:
    """The format of edit tools with JSON arguments."""

    name = "str_replace"

    def parse(self, text: str) -> tuple[FileWish, ...]:
        """One wish for each object."""
        try:
            given = json.loads(unfence(text).strip(), strict=False, object_pairs_hook=_once)
        except json.JSONDecodeError as error:
            what = "it was cut off" if error.pos >= len(text.strip()) - 1 or "Unterminated" in error.msg else error.msg
            raise EditError(f"cannot read the edit as JSON: {what} (line {error.lineno})", hint=_HOW) from error
        except RecursionError as error:
            raise EditError("cannot read the edit as JSON: too deep", hint=_HOW) from error
        wishes = tuple(_to_wish(one) for one in _flat(given))
        if not wishes:
            raise EditError("the edit asks for nothing: the list is empty", hint=_HOW)
        return wishes


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise EditError("a key stands twice in one object of the edit", hint=_HOW)
    return made


def _flat(given: Any) -> list[Any]:
    """The single edits of an object, of a list, or of an object with `edits` and one path for all."""
    if isinstance(given, list):
        return given
    if isinstance(given, dict) and isinstance(given.get("edits"), list):
        shared = {key: value for key, value in given.items() if key != "edits"}
        return [{**shared, **one} if isinstance(one, dict) else one for one in given["edits"]]
    return [given]


def _to_wish(given: Any) -> FileWish:
    if not isinstance(given, dict):
        raise EditError(f"an edit has to be a JSON object, not {type(given).__name__}", hint=_HOW)
    path, old, new = (_string(given, name) for name in _NAMES)
    replace_all = given.get("replace_all", False)
    if not isinstance(replace_all, bool):
        raise EditError("replace_all has to be true or false", hint=_HOW)
    change = Change(to_line_feeds(old), to_line_feeds(new), is_lines=False, replace_all=replace_all)
    return FileWish(clean_path(path), "change", (change,))


def _string(given: dict[str, Any], name: str) -> str:
    values = [given[key] for key in _NAMES[name] if key in given]
    if not values:
        raise EditError(f"the edit has no {name}", hint=_HOW)
    if len(values) > 1 or not isinstance(values[0], str):
        raise EditError(f"{name} has to be one string", hint=_HOW)
    return str(values[0])


EDIT = StrReplace()
