"""The tree of words that Click walks: verbs, then nouns; and the reverse for those who think of the noun first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from aiex import __version__
from aiex.cli import registry
from aiex.cli.flags import with_globals
from aiex.cli.suggest import did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

HELP_WIDTH = 80
"""Help is laid out for the classic terminal everywhere, so that the packaged text and the reference never differ."""
COMPLETE_VARIABLE = "_AIEX_COMPLETE"
"""Set by the completion script of a shell, with what it asks; every command line looks for it."""
SETTINGS = {"help_option_names": ["-h", "--help"], "terminal_width": HELP_WIDTH}


class Words(click.Group):
    """A group whose commands are found by name, with one line of help for each that costs no import."""

    def summary(self, name: str) -> str:
        """One line of help on a command of this group."""
        command = self.get_command(click.Context(self), name)
        return command.get_short_help_str(HELP_WIDTH).rstrip(".") if command else ""

    def words(self) -> Iterable[str]:
        """Every word that leads on from here, also those that help leaves out."""
        return self.list_commands(click.Context(self))

    def unknown(self, word: str, following: list[str]) -> tuple[str, str]:
        """The message and the hint for a word that leads nowhere."""
        return f"no such command: {word}", did_you_mean(word, self.words())

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        command = self.get_command(ctx, args[0])
        if command is None and not ctx.resilient_parsing:
            message, hint = self.unknown(args[0], args[1:])
            raise WordError(message, hint=hint, ctx=ctx)
        return (args[0] if command else None), command, args[1:]

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        found = [CompletionItem(name, help=self.summary(name)) for name in names]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.summary(name)) for name in self.list_commands(ctx)]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)


class WordError(click.UsageError):
    """A word that leads nowhere, with a hint of its own."""

    def __init__(self, message: str, *, hint: str, ctx: click.Context) -> None:
        super().__init__(message, ctx)
        self.hint = hint


class NounsOfVerb(Words):
    """`aiex list NOUN`: a verb that works on several nouns."""

    def __init__(self, verb: str) -> None:
        super().__init__(
            verb, help=f"{verb.capitalize()} what NOUN names.", subcommand_metavar="NOUN ...", no_args_is_help=False
        )
        self.verb = verb
        with_globals(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return registry.nouns_with(self.verb)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        noun = registry.find_noun(cmd_name)
        return registry.load_noun(noun).verbs.get(self.verb) if noun else None

    def unknown(self, word: str, following: list[str]) -> tuple[str, str]:
        nouns = registry.nouns_with(self.verb)
        noun = registry.find_noun(word)
        if noun:
            verbs = ", ".join(f"{verb} {noun}" for verb in registry.load_noun(noun).verbs)
            return f"cannot {self.verb} {noun}", f"there is: {verbs}"
        return f"cannot {self.verb} {word!r}", did_you_mean(word, nouns) or f"one of: {', '.join(nouns)}"

    def invoke(self, ctx: click.Context) -> Any:
        if not _has_word(ctx):
            nouns = registry.nouns_with(self.verb)
            raise WordError(f"{self.verb} what?", hint=f"one of: {', '.join(nouns)}", ctx=ctx)
        return super().invoke(ctx)


class VerbsOfNoun(Words):
    """`aiex config list`: the reversed order, understood but not advertised."""

    def __init__(self, noun: str) -> None:
        super().__init__(
            noun,
            help=f"{registry.noun_summary(noun)}.",
            subcommand_metavar="VERB ...",
            hidden=True,
            no_args_is_help=False,
        )
        self.noun = noun
        with_globals(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(registry.load_noun(self.noun).verbs)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        noun = registry.load_noun(self.noun)
        if cmd_name not in noun.also:
            return noun.verbs.get(cmd_name)
        verb, other = noun.also[cmd_name]
        return registry.load_noun(other).verbs[verb]

    def unknown(self, word: str, following: list[str]) -> tuple[str, str]:
        verbs = self.list_commands(click.Context(self))
        return f"cannot {word} {self.noun}", did_you_mean(word, verbs) or f"one of: {', '.join(verbs)}"

    def invoke(self, ctx: click.Context) -> Any:
        if not _has_word(ctx):
            phrases = (f"{verb} {self.noun}" for verb in self.list_commands(ctx))
            raise WordError(f"what about {self.noun}?", hint=f"one of: {', '.join(phrases)}", ctx=ctx)
        return super().invoke(ctx)


class Root(Words):
    """`aiex` itself."""

    def __init__(self) -> None:
        super().__init__(
            "aiex",
            help=_INTRODUCTION,
            subcommand_metavar="COMMAND ...",
            no_args_is_help=False,
            context_settings=dict(SETTINGS),
        )
        self.params.append(
            click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
                         help="Show the version and exit.")
        )  # fmt: skip
        with_globals(self)

    def list_commands(self, ctx: click.Context) -> list[str]:
        verbs = registry.verb_names()
        return [*verbs, *(verb for verb in registry.noun_verbs() if verb not in verbs)]

    def words(self) -> Iterable[str]:
        return [*registry.verb_names(), *registry.noun_verbs(), *registry.noun_names()]

    def summary(self, name: str) -> str:
        if name in registry.verb_names():
            return registry.verb_summary(name)
        return ", ".join(registry.nouns_with(name))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in registry.verb_names():
            return registry.load_verb(cmd_name)
        if noun := registry.find_noun(cmd_name):
            return VerbsOfNoun(noun)
        return NounsOfVerb(cmd_name) if cmd_name in registry.noun_verbs() else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        verb, *following = args
        if verb in _ALIASES:
            verb = _ALIASES[verb]
            args = [verb, *following]
        if verb in registry.verb_names():
            if is_about_noun((verb, *following)):
                return verb, NounsOfVerb(verb), following
        elif not registry.find_noun(verb) and _names_noun_with(verb, following):
            return verb, NounsOfVerb(verb), following
        return super().resolve_command(ctx, args)

    def unknown(self, word: str, following: list[str]) -> tuple[str, str]:
        import os

        from aiex.guard.neutral import printable_path

        shown = printable_path(word)
        hint = did_you_mean(word, self.words())
        if not hint and os.path.lexists(word) and "explain" in registry.verb_names():
            hint = f"to learn about this path: aiex explain {shown}"
        if not hint:
            hint = "aiex help lists the commands"
            hint += f"; to send it as a wish: aiex chat {shown}" if not following and shown.isalnum() else ""
        return f"no such command: {shown}", hint

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, registry.verb_summary(name)) for name in registry.verb_names()])
        with formatter.section("Commands on a noun"):
            formatter.write_dl([(f"{verb} NOUN", self.summary(verb)) for verb in registry.noun_verbs()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from aiex.cli.topics import topic_names

        with formatter.section("More"):
            formatter.write_dl([("aiex help TOPIC", ", ".join(topic_names()))])


_ALIASES = {"exec": "run"}
"""Words that people type out of habit."""
_INTRODUCTION = "A coding assistant for the terminal that knows the code and cannot hurt the repository."


def is_about_noun(words: Sequence[str]) -> bool:
    """Whether a verb that does a job is followed by a noun that has it too: `run sandbox` beside `run PROMPT`."""
    return len(words) > 1 and words[0] in registry.verb_names() and _names_noun_with(words[0], list(words[1:2]))


def _names_noun_with(verb: str, following: list[str]) -> bool:
    """Whether a later word is a noun that offers `verb`; only the nouns that are named get imported."""
    named = (noun for word in following if (noun := registry.find_noun(word)))
    return any(verb in registry.load_noun(noun).verbs for noun in named)


def _has_word(ctx: click.Context) -> bool:
    return bool(ctx._protected_args)


def _print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"aiex {__version__}")
        ctx.exit()
