"""What is found beneath a writable place, and the covers that follow from it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aiex.errors import Denied
from aiex.guard.sandbox import cover
from aiex.guard.sandbox.bounds import SandboxPolicy, make_policy
from aiex.guard.sandbox.cover import Cover, Covering
from aiex.guard.sandbox.paths import DEFAULT_RULES, NameRules
from aiex.guard.sandbox.survey import Surveyor


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir(exist_ok=True)
        else:
            path.write_text("x")
    return root


def survey(root: Path, **more: frozenset[str]) -> tuple[list[str], list[str]]:
    found = Surveyor(DEFAULT_RULES).survey(str(root), **more)
    return (
        [os.path.relpath(path, root) for path in found.secrets],
        [os.path.relpath(p, root) for p in found.protected],
    )


def test_secrets_are_found_at_any_depth(tmp_path: Path) -> None:
    make(
        tmp_path, ".env", "a/b/.env.local", "a/.env.example", "a/server.key", "c/.aws/credentials", "c/.ssh/x", "d/e.py"
    )
    secrets, _ = survey(tmp_path)
    assert secrets == [".env", "a/b/.env.local", "a/server.key", "c/.aws/credentials", "c/.ssh/x"]


def test_protected_names_are_found_at_any_depth(tmp_path: Path) -> None:
    make(tmp_path, ".git/HEAD", "a/.vscode/x", "a/.GIT/x", "b/.mcp.json", "b/mcp.json")
    assert survey(tmp_path)[1] == [".git", "a/.GIT", "a/.vscode", "b/.mcp.json"]


def test_secrets_in_protected_directories_count_but_not_in_objects_of_git(tmp_path: Path) -> None:
    make(tmp_path, ".vscode/.env", ".git/refs/heads/x.key")
    assert survey(tmp_path)[0] == [".vscode/.env"]


def test_directories_that_git_takes_for_repositories_are_protected(tmp_path: Path) -> None:
    make(tmp_path, "bare/HEAD", "bare/objects/", "bare/refs/", "store/config", "work/x")
    (tmp_path / "work/.git").write_text("gitdir: ../store\n")
    assert survey(tmp_path)[1] == ["bare", "store", "work/.git"]


@pytest.mark.parametrize("name", [".git", ".gitmodules"])
def test_files_that_are_none_do_not_hold_it_up(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    make(tmp_path, "a/x")
    (tmp_path / "a" / name).symlink_to("/dev/zero")
    (tmp_path / "b").symlink_to("/dev/zero")
    assert survey(tmp_path)[1] == [name]


def test_a_link_stands_for_what_it_points_to(tmp_path: Path) -> None:
    make(tmp_path, "real/value", "plain.txt")
    (tmp_path / ".env").symlink_to("real/value")
    (tmp_path / ".vscode").symlink_to("real")
    found = Surveyor(DEFAULT_RULES).survey(str(tmp_path))
    assert found.secrets == (str(tmp_path / "real/value"),)
    assert found.links == (str(tmp_path / ".vscode"),)


def test_links_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "out/.env", "ws/x")
    (tmp_path / "ws/link").symlink_to(tmp_path / "out")
    assert survey(tmp_path / "ws") == ([], [])


def test_what_may_be_read_is_left_out(tmp_path: Path) -> None:
    make(tmp_path, ".env", "b/.env")
    assert survey(tmp_path, leave=frozenset({str(tmp_path / ".env")}))[0] == ["b/.env"]


def test_missing_names_are_told(tmp_path: Path) -> None:
    make(tmp_path, ".git/", ".VSCode/")
    missing = [
        os.path.relpath(path, tmp_path) + "/" * path.endswith("/")
        for path in Surveyor(DEFAULT_RULES).survey(str(tmp_path)).missing
    ]
    assert ".mcp.json/" in missing
    assert ".claude/" in missing
    assert not {".git/", ".vscode/"} & set(missing)


def test_a_change_is_seen_without_listing_everything_again(tmp_path: Path) -> None:
    make(tmp_path, "a/x", "b/x")
    for folder in (tmp_path, tmp_path / "a", tmp_path / "b"):
        os.utime(folder, (1, 1))
    surveyor = Surveyor(DEFAULT_RULES)
    surveyor.survey(str(tmp_path))
    make(tmp_path, "a/.env")
    assert surveyor.survey(str(tmp_path)).secrets == (str(tmp_path / "a/.env"),)
    (tmp_path / "a/.env").unlink()
    assert surveyor.survey(str(tmp_path)).secrets == ()


def test_own_rules_count(tmp_path: Path) -> None:
    make(tmp_path, "deploy.yml", "token.txt", ".env")
    names = NameRules(protected=frozenset({"deploy.yml"}), secret_names=frozenset({"token.txt"}), secret_globs=())
    found = Surveyor(names).survey(str(tmp_path))
    assert (found.secrets, found.protected) == ((str(tmp_path / "token.txt"),), (str(tmp_path / "deploy.yml"),))


def test_names_that_are_not_utf8_are_found(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    open(folder + b"/.env", "w").close()
    assert [os.fsencode(path) for path in Surveyor(DEFAULT_RULES).survey(str(tmp_path)).secrets] == [folder + b"/.env"]


# --- covers


def covers_of(policy: SandboxPolicy) -> dict[str, str]:
    return {os.path.relpath(one.path, policy.root): one.kind for one in Covering(policy).find()}


def test_directories_above_a_protected_name_are_held(tmp_path: Path) -> None:
    make(tmp_path, "a/b/.vscode/x", ".git/HEAD")
    found = covers_of(SandboxPolicy(str(tmp_path), (str(tmp_path),)))
    assert {path: found[path] for path in (".", "a", "a/b", "a/b/.vscode", ".git")} == {
        ".": "write",
        "a": "hold",
        "a/b": "hold",
        "a/b/.vscode": "read",
        ".git": "read",
    }


def test_what_lies_above_comes_first(tmp_path: Path) -> None:
    make(tmp_path, "a/.vscode/.env", "a-b/.git/x")
    paths = [one.path for one in Covering(SandboxPolicy(str(tmp_path), (str(tmp_path),))).find()]
    assert all(path.rpartition("/")[0] not in paths[number:] for number, path in enumerate(paths))


def test_a_workspace_for_reading_hides_secrets_and_holds_nothing(tmp_path: Path) -> None:
    make(tmp_path, ".env", ".git/HEAD")
    assert covers_of(SandboxPolicy(str(tmp_path))) == {".": "read", ".env": "hide"}


def test_the_first_missing_part_of_a_protected_path_is_the_one_that_cannot_be_made(tmp_path: Path) -> None:
    policy = SandboxPolicy(str(tmp_path), (str(tmp_path),), protected=(str(tmp_path / ".config/autostart/"),))
    assert Cover(str(tmp_path / ".config"), "absent", is_folder=True) in Covering(policy).find()


def test_more_names_than_can_be_covered_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cover, "MOST_COVERS", 20)
    make(tmp_path, *(f"{number}/.env" for number in range(30)))
    with pytest.raises(Denied, match="need a cover"):
        Covering(SandboxPolicy(str(tmp_path), (str(tmp_path),))).find()


def test_a_guess_is_what_was_found_last_as_long_as_it_covers_what_is_there(tmp_path: Path) -> None:
    make(tmp_path, ".env", ".git/config", "src/app.py")
    covering = Covering(SandboxPolicy(str(tmp_path), (str(tmp_path),)))
    first = covering.guess()
    assert first == covering.find()
    make(tmp_path, "src/.env")
    assert covering.guess() == first
    assert covering.find() != first


@pytest.mark.parametrize("change", ["gone", "a directory", "a link"])
def test_a_guess_covers_nothing_that_is_not_there_any_more(tmp_path: Path, change: str) -> None:
    make(tmp_path, ".env", "other/x")
    covering = Covering(SandboxPolicy(str(tmp_path), (str(tmp_path),)))
    before = covering.find()
    (tmp_path / ".env").unlink()
    if change == "a directory":
        (tmp_path / ".env").mkdir()
    elif change == "a link":
        (tmp_path / ".env").symlink_to("other/x")
    guessed = covering.guess()
    assert guessed == covering.find()
    assert guessed != before


def test_the_policy_of_a_machine_hides_its_secrets(tmp_path: Path, home: Path) -> None:
    make(home, ".ssh/id_rsa", ".netrc", ".config/gh/hosts.yml", "work/x", ".npmrc", "id_ed25519")
    policy = make_policy(str(tmp_path / "ws"), allow_read=[str(home / ".npmrc")])
    hidden = {os.path.relpath(path, home) for path in policy.hidden}
    assert {".ssh", ".netrc", ".config/gh", "id_ed25519"} <= hidden
    assert ".npmrc" not in hidden


def test_a_hidden_name_that_comes_later_is_covered_then(tmp_path):
    hidden = tmp_path / "notes"
    covering = Covering(SandboxPolicy(str(tmp_path), (str(tmp_path),), hidden=(str(hidden),)))
    assert str(hidden) not in [one.path for one in covering.find()]
    hidden.write_text("x", encoding="utf-8")
    assert Cover(str(hidden), "hide", is_folder=False) in covering.find()
