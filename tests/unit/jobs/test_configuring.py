"""A setting goes into the file that a person chose, and trust follows exactly that change."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiex.errors import ConfigError, Conflict, Denied, UsageError
from aiex.guard.trust import trust
from aiex.jobs.configuring import write_setting
from aiex.settings import user_file
from aiex.wiring import Services


def test_ones_own_file_is_the_usual_one(workspace: Path) -> None:
    services = Services(str(workspace))
    assert write_setting(services, "screen.theme", "light", "user") == f"screen.theme is set in {user_file()}"
    assert 'theme = "light"' in Path(user_file()).read_text()
    assert not (workspace / ".aiex").exists()
    services.close()


def test_a_project_that_is_trusted_stays_so_with_the_new_value(workspace: Path) -> None:
    trust(str(workspace))
    services = Services(str(workspace))
    write_setting(services, "budget.cost_usd", "2", "project")
    services.close()
    after = Services(str(workspace))
    assert after.trusted
    assert (after.settings.get("budget.cost_usd"), after.settings.origin("budget.cost_usd").source) == (2, "local")
    after.close()


def test_a_project_that_nobody_trusts_is_not_written_to(workspace: Path) -> None:
    services = Services(str(workspace))
    with pytest.raises(UsageError, match="nobody trusts it"):
        write_setting(services, "budget.cost_usd", "2", "project")
    assert not (workspace / ".aiex").exists()
    services.close()


def test_a_link_in_its_place_is_not_followed(workspace: Path, tmp_path: Path) -> None:
    aim = tmp_path / "aim.toml"
    aim.write_text("")
    (workspace / ".aiex").mkdir()
    trust(str(workspace))
    (workspace / ".aiex/config.local.toml").symlink_to(aim)
    services = Services(str(workspace))
    with pytest.raises((Conflict, UsageError)):
        write_setting(services, "budget.cost_usd", "2", "project")
    assert aim.read_text() == ""
    services.close()


@pytest.mark.parametrize(("key", "value"), [("no.such", "1"), ("budget.cost_usd", "much"), ("screen.theme", "pink")])
def test_what_does_not_fit_is_not_written(workspace: Path, key: str, value: str) -> None:
    services = Services(str(workspace))
    with pytest.raises(ConfigError):
        write_setting(services, key, value, "user")
    services.close()


def test_what_guards_is_changed_by_an_admin_alone(workspace: Path) -> None:
    services = Services(str(workspace), overrides=["policy.role=editor"])
    with pytest.raises(Denied):
        write_setting(services, "policy.mode", "plan", "user")
    write_setting(services, "screen.theme", "light", "user")
    services.close()
