"""The published forms of the table of settings: a JSON schema for editors and a reference page.

`python -m aiex.settingdocs docs/reference` writes both files.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from aiex.settingkeys import BUILT_IN_PROVIDERS, KEYS, Key

_TYPES = {"text": "string", "integer": "integer", "number": "number", "list": "list of strings"}


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of `config.toml`."""
    settings = _tables()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Aiex configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            **settings,
            "profiles": {
                "description": "Named sets of settings, chosen with --profile NAME; in the user file only.",
                "type": "object",
                "additionalProperties": {"type": "object", "additionalProperties": False, "properties": settings},
            },
        },
    }


def schema_text() -> str:
    """The schema as it is committed."""
    return json.dumps(schema(), indent=2) + "\n"


def reference_page() -> str:
    """The settings as a Markdown page."""
    rows = "\n".join(
        f"| `{key.name.replace('*', 'NAME')}` | {_type(key)} | `{json.dumps(key.default)}` | {key.help} |"
        for key in KEYS
    )
    clamped = "\n".join(
        f"- `{key.name.replace('*', 'NAME')}`: {_POLICY[key.clamp]}" for key in KEYS if key.clamp != "fixed"
    )
    providers = "\n".join(_provider_row(name, values) for name, values in BUILT_IN_PROVIDERS.items())
    return _PAGE.format(rows=rows, providers=providers, clamped=clamped)


def _tables() -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for key in KEYS:
        *sections, leaf = key.name.split(".")
        place = properties
        for section in sections:
            if section == "*":
                continue
            place = place.setdefault(section, _open_table(named="*" in sections))
            place = place["additionalProperties"] if "*" in sections else place
            place = place["properties"]
        place[leaf] = _property(key)
    return properties


def _open_table(*, named: bool) -> dict[str, Any]:
    table: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": {}}
    return {"type": "object", "additionalProperties": table} if named else table


def _property(key: Key) -> dict[str, Any]:
    form: dict[str, Any] = {"description": key.help, "default": key.default}
    match key.kind:
        case "list":
            form |= {"type": "array", "items": {"type": "string"}}
        case "integer" | "number":
            form |= {"type": key.kind, "minimum": key.minimum}
        case "text":
            form |= {"type": "string"} | ({"enum": list(key.choices)} if key.choices else {})
    if key.url:
        form["pattern"] = "^(https?://.*)?$"
    return form


def _type(key: Key) -> str:
    return ", ".join(f"`{choice}`" for choice in key.choices) or _TYPES[key.kind]


def _provider_row(name: str, values: Mapping[str, object]) -> str:
    variable = values["api_key_env"]
    return f"| `{name}` | `{values['base_url']}` | {f'`{variable}`' if variable else 'none'} |"


_POLICY = {
    "highest": "the highest value allowed",
    "subset": "the only entries allowed",
    "strictest": "the loosest choice allowed",
    "adds": "entries that count beside those of every other file, and that none of them loosens",
}

_PAGE = """# Settings

<!-- Made from the table of settings by `python -m aiex.settingdocs docs/reference`; do not edit. -->

Aiex reads TOML. `aiex show config KEY` tells a value, the file and line it comes from, and what it overrode.
`aiex set config KEY VALUE` changes your own file and keeps your comments.

## Where a value comes from

From low to high; a higher place wins.

1. built in
2. your file: `config.toml` in the configuration directory (`~/.config/aiex` on Linux)
3. the project: `.aiex/config.toml`, once you trusted the workspace (`aiex add trust`)
4. the project, on this machine only: `.aiex/config.local.toml`, under the same rule
5. a profile: the table `[profiles.NAME]` of your file, chosen with `--profile NAME` or `AIEX_PROFILE`
6. the environment: `AIEX_MODEL`, `AIEX_BUDGET_TOKENS`; two underscores for a dot: `AIEX_PROVIDERS__OPENAI__BASE_URL`
7. `--set key=value`
8. a flag such as `-m`

`AIEX_BASE_URL` and `AIEX_API_KEY` are about the provider in use (`openai` while the model is `offline`).
A key in a file is an error: name an environment variable in `api_key_env` instead.

A project can take entries away from `paths.allow_read` and `paths.allow_write`, never add one.
A setting that does not exist gives a warning; a value of the wrong type is an error (exit code 78).

## Settings

| key | type | default | meaning |
|---|---|---|---|
{rows}

## Built-in providers

These need no settings but `model`; what a provider does not set itself has the default from above.

| provider | `base_url` | `api_key_env` |
|---|---|---|
{providers}

## Managed policy

A file `/etc/aiex/managed.toml` (`%PROGRAMDATA%\\aiex\\managed.toml` on Windows) has the last word over everything
above. It holds the same settings. Its value replaces any other, but for these:

{clamped}

`AIEX_MANAGED_CONFIG` names a further policy file, for containers and trials. It cannot loosen the system's file,
which is applied after it. A policy file that is named but missing, or cannot be read, is an error, not an open door.

## Directories

| variable | holds | on Linux |
|---|---|---|
| `AIEX_CONFIG_DIR` | what you wrote | `$XDG_CONFIG_HOME/aiex`, `~/.config/aiex` |
| `AIEX_DATA_DIR` | sessions, checkpoints, trust | `$XDG_DATA_HOME/aiex`, `~/.local/share/aiex` |
| `AIEX_STATE_DIR` | logs, crash reports | `$XDG_STATE_HOME/aiex`, `~/.local/state/aiex` |
| `AIEX_CACHE_DIR` | what can be computed again | `$XDG_CACHE_HOME/aiex`, `~/.cache/aiex` |

They are whole paths; a relative one, which would begin in whatever repository you are in, is an error.
"""


def main() -> None:
    """Write `config.schema.json` and `config.md` into the directory named on the command line."""
    folder = sys.argv[1]
    for name, text in (("config.schema.json", schema_text()), ("config.md", reference_page())):
        with open(f"{folder}/{name}", "w", encoding="utf-8", newline="\n") as target:
            target.write(text)


if __name__ == "__main__":
    main()
