"""Workflows of GitHub that get more rights than they need."""

from __future__ import annotations

import re
from collections.abc import Iterator

from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_PLACE = re.compile(r"(?:^|/)\.github/workflows/[^/]+\.ya?ml$")
_TARGET = re.compile(r"^\s*(?:-\s*)?(?:on:.*\b)?pull_request_target\b|^\s*on:\s*\[.*\bpull_request_target\b")
_ALL = re.compile(r"^\s*permissions:\s*['\"]?write-all\b")
_WRITE = re.compile(r"^\s*(?:contents|actions|packages|deployments|id-token|administration):\s*['\"]?write\b")
_INJECTED = re.compile(
    r"\$\{\{[^}]*\bgithub\.(?:head_ref\b|event\.(?:issue|pull_request|comment|review|discussion|head_commit|commits)\b"
    r"[^}]*\b(?:title|body|message|ref|label|name|email)\b)"
)


def _find(change: FileChange) -> Iterator[Hit]:
    if not _PLACE.search(change.path):
        return
    for number, line in change.added_lines():
        words = line.partition(" #")[0]
        if words.lstrip().startswith("#"):
            continue
        if _TARGET.search(words):
            message = "pull_request_target runs with the secrets of the repository on what strangers send"
            yield Hit(change.path, number, message, "use pull_request, and never check out the sent code here")
        elif _ALL.search(words):
            yield Hit(change.path, number, "the workflow may write everything", "name the permissions that it needs")
        elif _WRITE.search(words) and change.old is not None:
            yield Hit(change.path, number, f"the workflow got {words.strip()}", severity="note")
        elif _INJECTED.search(words) and _is_script(change, number):
            message = "words of strangers become part of a shell command"
            yield Hit(change.path, number, message, "hand them over in an environment variable")


def _is_script(change: FileChange, number: int) -> bool:
    """Whether a line belongs to a `run:`."""
    assert change.new is not None  # noqa: S101  (there are lines)
    lines = change.new.lines
    own = lines[number - 1]
    if re.match(r"\s*(?:-\s*)?run:", own):
        return True
    depth = len(own) - len(own.lstrip())
    for line in reversed(lines[: number - 1]):
        if line.strip() and len(line) - len(line.lstrip()) < depth:
            return re.match(r"\s*(?:-\s*)?run:", line) is not None
    return False


RULE = Rule(
    "warning",
    "Wide permission in a workflow",
    "Whoever can make a workflow run can use the rights that it has.",
    in_file=_find,
)
