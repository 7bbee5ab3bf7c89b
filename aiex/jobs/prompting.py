"""The prompts of the jobs: templates in `prompts/`."""

import os

from aiex.templates import fill_template


def load_prompt(name: str, **values: str) -> str:
    """The prompt `prompts/<name>.md` with its variables filled in. Raises what `fill_template` raises."""
    return fill_template(os.path.join(os.path.dirname(__file__), "prompts", f"{name}.md"), **values)
