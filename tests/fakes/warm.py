"""The real command without its start: each run is a fork of a process that has imported everything and counts tokens.

A run is a process of its own, with its own arguments, directory, environment and streams. Of a short one three
quarters are Python's start, imports and the vocabulary, which are the same each time. What is about the start itself,
about signals or about a terminal is tested with a process that starts.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib import import_module
from pkgutil import walk_packages
from typing import NoReturn

from tests.fakes.source import SOURCE_ROOT

LIBRARIES = (
    "anyio._backends._asyncio",
    "cryptography.hazmat.primitives.ciphers.aead",
    "ctypes",
    "httpx2",
    "jsonschema",
    "multiprocessing.connection",
    "pathspec",
    "sqlite3",
    "tenacity",
    "tiktoken",
    "tree_sitter",
    "tree_sitter_javascript",
    "tree_sitter_markdown",
    "tree_sitter_python",
    "truststore",
)
"""What the command imports only where it is needed."""


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
                env={**os.environ, "PYTHONPATH": SOURCE_ROOT, "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,  # the streams that runs inherit have to be pipes, as those are which they get
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=[theirs.fileno()],
            )
        with server, ours:  # closing ours ends the server, which is waited for then
            yield Warm(ours, server)


# --- the other side -------------------------------------------------------------------------------------------------


def serve(channel: socket.socket) -> None:
    """Fork a keeper for each request until the channel ends."""
    warm_up()
    while True:
        message, descriptors, _, _ = socket.recv_fds(channel, 1, 4)
        if not message:
            return
        if os.fork() == 0:
            channel.close()
            _keep(descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def warm_up() -> None:
    """Import everything that a run may."""
    import aiex
    from aiex.tokens import load_encoding

    names = [one.name for one in walk_packages(aiex.__path__, "aiex.", onerror=lambda _: None)]
    for name in (*LIBRARIES, *names):
        with suppress(Exception):  # what is broken fails in the runs that need it
            import_module(name)
    load_encoding("o200k_base")
    gc.collect()
    gc.freeze()


def _keep(descriptors: list[int]) -> NoReturn:
    """Run one command in a child and say how it ended."""
    try:
        *streams, answer = descriptors
        with socket.socket(fileno=answer) as reply:
            with reply.makefile("rb") as lines:
                words, cwd, env = json.loads(lines.readline())
            pid = os.fork()
            if pid == 0:
                reply.close()
                _become(words, cwd, env, streams)
            for stream in streams:
                os.close(stream)
            reply.sendall(b"%d\n" % pid)
            reply.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    finally:
        os._exit(0)


def _become(words: list[str], cwd: str, env: dict[str, str], streams: list[int]) -> NoReturn:
    try:
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
