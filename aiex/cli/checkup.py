"""What `aiex doctor` looks at: each check tells how one thing stands on this machine, and what to do about it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aiex.errors import AiexError, StoreError
from aiex.wiring import OFFLINE, Services

State = Literal["ok", "warn", "fail"]
OLDEST_PYTHON = (3, 11)
_LANDLOCK_CREATE_RULESET = 444
"""The same number on every architecture. Source: Linux `include/uapi/asm-generic/unistd.h`."""
_LANDLOCK_ASK_VERSION = 1
_PROBE_TIMEOUT_S = 5.0
"""A program that takes longer to tell its version is as good as not there."""


@dataclass(frozen=True, slots=True)
class Check:
    """How one thing stands."""

    name: str
    state: State
    detail: str
    hint: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


def run_checks(services: Services) -> Iterator[Check]:
    """Every check in a fixed order; a check that cannot be made is itself a failed check."""
    for check in CHECKS:
        try:
            yield check(services)
        except (AiexError, OSError) as error:
            yield Check(check.__name__.removeprefix("check_"), "fail", str(error), getattr(error, "hint", ""))


def check_python(_services: Services) -> Check:
    """Whether this Python is new enough."""
    version = ".".join(map(str, sys.version_info[:3]))
    data = {"version": version, "executable": sys.executable}
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "fail", f"{version} is too old", "Aiex needs Python 3.11 or later", data)
    return Check("python", "ok", f"{version} at {sys.executable}", data=data)


def check_terminal(services: Services) -> Check:
    """What standard output is: a terminal or not, its encoding, and whether it gets colour."""
    environ, stream = services.environ, sys.__stdout__ or sys.stdout  # a screen puts its own in place of the latter
    encoding = (getattr(stream, "encoding", "") or "unknown").lower()
    shape = ""
    if stream.isatty():
        size = os.get_terminal_size(stream.fileno())
        shape = f"{size.columns} x {size.lines}, "
    has_colour = shape != "" and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
    kind = f"terminal {environ.get('TERM') or 'of unknown type'}, " if shape else "not a terminal, "
    data = {
        "is_terminal": bool(shape),
        "type": environ.get("TERM", ""),
        "encoding": encoding,
        "colour": has_colour,
    }
    detail = f"{kind}{shape}{encoding}, {'colour' if has_colour else 'no colour'}"
    if encoding.replace("-", "") != "utf8":
        return Check("terminal", "warn", detail, "set LC_ALL=C.UTF-8 or PYTHONUTF8=1 to see every character", data)
    return Check("terminal", "ok", detail, data=data)


def check_git(services: Services) -> Check:
    """Whether git is there; without it an explanation has no history."""
    version = _version_of(["git", "--version"], services)
    if version is None:
        return Check("git", "warn", "not found", "install git to see the history of a file in explanations")
    return Check("git", "ok", version, data={"version": version})


def check_ripgrep(services: Services) -> Check:
    """Whether ripgrep is there; nothing needs it."""
    version = _version_of(["rg", "--version"], services)
    return Check("ripgrep", "ok", version or "not found, and not needed", data={"version": version})


def check_paths(_services: Services) -> Check:
    """How strongly this system holds file access beneath the workspace."""
    from aiex.guard.sandbox.files import sandbox_engine

    engine = sandbox_engine()
    data = {"engine": engine}
    if engine == "realpath":
        return Check("paths", "warn", "checked by name only", "this system has no safer way to open files", data)
    detail = {"openat2": "opened beneath the workspace by the kernel", "walk": "opened step by step without links"}
    return Check("paths", "ok", f"{detail.get(engine, engine)} ({engine})", data=data)


def check_isolation(services: Services) -> Check:
    """Which ways this system has to isolate a command."""
    bubblewrap = sys.platform == "linux" and _works(["bwrap", "--ro-bind", "/", "/", "--unshare-net", "true"], services)
    landlock = landlock_version()
    seatbelt = sys.platform == "darwin" and os.access("/usr/bin/sandbox-exec", os.X_OK)
    data = {"bubblewrap": bubblewrap, "landlock_abi": landlock, "seatbelt": seatbelt}
    ways = [
        *(["bubblewrap"] if bubblewrap else []),
        *([f"Landlock ABI {landlock}"] if landlock else []),
        *(["Seatbelt"] if seatbelt else []),
    ]
    if not ways:
        return Check("isolation", "warn", "no way to isolate commands", "install bubblewrap (bwrap)", data)
    return Check("isolation", "ok", ", ".join(ways), data=data)


def check_settings(services: Services) -> Check:
    """Which configuration files count, and what is odd about them."""
    from aiex.settings import managed_files, user_file

    own = [user_file(services.environ), *managed_files(services.environ)]
    project = [os.path.join(services.root, ".aiex", name) for name in ("config.toml", "config.local.toml")]
    files = [path for path in (*own, *project) if os.path.isfile(path)]
    data = {"files": files, "trusted": services.trusted, "root": services.root}
    warnings = services.settings.warnings
    if warnings:
        return Check("settings", "warn", "; ".join(warning.message for warning in warnings), warnings[0].hint, data)
    return Check("settings", "ok", ", ".join(files) or "no files, built-in values", data=data)


def check_keys(services: Services) -> Check:
    """Whether the provider in use has its key; tells names of variables, never a value."""
    settings = services.settings
    in_use, _model = settings.provider_and_model()
    variables = {name: str(settings.get(f"providers.{name}.api_key_env")) for name in settings.providers()}
    present = {name: bool(services.environ.get(variable)) for name, variable in variables.items() if variable}
    data = {"model": services.model, "variables": {variables[name]: here for name, here in present.items()}}
    detail = ", ".join(f"{variables[name]} {'set' if here else 'not set'}" for name, here in present.items())
    if in_use != OFFLINE and present.get(in_use) is False:
        return Check("keys", "fail", f"{services.model} needs {variables[in_use]}, which is not set",
                     f"export {variables[in_use]}=..., or use --offline", data)  # fmt: skip
    who = "offline, no key needed" if in_use == OFFLINE else services.model
    return Check("keys", "ok", f"{who}; {detail}" if detail else who, data=data)


def check_stores(services: Services) -> Check:
    """Whether the four directories can be written and SQLite works in them; makes the directories."""
    from aiex import dirs, sqlite

    version, has_search = sqlite.describe_engine()
    places = {kind: find(services.environ) for kind, find in _places().items()}
    data = {"sqlite": version, "fts5": has_search, **places}
    for place in places.values():
        _try_to_write(dirs.ensure(place))
    _try_database(places["cache"])
    if not has_search:
        return Check("stores", "warn", f"SQLite {version} lacks FTS5", "searching text needs a Python with FTS5", data)
    return Check("stores", "ok", f"SQLite {version} with WAL and FTS5; cache in {places['cache']}", data=data)


def check_sessions(services: Services) -> Check:
    """Whether every event of every session is whole."""
    sessions = services.sessions
    if not sessions.exist:
        return Check("sessions", "ok", "none yet")
    damaged = sessions.find_damaged()
    count = len(sessions.log.sessions())
    data: dict[str, Any] = {"sessions": count, "damaged": damaged, "cut_off": sorted(sessions.dead())}
    if damaged:
        hint = "aiex doctor --fix keeps all that is whole"
        return Check("sessions", "fail", f"{len(damaged)} of {count} are damaged", hint, data)
    if data["cut_off"]:
        detail = f"{count}, all whole; cut off: {', '.join(data['cut_off'])}"
        return Check("sessions", "warn", detail, "aiex resume session ID takes one up", data)
    return Check("sessions", "ok", f"{count}, all whole", data=data)


def check_checkpoints(services: Services) -> Check:
    """Whether the file of this workspace's checkpoints can be read; `aiex verify checkpoint` reads what they hold."""
    from aiex.sqlite import DamagedStore

    checkpoints = services.checkpoints
    if not checkpoints.exist:
        return Check("checkpoints", "ok", "none of this workspace yet")
    try:
        database = checkpoints.objects.database
    except DamagedStore as error:
        hint = "none is taken, and nothing undone, until it is moved away; a new one begins then, without those in it"
        return Check("checkpoints", "fail", error.message, hint)
    try:
        count = len(checkpoints.catalogue.list())
        faults = [*database.faults(), *(f"{one.id}: {why}" for one, why in checkpoints.catalogue.faults())]
    except DamagedStore as error:
        count, faults = 0, [error.message]
    data = {"file": database.path, "checkpoints": count, "faults": faults}
    if faults:
        hint = "aiex verify checkpoint tells which of them can still be restored"
        return Check("checkpoints", "fail", f"{database.path} is damaged: {faults[0]}", hint, data)
    return Check("checkpoints", "ok", f"{count} of this workspace", data=data)


def check_grammars(_services: Services) -> Check:
    """Whether the grammar of each language can be loaded."""
    from aiex import plugins
    from aiex.context.language import get_language, load_grammar
    from aiex.context.languages import ROOM

    broken = []
    names = plugins.names(ROOM)
    for name in names:
        try:
            load_grammar(get_language(name).grammar)
        except (ImportError, AttributeError, ValueError) as error:
            broken.append(f"{name}: {error}")
    data = {"languages": names, "broken": broken}
    if broken:
        return Check("grammars", "fail", "; ".join(broken), "install Aiex again", data)
    return Check("grammars", "ok", f"{len(names)} languages", data=data)


def check_vocabularies(_services: Services) -> Check:
    """Whether the packaged vocabularies are whole."""
    from aiex.tokens import read_tokens

    sizes = {name: len(read_tokens(name)) for name in ("o200k_base", "cl100k_base")}
    detail = ", ".join(f"{name} ({size} tokens)" for name, size in sizes.items())
    return Check("vocabularies", "ok", detail, data=sizes)


CHECKS: tuple[Callable[[Services], Check], ...] = (
    check_python,
    check_terminal,
    check_settings,
    check_keys,
    check_stores,
    check_sessions,
    check_checkpoints,
    check_grammars,
    check_vocabularies,
    check_git,
    check_ripgrep,
    check_paths,
    check_isolation,
)


def landlock_version() -> int:
    """The Landlock ABI of the running kernel, 0 when it has none. Source: landlock_create_ruleset(2)."""
    if sys.platform != "linux":
        return 0
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_ASK_VERSION)))


def _places() -> dict[str, Callable[[Mapping[str, str]], str]]:
    from aiex import dirs

    return {"cache": dirs.cache_dir, "config": dirs.config_dir, "data": dirs.data_dir, "state": dirs.state_dir}


def _try_to_write(folder: str) -> None:
    import tempfile

    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"probe")
    except OSError as error:
        raise StoreError(f"cannot write in {folder}: {error.strerror}", hint="make it writable") from error


def _try_database(folder: str) -> None:
    import tempfile

    from aiex import sqlite

    with tempfile.TemporaryDirectory(dir=folder) as place:
        sqlite.connect(os.path.join(place, "probe.db"), migrations=()).close()


def _version_of(argv: list[str], services: Services) -> str | None:
    from aiex.guard.sandbox.process import run

    try:
        completed = run(argv, cwd=services.root, timeout_s=_PROBE_TIMEOUT_S)
    except (AiexError, OSError):
        return None
    if completed.code != 0:
        return None
    return completed.stdout.decode("utf-8", "replace").split("\n", 1)[0].strip()


def _works(argv: list[str], services: Services) -> bool:
    return _version_of(argv, services) is not None
