"""Texts made from the commands themselves: the packaged help of `aiex --help` and the reference page."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import click

from aiex.cli import registry
from aiex.cli.commands.help import command_help
from aiex.cli.groups import Root


def help_text() -> str:
    """What `aiex --help` prints; packaged as `help.txt`, because Click alone takes longer than Python itself."""
    root = Root()
    return root.get_help(click.Context(root, info_name="aiex", **root.context_settings)) + "\n"


def reference_page() -> str:
    """Every command with its help, as Markdown."""
    return "\n".join(_page_lines()) + "\n"


def _page_lines() -> Iterator[str]:
    yield "# Commands\n"
    yield "Made from the commands themselves by `make docs`. Concepts: `aiex help TOPIC`, and [output](output.md).\n"
    yield f"```text\n{help_text()}```\n"
    yield "The global flags work before and after the verb, and a later one wins.\n"
    for verb in registry.verb_names():
        yield f"## aiex {verb}\n"
        yield _fenced((verb,))
        command = registry.load_verb(verb)
        for kind in command.commands if isinstance(command, click.Group) else ():
            yield f"### aiex {verb} {kind}\n"
            yield _fenced((verb, kind))
    for noun in registry.noun_names():
        yield f"## {noun.capitalize()}\n"
        yield f"{registry.noun_summary(noun)}. `aiex {noun} VERB` is understood too.\n"
        for verb in sorted(registry.load_noun(noun).verbs):
            yield f"### aiex {verb} {noun}\n"
            yield _fenced((verb, noun))


def _fenced(words: tuple[str, ...]) -> str:
    text = command_help(words).split("\n\nGlobal flags")[0]
    return f"```text\n{text}\n```\n"


def main() -> None:
    """Write `cli.md` into the directory named on the command line, and `help.txt` beside this module."""
    pages = {
        os.path.join(sys.argv[1], "cli.md"): reference_page(),
        os.path.join(os.path.dirname(__file__), "help.txt"): help_text(),
    }
    for path, text in pages.items():
        with open(path, "w", encoding="utf-8", newline="\n") as page:
            page.write(text)


if __name__ == "__main__":
    main()
