"""What vendors say about their models when they are asked, and a newer catalogue when a person wants one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import StoreError, Transient, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.llm.wire import ModelCard
    from aiex.settings import Settings

LIST_TIMEOUT_S = 15.0
REFRESH_TIMEOUT_S = 60.0
MOST_BYTES = 32 * 1024 * 1024
"""The list had 3.2 MB in November 2026."""


async def ask_for_models(settings: Settings, provider: str, environ: Mapping[str, str]) -> Sequence[ModelCard]:
    """The models that a provider's server lists now.

    Raises:
        ConfigError, NotSignedIn: if the provider cannot be asked.
        ProviderError: if it does not answer with a list.
    """
    from aiex.llm.endpoints import find_target
    from aiex.llm.http import Connection

    target = find_target(settings, f"{provider}/models", environ)
    codec, profile = target.codec, target.profile
    async with Connection(target.endpoint) as connection:
        headers = codec.headers(target.endpoint.credential, profile)
        status, body = await connection.get(codec.models_path, headers, within_s=LIST_TIMEOUT_S)
    if status != 200:
        raise codec.to_error(status, {}, body, profile)
    cards = codec.read_models(body)
    if not cards:
        raise Unavailable(f"{provider} ({profile.base_url}) lists no models at {codec.models_path}")
    return cards


class Refreshed(NamedTuple):
    """How a catalogue was fetched."""

    path: str
    is_new: bool
    """False when the server said that nothing changed since."""


async def refresh_catalogue(url: str, folder: str) -> Refreshed:
    """Fetch the price list and keep it as the catalogue in `folder`; asks for it only when it changed (ETag).

    Raises:
        Unavailable, Transient: if it cannot be fetched.
        StoreError: if what came is no price list, or cannot be kept; the catalogue in use stays.
    """
    import httpx2

    from aiex import __version__
    from aiex.llm.cataloguing import to_catalogue, to_text

    path, tag_path = os.path.join(folder, "models.json"), os.path.join(folder, "models.etag")
    headers = {"user-agent": f"aiex/{__version__}", "accept": "application/json"}
    if os.path.exists(path) and os.path.exists(tag_path):
        headers["if-none-match"] = _read_text(tag_path)
    try:
        async with (
            httpx2.AsyncClient(timeout=REFRESH_TIMEOUT_S, follow_redirects=True) as client,
            client.stream("GET", url, headers=headers) as response,
        ):
            if response.status_code == 304:
                return Refreshed(path, is_new=False)
            if response.status_code != 200:
                raise Unavailable(f"{url} answered {response.status_code}", hint="see `aiex show config catalogue.url`")
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MOST_BYTES:
                    raise Unavailable(f"{url} sends more than {MOST_BYTES >> 20} MiB, which is no price list")
            tag = response.headers.get("etag", "")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Transient(
            f"cannot fetch {url}: {error or type(error).__name__}", hint="check the network and try again"
        ) from error
    try:
        catalogue = to_text(to_catalogue(json.loads(bytes(body)), url))
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise StoreError(f"what {url} sent is no price list: {error}", hint="the catalogue in use was kept") from error
    _keep(path, catalogue)
    _keep(tag_path, tag)
    return Refreshed(path, is_new=True)


def _read_text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read(1_000).strip()


def _keep(path: str, text: str) -> None:
    """Write a file of ours whole or not at all."""
    from aiex import dirs

    scratch = f"{path}.{os.getpid()}"
    try:
        dirs.ensure(os.path.dirname(path))
        with open(scratch, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(scratch, path)
    except OSError as error:
        raise StoreError(f"cannot keep {path}: {error.strerror}") from error
