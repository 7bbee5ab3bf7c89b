"""`aiex explain command CMD`: the classification of a shell command, for a person and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiex.cli.work import Work, answered, report
from aiex.events import TurnEnded
from aiex.wiring import Services

if TYPE_CHECKING:
    from aiex.guard.commands.verdict import Classified, Simple

MOST_SHOWN = 400
"""Characters of a command that are repeated in the answer for a person."""
MEANINGS = {
    "safe": "it may run unasked",
    "ask": "it runs after somebody agreed",
    "forbidden": "it never runs on its own or by a single key, only by aiex run sandbox --approve or a managed rule",
}


def explain_command(text: str) -> Work:
    """Work that classifies a command as it would run here; `-` takes it from standard input."""
    return report("explain command", lambda services: _answer(text, services))


def _answer(text: str, services: Services) -> TurnEnded:
    from aiex.guard.commands.looking import look_in
    from aiex.guard.policy.places import command_action
    from aiex.guard.policy.policy import Policy

    command = _read_command() if text == "-" else text
    cwd = command_action(command, services.cwd, services.root).detail.get("cwd", "")
    found = Policy(root=services.root).classify(command, cwd=cwd, look=look_in(services.workspace))
    return answered(render(command, found), to_data(command, found))


def _read_command() -> str:
    from aiex.cli.streams import read_text_input

    return read_text_input("aiex explain command 'ls'").decode("utf-8", "surrogateescape").removesuffix("\n")


def render(command: str, found: Classified) -> str:
    """The level, the reasons and every simple command with its operands, as plain lines."""
    lines = [f"{found.level}: {MEANINGS[found.level]}", f"  {_clean(command)}"]
    if found.reasons:
        lines += ["", "Reasons"]
        lines += [f"  {reason.level:<9}  {_clean(reason.rule)}: {_clean(reason.why)}" for reason in found.reasons]
    if found.commands:
        lines += ["", "Commands"]
        lines += [line for simple in found.commands for line in _tree(simple)]
    return "\n".join(lines)


def _tree(simple: Simple) -> list[str]:
    indent = "  " * (len(simple.within) + 1)
    within = f"  (in {', '.join(simple.within)})" if simple.within else ""
    lines = [f"{indent}{_clean(simple.name)}: {simple.level}{within}"]
    for operand in simple.operands:
        why = f": {_clean(operand.why)}" if operand.why else ""
        lines.append(f"{indent}  {_clean(operand.text) or repr('')}  {operand.role}{why}")
    return lines


def to_data(command: str, found: Classified) -> dict[str, Any]:
    """The same for a program; texts are as they were written."""
    return {
        "command": command,
        "level": found.level,
        "reasons": [{"level": reason.level, "rule": reason.rule, "why": reason.why} for reason in found.reasons],
        "commands": [
            {
                "name": simple.name,
                "text": simple.text,
                "level": simple.level,
                "within": list(simple.within),
                "operands": [
                    {"text": operand.text, "role": operand.role, "level": operand.level, "why": operand.why}
                    for operand in simple.operands
                ],
            }
            for simple in found.commands
        ],
    }


def _clean(text: str) -> str:
    from aiex.guard.neutral import printable_path

    shown = text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}… ({len(text):,} characters)"
    return printable_path(shown)
