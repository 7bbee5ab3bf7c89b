"""Prompt templates: Markdown files whose variables are declared in their first lines."""

import os
import re

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
        path: A packaged `.md` file that begins with `---`, `variables: a, b`, `---`.

    Raises:
        ConfigError: if the file declares no variables, a declared one is missing, or one is given or used that is not
            declared.
        OSError: if the file cannot be read.
    """
    with open(path, encoding="utf-8") as file:
        form = _FORM.match(file.read())
    name = os.path.basename(path)
    if form is None:
        raise ConfigError(f"prompt {name} does not begin with its variables")
    declared = {word.strip() for word in form["names"].split(",") if word.strip()}
    used = set(_VARIABLE.findall(form["body"]))
    for problem, names in (
        ("was not given", declared - set(values)),
        ("does not declare", set(values) - declared),
        ("uses and does not declare", used - declared),
        ("declares and does not use", declared - used),
    ):
        if names:
            raise ConfigError(f"prompt {name} {problem} {', '.join(sorted(names))}")
    return _VARIABLE.sub(lambda match: values[match[1]], form["body"]).strip() + "\n"
