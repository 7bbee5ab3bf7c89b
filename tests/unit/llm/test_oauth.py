"""Signing in: only what belongs to this sign-in, from this issuer, in time, is accepted."""

from __future__ import annotations

import asyncio
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from aiex.errors import AiexError, ConfigError, NotSignedIn, Transient, Unavailable
from aiex.llm import issuers
from aiex.llm.idtoken import read_identity
from aiex.llm.loopback import Listener
from aiex.llm.oauth import Attempt, Issuer, SignedOut, Tokens, renew, revoke, sign_in_by_device
from aiex.llm.signin import sign_in_by_browser, sign_in_by_paste
from tests.fakes.issuer import CLIENT, FakeIssuer, key_set, sign_identity

HOME = "https://api.example.org"
SCOPES = ("openid", "offline_access")


@pytest.fixture
def fake() -> Iterator[FakeIssuer]:
    with FakeIssuer() as running:
        yield running


async def described(fake: FakeIssuer) -> Issuer:
    return await issuers.discover(fake.url, CLIENT, SCOPES)


def browse(url: str) -> int:
    """A browser: goes where it is sent, and on from there."""
    try:
        with urllib.request.urlopen(url, timeout=60) as page:
            return int(page.status)
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code


def browse_aside(url: str) -> threading.Thread:
    thread = threading.Thread(target=browse, args=(url,), daemon=True)
    thread.start()
    return thread


def redirect_of(url: str) -> str:
    """Where a browser would be sent, without going there."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_args: object) -> None:
            return None

    try:
        urllib.request.build_opener(Stay).open(url, timeout=60)
    except urllib.error.HTTPError as redirect:
        with redirect:
            return str(redirect.headers["location"])
    raise AssertionError("no redirect")


async def sign_in(issuer: Issuer, open_url: Callable[[str], object] = browse_aside, within_s: float = 120) -> Tokens:
    def show(url: str) -> None:
        open_url(url)

    return await sign_in_by_browser(issuer, HOME, show, within_s=within_s)


async def test_the_whole_way_through_the_browser(fake: FakeIssuer) -> None:
    tokens = await sign_in(await described(fake))
    assert tokens.access.startswith("access-")
    assert (tokens.home, tokens.account, tokens.client_id) == (HOME, "ada@example.org", CLIENT)
    assert tokens.refresh in fake.refresh_tokens
    asked = next(form for path, form in fake.requests if path == "/authorize")
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert urlsplit(asked["redirect_uri"]).hostname == "127.0.0.1"
    assert Tokens.from_text(tokens.to_text()) == tokens
    for secret in (tokens.access, tokens.refresh):
        assert secret not in repr(tokens)


async def test_nothing_is_the_same_in_two_sign_ins(fake: FakeIssuer) -> None:
    issuer = await described(fake)
    first, second = (parse_qs(urlsplit(Attempt(issuer, "http://127.0.0.1:1/callback").url).query) for _ in range(2))
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]
        assert len(first[name][0]) >= 43


# --- what comes back to the listener --------------------------------------------------------------------------------


async def test_a_stranger_can_neither_end_a_sign_in_nor_slip_in_a_code(fake: FakeIssuer) -> None:
    issuer = await described(fake)
    seen: list[int] = []

    def open_url(url: str) -> None:
        def act() -> None:
            back = parse_qs(urlsplit(url).query)["redirect_uri"][0]
            for query in ("?code=stolen&state=guess", "?code=stolen", "?error=access_denied", "", "?state=a&state=b"):
                seen.append(browse(back + query))
            seen.append(browse(back.replace("/callback", "/favicon.ico")))
            seen.append(browse(url))

        threading.Thread(target=act, daemon=True).start()

    tokens = await sign_in(issuer, open_url)
    assert tokens.account == "ada@example.org"
    assert seen[:6] == [400, 400, 400, 400, 400, 404]


async def test_the_listener_takes_one_answer_and_is_gone(fake: FakeIssuer) -> None:
    async with Listener("/callback", lambda url: "state=right" in url) as listener:
        url = f"{listener.redirect_uri}?code=a&state=right"
        assert await asyncio.to_thread(browse, url) == 200
        assert await listener.answer(60) == url
        with pytest.raises(urllib.error.URLError, match="refused"):
            await asyncio.to_thread(browse, url)


async def test_a_page_by_another_name_for_this_machine_is_refused() -> None:
    async with Listener("/callback", lambda _url: True) as listener:
        port = urlsplit(listener.redirect_uri).port
        request = urllib.request.Request(f"{listener.redirect_uri}?code=a", headers={"Host": f"evil.example:{port}"})

        def ask() -> int:
            with pytest.raises(urllib.error.HTTPError) as refusal:
                urllib.request.urlopen(request, timeout=60)
            with refusal.value:
                return refusal.value.code

        assert await asyncio.to_thread(ask) == 404


async def test_when_its_port_is_taken_the_listener_takes_another() -> None:
    async with Listener("/a", lambda _: True) as first:
        port = urlsplit(first.redirect_uri).port or 0
        async with Listener("/a", lambda _: True, port) as second:
            assert urlsplit(second.redirect_uri).port != port


async def test_nobody_is_waited_for_for_ever(fake: FakeIssuer) -> None:
    with pytest.raises(NotSignedIn, match="nobody signed in within") as caught:
        await sign_in(await described(fake), lambda _url: None, within_s=0.01)
    assert caught.value.exit_code == 77


async def test_the_address_that_the_browser_was_sent_to_can_be_pasted(fake: FakeIssuer) -> None:
    issuer, shown = await described(fake), []

    async def read() -> str:
        return f" {redirect_of(shown[0])}\n"

    assert (await sign_in_by_paste(issuer, HOME, shown.append, read)).account == "ada@example.org"

    async def read_nonsense() -> str:
        return "hello"

    with pytest.raises(NotSignedIn, match="does not belong"):
        await sign_in_by_paste(issuer, HOME, shown.append, read_nonsense)


# --- what comes back from the issuer --------------------------------------------------------------------------------


async def test_a_code_works_once(fake: FakeIssuer) -> None:
    issuer = await described(fake)
    attempt = Attempt(issuer, "http://127.0.0.1:1/callback")
    back = redirect_of(attempt.url)
    await attempt.finish(back, HOME)
    with pytest.raises(NotSignedIn, match="does not belong"):
        await attempt.finish(back, HOME)
    assert fake.granted("authorization_code") == 1


async def test_the_code_of_another_sign_in_is_refused_before_it_is_sent(fake: FakeIssuer) -> None:
    issuer = await described(fake)
    mine, other = (Attempt(issuer, "http://127.0.0.1:1/callback") for _ in range(2))
    with pytest.raises(NotSignedIn, match="does not belong"):
        await mine.finish(redirect_of(other.url), HOME)
    assert fake.granted("authorization_code") == 0


async def test_a_code_is_of_no_use_without_its_verifier(fake: FakeIssuer) -> None:
    issuer = await described(fake)
    mine, other = (Attempt(issuer, "http://127.0.0.1:1/callback") for _ in range(2))
    code = parse_qs(urlsplit(redirect_of(other.url)).query)["code"][0]
    state = parse_qs(urlsplit(mine.url).query)["state"][0]
    with pytest.raises(NotSignedIn, match="refused: invalid_grant"):
        await mine.finish(f"http://127.0.0.1:1/callback?{urlencode({'code': code, 'state': state})}", HOME)


async def test_a_refusal_is_told_without_control_characters(fake: FakeIssuer) -> None:
    fake.refuses = "access_denied"
    with pytest.raises(NotSignedIn, match="did not sign you in: No, thank you") as caught:
        await sign_in(await described(fake))
    assert "\x1b" not in caught.value.message


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"iss": "https://evil.example"}, "it is not from"),
        ({"aud": "another"}, "meant for another program"),
        ({"aud": [CLIENT, "another"], "azp": "another"}, "meant for another program"),
        ({"nonce": "another"}, "belongs to another sign-in"),
        ({"exp": 1}, "it is not valid now"),
        ({"iat": 99_999_999_999}, "it is not valid now"),
        ({"exp": "soon"}, "does not say how long"),
    ],
)
async def test_an_identity_that_is_not_for_us_now_is_refused(
    fake: FakeIssuer, claims: dict[str, object], words: str
) -> None:
    fake.claims = claims
    with pytest.raises(NotSignedIn, match=words):
        await sign_in(await described(fake))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_identities_are_signed_in_two_ways(fake: FakeIssuer, algorithm: str) -> None:
    fake.algorithm = algorithm
    assert (await sign_in(await described(fake))).subject == "ada"


def test_no_other_signature_is_accepted() -> None:
    now = time.time()
    claims = {"iss": "i", "aud": CLIENT, "nonce": "n", "exp": now + 60, "iat": now}
    who = {"issuer": "i", "client_id": CLIENT, "nonce": "n", "now": now}
    good = sign_identity(claims)
    assert read_identity(good, key_set(), **who) == claims
    head, body, signature = good.split(".")
    forged = sign_identity({**claims, "sub": "eve"}).split(".")[1]
    unsigned = sign_identity(claims, "none")
    for bad in (
        f"{head}.{forged}.{signature}",
        f"{head}.{body}.{signature[::-1]}",
        f"{head}.{body}.",
        unsigned,
        sign_identity(claims, "HS256", kid="rsa"),
        sign_identity(claims, kid="unknown"),
        sign_identity(claims, "ES256", kid="rsa"),
        sign_identity(claims, alg="ES256"),
        "a.b.c",
        "",
        "ä.ö.ü",
    ):
        with pytest.raises(NotSignedIn, match="is not accepted"):
            read_identity(bad, key_set(), **who)
    for keys in ({"keys": []}, {"keys": [{}]}, {"keys": [{"kid": "rsa", "kty": "RSA", "n": "AQ", "e": "AQ"}]}, {}):
        with pytest.raises(NotSignedIn):
            read_identity(good, keys, **who)


@pytest.mark.parametrize("ahead_s", [-7200, -120, 120, 7200])
async def test_a_wrong_clock_of_this_machine_does_not_matter(fake: FakeIssuer, ahead_s: float) -> None:
    """An identity is judged by the issuer's clock, and a token's life is counted from when it was asked for."""
    fake.ahead_s = ahead_s
    tokens = await sign_in(await described(fake))
    now = time.time()
    assert not tokens.should_renew(now)
    assert 3500 < (tokens.expires_at or 0) - now <= 3600


# --- time -----------------------------------------------------------------------------------------------------------


def living(lifetime: float | None) -> Tokens:
    ends = None if lifetime is None else 1000 + lifetime
    return Tokens("a", "r", 1000, ends, "i", "t", CLIENT)


@pytest.mark.parametrize(
    ("lifetime", "renewed_from"),
    [(3600, 3300), (86_400, 86_100), (1200, 1080), (600, 540), (300, 240), (60, 30), (0, 0)],
)
def test_tokens_are_renewed_60_to_300_seconds_before_their_end(lifetime: float, renewed_from: float) -> None:
    tokens = living(lifetime)
    assert tokens.should_renew(1000 + renewed_from)
    assert not tokens.should_renew(999.9 + renewed_from) or lifetime == 0
    assert tokens.is_over(1000 + lifetime)
    assert not tokens.is_over(999.9 + lifetime)


def test_a_clock_that_was_turned_back_renews() -> None:
    assert living(3600).should_renew(900)
    assert not living(3600).should_renew(970)


def test_tokens_without_an_end_are_used_until_they_are_refused() -> None:
    assert not living(None).should_renew(1e12)
    assert not living(None).is_over(1e12)


# --- renewing and ending --------------------------------------------------------------------------------------------


async def test_renewing_uses_the_newest_refresh_token(fake: FakeIssuer) -> None:
    first = await sign_in(await described(fake))
    second = await renew(first, name="corp")
    third = await renew(second, name="corp")
    assert len({first.access, second.access, third.access}) == 3
    assert (third.home, third.account) == (first.home, first.account)
    with pytest.raises(SignedOut) as caught:
        await renew(first, name="corp")
    assert caught.value.exit_code == 77


async def test_no_word_of_the_issuer_repeats_what_it_was_sent(fake: FakeIssuer) -> None:
    tokens = await sign_in(await described(fake))
    for error, kind in (("invalid_grant", SignedOut), ("invalid_client", NotSignedIn), ("500", Transient)):
        fake.errors.append(error)
        with pytest.raises(kind) as caught:
            await renew(tokens, name="corp")
        assert tokens.refresh not in f"{caught.value} {caught.value.message} {caught.value.hint}"


async def test_a_sign_in_is_ended_at_the_issuer(fake: FakeIssuer) -> None:
    tokens = await sign_in(await described(fake))
    assert await revoke(tokens, name="corp")
    with pytest.raises(SignedOut):
        await renew(tokens, name="corp")


async def test_an_issuer_that_is_gone_is_unavailable(closed_port: int) -> None:
    tokens = Tokens("a", "r", 0, 1, "i", f"http://127.0.0.1:{closed_port}/token", CLIENT)
    with pytest.raises(Unavailable, match="connection refused"):
        await renew(tokens, name="corp")


# --- device code ----------------------------------------------------------------------------------------------------


class Waiting:
    """A clock that passes only by waiting."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


async def test_signing_in_on_another_device(fake: FakeIssuer) -> None:
    fake.pending, shown, clock = 2, [], Waiting()
    tokens = await sign_in_by_device(
        await described(fake), HOME, lambda *words: shown.append(words), sleep=clock.sleep, now=lambda: clock.now
    )
    assert tokens.account == "ada@example.org"
    assert shown == [(f"{fake.url}/activate", "ABCD-1234")]
    assert clock.waits == [5, 5, 5]


async def test_a_device_slows_down_when_it_is_told(fake: FakeIssuer) -> None:
    fake.errors, clock = ["slow_down", "500"], Waiting()
    await sign_in_by_device(await described(fake), HOME, lambda *_: None, sleep=clock.sleep, now=lambda: clock.now)
    assert clock.waits == [5, 10, 20]


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "invalid_client"])
async def test_a_device_stops_when_it_is_refused(fake: FakeIssuer, error: str) -> None:
    fake.errors, clock = [error], Waiting()
    with pytest.raises(NotSignedIn, match=error):
        await sign_in_by_device(await described(fake), HOME, lambda *_: None, sleep=clock.sleep, now=lambda: clock.now)


async def test_a_device_gives_up_when_the_code_expires(fake: FakeIssuer) -> None:
    fake.pending, clock = 1000, Waiting()
    with pytest.raises(NotSignedIn, match="before the code expired"):
        await sign_in_by_device(await described(fake), HOME, lambda *_: None, sleep=clock.sleep, now=lambda: clock.now)
    assert 590 <= clock.now <= 600


# --- OpenAI ---------------------------------------------------------------------------------------------------------


async def test_openai_registers_the_first_sign_in_and_knows_us_at_the_next(fake: FakeIssuer) -> None:
    fake.registers = True
    first = await sign_in(issuers.openai(fake.url, host_id="urn:uuid:1", port=0))
    assert first.client_id.startswith("oaiapp_")
    asked = next(form for path, form in fake.requests if path == "/api/accounts/authorize")
    assert asked["client_id"] == "dynamic_agent_client"
    assert (asked["agent_name_hint"], asked["ext_agent_host_id"]) == ("Aiex", "urn:uuid:1")
    assert asked["resource"] == "https://api.openai.com/v1"
    assert asked["scope"].split()[-1] == "chatgpt.tokens.use.direct"
    assert urlsplit(asked["redirect_uri"]).path == "/auth/callback"
    traded = next(form for path, form in fake.requests if path == "/api/accounts/oauth/token")
    assert (traded["client_id"], traded["resource"]) == (first.client_id, asked["resource"])
    again = await sign_in(issuers.openai(fake.url, host_id="urn:uuid:1", client_id=first.client_id, port=0))
    assert again.client_id == first.client_id
    assert "agent_name_hint" not in [form for path, form in fake.requests if path == "/api/accounts/authorize"][1]
    renewed = await renew(again, name="openai")
    assert fake.requests[-1][1]["resource"] == "https://api.openai.com/v1"
    assert renewed.client_id == first.client_id


async def test_openai_must_give_a_client_of_our_own(fake: FakeIssuer) -> None:
    attempt = Attempt(issuers.openai(fake.url, host_id="urn:uuid:1"), "http://127.0.0.1:1/auth/callback")
    state = parse_qs(urlsplit(attempt.url).query)["state"][0]
    for client in ("", "&client_id=dynamic_agent_client"):
        fresh = Attempt(attempt.issuer, attempt.redirect_uri)
        state = parse_qs(urlsplit(fresh.url).query)["state"][0]
        with pytest.raises(NotSignedIn, match="did not register"):
            await fresh.finish(f"{fresh.redirect_uri}?code=c&state={state}{client}", HOME)


async def test_openai_must_allow_the_use_of_the_plan(fake: FakeIssuer) -> None:
    fake.registers, fake.scope = True, "openid profile"
    with pytest.raises(NotSignedIn, match=r"did not allow what is needed \(chatgpt\.tokens\.use\.direct\)"):
        await sign_in(issuers.openai(fake.url, host_id="urn:uuid:1", port=0))


# --- Google and issuers of one's own --------------------------------------------------------------------------------


def test_google_wants_a_client_of_ones_own() -> None:
    with pytest.raises(NotSignedIn, match="own Cloud project"):
        issuers.google({})
    variables = {
        "GEMINI_OAUTH_CLIENT_ID": "me.apps.googleusercontent.com",
        "GEMINI_OAUTH_CLIENT_SECRET": "not-so-secret",
        "GEMINI_OAUTH_REDIRECT_URI": "http://127.0.0.1:8765/back",
        "GEMINI_USER_PROJECT": "my-project",
    }
    issuer = issuers.google(variables)
    assert (issuer.client_id, issuer.client_secret) == ("me.apps.googleusercontent.com", "not-so-secret")
    assert (issuer.redirect_path, issuer.redirect_port) == ("/back", 8765)
    assert issuer.headers == {"x-goog-user-project": "my-project"}
    assert "not-so-secret" not in repr(issuer)


@pytest.mark.parametrize(
    "address",
    [
        "http://evil.example:80/x",
        "https://127.0.0.1:1/x",
        "http://127.0.0.1/x",
        "http://a@127.0.0.1:1/x",
        "x",
        "http://[",
    ],
)
def test_a_redirect_leads_to_this_machine_only(address: str) -> None:
    with pytest.raises(ConfigError, match="GEMINI_OAUTH_REDIRECT_URI"):
        issuers.google({"GEMINI_OAUTH_CLIENT_ID": "me", "GEMINI_OAUTH_REDIRECT_URI": address})


def test_a_project_that_is_charged_cannot_add_headers() -> None:
    with pytest.raises(ConfigError, match="GEMINI_USER_PROJECT"):
        issuers.google({"GEMINI_OAUTH_CLIENT_ID": "me", "GEMINI_USER_PROJECT": "a\r\nx-evil: 1"})


async def test_an_issuer_that_describes_another_is_not_believed(fake: FakeIssuer) -> None:
    with pytest.raises(Unavailable, match="does not describe this issuer"):
        await issuers.discover(f"{fake.url}/other", CLIENT, SCOPES)
    with pytest.raises(AiexError):
        await issuers.discover(fake.url.replace("127.0.0.1", "localhost"), CLIENT, SCOPES)
