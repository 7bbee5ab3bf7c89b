"""What the command line offers to the screen that it opened."""

from __future__ import annotations

import pytest

from aiex.cli.hosting import CommandLine
from aiex.cli.main import parse
from aiex.errors import UsageError


@pytest.fixture
def host() -> CommandLine:
    return CommandLine(parse(["chat"]))


def test_flags_that_would_be_refused_are_not_offered(host: CommandLine):
    offered = {name for name, _ in host.complete(["explain"], "-")}
    assert "--name" in offered
    assert not offered & {"-C", "--set", "-m", "--model", "--profile"}


def test_options_of_a_command_are_offered_whatever_they_are_called(host: CommandLine):
    assert "--to" in {name for name, _ in host.complete(["rewind", "session"], "--")}


def test_what_needs_the_terminal_is_sent_to_a_shell(host: CommandLine):
    with pytest.raises(UsageError) as raised:
        host.understand(["login", "one"])
    assert raised.value.hint == "in a shell: aiex login one"
