"""Opening an address in the person's browser, which then goes on without us and without our environment."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from typing import TYPE_CHECKING

from aiex.guard.sandbox.process import clean_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOR_WINDOWS = (
    *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XDG_RUNTIME_DIR", "XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE"),
    *("DBUS_SESSION_BUS_ADDRESS", "XDG_DATA_DIRS", "XDG_CONFIG_DIRS", "DESKTOP_SESSION"),
)
"""What a program with windows needs to find its screen."""
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "WSL_DISTRO_NAME")
_OPENERS = {"darwin": ("open",), "linux": ("wslview", "xdg-open", "gio open", "sensible-browser")}


def open_in_browser(url: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Show an address; False when no browser could be started. `BROWSER` names another program."""
    if sys.platform == "win32":
        try:
            os.startfile(url)  # noqa: S606  (the system chooses the browser)
        except OSError:
            return False
        return True
    has_screen = sys.platform == "darwin" or any(environ.get(name) for name in _SCREENS)
    argv = _find_opener(environ) if has_screen else []
    return bool(argv) and _start([*argv, url], environ)


def _find_opener(environ: Mapping[str, str]) -> list[str]:
    path = clean_environment(environ).get("PATH", os.defpath)
    own = environ.get("BROWSER", "").split(os.pathsep)[0].replace("%s", "")
    try:
        choices = [shlex.split(own), *(opener.split() for opener in _OPENERS.get(sys.platform, _OPENERS["linux"]))]
    except ValueError:
        return []
    return next((argv for argv in choices if argv and shutil.which(argv[0], path=path)), [])


def _start(argv: list[str], environ: Mapping[str, str]) -> bool:
    import subprocess

    seen = {name: environ[name] for name in _FOR_WINDOWS if name in environ}
    try:
        subprocess.Popen(
            argv,
            cwd=os.path.expanduser("~"),
            env=clean_environment(environ) | seen,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    return True
