"""Sign out of a provider, here and at its issuer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import click

from aiex.cli.work import Work, answered
from aiex.events import Event, Warned
from aiex.wiring import Services


@click.command()
@click.argument("provider")
def command(provider: str) -> Work:
    """Sign out of PROVIDER, here and at its issuer; a kept key stays (`aiex rm key` forgets it)."""
    return Work("logout", lambda services: lambda: _logout(services, provider), waits=True)


async def _logout(services: Services, word: str) -> AsyncIterator[Event]:
    from aiex.cli.nouns.key import find_provider, store_of
    from aiex.llm.signin import sign_out

    store = store_of(services)
    kept = [name.partition(":")[2] for name in store.places() if name.startswith("login:")]
    provider = find_provider(services, word, also=sorted({*services.settings.providers(), *kept}))
    with services.standing(f"logout {provider}"):
        was_signed_in, is_told = await sign_out(store, provider, visit=services.visit)
    if was_signed_in and not is_told:
        yield Warned("the issuer could not be told", "what it gave ends by itself; its own pages may end it now")
    text = f"signed out of {provider}" if was_signed_in else f"not signed in at {provider}"
    yield answered(text, {"provider": provider, "was_signed_in": was_signed_in, "issuer_told": is_told})
