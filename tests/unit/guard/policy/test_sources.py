"""Where rules come from and go to: files of every layer, with lines, and whatever stands in them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from aiex import settings
from aiex.errors import ConfigError, Denied, UsageError
from aiex.guard import trust
from aiex.guard.policy.policy import Policy
from aiex.guard.policy.sources import Written, add_rule, load_mode, load_policy, read_file, remove_rule
from aiex.wiring import Services
from tests.conftest import SOURCE_ROOT

MANAGED = "managed.toml"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / ".aiex").mkdir(parents=True)
    return root


@pytest.fixture
def user_file(home: Path) -> Path:
    (home / "config").mkdir(parents=True, exist_ok=True)
    return home / "config" / "config.toml"


def load(root: Path, **environ: str) -> Policy:
    services = Services(str(root), environ={**os.environ, **environ})
    return load_policy(services.settings, root=services.root, project=services.project)


def places(policy: Policy) -> dict[str, tuple[str, str]]:
    return {rule.text: (rule.scope, rule.place) for rule in policy.rules}


def test_every_layer_adds_its_rules_with_file_and_line(tmp_path: Path, project: Path, user_file: Path) -> None:
    user_file.write_text('# mine\n[policy]\nrules = [\n  "deny tool a",\n\n  "ask tool b",\n]\n')
    (project / ".aiex" / "config.toml").write_text('model = "offline"\npolicy.rules = ["deny tool c"]\n')
    (project / ".aiex" / "config.local.toml").write_text('policy.rules = ["deny tool d"]\n')
    (tmp_path / MANAGED).write_text('[policy]\nrules = ["deny tool e", "allow tool f"]\n')
    trust.trust(str(project))
    environ = {"AIEX_MANAGED_CONFIG": str(tmp_path / MANAGED), "AIEX_POLICY__RULES": '["allow tool g"]'}
    assert places(load(project, **environ)) == {
        'deny tool "a"': ("user", f"{user_file}:4"),
        'ask tool "b"': ("user", f"{user_file}:6"),
        'deny tool "c"': ("project", f"{project}/.aiex/config.toml:2"),
        'deny tool "d"': ("project", f"{project}/.aiex/config.local.toml:1"),
        'deny tool "e"': ("managed", f"{tmp_path}/{MANAGED}:2"),
        'allow tool "f"': ("managed", f"{tmp_path}/{MANAGED}:2"),
        'allow tool "g"': ("session", "AIEX_POLICY__RULES"),
    }


def test_rules_of_an_untrusted_project_are_not_read(project: Path) -> None:
    (project / ".aiex" / "config.toml").write_text('policy.rules = ["nonsense", "allow any"]\npolicy.mode = "bypass"\n')
    services = Services(str(project))
    assert load(project).rules == ()
    assert load_mode(services.settings) == "ask"
    assert any("not trusted" in warning.message for warning in services.settings.warnings)


def test_a_trusted_project_neither_allows_nor_chooses_a_looser_mode(project: Path) -> None:
    (project / ".aiex" / "config.toml").write_text(
        'policy.rules = ["allow any", "deny tool x"]\npolicy.mode = "bypass"\n'
    )
    trust.trust(str(project))
    policy = load(project)
    assert list(places(policy)) == ['deny tool "x"']
    assert policy.warnings == (
        f"{project}/.aiex/config.toml:1: allow any is left out: a project can only tighten what you allow",
    )
    assert load_mode(Services(str(project)).settings) == "ask"


def test_rules_of_a_profile_count_when_it_is_used(project: Path, user_file: Path) -> None:
    user_file.write_text('policy.rules = ["deny tool a"]\n[profiles.work.policy]\nrules = ["deny tool b"]\n')
    found = places(load(project, AIEX_PROFILE="work"))
    assert found == {'deny tool "a"': ("user", f"{user_file}:1"), 'deny tool "b"': ("user", f"{user_file}:3")}
    assert list(places(load(project))) == ['deny tool "a"']


def test_a_managed_rule_counts_also_when_the_person_has_the_same_list(
    tmp_path: Path, project: Path, user_file: Path
) -> None:
    for file in (user_file, tmp_path / MANAGED):
        file.write_text('policy.rules = ["deny tool a"]\n')
    found = load(project, AIEX_MANAGED_CONFIG=str(tmp_path / MANAGED))
    assert [rule.scope for rule in found.rules] == ["managed", "user"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('policy.rules = [\n  "deny tool a",\n  "deny file x",\n]', ":3: there is no kind 'file'"),
        ('policy.rules = ["deny write \\u001b[2J"]', "control or invisible"),
        ('policy.rules = "deny tool a"', "list of strings"),
        ("policy.rules = [1]", "list of strings"),
        ("policy.rules = [", "cannot read"),
        ("policy = 3", "expected a table"),
        ('policy.mode = "yolo"', "expected one of bypass"),
    ],
)
def test_what_is_no_rule_stops_everything_with_the_place(project: Path, user_file: Path, text: str, said: str) -> None:
    user_file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(project)
    assert said in caught.value.message
    assert str(user_file) in caught.value.message


def test_a_file_that_is_not_utf_8_stops_everything(project: Path, user_file: Path) -> None:
    user_file.write_bytes(b'policy.rules = ["deny tool \xff"]')
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(project)


def test_a_directory_in_place_of_the_file_stops_everything(project: Path, user_file: Path) -> None:
    user_file.mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        load(project)


def test_many_rules_are_read(project: Path, user_file: Path) -> None:
    user_file.write_text("[policy]\nrules = [\n" + "".join(f'  "deny write a{n}/**",\n' for n in range(3000)) + "]\n")
    rules = load(project).rules
    assert len(rules) == 3000
    assert {rule.line for rule in rules} == set(range(3, 3003))


def test_more_rules_than_anybody_could_know_stop_everything(project: Path, user_file: Path) -> None:
    user_file.write_text("policy.rules = [" + '"deny tool a",' * 10_001 + "]\n")
    with pytest.raises(ConfigError, match="more than 10,000 rules"):
        load(project)
    with pytest.raises(ConfigError, match="more than 10,000 rules"):
        read_file(str(user_file))


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX")
def test_a_file_that_an_ordinary_user_cannot_read_stops_everything() -> None:
    code = """
import os, sys, tempfile
from aiex.errors import ConfigError
from aiex.guard.policy.sources import load_policy, read_file
from aiex import settings
folder = tempfile.mkdtemp()
file = os.path.join(folder, "config.toml")
open(file, "w").write('policy.rules = ["deny tool a"]')
environ = {"AIEX_CONFIG_DIR": folder}
assert len(load_policy(settings.load(None, environ=environ)).rules) == len(read_file(file)) == 1
os.chmod(file, 0)
if os.geteuid() == 0:
    os.chown(folder, 65534, 65534); os.setgid(65534); os.setuid(65534)
for read in (lambda: settings.load(None, environ=environ), lambda: read_file(file)):
    try:
        read()
    except ConfigError as error:
        assert "cannot read" in error.message
    else:
        sys.exit("it was read")
os.unlink(file)
"""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": SOURCE_ROOT, "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


# --- writing --------------------------------------------------------------------------------------------------------


def test_a_rule_is_added_once_and_the_rest_of_the_file_stays(user_file: Path) -> None:
    user_file.write_text('# mine\nmodel = "offline"\n\n[policy]\nrules = [\n  "deny tool a", # why\n]\n')
    user_file.chmod(0o640)
    for spelled in ("deny tool b", 'deny  tool "b"'):
        assert add_rule(spelled, scope="user") == Written(str(user_file), ('deny tool "b"',), True)
    assert user_file.read_text() == (
        '# mine\nmodel = "offline"\n\n[policy]\nrules = [\n  "deny tool a", # why\n  "deny tool \\"b\\"",\n]\n'
    )
    assert stat.S_IMODE(user_file.stat().st_mode) == 0o640


def test_the_file_is_made_for_the_person_alone(home: Path) -> None:
    add_rule("deny tool a", scope="user")
    file = home / "config" / "config.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [rule.text for rule in read_file(str(file))] == ['deny tool "a"']


def test_a_rule_is_removed_however_it_is_spelled(user_file: Path) -> None:
    user_file.write_text('policy.rules = ["deny  tool  a", "deny tool b", "rubbish"]\n')
    assert remove_rule("deny tool 'a'", scope="user").rules == ("deny  tool  a",)
    assert remove_rule("rubbish", scope="user").rules == ("rubbish",)
    assert remove_rule("deny tool c", scope="user").rules == ()
    assert user_file.read_text() == 'policy.rules = ["deny tool b"]\n'


def test_a_file_that_cannot_be_understood_is_left_alone(user_file: Path) -> None:
    user_file.write_text("policy = {mode = 'ask'}\n")
    with pytest.raises(ConfigError):
        add_rule("deny tool a", scope="user")
    user_file.write_text("[[\n")
    with pytest.raises(ConfigError):
        add_rule("deny tool a", scope="user")
    assert user_file.read_text() == "[[\n"


def test_two_processes_lose_no_rule_of_each_other(home: Path, user_file: Path) -> None:
    code = "import sys\nfrom aiex.guard.policy.sources import add_rule\n"
    code += "for n in range(12): add_rule(f'deny tool {sys.argv[1]}{n}', scope='user')\n"
    environ = {**os.environ, "PYTHONPATH": SOURCE_ROOT}
    writers = [subprocess.Popen([sys.executable, "-c", code, name], env=environ) for name in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    assert {rule.text for rule in read_file(str(user_file))} == {f'deny tool "{x}{n}"' for x in "ab" for n in range(12)}


def test_a_rule_for_a_project_without_settings_counts_at_once(project: Path) -> None:
    written = add_rule("deny tool a", scope="project", root=str(project))
    assert written == Written(f"{project}/.aiex/config.toml", ('deny tool "a"',), True)
    assert places(load(project)) == {'deny tool "a"': ("project", f"{project}/.aiex/config.toml:2")}
    assert remove_rule("deny tool a", scope="project", root=str(project)).rules == ('deny tool "a"',)
    assert load(project).rules == ()
    assert trust.is_trusted(str(project))


def test_writing_into_an_untrusted_project_trusts_nothing_of_it(project: Path) -> None:
    (project / ".aiex" / "config.toml").write_text("model = 'evil/x'\n")
    assert not add_rule("deny tool a", scope="project", root=str(project)).in_force
    assert not trust.is_trusted(str(project))


def test_a_project_cannot_allow(project: Path) -> None:
    with pytest.raises(UsageError, match="cannot allow"):
        add_rule("allow tool a", scope="project", root=str(project))
    assert not (project / ".aiex" / "config.toml").exists()


@pytest.mark.parametrize("link", [".aiex", ".aiex/config.toml"])
def test_nothing_is_written_through_a_link_of_a_project(project: Path, tmp_path: Path, link: str) -> None:
    target = tmp_path / "target"
    (project / ".aiex").rmdir()
    if link == ".aiex":
        target.mkdir()
    else:
        (project / ".aiex").mkdir()
        target.write_text("")
    (project / link).symlink_to(target)
    with pytest.raises((ConfigError, Denied)):
        add_rule("deny tool a", scope="project", root=str(project))
    assert list(target.iterdir()) == [] if link == ".aiex" else target.read_text() == ""


def test_settings_never_show_the_rules_of_one_file_for_all(project: Path, user_file: Path) -> None:
    user_file.write_text('policy.rules = ["deny tool a"]\n')
    assert settings.load(None).get("policy.rules") == ["deny tool a"]
    assert len(load(project, AIEX_POLICY__RULES='["deny tool b"]').rules) == 2
