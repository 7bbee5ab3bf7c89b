"""Check that this machine has what Aiex needs."""

from __future__ import annotations

from typing import Any

import click

from aiex.cli.checkup import Check, run_checks
from aiex.cli.work import Work, report
from aiex.events import TurnEnded
from aiex.wiring import Services


@click.command()
@click.option("--fix", "fixes", is_flag=True, help="First mend sessions that are damaged: all that is whole is kept.")
def command(*, fixes: bool) -> Work:
    """Check that this machine has what Aiex needs; exit code 1 if something is broken."""
    return report("doctor", lambda services: _examine(services, fixes=fixes), sturdy=True)


def _examine(services: Services, *, fixes: bool) -> TurnEnded:
    if fixes:
        services.sessions.repair()  # which tells what it does
    checks = list(run_checks(services))
    failed = [check.name for check in checks if check.state == "fail"]
    text = "\n".join(line for check in checks for line in _lines(check))
    data = {"healthy": not failed, "checks": [_to_data(check) for check in checks]}
    if failed:
        return TurnEnded("error", "unhealthy", 1, answer=text, data=data, error=f"broken: {', '.join(failed)}",
                         hint="the lines marked 'fail' say what to do")  # fmt: skip
    return TurnEnded("success", "answered", 0, answer=text, data=data)


def _lines(check: Check) -> list[str]:
    lines = [f"{check.state:<4}  {check.name:<12}  {check.detail}"]
    return [*lines, f"{'':20}{check.hint}"] if check.hint and check.state != "ok" else lines


def _to_data(check: Check) -> dict[str, Any]:
    return {"name": check.name, "state": check.state, "detail": check.detail, "hint": check.hint, **check.data}
