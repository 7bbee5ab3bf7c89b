"""The encrypted file: nothing in it can be changed unseen, and no change of it can lose a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aiex.errors import AiexError, Conflict, NotSignedIn, StoreError
from aiex.guard import private
from aiex.guard.private import Lock, read_private, write_private
from aiex.guard.protectors import KeyFileProtector, Kind, PassphraseProtector, Protector, Work
from aiex.guard.vault import DamagedVault, NewerVault, Vault
from tests.conftest import SOURCE_ROOT

QUICK = Work(n=2, r=1, p=1)
SECRETS = {"key:openai": "sk-first", "key:anthropic": "sk-ant-ünï", "login:corp": '{"access": "x"}'}


class Passphrases:
    """What a person would type."""

    def __init__(self, opens: str, new: str = "") -> None:
        self.opens, self.new = opens, new or opens

    def __call__(self, purpose: Literal["open", "new"]) -> str:
        return self.opens if purpose == "open" else self.new


def vault_in(folder: Path, ask: Passphrases | None = None, kind: Kind = "keyfile") -> Vault:
    def find(wanted: Kind | None) -> Protector:
        if (wanted or kind) == "keyfile":
            return KeyFileProtector(str(folder / "vault.key"))
        return PassphraseProtector(ask or Passphrases("correct horse"), QUICK)

    return Vault(str(folder), find)


def filled(folder: Path, ask: Passphrases | None = None, kind: Kind = "keyfile") -> Vault:
    vault = vault_in(folder, ask, kind)
    for name, secret in SECRETS.items():
        vault.write(name, secret)
    return vault


def all_of(vault: Vault) -> dict[str, str | None]:
    return {name: vault.read(name) for name in vault.names()}


@pytest.mark.parametrize("kind", ["keyfile", "passphrase"])
def test_what_was_kept_is_found_again_by_another_process(tmp_path: Path, kind: Kind) -> None:
    filled(tmp_path, kind=kind)
    assert all_of(vault_in(tmp_path, kind=kind)) == dict(sorted(SECRETS.items()))
    assert vault_in(tmp_path, kind=kind).read("key:nobody") is None


def test_no_secret_stands_in_the_file_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    filled(tmp_path)
    for name in ("vault.aiex", "vault.key"):
        data = (tmp_path / name).read_bytes()
        assert not any(secret.encode() in data for secret in SECRETS.values())
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_the_same_secret_never_looks_the_same(tmp_path: Path) -> None:
    vault = vault_in(tmp_path)
    vault.write("a", "same")
    first = (tmp_path / "vault.aiex").read_bytes()
    vault.write("a", "same")
    assert (tmp_path / "vault.aiex").read_bytes() != first


def test_a_secret_can_be_replaced_and_removed(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    vault.write("key:openai", "sk-second")
    assert vault.read("key:openai") == "sk-second"
    assert vault.remove("key:openai")
    assert not vault.remove("key:openai")
    assert all_of(vault_in(tmp_path)) == {name: SECRETS[name] for name in ("key:anthropic", "login:corp")}


# --- tampering ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["keyfile", "passphrase"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Kind, bytes]:
    folder = tmp_path_factory.mktemp("vault")
    filled(folder, kind=request.param)
    return folder, request.param, (folder / "vault.aiex").read_bytes()


def require_refusal(original: tuple[Path, Kind, bytes], data: bytes) -> None:
    folder, kind, _ = original
    (folder / "vault.aiex").write_bytes(data)
    with pytest.raises(AiexError) as caught:
        vault_in(folder, kind=kind).read("key:openai")
    assert caught.value.exit_code in (74, 77)
    assert caught.value.hint
    assert "sk-first" not in caught.value.message
    assert (folder / "vault.aiex").read_bytes() == data


@settings(max_examples=150)
@given(data=st.data())
def test_any_changed_byte_is_noticed(original: tuple[Path, Kind, bytes], data: st.DataObject) -> None:
    whole = original[2]
    at = data.draw(st.integers(0, len(whole) - 1))
    flip = data.draw(st.integers(1, 255))
    require_refusal(original, whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])


def test_one_bit_of_each_byte_in_turn_is_noticed(original: tuple[Path, Kind, bytes]) -> None:
    folder, kind, whole = original
    for at in range(0, len(whole), 1 if kind == "keyfile" else 4):
        (folder / "vault.aiex").write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(AiexError):
            vault_in(folder, kind=kind).names()


def test_a_change_by_somebody_who_repairs_the_digest_is_noticed(original: tuple[Path, Kind, bytes]) -> None:
    from aiex.guard.vault import _tail

    _folder, _kind, whole = original
    signed, tail = whole[:-98], whole[-98:]
    for at in range(0, len(signed), 4):
        changed = signed[:at] + bytes([signed[at] ^ 1]) + signed[at + 1 :]
        require_refusal(original, changed + _tail(changed, tail[:64].decode()))


@settings(max_examples=40)
@given(data=st.data())
def test_what_is_cut_added_or_repeated_is_noticed(original: tuple[Path, Kind, bytes], data: st.DataObject) -> None:
    whole = original[2]
    start = data.draw(st.integers(0, len(whole) - 1))
    end = data.draw(st.integers(start + 1, len(whole)))
    extra = data.draw(st.binary(min_size=1, max_size=8))
    require_refusal(original, whole[:start] + whole[end:])
    require_refusal(original, whole[:end] + extra + whole[end:])
    require_refusal(original, whole + whole)


@settings(max_examples=40)
@given(data=st.binary(max_size=300))
def test_no_bytes_make_it_crash(original: tuple[Path, Kind, bytes], data: bytes) -> None:
    for prefix in (b"", b"aiex-vault 1\n", b'aiex-vault 1\n{"kek":'):
        require_refusal(original, prefix + data)


def test_secrets_cannot_change_places(tmp_path: Path) -> None:
    """Also by somebody who can sign the file: the seals themselves name what they hold."""
    import json

    from aiex.guard.vault import _parse, _sign, _tail

    vault = filled(tmp_path)
    path = tmp_path / "vault.aiex"
    head, body, _ = path.read_bytes().split(b"\n", 2)
    parsed = json.loads(body)
    parsed["entries"][0]["name"], parsed["entries"][1]["name"] = (entry["name"] for entry in parsed["entries"][1::-1])
    kek = KeyFileProtector(str(tmp_path / "vault.key")).open(_parse(path.read_bytes(), "").seal)
    signed = head + b"\n" + json.dumps(parsed).encode() + b"\n"
    path.write_bytes(signed + _tail(signed, _sign(signed, kek)))
    with pytest.raises(DamagedVault):
        vault.read("key:openai")


def test_a_newer_form_is_left_alone(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    newer = (tmp_path / "vault.aiex").read_bytes().replace(b"aiex-vault 1", b"aiex-vault 2", 1)
    (tmp_path / "vault.aiex").write_bytes(newer)
    for act in (lambda: vault.read("key:openai"), lambda: vault.write("a", "b"), vault.rotate):
        with pytest.raises(NewerVault, match="version 2") as caught:
            act()
        assert caught.value.exit_code == 74
    assert (tmp_path / "vault.aiex").read_bytes() == newer


# --- who may open it ------------------------------------------------------------------------------------------------


def test_a_wrong_passphrase_changes_nothing_and_says_77(tmp_path: Path) -> None:
    filled(tmp_path, kind="passphrase")
    before = (tmp_path / "vault.aiex").read_bytes()
    wrong = vault_in(tmp_path, Passphrases("wrong"), "passphrase")
    for act in (lambda: wrong.read("key:openai"), lambda: wrong.write("a", "b"), wrong.rotate):
        with pytest.raises(NotSignedIn, match="does not open") as caught:
            act()
        assert caught.value.exit_code == 77
    assert (tmp_path / "vault.aiex").read_bytes() == before


def test_a_lost_key_file_is_named_and_the_vault_is_left_alone(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "vault.key").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"not in .*vault\.key"):
        vault_in(tmp_path).write("a", "b")
    (tmp_path / "elsewhere").rename(tmp_path / "vault.key")
    assert vault_in(tmp_path).read("key:openai") == "sk-first"


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
@pytest.mark.parametrize("name", ["vault.aiex", "vault.key"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_open_to_others_is_not_used(tmp_path: Path, name: str, mode: int) -> None:
    filled(tmp_path)
    (tmp_path / name).chmod(mode)
    with pytest.raises(StoreError, match=f"mode {mode:04o}") as caught:
        vault_in(tmp_path).read("key:openai")
    assert f"chmod 600 {tmp_path / name}" in caught.value.hint


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="owners of POSIX")
def test_a_file_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(StoreError, match="another user"):
        vault_in(tmp_path).read("key:openai")


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "vault.aiex").rename(tmp_path / "real")
    (tmp_path / "vault.aiex").symlink_to("real")
    with pytest.raises(StoreError, match="it is a link"):
        vault_in(tmp_path).read("key:openai")


# --- rotation -------------------------------------------------------------------------------------------------------


def test_rotation_wraps_by_a_new_key_and_the_old_one_opens_nothing(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    old_file, old_key = (tmp_path / "vault.aiex").read_bytes(), (tmp_path / "vault.key").read_bytes()
    assert vault.rotate() == len(SECRETS)
    assert all_of(vault_in(tmp_path)) == dict(sorted(SECRETS.items()))
    assert (tmp_path / "vault.aiex").read_bytes() != old_file
    (tmp_path / "vault.key").write_bytes(old_key)
    with pytest.raises(StoreError):
        vault_in(tmp_path).read("key:openai")


def test_rotation_changes_the_passphrase(tmp_path: Path) -> None:
    filled(tmp_path, kind="passphrase")
    vault_in(tmp_path, Passphrases("correct horse", "battery staple"), "passphrase").rotate()
    with pytest.raises(NotSignedIn):
        vault_in(tmp_path, kind="passphrase").read("key:openai")
    assert vault_in(tmp_path, Passphrases("battery staple"), "passphrase").read("key:openai") == "sk-first"


def test_rotation_changes_what_protects_the_file(tmp_path: Path) -> None:
    vault = filled(tmp_path)
    vault.rotate("passphrase")
    assert vault.kind() == "passphrase"
    assert not (tmp_path / "vault.key").exists()
    assert vault_in(tmp_path, kind="passphrase").read("key:openai") == "sk-first"
    vault.rotate("keyfile")
    assert vault_in(tmp_path).read("key:openai") == "sk-first"


class Dying:
    """From the n-th call on, every call that changes the disk fails, as for a process that was killed there."""

    CALLS = ("open", "write", "fsync", "replace", "unlink", "close")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, dies_at: int) -> None:
        self.calls = 0
        self.dies_at = dies_at
        for name in self.CALLS:
            monkeypatch.setattr(private.os, name, self._wrap(getattr(os, name), counts=name != "close"))

    def _wrap(self, real: Callable[..., Any], *, counts: bool) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            self.calls += counts
            if counts and self.calls >= self.dies_at:
                raise KeyboardInterrupt
            return real(*args, **named)

        return call


@pytest.mark.parametrize("kinds", [("keyfile", "keyfile"), ("keyfile", "passphrase"), ("passphrase", "keyfile")])
def test_rotation_loses_nothing_wherever_it_is_interrupted(
    tmp_path: Path, kinds: tuple[Kind, Kind], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after = kinds
    for dies_at in range(1, 100):
        folder = tmp_path / str(dies_at)
        vault = filled(folder, kind=before)
        with monkeypatch.context() as patched:
            dying = Dying(patched, dies_at)
            with suppress(KeyboardInterrupt):
                vault.rotate(after)
        assert all_of(vault_in(folder, kind=before)) == dict(sorted(SECRETS.items())), dies_at
        vault_in(folder, kind=before).rotate(after)
        assert all_of(vault_in(folder, kind=after)) == dict(sorted(SECRETS.items())), dies_at
        if dying.calls < dies_at:
            return
    pytest.fail("rotation never came to its end")


def test_writing_loses_nothing_wherever_it_is_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for dies_at in range(1, 100):
        vault = filled(tmp_path / str(dies_at))
        with monkeypatch.context() as patched:
            dying = Dying(patched, dies_at)
            with suppress(KeyboardInterrupt):
                vault.write("key:openai", "sk-second")
        found = all_of(vault_in(tmp_path / str(dies_at)))
        assert found in (dict(sorted(SECRETS.items())), dict(sorted({**SECRETS, "key:openai": "sk-second"}.items())))
        if dying.calls < dies_at:
            assert found["key:openai"] == "sk-second"
            return
    pytest.fail("writing never came to its end")


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = filled(tmp_path)
    before = (tmp_path / "vault.aiex").read_bytes()

    def refuse(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(private.os, "write", refuse)
        with pytest.raises(StoreError, match="No space left on device; what was there is unchanged"):
            vault.write("key:openai", "sk-second")
    assert (tmp_path / "vault.aiex").read_bytes() == before
    assert not list(tmp_path.glob("*.tmp"))


# --- several at once ------------------------------------------------------------------------------------------------

WRITER = """
import sys
from aiex.guard.protectors import KeyFileProtector
from aiex.guard.vault import Vault

folder, name = sys.argv[1:]
vault = Vault(folder, lambda kind: KeyFileProtector(folder + "/vault.key"))
for number in range(10):
    vault.write(f"{name}-{number}", f"secret {name} {number}")
    if number == 5:
        vault.rotate()
"""


def test_two_processes_that_write_and_rotate_lose_nothing(tmp_path: Path) -> None:
    filled(tmp_path)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name], env={**os.environ, "PYTHONPATH": SOURCE_ROOT}
        )
        for name in ("left", "right")
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    written = {f"{name}-{number}": f"secret {name} {number}" for name in ("left", "right") for number in range(10)}
    assert all_of(vault_in(tmp_path)) == dict(sorted({**SECRETS, **written}.items()))


def test_a_lock_that_is_held_is_a_conflict_and_goes_with_its_holder(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    with Lock(path), pytest.raises(Conflict, match="another process holds"), Lock(path, within_s=0):
        pass
    with Lock(path, within_s=0):
        pass


def test_a_private_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    assert read_private(str(path)) is None
    write_private(str(path), b"x")
    assert read_private(str(path)) == b"x"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
