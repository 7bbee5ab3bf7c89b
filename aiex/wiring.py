"""The services of one run, each built when it is first asked for; the one place that knows all rooms."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from aiex.errors import UsageError

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.events import StreamEvent
    from aiex.guard.sandbox.files import Workspace
    from aiex.messages import Request
    from aiex.settings import Settings

Stream = Callable[["Request"], AsyncIterator["StreamEvent"]]
OFFLINE = "offline"


class Services:
    """What a job may need, for the workspace around one directory."""

    def __init__(
        self,
        cwd: str,
        *,
        overrides: Sequence[str] = (),
        profile: str | None = None,
        flags: Mapping[str, object] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.cwd = cwd
        self.environ = environ
        self._overrides = overrides
        self._profile = profile
        self._flags = flags or {}

    @cached_property
    def root(self) -> str:
        """The directory that the work stays beneath: the repository around `cwd`, else `cwd` itself."""
        from aiex.guard.sandbox.files import find_root

        return find_root(self.cwd)

    @cached_property
    def _is_configured(self) -> bool:
        return os.path.isdir(os.path.join(self.root, ".aiex"))

    @cached_property
    def trusted(self) -> bool:
        """Whether what the project configures may count; False too when it configures nothing."""
        if not self._is_configured:
            return False
        from aiex.guard.trust import is_trusted

        return is_trusted(self.root)

    def _read_project_file(self, relative: str) -> bytes | None:
        from aiex.guard.sandbox.files import Missing, Workspace

        try:
            return Workspace(self.root).read(relative)
        except Missing:
            return None

    @cached_property
    def settings(self) -> Settings:
        """Every setting with its origin; ConfigError when something in them is wrong."""
        from aiex import settings

        return settings.load(
            self.root,
            overrides=self._overrides,
            profile=self._profile,
            flags=self._flags,
            trusted=self.trusted,
            environ=self.environ,
            read=self._read_project_file if self._is_configured else None,
        )

    @cached_property
    def defaults(self) -> Settings:
        """The built-in settings and the flags alone, for what must work when the settings are broken."""
        from aiex import settings

        return settings.load(None, flags=self._flags, environ={})

    @cached_property
    def workspace(self) -> Workspace:
        """The only way to the files beneath the root."""
        from aiex.guard.sandbox.files import Workspace

        return Workspace(
            self.root,
            allow_read=self.settings.get("paths.allow_read"),
            allow_write=self.settings.get("paths.allow_write"),
        )

    @cached_property
    def engine(self) -> Engine:
        """What is known about the code, with its cache outside the repository."""
        from aiex import dirs
        from aiex.context.engine import open_engine

        place = dirs.workspace_dir(dirs.cache_dir(self.environ), self.root)
        return open_engine(self.workspace, cache_path=place, workers=self.settings.get("context.workers"))

    @property
    def model(self) -> str:
        """Who answers: `provider/model` or `offline`."""
        return str(self.settings.get("model"))

    @property
    def is_offline(self) -> bool:
        """Whether nothing leaves this machine and no event loop is needed."""
        return self.model == OFFLINE

    @cached_property
    def stream(self) -> Stream:
        """Ask the model in use."""
        from aiex.llm.router import open_stream

        return open_stream(self.settings, self.model, environ=self.environ)


def open_services(
    start: str,
    cwd: str | None,
    *,
    overrides: Sequence[str] = (),
    profile: str | None = None,
    flags: Mapping[str, object] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Services:
    """The services for the directory `cwd`, which is relative to `start`.

    Raises:
        UsageError: if that is not a directory.
    """
    place = os.path.normpath(os.path.join(start, cwd or "."))
    if not os.path.isdir(place):
        found = "not a directory" if os.path.lexists(place) else "no such directory"
        raise UsageError(f"cannot work in {cwd}: {found}", hint="-C takes the directory to work in")
    return Services(place, overrides=overrides, profile=profile, flags=flags, environ=environ)
