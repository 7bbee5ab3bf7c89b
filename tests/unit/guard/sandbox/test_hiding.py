"""Where secrets and start files lie: in the home, and wherever variables put them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from aiex.guard.sandbox.bounds import make_policy
from aiex.guard.sandbox.hiding import credential_places, start_files

pytestmark = pytest.mark.skipif(os.name != "posix", reason="homes of other systems have no such files")


def write(path: Path) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return str(path)


@pytest.mark.parametrize(
    ("variable", "value", "secret"),
    [
        ("XDG_CONFIG_HOME", "conf", "conf/gh/hosts.yml"),
        ("XDG_DATA_HOME", "data", "data/keyrings/login.keyring"),
        ("GNUPGHOME", "gpg", "gpg/private"),
        ("CARGO_HOME", "cargo", "cargo/credentials.toml"),
        ("AWS_SHARED_CREDENTIALS_FILE", "keys", "keys"),
        ("KUBECONFIG", "a:{base}/b", "b"),
        ("KRB5CCNAME", "FILE:{base}/ticket", "ticket"),
    ],
)
def test_secrets_are_hidden_where_a_variable_puts_them(tmp_path: Path, variable: str, value: str, secret: str) -> None:
    written = write(tmp_path / secret)
    value = value.format(base=tmp_path) if "{" in value else str(tmp_path / value)
    hidden = credential_places({"HOME": str(tmp_path / "home"), variable: value})
    assert any(written == path or written.startswith(f"{path}/") for path in hidden)


def test_the_home_that_the_system_knows_counts_too(tmp_path: Path) -> None:
    real = os.path.realpath(pwd.getpwuid(os.geteuid()).pw_dir)
    assert os.path.join(real, ".bashrc") in start_files({"HOME": str(tmp_path)})


def test_a_variable_that_names_the_home_hides_no_home(tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home / "code.py")
    environ = {"HOME": str(home), "GNUPGHOME": str(home), "DOCKER_CONFIG": str(tmp_path), "HISTFILE": os.devnull}
    hidden = credential_places(environ)
    assert not {str(home), str(tmp_path), os.devnull} & set(hidden)


@pytest.mark.parametrize(
    ("variable", "value", "start"),
    [
        ("XDG_CONFIG_HOME", "conf", "conf/fish/"),
        ("ZDOTDIR", "zsh", "zsh/.zshenv"),
        ("BASH_ENV", "always.sh", "always.sh"),
        ("PYTHONSTARTUP", "start.py", "start.py"),
    ],
)
def test_start_files_are_protected_where_a_variable_puts_them(
    tmp_path: Path, variable: str, value: str, start: str
) -> None:
    environ = {"HOME": str(tmp_path / "home"), variable: str(tmp_path / value)}
    policy = make_policy(str(tmp_path), environ=environ)
    assert os.path.join(os.path.realpath(tmp_path), start) in policy.protected
