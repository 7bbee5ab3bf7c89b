"""Requests and tokens for each provider, model and key, per minute and per day, shared by all processes."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import StoreError, Transient
from aiex.llm.stores.limits import Bucket, LimitStore, SqliteLimits
from aiex.messages import Usage

if TYPE_CHECKING:
    from aiex.settings import Settings

MINUTE_S = 60.0
DAY_S = 86_400.0
UNTOLD_BLOCK_S = 5.0
"""How long to hold back after a vendor's 429 without a time."""
LIMITS = (
    ("requests_per_minute", "requests", MINUTE_S),
    ("tokens_per_minute", "tokens", MINUTE_S),
    ("requests_per_day", "requests", DAY_S),
    ("tokens_per_day", "tokens", DAY_S),
)
"""Settings of a provider, what they count, and over how long."""


class Lease(NamedTuple):
    """What was taken for one request."""

    tokens: int
    buckets: tuple[Bucket, ...]
    """Those that count tokens."""


class Limits:
    """The gate that keeps a person's own limits, and the vendor's once it has named them with a 429."""

    def __init__(
        self,
        settings: "Settings",
        path: str,
        *,
        clock: Callable[[], float] = time.time,
        store: LimitStore | None = None,
    ) -> None:
        """Nothing is opened yet.

        Args:
            path: The store; opened when there is a limit to keep, or when another run left a block there.
            store: Instead of the file.
        """
        self._settings = settings
        self._path = path
        self._clock = clock
        self._store = store

    async def before(self, target_name: str, key_id: str, tokens: int) -> Lease:
        """Take one request and its tokens from all limits at once.

        Raises:
            Transient: when there is room only later, with the seconds; a store that cannot be used is no limit.
        """
        counted = self._buckets(target_name, key_id)
        if not counted and not self._is_open():
            return Lease(tokens, ())
        costs = {bucket: (1.0 if unit == "requests" else float(tokens)) for bucket, unit in counted.items()}
        names = (_block_name(target_name, key_id),)
        wait_s = await asyncio.to_thread(self._open().take, costs, names, self._clock())
        if wait_s > 0:
            raise Transient(
                f"the limit for {target_name} is reached; there is room in {wait_s:.1f} s",
                hint="limits are set by providers.NAME.*_per_minute and *_per_day",
                retry_after_s=wait_s,
                kind="rate_limit",
            )
        return Lease(tokens, tuple(bucket for bucket, unit in counted.items() if unit == "tokens"))

    async def after(self, lease: object, usage: Usage | None) -> None:
        """Correct the estimate by what was used; an unknown use leaves the estimate."""
        if not isinstance(lease, Lease) or not lease.buckets or usage is None:
            return
        if usage.input_tokens is None or usage.output_tokens is None:
            return
        extra = usage.input_tokens + usage.output_tokens - lease.tokens
        extras = dict.fromkeys(lease.buckets, float(extra))
        await asyncio.to_thread(self._open().settle, extras, self._clock())

    async def pushed(self, target_name: str, key_id: str, retry_after_s: float | None) -> None:
        """Hold everybody back who uses this key with this model, for as long as the vendor said."""
        wait_s = UNTOLD_BLOCK_S if retry_after_s is None else min(retry_after_s, DAY_S)
        until_s = self._clock() + wait_s
        await asyncio.to_thread(lambda: self._open().block(_block_name(target_name, key_id), until_s))

    def _buckets(self, target_name: str, key_id: str) -> Mapping[Bucket, str]:
        """The limits of this provider with what they count."""
        provider = target_name.partition("/")[0]
        amounts = {field: float(self._settings.get(f"providers.{provider}.{field}")) for field, _, _ in LIMITS}
        return {
            Bucket(f"{target_name} {key_id} {field}", amounts[field], window_s): unit
            for field, unit, window_s in LIMITS
            if amounts[field] > 0
        }

    def _is_open(self) -> bool:
        return self._store is not None or os.path.exists(self._path)

    def _open(self) -> LimitStore:
        if self._store is None:
            try:
                self._store = SqliteLimits(self._path)
            except StoreError as error:
                error.hint = error.hint or "the limits of providers are kept there"
                raise
        return self._store


def _block_name(target_name: str, key_id: str) -> str:
    return f"{target_name} {key_id}"
