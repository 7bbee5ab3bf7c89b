"""Lines of JSON from bytes, however the network cut them.

A line ends at LF only; U+2028 and its kin, at which `str.splitlines` and the line iterators of HTTP libraries also
split, are ordinary text. A line is decoded once it is whole, so a character split between two chunks survives. Blank
lines are no lines, and a last line needs no LF.
"""

from aiex.errors import Unavailable

MAX_LINE_BYTES = 16 * 1024 * 1024
"""More than any server sends in one line; a bound on memory, not on answers."""

_BOM = b"\xef\xbb\xbf"


class Reader:
    """Turns chunks of bytes into lines; feed everything, then call `end` once."""

    def __init__(self, *, max_line_bytes: int = MAX_LINE_BYTES) -> None:
        self._max_line_bytes = max_line_bytes
        self._at_start = True
        self._rest: list[bytes] = []
        self._rest_bytes = 0

    def feed(self, chunk: bytes) -> list[str]:
        """The lines that this chunk completes, without CR or LF at their end.

        Raises:
            Unavailable: if one line grows beyond the limit.
        """
        whole, newline, rest = chunk.rpartition(b"\n")
        lines: list[str] = []
        if newline:
            lines = self._take(b"".join((*self._rest, whole)))
            self._rest, self._rest_bytes = [], 0
        if rest:
            self._rest.append(rest)
            self._rest_bytes += len(rest)
            self._check(self._rest_bytes)
        return lines

    def end(self) -> list[str]:
        """The last line, when no LF followed it."""
        rest, self._rest, self._rest_bytes = b"".join(self._rest), [], 0
        return self._take(rest)

    def _take(self, block: bytes) -> list[str]:
        if self._at_start:
            block = block.removeprefix(_BOM)
            self._at_start = False
        if len(block) > self._max_line_bytes:
            self._check(max(map(len, block.split(b"\n"))))
        lines = block.decode("utf-8", "replace").split("\n")
        return [line.removesuffix("\r") for line in lines if line and not line.isspace()]

    def _check(self, size: int) -> None:
        if size > self._max_line_bytes:
            raise Unavailable(
                f"the server sent one line of more than {self._max_line_bytes} bytes",
                hint="this is not how a model answers; check the address of the provider",
            )
