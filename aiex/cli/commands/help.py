"""Show help on a command, a noun or a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aiex.cli import registry
from aiex.cli.topics import read_topic, topic_names
from aiex.cli.work import Markup, Work, answered, report
from aiex.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from click.shell_completion import CompletionItem


_ABOUT = frozenset({"chat", "completion", "doctor", "help", "login", "logout", "version"})
"""Verbs that the overview only names, so that it fits a screen."""


def _complete_topics(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    return [CompletionItem(name) for name in _known_words() if name.startswith(incomplete)]


@click.command()
@click.argument("topic", nargs=-1, shell_complete=_complete_topics)
def command(topic: tuple[str, ...]) -> Work:
    """Show help on a command, a noun or a topic; without TOPIC an overview."""
    page, is_markdown = find_help(topic)
    markup: Markup = "markdown" if is_markdown else "text"
    return report("help", lambda _services: answered(page, {"topic": " ".join(topic), "text": page}),
                  markup=markup, sturdy=True, placeless=True)  # fmt: skip


def find_help(words: tuple[str, ...]) -> tuple[str, bool]:
    """The help on some words, and whether it is Markdown.

    Raises:
        UsageError: if there is no such command, noun or topic.
    """
    if not words:
        return overview(), False
    word, *rest = words
    if not rest and word in topic_names():
        return read_topic(word) + _verbs_section(registry.find_noun(word)), True
    if not rest and (noun := registry.find_noun(word)):
        return f"# {noun.capitalize()}\n\n{registry.noun_summary(noun)}.\n{_verbs_section(noun)}", True
    return command_help(words), False


def overview() -> str:
    """What there is, on half a screen."""
    names = registry.verb_names()
    verbs = "\n".join(f"  {name:<12} {registry.verb_summary(name)}" for name in names if name not in _ABOUT)
    about = _wrapped(name for name in names if name in _ABOUT)
    nouns = _wrapped(registry.noun_names())
    noun_verbs = _wrapped(registry.noun_verbs())
    return (
        "aiex alone opens the screen; aiex VERB, or aiex VERB NOUN, does one thing.\n\n"
        f"Verbs that do a job:\n{verbs}\n\n"
        f"Verbs about Aiex itself:\n{about}\n\n"
        f"Nouns:\n{nouns}\n\n"
        f"Verbs that work on them:\n{noun_verbs}\n\n"
        f"Topics:\n{_wrapped(topic_names())}\n\n"
        "aiex help WORD tells more about any of these words; aiex --help lists the global flags.\n"
    )


def _wrapped(words: Iterable[str]) -> str:
    """Words in lines that fit the classic terminal."""
    from textwrap import fill

    return fill(", ".join(words), 78, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False)


def command_help(words: tuple[str, ...]) -> str:
    """Click's help on the command that the words name. Raises UsageError if they name none."""
    from aiex.cli.groups import NounsOfVerb, Root, is_about_noun
    from aiex.cli.suggest import did_you_mean

    root = Root()
    ctx = click.Context(root, info_name="aiex", **root.context_settings)
    for word in words:
        group = ctx.command
        command = group.get_command(ctx, word) if isinstance(group, click.Group) else None
        if group is root and is_about_noun(words):
            command = NounsOfVerb(word)
        if command is None:
            hint = did_you_mean(word, _known_words()) or f"aiex help lists what there is: {', '.join(topic_names())}"
            raise UsageError(f"no help on {' '.join(words)}", hint=hint)
        ctx = click.Context(command, info_name=word, parent=ctx)
    return ctx.get_help() + "\n\nGlobal flags (aiex --help) work here too.\n"


def _known_words() -> list[str]:
    return sorted({*registry.verb_names(), *registry.noun_names(), *registry.noun_verbs(), *topic_names()})


def _verbs_section(noun: str | None) -> str:
    if noun is None:
        return ""
    verbs = registry.load_noun(noun).verbs
    rows = "\n".join(f"- `aiex {verb} {noun}` {command.get_short_help_str(100)}" for verb, command in verbs.items())
    return f"\n## Commands\n\n{rows}\n"
