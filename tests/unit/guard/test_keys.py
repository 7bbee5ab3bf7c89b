"""Keys are kept in the keyring or the encrypted file, found again, and never shown."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest

from aiex.errors import NotSignedIn, StoreError
from aiex.guard import keys
from aiex.guard.keyring import SystemKeyring, open_keyring
from aiex.guard.keys import KeyStore, StoredKey, find_key, keep_key, open_store, problem_with_key
from aiex.guard.protectors import Work
from aiex.guard.redact import redact, redact_arguments
from aiex.guard.sandbox.process import clean_environment

HOME = "https://api.example.org"
KEY = StoredKey("sk-0123456789abcdefWXYZ", HOME)


class Desktop:
    """A keyring of a desktop, in memory; it can be locked, and refuse what is too long."""

    def __init__(self, longest: int = 1_000_000) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.longest = longest
        self.is_locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._require_open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._require_open()
        if len(password) > self.longest:
            raise ValueError(f"too long: {password}")
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._require_open()
        del self.kept[service, username]

    def _require_open(self) -> None:
        if self.is_locked:
            raise RuntimeError("locked")


def store_in(folder: Path, desktop: Desktop | None = None, passphrase: str = "") -> KeyStore:
    def ask(purpose: Literal["open", "new"]) -> str:
        return passphrase

    return KeyStore(
        str(folder),
        ask=ask,
        may_ask=lambda: bool(passphrase),
        find_keyring=lambda: SystemKeyring(desktop) if desktop else None,
        work=Work(2, 1, 1),
    )


@pytest.mark.parametrize(
    ("desktop", "passphrase", "place", "kind"),
    [
        (Desktop(), "", "keyring", None),
        (None, "correct horse", "file", "passphrase"),
        (None, "", "file", "keyfile"),
    ],
)
def test_a_key_is_kept_in_the_best_place_there_is(
    tmp_path: Path, desktop: Desktop | None, passphrase: str, place: str, kind: str | None
) -> None:
    store = store_in(tmp_path, desktop, passphrase)
    assert keep_key(store, "openai", KEY) == place
    again = store_in(tmp_path, desktop, passphrase)
    assert find_key(again, "openai") == KEY
    assert again.places() == {"key:openai": place}
    assert again.vault.kind() == kind


def test_the_file_is_opened_by_a_key_in_the_keyring_where_there_is_one(tmp_path: Path) -> None:
    desktop = Desktop()
    assert keep_key(store_in(tmp_path, desktop), "openai", KEY, "file") == "file"
    assert store_in(tmp_path, desktop).vault.kind() == "keyring"
    assert find_key(store_in(tmp_path, desktop), "openai") == KEY
    store = store_in(tmp_path, desktop)
    store.vault.rotate()
    assert len([name for _, name in desktop.kept if name.startswith("kek:")]) == 1
    assert find_key(store_in(tmp_path, desktop), "openai") == KEY


@pytest.mark.parametrize(("first", "then"), [("keyring", "file"), ("file", "keyring")])
def test_a_key_is_in_one_place_only(
    tmp_path: Path, first: Literal["keyring", "file"], then: Literal["keyring", "file"]
) -> None:
    store = store_in(tmp_path, Desktop())
    keep_key(store, "openai", StoredKey("old", HOME), first)
    keep_key(store, "openai", KEY, then)
    assert find_key(store, "openai") == KEY
    assert store.places() == {"key:openai": then}
    assert store.forget("key:openai")
    assert (find_key(store, "openai"), store.places()) == (None, {})
    assert not store.forget("key:openai")


def test_what_the_keyring_says_is_not_repeated(tmp_path: Path) -> None:
    """Errors of back ends may hold the secret that they refused."""
    store = store_in(tmp_path, Desktop(longest=5))
    with pytest.raises(StoreError, match="ValueError") as caught:
        keep_key(store, "openai", KEY)
    assert KEY.secret not in caught.value.message + caught.value.hint
    assert store.places() == {}


def test_a_locked_keyring_is_said_and_loses_nothing(tmp_path: Path) -> None:
    desktop = Desktop()
    keep_key(store_in(tmp_path, desktop), "openai", KEY)
    desktop.is_locked = True
    with pytest.raises(StoreError, match="cannot read the keyring") as caught:
        find_key(store_in(tmp_path, desktop), "openai")
    assert "unlock" in caught.value.hint
    desktop.is_locked = False
    assert find_key(store_in(tmp_path, desktop), "openai") == KEY


def test_a_keyring_is_not_touched_for_what_is_not_in_it(tmp_path: Path) -> None:
    def fail() -> SystemKeyring | None:
        raise AssertionError("asked for a keyring")

    keep_key(store_in(tmp_path), "openai", KEY)
    store = KeyStore(str(tmp_path), ask=lambda _: "", may_ask=lambda: False, find_keyring=fail)
    assert find_key(store, "openai") == KEY
    assert find_key(store, "other") is None


def test_damage_to_the_list_of_names_is_said(tmp_path: Path) -> None:
    store = store_in(tmp_path, Desktop())
    keep_key(store, "openai", KEY)
    (tmp_path / "keyring.json").write_bytes(b"{")
    with pytest.raises(StoreError, match=r"keyring\.json is damaged"):
        find_key(store, "openai")


def test_a_keyring_that_is_only_a_file_is_never_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """`keyring` itself would write base64 into a file: `keyrings.alt` is installed, and a variable names it."""
    alt = ModuleType("keyrings.alt.file")

    class PlaintextKeyring(Desktop):
        priority, viable = 100, True

    alt.PlaintextKeyring = PlaintextKeyring  # type: ignore[attr-defined]
    for name, module in (("keyrings", ModuleType("keyrings")), ("keyrings.alt.file", alt)):
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyrings.alt.file.PlaintextKeyring")
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    for platform in ("linux", "darwin", "win32", "plan9"):
        assert platform == sys.platform or open_keyring(platform) is None
    assert open_keyring("linux") is None


def test_a_passphrase_is_asked_for_only_where_somebody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotSignedIn, match="nobody can be asked") as caught:
        keys.ask_passphrase("open")
    assert caught.value.exit_code == 77
    monkeypatch.setenv("AIEX_PASSPHRASE", "old")
    monkeypatch.setenv("AIEX_NEW_PASSPHRASE", "new")
    assert (keys.ask_passphrase("open"), keys.ask_passphrase("new")) == ("old", "new")


def test_a_process_has_one_store_for_each_folder(tmp_path: Path) -> None:
    assert open_store(str(tmp_path)) is open_store(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "empty"), ("a b", "blanks"), ("a\nb", "blanks"), ("ключ", "blanks"), ("a" * 20_000, "longer"), ("sk-1", "")],
)
def test_what_no_header_can_carry_is_no_key(text: str, problem: str) -> None:
    assert problem in problem_with_key(text)
    assert bool(problem) == bool(problem_with_key(text))


def test_a_key_shows_at_most_its_last_four_characters() -> None:
    assert KEY.tail == "…WXYZ"
    assert StoredKey("short", HOME).tail == "…"
    assert KEY.secret not in repr(KEY)
    assert "sk-" not in f"{KEY}"


def test_passphrases_reach_no_child_and_no_log(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"AIEX_PASSPHRASE": "correct horse", "AIEX_NEW_PASSPHRASE": "battery staple", "PATH": "/bin"}
    assert not {"AIEX_PASSPHRASE", "AIEX_NEW_PASSPHRASE"} & set(clean_environment(variables))
    assert "horse" not in redact("it is correct horse", variables)
    assert "staple" not in " ".join(redact_arguments(["--passphrase", "staple"]))
