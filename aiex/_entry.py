"""The console script: the two cheapest questions are answered without imports, all others by the command line."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from aiex.cli.hosting import CommandLine
    from aiex.runs.opening import Opening
    from aiex.wiring import Services


def script() -> None:
    """Run the command line of this process and leave at once: taking the interpreter apart costs 15 ms for nothing."""
    import gc

    gc.set_threshold(100_000, 20, 20)  # most of what a run keeps it keeps to its end, so looking for garbage finds none
    code = main()
    import atexit
    import os

    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # whoever read it has left, which the exit code tells already
            continue
    os._exit(code)


def main() -> int:
    """Run one command line; gives the process exit code and never lets an exception out."""
    arguments = sys.argv[1:]
    try:
        if arguments == ["--version"]:
            return _print(_version_line())
        if arguments in (["--help"], ["-h"]):
            return _print(_help_text())
        from aiex.cli.main import run

        return run(arguments, _open_screen)
    except KeyboardInterrupt:
        from aiex.cli.streams import end_interrupted

        return end_interrupted(130)
    except Exception as error:  # noqa: BLE001  (the outermost door: a file of ours or of Python is missing or broken)
        sys.stderr.write(f"error: Aiex cannot start: {type(error).__name__}: {error}\nhint: install it again\n")
        return 70


def _open_screen(host: "CommandLine", services: "Services", opening: "Opening") -> int:
    from aiex.tui.door import open_screen

    return open_screen(host, services, opening)


def _version_line() -> str:
    from aiex import __version__

    return f"aiex {__version__}\n"


def _help_text() -> str:
    with open(__file__.rpartition("_entry.")[0] + "cli/help.txt", encoding="ascii") as text:
        return text.read()


def _print(text: str) -> int:
    """Write to standard output now, so that a reader who left is noticed here and not at shutdown."""
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        from aiex.cli.streams import end_unwritable, prepare_streams

        prepare_streams()
        return end_unwritable(error)
    return 0
