"""What vendors say about their models when they are asked, and a newer catalogue when a person wants one."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NamedTuple

from aiex.errors import StoreError, Unavailable
from aiex.llm.visits import CATALOGUE, MODELS, visit_freely, visit_of, visit_url

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aiex.llm.endpoints import Target
    from aiex.llm.visits import Visiting
    from aiex.llm.wire import ModelCard
    from aiex.settings import Settings

LIST_TIMEOUT_S = 15.0
REFRESH_TIMEOUT_S = 60.0
MOST_BYTES = 32 * 1024 * 1024
"""The list had 3.2 MB in November 2026."""


async def ask_for_models(
    settings: Settings, provider: str, environ: Mapping[str, str], *, visit: Visiting = visit_freely
) -> Sequence[ModelCard]:
    """The models that a provider's server lists now.

    Raises:
        Denied: if it may not be asked.
        ConfigError, NotSignedIn: if the provider cannot be asked.
        ProviderError: if it does not answer with a list.
    """
    from aiex.llm.endpoints import find_target

    target = find_target(settings, f"{provider}/models", environ)
    codec, profile = target.codec, target.profile
    cards = codec.read_models(await fetch_list(target, visit=visit))
    if not cards:
        raise Unavailable(f"{provider} ({profile.base_url}) lists no models at {codec.models_path}")
    return cards


async def fetch_list(target: Target, *, visit: Visiting = visit_freely) -> bytes:
    """What the server of a target says when it is asked for its models. Raises as `ask_for_models` does."""
    from aiex.llm.credentials import credential_for
    from aiex.llm.http import Connection

    codec, profile = target.codec, target.profile
    headers = codec.headers(await credential_for(target, visit=visit), profile)
    async with visit_of(visit, target, MODELS), Connection(target.endpoint) as connection:
        status, body = await connection.get(codec.models_path, headers, within_s=LIST_TIMEOUT_S)
        if status != 200:
            raise codec.to_error(status, {}, body, profile)
    return body


class Refreshed(NamedTuple):
    """How a catalogue was fetched."""

    path: str
    is_new: bool
    """False when the server said that nothing changed since."""


async def refresh_catalogue(url: str, folder: str, *, place: str = "", visit: Visiting = visit_freely) -> Refreshed:
    """Fetch the price list and keep it as the catalogue in `folder`; asks for it only when it changed (ETag).

    Args:
        place: Where the address was set.
        visit: Says whether the server may be asked, and keeps a record of it.

    Raises:
        Denied: if it may not be asked.
        Unavailable, Transient: if it cannot be fetched.
        StoreError: if what came is no price list, or cannot be kept; the catalogue in use stays.
    """
    from aiex.llm.cataloguing import to_catalogue, to_text
    from aiex.llm.http import fetch

    path, tag_path = os.path.join(folder, "models.json"), os.path.join(folder, "models.etag")
    known = _read_text(tag_path) if os.path.exists(path) and os.path.exists(tag_path) else ""
    async with visit_url(visit, url, place, CATALOGUE):
        status, body, tag = await fetch(url, etag=known, within_s=REFRESH_TIMEOUT_S, limit_bytes=MOST_BYTES)
        if status not in (200, 304):
            raise Unavailable(f"{url} answered {status}", hint="see `aiex show config catalogue.url`")
    if status == 304:
        return Refreshed(path, is_new=False)
    try:
        catalogue = to_text(to_catalogue(json.loads(body), url))
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
