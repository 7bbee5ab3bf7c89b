"""Programming languages and formats whose structure is understood."""

from __future__ import annotations

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Work, answered, report
from aiex.events import TurnEnded
from aiex.wiring import Services


@click.command("list")
def list_languages() -> Work:
    """List the languages whose structure is understood, and how their files are recognised."""
    return report("list languages", _list, sturdy=True, placeless=True)


def _list(_services: Services) -> TurnEnded:
    from aiex import plugins
    from aiex.context.language import get_language
    from aiex.context.languages import ROOM

    languages = [get_language(name) for name in plugins.names(ROOM)]
    rows = [(language.name, " ".join((*language.extensions, *language.filenames))) for language in languages]
    data = [
        {
            "name": language.name,
            "extensions": list(language.extensions),
            "filenames": list(language.filenames),
            "interpreters": list(language.interpreters),
        }
        for language in languages
    ]
    text = columns(rows, head=("LANGUAGE", "FILES"))
    return answered(f"{text}\n\nOther text is explained by its lines.", {"languages": data})


NOUN = Noun({"list": list_languages})
