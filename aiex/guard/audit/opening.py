"""The audit log as the settings want it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aiex.errors import StoreError
from aiex.guard.audit.log import AuditLog, Places, find_places, keep_in_file, open_keys

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aiex.events import SecurityNoticed
    from aiex.guard.audit.datakeys import DataKeys
    from aiex.settings import Settings


def open_audit(
    settings: Settings,
    environ: Mapping[str, str] = os.environ,
    *,
    tell: Callable[[SecurityNoticed], None] | None = None,
) -> AuditLog | None:
    """The log to write what happens into, which whoever opened it closes; None when the settings want none.

    Args:
        settings: `audit.mode` and `audit.heads` count.
        environ: Says where the person's files are.
        tell: Gets security events.
    """
    mode = settings.get("audit.mode")
    if mode == "off":
        return None
    heads = str(settings.get("audit.heads"))
    copies = [keep_in_file(os.path.expanduser(heads))] if heads else []
    return AuditLog(find_places(environ), mode=mode, tell=tell, copies=copies)


def find_records(environ: Mapping[str, str] = os.environ) -> tuple[Places, DataKeys]:
    """Where the person's log lies, and its keys, for those who read or check it.

    Raises:
        StoreError: if there is a log without keys, which nobody can read or check.
    """
    places = find_places(environ)
    keys = open_keys(places)
    if not keys.exists() and os.path.lexists(places.log):
        raise StoreError(f"the keys of the audit log are missing: {places.keys}", hint="restore them from a backup")
    return places, keys
