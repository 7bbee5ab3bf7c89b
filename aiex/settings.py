"""What Aiex is set to do, and where each value came from.

Low to high: built-in < user file < project `.aiex/config.toml` < project `.aiex/config.local.toml` < profile <
`AIEX_*` < `--set` < flags; a managed policy file then clamps the result. `aiex.settingkeys` is the table of keys.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from aiex import dirs
from aiex.errors import AiexError, ConfigError, UsageError
from aiex.events import Warned
from aiex.record import record
from aiex.settingkeys import (
    BUILT_IN_PROVIDERS,
    KEYS,
    Key,
    find_key,
    is_secret_name,
    nearest,
    nearest_key,
    problem_with,
    provider_of_key,
    value_from_text,
    vendor_values,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aiex.configfile import ConfigText

Source = Literal["built-in", "user", "project", "local", "profile", "environment", "set", "flag", "managed"]

PROJECT_FILES: tuple[tuple[Source, str], ...] = (
    ("project", ".aiex/config.toml"),
    ("local", ".aiex/config.local.toml"),
)
_NOT_SETTINGS = frozenset(
    f"AIEX_{name}"
    for name in (
        *("CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "STATE_DIR"),
        *("MANAGED_CONFIG", "PROFILE", "BASE_URL", "API_KEY", "PASSPHRASE", "NEW_PASSPHRASE", "SESSIONS_URL"),
    )
)


@record
class Origin:
    """A value and the place it was written; `overrode` holds the lower places, nearest first."""

    value: Any
    source: Source
    file: str | None = None
    line: int | None = None
    overrode: tuple[Origin, ...] = ()
    detail: str = ""
    """The name of the environment variable or of the profile."""

    @property
    def place(self) -> str:
        """The place in words: `/home/me/.config/aiex/config.toml:3`, `AIEX_MODEL`, `--set`, `built-in`."""
        if self.file:
            return f"{self.file}:{self.line}" if self.line else self.file
        return self.detail or {"set": "--set", "flag": "a flag"}.get(self.source, self.source)


class Settings:
    """Every setting with its value and origin; made by `load`, never changed."""

    __slots__ = ("_origins", "warnings")

    def __init__(self, origins: Mapping[str, Origin], warnings: Sequence[Warned] = ()) -> None:
        self._origins = dict(origins)
        self.warnings = tuple(warnings)

    def get(self, key: str) -> Any:
        """The value, of the type that the table of keys says.

        Raises:
            ConfigError: if there is no such setting.
        """
        return self.origin(key).value

    def origin(self, key: str) -> Origin:
        """The value with its place and what it overrode. Raises ConfigError if there is no such setting."""
        if key not in self._origins:
            raise ConfigError(f"there is no setting {key}", hint=nearest(key, self._origins))
        return self._origins[key]

    def keys(self) -> tuple[str, ...]:
        """All settings by name, sorted; those of a provider once for each provider."""
        return tuple(sorted(self._origins))

    def providers(self) -> tuple[str, ...]:
        """The names of the configured providers, sorted; `offline` needs no configuration and is not among them."""
        return tuple(sorted({provider_of_key(key) for key in self._origins} - {""}))

    def provider_and_model(self, model: str | None = None) -> tuple[str, str]:
        """Who is asked for what: `("openai", "gpt-x")`, or `("offline", "")`; None means the setting `model`.

        Raises:
            ConfigError: if the provider is not configured.
        """
        provider, name = split_model(model or str(self.get("model")))
        if provider != "offline" and provider not in self.providers():
            similar = nearest(provider, (*self.providers(), "offline"))
            raise ConfigError(
                f"no provider {provider!r} is configured",
                hint=f"{similar} (for a new one: aiex set config providers.{provider}.base_url URL)",
            )
        return provider, name


def split_model(model: str) -> tuple[str, str]:
    """The provider and the model in `provider/model`; without a slash the provider is `openai`."""
    if model == "offline":
        return "offline", ""
    provider, slash, name = model.partition("/")
    return (provider, name) if slash else ("openai", model)


def user_file(environ: Mapping[str, str] = os.environ) -> str:
    """The path of the person's own configuration file."""
    return os.path.join(dirs.config_dir(environ), "config.toml")


def load(
    root: str | None,
    *,
    overrides: Sequence[str] = (),
    profile: str | None = None,
    flags: Mapping[str, object] | None = None,
    trusted: bool = False,
    environ: Mapping[str, str] = os.environ,
    read: Callable[[str], bytes | None] | None = None,
) -> Settings:
    """Put the layers together.

    Args:
        root: The workspace, for naming its files; None when there is none.
        overrides: `key=value` as given with `--set`; TOML values, quotes optional.
        profile: A `[profiles.NAME]` table of the user file; `AIEX_PROFILE` when None.
        flags: Values of named flags by key; None values are skipped.
        trusted: Whether the files of the project may be used. When not, they are only mentioned in a warning.
        read: Gives the bytes of a file of the workspace by its relative path, None when it is missing. Workspace files
            are opened by the guard only, so its reader is passed in; without one, project files are not looked at.

    Raises:
        ConfigError: if a file is malformed or a value has the wrong type, with file and line.
        UsageError: if an override has no `=` or names no setting.
    """
    layers = _Layers()
    layers.origins.update({key: Origin(value, "built-in", detail=name) for key, value, name in vendor_values(environ)})
    user_profiles = _add_user_file(layers, user_file(environ))
    if root is not None and read is not None:
        _add_project_files(layers, root, read, trusted=trusted)
    _add_profile(layers, profile or environ.get("AIEX_PROFILE") or "", user_profiles, user_file(environ))
    above = [*_from_environment(layers, environ), *_from_overrides(overrides), *_from_flags(flags or {})]
    for key, origin in (*_from_shorthands(layers, above, environ), *above):
        layers.put(key, origin)
    for file in managed_files(environ):
        _clamp(layers, file, environ)
    return Settings(layers.origins, layers.warnings)


def managed_files(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """Policy files that clamp everything else, weakest first: `AIEX_MANAGED_CONFIG`, then the system's own.

    The variable can add a policy (in a container, say) but never replaces the system's file, which is applied last.
    """
    if sys.platform == "win32":
        system = os.path.join(os.environ.get("PROGRAMDATA", r"C:\ProgramData"), "aiex", "managed.toml")
    else:
        system = "/etc/aiex/managed.toml"
    return tuple(file for file in (environ.get("AIEX_MANAGED_CONFIG", ""), system) if file)


def set_value(path: str, key: str, value: object) -> None:
    """Write one setting into a user file, keeping comments and every other line; the file is made when missing.

    Args:
        path: The file, usually `user_file()`.
        value: Of the setting's type, or text as typed on a command line.

    Raises:
        ConfigError: if the key is unknown, is a secret, or the value has the wrong type.
    """
    _refuse_secret(key, path)
    row = find_key(key)
    if row is None:
        raise ConfigError(f"there is no setting {key}", hint=nearest_key(key))
    typed = value_from_text(row, value) if isinstance(value, str) else value
    if problem := problem_with(row, typed):
        raise ConfigError(f"cannot set {key} to {_shown(typed)}: {problem}")
    from aiex.configfile import set_in_file

    provider = provider_of_key(key)
    parts = ("providers", provider, key.rpartition(".")[2]) if provider else tuple(key.split("."))
    set_in_file(path, parts, typed)


def json_schema() -> dict[str, Any]:
    """The JSON schema of a configuration file, for editors; made from the table of keys."""
    from aiex.settingdocs import schema

    return schema()


class _Layers:
    """The values so far; each `put` goes on top."""

    def __init__(self) -> None:
        self.warnings: list[Warned] = []
        self.origins = {key.name: Origin(_copy(key.default), "built-in") for key in KEYS if "*" not in key.name}
        for provider, values in BUILT_IN_PROVIDERS.items():
            self._add_provider(provider)
            for field, value in values.items():
                self.origins[f"providers.{provider}.{field}"] = Origin(value, "built-in")

    def put(self, key: str, origin: Origin) -> None:
        """Set a value on top of what is there. Raises ConfigError if its type is wrong."""
        row = find_key(key)
        if row is None:
            raise ConfigError(f"there is no setting {key}", hint=nearest_key(key))
        if problem := problem_with(row, origin.value):
            raise ConfigError(f"cannot use {origin.place}: {key} is {_shown(origin.value)}, {problem}")
        provider = provider_of_key(key)
        if provider and key not in self.origins:
            self._add_provider(provider)
        below = self.origins[key]
        chain = (replace(below, overrode=()), *below.overrode)
        self.origins[key] = replace(origin, value=_copy(origin.value), overrode=chain)

    def _add_provider(self, provider: str) -> None:
        for key in KEYS:
            if "*" in key.name:
                self.origins[key.name.replace("*", provider)] = Origin(_copy(key.default), "built-in")


def _copy(value: Any) -> Any:
    return list(value) if isinstance(value, list | tuple) else value


def _shown(value: object) -> str:
    """A value as it was found, short enough for a message."""
    if isinstance(value, dict):
        return "a table"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _refuse_secret(key: str, place: str) -> None:
    if is_secret_name(key):
        provider = provider_of_key(key) or "openai"
        raise ConfigError(
            f"cannot use {key} in {place}: secrets are never settings",
            hint=f"keep it with: aiex set key {provider} (or name a variable in providers.{provider}.api_key_env)",
        )


# --- files ---------------------------------------------------------------------------------------------------------


def _read_own_file(file: str) -> ConfigText | None:
    try:
        with open(file, "rb") as source:
            from aiex.configfile import MOST_BYTES, parse

            data = source.read(MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from error
    return parse(data, file)


def _add_user_file(layers: _Layers, file: str) -> tuple[ConfigText, dict[str, Any]] | None:
    """Put the user file in; its text and its profiles, when there is a file."""
    config = _read_own_file(file)
    if config is None:
        return None
    profiles = config.values.pop("profiles", {})
    if not isinstance(profiles, dict):
        raise ConfigError(f"cannot use {file}:{config.line(('profiles',))}: profiles is not a table")
    for key, origin in _values(layers, config, config.values, Origin(None, "user", file)):
        layers.put(key, origin)
    return config, profiles


def _add_profile(
    layers: _Layers, name: str, user_profiles: tuple[ConfigText, dict[str, Any]] | None, file: str
) -> None:
    if not name:
        return
    config, profiles = user_profiles or (None, {})
    if config is None or not isinstance(profiles.get(name), dict):
        raise ConfigError(f"there is no profile {name!r} in {file}", hint=nearest(name, profiles))
    base = Origin(None, "profile", file, detail=name)
    for key, origin in _values(layers, config, profiles[name], base, prefix=("profiles", name)):
        layers.put(key, origin)


def _add_project_files(layers: _Layers, root: str, read: Callable[[str], bytes | None], *, trusted: bool) -> None:
    ignored = []
    for source, relative in PROJECT_FILES:
        try:
            data = read(relative)
        except AiexError as error:
            if trusted:
                raise ConfigError(f"cannot read {relative}: {error.message}", hint=error.hint) from error
            data = b""
        if data is not None and not trusted:
            ignored.append(relative)
        elif data is not None:
            _add_project_file(layers, data, Origin(None, source, os.path.join(root, relative)))
    if ignored:
        layers.warnings.append(
            Warned(
                f"the project's settings in {' and '.join(ignored)} are not used: this workspace is not trusted",
                "read them, then: aiex add trust",
            )
        )


def _add_project_file(layers: _Layers, data: bytes, base: Origin) -> None:
    from aiex.configfile import parse

    config = parse(data, str(base.file))
    for key, origin in _values(layers, config, config.values, base):
        row = find_key(key)
        allowed = row is not None and row.tighten_only and not problem_with(row, origin.value)
        layers.put(key, _tightened(layers, key, origin) if allowed else origin)


def _tightened(layers: _Layers, key: str, origin: Origin) -> Origin:
    """Only the entries that the person allowed as well; the others are left out with a warning."""
    if isinstance(origin.value, str):
        return _tightened_word(layers, key, origin)
    own = {_whole_path(entry) for entry in layers.origins[key].value}
    kept = [entry for entry in origin.value if _whole_path(entry) in own]
    refused = [entry for entry in origin.value if _whole_path(entry) not in own]
    if refused:
        layers.warnings.append(
            Warned(
                f"{origin.place}: {key} names {', '.join(refused)}, which your own settings do not allow; left out",
                f"a project can only take paths away; to allow one: aiex set config {key} PATH",
            )
        )
    return replace(origin, value=kept)


def _tightened_word(layers: _Layers, key: str, origin: Origin) -> Origin:
    """A choice that stands after the person's own; anything else is left out with a warning."""
    own, row = layers.origins[key].value, find_key(key)
    choices = row.choices if row else ()
    if origin.value == own or (origin.value in choices and own in choices[: choices.index(origin.value)]):
        return origin
    message = f"{origin.place}: {key} = {_shown(origin.value)} is looser than your own settings; left out"
    layers.warnings.append(Warned(message, f"a project can only tighten it; yourself: aiex set config {key} VALUE"))
    return replace(origin, value=own)


def _whole_path(entry: str) -> str:
    return os.path.normcase(os.path.normpath(os.path.expanduser(entry)))


def _values(
    layers: _Layers, config: ConfigText, table: Mapping[str, Any], base: Origin, *, prefix: tuple[str, ...] = ()
) -> Iterator[tuple[str, Origin]]:
    """The settings of a table with their lines; unknown ones become warnings, secrets errors."""
    for path, value in _leaves(table):
        name = ".".join(path)
        origin = replace(base, value=value, line=config.line(prefix + path))
        _refuse_secret(name, origin.place)
        if _is_section(path):
            raise ConfigError(f"cannot use {origin.place}: {name} is {_shown(value)}, expected a table")
        if find_key(name) is None:
            layers.warnings.append(Warned(f"{origin.place}: there is no setting {name}", nearest_key(name)))
        else:
            yield name, origin


def _leaves(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        here = (*path, name)
        if isinstance(value, dict) and find_key(".".join(here)) is None:
            yield from _leaves(value, here)
        else:
            yield here, value


def _is_section(path: tuple[str, ...]) -> bool:
    if path[0] == "providers":
        return len(path) < 3
    return len(path) == 1 and any(key.name.startswith(f"{path[0]}.") for key in KEYS)


# --- environment, overrides, flags ---------------------------------------------------------------------------------


def _from_environment(layers: _Layers, environ: Mapping[str, str]) -> list[tuple[str, Origin]]:
    found = []
    for variable in sorted(name for name in environ if name.startswith("AIEX_")):
        text = environ[variable]
        if variable in _NOT_SETTINGS or not text.strip():
            continue
        key, provider = _key_of_variable(variable, layers)
        row = find_key(key)
        if row is not None:
            found.append((key, Origin(value_from_text(row, text), "environment", detail=variable)))
        elif provider and is_secret_name(key):
            found.append((f"providers.{provider}.api_key_env", Origin(variable, "environment", detail=variable)))
        else:
            layers.warnings.append(Warned(f"{variable}: there is no setting {key}", nearest_key(key)))
    return found


def _key_of_variable(variable: str, layers: _Layers) -> tuple[str, str]:
    """`AIEX_PROVIDERS__MY_HOST__BASE_URL` is `providers.my-host.base_url` when a provider `my-host` is known."""
    key = variable.removeprefix("AIEX_").lower().replace("__", ".")
    provider = provider_of_key(key)
    for known in {provider_of_key(name) for name in layers.origins} if provider else ():
        if known.lower().replace("-", "_") == provider:
            return key.replace(f".{provider}.", f".{known}.", 1), known
    return key, provider


def _from_overrides(overrides: Sequence[str]) -> Iterator[tuple[str, Origin]]:
    for override in overrides:
        key, equals, text = override.partition("=")
        key = key.strip()
        if not equals:
            raise UsageError(f"cannot use --set {override}: no '=' in it", hint="write --set key=value")
        _refuse_secret(key, "--set")
        row = find_key(key)
        if row is None:
            raise UsageError(f"cannot use --set: there is no setting {key}", hint=nearest_key(key))
        yield key, Origin(value_from_text(row, text), "set")


def _from_flags(flags: Mapping[str, object]) -> Iterator[tuple[str, Origin]]:
    for key, value in flags.items():
        if value is not None:
            yield key, Origin(value, "flag")


def _from_shorthands(
    layers: _Layers, above: Sequence[tuple[str, Origin]], environ: Mapping[str, str]
) -> Iterator[tuple[str, Origin]]:
    """`AIEX_BASE_URL` and `AIEX_API_KEY` are about the provider in use, of `openai` when that is `offline`."""
    if not (environ.get("AIEX_BASE_URL") or environ.get("AIEX_API_KEY")):
        return
    models = [str(origin.value) for key, origin in above if key == "model"]
    provider = split_model(models[-1] if models else str(layers.origins["model"].value))[0]
    provider = "openai" if provider == "offline" else provider
    if url := environ.get("AIEX_BASE_URL"):
        yield f"providers.{provider}.base_url", Origin(url.strip(), "environment", detail="AIEX_BASE_URL")
    if environ.get("AIEX_API_KEY"):
        yield f"providers.{provider}.api_key_env", Origin("AIEX_API_KEY", "environment", detail="AIEX_API_KEY")


# --- managed policy ------------------------------------------------------------------------------------------------


def _clamp(layers: _Layers, file: str, environ: Mapping[str, str]) -> None:
    config = _read_own_file(file)
    if config is None and file == environ.get("AIEX_MANAGED_CONFIG"):
        raise ConfigError(f"cannot read {file}: no such file", hint="AIEX_MANAGED_CONFIG names it")
    if config is None:
        return
    for key, policy in _values(layers, config, config.values, Origin(None, "managed", file)):
        row, below = find_key(key), layers.origins.get(key)
        if row is None or below is None or problem_with(row, policy.value):
            layers.put(key, policy)
            continue
        value = _clamped(row, below.value, policy.value)
        if value != below.value or row.clamp == "adds":
            layers.put(key, replace(policy, value=value))


def _clamped(row: Key, value: Any, policy: Any) -> Any:
    match row.clamp:
        case "fixed" | "adds":
            return policy
        case "strictest":
            return max(value, policy, key=row.choices.index)
        case "highest":
            return min(value, policy)
        case "subset":
            allowed = {_whole_path(entry) for entry in policy}
            return [entry for entry in value if _whole_path(entry) in allowed]
