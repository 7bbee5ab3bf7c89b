"""Writes a setting into the file that a person chose: their own, or the project's for this machine alone."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, Literal, Protocol

from aiex.errors import Conflict, UsageError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Mapping

Where = Literal["user", "project", "here"]
GUARDING: Final = ("policy.", "paths.", "audit.", "keys.", "providers.", "sandbox.")
"""Settings that say what may happen, what is on record, and who gets the keys: their changes are on record."""
LOCAL_FILE: Final = ".aiex/config.local.toml"


class Setter(Protocol):
    """The services that are needed."""

    @property
    def root(self) -> str: ...
    @property
    def environ(self) -> Mapping[str, str]: ...

    def standing(self, change: str, *, scope: str = "user", **detail: str) -> AbstractContextManager[object]:
        """The block of a change that stays, by an admin and on record."""


def write_setting(services: Setter, key: str, value: str, where: Where) -> str:
    """Write a setting for good; what to tell a person.

    Raises:
        ConfigError: if there is no such setting, it is a secret, or the value does not fit.
        UsageError: if there is no workspace, or its files are not used because nobody trusts it.
        Denied: if the role may not do this.
        StoreError: if the file cannot be written.
    """
    from aiex.settings import set_value, user_file

    if where == "project":
        return _write_local(services, key, value)
    file = user_file(services.environ)
    with _on_record(services, key, value):
        set_value(file, key, value)
    return f"{key} is set in {printable_path(file)}"


def _write_local(services: Setter, key: str, value: str) -> str:
    """Write into the project. Trust is bound to what its files say, so it is given anew, to exactly this change."""
    from aiex.guard.trust import is_trusted, project_files, trust
    from aiex.settings import set_value

    if not services.root:
        raise UsageError("there is no workspace here to write a setting for")
    before = project_files(services.root)
    if not is_trusted(services.root, before):
        raise UsageError("settings of this project are not used: nobody trusts it", hint="first: /add trust")
    root = os.path.realpath(services.root)
    file = os.path.join(root, LOCAL_FILE)
    if os.path.realpath(file) != file:
        raise Conflict(f"{LOCAL_FILE} leads elsewhere: it is a link", hint="take the link away, or write it yourself")
    with _on_record(services, key, value, scope="project"):
        os.makedirs(os.path.dirname(file), exist_ok=True)
        set_value(file, key, value)
        after = project_files(services.root)
        others = {*before.contents, *after.contents} - {LOCAL_FILE}
        if any(before.contents.get(path) != after.contents.get(path) for path in others):
            raise Conflict("the project's settings changed meanwhile, so it is not trusted any more", hint="/add trust")
        trust(services.root, seen=after)
    return f"{key} is set in {LOCAL_FILE} of this project, for this machine"


def _on_record(services: Setter, key: str, value: str, scope: str = "user") -> AbstractContextManager[object]:
    if scope == "user" and not key.startswith(GUARDING):
        return nullcontext()
    from aiex.guard.redact import redact

    return services.standing(f"set config {key}", scope=scope, value=redact(value))
