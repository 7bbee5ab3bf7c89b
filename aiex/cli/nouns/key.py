"""Keys of model vendors: kept in the keyring or in an encrypted file, and never shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, Literal

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Events, Work, answered, report
from aiex.errors import AiexError, NotSignedIn, UsageError
from aiex.events import Event, TurnEnded, Warned
from aiex.wiring import OFFLINE, Services

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from aiex.guard.keys import KeyStore, Place
    from aiex.guard.protectors import Kind
    from aiex.llm.endpoints import Target
    from aiex.llm.visits import Visiting

LONGEST_INPUT = 65_536


def _complete_providers(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    import os

    from click.shell_completion import CompletionItem

    try:
        names = Services(os.getcwd()).settings.providers()
    except (AiexError, OSError):
        return []
    return [CompletionItem(name) for name in sorted(names) if name.startswith(incomplete)]


_provider = click.argument("provider", default="", shell_complete=_complete_providers)


@click.command("set", context_settings={"allow_extra_args": True})
@_provider
@click.option(
    "--in", "place", type=click.Choice(("keyring", "file")), help="Where to keep it, whatever keys.store says."
)
@click.pass_context
def set_key(ctx: click.Context, provider: str, place: Place | None) -> Work:
    """Keep the key of PROVIDER, typed unseen or piped in.

    \b
    aiex set key openai
    pass show openai | aiex set key openai

    It goes to the server that the provider has now, and to no other. Without PROVIDER it is the one in use.
    """
    if ctx.args:
        raise click.UsageError("a key is never given on the command line, where others can see it", ctx)
    return Work("set key", lambda services: lambda: _begin_setting(services, provider, place))


@click.command("list")
def list_keys() -> Work:
    """List the keys there are, by their last four characters; asks no server."""
    return report("list keys", _list)


@click.command("rm")
@_provider
def rm_key(provider: str) -> Work:
    """Forget the kept key of PROVIDER."""
    return report("rm key", lambda services: _remove(services, provider))


@click.command("rotate")
@_provider
@click.option(
    "--protect",
    type=click.Choice(("keyring", "passphrase", "keyfile")),
    help="What opens the encrypted file from now on; the same kind as before by default.",
)
def rotate_key(provider: str, protect: Kind | None) -> Work:
    """Lock the encrypted file anew, or only the key of PROVIDER; the keys themselves stay as they are.

    A new passphrase is asked for where one protects the file (or read from AIEX_NEW_PASSPHRASE). Without PROVIDER the
    keys of the audit log are locked anew too.
    """
    return Work("rotate key", lambda services: lambda: _rotate(services, provider, protect))


@click.command("test")
@_provider
def test_key(provider: str) -> Work:
    """Ask the server of PROVIDER whether it takes the key; sends no prompt and costs nothing."""
    return Work("test key", lambda services: lambda: _test(services, provider), waits=True)


# --- set ------------------------------------------------------------------------------------------------------------


def _begin_setting(services: Services, word: str, place: Place | None) -> Events:
    return _set_typed(services, word, place) if services.type_unseen else _set(services, word, place)


def _set(services: Services, word: str, place: Place | None) -> Iterator[Event]:
    provider = find_provider(services, word)
    home = home_of(services, provider)
    yield from _keep(services, provider, home, _read_key(provider), place)


async def _set_typed(services: Services, word: str, place: Place | None) -> AsyncIterator[Event]:
    """Of a door that asks in its own way."""
    provider = find_provider(services, word)
    home = home_of(services, provider)
    typed = await _ask_unseen(services, f"Key of {provider}, for {home}")
    store = store_of(services)
    goes_to_keyring = store.keyring is not None and (place or _place(services)) != "file"
    wanted = None if goes_to_keyring else store.wants_passphrase()
    passphrase = ""
    if wanted:
        what = "Passphrase of the keys" if wanted == "open" else "New passphrase for the keys"
        passphrase = await _ask_unseen(services, what)
        if wanted == "new" and await _ask_unseen(services, f"{what}, again") != passphrase:
            raise UsageError("the two passphrases differ", hint="nothing was kept; try again")
    with store.answering(passphrase) if wanted else nullcontext():
        for event in _keep(services, provider, home, typed.strip(), place):
            yield event


async def _ask_unseen(services: Services, what: str) -> str:
    typed = await services.type_unseen(what) if services.type_unseen else None
    if typed is None:
        raise UsageError("no key was typed", hint="nothing was kept")
    return typed


def _keep(services: Services, provider: str, home: str, key: str, place: Place | None) -> Iterator[Event]:
    from aiex.guard.keys import StoredKey, keep_key, problem_with_key

    if problem := problem_with_key(key):
        raise UsageError(f"what was given is no key: {problem}", hint="nothing was kept")
    store = store_of(services)
    with services.standing(f"set key {provider}", home=home):
        kept = keep_key(store, provider, StoredKey(key, home), place or _place(services))
    yield from warn_of_key_file(store)
    variable = str(services.settings.get(f"providers.{provider}.api_key_env"))
    if variable and services.environ.get(variable):
        yield Warned(f"{variable} is set too, and is used before the key that is kept")
    where = describe_place(store, kept)
    yield answered(
        f"the key of {provider} is kept in {where}, for {home}", {"provider": provider, "in": kept, "home": home}
    )


def _read_key(provider: str) -> str:
    """The key from standard input, typed unseen where that is a terminal."""
    import sys

    from aiex.cli.streams import read_stdin
    from aiex.guard.keys import ask_hidden

    if sys.stdin is not None and sys.stdin.isatty():
        return ask_hidden(f"Key of {provider}: ").strip()
    try:
        data = read_stdin(LONGEST_INPUT)
    except OSError as error:
        raise UsageError("standard input cannot be read", hint="type the key on a terminal, or pipe it in") from error
    return data.decode("utf-8", "replace").strip()


# --- list -----------------------------------------------------------------------------------------------------------


def _list(services: Services) -> TurnEnded:
    store = store_of(services)
    rows = [row for provider in _all_providers(services, store) for row in _describe(services, store, provider)]
    shown = [(row["provider"], row["key"], row["from"], row["home"]) for row in rows]
    text = columns(shown, head=("PROVIDER", "KEY", "FROM", "FOR")) or "no keys yet; to keep one: aiex set key PROVIDER"
    return answered(text, {"keys": rows})


def _all_providers(services: Services, store: KeyStore) -> list[str]:
    kept = {name.partition(":")[2] for name in store.places() if name.startswith(("key:", "login:"))}
    return sorted({*services.settings.providers(), *kept})


def _describe(services: Services, store: KeyStore, provider: str) -> Iterator[dict[str, Any]]:
    """A row for each thing that could sign for a provider, strongest first."""
    from aiex.guard.keys import StoredKey
    from aiex.llm.credentials import login_name

    is_configured = provider in services.settings.providers()

    def get(field: str) -> str:
        return str(services.settings.get(f"providers.{provider}.{field}")) if is_configured else ""

    for variable in (get("api_key_env"), get("auth_token_env")):
        if variable and (secret := services.environ.get(variable, "").strip()):
            yield {"provider": provider, "key": StoredKey(secret, "").tail, "from": variable, "home": ""}
    places = store.places()
    if place := places.get(f"key:{provider}"):
        yield {"provider": provider, "from": place, **_open(lambda: _key_row(store, provider))}
    if login_name(provider) in places:
        yield {"provider": provider, "from": "sign-in", **_open(lambda: _login_row(store, provider))}
    if get("api_key_command"):
        yield {"provider": provider, "key": "not asked", "from": "command", "home": ""}


def _open(read: Any) -> dict[str, str]:
    """What is kept, or that it cannot be opened now."""
    try:
        found: dict[str, str] = read()
    except NotSignedIn:
        return {"key": "locked", "home": ""}
    return found


def _key_row(store: KeyStore, provider: str) -> dict[str, str]:
    from aiex.guard.keys import find_key

    key = find_key(store, provider)
    return {"key": key.tail if key else "gone", "home": key.home if key else ""}


def _login_row(store: KeyStore, provider: str) -> dict[str, str]:
    from aiex.llm.credentials import load_tokens

    tokens = load_tokens(store, provider)
    return {"key": (tokens.account or "signed in") if tokens else "gone", "home": tokens.home if tokens else ""}


# --- rm, rotate -----------------------------------------------------------------------------------------------------


def _remove(services: Services, word: str) -> TurnEnded:
    store = store_of(services)
    provider = find_provider(services, word, also=_all_providers(services, store))
    with services.standing(f"rm key {provider}"):
        had_key = store.forget(f"key:{provider}")
    text = f"the key of {provider} is forgotten" if had_key else f"no key of {provider} was kept"
    return answered(text, {"provider": provider, "had_key": had_key})


def _rotate(services: Services, word: str, protect: Kind | None) -> Iterator[Event]:
    from aiex.guard.keys import find_key, keep_key

    store = store_of(services)
    if word:
        provider = find_provider(services, word, also=_all_providers(services, store))
        key = find_key(store, provider)
        if key is None:
            raise NotSignedIn(f"no key of {provider} is kept", hint=f"aiex set key {provider}")
        with services.standing(f"rotate key {provider}"):
            place = keep_key(store, provider, key, store.places()[f"key:{provider}"])
        yield answered(f"the key of {provider} is locked anew", {"provider": provider, "in": place})
        return
    with services.standing("rotate keys", protect=protect or "as before"):
        count = store.vault.rotate(protect)
    yield from warn_of_key_file(store)
    kind = store.vault.kind()
    text = (
        f"{_count(count, 'secret')} locked anew, and opened by the {_NAMES[kind]}"
        if kind
        else "there is no file of keys yet"
    )
    audited = _rotate_audit(services)
    if audited:
        text += f"\nof the audit log {_count(audited, 'key')} locked anew"
    sealed = services.sessions.rotate_keys()
    if sealed:
        text += f"\nof encrypted sessions {_count(sealed, 'key')} locked anew"
    yield answered(text, {"count": count, "protected_by": kind, "audit": audited, "sessions": sealed})


def _count(number: int, noun: str) -> str:
    """A number, its noun and the verb: `1 key is`, `3 keys are`."""
    from aiex.jobs.briefing.words import count

    return f"{count(number, noun)} {'is' if number == 1 else 'are'}"


def _rotate_audit(services: Services) -> int:
    """How many keys of the audit log were locked anew; 0 when there is no log."""
    from aiex.guard.audit.log import AuditLog
    from aiex.guard.audit.opening import find_records

    places, keys = find_records(services.environ)
    if not keys.exists():
        return 0
    log = AuditLog(places)
    try:
        return log.rotate()
    finally:
        log.close()


_NAMES = {"keyring": "keyring of this system", "passphrase": "passphrase", "keyfile": "key file"}


# --- test -----------------------------------------------------------------------------------------------------------


async def _test(services: Services, word: str) -> AsyncIterator[Event]:
    from aiex.llm.credentials import credential_for
    from aiex.llm.endpoints import find_target

    provider = find_provider(services, word)
    target = find_target(services.settings, f"{provider}/models", services.environ)
    endpoint = target.endpoint
    credential = await credential_for(target, visit=services.visit)
    if credential.kind == "none":
        raise NotSignedIn(f"no key for {provider} ({endpoint.base_url})", hint=f"aiex set key {provider}")
    place = endpoint.key_env if endpoint.key else endpoint.signer.place if endpoint.signer else ""
    if place != "sign-in":
        await _ask(target, services.visit)
    what = "sign-in is valid" if place == "sign-in" else "key is accepted"
    yield answered(
        f"the {what} ({place}, for {endpoint.base_url})",
        {"provider": provider, "from": place, "base_url": endpoint.base_url, "accepted": True},
    )


async def _ask(target: Target, visit: Visiting) -> None:
    """Ask for the list of models. Raises what the server's answer means, without the key in it."""
    from aiex.llm.discovery import fetch_list

    endpoint = target.endpoint
    try:
        await fetch_list(target, visit=visit)
    except AiexError as error:
        if len(endpoint.secret) >= 4:
            error.message = error.message.replace(endpoint.secret, "[key]")
            error.args = (error.message,)
        error.hint = error.hint or endpoint.hint_for_key()
        raise


# --- shared with login ----------------------------------------------------------------------------------------------


def store_of(services: Services) -> KeyStore:
    """The store of the person."""
    from aiex.guard.keys import store_for

    return store_for(services.environ, services.settings.get("keys.store"))


def _place(services: Services) -> Place | None:
    """Where keys go by the settings; None for the best place there is."""
    chosen: Literal["auto", "keyring", "file"] = services.settings.get("keys.store")
    return None if chosen == "auto" else chosen


def find_provider(services: Services, word: str, *, also: list[str] | None = None) -> str:
    """The provider that is meant; an unknown word is not repeated, since it may be a key typed in the wrong place."""
    known = also if also is not None else list(services.settings.providers())
    provider = word or services.settings.provider_and_model()[0]
    if provider == OFFLINE:
        raise UsageError("for which provider?", hint=f"there is: {', '.join(known)}")
    if provider not in known:
        raise UsageError(
            "no provider of this name is configured",
            hint=f"there is: {', '.join(known)} (a key is never given on the command line)",
        )
    return provider


def home_of(services: Services, provider: str) -> str:
    """The server that a key of this provider is for. Raises ConfigError when its address cannot be used."""
    from aiex.llm.endpoints import parse_base_url, server_of

    url = services.settings.origin(f"providers.{provider}.base_url")
    return server_of(parse_base_url(str(url.value), f"providers.{provider}.base_url", url.place))


def warn_of_key_file(store: KeyStore) -> Iterator[Event]:
    """Say plainly when nothing but file modes guards the keys."""
    if store.vault.kind() == "keyfile":
        yield Warned(
            f"what opens the encrypted file lies beside it in {store.folder}: who reads your files can read the keys",
            "to be asked for a passphrase instead: aiex rotate key --protect passphrase",
        )


def describe_place(store: KeyStore, place: str) -> str:
    """Where something is kept, in words."""
    return "the keyring of this system" if place == "keyring" else store.vault.path


NOUN = Noun({"set": set_key, "list": list_keys, "rm": rm_key, "rotate": rotate_key, "test": test_key})
