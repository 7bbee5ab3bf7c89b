"""Settings: which place wins, where a value was written, and what a project may not do."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

import aiex
from aiex import settings
from aiex.errors import ConfigError, Denied, UsageError
from aiex.settingdocs import reference_page, schema_text
from aiex.settingkeys import KEYS

REFERENCE = Path(aiex.__file__).parent.parent / "docs" / "reference"
Load = Callable[..., settings.Settings]


@pytest.fixture
def user_file(home: Path) -> Path:
    path = home / "config" / "config.toml"
    path.parent.mkdir()
    return path


def reader(**files: str) -> Callable[[str], bytes | None]:
    """A reader of project files: `config` is `.aiex/config.toml`, `local` is `.aiex/config.local.toml`."""
    names = {".aiex/config.toml": files.get("config"), ".aiex/config.local.toml": files.get("local")}
    return lambda path: None if names[path] is None else str(names[path]).encode()


def load(**arguments: Any) -> settings.Settings:
    return settings.load("/repo", **arguments)


# --- precedence and provenance -------------------------------------------------------------------------------------


def test_without_any_file_everything_is_built_in_and_there_is_no_warning() -> None:
    loaded = load(read=reader())
    assert {loaded.origin(key).source for key in sorted(loaded.keys())} == {"built-in"}
    assert {key.name: loaded.get(key.name) for key in KEYS if "*" not in key.name} == {
        key.name: key.default for key in KEYS if "*" not in key.name
    }
    assert loaded.get("providers.openai.base_url") == "https://api.openai.com/v1"
    assert loaded.get("providers.openai.api_key_env") == "OPENAI_API_KEY"
    assert loaded.warnings == ()


def test_each_place_wins_over_the_lower_ones_and_remembers_them(
    user_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text("budget_tokens = 1\n\n[profiles.fast]\nbudget_tokens = 4\n")
    managed = tmp_path / "managed.toml"
    managed.write_text("# policy\nbudget_tokens = 6\n")
    monkeypatch.setenv("AIEX_BUDGET_TOKENS", "5")
    monkeypatch.setenv("AIEX_MANAGED_CONFIG", str(managed))
    origin = load(
        read=reader(config="budget_tokens = 2", local="\nbudget_tokens = 3"),
        trusted=True,
        profile="fast",
        overrides=["budget_tokens=7"],
        flags={"budget_tokens": 8, "model": None},
    ).origin("budget_tokens")
    assert [(found.value, found.source, found.place) for found in (origin, *origin.overrode)] == [
        (6, "managed", f"{managed}:2"),
        (8, "flag", "a flag"),
        (7, "set", "--set"),
        (5, "environment", "AIEX_BUDGET_TOKENS"),
        (4, "profile", f"{user_file}:4"),
        (3, "local", "/repo/.aiex/config.local.toml:2"),
        (2, "project", "/repo/.aiex/config.toml:1"),
        (1, "user", f"{user_file}:1"),
        (12_000, "built-in", "built-in"),
    ]


LINES = """\
"model" = "openai/a"  # = in a comment
context.ignore = [
    "x = 1",  # ]
    \"\"\"
budget_tokens = 9\"\"\",
]
output . color = 'never'

  [ providers . "my.host" ]
base_url = "https://x/v1"

[providers]
other = { base_url = "http://y", idle_timeout_s = 1.5 }
[paths]
allow_read = ["/a",
 '''/b'''] # end
allow_write = []
"""


def test_lines_are_right_in_every_form_that_toml_has(user_file: Path) -> None:
    for text in (LINES, LINES.replace("\n", "\r\n"), "\ufeff" + LINES):
        user_file.write_bytes(text.encode())
        loaded = load()
        assert {
            key: loaded.origin(key).line for key in sorted(loaded.keys()) if loaded.origin(key).source == "user"
        } == {
            "model": 1,
            "context.ignore": 2,
            "output.color": 7,
            "providers.my.host.base_url": 10,
            "providers.other.base_url": 13,
            "providers.other.idle_timeout_s": 13,
            "paths.allow_read": 15,
            "paths.allow_write": 17,
        }


def test_a_new_provider_gets_the_defaults_of_its_other_settings() -> None:
    loaded = load(overrides=["providers.local.base_url=http://localhost:8000/v1"])
    assert set(loaded.providers()) > {"local", "openai", "anthropic", "gemini", "ollama"}
    assert loaded.get("providers.local.idle_timeout_s") == 60
    assert loaded.get("providers.local.api_key_env") == ""


def test_values_do_not_share_a_list_with_the_built_in_ones() -> None:
    load().get("context.ignore").append("x")
    assert load().get("context.ignore") == []


# --- what is wrong in a file ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "warning", "hint"),
    [
        ("modle = 'x'", "there is no setting modle", "did you mean model?"),
        ("[output]\nfromat = 'json'", "there is no setting output.fromat", "did you mean output.format?"),
        (
            "[providers.me]\nbaseurl = 'x'",
            "there is no setting providers.me.baseurl",
            "did you mean providers.me.base_url?",
        ),
        ("[zzz.y]\nx = 1", "there is no setting zzz.y.x", ""),
    ],
)
def test_unknown_settings_warn_with_place_and_nearest_name(user_file: Path, text: str, warning: str, hint: str) -> None:
    user_file.write_text(text)
    (found,) = load().warnings
    assert found.message == f"{user_file}:{len(text.splitlines())}: {warning}"
    assert found.hint.startswith(hint or "there is: ")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("budget_tokens = 'many'", "budget_tokens is 'many', expected a whole number of at least 1"),
        ("budget_tokens = 0", "budget_tokens is 0, expected a whole number of at least 1"),
        ("budget_tokens = true", "budget_tokens is True, expected a whole number of at least 1"),
        ("budget_tokens = 1.5", "budget_tokens is 1.5, expected a whole number of at least 1"),
        ("model = 3", "model is 3, expected a string"),
        ("model = '/x'", "model is '/x', expected provider/model or offline"),
        ("model = {a = 1}", "model is a table, expected a string"),
        ("output = 'json'", "output is 'json', expected a table"),
        ("providers.openai = 1", "providers.openai is 1, expected a table"),
        ("output.format = 'xml'", "output.format is 'xml', expected one of text, json, stream-json"),
        ("context.ignore = 'a'", "context.ignore is 'a', expected a list of strings"),
        ("context.ignore = [1]", "context.ignore is [1], expected a list of strings"),
        ("providers.x.idle_timeout_s = nan", "providers.x.idle_timeout_s is nan, expected a number, 0 or more"),
        (
            "providers.x.base_url = 'ftp://x'",
            "providers.x.base_url is 'ftp://x', expected an address that begins with https:// or http://",
        ),
    ],
)
def test_a_wrong_type_is_an_error_with_file_line_and_what_was_found(user_file: Path, line: str, said: str) -> None:
    user_file.write_text(f"# first\n\n{line}\n")
    with pytest.raises(ConfigError) as caught:
        load()
    assert caught.value.message == f"cannot use {user_file}:3: {said}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"a = 1\nmodel = offline\n", ":2: Invalid value"),
        (b"a = 1\na = 2", ":2: Cannot overwrite a value"),
        (b"[output\n", ":1: "),
        (b"\n\nx = \xff", ":3: not UTF-8 (byte 0xff)"),
        (b'a = """\n\n', ":3: "),
    ],
)
def test_malformed_toml_is_an_error_with_file_and_line(user_file: Path, data: bytes, said: str) -> None:
    user_file.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        load()
    assert f"cannot read {user_file}{said}" in caught.value.message


@pytest.mark.parametrize("name", ["api_key", "providers.openai.api_key", "providers.openai.API-KEY", "token"])
def test_a_secret_in_a_file_is_an_error_that_does_not_repeat_it(user_file: Path, name: str) -> None:
    user_file.write_text(f"{name} = 'sk-verysecret'")
    with pytest.raises(ConfigError) as caught:
        load()
    assert "secrets are never settings" in caught.value.message
    assert "api_key_env" in caught.value.hint
    assert "sk-verysecret" not in caught.value.message + caught.value.hint


def test_a_user_file_that_is_a_directory_is_an_error(user_file: Path) -> None:
    user_file.mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        load()


# --- projects ------------------------------------------------------------------------------------------------------


def test_an_untrusted_project_is_not_used_not_even_parsed_and_said_once() -> None:
    loaded = load(read=reader(config="model = 'evil/x'\n= broken", local="also = "))
    assert loaded.get("model") == "offline"
    (warning,) = loaded.warnings
    assert ".aiex/config.toml and .aiex/config.local.toml are not used" in warning.message
    assert "aiex add trust" in warning.hint


def test_a_project_whose_file_cannot_be_read_stops_nobody_until_it_is_trusted() -> None:
    def refuse(path: str) -> bytes | None:
        raise Denied(f"refused {path}: it leads outside")

    assert len(load(read=refuse).warnings) == 1
    with pytest.raises(ConfigError, match="it leads outside"):
        load(read=refuse, trusted=True)


def test_a_trusted_project_may_name_a_server(user_file: Path) -> None:
    user_file.write_text("model = 'openai/x'")
    loaded = load(read=reader(config="providers.ours.base_url = 'https://ai.example.org/v1'"), trusted=True)
    assert loaded.origin("providers.ours.base_url").source == "project"


@pytest.mark.parametrize("place", ["config", "local"])
@pytest.mark.parametrize("key", ["paths.allow_read", "paths.allow_write"])
def test_a_project_can_take_paths_away_and_not_add_any(user_file: Path, place: str, key: str) -> None:
    user_file.write_text(f"{key} = ['/data', '/more']")
    loaded = load(read=reader(**{place: f"{key} = ['/data/', '/etc', '/data/../etc']"}), trusted=True)
    assert loaded.get(key) == ["/data/"]
    (warning,) = loaded.warnings
    assert f"{key} names /etc, /data/../etc, which your own settings do not allow" in warning.message


@pytest.mark.parametrize("place", ["config", "local"])
def test_a_project_can_tighten_a_choice_and_not_loosen_it(user_file: Path, place: str) -> None:
    loaded = load(read=reader(**{place: "audit.mode = 'required'\naudit.heads = '/tmp/x'"}), trusted=True)
    assert (loaded.get("audit.mode"), loaded.get("audit.heads")) == ("required", "")
    (warning,) = loaded.warnings
    assert "audit.heads = '/tmp/x' is looser than your own settings" in warning.message
    user_file.write_text("audit.mode = 'required'")
    loaded = load(read=reader(**{place: "audit.mode = 'off'"}), trusted=True)
    assert loaded.get("audit.mode") == "required"
    assert load(overrides=["audit.mode=off"]).get("audit.mode") == "off"


def test_a_project_has_no_profiles(user_file: Path) -> None:
    user_file.write_text("[profiles.a]\nmodel = 'openai/user'")
    loaded = load(read=reader(config="[profiles.a]\nmodel = 'openai/project'"), trusted=True, profile="a")
    assert loaded.get("model") == "openai/user"
    assert [warning.message for warning in loaded.warnings] == [
        "/repo/.aiex/config.toml:2: there is no setting profiles.a.model"
    ]


# --- profiles, environment, overrides, flags -----------------------------------------------------------------------


def test_a_profile_may_come_from_the_environment_and_an_unknown_one_is_an_error(
    user_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_file.write_text("[profiles.fast]\nmodel = 'openai/mini'")
    monkeypatch.setenv("AIEX_PROFILE", "fast")
    assert load().origin("model").detail == "fast"
    with pytest.raises(ConfigError) as caught:
        load(profile="fats")
    assert caught.value.hint == "did you mean fast?"


def test_variables_reach_every_setting_with_two_underscores_for_a_dot() -> None:
    environ = {
        "AIEX_MODEL": "my-host/m",
        "AIEX_OUTPUT__FORMAT": "json",
        "AIEX_PATHS__ALLOW_READ": "/a, /b",
        "AIEX_CONTEXT__IGNORE": '["a,b"]',
        "AIEX_PROVIDERS__OPENAI__CONNECT_TIMEOUT_S": "2.5",
        "AIEX_PROVIDERS__OPENAI__API_KEY": "sk-1",
        "AIEX_COLOUR": "never",
        "AIEX_BUDGET_TOKENS": " ",
        "UNRELATED": "x",
    }
    loaded = load(environ=environ)
    assert loaded.get("model") == "my-host/m"
    assert loaded.get("output.format") == "json"
    assert loaded.get("paths.allow_read") == ["/a", "/b"]
    assert loaded.get("context.ignore") == ["a,b"]
    assert loaded.get("providers.openai.connect_timeout_s") == 2.5
    assert loaded.get("providers.openai.api_key_env") == "AIEX_PROVIDERS__OPENAI__API_KEY"
    assert loaded.get("budget_tokens") == 12_000
    assert [warning.message for warning in loaded.warnings] == ["AIEX_COLOUR: there is no setting colour"]
    assert "sk-1" not in str([loaded.origin(key) for key in sorted(loaded.keys())])


def test_a_variable_finds_a_provider_with_dashes(user_file: Path) -> None:
    user_file.write_text("[providers.My-Host]\nbase_url = 'https://a'")
    loaded = load(environ={**os.environ, "AIEX_PROVIDERS__MY_HOST__BASE_URL": "https://b"})
    assert loaded.get("providers.My-Host.base_url") == "https://b"


def test_a_wrong_variable_is_an_error_that_names_it() -> None:
    with pytest.raises(ConfigError, match="cannot use AIEX_BUDGET_TOKENS: budget_tokens is 'lots', expected"):
        load(environ={"AIEX_BUDGET_TOKENS": "lots"})


@pytest.mark.parametrize(
    ("model", "provider"), [(None, "openai"), ("offline", "openai"), ("gpt", "openai"), ("mine/m", "mine")]
)
def test_the_short_variables_are_about_the_provider_in_use(model: str | None, provider: str) -> None:
    loaded = load(environ={"AIEX_BASE_URL": "http://h/v1", "AIEX_API_KEY": "sk-2"}, flags={"model": model})
    assert loaded.get(f"providers.{provider}.base_url") == "http://h/v1"
    assert loaded.get(f"providers.{provider}.api_key_env") == "AIEX_API_KEY"
    assert loaded.origin(f"providers.{provider}.base_url").place == "AIEX_BASE_URL"


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("model=openai/x", "model", "openai/x"),
        ("model = 'openai/x'", "model", "openai/x"),
        ("budget_tokens=1_000", "budget_tokens", 1000),
        ("context.ignore=a,b", "context.ignore", ["a", "b"]),
        ("context.ignore=['a', \"b\"]", "context.ignore", ["a", "b"]),
        ("context.ignore=", "context.ignore", []),
        ("providers.openai.total_timeout_s=5", "providers.openai.total_timeout_s", 5),
        ("providers.openai.base_url=http://h/?a=b", "providers.openai.base_url", "http://h/?a=b"),
    ],
)
def test_overrides_take_toml_or_bare_words(override: str, key: str, value: object) -> None:
    assert load(overrides=[override]).get(key) == value


@pytest.mark.parametrize(("override", "hint"), [("model", "write --set key=value"), ("modle=x", "did you mean model?")])
def test_an_override_that_names_nothing_is_wrong_usage(override: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(overrides=[override])
    assert caught.value.hint == hint


@pytest.mark.parametrize("override", ["budget_tokens=many", "context.ignore=[1", "output.color=red"])
def test_an_override_of_the_wrong_type_is_a_configuration_error(override: str) -> None:
    with pytest.raises(ConfigError, match="cannot use --set: "):
        load(overrides=[override])


# --- asking --------------------------------------------------------------------------------------------------------


def test_an_unknown_key_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError) as caught:
        load().get("output.colour")
    assert caught.value.hint == "did you mean output.color?"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("offline", ("offline", "")),
        ("gpt-x", ("openai", "gpt-x")),
        ("openai/org/name", ("openai", "org/name")),
        (None, ("offline", "")),
    ],
)
def test_a_model_names_its_provider(model: str | None, expected: tuple[str, str]) -> None:
    assert load().provider_and_model(model) == expected


def test_a_provider_without_configuration_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError) as caught:
        load().provider_and_model("opnai/gpt-x")
    assert caught.value.message == "no provider 'opnai' is configured"
    assert caught.value.hint.startswith("did you mean openai?")


# --- managed policy ------------------------------------------------------------------------------------------------


def managed(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "policy.toml").write_text(text)
    return {"AIEX_MANAGED_CONFIG": str(tmp_path / "policy.toml")}


def test_a_policy_fixes_values_caps_numbers_and_limits_paths(tmp_path: Path) -> None:
    policy = "model = 'openai/house'\nbudget_tokens = 100\npaths.allow_read = ['/data']\n"
    overrides = ["model=other/x", "budget_tokens=50", "paths.allow_read=/data,/etc"]
    loaded = load(environ=managed(tmp_path, policy), overrides=overrides)
    assert (loaded.get("model"), loaded.get("budget_tokens"), loaded.get("paths.allow_read")) == (
        "openai/house",
        50,
        ["/data"],
    )
    assert loaded.origin("budget_tokens").source == "set"
    assert loaded.origin("paths.allow_read").source == "managed"


@pytest.mark.parametrize("text", ["budget_tokens = 'x'", "= broken"])
def test_a_broken_policy_is_an_error_and_not_an_open_door(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"policy\.toml:1"):
        load(environ=managed(tmp_path, text))


def test_a_policy_that_is_named_but_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load(environ={"AIEX_MANAGED_CONFIG": str(tmp_path / "gone.toml")})


# --- writing -------------------------------------------------------------------------------------------------------

COMMENTED = """\
# my settings
model = "openai/a"   # the big one

[output]   # how it looks
color = "never"
# end of output

[providers.local]
base_url = "http://localhost/v1"
"""


@pytest.mark.parametrize(
    ("key", "value", "line_before", "line"),
    [
        ("model", "openai/b", "# my settings", 'model = "openai/b"   # the big one'),
        ("budget_tokens", "5", 'model = "openai/a"   # the big one', "budget_tokens = 5"),
        ("output.format", "json", 'color = "never"', 'format = "json"'),
        ("providers.local.idle_timeout_s", 1.5, 'base_url = "http://localhost/v1"', "idle_timeout_s = 1.5"),
        ("context.ignore", ["a", 'b"'], "[context]", 'ignore = ["a", "b\\""]'),
        ("providers.a.b.base_url", "http://x", '[providers."a.b"]', 'base_url = "http://x"'),
    ],
)
def test_setting_a_value_keeps_every_other_line(
    user_file: Path, key: str, value: object, line_before: str, line: str
) -> None:
    user_file.write_text(COMMENTED)
    settings.set_value(str(user_file), key, value)
    written = user_file.read_text().splitlines()
    assert written[written.index(line) - 1] == line_before
    removed = [kept for kept in COMMENTED.splitlines() if kept not in written]
    assert removed == (['model = "openai/a"   # the big one'] if key == "model" else [])
    assert load().origin(key).source == "user"


def test_a_first_value_makes_a_private_file(home: Path) -> None:
    path = home / "config" / "config.toml"
    settings.set_value(settings.user_file(), "output.color", "never")
    assert path.read_text() == '[output]\ncolor = "never"\n'
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_line_ends_mode_and_link_of_the_file_stay(user_file: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.toml"
    real.write_bytes(b"model = 'a/b'\r\n[output]\r\n")
    real.chmod(0o640)
    user_file.symlink_to(real)
    settings.set_value(str(user_file), "output.color", "always")
    settings.set_value(str(user_file), "budget_tokens", "7")
    assert real.read_bytes() == b"model = 'a/b'\r\nbudget_tokens = 7\r\n[output]\r\ncolor = \"always\"\r\n"
    assert user_file.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["dotfiles.toml"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("modle", "x", "there is no setting modle"),
        ("budget_tokens", "x", "cannot set budget_tokens to 'x': expected a whole number"),
        ("providers.openai.api_key", "sk-3", "secrets are never settings"),
        ("output", "x", "there is no setting output"),
    ],
)
def test_what_cannot_be_set_is_refused_and_the_file_stays(user_file: Path, key: str, value: str, said: str) -> None:
    user_file.write_text(COMMENTED)
    with pytest.raises(ConfigError, match=said):
        settings.set_value(str(user_file), key, value)
    assert user_file.read_text() == COMMENTED


@pytest.mark.parametrize("text", ["output = { color = 'never' }\n", "model = \n"])
def test_a_file_that_cannot_be_edited_in_place_is_refused_and_stays(user_file: Path, text: str) -> None:
    user_file.write_text(text)
    with pytest.raises(ConfigError):
        settings.set_value(str(user_file), "output.format", "json")
    assert user_file.read_text() == text


TOML_TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@examples(max_examples=60)
@given(first=st.lists(TOML_TEXTS, max_size=3), second=st.lists(TOML_TEXTS, max_size=3), place=st.integers(0, 3))
def test_any_list_of_texts_is_written_and_read_back(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], second: list[str], place: int
) -> None:
    path = tmp_path_factory.mktemp("config") / "config.toml"
    path.write_text(["", "[context]", "context.workers = 1", "[output]\ncolor = 'auto'"][place])
    for value in (first, second):
        settings.set_value(str(path), "context.ignore", value)
        settings.set_value(str(path), "paths.allow_read", value[::-1])
        written = tomllib.loads(path.read_text(encoding="utf-8"))
        assert (written["context"]["ignore"], written["paths"]["allow_read"]) == (value, value[::-1])


# --- published forms and cost --------------------------------------------------------------------------------------


def test_the_committed_schema_and_page_are_those_of_the_table() -> None:
    assert (REFERENCE / "config.schema.json").read_text(encoding="utf-8") == schema_text()
    assert (REFERENCE / "config.md").read_text(encoding="utf-8") == reference_page()
    assert json.loads(schema_text()) == settings.json_schema()


def test_the_schema_knows_every_setting_where_it_is_written() -> None:
    for key in KEYS:
        place = settings.json_schema()
        for part in key.name.split("."):
            place = place["additionalProperties"] if part == "*" else place["properties"][part]
        assert place["default"] == key.default


def test_without_a_file_no_toml_is_loaded() -> None:
    code = "import sys; from aiex import settings; settings.load('/', read=lambda path: None); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert {"tomllib", "json", "difflib", "pathlib", "aiex.configfile"}.isdisjoint(loaded)


@pytest.mark.parametrize(
    ("variable", "value", "key", "expected"),
    [
        ("OPENAI_BASE_URL", "http://gate/v1", "providers.openai.base_url", "http://gate/v1"),
        ("ANTHROPIC_BASE_URL", "https://gate", "providers.anthropic.base_url", "https://gate"),
        ("OLLAMA_HOST", "https://far:1/x", "providers.ollama.base_url", "https://far:1/x"),
        ("OLLAMA_HOST", "far", "providers.ollama.base_url", "http://far:11434"),
        ("OLLAMA_HOST", "far:80", "providers.ollama.base_url", "http://far:80"),
        ("OLLAMA_HOST", ":8080", "providers.ollama.base_url", "http://127.0.0.1:8080"),
        ("OLLAMA_HOST", "0.0.0.0", "providers.ollama.base_url", "http://127.0.0.1:11434"),
        ("GOOGLE_API_KEY", "k", "providers.gemini.api_key_env", "GOOGLE_API_KEY"),
    ],
)
def test_the_vendors_own_variables_change_what_is_built_in(variable: str, value: str, key: str, expected: str) -> None:
    loaded = load(environ={variable: value})
    assert (loaded.get(key), loaded.origin(key).place) == (expected, variable)
    assert load(environ={variable: value}, overrides=[f"{key}=http://mine"]).get(key) == "http://mine"


def test_a_managed_list_that_adds_counts_beside_the_persons_own(tmp_path: Path) -> None:
    (tmp_path / "managed.toml").write_text('[policy]\nrules = ["deny tool fetch"]\n')
    (tmp_path / "config.toml").write_text('[policy]\nrules = ["deny tool fetch"]\n')
    environ = {"AIEX_CONFIG_DIR": str(tmp_path), "AIEX_MANAGED_CONFIG": str(tmp_path / "managed.toml")}
    origin = settings.load(None, environ=environ).origin("policy.rules")
    assert [layer.source for layer in (origin, *origin.overrode)] == ["managed", "user", "built-in"]


@pytest.mark.parametrize(("own", "managed", "result"), [("auto", "ask", "ask"), ("plan", "ask", "plan")])
def test_a_managed_choice_is_the_loosest_allowed(tmp_path: Path, own: str, managed: str, result: str) -> None:
    (tmp_path / "managed.toml").write_text(f'policy.mode = "{managed}"\n')
    (tmp_path / "config.toml").write_text(f'policy.mode = "{own}"\n')
    environ = {"AIEX_CONFIG_DIR": str(tmp_path), "AIEX_MANAGED_CONFIG": str(tmp_path / "managed.toml")}
    assert settings.load(None, environ=environ).get("policy.mode") == result
