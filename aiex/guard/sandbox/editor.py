"""Runs the person's own editor on a text, with the terminal and their whole environment: they chose it themselves."""

from __future__ import annotations

import os
import shlex
import signal
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from aiex.errors import StoreError, UsageError
from aiex.guard.neutral import printable_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LIMIT_BYTES = 4_000_000


def find_editor(environ: Mapping[str, str] = os.environ) -> list[str]:
    """The words of `$VISUAL`, else of `$EDITOR`. Raises UsageError where neither names a program."""
    for name in ("VISUAL", "EDITOR"):
        if wanted := environ.get(name, "").strip():
            try:
                words = shlex.split(wanted)
            except ValueError as error:
                raise UsageError(f"cannot read ${name}: {error}", hint=f"{name}=vim, for instance") from error
            if words:
                return words
    raise UsageError("no editor is set", hint="set VISUAL or EDITOR before aiex is started, such as EDITOR=vim")


def edit_text(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """What is left of a text after the person edited it; the terminal is the editor's until it ends.

    Raises:
        UsageError: if none is set or it cannot be started.
        StoreError: if it failed, or what it wrote is no text.
    """
    import subprocess

    words = find_editor(environ)
    shown = printable_path(words[0])
    folder = tempfile.mkdtemp(prefix="aiex-")  # mode 0700
    path = os.path.join(folder, "prompt.md")
    try:
        with open(path, "x", encoding="utf-8", errors="replace") as file:
            file.write(text)
        with _deaf():
            code = subprocess.run([*words, path], env=dict(environ), check=False).returncode
        if code:
            raise StoreError(f"{shown} ended with {code}, so nothing was taken over")
        with open(path, "rb") as edited:
            data = edited.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise UsageError(f"cannot run {shown}: {error.strerror}", hint="see VISUAL and EDITOR") from error
    finally:
        _remove(folder)
    if len(data) > LIMIT_BYTES:
        raise StoreError(f"what {shown} wrote is longer than {LIMIT_BYTES // 10**6} MB")
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise StoreError(f"what {shown} wrote is not UTF-8") from error


@contextmanager
def _deaf() -> Iterator[None]:
    """Ctrl-C is meant for the editor; a handler of its own, for what is ignored would be ignored there too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _remove(folder: str) -> None:
    """With whatever the editor left beside the text."""
    with suppress(OSError):
        for name in os.listdir(folder):
            with suppress(OSError):
                os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
