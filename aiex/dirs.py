"""Where Aiex keeps its own files: cache, configuration, data and state, outside every repository.

Each place is `AIEX_<KIND>_DIR`, which must be a whole path, or else what the platform's rule says. On Linux and other
XDG systems the rule is computed here, because importing `platformdirs` costs 19 ms; elsewhere `platformdirs` answers.
"""

import os
import re
import sys
from collections.abc import Mapping

from aiex.digest import fingerprint
from aiex.errors import ConfigError

_XDG = {
    "cache": ("XDG_CACHE_HOME", ".cache"),
    "config": ("XDG_CONFIG_HOME", ".config"),
    "data": ("XDG_DATA_HOME", os.path.join(".local", "share")),
    "state": ("XDG_STATE_HOME", os.path.join(".local", "state")),
}
_LONGEST_NAME = 40


def cache_dir(environ: Mapping[str, str] = os.environ) -> str:
    """What can be computed again."""
    return _place("cache", environ)


def config_dir(environ: Mapping[str, str] = os.environ) -> str:
    """What a person wrote: `config.toml`, roles, prompts."""
    return _place("config", environ)


def data_dir(environ: Mapping[str, str] = os.environ) -> str:
    """What must not be lost: sessions, checkpoints, trust."""
    return _place("data", environ)


def state_dir(environ: Mapping[str, str] = os.environ) -> str:
    """What may be lost but is kept between runs: logs, crash reports."""
    return _place("state", environ)


def require_whole(environ: Mapping[str, str] = os.environ) -> None:
    """Check the places that the environment names.

    Raises:
        ConfigError: if one is relative, as each function above does: our files would lie in whatever repository one
            is in.
    """
    for kind in _XDG:
        _chosen(kind, environ)


def ensure(path: str) -> str:
    """Create a directory of ours, readable by its owner only, and give its path back."""
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def workspace_dir(base: str, root: str) -> str:
    """The directory under `base` that belongs to the workspace at `root`; not created.

    Two roots never share one: the name begins with a digest of the whole path. The readable rest is ASCII.
    """
    real = os.path.realpath(root)
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", os.path.basename(real))[:_LONGEST_NAME].strip("._") or "root"
    return os.path.join(base, "workspaces", f"{fingerprint(os.fsencode(os.path.normcase(real)), size_bytes=8)}-{name}")


def _place(kind: str, environ: Mapping[str, str]) -> str:
    if chosen := _chosen(kind, environ):
        return chosen
    if sys.platform in ("win32", "darwin"):
        return _platform_place(kind)
    variable, below_home = _XDG[kind]
    base = environ.get(variable, "").strip()
    if not os.path.isabs(base):  # the XDG specification: a relative path is invalid and ignored
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), below_home)
    return os.path.join(base, "aiex")


def _chosen(kind: str, environ: Mapping[str, str]) -> str:
    name = f"AIEX_{kind.upper()}_DIR"
    given = environ.get(name, "").strip()
    place = os.path.expanduser(given)
    if place and not os.path.isabs(place):  # it would begin in the current directory, which is mostly a repository
        hint = f"give {name} a whole path, such as {os.path.join('~', 'aiex', kind)}"
        raise ConfigError(f"{name} is not a whole path: {given!a}", hint=hint)
    return os.path.normpath(place) if place else ""


def _platform_place(kind: str) -> str:
    import platformdirs

    return str(getattr(platformdirs, f"user_{kind}_dir")("aiex", appauthor=False))
