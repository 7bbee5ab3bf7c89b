"""Thirty planted secrets: none reaches a file of Aiex, a child's environment or a request, but the key its header.

They stand where people have them: in the environment, in `.env` and settings, in key files, in the git remote, in what
a vendor answers. The workspace is asked about, explained and indexed, everything is recorded, and Aiex crashes once.
"""

from __future__ import annotations

import base64
import json
import os
import random
import string
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import quote

import pytest

from tests.conftest import SOURCE_ROOT
from tests.fakes.openai_server import FakeOpenAI

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="starts programs by a shell script")

Run = Callable[..., CompletedProcess[str]]


def draw(name: str, length: int = 32, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "Z9" + "".join(random.Random(name).choices(alphabet, k=length - 2))


KEY = "sk-proj-" + draw("key", 60)
IN_ENVIRONMENT = {
    "ONE_API_KEY": KEY,
    "AWS_SECRET_ACCESS_KEY": draw("aws", 40),
    "DATABASE_PASSWORD": draw("database", 18),
    "GITHUB_TOKEN": "ghp_" + draw("github", 36),
    "NPM_TOKEN": "npm_" + draw("npm", 36),
    "SLACK_BOT_TOKEN": "xoxb-" + draw("slack", 40, string.digits),
    "SMTP_PASSWD": draw("smtp", 14),
    "SESSION_SECRET": draw("session", 48),
    "VAULT_TOKEN": "hvs." + draw("vault", 60),
    "DEPLOY_CREDENTIAL": draw("deploy", 20) + "+/=",
}
IN_FILES = {
    ".env": "STRIPE_KEY=sk_live_{0}\nAPP_SECRET={1}\n",
    ".env.production": "DB_PASSWORD={0}\n",
    ".env.local": "API_TOKEN={0}\nMAIL_PASSWORD={1}\n",
    ".env.test": "JWT_SECRET={0}\n",
    ".npmrc": "//registry.npmjs.org/:_authToken={0}\n",
    ".netrc": "machine h.example login me password {0}\n",
    ".pypirc": "[pypi]\nusername = __token__\npassword = pypi-AgEI{0}\n",
    "id_rsa": "-----BEGIN OPENSSH PRIVATE KEY-----\n{0}{0}\n-----END OPENSSH PRIVATE KEY-----\n",
    "server.pem": "-----BEGIN PRIVATE KEY-----\n{0}{0}\n-----END PRIVATE KEY-----\n",
    "deploy.key": "{0}\n",
    ".aws/credentials": "[default]\naws_secret_access_key = {0}\n",
    ".docker/config.json": '{{"auths": {{"h.example": {{"auth": "{0}"}}}}}}\n',
    ".git-credentials": "https://me:{0}@h.example\n",
}
UNKNOWN_NAMES = {
    "settings/credentials.json": '{{"client_secret": "{0}"}}\n',
    "settings/prod.yaml": "database:\n  password: {0}\n  url: postgres://me:{1}@h.example/shop\n",
    "settings/tokens.yaml": "tokens:\n  - {0}\n  - {1}\nkey: |\n  -----BEGIN PRIVATE KEY-----\n  {0}{0}\n"
    "  -----END PRIVATE KEY-----\nlast: 1\n",
    "settings/app.ini": "[mail]\npassword = {0}\n",
    "shop/secrets.py": '"""Signs in, password={0}."""\n\nAPI_KEY = "{1}"\n\n\ndef sign(token: str = "{0}") -> str:\n'
    '    """Uses the token {1}."""\n    return client("{0}").get(token="{1}")\n',
    "notes.md": "# Sign in\n\nThe token is {0} and `password={1}`.\n",
}
"""Files whose names the rules for reading do not know as secret."""
IN_REMOTE = "ghs_" + draw("remote", 36)
IN_ANSWER = "glpat-" + draw("answer", 20)
IN_ERROR = "AKIA" + draw("error", 16, string.ascii_uppercase + string.digits)
IN_COMMIT = draw("commit", 32)
IN_CRASH = draw("crash", 24)
ON_LINE = draw("line", 24)


def write(workspace: Path, files: dict[str, str]) -> list[str]:
    """Write files with secrets in them; gives the secrets."""
    secrets = []
    for name, text in files.items():
        values = [draw(f"{name}{number}", 32) for number in range(2)]
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.format(*values))
        secrets += [value for number, value in enumerate(values) if f"{{{number}}}" in text]
    return secrets


def plant(workspace: Path) -> list[str]:
    """Write the files and the remote; gives every secret that was planted."""
    secrets = [*IN_ENVIRONMENT.values(), IN_REMOTE, IN_ANSWER, IN_ERROR, IN_CRASH, ON_LINE]
    secrets += write(workspace, IN_FILES)
    for words in (
        ("init", "-q"),
        ("remote", "add", "origin", f"https://x-access-token:{IN_REMOTE}@h.example/o/r.git"),
        ("add", "shop", "README.md"),
        ("commit", "-q", "-m", "Begin"),
    ):
        subprocess.run(["git", *words], cwd=workspace, check=True, capture_output=True)
    return secrets


def commit_all(workspace: Path, subject: str) -> None:
    """Make one commit after another of every file that is there."""
    git = ["git", "-c", "user.name=me", "-c", "user.email=me@h.example", "-C", str(workspace)]
    subprocess.run([*git, "init", "-q"], check=True)
    for number in range(2):
        (workspace / "README.md").write_text(f"The shop, {number}.\n")
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-q", "-m", subject], check=True)


def spellings(secret: str) -> set[bytes]:
    """How a secret may stand in a file: as it is, in base64, in hexadecimal, in an address."""
    plain = secret.encode()
    return {plain, base64.b64encode(plain).rstrip(b"="), plain.hex().encode(), quote(secret, safe="").encode()}


def holders(folder: Path, secrets: list[str]) -> list[tuple[str, str]]:
    """Every file below that holds a secret, in its text or its name."""
    wanted = [(secret, spelling) for secret in secrets for spelling in spellings(secret)]
    return [
        (str(path.relative_to(folder)), secret)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for held in [path.read_bytes() + b"\0" + os.fsencode(path.name)]
        for secret, spelling in wanted
        if spelling in held
    ]


@pytest.fixture
def vendor() -> Iterator[FakeOpenAI]:
    with FakeOpenAI(key=KEY) as server:
        yield server


@pytest.fixture
def run(vendor: FakeOpenAI, run_warm: Run, workspace: Path, tmp_path: Path) -> Run:
    """`aiex` with the planted environment, a log of everything, and a `git` that notes its environment first."""
    shims = tmp_path / "shims"
    shims.mkdir()
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    (shims / "git").write_text(f'#!/bin/sh\nenv >> "{tmp_path}/children.txt"\nexec "{real}" "$@"\n')
    (shims / "git").chmod(0o755)
    settings = (
        f"providers.one.base_url={vendor.base_url}",
        "providers.one.api_key_env=ONE_API_KEY",
        "log.level=debug",
        "retry.max_attempts=1",
    )
    flags = [word for setting in settings for word in ("--set", setting)]
    environment = {**os.environ, **IN_ENVIRONMENT, "PATH": f"{shims}{os.pathsep}{os.environ['PATH']}"}

    def call(*words: str, **options: object) -> CompletedProcess[str]:
        return run_warm(*words, *flags, cwd=workspace, env=environment, **options)

    return call


def test_no_planted_secret_is_kept_sent_or_passed_on(
    run: Run, vendor: FakeOpenAI, workspace: Path, tmp_path: Path, home: Path
) -> None:
    secrets = plant(workspace)
    assert len(secrets) >= 30
    tape = tmp_path / "kept" / "tape.jsonl"
    tape.parent.mkdir()
    vendor.say(f"It adds. By the way, the token is {IN_ANSWER}.")
    first = run("ask", "What does it do?", "shop/basket.py", "-m", "one/fake-1", "--record", str(tape))
    assert first.returncode == 0, first.stderr
    vendor.say("It adds.")
    done = [
        run("ask", "Where is the basket filled?", "-m", "one/fake-1"),
        run("explain", "shop/basket.py", "-m", "one/fake-1"),
        run("explain", ".", "--offline"),
        run("create", "index"),
        run("query", "context", "--task", "database password settings"),
        run("ask", "Why?", ".env", "-m", "one/fake-1"),
        run("ask", "Why?", "-m", "one/fake-1", "--set", f"providers.two.api_key={ON_LINE}"),
        run("list", "key"),
        run("list", "providers"),
        run("doctor"),
    ]
    said = "".join(one.stdout + one.stderr for one in done)
    assert [secret for secret in secrets if secret in said and secret != IN_ANSWER] == []
    assert holders(home, secrets) == []
    assert holders(tape.parent, secrets) == []
    for asked in vendor.requests:
        sent = json.dumps([asked.path, asked.body]) + "".join(
            f"{name}: {value}\n" for name, value in asked.headers.items() if name != "authorization"
        )
        assert [secret for secret in secrets if secret in sent] == []
        assert asked.headers["authorization"] == f"Bearer {KEY}"
    children = (tmp_path / "children.txt").read_text()
    assert "GIT_OPTIONAL_LOCKS" in children
    assert [secret for secret in secrets if secret in children] == []


def test_the_index_keeps_no_secret_of_a_file_with_an_ordinary_name(run: Run, workspace: Path, home: Path) -> None:
    secrets = write(workspace, UNKNOWN_NAMES)
    commit_all(workspace, f"Rotate the token {IN_COMMIT} once more")
    for words in (
        ("query", "context", "--task", "database password settings"),
        ("create", "index"),
        ("query", "context", "--task", "sign in with a token"),
        ("explain", ".", "--offline"),
        *(("explain", name, "--offline") for name in UNKNOWN_NAMES),
    ):
        assert run(*words).returncode == 0
    assert holders(home, [*secrets, IN_COMMIT]) == []


@pytest.mark.parametrize("form", ["text", "json", "stream-json"])
def test_what_is_sent_of_files_with_ordinary_names_holds_no_secret_and_that_is_told(
    run: Run, vendor: FakeOpenAI, workspace: Path, tmp_path: Path, home: Path, form: str
) -> None:
    secrets = write(workspace, UNKNOWN_NAMES)
    commit_all(workspace, f"Rotate the token {IN_COMMIT} once more")
    typed = draw("typed", 24)
    vendor.say("It signs in.")
    tape = tmp_path / "kept" / "tape.jsonl"
    tape.parent.mkdir()
    names = tuple(UNKNOWN_NAMES)
    wishes: list[tuple[tuple[str, ...], str]] = [
        (("ask", "How does the shop sign in with a token and a password?"), ""),
        (("ask", "Why?", *names), ""),
        (("ask", "Why?", "-"), f"[mail]\npassword = {secrets[0]}\n"),
        (("ask", f"Why is password={typed} refused?"), ""),
        (("explain", "."), ""),
        (("explain", "-", "--name", "shop/other.py"), f'API_KEY = "{secrets[0]}"\n'),
        *((("explain", name), "") for name in (names if form == "text" else names[:1])),
    ]
    for words, given in wishes:
        shown = run(*words, "-m", "one/fake-1", "-o", form, "--explain", input=given)
        done = run(*words, "-m", "one/fake-1", "-o", form, "--record", str(tape), input=given)
        assert (shown.returncode, done.returncode) == (0, 0), done.stderr
        said = shown.stdout + shown.stderr + done.stdout + done.stderr
        assert [
            (words, secret, said[said.index(secret) - 300 :][:400]) for secret in (*secrets, typed) if secret in said
        ] == []
        if words != ("explain", "."):
            assert "[removed]" in shown.stdout
            assert "removed" in done.stdout + done.stderr
        assert holders(tape.parent, [*secrets, typed, IN_COMMIT]) == []
    sent = json.dumps([asked.body for asked in vendor.requests])
    assert [secret for secret in (*secrets, typed, IN_COMMIT) if secret in sent] == []
    assert holders(home, [*secrets, typed, IN_COMMIT]) == []


def test_what_a_vendor_says_of_a_failure_is_kept_without_secrets(run: Run, vendor: FakeOpenAI, home: Path) -> None:
    vendor.say(status=400, body=json.dumps({"error": {"message": f"bad key {KEY} or {IN_ERROR}"}}).encode())
    failed = [run("ask", "What?", "-m", "one/fake-1", "-o", form) for form in ("text", "json", "stream-json")]
    failed.append(run("explain", "shop/basket.py", "-m", "one/fake-1"))
    assert all(one.returncode != 0 for one in failed)
    said = "".join(one.stdout + one.stderr for one in [*failed, run("list", "providers"), run("doctor")])
    assert [secret for secret in (KEY, IN_ERROR) if secret in said] == []
    assert holders(home, [KEY, IN_ERROR]) == []


CRASHING = """
import sys, click
from aiex import _entry
from aiex.cli import registry
@click.command()
@click.option("--api-key")
def boom(api_key):
    password = "{secret}"
    raise ValueError(f"cannot sign in: password={{password}} key={key} as {{api_key}}")
registry.verb_names = lambda: ("boom",)
registry.load_verb = lambda name: registry.with_globals(boom)
sys.argv = ["aiex", "boom", "--api-key", "{option}"]
sys.exit(_entry.main())
"""


def test_a_crash_report_and_the_log_hold_no_planted_secret(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CRASHING.format(secret=IN_CRASH, key=IN_ERROR, option=ON_LINE)],
        env={**os.environ, **IN_ENVIRONMENT, "PYTHONPATH": SOURCE_ROOT},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 70
    secrets = [*IN_ENVIRONMENT.values(), IN_CRASH, IN_ERROR, ON_LINE]
    assert [secret for secret in secrets if secret in done.stdout + done.stderr] == []
    assert list((home / "state" / "reports").iterdir())
    assert holders(home, secrets) == []
