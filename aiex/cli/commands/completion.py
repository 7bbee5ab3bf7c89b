"""Print the completion script of a shell."""

from __future__ import annotations

import click

from aiex.cli.completion import SHELLS, script
from aiex.cli.work import Work, answered, report


@click.command()
@click.argument("shell", type=click.Choice(SHELLS), metavar="SHELL")
def command(shell: str) -> Work:
    """Print the completion script of a shell: bash, zsh or fish.

    \b
    bash   echo 'eval "$(aiex completion bash)"' >> ~/.bashrc
    zsh    echo 'eval "$(aiex completion zsh)"' >> ~/.zshrc
    fish   aiex completion fish > ~/.config/fish/completions/aiex.fish
    """
    text = script(shell)
    return report("completion", lambda _services: answered(text, {"shell": shell, "script": text}),
                  markup="verbatim", sturdy=True, placeless=True)  # fmt: skip
