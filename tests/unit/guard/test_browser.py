"""The browser is started where there is a screen, goes on without us, and sees nothing of our environment."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

from aiex.guard.sandbox.browser import open_in_browser

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="programs of POSIX")


def test_the_browser_gets_the_address_and_no_secret(tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    browser = tmp_path / "browser.py"
    browser.write_text(
        f"import json, os, sys\njson.dump([sys.argv[1:], dict(os.environ)], open({str(told)!r}, 'w'))\n", "utf-8"
    )
    environ = {
        **os.environ,
        "BROWSER": f"{sys.executable} {browser}",
        "DISPLAY": ":9",
        "OPENAI_API_KEY": "sk-secret",
        "AIEX_PASSPHRASE": "horse",
    }
    assert open_in_browser("https://example.org/?a=b;c&d", environ)
    argv, seen = json.loads(told.read_text("utf-8"))
    assert argv == ["https://example.org/?a=b;c&d"]
    assert seen["DISPLAY"] == ":9"
    assert not {"OPENAI_API_KEY", "AIEX_PASSPHRASE"} & set(seen)


@pytest.mark.skipif(sys.platform != "linux", reason="screens of Linux")
def test_without_a_screen_no_browser_is_started(tmp_path: Path) -> None:
    assert not open_in_browser("https://example.org", {"PATH": os.environ["PATH"]})
    assert not open_in_browser("https://example.org", {"PATH": str(tmp_path), "BROWSER": "no-such-browser"})
