"""Records a command in a real pseudo-terminal and draws what it showed as an SVG picture.

    python docs/pictures/record.py docs/pictures/explain.svg 100 44 -- aiex explain aiex/errors.py

The picture shows the first screenful: the command and as many lines as the terminal has.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import struct
import sys
import termios
from fcntl import ioctl

from rich.console import Console
from rich.text import Text


def run_in_terminal(argv: list[str], columns: int, rows: int) -> str:
    """Everything a command writes to a terminal of that size."""
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment.pop("NO_COLOR", None)
        environment.pop("CI", None)
        os.execvpe(argv[0], argv, environment)
    ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # Linux: the other end was closed
            break
        if not piece:
            break
        shown += piece
    status = os.waitpid(pid, 0)[1]
    if status:
        sys.exit(f"{shlex.join(argv)} ended with {os.waitstatus_to_exitcode(status)}:\n{shown.decode()}")
    return shown.decode().replace("\r\n", "\n")


def main() -> None:
    """Record, and write the picture."""
    target, columns, rows, _, *argv = sys.argv[1:]
    lines = run_in_terminal(argv, int(columns), int(rows)).split("\n")[: int(rows) - 1]
    silent = io.StringIO()
    console = Console(record=True, width=int(columns), file=silent, force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi("\n".join([f"\033[1;32m$\033[0m {shlex.join(argv)}", *lines])))
    picture = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="aiex"), flags=re.DOTALL)
    with open(target, "w", encoding="utf-8") as file:  # without the fonts that would be fetched from elsewhere
        file.write(picture)


if __name__ == "__main__":
    main()
