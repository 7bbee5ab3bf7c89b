"""What a command may touch: one value that file tools and shell share."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from aiex.errors import Denied
from aiex.guard.sandbox.gitdirs import lies_in_git_directory
from aiex.guard.sandbox.hiding import credential_places, start_files
from aiex.guard.sandbox.paths import DEFAULT_RULES, NameRules
from aiex.record import record

_TEMPORARY = ("/tmp", "/var/tmp", "/run")  # noqa: S108  (never opened)


@record
class Limits:
    """What a command may use up; 0 is no limit."""

    cpu_s: int = 0
    """Processor time of each process."""
    processes: int = 4096
    """Processes and threads. Where a command has no user namespace, all of the user's count; root's are never counted
    by the system (setrlimit(2))."""
    file_bytes: int = 8 << 30
    """Size of one file that it writes."""
    memory_bytes: int = 0
    """Address space of each process; runtimes such as Java and Node reserve far more than they use."""


@record
class SandboxPolicy:
    """The bounds of one workspace. Every path is real and absolute."""

    root: str
    writable: tuple[str, ...] = ()
    """Places that may be written, the root among them unless it is read only, or lies in a git directory."""
    readable: tuple[str, ...] = ()
    """Places that are shown although they lie in a hidden one, and secret files that may be read."""
    hidden: tuple[str, ...] = ()
    """Files and directories whose content nobody sees."""
    protected: tuple[str, ...] = ()
    """Paths that are read only beside those that `names` protects; missing ones cannot be made."""
    names: NameRules = DEFAULT_RULES
    """Protected and secret names, wherever they stand beneath a writable place."""
    domains: tuple[str, ...] = ()
    """Hosts that may be spoken to, as `example.org`, `*.example.org` or `example.org:8080`; none means no network."""
    limits: Limits = Limits()
    programs: tuple[str, ...] = ()
    """Places of programs among temporary files, shown to be run; no secrets are looked for in them."""


def make_policy(
    root: str,
    *,
    read_only: bool = False,
    allow_read: Sequence[str] = (),
    allow_write: Sequence[str] = (),
    names: NameRules = DEFAULT_RULES,
    domains: Sequence[str] = (),
    limits: Limits | None = None,
    environ: Mapping[str, str] = os.environ,
) -> SandboxPolicy:
    """The bounds of a workspace on this machine.

    Args:
        root: The workspace.
        read_only: Nothing may be written, `allow_write` neither.
        allow_read: Places outside that may be read, also hidden ones; an entry that is a secret file is leave to read
            it. Relative ones count from the root.
        allow_write: Places outside that may be written.
        names: Protected and secret names.
        domains: Hosts that may be spoken to.
        limits: What a command may use up.
        environ: Where the home and Aiex's own directories are looked up.

    Raises:
        Denied: if the root is the root of the file system.
        UsageError: if a domain is none.

    Cost: a look at about a hundred paths of the home.
    """
    if domains:
        from aiex.guard.sandbox.hosts import parse_pattern

        for domain in domains:
            parse_pattern(domain)
    real = os.path.realpath(root)
    if real == "/":
        raise Denied("the whole machine is no workspace", hint="use -C DIR to name a directory")
    readable = tuple(os.path.realpath(os.path.join(real, entry)) for entry in allow_read)
    programs = tuple(place for place in program_places(environ) if not is_beneath(place, real))
    wanted = () if read_only else (real, *(os.path.realpath(os.path.join(real, entry)) for entry in allow_write))
    writable = tuple(place for place in wanted if not lies_in_git_directory(place))
    hidden = credential_places(environ, names)
    return SandboxPolicy(
        real,
        writable,
        readable,
        tuple(path for path in hidden if path not in readable and path not in writable),
        tuple(path for path in start_files(environ) if any(is_beneath(path, place) for place in writable)),
        names,
        tuple(domains),
        limits or Limits(),
        programs,
    )


def program_places(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Where the person's programs lie among temporary files, which are hidden otherwise.

    An entry of PATH is shown, and of a virtual environment the whole: its programs are nothing without its packages.
    """
    found: list[str] = []
    for entry in environ.get("PATH", "").split(os.pathsep):
        if not os.path.isabs(entry) or not os.path.isdir(entry):
            continue
        place = os.path.realpath(entry)
        if not any(is_beneath(place, folder) and place != folder for folder in _TEMPORARY):
            continue
        above = os.path.dirname(place)
        found.append(above if os.path.isfile(os.path.join(above, "pyvenv.cfg")) else place)
    return tuple(dict.fromkeys(found))


def is_beneath(path: str, folder: str) -> bool:
    """Whether a real path lies in a real directory, or is it."""
    return path == folder or path.startswith(folder if folder.endswith("/") else f"{folder}/")
