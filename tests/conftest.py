"""What every test stands on: no network beyond loopback, no real home, the real command as a process."""

from __future__ import annotations

import gc
import itertools
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.fakes.importing import import_in_turn
from tests.fakes.memory import find_memory
from tests.fakes.source import SOURCE_ROOT
from tests.fakes.warm import Warm, open_warm

if TYPE_CHECKING:
    from tests.fakes.openai_server import FakeOpenAI

# The same few examples every time, however slow the machine is; `--hypothesis-profile=explore` looks for new ones.
hypothesis.settings.register_profile(
    "aiex",
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.function_scoped_fixture],
)
hypothesis.settings.register_profile(
    "explore", hypothesis.settings.get_profile("aiex"), derandomize=False, max_examples=400
)
hypothesis.settings.load_profile("aiex")

gc.set_threshold(50_000, 20, 20)  # as the command does: what a run of tests keeps it mostly keeps to its end


def pytest_configure() -> None:
    """Keep temporary folders in memory: a third of a run was waiting for the disk. The first test removes the variable.

    What a kill leaves is the same there; what a power cut leaves no test can tell. Bytecode is written whatever the
    environment says, as started commands do: the processes of a run share it.
    """
    if memory := find_memory():
        os.environ.setdefault(_TEMPORARY, memory)
    sys.dont_write_bytecode = False


def pytest_collection(session: pytest.Session) -> None:
    """Import what is to be collected; what that makes stays, so nobody looks for garbage meanwhile."""
    gc.disable()
    import_in_turn(session.config)


def pytest_collection_finish() -> None:
    """Look for garbage in what was collected once, and never again."""
    gc.enable()
    gc.collect()
    gc.freeze()


RunAiex = Callable[..., subprocess.CompletedProcess[str]]

HOME_MODE = 0o700
_LOOPBACK_NAMES = frozenset({"localhost", "localhost.localdomain", "ip6-localhost", "::1", "0.0.0.0", "::", ""})
_SECRET_SUFFIXES = ("_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
_STEERING_PREFIXES = ("AIEX_", "OPENAI_", "ANTHROPIC_", "GEMINI_", "GOOGLE_", "AZURE_", "AWS_", "OTEL_", "XDG_", "GIT_")
_COLOUR_AND_SIZE = {"NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "CI"}
_PROGRAMS = {"PAGER", "EDITOR", "VISUAL", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONDONTWRITEBYTECODE", "SSH_AUTH_SOCK"}
_PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"}
_TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
_STEERING_NAMES = _COLOUR_AND_SIZE | _PROGRAMS | _PROXIES | {_TEMPORARY}


class LeftLoopback(AssertionError):
    """A test tried to reach another machine."""


def _is_loopback(host: object) -> bool:
    if host is None:
        return True
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    return name in _LOOPBACK_NAMES or name.startswith(("127.", "::ffff:127."))


def _require_loopback(family: int, address: Any) -> None:
    if family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = address[0] if isinstance(address, tuple) else address
    if not _is_loopback(host):
        raise LeftLoopback(f"a test tried to reach {address!r}; tests stay on loopback")


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Connections and name look-ups beyond loopback fail the test."""
    connect, connect_ex, sendto = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto
    getaddrinfo = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _require_loopback(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _require_loopback(self.family, address)
        return connect_ex(self, address)

    def guarded_sendto(self: socket.socket, *arguments: Any) -> int:
        _require_loopback(self.family, arguments[-1])
        return sendto(self, *arguments)

    def guarded_getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        if not _is_loopback(host):
            raise LeftLoopback(f"a test tried to look up {host!r}; tests stay on loopback")
        return getaddrinfo(host, *arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket.socket, "sendto", guarded_sendto)
        patch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)
        yield


@cache
def _steers_the_program(name: str) -> bool:
    upper = name.upper()
    return upper.startswith(_STEERING_PREFIXES) or upper.endswith(_SECRET_SUFFIXES) or upper in _STEERING_NAMES


@cache
def _environment(home: Path) -> dict[str, str]:
    names = {name: str(home) for name in ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")}
    for kind in ("cache", "config", "data", "state"):
        names[f"XDG_{kind.upper()}_HOME"] = str(home / f"xdg-{kind}")
        names[f"AIEX_{kind.upper()}_DIR"] = str(home / kind)
    for role in ("AUTHOR", "COMMITTER"):
        names |= {f"GIT_{role}_NAME": "Ada Test", f"GIT_{role}_EMAIL": "ada@example.org"}
    return {**names, "XDG_RUNTIME_DIR": str(home / "runtime"), "GIT_CONFIG_NOSYSTEM": "1"}


def _is_untouched(home: Path) -> bool:
    return home.is_dir() and stat.S_IMODE(home.stat().st_mode) == HOME_MODE and not any(home.iterdir())


def make_homes(folder: Path) -> Iterator[Path]:
    """Homes without end; one that a test left as it was serves the next, because most tests do."""
    for number in itertools.count():
        home = folder / str(number)
        home.mkdir(HOME_MODE)
        yield home
        while _is_untouched(home):
            yield home


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Homes in a folder of their own, because the factory would look through all of them every time."""
    return make_homes(tmp_path_factory.mktemp("homes"))


@pytest.fixture
def on_disk() -> Iterator[Path]:
    """An empty folder for what is confined, which has a `/dev` of its own and sees nothing of what is in memory."""
    with TemporaryDirectory(prefix="aiex-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture(autouse=True)
def home(homes: Iterator[Path]) -> Path:
    """An empty home of the test's own; nothing in the environment steers the program or holds a key."""
    folder = next(homes)
    environment = _environment(folder)
    for name in [name for name in os.environ if _steers_the_program(name) and name not in environment]:
        del os.environ[name]
    for name, value in environment.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    return folder


@pytest.fixture
def own_keys(home: Path) -> Iterator[None]:
    """The store of keys, which is kept as long as the process, is opened anew by this test and by what follows."""
    from aiex.guard.keys import open_store

    open_store.cache_clear()
    yield
    open_store.cache_clear()


WORKSPACE_FILES = {
    "README.md": "# Shop\n\nCounts what is in the basket.\n",
    "shop/__init__.py": '"""A very small shop."""\n',
    "shop/basket.py": '''"""What a customer wants to buy."""

from shop.prices import price_of


class Basket:
    """Things and how many of each."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Put something in; counts below one are refused."""
        if count < 1:
            raise ValueError(f"cannot add {count} of {name}")
        self.items[name] = self.items.get(name, 0) + count

    def total(self) -> int:
        """The sum in cents."""
        return sum(price_of(name) * count for name, count in self.items.items())
''',
    "shop/prices.py": '''"""Prices in cents."""

PRICES = {"apple": 40, "pear": 55}


def price_of(name: str) -> int:
    """The price of one piece; KeyError for what the shop does not sell."""
    return PRICES[name]
''',
    "tests/test_basket.py": """from shop.basket import Basket


def test_total_counts_every_piece():
    basket = Basket()
    basket.add("apple", 2)
    assert basket.total() == 80
""",
    "web/app.js": """import { total } from "./sum.js";

export function show(items) {
  return `${total(items)} cents`;
}
""",
    "web/sum.js": "export function total(items) {\n  return items.reduce((sum, item) => sum + item.cents, 0);\n}\n",
    ".gitignore": "build/\n*.log\n",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A small tree in two languages: a package, its test, a web page's scripts; not yet a git repository."""
    root = tmp_path / "workspace"
    for name, text in WORKSPACE_FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    return root


@pytest.fixture
def run_aiex(home: Path) -> RunAiex:
    """Run the real command in a process of its own: `run_aiex("explain", "a.py", cwd=..., env=..., input=...)`.

    Arguments are strings or one list of strings. `env` is laid over the test's environment; a value of None removes
    the variable. Standard input is empty unless `input` is given. The result carries returncode, stdout and stderr.
    """

    return _to_run(_run_anew, home)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    """What forks the runs of `run_warm`."""
    with open_warm() as opened:
        yield opened


@pytest.fixture
def run_warm(request: pytest.FixtureRequest, home: Path, run_aiex: RunAiex) -> RunAiex:
    """`run_aiex` without the start of Python and its imports, where processes can be forked: for many runs."""
    if sys.platform != "linux":
        return run_aiex
    warm: Warm = request.getfixturevalue("warm")
    return _to_run(warm.run, home)


def _run_anew(
    words: Sequence[str], *, cwd: str, env: Mapping[str, str], input: str, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "aiex", *words],
        cwd=cwd,
        env=env,
        input=input,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=timeout_s,
        check=False,
    )


def _to_run(once: Callable[..., subprocess.CompletedProcess[str]], home: Path) -> RunAiex:
    """A way to run the command with the variables of a test, from one that takes them all."""

    def run(
        *args: str | Sequence[str],
        cwd: str | os.PathLike[str] | None = None,
        env: Mapping[str, str | None] | None = None,
        input: str = "",
        timeout_s: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        words = [word for arg in args for word in ([arg] if isinstance(arg, str) else arg)]
        variables: dict[str, str] = {**os.environ, "PYTHONPATH": SOURCE_ROOT, "PYTHONUTF8": "1"}
        for name, value in (env or {}).items():
            if value is None:
                variables.pop(name, None)
            else:
                variables[name] = value
        place = os.fspath(cwd if cwd is not None else home)
        return once(words, cwd=place, env=variables, input=input, timeout_s=timeout_s)

    return run


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections: bound by the test, listened on by nobody."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def vendor() -> Iterator[FakeOpenAI]:
    """Answers what the test tells it to: `vendor.say("Hello", calls=(call("read", path="a.py"),))`."""
    from tests.fakes.openai_server import FakeOpenAI

    with FakeOpenAI() as server:
        yield server


@pytest.fixture
def shop(workspace: Path) -> Path:
    """The small workspace as a git repository."""
    subprocess.run(["git", "init", "-q", str(workspace)], check=True)
    return workspace
