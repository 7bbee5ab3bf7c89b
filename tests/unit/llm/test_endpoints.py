"""Addresses are checked before use, and a key travels only to the server it is for."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from aiex import settings
from aiex.errors import ConfigError, NotSignedIn
from aiex.llm.endpoints import Target, find_target, parse_base_url
from aiex.llm.router import open_stream

OPENAI = {"OPENAI_API_KEY": "sk-openai"}


def find(model: str, environ: dict[str, str], *overrides: str, file: str = "") -> Target:
    if file:
        folder = Path(file).parent
        environ = {**environ, "AIEX_CONFIG_DIR": str(folder)}
    loaded = settings.load(None, overrides=overrides, flags={"model": model}, environ=environ)
    return find_target(loaded, model, environ)


def test_openai_is_built_in() -> None:
    target = find("gpt-x", OPENAI)
    assert target.codec.name == "openai-responses"
    assert (target.profile.provider, target.profile.model) == ("openai", "gpt-x")
    assert (target.endpoint.base_url, target.endpoint.key) == ("https://api.openai.com/v1", "sk-openai")


def test_a_model_may_have_slashes_in_its_name() -> None:
    target = find("local/meta/llama-4", {}, "providers.local.base_url=http://127.0.0.1:1/v1/")
    assert (target.profile.model, target.endpoint.base_url) == ("meta/llama-4", "http://127.0.0.1:1/v1")


def test_openai_without_a_key_is_not_asked() -> None:
    for environ in ({}, {"OPENAI_API_KEY": "  "}):
        with pytest.raises(NotSignedIn, match=r"no key for openai \(https://api.openai.com/v1\)") as caught:
            find("openai/gpt-x", environ)
        assert "OPENAI_API_KEY" in caught.value.hint


def test_a_server_of_ones_own_needs_no_key() -> None:
    assert find("local/m", OPENAI, "providers.local.base_url=http://127.0.0.1:1/v1").endpoint.key == ""


@pytest.mark.parametrize(
    ("environ", "overrides", "key"),
    [
        ({"AIEX_BASE_URL": "http://127.0.0.1:1/v1"}, [], ""),
        ({"AIEX_BASE_URL": "http://api.openai.com/v1"}, [], ""),
        ({"AIEX_BASE_URL": "https://api.openai.com:444/v1"}, [], ""),
        ({"AIEX_BASE_URL": "https://api.openai.com.example.org/v1"}, [], ""),
        ({"AIEX_BASE_URL": "https://api.openai.com/v2"}, [], "sk-openai"),
        ({"AIEX_BASE_URL": "https://api.openai.com:443/v1"}, [], "sk-openai"),
        ({"AIEX_BASE_URL": "http://127.0.0.1:1/v1", "AIEX_API_KEY": "own"}, [], "own"),
        ({"AIEX_API_KEY": "own"}, [], "own"),
        ({}, ["providers.openai.base_url=http://127.0.0.1:1/v1"], ""),
        (
            {},
            ["providers.openai.base_url=http://127.0.0.1:1/v1", "providers.openai.api_key_env=OPENAI_API_KEY"],
            "sk-openai",
        ),
        ({"AIEX_PROVIDERS__OPENAI__BASE_URL": "http://127.0.0.1:1/v1"}, [], ""),
    ],
)
def test_the_openai_key_stays_at_home(environ: dict[str, str], overrides: Sequence[str], key: str) -> None:
    endpoint = find("openai/gpt-x", {**OPENAI, **environ}, *overrides).endpoint
    assert endpoint.key == key
    if not key:
        assert "OPENAI_API_KEY is for https://api.openai.com only" in endpoint.hint_for_key()
        assert "AIEX_API_KEY" in endpoint.hint_for_key()


def test_a_key_configured_for_one_server_does_not_follow_the_address_to_another(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[providers.corp]\nbase_url = "https://corp.example/v1"\napi_key_env = "CORP_KEY"\n')
    environ = {"CORP_KEY": "corp-secret", "AIEX_CONFIG_DIR": str(tmp_path)}
    assert find("corp/m", environ).endpoint.key == "corp-secret"
    moved = {**environ, "AIEX_BASE_URL": "https://elsewhere.example/v1"}
    endpoint = find("corp/m", moved).endpoint
    assert endpoint.key == ""
    assert "CORP_KEY is for https://corp.example only" in endpoint.hint_for_key()


def test_the_key_shows_in_no_representation() -> None:
    assert "sk-openai" not in repr(find("gpt-x", OPENAI))


def test_a_key_that_no_header_can_carry_is_named_and_not_shown() -> None:
    with pytest.raises(NotSignedIn, match="OPENAI_API_KEY") as caught:
        find("gpt-x", {"OPENAI_API_KEY": "sk-öpen\nai"})
    assert "öpen" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000/v1",
        "ftp://host/v1",
        "http://",
        "http:///v1",
        "http://host:99999/v1",
        "http://host:port/v1",
        "http://host:0/v1",
        "http://[::1/v1",
        "http://ho st/v1",
        "http://host/v1\n",
        "http://hóst/v1",
        "http://me:pw@host/v1",
        "http://host/v1?key=1",
        "http://host/v1#x",
        "http://host/v1/chat/completions",
        "http://host,other/v1",
    ],
)
def test_a_malformed_address_is_a_matter_of_configuration(url: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot use providers\.x\.base_url") as caught:
        parse_base_url(url, "providers.x.base_url", "AIEX_BASE_URL")
    assert "(AIEX_BASE_URL)" in caught.value.message
    assert "pw@" not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("url", ["http://[::1]:8000/v1", "https://a.b-c.example", "http://10.0.0.1:1/x/y/"])
def test_a_good_address_loses_only_its_last_slash(url: str) -> None:
    assert parse_base_url(url, "key", "place") == url.rstrip("/")


def test_an_unknown_provider_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigError, match="opnai") as caught:
        find("opnai/gpt-x", OPENAI)
    assert "openai" in caught.value.hint


def test_a_provider_without_a_model_is_a_matter_of_configuration() -> None:
    loaded = settings.load(None, environ={})
    with pytest.raises(ConfigError, match="no model is named"):
        find_target(loaded, "openai/", OPENAI)


def test_an_unknown_protocol_is_a_matter_of_configuration() -> None:
    overrides = ["providers.x.base_url=http://127.0.0.1:1/v1", "providers.x.protocol=openai-chta"]
    loaded = settings.load(None, overrides=overrides, environ={})
    with pytest.raises(ConfigError, match="openai-chta") as caught:
        open_stream(loaded, "x/m", environ={})
    assert "openai-chat" in caught.value.hint
