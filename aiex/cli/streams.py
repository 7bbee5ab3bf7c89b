"""Standard streams as they really come: closed, broken, in another encoding, or with a reader who left."""

# ruff: noqa: RUF001  (the table below is about just these characters)

import os
import sys
from typing import TextIO

PIPE_CLOSED_EXIT = 141
"""What a shell reports for a program ended by a closed pipe (128 + SIGPIPE), as `git log | head -1` does."""
IO_EXIT = 74
INPUT_LIMIT_BYTES = 64 * 1024 * 1024
"""More is no source text; six times the largest file that is explained in full."""
NOTICE_S, PATIENCE_S = 1.0, 9.0
"""For the first byte of what may come on standard input: until a word about it, and then until it is given up."""

_SPELLED = {
    "…": "...", "—": "-", "–": "-", "→": "->", "←": "<-", "·": "-", "•": "*", "✓": "ok", "✗": "x", "×": "x",
    "≤": "<=", "≥": ">=", "“": '"', "”": '"', "‘": "'", "’": "'", "─": "-", "│": "|", "█": "#", "░": ".",
}  # fmt: skip
"""Spellings for encodings that lack our punctuation; every other character is shown by its code."""


class StdoutLost(Exception):
    """Standard output cannot be written any more; `error` is what the system said."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


def prepare_streams() -> None:
    """Make the standard streams safe to use: none missing, no character that cannot be written.

    The number of a stream that the caller closed goes to the null device, so that no file of ours gets it.
    """
    for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)):
        if stream is None:
            _fill_descriptor(number)
        elif number > 0:
            _soften(stream)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (it lives as long as the process)


def _fill_descriptor(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)


def _soften(stream: TextIO) -> None:
    """Spell what the stream's encoding cannot write, instead of failing on it."""
    if not hasattr(stream, "reconfigure"):
        return
    errors = "backslashreplace"
    if not _is_unicode(stream):
        import codecs

        codecs.register_error("aiex.spelled", _spell)
        errors = "aiex.spelled"
    try:
        stream.reconfigure(errors=errors)
    except OSError:  # what was written before cannot get out, which whoever writes next is told
        return


def writes_unicode() -> bool:
    """Whether standard output can carry every character as it is."""
    return _is_unicode(sys.stdout)


def _is_unicode(stream: TextIO) -> bool:
    return (getattr(stream, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "") == "utf8"


def _spell(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    piece = error.object[error.start : error.end]
    return "".join(_SPELLED.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in piece), error.end


def is_terminal() -> bool:
    """Whether a person sits at both ends: standard input and standard output."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()


def say(line: str) -> None:
    """Write one line of talk to standard error; a reader who left is no reason to fail."""
    try:
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
    except OSError:
        _abandon(2)


def read_stdin(limit_bytes: int) -> bytes:
    """Everything on standard input, up to one byte more than `limit_bytes` so that the caller sees the excess.

    Raises:
        OSError: if standard input is closed or cannot be read.
    """
    stream = sys.stdin
    if stream is None or not hasattr(stream, "buffer"):
        raise OSError("standard input is closed")
    return stream.buffer.read(limit_bytes + 1)


def read_text_input(example: str) -> bytes:
    """A source text on standard input, with a word to a person who is expected to type it.

    Args:
        example: A command line that gives a file instead.

    Raises:
        StoreError: if it cannot be read.
        UsageError: if it is larger than 64 MiB.
    """
    from aiex.errors import StoreError, UsageError

    if sys.stdin is not None and sys.stdin.isatty():
        say("reading from the terminal; end with Ctrl-D on a line of its own")
    try:
        text = read_stdin(INPUT_LIMIT_BYTES)
    except OSError as error:
        raise StoreError(f"cannot read standard input: {error.strerror or error}", hint=example) from error
    if len(text) > INPUT_LIMIT_BYTES:
        raise UsageError(f"standard input is larger than {INPUT_LIMIT_BYTES >> 20} MiB", hint="save it as a file first")
    return text


def read_appended() -> bytes:
    """What comes on standard input beside the words of the command; nothing from a terminal or a closed stream.

    A pipe whose writer says nothing for a while is left alone, with a word about it: a program that was started with
    somebody else's pipe would wait for ever.

    Raises:
        StoreError: if it cannot be read.
        UsageError: if it is larger than 64 MiB.
    """
    import select
    import stat

    if sys.stdin is None or sys.stdin.isatty():
        return b""
    try:
        descriptor = sys.stdin.fileno()
        is_stream = not stat.S_ISREG(os.fstat(descriptor).st_mode)
        if is_stream and os.name == "posix" and not select.select([descriptor], [], [], NOTICE_S)[0]:
            say("note: waiting for standard input; with < /dev/null nothing is waited for")
            if not select.select([descriptor], [], [], PATIENCE_S)[0]:
                say(f"warning: nothing came on standard input for {PATIENCE_S + NOTICE_S:g} s, so it is left out")
                return b""
    except (OSError, ValueError):  # closed
        return b""
    return read_text_input("aiex run PROMPT < FILE")


def read_line() -> str:
    """The next line of standard input, with its end; empty where there is none. No signal is lost from the call on.

    Raises:
        OSError: if the terminal is gone.
    """
    stream = sys.stdin
    if os.name == "posix" and stream.isatty():  # it gives a line at once, so that none waits in `stream`
        _await_input(stream.fileno())
    return stream.readline()


def _await_input(descriptor: int) -> None:
    """Wait until something can be read.

    A signal that comes just before a blocking call interrupts it no more, and its handler runs only when the call is
    over. The byte that Python writes for each signal ends the wait in any case.
    """
    import select
    import signal

    woken, waking = os.pipe()
    try:
        os.set_blocking(woken, False)
        os.set_blocking(waking, False)
        before = signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
        try:
            while descriptor not in select.select([descriptor, woken], [], [])[0]:
                os.read(woken, 4096)  # a handler that raises has raised by now
        finally:
            signal.set_wakeup_fd(before)
    finally:
        os.close(woken)
        os.close(waking)


def write_stdout(text: str, *, flush: bool = False) -> None:
    """Write to standard output; `flush` brings it to the reader at once.

    Raises:
        StdoutLost: if it cannot be written.
    """
    try:
        sys.stdout.write(text)
        if flush:
            sys.stdout.flush()
    except OSError as error:
        raise StdoutLost(error) from error


def pass_on(name: str, text: str) -> None:
    """Write what a command wrote to the stream of the same name: every byte to a program, harmless to a terminal.

    Args:
        name: `stdout` or `stderr`.
        text: Bytes that are not UTF-8 as surrogate escapes.

    Raises:
        StdoutLost: if standard output cannot be written.
    """
    stream = sys.stdout if name == "stdout" else sys.stderr
    try:
        if stream.isatty() or not hasattr(stream, "buffer"):
            from aiex.guard.neutral import neutralise

            stream.write(neutralise(text))
        else:
            stream.flush()
            stream.buffer.write(text.encode("utf-8", "surrogateescape"))
        stream.flush()
    except OSError as error:
        if name == "stdout":
            raise StdoutLost(error) from error
        _abandon(2)


def flush_stdout() -> None:
    """Bring what was written to its reader; StdoutLost when that cannot be done."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        raise StdoutLost(error) from error


def end_unwritable(error: OSError) -> int:
    """The exit code after standard output failed: quiet for a reader who left, spoken for everything else."""
    _abandon(1)
    if isinstance(error, BrokenPipeError):
        return PIPE_CLOSED_EXIT
    say(f"error: cannot write to standard output: {error.strerror or error}")
    return IO_EXIT


def end_interrupted(code: int) -> int:
    """Say that the run was interrupted, deaf to further signals until the process is gone."""
    import signal

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    say("interrupted")
    try:
        flush_stdout()
    except StdoutLost:
        _abandon(1)
    return code


def _abandon(number: int) -> None:
    """Point a broken standard stream at the null device, so that the last flush of the process stays quiet."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, number)
    os.close(null)
