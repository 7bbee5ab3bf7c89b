"""The places of our own files: the platform's rules, our variables first, nothing inside a repository."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import platformdirs
import pytest

from aiex import dirs
from aiex.errors import ConfigError
from tests.fakes.tables import each

KINDS = {"cache": dirs.cache_dir, "config": dirs.config_dir, "data": dirs.data_dir, "state": dirs.state_dir}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("xdg", [None, "", "relative/place", "/some/where", "~/place"])
def test_places_are_those_of_platformdirs(kind: str, xdg: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(f"AIEX_{kind.upper()}_DIR")
    variable = f"XDG_{kind.upper()}_HOME"
    monkeypatch.delenv(variable)
    if xdg is not None:
        monkeypatch.setenv(variable, xdg)
    theirs = getattr(platformdirs, f"user_{kind}_dir")("aiex", appauthor=False)
    assert KINDS[kind](os.environ) == theirs


@pytest.mark.parametrize("kind", KINDS)
def test_our_variable_comes_first(kind: str, home: Path) -> None:
    environ = {f"AIEX_{kind.upper()}_DIR": "~/mine", "HOME": str(home), f"XDG_{kind.upper()}_HOME": "/elsewhere"}
    assert KINDS[kind](environ) == str(home / "mine")


@each("kind", KINDS)
@each("place", ["here", "./here", "../here", "~nobody-of-this-name/here", "here\n"])
def test_a_relative_place_of_ours_is_refused(kind: str, place: str) -> None:
    environ = {f"AIEX_{kind.upper()}_DIR": place}
    for ask in (KINDS[kind], dirs.require_whole):
        with pytest.raises(ConfigError, match=f"AIEX_{kind.upper()}_DIR is not a whole path: '") as caught:
            ask(environ)
        assert caught.value.hint.startswith(f"give AIEX_{kind.upper()}_DIR a whole path")


def test_naming_a_place_creates_nothing(home: Path) -> None:
    for place in KINDS.values():
        place()
    assert list(home.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_ensure_makes_a_directory_for_its_owner_only(tmp_path: Path) -> None:
    made = dirs.ensure(str(tmp_path / "a" / "b"))
    assert stat.S_IMODE(os.stat(made).st_mode) == 0o700
    assert dirs.ensure(made) == made


def test_workspaces_of_one_name_have_places_of_their_own(tmp_path: Path) -> None:
    one, other = (dirs.workspace_dir("/base", str(tmp_path / name / "shop")) for name in ("a", "b"))
    assert one != other
    assert os.path.basename(one).endswith("-shop")
    assert os.path.dirname(one) == os.path.join("/base", "workspaces")


def test_a_link_to_a_workspace_has_the_same_place(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert dirs.workspace_dir("/b", str(tmp_path / "link")) == dirs.workspace_dir("/b", str(tmp_path / "real"))


@pytest.mark.parametrize(
    "root", ["/", "/tmp/\udcff\udcfe", "/x/..hidden", "/x/a\nb", "/x/" + "n" * 300, "/x/\u202etxt"]
)
def test_any_root_gives_a_harmless_name(root: str) -> None:
    name = os.path.basename(dirs.workspace_dir("/base", root))
    assert name.isascii()
    assert name.isprintable()
    digest, _, rest = name.partition("-")
    assert len(digest) == 16
    assert 0 < len(rest) <= 40
