"""Keys and sign-ins in real processes: they work, and no key shows anywhere."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import RunAiex
from tests.fakes.issuer import CLIENT, FakeIssuer
from tests.fakes.openai_server import FakeOpenAI
from tests.fakes.started import start_aiex

KEY = "corp-0123456789-abcdef-WXYZ"
PASSPHRASE = "correct horse battery staple"
LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


def configure(home: Path, text: str) -> None:
    config = Path(os.environ["AIEX_CONFIG_DIR"])
    config.mkdir(exist_ok=True)
    (config / "config.toml").write_text(text, encoding="utf-8")


def files_with(home: Path, secret: str) -> list[str]:
    return [str(path) for path in home.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.fixture
def server() -> object:
    with FakeOpenAI(key=KEY) as running:
        yield running


def provider(server: FakeOpenAI, more: str = "") -> str:
    return f'[providers.corp]\nprotocol = "openai-chat"\nbase_url = "{server.base_url}"\n{more}'


def test_a_kept_key_signs_requests_and_shows_nowhere(
    home: Path, workspace: Path, run_warm: RunAiex, server: FakeOpenAI
) -> None:
    configure(home, 'log.level = "debug"\n' + provider(server))
    runs = [run_warm("set", "key", "corp", "-vv", input=f"{KEY}\n")]
    for words in (
        ["list", "keys"],
        ["list", "keys", "--json"],
        ["test", "key", "corp", "-vv"],
        ["explain", "shop/prices.py", "-m", "corp/fake-1", "-vv"],
        ["list", "providers", "--json"],
        ["rotate", "key"],
        ["rm", "key", "corp"],
    ):
        runs.append(run_warm(words, cwd=workspace))
    assert [run.returncode for run in runs] == [0] * len(runs), [run.stderr for run in runs if run.returncode]
    assert all(asked.headers["authorization"] == f"Bearer {KEY}" for asked in server.requests)
    assert len(server.requests) >= 2
    said = "".join(run.stdout + run.stderr for run in runs)
    assert KEY not in said
    assert "…WXYZ" in runs[1].stdout
    assert files_with(home, KEY) == []


def test_a_refused_key_is_77_and_is_not_repeated(home: Path, run_warm: RunAiex, server: FakeOpenAI) -> None:
    """The server repeats the key in its message, as some real ones do."""
    configure(home, provider(server))
    wrong = "corp-wrong-0123456789-ABCD"
    run_warm("set", "key", "corp", input=wrong)
    run = run_warm("test", "key", "corp")
    assert run.returncode == 77
    assert wrong not in run.stdout + run.stderr
    assert "aiex set key corp" in run.stderr


@LINUX
def test_no_key_stands_in_the_arguments_or_the_environment_of_a_process(home: Path, server: FakeOpenAI) -> None:
    """The process is looked at while it has read the key and waits for the end of its input."""
    configure(home, provider(server))
    process = start_aiex("set", "key", "corp", stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(KEY.encode())
    process.stdin.flush()
    seen = b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert KEY.encode() not in seen


def test_a_helper_gives_the_key_and_sees_no_other(
    home: Path, workspace: Path, run_warm: RunAiex, server: FakeOpenAI, tmp_path: Path
) -> None:
    helper, seen = tmp_path / "helper.py", tmp_path / "seen.json"
    helper.write_text(
        f"import json, os, sys\njson.dump([sys.argv, dict(os.environ)], open({str(seen)!r}, 'w'))\nprint({KEY!r})\n",
        encoding="utf-8",
    )
    configure(home, provider(server, f"api_key_command = '{sys.executable} {helper}'\n"))
    secrets = {"OPENAI_API_KEY": "sk-other", "AIEX_PASSPHRASE": PASSPHRASE, "AIEX_API_KEY": "", "GH_TOKEN": "gh-other"}
    run = run_warm("explain", "shop/prices.py", "-m", "corp/fake-1", cwd=workspace, env=secrets)
    assert run.returncode == 0, run.stderr
    assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"
    argv, environment = json.loads(seen.read_text(encoding="utf-8"))
    assert not {name for name in secrets if name in environment}
    assert not any(secret and secret in f"{argv}{environment}" for secret in (KEY, *secrets.values()))
    assert KEY not in run.stdout + run.stderr


def test_a_failing_helper_is_77(home: Path, run_warm: RunAiex, server: FakeOpenAI) -> None:
    configure(home, provider(server, "api_key_command = '\"" + sys.executable + '" -c "raise SystemExit(3)"\'\n'))
    run = run_warm("test", "key", "corp")
    assert run.returncode == 77
    assert "providers.corp.api_key_command failed (exit code 3)" in run.stderr


def test_damage_and_wrong_passphrases_have_their_codes_and_lose_nothing(home: Path, run_warm: RunAiex) -> None:
    env = {"AIEX_PASSPHRASE": PASSPHRASE}
    run_warm("set", "key", "openai", env=env, input=KEY)
    vault = home / "data" / "keys" / "vault.aiex"
    whole = vault.read_bytes()
    ask = ["test", "key", "openai"]
    assert run_warm(ask, env={"AIEX_PASSPHRASE": "wrong"}).returncode == 77
    locked = run_warm(ask)
    assert (locked.returncode, "nobody can be asked" in locked.stderr) == (77, True)
    vault.write_bytes(whole[:100] + b"X" + whole[101:])
    damaged = run_warm("list", "keys", env=env)
    assert (damaged.returncode, "damaged" in damaged.stderr) == (74, True)
    assert run_warm("set", "key", "openai", env=env, input="another").returncode == 74
    vault.write_bytes(whole.replace(b"aiex-vault 1", b"aiex-vault 9"))
    newer = run_warm("list", "keys", env=env)
    assert (newer.returncode, "version 9" in newer.stderr) == (74, True)
    vault.write_bytes(whole)
    vault.chmod(0o644)
    open_to_others = run_warm("list", "keys", env=env)
    assert (open_to_others.returncode, "chmod 600" in open_to_others.stderr) == (74, True)
    vault.chmod(0o600)
    listed = run_warm("list", "keys", "-vv", env=env)
    assert "…WXYZ" in listed.stdout
    assert PASSPHRASE not in listed.stdout + listed.stderr
    assert (files_with(home, KEY), files_with(home, PASSPHRASE)) == ([], [])


def test_a_typed_key_is_not_shown(home: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    environ = {"TERM": "dumb", "AIEX_PASSPHRASE": PASSPHRASE}
    terminal = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = start_aiex("set", "key", "openai", environ=environ, **terminal, start_new_session=True)
    os.close(theirs)
    shown = b""
    while b"Key of openai: " not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, f"{KEY}\n".encode())
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:
        pass
    os.close(ours)
    assert process.wait(timeout=60) == 0
    assert b"is kept in" in shown
    assert KEY.encode() not in shown


def test_signing_in_by_the_browser_asking_and_signing_out(home: Path, workspace: Path, run_warm: RunAiex) -> None:
    with FakeIssuer() as issuer, FakeOpenAI() as server:
        configure(home, provider(server, f'oauth_issuer = "{issuer.url}"\noauth_client_id = "{CLIENT}"\n'))
        process = start_aiex("login", "corp", text=True)
        assert process.stderr is not None
        said = ""
        while f"{issuer.url}/authorize" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        with urllib.request.urlopen(said.split()[-1], timeout=60) as page:
            assert b"can be closed" in page.read()
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "signed in at" in out
        assert "as ada@example.org" in out
        assert "ada@example.org" in run_warm("list", "keys").stdout
        assert run_warm("test", "key", "corp").returncode == 0
        asked = run_warm("explain", "shop/prices.py", "-m", "corp/fake-1", cwd=workspace)
        assert asked.returncode == 0, asked.stderr
        assert server.requests[-1].headers["authorization"].startswith("Bearer access-")
        token = server.requests[-1].headers["authorization"].removeprefix("Bearer ")
        assert files_with(home, token) == []
        assert not any(word in out + err for word in (token, *issuer.refresh_tokens))
        ended = run_warm("logout", "corp")
        assert "signed out of corp" in ended.stdout
        assert issuer.refresh_tokens == {}
        assert run_warm("test", "key", "corp").returncode == 77


def test_signing_in_by_a_pasted_address(home: Path, run_warm: RunAiex) -> None:
    with FakeIssuer() as issuer, FakeOpenAI() as server:
        configure(home, provider(server, f'oauth_issuer = "{issuer.url}"\noauth_client_id = "{CLIENT}"\n'))
        refused = run_warm("login", "corp", "--paste", input="http://127.0.0.1:1455/callback?code=a&state=b\n")
        assert (refused.returncode, "does not belong" in refused.stderr) == (77, True)
        assert issuer.granted("authorization_code") == 0
        process = start_aiex("login", "corp", "--paste", stdin=subprocess.PIPE, text=True)
        assert process.stderr is not None
        while f"{issuer.url}/authorize" not in (line := process.stderr.readline()):
            assert line
        out, err = process.communicate(f"{_sent_to(line.strip())}\n", timeout=60)
        assert process.returncode == 0, err
        assert "as ada@example.org" in out


def _sent_to(url: str) -> str:
    """Where a browser would be sent; nobody listens there."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_args: object) -> None:
            return None

    with pytest.raises(urllib.error.HTTPError) as redirect:
        urllib.request.build_opener(Stay).open(url, timeout=60)
    with redirect.value:
        return str(redirect.value.headers["location"])


def test_an_interrupted_sign_in_ends_at_once_and_keeps_nothing(home: Path, run_warm: RunAiex) -> None:
    with FakeIssuer() as issuer, FakeOpenAI() as server:
        configure(home, provider(server, f'oauth_issuer = "{issuer.url}"\noauth_client_id = "{CLIENT}"\n'))
        for way in ([], ["--paste"]):
            process = start_aiex("login", "corp", *way, stdin=subprocess.PIPE, text=True)
            assert process.stderr is not None
            while f"{issuer.url}/authorize" not in (line := process.stderr.readline()):
                assert line
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 130
            process.communicate()
        assert run_warm("list", "keys").stdout.startswith("no keys yet")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["login", "anthropic"], 77, "Anthropic offers it to its own programs only"),
        (["login", "gemini"], 77, "GEMINI_OAUTH_CLIENT_ID"),
        (["login", "groq"], 77, "has no sign-in"),
        (["login", "nobody"], 2, "no provider of this name"),
        (["login", "groq", "--set", "providers.groq.oauth_issuer=http://example.org"], 78, "not an https address"),
        (["logout", "openai"], 0, ""),
    ],
)
def test_where_one_cannot_sign_in_it_is_said(run_warm: RunAiex, words: list[str], code: int, said: str) -> None:
    run = run_warm(words)
    assert run.returncode == code
    assert said in run.stderr
