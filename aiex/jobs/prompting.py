"""Prompts: Markdown files in `prompts/` whose variables are declared in their first lines."""

import os
import re

_FORM = re.compile(r"---\nvariables: (?P<names>[\w, ]*)\n---\n(?P<body>.*)\Z", re.DOTALL)
_VARIABLE = re.compile(r"\{(\w+)\}")


def load_prompt(name: str, **values: str) -> str:
    """The prompt `prompts/<name>.md` with its variables filled in.

    Raises:
        ValueError: if the values are not exactly the declared variables, or the text uses another one.
    """
    path = os.path.join(os.path.dirname(__file__), "prompts", f"{name}.md")
    with open(path, encoding="utf-8") as file:
        form = _FORM.match(file.read())
    if form is None:
        raise ValueError(f"prompt {name} does not begin with its variables")
    declared = {word.strip() for word in form["names"].split(",") if word.strip()}
    used = set(_VARIABLE.findall(form["body"]))
    if declared != set(values) or used != declared:
        raise ValueError(f"prompt {name} declares {sorted(declared)}, uses {sorted(used)}, was given {sorted(values)}")
    return _VARIABLE.sub(lambda match: values[match[1]], form["body"]).strip() + "\n"
