"""The deadlines of one call, and what was seen of its speed."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiex.errors import AiexError, FailureKind, Transient, Unavailable
from aiex.llm.endpoints import Deadlines, Endpoint

HINT_CUT = "what was shown is incomplete; try again"


class Clock:
    """Which deadline of one call runs: connect, first byte, between chunks; and the whole call always.

    It also keeps what was observed, so that deadlines can be learned and silence be told.
    """

    def __init__(self, endpoint: Endpoint, limits: Deadlines) -> None:
        self.timeout: asyncio.Timeout | None = None
        """The wait that is under way."""
        self.first_byte_s: float | None = None
        """Seconds from sending the request to the first byte of the body; None when none came."""
        self.longest_gap_s: float | None = None
        """Longest silence between chunks; None when there was only one."""
        self._endpoint = endpoint
        self._limits = {"connect": limits.connect_s, "first byte": limits.first_byte_s, "next": limits.idle_s}
        self._phase = "connect"
        self._hurries = False
        self._now = asyncio.get_running_loop().time
        self._since = self._now()
        self._end = self._since + (limits.total_s or float("inf"))

    @property
    def silent_s(self) -> float:
        """Seconds since the phase began or the last byte came."""
        return self._now() - self._since

    @property
    def deadline_s(self) -> float:
        """When it is given up, counted like `silent_s`; 0 for never."""
        moment = self.deadline()
        return 0.0 if moment is None else moment - self._since

    @property
    def passed(self) -> tuple[str, float] | None:
        """The phase whose deadline is over, and how long that was; None while none is."""
        limit = self._limits[self._phase]
        return (self._phase, limit) if limit and self.silent_s >= limit and not self._hurries else None

    def deadline(self) -> float | None:
        """The moment, in the time of the event loop, at which waiting ends."""
        moment = min(self._since + (self._limits[self._phase] or float("inf")), self._end)
        return None if moment == float("inf") else moment

    async def trace(self, name: str, info: Mapping[str, Any]) -> None:
        """Told by the HTTP library what it does; the first byte is waited for from when the request goes out."""
        if name.endswith("send_request_headers.started"):
            self.note_sent()

    def note_sent(self) -> None:
        """The request goes out."""
        self._phase, self._since = "first byte", self._now()
        self._reschedule()

    def note_wait(self) -> None:
        """The next chunk is waited for from now on: the time that the reader took is no silence of the server."""
        if self._phase == "next":
            self._since = self._now()

    def note_bytes(self) -> None:
        """A chunk arrived."""
        gap = self.silent_s
        if self._phase == "first byte":
            self.first_byte_s = gap
        elif not self._hurries:
            self.longest_gap_s = max(self.longest_gap_s or 0.0, gap)
        self._phase, self._since = "next", self._now()

    def hurry(self, idle_s: float) -> None:
        """From now on the wait between chunks counts, and it is short."""
        self._limits["next"] = min(self._limits["next"] or idle_s, idle_s)
        self._phase, self._since, self._hurries = "next", self._now(), True
        self._reschedule()

    def _reschedule(self) -> None:
        if self.timeout is not None:
            self.timeout.reschedule(self.deadline())

    def to_error(self) -> AiexError:
        """What passing the deadline means."""
        url, limit = self._endpoint.base_url, self._limits[self._phase]
        if self._now() >= self._end:
            return Transient(f"{url} did not finish in the time for a whole call", hint=HINT_CUT, kind="timeout")
        if self._phase == "connect":
            message = f"cannot reach {url}: no connection within {limit:g} s"
            return unreachable(message, hint_at(self._endpoint), "timeout")
        if self._phase == "first byte":
            return Transient(
                f"{url} accepted the request and then was silent for {limit:g} s",
                hint="the server may be busy or loading the model; try again",
                kind="timeout",
            )
        return Transient(
            f"{url} fell silent for {limit:g} s in the middle of the answer", hint=HINT_CUT, kind="timeout"
        )


def unreachable(message: str, hint: str, kind: FailureKind) -> Unavailable:
    """That a server cannot be reached."""
    error = Unavailable(message, hint=hint)
    error.kind = kind
    return error


def hint_at(endpoint: Endpoint) -> str:
    """What to do when nothing answers there."""
    return f"is the server running, and is the address right? It is set by {endpoint.url_place}"
