"""Text that is run as code, and objects that are built from what came in."""

from __future__ import annotations

from collections.abc import Iterator

from aiex.jobs.reviewing.calls import ECMASCRIPT, Call, added_calls, is_fixed
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_EVALS = {"python": frozenset({"eval", "exec", "builtins.eval", "builtins.exec"}), "ruby": frozenset({"eval"})}
_JS = frozenset({"eval", "window.eval", "globalThis.eval"})
_PICKLES = frozenset(
    f"{module}.{name}"
    for module in ("pickle", "cPickle", "dill", "marshal", "cloudpickle")
    for name in ("load", "loads")
)
_YAML = frozenset({"yaml.load", "yaml.load_all"})
_SAFE = ("SafeLoader", "BaseLoader")


def _find(change: FileChange) -> Iterator[Hit]:
    if change.is_test or change.new is None:
        return
    for call in added_calls(change, "python", "ruby", *ECMASCRIPT):
        if message := _judge(call, change):
            yield change.hit(call.node, *message)


def _judge(call: Call, change: FileChange) -> tuple[str, str] | None:
    language = change.language
    evals = _JS if language in ECMASCRIPT else _EVALS.get(language, frozenset())
    is_eval = call.callee in evals or (call.node.type == "new_expression" and call.callee == "Function")
    if is_eval and call.arguments and not all(map(is_fixed, call.arguments)):
        return f"{call.callee} runs text as code", "read the value: ast.literal_eval, JSON, a table of functions"
    if language != "python":
        return None
    if call.callee in _PICKLES:
        return f"{call.callee} runs whatever the data says", "use JSON, or check a signature first"
    if call.callee in _YAML and change.new is not None:
        loaders = [*call.arguments[1:], *(node for name, node in call.named.items() if name == "Loader")]
        if not any(sign in change.new.text_of(node) for node in loaders for sign in _SAFE):
            return f"{call.callee} builds any object that the text names", "use yaml.safe_load"
    return None


RULE = Rule(
    "warning",
    "Data run as code",
    "Who can choose the text or the bytes can run anything.",
    in_file=_find,
    known_as=("S102", "S307", "S301", "S302", "S506", "PGH001", "no-eval", "no-new-func"),
)
