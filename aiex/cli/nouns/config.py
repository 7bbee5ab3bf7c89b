"""Settings: what they are set to, and by which file, variable or flag."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Work, answered, report
from aiex.events import TurnEnded
from aiex.settings import Origin
from aiex.wiring import Services

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

GUARDING = ("policy.", "paths.", "audit.", "keys.", "providers.")
"""Settings that say what may happen, what is on record, and who gets the keys: their changes are on record."""


def _complete_keys(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from aiex.settingkeys import KEYS

    return [
        CompletionItem(key.name, help=key.help)
        for key in KEYS
        if "*" not in key.name and key.name.startswith(incomplete)
    ]


def _complete_values(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem

    from aiex.settingkeys import find_key

    key = find_key(str(ctx.params.get("key", "")))
    return [CompletionItem(choice) for choice in (key.choices if key else ()) if choice.startswith(incomplete)]


@click.command("list")
def list_config() -> Work:
    """List every setting with its value and its source."""
    return report("list config", _list)


@click.command("show")
@click.argument("key", shell_complete=_complete_keys)
def show_config(key: str) -> Work:
    """Show a setting: value, file and line, and what it overrode."""
    return report("show config", lambda services: _show(services, key))


@click.command("get")
@click.argument("key", shell_complete=_complete_keys)
def get_config(key: str) -> Work:
    """Print the value of a setting and nothing else."""
    return report("get config", lambda services: _get(services, key))


@click.command("set")
@click.argument("key", shell_complete=_complete_keys)
@click.argument("value", shell_complete=_complete_values)
def set_config(key: str, value: str) -> Work:
    """Write a setting into your own configuration file.

    VALUE is text, a number, or a list as a,b or ["a", "b"].
    """
    return report("set config", lambda services: _set(services, key, value))


def _list(services: Services) -> TurnEnded:
    known = services.settings.keys()
    origins = {key: services.settings.origin(key) for key in known}
    rows = [(key, shown(origin.value), origin.place) for key, origin in origins.items()]
    return answered(columns(rows, head=("SETTING", "VALUE", "FROM")), {"settings": to_data(origins)})


def _show(services: Services, key: str) -> TurnEnded:
    from aiex.settingkeys import find_key

    origin = services.settings.origin(key)
    row = find_key(key)
    lines = [f"{key} = {shown(origin.value)}", f"from: {origin.place}"]
    lines += [f"overrode: {shown(lower.value)} from {lower.place}" for lower in origin.overrode]
    if row:
        lines += ["", row.help, *([f"choices: {', '.join(row.choices)}"] if row.choices else [])]
    return answered("\n".join(lines), {"key": key, "help": row.help if row else "", **_origin_data(origin)})


def _get(services: Services, key: str) -> TurnEnded:
    value = services.settings.get(key)
    return answered("\n".join(map(str, value)) if isinstance(value, list) else str(value), {"key": key, "value": value})


def _set(services: Services, key: str, value: str) -> TurnEnded:
    from aiex.settings import set_value, user_file

    file = user_file(services.environ)
    with _on_record(services, key, value):
        set_value(file, key, value)
    origin = Services(services.cwd, environ=services.environ).settings.origin(key)
    lines = [f"{key} is set in {file}"]
    if origin.file != file:
        lines.append(f"it is {shown(origin.value)} here all the same, because of {origin.place}")
    return answered("\n".join(lines), {"key": key, "written_to": file, **_origin_data(origin)})


def _on_record(services: Services, key: str, value: str) -> AbstractContextManager[object]:
    if not key.startswith(GUARDING):
        return nullcontext()
    from aiex.guard.redact import redact

    return services.standing(f"set config {key}", value=redact(value))


def shown(value: Any) -> str:
    """A value on one line; empty ones are visible."""
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "[]"
    return str(value) if value != "" else '""'


def to_data(origins: dict[str, Origin]) -> dict[str, Any]:
    """Settings with their origins, for programs."""
    return {key: _origin_data(origin) for key, origin in origins.items()}


def _origin_data(origin: Origin) -> dict[str, Any]:
    return {
        "value": origin.value,
        "source": origin.source,
        "from": origin.place,
        "file": origin.file,
        "line": origin.line,
        "overrode": [_origin_data(lower) for lower in origin.overrode],
    }


NOUN = Noun({"list": list_config, "show": show_config, "get": get_config, "set": set_config})
