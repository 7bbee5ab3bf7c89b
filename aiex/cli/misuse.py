"""Click's complaints in our words: what was given, what is wanted, what to do."""

from __future__ import annotations

import click

from aiex.cli.groups import WordError
from aiex.cli.suggest import did_you_mean
from aiex.errors import UsageError


def to_usage_error(error: click.UsageError) -> UsageError:
    """Message, then what to do."""
    path = error.ctx.command_path if error.ctx else "aiex"
    if isinstance(error, WordError):
        return UsageError(error.message, hint=error.hint or f"{path} --help shows what there is")
    if isinstance(error, click.NoSuchOption) and error.ctx:
        known = (name for parameter in error.ctx.command.get_params(error.ctx) for name in parameter.opts)
        near = did_you_mean(error.option_name, (name for name in known if name.startswith("--")))
        return UsageError(f"no such option: {error.option_name}", hint=near or f"{path} --help lists the options")
    usage = error.ctx.get_usage().removeprefix("Usage: ") if error.ctx else ""
    hint = f"usage: {usage}" if usage else "see aiex --help"
    if isinstance(error, click.BadParameter) and error.param and (wanted := _wanted_by(error.param.type)):
        given, is_not, _ = error.message.rpartition(" is not ")  # a value may hold these words too
        if is_not:
            return _refuse(error.param, given, wanted, hint)
    message = error.format_message().rstrip(".").strip()
    return UsageError(message[:1].lower() + message[1:], hint=hint)


def _refuse(parameter: click.Parameter, given: str, wanted: str, hint: str) -> UsageError:
    """The error of a value; its hint is a word near to it, or else what the option is for."""
    name = parameter.human_readable_name
    if isinstance(parameter, click.Option):
        name = max(parameter.opts, key=len)
        hint = f"{' '.join(filter(None, (name, parameter.metavar)))}: {parameter.help}" if parameter.help else hint
    if isinstance(parameter.type, click.Choice):
        hint = did_you_mean(given.strip("'"), map(str, parameter.type.choices)) or hint
    if given[:1] not in ("'", '"'):  # a number that was understood, but is out of range
        given = f"'{given.removesuffix('.0')}'"
    return UsageError(f"{name} cannot be {given}: it takes {wanted}", hint=hint)


def _wanted_by(kind: click.ParamType[object]) -> str:
    """What a parameter takes, in words; empty for what needs no words or is checked by us."""
    if isinstance(kind, click.Choice):
        *others, last = map(str, kind.choices)
        return f"{', '.join(others)} or {last}" if others else last
    if isinstance(kind, (click.IntRange, click.FloatRange)):
        number = "a whole number" if isinstance(kind, click.IntRange) else "a number"
        least = "" if kind.min is None else f"{'above' if kind.min_open else 'from'} {kind.min:g}"
        most = "" if kind.max is None else f"{'below' if kind.max_open else 'up to'} {kind.max:g}"
        if least and not most:
            least = least.replace("from", "of at least")
        return " ".join(filter(None, (number, least, most)))
    return {click.INT: "a whole number", click.FLOAT: "a number"}.get(kind, "")
