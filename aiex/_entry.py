"""The console script: the two cheapest questions are answered without imports, all others by the command line."""

import sys


def main() -> int:
    """Run one command line; gives the process exit code and never lets an exception out."""
    arguments = sys.argv[1:]
    try:
        if arguments == ["--version"]:
            return _print(_version_line())
        if arguments in (["--help"], ["-h"]):
            return _print(_help_text())
        from aiex.cli.main import run

        return run(arguments)
    except KeyboardInterrupt:
        from aiex.cli.streams import end_interrupted

        return end_interrupted(130)
    except ImportError as error:
        print(f"error: Aiex is not installed completely: {error}", file=sys.stderr)
        print("hint: install it again; a file beside the command may also hide a module of Python", file=sys.stderr)
        return 70


def _version_line() -> str:
    from aiex import __version__

    return f"aiex {__version__}\n"


def _help_text() -> str:
    with open(__file__.removesuffix("_entry.py") + "cli/help.txt", encoding="ascii") as text:
        return text.read()


def _print(text: str) -> int:
    """Write to standard output now, so that a reader who left is noticed here and not at shutdown."""
    try:
        print(text, end="", flush=True)
    except OSError as error:
        from aiex.cli.streams import end_unwritable

        return end_unwritable(error)
    if sys.stdout is None:
        from aiex.cli.streams import end_unwritable

        return end_unwritable(OSError("standard output is closed"))
    return 0
