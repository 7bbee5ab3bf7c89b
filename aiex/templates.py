"""Prompt templates: Markdown files whose variables are declared in their first lines."""

import os
import re
from collections.abc import Set
from functools import cache

from aiex.errors import ConfigError
from aiex.patterns import late

_FORM = late(r"---\nvariables:(?P<names>[\w, ]*)\n---\n(?P<body>.*)\Z", re.DOTALL)
_VARIABLE = late(r"\{(\w+)\}")


def read_words(path: str) -> str:
    """The text of a packaged file without variables, such as the words of a tool. Raises OSError."""
    with open(path, encoding="utf-8") as file:
        return file.read().strip()


def fill_template(path: str, **values: str) -> str:
    """The text of a template with its variables filled in, a line end last.

    Args:
        path: A packaged `.md` file that begins with `---`, `variables: a, b`, `---`. It is read once.

    Raises:
        ConfigError: if the file declares no variables, a declared one is missing, or one is given or used that is not
            declared.
        OSError: if the file cannot be read.
    """
    body, declared = _read_template(path)
    _require_none(path, "was not given", declared - set(values))
    _require_none(path, "does not declare", set(values) - declared)
    return _VARIABLE.sub(lambda match: values[match[1]], body).strip() + "\n"


@cache
def _read_template(path: str) -> tuple[str, frozenset[str]]:
    """The text, and the variables that it declares."""
    with open(path, encoding="utf-8") as file:
        form = _FORM.match(file.read())
    if form is None:
        raise ConfigError(f"prompt {os.path.basename(path)} does not begin with its variables")
    declared = frozenset(word.strip() for word in form["names"].split(",") if word.strip())
    used = set(_VARIABLE.findall(form["body"]))
    _require_none(path, "uses and does not declare", used - declared)
    _require_none(path, "declares and does not use", declared - used)
    return form["body"], declared


def _require_none(path: str, problem: str, names: Set[str]) -> None:
    if names:
        raise ConfigError(f"prompt {os.path.basename(path)} {problem} {', '.join(sorted(names))}")
