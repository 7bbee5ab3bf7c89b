"""Crash reports say what a maintainer needs and nothing secret."""

import os
import stat
import sys
from pathlib import Path

import pytest

from aiex.guard.redact import REMOVED, redact, redact_arguments
from aiex.guard.report import write_report


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIEX_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def crash(text: str) -> BaseException:
    try:
        raise RuntimeError(text)
    except RuntimeError as error:
        return error


def test_a_report_tells_version_platform_arguments_and_traceback(state: Path) -> None:
    path = write_report(crash("it broke"), ["explain", "a.py"])
    text = Path(path).read_text(encoding="utf-8")
    assert Path(path).parent == state / "reports"
    for part in ("aiex 0.", "python 3.", "platform ", "['explain', 'a.py']", "Traceback", "RuntimeError: it broke"):
        assert part in text


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_only_its_owner_can_read_a_report() -> None:
    assert stat.S_IMODE(os.stat(write_report(crash("x"), [])).st_mode) == 0o600


def test_secrets_of_the_environment_and_of_options_are_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hunter2-value")
    path = write_report(crash("sent hunter2-value to it"), ["--api-key", "abcdef", "--set", "x.token=zyx"])
    text = Path(path).read_text(encoding="utf-8")
    assert not any(secret in text for secret in ("hunter2", "abcdef", "zyx"))
    assert text.count(REMOVED) == 3


def test_control_sequences_and_odd_text_do_not_reach_the_report() -> None:
    text = Path(write_report(crash("\x1b[2J caf\udce9"), [])).read_text(encoding="utf-8")
    assert "\x1b" not in text
    assert "caf\\xe9" in text


def test_a_report_that_cannot_be_written_is_an_empty_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("AIEX_STATE_DIR", str(tmp_path / "file/state"))
    assert write_report(crash("x"), []) == ""


def test_only_the_newest_reports_are_kept(state: Path) -> None:
    (state / "reports").mkdir(parents=True)
    for number in range(30):
        (state / f"reports/20000101T0000{number:02}Z-1-abc.txt").write_text("")
    path = write_report(crash("x"), [])
    left = sorted(os.listdir(state / "reports"))
    assert (len(left), left[-1]) == (20, os.path.basename(path))


@pytest.mark.parametrize(
    "secret",
    [
        *("sk-proj-abcdefghijklmnop", "ghp_" + "a" * 36, "glpat-" + "b" * 20, "AKIA" + "C" * 16, "AIza" + "d" * 35),
        *(
            "xoxb-1234567890-abc",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "github_pat_" + "e" * 30,
        ),
    ],
)
def test_anything_in_the_form_of_a_key_is_removed(secret: str) -> None:
    assert redact(f"before {secret} after", {}) == f"before {REMOVED} after"


def test_a_password_in_an_address_and_a_bearer_token_are_removed() -> None:
    assert redact("https://me:pa55word@host/x", {}) == f"https://me:{REMOVED}@host/x"
    assert redact("before Bearer abcdefgh12345678 after", {}) == f"before Bearer {REMOVED} after"


@pytest.mark.parametrize(
    "text", ["src/task-list.py", "risk-assessment-of-things", "the bearer of news", "http://host:80/x"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert redact(text, {"HOME": "/home/me", "SHORT_KEY": "src"}) == text


@pytest.mark.parametrize(
    ("argv", "kept"),
    [
        (["--api-key", "v", "x"], ["--api-key", REMOVED, "x"]),
        (["--api-key=v"], [f"--api-key={REMOVED}"]),
        (["--set", "a.password=v"], ["--set", f"a.password={REMOVED}"]),
        (["--token", "--json"], ["--token", "--json"]),
        (["explain", "src/keys.py:3"], ["explain", "src/keys.py:3"]),
    ],
)
def test_values_of_secret_options_are_removed(argv: list[str], kept: list[str]) -> None:
    assert redact_arguments(argv) == kept


def test_what_a_secret_option_was_given_is_removed_wherever_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "argv", ["aiex", "x", "--api-key", "swordfish99", "--set", "a.token=marlin7788", "--model", "m"]
    )
    assert redact("swordfish99 as marlin7788 of m") == f"{REMOVED} as {REMOVED} of m"
