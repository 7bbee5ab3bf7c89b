"""`set`, `list`, `rm`, `rotate` and `test key`: what they do, and that no word of theirs holds a key."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from aiex.cli.driver import execute
from aiex.cli.main import parse
from aiex.errors import ConfigError, NotSignedIn, StoreError, UsageError
from aiex.events import Event, TurnEnded, Warned
from aiex.guard import keys
from aiex.guard.redact import redact_arguments
from aiex.wiring import Services

pytestmark = pytest.mark.usefixtures("own_keys")
KEY = "sk-0123456789abcdefghijWXYZ"


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> object:
    def put(text: str) -> None:
        stream = SimpleNamespace(buffer=io.BytesIO(text.encode()), isatty=lambda: False)
        monkeypatch.setattr("sys.stdin", stream)

    put(KEY)
    return put


def run(cwd: Path, *words: str) -> tuple[TurnEnded, list[Event]]:
    told: list[Event] = []
    invocation = parse(list(words))
    services = Services(str(cwd), overrides=invocation.flags.overrides, flags=invocation.flags.to_settings())
    ended = execute(invocation.work.prepare(services)(), told.append, waits=invocation.work.waits)
    assert KEY not in f"{ended} {told}"
    return ended, told


def rows(cwd: Path) -> list[dict[str, str]]:
    ended, _ = run(cwd, "list", "keys")
    assert ended.data is not None
    return list(ended.data["keys"])


def test_a_key_is_kept_listed_and_forgotten(tmp_path: Path, pipe: object) -> None:
    assert rows(tmp_path) == []
    ended, told = run(tmp_path, "set", "key", "openai")
    assert ended.answer.endswith("for https://api.openai.com")
    assert any(isinstance(event, Warned) and "lies beside it" in event.message for event in told)
    row = {"provider": "openai", "from": "file", "key": "…WXYZ", "home": "https://api.openai.com"}
    assert rows(tmp_path) == [row]
    assert "is forgotten" in run(tmp_path, "rm", "key", "openai")[0].answer
    assert "no key of openai was kept" in run(tmp_path, "rm", "key", "openai")[0].answer
    assert rows(tmp_path) == []


def test_every_source_is_listed_by_strength(tmp_path: Path, pipe: object, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, "set", "key", "anthropic")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-0123456789abcd")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "short")
    monkeypatch.setenv("AIEX_PROVIDERS__ANTHROPIC__API_KEY_COMMAND", "pass show x")
    assert [(row["from"], row["key"]) for row in rows(tmp_path)] == [
        ("ANTHROPIC_API_KEY", "…abcd"),
        ("ANTHROPIC_AUTH_TOKEN", "…"),
        ("file", "…WXYZ"),
        ("command", "not asked"),
    ]


def test_a_variable_that_hides_the_kept_key_is_named(
    tmp_path: Path, pipe: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "x")
    _, told = run(tmp_path, "set", "key", "openai")
    assert any(isinstance(event, Warned) and "OPENAI_API_KEY is set too" in event.message for event in told)


def test_without_a_provider_it_is_the_one_in_use(tmp_path: Path, pipe: object) -> None:
    with pytest.raises(UsageError, match="for which provider"):
        run(tmp_path, "set", "key")
    ended, _ = run(tmp_path, "set", "key", "-m", "groq/some")
    assert ended.data is not None
    assert ended.data["provider"] == "groq"


@pytest.mark.parametrize("words", [("set", "key", "openai", KEY), ("key", "set", "openai", KEY), ("set", "key", KEY)])
def test_a_key_among_the_words_is_refused_and_not_repeated(
    tmp_path: Path, pipe: object, words: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        run(tmp_path, *words)
    assert KEY not in caught.value.message + caught.value.hint
    assert "never given on the command line" in caught.value.message + caught.value.hint
    assert rows(tmp_path) == []


def test_a_log_keeps_no_word_after_the_provider() -> None:
    assert redact_arguments(["set", "key", "openai", "hunter2"])[-1] == "[removed]"
    assert redact_arguments(["-v", "keys", "set", "openai", "hunter2", "--in", "file"])[4] == "[removed]"
    assert redact_arguments(["set", "config", "model", "openai/x"]) == ["set", "config", "model", "openai/x"]


@pytest.mark.parametrize("text", ["", "\n", "two words", "line\nline", "schlüssel"])
def test_what_is_no_key_is_not_kept(tmp_path: Path, pipe: object, text: str) -> None:
    pipe(text)  # type: ignore[operator]
    with pytest.raises(UsageError, match="is no key"):
        run(tmp_path, "set", "key", "openai")
    assert rows(tmp_path) == []


@pytest.mark.parametrize("words", [("--in", "keyring"), ("--set", "keys.store=keyring")])
def test_the_keyring_is_used_only_where_there_is_one(tmp_path: Path, pipe: object, words: tuple[str, ...]) -> None:
    with pytest.raises(StoreError, match="cannot be used here"):
        run(tmp_path, "set", "key", "openai", *words)
    assert rows(tmp_path) == []


def test_a_provider_without_an_address_gets_no_key(tmp_path: Path, pipe: object) -> None:
    with pytest.raises(ConfigError, match="base_url"):
        run(tmp_path, "set", "key", "odd", "--set", "providers.odd.protocol=gemini")


def test_rotating_keeps_the_keys(tmp_path: Path, pipe: object, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(tmp_path, "rotate", "key")[0].answer.startswith("there is no file of keys yet")
    run(tmp_path, "set", "key", "openai")
    before = Path(os.environ["AIEX_DATA_DIR"], "keys", "vault.aiex").read_bytes()
    assert "1 secret is locked anew" in run(tmp_path, "rotate", "key")[0].answer
    assert "locked anew" in run(tmp_path, "rotate", "key", "openai")[0].answer
    assert Path(os.environ["AIEX_DATA_DIR"], "keys", "vault.aiex").read_bytes() != before
    monkeypatch.setenv("AIEX_NEW_PASSPHRASE", "correct horse")
    assert (
        run(tmp_path, "rotate", "key", "--protect", "passphrase")[0]
        .answer.splitlines()[0]
        .endswith("opened by the passphrase")
    )
    keys.open_store.cache_clear()
    assert rows(tmp_path)[0]["key"] == "locked"
    monkeypatch.setenv("AIEX_PASSPHRASE", "correct horse")
    assert rows(tmp_path)[0]["key"] == "…WXYZ"
    with pytest.raises(NotSignedIn, match="no key of groq is kept"):
        run(tmp_path, "rotate", "key", "groq")
