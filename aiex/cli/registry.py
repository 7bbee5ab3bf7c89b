"""Which commands exist, by the names of their files; a file is imported when its command is used."""

from collections.abc import Mapping
from dataclasses import field
from functools import cache

import click

from aiex import plugins
from aiex.cli.flags import with_globals
from aiex.record import record

COMMANDS = "aiex.cli.commands"
NOUNS = "aiex.cli.nouns"


@record
class Noun:
    """A thing, and what can be done with it: each verb is a command."""

    verbs: Mapping[str, click.Command]
    also: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Words after this noun that mean another verb and noun; understood but not advertised."""


@cache
def verb_names() -> tuple[str, ...]:
    """The verbs that do a job."""
    return tuple(plugins.names(COMMANDS))


@cache
def noun_names() -> tuple[str, ...]:
    """The nouns, in the singular."""
    return tuple(plugins.names(NOUNS))


def verb_summary(name: str) -> str:
    """One line on a verb, without importing it."""
    return plugins.summary(COMMANDS, name)


def noun_summary(name: str) -> str:
    """One line on a noun, without importing it."""
    return plugins.summary(NOUNS, name)


def find_noun(word: str) -> str | None:
    """The noun that `word` names in the singular or plural; None when there is no such noun."""
    singular = (word, word.removesuffix("s"), word.removesuffix("es"), word.removesuffix("ies") + "y")
    return next((form for form in singular if form in noun_names()), None)


@cache
def load_verb(name: str) -> click.Command:
    """The command of one verb."""
    command = plugins.load(COMMANDS, name).command
    if not isinstance(command, click.Command):
        raise TypeError(f"{COMMANDS}.{name} offers no click command")
    return with_globals(command)


@cache
def load_noun(name: str) -> Noun:
    """One noun with its verbs."""
    noun = plugins.load(NOUNS, name).NOUN
    if not isinstance(noun, Noun):
        raise TypeError(f"{NOUNS}.{name} offers no Noun")
    for command in noun.verbs.values():
        with_globals(command)
    return noun


def nouns_with(verb: str) -> list[str]:
    """The nouns that a verb such as `list` works on; imports every noun."""
    return [name for name in noun_names() if verb in load_noun(name).verbs]


def noun_verbs() -> list[str]:
    """Every verb that some noun offers; imports every noun."""
    return sorted({verb for name in noun_names() for verb in load_noun(name).verbs})
