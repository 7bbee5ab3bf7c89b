"""Model vendors and servers that are configured."""

from __future__ import annotations

from typing import Any

import click

from aiex.cli.columns import columns
from aiex.cli.registry import Noun
from aiex.cli.work import Work, answered, report
from aiex.events import TurnEnded
from aiex.wiring import OFFLINE, Services


@click.command("list")
def list_providers() -> Work:
    """List the configured providers; asks none of them."""
    return report("list providers", _list)


def _list(services: Services) -> TurnEnded:
    settings = services.settings
    in_use, _model = settings.provider_and_model()
    providers = [_describe(services, name) for name in settings.providers()]
    rows = [(entry["name"], entry["protocol"], entry["base_url"], _key_state(entry)) for entry in providers]
    rows.append((OFFLINE, "built in", "no network", "needs none"))
    marked = [("*" if row[0] == in_use else "", *row) for row in rows]
    text = columns(marked, head=("", "PROVIDER", "PROTOCOL", "ADDRESS", "KEY"))
    return answered(f"{text}\n\n* answers now; change it with: aiex set config model PROVIDER/MODEL",
                    {"in_use": in_use, "providers": providers})  # fmt: skip


def _describe(services: Services, name: str) -> dict[str, Any]:
    def get(field: str) -> str:
        return str(services.settings.get(f"providers.{name}.{field}"))

    variable = get("api_key_env")
    return {
        "name": name,
        "protocol": get("protocol"),
        "base_url": get("base_url"),
        "api_key_env": variable,
        "has_key": bool(variable and services.environ.get(variable)),
    }


def _key_state(entry: dict[str, Any]) -> str:
    if not entry["api_key_env"]:
        return "needs none"
    return f"{entry['api_key_env']} ({'set' if entry['has_key'] else 'not set'})"


NOUN = Noun({"list": list_providers})
