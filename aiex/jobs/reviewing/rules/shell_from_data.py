"""Shell commands that are put together from values."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.calls import ECMASCRIPT, Call, added_calls, is_fixed, is_put_together, is_text
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_SYSTEM = frozenset({"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"})
_SHELLS = frozenset({"sh", "bash", "/bin/sh", "/bin/bash", "cmd"})


def _find(change: FileChange) -> Iterator[Hit]:
    if change.is_test or change.new is None:
        return
    for call in added_calls(change, "python", "go", *ECMASCRIPT):
        if call.arguments and _is_open(call, change):
            yield change.hit(
                call.node,
                "a shell reads a command that values are put into",
                "pass the program and its arguments as a list",
            )


def _is_open(call: Call, change: FileChange) -> bool:
    source, first = change.new, call.arguments[0]
    assert source is not None  # noqa: S101  (the caller looked)
    if change.language == "python":
        shell = call.named.get("shell")
        is_shell = shell is not None and source.text_of(shell) == "True"
        return (is_shell or call.callee in _SYSTEM) and first.type not in ("list", "tuple") and not is_fixed(first)
    if change.language == "go":
        program = source.text_of(first).strip('"`')
        return (
            call.callee == "exec.Command"
            and program in _SHELLS
            and any(is_put_together(one, source) for one in call.arguments[1:])
        )
    is_exec = call.name in ("exec", "execSync") and call.receiver.split(".")[-1] in ("", "child_process", "cp")
    return is_exec and is_put_together(first, source) and (is_text(first) or first.type == "binary_expression")


RULE = Rule(
    "warning",
    "Shell command from values",
    "A value with a quote, a semicolon or a dollar sign in it becomes a command of its own.",
    in_file=_find,
    known_as=("S602", "S604", "S605", "gosec", "G204"),
)
