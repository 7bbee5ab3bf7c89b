"""Where rules are written: they come from the settings with their lines, and go into the files of the person."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from aiex.errors import AiexError, ConfigError, UsageError
from aiex.guard.policy.policy import Policy
from aiex.guard.policy.rules import Rule, RuleError, parse_rule
from aiex.record import record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from aiex.guard.actions import Mode, Scope
    from aiex.guard.trust import ProjectFiles
    from aiex.settings import Origin, Settings

_PATH: Final = ("policy", "rules")
LIMIT_BYTES: Final = 10_000_000
MOST_RULES: Final = 10_000
"""In one file; with more of them nobody could know what is in force, so nothing is decided then."""
_PROJECT_FILE: Final = ".aiex/config.toml"
_SCOPES: Final[Mapping[str, Scope]] = {
    "user": "user",
    "profile": "user",
    "environment": "session",
    "set": "session",
    "flag": "session",
    "project": "project",
    "local": "project",
    "managed": "managed",
}


@record
class Written:
    """Where a rule was written or taken out."""

    file: str
    rules: tuple[str, ...]
    """As they stand, or stood, there."""
    in_force: bool
    """False when the file is a project's that is not trusted."""


def load_policy(settings: Settings, *, root: str = "", project: ProjectFiles | None = None) -> Policy:
    """All rules of the settings, compiled.

    Args:
        settings: Every file adds its own rules; an untrusted project's are not among them.
        root: The workspace.
        project: The files that the settings of the project came from, for the lines of its rules.

    Raises:
        ConfigError: if a rule cannot be read, with file and line. Nothing is decided then.
    """
    return Policy(
        read_rules(settings, project),
        root=root,
        allow_read=_absolute(root, settings.get("paths.allow_read")),
        allow_write=_absolute(root, settings.get("paths.allow_write")),
    )


def load_mode(settings: Settings) -> Mode:
    """The permission mode that the settings say."""
    mode: Mode = settings.get("policy.mode")
    return mode


def read_rules(settings: Settings, project: ProjectFiles | None = None) -> Iterator[Rule]:
    """The rules of all settings, the strongest file first. Raises ConfigError."""
    origin = settings.origin("policy.rules")
    layers = [layer for layer in (origin, *origin.overrode) if layer.source != "built-in"]
    for layer in layers:
        if len(layer.value) > MOST_RULES:
            raise ConfigError(f"cannot use {layer.place}: it has more than {MOST_RULES:,} rules")
        yield from _rules_of(layer, project)


def read_file(file: str) -> list[Rule]:
    """The rules of one configuration file, as the person's own. Raises ConfigError."""
    from aiex.configfile import parse
    from aiex.configlist import entry_lines

    try:
        with open(file, "rb") as source:
            data = source.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    if len(data) > LIMIT_BYTES:
        raise ConfigError(f"cannot read {file}: it has more than {LIMIT_BYTES:,} bytes")
    policy = parse(data, file).values.get("policy", {})
    texts = policy.get("rules", []) if isinstance(policy, dict) else None
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ConfigError(f"cannot use {file}: policy.rules is not a list of strings")
    if len(texts) > MOST_RULES:
        raise ConfigError(f"cannot use {file}: it has more than {MOST_RULES:,} rules")
    lines = dict(reversed(entry_lines(data, file, _PATH)))
    return [parse_rule(text, file=file, line=lines.get(text, 0)) for text in texts]


def _rules_of(layer: Origin, project: ProjectFiles | None) -> Iterator[Rule]:
    scope, lines = _SCOPES[layer.source], dict(reversed(_lines_of(layer, project)))
    for text in layer.value:
        line = lines.get(text, layer.line or 0)
        yield parse_rule(text, scope=scope, file=layer.file or layer.detail, line=line)


def _lines_of(layer: Origin, project: ProjectFiles | None) -> list[tuple[str, int]]:
    if not layer.file:
        return []
    from aiex.configlist import entry_lines

    path = ("profiles", layer.detail, *_PATH) if layer.source == "profile" else _PATH
    try:
        return entry_lines(_read(layer.file, project), layer.file, path)
    except (AiexError, OSError):  # it was read a moment ago; only the lines are missing
        return []


def _read(file: str, project: ProjectFiles | None) -> bytes:
    for relative, data in project.contents.items() if project else ():
        if os.path.join(project.root if project else "", relative) == os.path.realpath(file):
            return data
    with open(file, "rb") as source:
        return source.read()


def _absolute(root: str, entries: Iterable[str]) -> list[str]:
    return [os.path.realpath(os.path.join(root, os.path.expanduser(entry))) for entry in entries]


def add_rule(text: str, *, scope: Scope, root: str = "", environ: Mapping[str, str] = os.environ) -> Written:
    """Write a rule into the person's own file, or into that of the project; the rest of the file stays as it is.

    Args:
        text: The rule.
        scope: `user` or `project`.
        root: The workspace, for a project.
        environ: Says where the person's file is.

    Raises:
        ConfigError: if it is no rule, if a project would loosen something by it, or if the file cannot be changed.
        Denied: if the file of the project is a link.
    """
    from aiex.configlist import with_entry

    rule = parse_rule(text, scope=scope)
    if scope == "project" and rule.effect == "allow":
        raise UsageError(f"a project cannot allow: {rule.text}", hint="it can only tighten; leave out --scope project")

    def change(data: bytes, file: str) -> bytes:
        present = [found for found in _texts(data, file) if _is_same(found, rule)]
        return data if present else with_entry(data, file, _PATH, rule.text)

    file, in_force = _change(change, scope, root, environ)
    return Written(file, (rule.text,), in_force)


def remove_rule(text: str, *, scope: Scope, root: str = "", environ: Mapping[str, str] = os.environ) -> Written:
    """Take a rule out of the person's own file, or out of that of the project, however it is spelled there.

    What cannot be read as a rule goes by its exact text. `rules` of the answer are empty when there was none.

    Raises:
        ConfigError: if the file cannot be changed.
        Denied: if the file of the project is a link.
    """
    from aiex.configlist import without_entry

    gone: list[str] = []
    try:
        rule = parse_rule(text, scope=scope)
    except RuleError:
        rule = None

    def change(data: bytes, file: str) -> bytes:
        for found in _texts(data, file):
            if found == text or (rule is not None and _is_same(found, rule)):
                gone.append(found)
                data = without_entry(data, file, _PATH, found)
        return data

    file, in_force = _change(change, scope, root, environ)
    return Written(file, tuple(gone), in_force)


def _is_same(text: str, rule: Rule) -> bool:
    try:
        return parse_rule(text, scope=rule.scope).text == rule.text
    except RuleError:
        return False


def _texts(data: bytes, file: str) -> list[str]:
    from aiex.configlist import entry_lines

    return list(dict.fromkeys(value for value, _ in entry_lines(data, file, _PATH)))


def _change(
    change: Callable[[bytes, str], bytes], scope: Scope, root: str, environ: Mapping[str, str]
) -> tuple[str, bool]:
    """Change a file while no other process does; its name, and whether what it says counts."""
    from aiex.dirs import state_dir
    from aiex.guard.private import Lock
    from aiex.settings import user_file

    if scope not in ("user", "project"):
        raise UsageError(f"no file holds rules of the scope {scope}", hint="user or project")
    with Lock(os.path.join(state_dir(environ), "policy.lock")):
        if scope == "project":
            return _change_project(change, root)
        from aiex.configfile import change_file

        file = user_file(environ)
        change_file(file, lambda data: change(data, file))
        return file, True


def _change_project(change: Callable[[bytes, str], bytes], root: str) -> tuple[str, bool]:
    """Change the file of the project; if the project was trusted, what we wrote is trusted as well and nothing else."""
    from aiex.guard.sandbox.files import Missing, Workspace
    from aiex.guard.sandbox.paths import NameRules
    from aiex.guard.trust import is_trusted, project_files, trust

    if not root:
        raise ConfigError("there is no project here", hint="-C DIR names one")
    workspace = Workspace(root, names=NameRules(protected=frozenset()))
    before = project_files(root)
    had_trust = not before.contents or is_trusted(root, before)
    try:
        for path in (os.path.dirname(_PROJECT_FILE), _PROJECT_FILE):
            if workspace.stat(path).kind == "link":
                raise ConfigError(f"cannot change {path} in {root}: it is a link", hint="edit what it points to")
        data = workspace.read(_PROJECT_FILE)
    except Missing:
        data = b""
    file = os.path.join(workspace.root, _PROJECT_FILE)
    changed = change(data, file)
    if changed == data:
        return file, is_trusted(root)
    workspace.write(_PROJECT_FILE, changed)
    after = project_files(root)
    expected = {**before.contents, _PROJECT_FILE: changed}
    if had_trust and after.contents == expected and not after.problems:
        trust(root, seen=after)
        return file, True
    return file, False
