"""Sign in at a provider instead of using a key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal

import click

from aiex.cli.work import Work, answered
from aiex.errors import UsageError
from aiex.events import Event, Warned
from aiex.wiring import Services

if TYPE_CHECKING:
    from aiex.llm.oauth import Issuer, Tokens

Way = Literal["browser", "paste", "device"]


@click.command()
@click.argument("provider")
@click.option(
    "--paste", "way", flag_value="paste", help="Read the address that the browser ends at; for remote machines."
)
@click.option("--device", "way", flag_value="device", help="Sign in on another device, where the provider offers it.")
def command(provider: str, way: Way | None) -> Work:
    """Sign in at PROVIDER instead of using a key.

    \b
    openai      your ChatGPT plan pays
    gemini      with a client of your own Cloud project (GEMINI_OAUTH_CLIENT_ID, GEMINI_OAUTH_CLIENT_SECRET)
    any other   with the issuer in providers.PROVIDER.oauth_issuer

    The browser opens on a terminal; elsewhere its address is printed. A key of the provider is used before a sign-in.
    """
    return Work("login", lambda services: lambda: _login(services, provider, way or "browser"), waits=True)


async def _login(services: Services, word: str, way: Way) -> AsyncIterator[Event]:
    from aiex.cli.nouns.key import describe_place, find_provider, home_of, store_of, warn_of_key_file
    from aiex.llm.issuers import find_issuer
    from aiex.llm.signin import keep_sign_in, known_of

    provider = find_provider(services, word)
    home, store = home_of(services, provider), store_of(services)
    is_built_in = not services.settings.get(f"providers.{provider}.oauth_issuer")
    known = known_of(store, provider) if provider == "openai" and is_built_in else {}
    visit = services.visit
    issuer = await find_issuer(services.settings, provider, home, services.environ, known=known, visit=visit)
    with services.standing(f"login {provider}", issuer=issuer.issuer, home=home):
        tokens = await _sign_in(issuer, home, way, services)
        keep_sign_in(store, provider, tokens, issuer)
    for warning in warn_of_key_file(store):
        yield warning
    stronger = _stronger(services, provider, list(store.places()))
    if stronger:
        yield Warned(f"{stronger} is used before the sign-in", f"take it away to use the sign-in of {provider}")
    who = f" as {tokens.account}" if tokens.account else ""
    yield answered(
        f"signed in at {issuer.name}{who}; kept in {describe_place(store, 'file')}, for {home}",
        {"provider": provider, "issuer": issuer.issuer, "account": tokens.account, "home": home},
    )


async def _sign_in(issuer: Issuer, home: str, way: Way, services: Services) -> Tokens:
    from aiex.llm.oauth import sign_in_by_device
    from aiex.llm.signin import sign_in_by_browser, sign_in_by_paste

    match way:
        case "device":
            return await sign_in_by_device(issuer, home, _show_device, visit=services.visit)
        case "paste":
            return await sign_in_by_paste(issuer, home, _show_address, _read_address, visit=services.visit)
        case "browser":
            return await sign_in_by_browser(issuer, home, lambda url: _show_page(url, services), visit=services.visit)


def _show_page(url: str, services: Services) -> None:
    """Open the browser where a person sits, and print the address in any case."""
    from aiex.cli.streams import say
    from aiex.guard.keys import is_at_terminal
    from aiex.guard.sandbox.browser import open_in_browser

    opened = is_at_terminal() and open_in_browser(url, services.environ)
    say("your browser opens; if it does not, open:" if opened else "open this address in a browser on this machine:")
    say(f"  {url}")


def _show_address(url: str) -> None:
    from aiex.cli.streams import say

    say("open this address in a browser, sign in, and copy the address that it ends at (the page may not load):")
    say(f"  {url}")


def _show_device(place: str, code: str) -> None:
    from aiex.cli.streams import say

    say(f"open {place} on any device, and type the code {code}")


async def _read_address() -> str:
    """One line of standard input; a code in it is worth nothing to others without what stays here."""
    import asyncio
    import contextlib
    import sys
    from threading import Thread

    from aiex.cli.streams import say

    stream, loop = sys.stdin, asyncio.get_running_loop()
    if stream is None:
        raise UsageError("standard input is closed", hint="--paste reads the address from there")
    line: asyncio.Future[str] = loop.create_future()

    def give(text: str) -> None:
        if not line.done():
            line.set_result(text)

    def read() -> None:
        text = stream.readline(16_384)
        with contextlib.suppress(RuntimeError):  # the run is over
            loop.call_soon_threadsafe(give, text)

    say("paste it here:")
    Thread(target=read, daemon=True).start()  # one that waits for a line must not keep an interrupted run alive
    return await line


def _stronger(services: Services, provider: str, kept: list[str]) -> str:
    """What signs requests before a sign-in does, in words; empty for nothing."""
    for field in ("api_key_env", "auth_token_env"):
        variable = str(services.settings.get(f"providers.{provider}.{field}"))
        if variable and services.environ.get(variable):
            return variable
    return f"the kept key of {provider}" if f"key:{provider}" in kept else ""
