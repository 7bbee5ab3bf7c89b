"""Shell completion: the script a shell loads, and the answers it then asks for at every Tab."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from click.shell_completion import ShellComplete, get_completion_class

from aiex.cli.groups import COMPLETE_VARIABLE, SETTINGS, Root
from aiex.cli.streams import write_stdout

SHELLS = ("bash", "zsh", "fish")


def script(shell: str) -> str:
    """The script that teaches a shell our words; it asks `aiex` itself at every Tab."""
    # the base class only fills in the template, while Bash's own method starts a process to ask bash its version
    return ShellComplete.source(_completer(shell))


def complete(instruction: str) -> int:
    """Answer what a completion script asks: `bash_complete`, or `bash_source` for the script itself."""
    shell, _, wish = instruction.partition("_")
    if shell not in SHELLS or wish not in ("complete", "source"):
        return 1
    try:
        said = script(shell) if wish == "source" else _completer(shell).complete()
    except (KeyError, ValueError):  # the variables of the shell are missing, or say no place in the line
        return 1
    write_stdout(said + "\n", flush=True)
    return 0


def _completer(shell: str) -> ShellComplete:
    found = get_completion_class(shell)
    if found is None:
        raise ValueError(f"click completes no {shell}")
    extra: MutableMapping[str, Any] = dict(SETTINGS)
    return found(Root(), extra, "aiex", COMPLETE_VARIABLE)
