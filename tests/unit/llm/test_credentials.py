"""What signs a request: found in order, for its own server only, renewed once, and never in a word of ours."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aiex import settings
from aiex.errors import AiexError, NotSignedIn, StoreError, Transient, Unavailable
from aiex.guard.keys import KeyStore, StoredKey, keep_key, store_for
from aiex.llm.credentials import (
    credential_for,
    keep_fresh,
    load_tokens,
    login_name,
    run_key_command,
    save_tokens,
)
from aiex.llm.endpoints import Target, find_target
from aiex.llm.oauth import Tokens
from aiex.llm.router import open_stream
from aiex.llm.signin import keep_sign_in, known_of, sign_out
from aiex.llm.wire import NO_CREDENTIAL, Credential
from aiex.messages import Message, Request, Text
from tests.conftest import SOURCE_ROOT
from tests.fakes.issuer import CLIENT, FakeIssuer
from tests.fakes.responses_server import FakeResponses

pytestmark = pytest.mark.usefixtures("own_keys")
SERVER = "http://127.0.0.1:9"
LOCAL = f"providers.corp.base_url={SERVER}/v1"


@pytest.fixture
def fake() -> Iterator[FakeIssuer]:
    with FakeIssuer() as running:
        yield running


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}


def store() -> KeyStore:
    return store_for(os.environ)


def target(*overrides: str, model: str = "corp/m", **environ: str) -> Target:
    variables = environment(**environ)
    loaded = settings.load(None, overrides=[LOCAL, *overrides], flags={"model": model}, environ=variables)
    return find_target(loaded, model, variables)


def tokens_of(fake: FakeIssuer, *, lives_s: float = 3600, home: str = SERVER) -> Tokens:
    """A sign-in that the issuer knows, as it is kept after `aiex login`."""
    fake.refresh_tokens["refresh-first"] = "offline_access"
    now = time.time()
    return Tokens(
        "access-first", "refresh-first", now - 3600, now + lives_s, fake.url, f"{fake.url}/token", CLIENT, home=home
    )


# --- the order ------------------------------------------------------------------------------------------------------


async def test_the_first_that_is_there_signs(fake: FakeIssuer) -> None:
    command = f"providers.corp.api_key_command={sys.executable} -c 'print(\"from-command\")'"
    assert await credential_for(target()) == NO_CREDENTIAL
    assert await credential_for(target(command)) == Credential("key", "from-command")
    save_tokens(store(), "corp", replace(tokens_of(fake), headers={"x-project": "p"}))
    assert await credential_for(target(command)) == Credential("bearer", "access-first", {"x-project": "p"})
    keep_key(store(), "corp", StoredKey("from-store", SERVER))
    assert await credential_for(target(command)) == Credential("key", "from-store")
    token_env = "providers.corp.auth_token_env=CORP_TOKEN"
    assert await credential_for(target(command, token_env, CORP_TOKEN="t")) == Credential("bearer", "t")
    key_env = "providers.corp.api_key_env=CORP_KEY"
    both = target(command, token_env, key_env, CORP_TOKEN="t", CORP_KEY="from-variable")
    assert await credential_for(both) == Credential("key", "from-variable")


def test_without_asking_first_the_endpoint_finds_the_same() -> None:
    keep_key(store(), "corp", StoredKey("from-store", SERVER))
    endpoint = target().endpoint
    assert endpoint.secret == ""
    assert endpoint.credential == Credential("key", "from-store")
    assert endpoint.secret == "from-store"
    assert "from-store" not in repr(target())


def test_openai_is_asked_with_a_kept_key_and_not_without() -> None:
    with pytest.raises(NotSignedIn, match="no key for openai") as caught:
        target(model="openai/gpt-x")
    assert "aiex set key openai" in caught.value.hint
    keep_key(store(), "openai", StoredKey("sk-kept", "https://api.openai.com"))
    assert target(model="openai/gpt-x").endpoint.credential == Credential("key", "sk-kept")


def test_anthropics_token_from_the_environment_is_a_bearer() -> None:
    found = target(model="anthropic/claude", ANTHROPIC_AUTH_TOKEN="token-1").endpoint.credential
    assert found == Credential("bearer", "token-1")
    both = target(model="anthropic/claude", ANTHROPIC_AUTH_TOKEN="token-1", ANTHROPIC_API_KEY="key-1")
    assert both.endpoint.credential == Credential("key", "key-1")


# --- its own server only --------------------------------------------------------------------------------------------

ELSEWHERE = [
    "http://127.0.0.1:10/v1",
    "https://127.0.0.1:9/v1",
    "http://localhost:9/v1",
    "http://127.0.0.1.example.org:9/v1",
]


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_a_kept_key_stays_at_home_wherever_the_address_moves(url: str) -> None:
    keep_key(store(), "corp", StoredKey("from-store", SERVER))
    moved = target(f"providers.corp.base_url={url}")
    assert await credential_for(moved) == NO_CREDENTIAL
    assert moved.endpoint.hint_for_key() == f"no key was sent: the one that is kept is for {SERVER} only"


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_a_sign_in_stays_at_home_too(url: str, fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", tokens_of(fake))
    assert await credential_for(target(f"providers.corp.base_url={url}")) == NO_CREDENTIAL


def test_a_token_and_a_command_of_a_weaker_place_stay_at_home(home: Path) -> None:
    config = Path(os.environ["AIEX_CONFIG_DIR"])
    config.mkdir()
    (config / "config.toml").write_text(
        '[providers.gate]\nbase_url = "http://127.0.0.1:9"\nauth_token_env = "T"\napi_key_command = "echo key"\n',
        encoding="utf-8",
    )
    assert target(model="gate/m", T="token-1").endpoint.credential == Credential("bearer", "token-1")
    moved = target("providers.gate.base_url=http://127.0.0.1:10", model="gate/m", T="token-1")
    assert moved.endpoint.credential == NO_CREDENTIAL


def test_an_untrusted_project_runs_no_command(workspace: Path) -> None:
    """The settings of a project that is not trusted are not read at all."""
    project = b'[providers.corp]\napi_key_command = "touch /tmp/never"\n'
    loaded = settings.load(
        str(workspace),
        overrides=[LOCAL],
        environ=os.environ,
        read=lambda path: project if "local" not in path else None,
    )
    assert loaded.get("providers.corp.api_key_command") == ""
    assert find_target(loaded, "corp/m", os.environ).endpoint.credential == NO_CREDENTIAL


# --- the command ----------------------------------------------------------------------------------------------------


def python(code: str) -> str:
    import shlex

    return shlex.join([sys.executable, "-c", code])


def test_a_command_sees_no_secret_and_runs_outside_the_workspace() -> None:
    variables = environment(OPENAI_API_KEY="sk-1", AIEX_PASSPHRASE="horse", GNUPGHOME="/gnupg")
    code = "import os,json;print(json.dumps(dict(os.environ,cwd=os.getcwd())).replace(' ',''))"
    shown = run_key_command(python(code), "corp", variables)
    seen = json.loads(shown)
    assert not {"OPENAI_API_KEY", "AIEX_PASSPHRASE"} & set(seen)
    assert seen["GNUPGHOME"] == "/gnupg"
    assert seen["cwd"] == os.path.realpath(os.environ["AIEX_CONFIG_DIR"])


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (
            python("raise SystemExit('locked sk-0123456789abcdef\\x1b[31m')"),
            r"failed \(exit code 1\): locked \[removed\]",
        ),
        (python("pass"), "prints first is no key: it is empty"),
        (python("print('two words')"), "prints first is no key: it has blanks"),
        ("'", "No closing quotation"),
        (" ", "it is empty"),
    ],
)
def test_a_command_that_gives_no_key_is_told_by_its_setting(command: str, words: str) -> None:
    with pytest.raises(NotSignedIn, match=words) as caught:
        run_key_command(command, "corp", os.environ)
    assert "two words" not in caught.value.message
    assert "sk-0123" not in caught.value.message


def test_a_command_that_is_not_there_is_said() -> None:
    with pytest.raises(StoreError, match="cannot run no-such-program"):
        run_key_command("no-such-program x", "corp", os.environ)


def test_only_the_first_line_counts() -> None:
    assert run_key_command(python("print('key-1\\nuser: ada')"), "corp", os.environ) == "key-1"


# --- staying fresh --------------------------------------------------------------------------------------------------


async def test_a_token_is_renewed_before_it_ends(fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", tokens_of(fake, lives_s=200))
    fresh = await credential_for(target())
    assert (fresh.kind, fresh.secret[:7]) == ("bearer", "access-")
    assert fresh.secret != "access-first"
    kept = load_tokens(store(), "corp")
    assert kept is not None
    assert kept.access == fresh.secret
    assert kept.refresh in fake.refresh_tokens


async def test_many_tasks_renew_once(fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", tokens_of(fake, lives_s=200))
    one = target()
    found = await asyncio.gather(*(credential_for(one if at % 2 else target()) for at in range(10)))
    assert len(set(found_secret.secret for found_secret in found)) == 1
    assert fake.granted("refresh_token") == 1


RENEWER = """
import asyncio, os, sys
from aiex.guard.keys import store_for
from aiex.llm.credentials import keep_fresh, load_tokens

store = store_for(os.environ)
tokens = load_tokens(store, "corp")
print("ready", flush=True)
sys.stdin.readline()
print(asyncio.run(keep_fresh(store, "corp", tokens)).access)
"""


def test_two_processes_at_once_renew_once(fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", tokens_of(fake, lives_s=200))
    variables = {**os.environ, "PYTHONPATH": SOURCE_ROOT}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", RENEWER], env=variables, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = {process.communicate(timeout=120)[0].strip() for process in both}
    assert len(said) == 1
    assert said != {"access-first"}
    assert fake.granted("refresh_token") == 1
    assert len(fake.refresh_tokens) == 1


async def test_a_sign_in_that_ended_is_forgotten_and_says_77(fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", tokens_of(fake, lives_s=200))
    fake.errors.append("invalid_grant")
    with pytest.raises(NotSignedIn, match="the sign-in at corp ended") as caught:
        await credential_for(target())
    assert caught.value.exit_code == 77
    assert caught.value.hint == "sign in again: aiex login corp"
    assert login_name("corp") not in store().places()


@pytest.mark.parametrize("error", ["invalid_client", "invalid_request", "500"])
async def test_other_refusals_do_not_sign_out(fake: FakeIssuer, error: str) -> None:
    save_tokens(store(), "corp", tokens_of(fake, lives_s=-10))
    fake.errors.append(error)
    with pytest.raises(AiexError) as caught:
        await credential_for(target())
    assert caught.value.exit_code in (75, 77)
    assert load_tokens(store(), "corp") is not None
    assert (await credential_for(target())).secret.startswith("access-")


async def test_an_issuer_in_trouble_does_not_matter_while_the_token_lives(fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", tokens_of(fake, lives_s=200))
    fake.errors += ["500", "500"]
    assert (await credential_for(target())).secret == "access-first"
    with pytest.raises(Transient):
        await credential_for(target(), refused=True)


async def test_an_issuer_that_is_gone_matters_when_the_token_is_over(fake: FakeIssuer, closed_port: int) -> None:
    gone = replace(tokens_of(fake, lives_s=-10), token_url=f"http://127.0.0.1:{closed_port}/token")
    save_tokens(store(), "corp", gone)
    with pytest.raises(Unavailable, match="connection refused"):
        await credential_for(target())
    assert load_tokens(store(), "corp") == gone


async def test_a_token_that_is_refused_is_renewed_though_it_seems_valid(fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", tokens_of(fake))
    one = target()
    assert (await credential_for(one)).secret == "access-first"
    assert fake.granted("refresh_token") == 0
    assert (await credential_for(one, refused=True)).secret != "access-first"


async def test_a_token_without_refresh_ends_with_its_time(fake: FakeIssuer) -> None:
    save_tokens(store(), "corp", replace(tokens_of(fake, lives_s=200), refresh=""))
    assert (await credential_for(target())).secret == "access-first"
    save_tokens(store(), "corp", replace(tokens_of(fake, lives_s=-10), refresh=""))
    with pytest.raises(NotSignedIn, match="cannot be renewed"):
        await credential_for(target())


@pytest.mark.parametrize("shift_s", [-100_000, 100_000])
async def test_a_clock_that_jumped_leads_to_one_renewal_and_no_loss(fake: FakeIssuer, shift_s: float) -> None:
    tokens = tokens_of(fake)
    save_tokens(store(), "corp", tokens)
    fresh = await keep_fresh(store(), "corp", tokens, now=lambda: time.time() + shift_s)
    assert fresh.access != tokens.access
    assert load_tokens(store(), "corp") == fresh
    assert fake.granted("refresh_token") == 1


async def test_who_signed_out_elsewhere_is_signed_out_here(fake: FakeIssuer) -> None:
    tokens = tokens_of(fake, lives_s=200)
    tokens = replace(tokens, revoke_url=f"{fake.url}/revoke")
    save_tokens(store(), "corp", tokens)
    assert await sign_out(store(), "corp") == (True, True)
    assert fake.refresh_tokens == {}
    with pytest.raises(NotSignedIn, match="signed out of corp"):
        await keep_fresh(store(), "corp", tokens)
    assert await sign_out(store(), "corp") == (False, False)


def test_this_machine_keeps_its_name_and_its_registration(fake: FakeIssuer) -> None:
    from aiex.llm.issuers import openai

    known = known_of(store(), "openai")
    assert known["host_id"].startswith("urn:uuid:")
    issuer = openai(host_id=known["host_id"])
    keep_sign_in(store(), "openai", replace(tokens_of(fake), client_id="oaiapp_1"), issuer)
    assert known_of(store(), "openai") == {**known, "client_id": "oaiapp_1"}


# --- what a plan wants ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed_in", [True, False])
async def test_a_request_that_a_plan_pays_is_asked_the_way_the_plan_wants(fake: FakeIssuer, signed_in: bool) -> None:
    with FakeResponses(key="access-first") as server:
        home = server.base_url.removesuffix("/v1")
        if signed_in:
            save_tokens(store(), "corp", tokens_of(fake, home=home))
        variables = environment(**({} if signed_in else {"CORP_KEY": "access-first"}))
        overrides = [f"providers.corp.base_url={server.base_url}", "providers.corp.protocol=openai-responses"]
        overrides += ["providers.corp.api_key_env=CORP_KEY"]
        loaded = settings.load(None, overrides=overrides, environ=variables)
        words = (Message("system", (Text("Be brief."),)), Message("user", (Text("Hi."),)))
        stream = open_stream(loaded, "corp/fake-1", environ=variables)
        async for _event in stream(Request("", words, max_output_tokens=500)):
            pass
        body = server.requests[0].body
    assert ("max_output_tokens" in body) is not signed_in
