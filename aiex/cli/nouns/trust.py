"""Trust in a workspace: whether the settings that a project brings may count."""

from __future__ import annotations

import os
from typing import Any

import click

from aiex.cli.columns import columns
from aiex.cli.flags import complete_folder
from aiex.cli.registry import Noun
from aiex.cli.work import Work, answered, report
from aiex.errors import UsageError
from aiex.events import TurnEnded
from aiex.wiring import Services


@click.command("add")
@click.argument("folder", default=".", shell_complete=complete_folder)
def add_trust(folder: str) -> Work:
    """Trust the settings of a project as they are now; FOLDER is the current directory by default.

    Trust ends when one of the files changes. `aiex show trust` prints what they say. The project's AGENTS.md and skills
    are given to the model as well, also when they change.
    """
    return report("add trust", lambda services: _add(services, _root_of(services, folder)), sturdy=True)


@click.command("list")
def list_trust() -> Work:
    """List the workspaces that are trusted."""
    return report("list trust", lambda _services: _list(), sturdy=True, placeless=True)


@click.command("rm")
@click.argument("folder", default=".", shell_complete=complete_folder)
def rm_trust(folder: str) -> Work:
    """Take trust in a workspace back, also in one that is gone; FOLDER is the current directory by default."""
    return report("rm trust", lambda services: _remove(services, _root_or_gone(services, folder)), sturdy=True)


@click.command("show")
@click.argument("folder", default=".", shell_complete=complete_folder)
def show_trust(folder: str) -> Work:
    """Show what a project would configure, and whether that is trusted."""
    return report("show trust", lambda services: _show(_root_of(services, folder)), sturdy=True)


def _root_of(services: Services, folder: str) -> str:
    """The workspace around a directory. Raises UsageError for what is none, which would mean the directory above it."""
    from aiex.guard.sandbox.files import find_root

    place = os.path.join(services.cwd, folder)
    if not os.path.isdir(place):
        from aiex.guard.neutral import printable_path

        found = "not a directory" if os.path.lexists(place) else "no such directory"
        raise UsageError(f"{printable_path(folder)}: {found}", hint="FOLDER is the directory of a project")
    return find_root(place)


def _root_or_gone(services: Services, folder: str) -> str:
    """The workspace around a directory; a directory that is gone is taken for the workspace itself."""
    place = os.path.join(services.cwd, folder)
    return _root_of(services, folder) if os.path.lexists(place) else os.path.realpath(place)


def _add(services: Services, root: str) -> TurnEnded:
    from aiex.agent.instructions import names_in
    from aiex.guard.trust import project_files, trust

    seen = project_files(root)
    with services.standing(f"add trust {root}", files=", ".join(seen.paths)):
        files = trust(root, seen=seen)
    what = ", ".join(files.paths) or "it configures nothing yet, and what comes is not trusted until you look at it"
    given = names_in(root)
    lines = [f"{files.root} is trusted: {what}", *([f"given to the model: {', '.join(given)}"] if given else [])]
    return answered("\n".join(lines), {"root": files.root, "files": list(files.paths), "given": list(given)})


def _list() -> TurnEnded:
    from aiex.guard.neutral import printable_path
    from aiex.guard.trust import is_trusted, trusted_roots

    states = {root: os.path.isdir(root) and is_trusted(root) for root in trusted_roots()}
    rows = [(printable_path(root), _state(root, holds=holds)) for root, holds in states.items()]
    data = [{"root": root, "trusted": holds} for root, holds in states.items()]
    return answered(columns(rows, head=("WORKSPACE", "STATE")) or "no workspace is trusted", {"workspaces": data})


def _state(root: str, *, holds: bool) -> str:
    if holds:
        return "trusted"
    return "changed since, not trusted" if os.path.isdir(root) else "gone"


def _remove(services: Services, root: str) -> TurnEnded:
    from aiex.guard.trust import distrust

    with services.standing(f"rm trust {root}"):
        had_trust = distrust(root)
    text = f"{root} is not trusted any more" if had_trust else f"{root} was not trusted"
    return answered(text, {"root": root, "was_trusted": had_trust})


def _show(root: str) -> TurnEnded:
    from aiex.agent.instructions import names_in
    from aiex.guard.trust import is_trusted, project_files

    files = project_files(root)
    given = names_in(root)
    trusted = is_trusted(root, files)
    texts = {path: files.contents[path].decode("utf-8", "replace") for path in files.paths}
    problems = {path: error.message for path, error in files.problems.items()}
    data: dict[str, Any] = {"root": files.root, "trusted": trusted, "files": texts, "problems": problems}
    data["given"] = list(given)
    lines = [f"{files.root} {'is' if trusted else 'is not'} trusted"]
    for path, text in texts.items():
        lines += ["", f"{path}:", *(f"  {line}" for line in text.splitlines())]
    lines += [f"{path}: {problem}" for path, problem in problems.items()]
    if not texts and not problems:
        lines.append("it configures nothing")
    if given:
        lines += ["", f"{'given' if trusted else 'not given'} to the model: {', '.join(given)}"]
    return answered("\n".join(lines), data)


NOUN = Noun({"add": add_trust, "list": list_trust, "rm": rm_trust, "show": show_trust})
