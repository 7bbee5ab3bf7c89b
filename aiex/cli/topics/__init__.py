"""Help on ideas rather than commands: one Markdown page for each topic."""

import os


def topic_names() -> list[str]:
    """The topics there are, in alphabetical order."""
    return sorted(name[:-3] for name in os.listdir(os.path.dirname(__file__)) if name.endswith(".md"))


def read_topic(name: str) -> str:
    """The page on a topic, as Markdown."""
    with open(os.path.join(os.path.dirname(__file__), f"{name}.md"), encoding="utf-8") as page:
        return page.read()
