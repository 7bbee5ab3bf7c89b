"""The real command without its start: each run is a fork of a process that has imported everything and counts tokens.

A run is a process of its own, with its own arguments, directory, environment and streams. Of a short one three
quarters are Python's start, imports and the vocabulary, which are the same each time. What is about the start itself,
about signals or about a terminal is tested with a process that starts.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from pkgutil import iter_modules, walk_packages
from typing import NoReturn

from tests.fakes.source import SOURCE_ROOT

LIBRARIES = (
    "anyio._backends._asyncio",
    "cryptography.hazmat.primitives.ciphers.aead",
    "ctypes",
    "h11",
    "httpcore2",
    "httpx2",
    "jsonschema",
    "multiprocessing.connection",
    "pathspec",
    "pwd",
    "sqlite3",
    "tenacity",
    "tiktoken",
    "tree_sitter",
    "truststore",
)
"""What the command imports only where it is needed."""


ODD_TEXT = f"http://a.example/ key=SG.{'a1-' * 9} password: x 'token': \"\\x1b\" \x1b[1m\n-----BEGIN KEY-----\n"
"""Makes each rule about secrets look."""


LARGE_PAGES = {"PYTHONMALLOC": "malloc", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""A fork copies the table of all pages: 3 ms with few large ones instead of 13; no run sees these variables."""


class Warm:
    """Starts runs; several at once if need be."""

    def __init__(self, channel: socket.socket, server: subprocess.Popen[bytes]) -> None:
        self._channel = channel
        self._server = server

    def run(
        self, words: Sequence[str], *, cwd: str, env: Mapping[str, str], input: str, timeout_s: float
    ) -> subprocess.CompletedProcess[str]:
        """What `subprocess.run` would give for `python -m aiex`; raises TimeoutExpired as it does.

        Raises RuntimeError with its last words if the process that is forked has ended.
        """
        (stdin, given), (said, stdout), (complained, stderr) = os.pipe(), os.pipe(), os.pipe()
        ours, theirs = socket.socketpair()
        with ours, theirs:
            try:
                socket.send_fds(self._channel, [b"\n"], [stdin, stdout, stderr, theirs.fileno()])
            except BrokenPipeError as error:
                last_words = self._server.stderr.read().decode() if self._server.stderr else ""
                raise RuntimeError(f"the process that is forked has ended: {last_words}") from error
            finally:
                for descriptor in (stdin, stdout, stderr):
                    os.close(descriptor)
            theirs.close()
            ours.sendall(json.dumps([list(words), cwd, dict(env)]).encode() + b"\n")
            with ThreadPoolExecutor(3) as threads:
                writing = threads.submit(_write, given, input.encode("utf-8", "surrogateescape"))
                reading = [threads.submit(_read, descriptor) for descriptor in (said, complained)]
                code = _wait(ours, list(words), timeout_s)
                writing.result()
                out, err = (each.result() for each in reading)
        return subprocess.CompletedProcess(list(words), code, out, err)


def _write(descriptor: int, data: bytes) -> None:
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def _read(descriptor: int) -> str:
    with os.fdopen(descriptor, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()


def _wait(connection: socket.socket, words: list[str], timeout_s: float) -> int:
    with connection.makefile("rb") as lines:
        pid = int(lines.readline())
        connection.settimeout(timeout_s)
        try:
            return int(lines.readline())
        except TimeoutError as error:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, timeout_s) from error


@contextmanager
def open_warm() -> Iterator[Warm]:
    """Start the process that runs are forked from; it ends with the block."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            server = subprocess.Popen(
                [sys.executable, "-m", "tests.fakes.warm", str(theirs.fileno())],
                cwd=SOURCE_ROOT,
                env={**os.environ, **LARGE_PAGES, "PYTHONPATH": SOURCE_ROOT, "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,  # the streams that runs inherit have to be pipes, as those are which they get
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )
        with server, ours:  # closing ours ends the server, which is waited for then
            yield Warm(ours, server)


# --- the other side -------------------------------------------------------------------------------------------------


def serve(channel: socket.socket) -> None:
    """Fork a run for each request until the channel ends, and say how each ended."""
    warm_up()
    with selectors.DefaultSelector() as known:
        known.register(channel, selectors.EVENT_READ)
        while True:
            for one, _ in known.select():
                if one.data is not None:
                    known.unregister(one.fd)
                    os.close(one.fd)
                    tell_end(*one.data)
                elif not start_run(channel, known):
                    return


def start_run(channel: socket.socket, known: selectors.BaseSelector) -> bool:
    """Fork the next run; False when none will come."""
    message, descriptors, _, _ = socket.recv_fds(channel, 1, 4)
    if not message:
        return False
    *streams, answer = descriptors
    os.set_inheritable(answer, False)
    reply = socket.socket(fileno=answer)
    pid = os.fork()
    if pid == 0:
        _become(channel, reply, streams)
    for stream in streams:
        os.close(stream)
    reply.sendall(b"%d\n" % pid)
    known.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, reply))
    return True


def tell_end(pid: int, reply: socket.socket) -> None:
    """Take a run that ended away, and say how; nobody may listen any more."""
    with reply, suppress(OSError):
        reply.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def warm_up() -> None:
    """Import everything that a run may, and make what is made at its first use and depends on nothing of the run."""
    import aiex

    names = [one.name for one in walk_packages(aiex.__path__, "aiex.", onerror=lambda _: None)]
    grammars = [one.name for one in iter_modules() if one.name.startswith("tree_sitter_")]
    for name in (*LIBRARIES, *grammars, *names):
        with suppress(Exception):  # what is broken fails in the runs that need it
            import_module(name)
    with suppress(Exception):  # likewise
        rehearse()
    gc.collect()
    gc.freeze()


def rehearse() -> None:
    """Read the vocabulary and the tables; compile the patterns of secrets and the grammar of commands."""
    from aiex.context.ranking.rank import load_signals
    from aiex.guard.commands.catalogue import all_tools
    from aiex.guard.commands.syntax import parse
    from aiex.guard.redact import redact
    from aiex.tokens import load_encoding

    load_encoding("o200k_base")
    redact(ODD_TEXT)
    parse("true")
    all_tools()
    load_signals()


def _become(channel: socket.socket, reply: socket.socket, streams: list[int]) -> NoReturn:
    try:
        channel.close()
        with reply, reply.makefile("rb") as lines:
            words, cwd, env = json.loads(lines.readline())
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        from aiex import __main__, _entry

        sys.argv = [str(__main__.__file__), *words]
        _entry.script()
    finally:
        os._exit(99)


if __name__ == "__main__":
    del sys.path[0]
    serve(socket.socket(fileno=int(sys.argv[1])))
