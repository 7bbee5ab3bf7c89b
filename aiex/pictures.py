"""The pictures that models take, and how large they may be."""

from __future__ import annotations

from typing import Final

IMAGE_TYPES: Final = {
    ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
}  # fmt: skip
"""Media types by the endings of file names."""
IMAGE_LIMIT_BYTES: Final = 5_000_000
"""Anthropic's limit for one picture, the lowest of the vendors (November 2026)."""
_SIGNATURES: Final = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def image_type(data: bytes) -> str:
    """The media type of a picture by its first bytes; empty for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for signature, media_type in _SIGNATURES if data.startswith(signature)), "")
