"""What a model finds in a change: a source beside the rules, which may look around and change nothing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final, cast

from aiex.errors import ToolError
from aiex.events import TurnEnded, Warned
from aiex.guard.neutral import printable_path
from aiex.jobs.errands import LOOKING
from aiex.jobs.prompting import load_prompt
from aiex.jobs.reviewing.model import SEVERITIES, Hit, Rule
from aiex.jobs.working import Wish, require_model, work
from aiex.messages import Document, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiex.events import Event
    from aiex.jobs.reviewing.diff import Diff
    from aiex.jobs.reviewing.review import Named
    from aiex.jobs.working import Hirer

NAME: Final = "model"
RULE: Final = Rule(
    "warning",
    "what the model in use found",
    "A model read the change and the code around it. It can be wrong: look before you act on it.",
)
SCHEMA: Final = {
    "type": "object",
    "properties": {
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "line": {"type": "integer"},
                    "severity": {"type": "string", "enum": list(SEVERITIES)},
                    "message": {"type": "string"},
                    "suggestion": {"type": "string"},
                },
                "required": ["path", "line", "severity", "message", "suggestion"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["findings"],
    "additionalProperties": False,
}
MOST_PATCH_CHARS: Final = 200_000
"""What is longer the model reads by itself, file by file."""
NEAR_LINES: Final = 3
"""A finding may name a line so far from what the change touched: models count from the lines they were shown."""


class ModelSource:
    """Asks the model in use.

    Args:
        hirer: The services.
    """

    def __init__(self, hirer: Hirer) -> None:
        require_model(hirer)
        self.rules = {NAME: RULE}
        self.spent: TurnEnded | None = None
        self._hirer = hirer

    async def find(self, diff: Diff) -> AsyncIterator[Event | Named]:
        """What it found in lines that the change touched; what it says of others is left out, and told."""
        if not diff.files:
            return
        async with aclosing(cast("Any", work(self._wish(diff), self._hirer))) as events:
            async for event in events:
                if not isinstance(event, TurnEnded):
                    yield event
                    continue
                self.spent = event
                if event.status == "error":
                    raise _ModelFailed(event)
                for told in self._to_hits(event, diff):
                    yield told if isinstance(told, Warned) else (NAME, RULE, told)

    def _wish(self, diff: Diff) -> Wish:
        from aiex.guard.redact import redact

        patch = redact(render_patch(diff))
        if len(patch) > MOST_PATCH_CHARS:
            names = "\n".join(printable_path(change.path) for change in diff.files)
            patch = f"{patch[:MOST_PATCH_CHARS]}\n… the rest is cut; all files that changed:\n{names}"
        said = load_prompt("review", what=diff.scope)
        parts = (Document("patch", "text/x-diff", patch), Text(said.strip()))
        return Wish(parts, schema=SCHEMA, tools=LOOKING)

    def _to_hits(self, ended: TurnEnded, diff: Diff) -> Iterator[Hit | Warned]:
        found = (ended.data or {}).get("data") or json.loads(ended.answer)
        touched = {change.path: sorted(change.added) for change in diff.files}
        left_out = 0
        for one in found["findings"]:
            lines = touched.get(one["path"])
            near = [line for line in lines or () if abs(line - one["line"]) <= NEAR_LINES]
            if lines is None or (lines and not near):
                left_out += 1
                continue
            line = one["line"] if one["line"] in near else (near[0] if near else 0)
            yield Hit(one["path"], line, one["message"], one["suggestion"], severity=one["severity"])
        if left_out:
            yield Warned(f"{left_out} findings of the model are left out: they name no line that changed")


class _ModelFailed(ToolError):
    """The model could not do it; the review says so and is no review."""

    def __init__(self, ended: TurnEnded) -> None:
        super().__init__(f"the model could not review: {ended.error}", hint=ended.hint)
        self.exit_code = ended.exit_code


def render_patch(diff: Diff) -> str:
    """The change as a patch, file by file."""
    from aiex.agent.patches import render_change

    pieces = []
    for change in diff.files:
        if change.is_secret:
            continue
        old, new = (source.data if source is not None else None for source in (change.old, change.new))
        pieces.append(render_change(change.path, old, new).decode("utf-8", "replace"))
    return "".join(pieces)
