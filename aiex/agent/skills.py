"""What the person and the project wrote for work of some kind: `SKILL.md` files, told by name, loaded on demand.

Those of the project count once it is trusted, and never take the name of one of the person's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from aiex import dirs
from aiex.errors import AiexError, ToolError
from aiex.events import Warned
from aiex.guard.neutral import neutralise, printable_path
from aiex.patterns import late
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aiex.agent.kit import Means
    from aiex.guard.sandbox.files import Workspace

FOLDERS: Final = (".agents/skills", ".claude/skills")
"""Of a project; of two skills with one name that in the first counts (https://agentskills.io)."""
OWN_FOLDER: Final = "skills"
"""In the directory of the person's configuration."""
FILE: Final = "SKILL.md"
MOST_SKILLS: Final = 50
MOST_DESCRIPTION_CHARS: Final = 200
MOST_BYTES: Final = 28_000
_HEAD_BYTES: Final = 4_096
_NAME: Final = late(r"[\w.-]{1,64}")
_FIELD: Final = late(r"([A-Za-z_-]+):[ \t]*(.*)")


@record
class Skill:
    """One skill, not loaded yet."""

    name: str
    description: str
    """In one line."""
    folder: str
    """Relative to the workspace, or absolute for one of the person's own."""
    is_own: bool
    """The person's, and not the project's."""


class Skills:
    """The skills of one run, by name.

    Args:
        means: The workspace.
        found: By name.
        warnings: Why some are left out.
    """

    def __init__(self, means: Means, found: Mapping[str, Skill], warnings: list[Warned]) -> None:
        self._means = means
        self.found = found
        self.warnings = warnings

    def describe(self) -> str:
        """Their names and descriptions as the model reads them first; empty where there are none."""
        if not self.found:
            return ""
        rows = [f"- {skill.name}: {skill.description}" for skill in self.found.values()]
        return "\n".join(["Skills; load one by the tool `skill` before work that it is about:", *rows])

    def get(self, name: str) -> Skill:
        """A skill by its name. Raises ToolError if there is none."""
        if name not in self.found:
            raise ToolError(f"there is no skill {name!r}", hint=f"there are: {', '.join(self.found) or 'none'}")
        return self.found[name]

    def load(self, skill: Skill) -> str:
        """What it says, without its front matter. Raises Denied and StoreError if it cannot be read."""
        files = _own_files(self._means) if skill.is_own else self._means.workspace
        if files is None:
            raise ToolError(f"the skill {skill.name} is gone")
        place = os.path.basename(skill.folder) if skill.is_own else skill.folder
        data = files.read_head(f"{place}/{FILE}", MOST_BYTES + 1)
        _, body = _split(data[:MOST_BYTES].decode("utf-8", "replace"))
        cut = f"\n… cut here: it is longer than {MOST_BYTES:,} bytes" if len(data) > MOST_BYTES else ""
        return body.strip() + cut


def find_skills(means: Means) -> Skills:
    """The person's skills, and those of a trusted project.

    Cost: a listing for each place, and a read for each skill.
    """
    found: dict[str, Skill] = {}
    warnings: list[Warned] = []
    own = _own_files(means)
    if own is not None:
        _take(_look(own, ".", os.path.join(own.root, ""), warnings, is_own=True), found, warnings)
    for folder in FOLDERS:
        if not means.root or not os.path.isdir(os.path.join(means.root, folder)):
            continue
        if not means.trusted:
            warnings.append(
                Warned(
                    f"the skills in {folder} are not given to the model: this workspace is not trusted",
                    "read them, then: aiex add trust",
                )
            )
            continue
        _take(_look(means.workspace, folder, f"{folder}/", warnings, is_own=False), found, warnings)
    return Skills(means, found, warnings)


def _own_files(means: Means) -> Workspace | None:
    """The way to the person's own skills; None where there are none."""
    from aiex.guard.sandbox.files import Workspace

    place = os.path.join(dirs.config_dir(means.environ), OWN_FOLDER)
    return Workspace(place) if os.path.isdir(place) else None


def _take(skills: Iterator[Skill], found: dict[str, Skill], warnings: list[Warned]) -> None:
    for skill in skills:
        if skill.name in found:
            warnings.append(Warned(f"the skill in {printable_path(skill.folder)} is left out: its name is taken"))
        elif len(found) >= MOST_SKILLS:
            warnings.append(Warned(f"only the first {MOST_SKILLS} skills count"))
            return
        else:
            found[skill.name] = skill


def _look(files: Workspace, folder: str, shown: str, warnings: list[Warned], *, is_own: bool) -> Iterator[Skill]:
    from aiex.guard.sandbox.files import Missing

    try:
        names = files.list(folder)
    except AiexError as error:
        warnings.append(Warned(f"skills cannot be read: {error.message}", error.hint))
        return
    for name in names:
        try:
            head = files.read_head(f"{folder}/{name}/{FILE}", _HEAD_BYTES)
        except Missing:
            continue
        except AiexError as error:
            warnings.append(Warned(f"the skill {printable_path(name)} cannot be read: {error.message}", error.hint))
            continue
        if skill := _describe(head.decode("utf-8", "replace"), name, shown, is_own=is_own):
            yield skill


def _describe(text: str, folder: str, shown: str, *, is_own: bool) -> Skill | None:
    fields, _ = _split(text)
    name = next((one for one in (fields.get("name", ""), folder) if _NAME.fullmatch(one)), "")
    if not name:
        return None
    said = neutralise(" ".join(fields.get("description", "").split())).replace("\n", " ")
    if len(said) > MOST_DESCRIPTION_CHARS:
        said = f"{said[: MOST_DESCRIPTION_CHARS - 1].rstrip()}…"
    return Skill(name, said or "no description", f"{shown}{folder}", is_own)


def _split(text: str) -> tuple[dict[str, str], str]:
    """The fields of the front matter, and what follows it."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != "---":
        return {}, text
    end = next((at for at, line in enumerate(lines) if at and line.rstrip() == "---"), len(lines))
    return _read_fields(lines[1:end]), "\n".join(lines[end + 1 :])


def _read_fields(lines: list[str]) -> dict[str, str]:
    """Plain, quoted and folded texts of YAML; of anything else only what stands in its first line."""
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        if match := _FIELD.fullmatch(line.rstrip()):
            name, value = match[1], match[2]
            fields[name] = "" if value in (">", "|", ">-", "|-", ">+", "|+") else _unquoted(value)
        elif name and line[:1] in (" ", "\t"):
            fields[name] = f"{fields[name]} {line.strip()}".strip()
    return fields


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value.partition(" #")[0].rstrip()
