"""Show the version of Aiex and of what it runs on."""

from __future__ import annotations

import sys

import click

from aiex import __version__
from aiex.cli.work import Work, answered, report
from aiex.events import TurnEnded
from aiex.wiring import Services


@click.command()
def command() -> Work:
    """Show the version of Aiex and of what it runs on."""
    return report("version", _describe, sturdy=True, placeless=True)


def _describe(_services: Services) -> TurnEnded:
    import platform

    python = platform.python_version()
    dependencies = _dependency_versions()
    lines = [
        f"aiex {__version__}",
        f"Python {python} ({platform.python_implementation()}), {platform.platform()}",
        *(f"{name} {version}" for name, version in dependencies.items()),
    ]
    data = {
        "version": __version__,
        "python": python,
        "implementation": platform.python_implementation(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "dependencies": dependencies,
    }
    return answered("\n".join(lines), data)


def _dependency_versions() -> dict[str, str]:
    """Name and version of every distribution that Aiex itself requires here; "missing" when one is not installed."""
    import re
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        wanted = [line for line in requires("aiex") or [] if "extra ==" not in line]
    except PackageNotFoundError:  # run from a source tree that was never installed
        return {}
    versions = {}
    for name in sorted(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in wanted):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions
