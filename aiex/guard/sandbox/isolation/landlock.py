"""Confines by Landlock and a filter of system calls, where namespaces are not to be had.

Landlock grants rights on directories and on all that lies beneath them; it cannot take one name away again. So what
holds a protected, secret or missing name is not granted itself, only what else lies in it: there nothing can be made,
removed or renamed, while files that are there can be written and every directory beside the name is free.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from aiex.errors import Denied, StoreError
from aiex.guard.sandbox.bounds import SandboxPolicy, is_beneath
from aiex.guard.sandbox.isolation import Confined, Launch, Probe
from aiex.guard.sandbox.seccomp import filter_program, machine_name

if TYPE_CHECKING:
    from aiex.guard.sandbox.cover import Cover, Covering
    from aiex.guard.sandbox.linux import Rules

_TRIES = 5
LEAST_VERSION = 3
"""Earlier ones let every file of the user be cut to nothing."""
_SCOPED_VERSION = 6
_DEVICES = ("null", "zero", "full", "random", "urandom")
_NOT_GRANTED = ("/tmp", "/run", "/dev", "/var/tmp", "/var/run")  # noqa: S108  (never opened)
_GAPS = (
    "nothing can be made, removed or renamed in a directory that holds a protected or secret name, such as the root",
    "mode, times and owner's bits of files outside can still be changed",
    "other processes can be listed",
    "protected names can be made in directories that hold none",
    "no network at all, so allowed domains cannot be reached",
)


class Landlock:
    """The backend; rules are made once for each state of the files and used again."""

    name = "landlock"
    rank = 1
    requires_approval = False

    def __init__(self) -> None:
        self._known: dict[tuple[SandboxPolicy, str], _Prepared] = {}

    def probe(self) -> Probe:
        if not machine_name():
            return Probe(False, "the system calls of this processor or system are not known")
        from aiex.guard.sandbox.linux import landlock_version

        version = landlock_version()
        if version < LEAST_VERSION:
            found = f"its version is {version}" if version else "the kernel has none, or it is switched off"
            return Probe(False, f"Landlock {LEAST_VERSION} or later is needed: {found}")
        gaps = _GAPS if version >= _SCOPED_VERSION else (*_GAPS, "other processes of yours can be sent signals")
        if os.geteuid() == 0:
            gaps = (*gaps, "as root the number of processes is not limited")
        if problem := _try():
            return Probe(False, problem)
        return Probe(True, f"Landlock {version} and a filter of system calls work", gaps)

    async def start(self, launch: Launch) -> Confined:
        from aiex.guard.sandbox.keeping import ZYGOTE

        key = (launch.policy, launch.private)
        if key not in self._known:
            self._known[key] = _Prepared(*key)
        rules = self._known[key].rules()
        launch = launch.with_temporary(launch.private)
        return ZYGOTE.start(launch, rules=rules, filtering=filter_program(machine_name(), own_namespaces=False))

    def close(self, policy: SandboxPolicy) -> None:
        for key in [key for key in self._known if key[0] == policy]:
            self._known.pop(key).close()


def _try() -> str:
    """What keeps a real command from being confined, or an empty string."""
    from aiex.guard.sandbox.linux import READ, create_rules, landlock_version
    from aiex.guard.sandbox.process import run

    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    program = f"import sys; sys.path.insert(0, {folder!r}); import zygote\n{_TRIAL}"
    filtering = filter_program(machine_name(), own_namespaces=False).hex()
    try:
        rules = create_rules(landlock_version())
        try:
            _allow_all(rules, READ)
            argv = [sys.executable, "-I", "-S", "-B", "-c", program, str(rules.fd), filtering, machine_name()]
            done = run(argv, cwd="/", timeout_s=20, pass_fds=(rules.fd,))
        finally:
            os.close(rules.fd)
    except (OSError, StoreError) as error:
        return str(error)
    return "" if done.code == 0 else f"a trial command ended with {done.code}: {done.stderr.decode(errors='replace')}"


def _allow_all(rules: Rules, rights: int) -> None:
    fd = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        rules.allow(fd, rights)
    finally:
        os.close(fd)


_TRIAL = """
import os
wanted = {"cwd": "/", "limits": [], "drop": os.geteuid() == 0, "machine": sys.argv[3],
          "filter": bytes.fromhex(sys.argv[2])}
zygote._confine(wanted, [int(sys.argv[1])])
os.execv("/bin/sh", ["sh", "-c", "exit 0"])
"""


class _Prepared:
    """The rules for one policy, made again when something that they were made from changed."""

    def __init__(self, policy: SandboxPolicy, private: str) -> None:
        from aiex.guard.sandbox.cover import Covering

        self._covering: Covering = Covering(policy)
        self._private = private
        self._made: Rules | None = None
        self._made_from: tuple[Cover, ...] = ()
        self._mixed: dict[str, tuple[int, ...]] = {}

    def rules(self) -> int:
        """The descriptor of a ruleset. Raises StoreError if the kernel makes none."""
        covers = self._covering.find()
        if self._made and self._made_from == covers and self._is_as_it_was():
            return self._made.fd
        for _ in range(_TRIES):
            self.close()
            try:
                self._made = self._make(covers)
            except OSError as error:
                raise StoreError(f"cannot confine a command: {error.strerror}") from error
            self._made_from, covers = covers, self._covering.find()
            if covers == self._made_from:
                return self._made.fd
        raise Denied("nothing was run: the workspace changes all the time", hint="try again")

    def close(self) -> None:
        """Give the ruleset back; commands that run keep theirs."""
        if self._made:
            os.close(self._made.fd)
            self._made = None

    def __del__(self) -> None:
        self.close()

    def _is_as_it_was(self) -> bool:
        """Whether no directory whose entries are granted one by one changed."""
        return all(_stamp(path) == stamp for path, stamp in self._mixed.items())

    def _make(self, covers: Sequence[Cover]) -> Rules:
        from aiex.guard.sandbox.linux import landlock_version

        self._mixed = {}
        rights = _tree(covers, self._private)
        granting = _Granting(landlock_version(), rights, self._mixed, self._covering.policy)
        granting.grant_from_top()
        return granting.rules


def _tree(covers: Sequence[Cover], private: str) -> Mapping[str, int]:
    """The rights for each path that differs from what lies above it."""
    from aiex.guard.sandbox import linux

    device = linux.READ_FILE | linux.WRITE_FILE | linux.TRUNCATE | linux.IOCTL_DEV
    rights = {"/": linux.READ, os.path.realpath(private): linux.WRITE}
    rights |= {path: 0 for path in _NOT_GRANTED if os.path.isdir(path) and not os.path.islink(path)}
    rights |= {f"/dev/{name}": device for name in _DEVICES}
    of = {"write": linux.WRITE, "hold": linux.WRITE, "read": linux.READ, "absent": linux.READ, "hide": 0}
    rights |= {one.path: of[one.kind] for one in covers}
    return rights


class _Granting:
    """Walks down from the top, granting whole directories where nothing beneath differs."""

    def __init__(
        self, version: int, rights: Mapping[str, int], mixed: dict[str, tuple[int, ...]], policy: SandboxPolicy
    ) -> None:
        from aiex.guard.sandbox.linux import create_rules

        self.rules = create_rules(version)
        self._rights = rights
        self._mixed = mixed
        self._policy = policy
        self._above: set[str] = set()
        for path in rights:
            above = path
            while above != "/":
                above = os.path.dirname(above)
                self._above.add(above)

    def grant_from_top(self) -> None:
        """Grant everything; what cannot be opened is not granted."""
        fd = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._grant(fd, "/", self._rights["/"])
        finally:
            os.close(fd)

    def _grant(self, fd: int, path: str, rights: int) -> None:
        from aiex.guard.sandbox.linux import OF_FILES, READ_DIR, WRITE_FILE

        mode = os.fstat(fd).st_mode
        if stat.S_ISLNK(mode):
            return
        if not stat.S_ISDIR(mode):
            if rights & OF_FILES:
                self.rules.allow(fd, rights & OF_FILES)
            return
        if path not in self._above:
            if rights:
                self.rules.allow(fd, rights)
            return
        self._mixed[path] = _stamp_of(os.fstat(fd))
        if rights & WRITE_FILE:
            self.rules.allow(fd, READ_DIR)
        for name in self._names(fd, path, rights):
            inner = f"{path.rstrip('/')}/{name}"
            with suppress(OSError):
                opened = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
                try:
                    self._grant(opened, inner, self._rights.get(inner, self._judge(inner, rights)))
                finally:
                    os.close(opened)

    def _judge(self, path: str, rights: int) -> int:
        """The rights of a name that was not there when the covers were found."""
        from aiex.guard.sandbox.linux import READ

        names = self._policy.names
        for place in (self._policy.root, *self._policy.writable):
            if is_beneath(path, place) and path != place:
                inner = path[len(place) :].lstrip("/")
                if path not in self._policy.readable and names.secret_name(inner):
                    return 0
                if names.protected_name(inner):
                    return rights & READ
        return rights

    def _names(self, fd: int, path: str, rights: int) -> Iterator[str]:
        """What lies in a directory; where nothing is granted, only what leads to something that is."""
        if not rights:
            start = "/" if path == "/" else f"{path}/"
            beneath = (one[len(start) :].split("/")[0] for one in self._rights if one != "/" and one.startswith(start))
            yield from dict.fromkeys(beneath)
            return
        with suppress(OSError):
            opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
            try:
                yield from os.listdir(opened)
            finally:
                os.close(opened)


def _stamp(path: str) -> tuple[int, ...]:
    try:
        return _stamp_of(os.lstat(path))
    except OSError:
        return ()


def _stamp_of(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns


ISOLATION = Landlock()
