"""Counts of the vendor as ours: what was read from and written to the cache belongs to the input."""

from collections.abc import Mapping
from typing import Any

from aiex.messages import Usage


def to_usage(counts: Mapping[str, Any]) -> Usage:
    """The counts; `input_tokens` of the vendor leaves out the cache, ours has it."""
    fresh, read = _count(counts.get("input_tokens")), _count(counts.get("cache_read_input_tokens"))
    written = _count(counts.get("cache_creation_input_tokens"))
    if written is None and isinstance(counts.get("cache_creation"), dict):
        written = sum(filter(None, map(_count, counts["cache_creation"].values())))
    details = counts.get("output_tokens_details")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (written or 0),
        output_tokens=_count(counts.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=_count(details.get("thinking_tokens")) if isinstance(details, dict) else None,
    )


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None
