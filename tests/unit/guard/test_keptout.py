"""Files that rules keep from being read: the workspace refuses them, a listing leaves them out."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from aiex.context.listing import list_files
from aiex.errors import Denied
from aiex.guard.policy.keptout import KeptOut
from aiex.guard.policy.policy import Policy
from aiex.guard.policy.rules import parse_rule
from aiex.guard.sandbox.files import Workspace


def open_with(root: Path, *rules: str, role: str = "admin", scope: str = "user") -> Workspace:
    policy = Policy([parse_rule(text, scope=scope) for text in rules], root=str(root))
    return Workspace(str(root), kept_out=KeptOut(policy, role))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("plans/next.txt", "plans/old.txt", "src/app.py"):
        path = tmp_path / "ws" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "ws"


@pytest.mark.parametrize(
    "rule", ['deny read "plans/**"', 'ask read "plans"', 'deny read "PLANS"', "deny any for admin"]
)
def test_what_a_rule_is_about_is_not_opened(root: Path, rule: str) -> None:
    with pytest.raises(Denied, match=f"refused to read plans/next.txt: {rule.split(maxsplit=1)[0]}"):
        open_with(root, rule).read("plans/next.txt")


def test_a_link_is_refused_for_what_it_leads_to(root: Path) -> None:
    (root / "src/link.txt").symlink_to("../plans/next.txt")
    workspace = open_with(root, 'deny read "plans/**"')
    with pytest.raises(Denied):
        workspace.read("src/link.txt")
    assert workspace.read("src/app.py") == b"src/app.py"


def test_a_narrower_rule_and_leave_open_it(root: Path) -> None:
    workspace = open_with(root, 'deny read "plans/**"', 'allow read "plans/old.txt"')
    assert workspace.read("plans/old.txt") == b"plans/old.txt"
    kept_out = KeptOut(Policy([parse_rule("ask read")], root=str(root)), "admin")
    asked = Workspace(str(root), kept_out=kept_out)
    kept_out.leave.add("src/app.py")
    assert asked.read("src/app.py") == b"src/app.py"
    with pytest.raises(Denied):
        asked.read("plans/old.txt")


def test_leave_for_one_secret_does_not_lift_a_rule(root: Path) -> None:
    (root / ".env").write_text("x")
    policy = Policy([parse_rule('deny read ".env"', scope="managed")], root=str(root))
    workspace = Workspace(str(root), allow_read=[".env"], kept_out=KeptOut(policy, "admin"))
    with pytest.raises(Denied, match="deny read"):
        workspace.read(".env")


def test_a_rule_for_others_is_none(root: Path) -> None:
    assert open_with(root, 'deny read "plans" for viewer', role="editor").read("plans/old.txt")


def test_workers_keep_to_the_rules(root: Path) -> None:
    workspace = pickle.loads(pickle.dumps(open_with(root, 'deny read "plans/**"', scope="project")))
    with pytest.raises(Denied, match=r"deny read"):
        workspace.read("plans/next.txt")
    assert workspace.read("src/app.py")


def test_a_listing_leaves_them_out_and_counts_them(root: Path) -> None:
    (root / ".gitignore").write_text("*.log\n")
    (root / "plans/a.log").write_text("ignored anyway")
    listing = list_files(open_with(root, 'deny read "plans/**"'))
    assert ([entry.path for entry in listing.files], listing.kept_out) == ([".gitignore", "src/app.py"], 2)


def test_what_was_listed_before_a_rule_came_is_left_out_too(root: Path) -> None:
    before = list_files(Workspace(str(root)))
    kept = [entry.path for entry in before.files]
    assert "plans/next.txt" in kept
    workspace = open_with(root, 'deny read "plans/next.txt"')
    after = list_files(workspace, kept=kept, rules=before.rules)
    assert [entry.path for entry in after.files] == ["plans/old.txt", "src/app.py"]
    again = list_files(workspace, kept=[entry.path for entry in after.files], rules=after.rules)
    assert (again.files, again.kept_out) == (after.files, 1)
