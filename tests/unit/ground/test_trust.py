"""Trust is bound to exactly what a project would configure."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from aiex import settings
from aiex.errors import Conflict, NotSignedIn
from aiex.guard import trust


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / ".aiex").mkdir(parents=True)
    (folder / ".aiex" / "config.toml").write_text("model = 'openai/x'\n")
    return folder


def record_files(home: Path) -> list[Path]:
    return sorted((home / "data" / "trust").iterdir())


def test_a_project_is_trusted_only_after_a_person_said_so(project: Path) -> None:
    assert not trust.is_trusted(str(project))
    trust.trust(str(project))
    assert trust.is_trusted(str(project))
    assert trust.trusted_roots() == (str(project),)


def change(project: Path) -> None:
    (project / ".aiex" / "config.toml").write_text("model = 'evil/x'\n")


def add(project: Path) -> None:
    (project / ".aiex" / "config.local.toml").write_text("")


def remove(project: Path) -> None:
    (project / ".aiex" / "config.toml").unlink()


def rename(project: Path) -> None:
    (project / ".aiex" / "config.toml").rename(project / ".aiex" / "other.toml")


def link_out(project: Path) -> None:
    (project / ".aiex" / "extra.toml").symlink_to("/etc/hostname")


@pytest.mark.parametrize("act", [change, add, remove, rename, link_out])
def test_trust_ends_when_what_is_configured_changes(project: Path, act: object) -> None:
    trust.trust(str(project))
    assert callable(act)
    act(project)
    assert not trust.is_trusted(str(project))


def test_other_files_do_not_matter(project: Path) -> None:
    trust.trust(str(project))
    (project / "main.py").write_text("x = 1")
    (project / ".aiex" / "notes.md").write_text("hello")
    assert trust.is_trusted(str(project))


def test_trust_can_be_taken_back_once(project: Path) -> None:
    trust.trust(str(project))
    assert [trust.distrust(str(project)), trust.distrust(str(project))] == [True, False]
    assert not trust.is_trusted(str(project))
    assert trust.trusted_roots() == ()


def test_a_link_to_the_project_is_the_same_project(project: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(project)
    trust.trust(str(tmp_path / "link"))
    assert trust.is_trusted(str(project))


def test_a_copy_of_the_project_elsewhere_is_not_trusted(project: Path, tmp_path: Path) -> None:
    trust.trust(str(project))
    project.rename(tmp_path / "moved")
    assert not trust.is_trusted(str(tmp_path / "moved"))


def test_what_a_person_saw_is_what_is_trusted(project: Path) -> None:
    seen = trust.project_files(str(project))
    change(project)
    with pytest.raises(Conflict):
        trust.trust(str(project), seen=seen)
    assert not trust.is_trusted(str(project))


def test_what_was_judged_is_what_is_used(project: Path) -> None:
    trust.trust(str(project))
    files = trust.project_files(str(project))
    change(project)
    assert trust.is_trusted(str(project), files)
    loaded = settings.load(str(project), trusted=True, read=files.read)
    assert loaded.get("model") == "openai/x"


def test_a_file_that_leads_outside_cannot_be_trusted_and_stops_nobody(project: Path) -> None:
    link_out(project)
    with pytest.raises(NotSignedIn, match=r"\.aiex/extra\.toml cannot be read"):
        trust.trust(str(project))
    files = trust.project_files(str(project))
    assert settings.load(str(project), read=files.read).get("model") == "offline"


def test_a_config_that_leads_outside_is_only_a_warning(project: Path) -> None:
    remove(project)
    (project / ".aiex" / "config.toml").symlink_to("/etc/passwd")
    files = trust.project_files(str(project))
    assert not trust.is_trusted(str(project), files)
    (warning,) = settings.load(str(project), read=files.read).warnings
    assert "not trusted" in warning.message


def test_a_project_without_settings_has_nothing_to_read(tmp_path: Path) -> None:
    files = trust.project_files(str(tmp_path))
    assert (files.contents, files.paths, files.read(".aiex/config.toml")) == ({}, (), None)


def test_an_aiex_that_is_a_file_configures_nothing(tmp_path: Path) -> None:
    (tmp_path / ".aiex").write_text("model = 'evil/x'")
    assert trust.project_files(str(tmp_path)).contents == {}


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_record_is_private_and_one_that_others_could_write_counts_for_nothing(project: Path, home: Path) -> None:
    trust.trust(str(project))
    (record,) = record_files(home)
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    record.chmod(0o622)
    assert not trust.is_trusted(str(project))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"root": 3, "digest": 4}', b"\xff"])
def test_a_damaged_record_is_no_trust_and_no_crash(project: Path, home: Path, content: bytes) -> None:
    trust.trust(str(project))
    (record,) = record_files(home)
    record.write_bytes(content)
    assert not trust.is_trusted(str(project))
    assert trust.trusted_roots() == ()


def test_the_record_of_another_root_is_not_taken_for_ours(project: Path, home: Path) -> None:
    trust.trust(str(project))
    (record,) = record_files(home)
    record.write_text(json.dumps({**json.loads(record.read_text()), "root": "/elsewhere"}))
    assert not trust.is_trusted(str(project))


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="names that are not UTF-8")
def test_a_root_whose_name_is_not_utf8_can_be_trusted(tmp_path: Path) -> None:
    root = os.path.join(str(tmp_path), "odd\udcff")
    os.makedirs(os.path.join(root, ".aiex"))
    trust.trust(root)
    assert trust.is_trusted(root)
    assert trust.trusted_roots() == (root,)


PLACES = (*trust.COUNTED, trust.Counted(".aiex/hooks", deep=True), trust.Counted(".mcp.json"))


def digest(project: Path) -> str:
    return trust.project_files(str(project), counted=PLACES).digest


def test_a_place_more_that_counts_ends_no_trust_where_it_is_missing(project: Path) -> None:
    assert digest(project) == trust.project_files(str(project)).digest


def test_what_counted_before_counts_with_more_places_too() -> None:
    assert trust.Counted(".aiex", (".toml",)) in trust.COUNTED


def test_every_file_of_a_place_counts_however_deep_it_lies(project: Path) -> None:
    seen = {digest(project)}
    for name in (".aiex/hooks/a.sh", ".aiex/hooks/b/c/d", ".mcp.json"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("x")
        assert digest(project) not in seen
        seen.add(digest(project))
        (project / name).write_text("y")
        assert digest(project) not in seen
        seen.add(digest(project))
    assert trust.project_files(str(project), counted=PLACES).paths == (
        ".aiex/config.toml", ".aiex/hooks/a.sh", ".aiex/hooks/b/c/d", ".mcp.json",
    )  # fmt: skip


def test_a_place_outside_of_the_folder_counts_alone(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text("{}")
    assert trust.project_files(str(tmp_path), counted=PLACES).paths == (".mcp.json",)


@pytest.mark.parametrize("target", ["/etc", "/etc/hostname", "../.."])
def test_a_link_out_of_a_place_is_a_problem_and_nothing_is_trusted(project: Path, target: str) -> None:
    (project / ".aiex" / "hooks").mkdir()
    (project / ".aiex" / "hooks" / "x").symlink_to(target)
    files = trust.project_files(str(project), counted=PLACES)
    assert list(files.problems) == [".aiex/hooks/x"]
    assert not trust.is_trusted(str(project), files)


def test_more_files_than_a_person_could_read_are_a_problem(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "MOST_FILES", 3)
    for number in range(5):
        (project / ".aiex" / f"{number}.toml").write_text("")
    files = trust.project_files(str(project))
    assert files.problems
    assert not trust.is_trusted(str(project), files)
