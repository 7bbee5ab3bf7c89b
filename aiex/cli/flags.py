"""The global flags: they work before and after the verb, and a later one wins."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

Handler = TypeVar("Handler", bound="Callable[..., Any]")
Form = Literal["text", "json", "stream-json"]
FORMS: tuple[Form, ...] = ("text", "json", "stream-json")


class Flags:
    """What the global flags said; None where nothing was said."""

    def __init__(self) -> None:
        self.cwd: str | None = None
        self.form: Form | None = None
        self.model: str | None = None
        self.offline = False
        self.overrides: list[str] = []
        self.profile: str | None = None
        self.quiet = False
        self.verbosity = 0
        self.no_color = False
        self.record = ""
        self.replay = ""
        self.settings: dict[str, object] = {}
        """Settings that a flag of one command stands for, by their keys."""

    def to_settings(self) -> dict[str, object]:
        """The flags that are settings too, by their keys."""
        said = dict(self.settings)
        if self.form:
            said["output.format"] = self.form
        if self.no_color:
            said["output.color"] = "never"
        if self.verbosity > 1:
            said["log.level"] = "debug"
        if self.offline:
            said["model"] = "offline"
        elif self.model:
            said["model"] = self.model
        return said


class GlobalOption(click.Option):
    """An option of every command; only the help of `aiex` itself lists it."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        return super().get_help_record(ctx) if ctx.parent is None else None


def budget_option(text: str) -> Callable[[Handler], Handler]:
    """The option `--budget N` of a command that sends a request; `text` is its help."""

    def remember(ctx: click.Context, _param: click.Parameter, value: int | None) -> None:
        if value is not None:
            ctx.find_root().ensure_object(Flags).settings["budget_tokens"] = value

    return click.option(
        "--budget", type=click.IntRange(min=1), metavar="N", expose_value=False, callback=remember, help=text
    )


def complete_file(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave files to the shell."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def complete_folder(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Leave directories to the shell."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


def _remember(name: str) -> Any:
    def callback(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        flags = ctx.find_root().ensure_object(Flags)
        if isinstance(value, tuple):
            flags.overrides.extend(value)
        elif name == "verbosity":
            flags.verbosity += value
        elif value:
            setattr(flags, name, "json" if name == "form" and value is True else value)

    return callback


def _option(names: list[str], keeps: str, **attributes: Any) -> GlobalOption:
    return GlobalOption(names, expose_value=False, callback=_remember(keeps), **attributes)


def _setting(names: list[str], key: str, kind: type, metavar: str, text: str) -> GlobalOption:
    """An option that stands for a setting; the value of a list is given with commas."""

    def remember(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        if value is not None:
            words = [word.strip() for word in value.split(",") if word.strip()] if kind is str else value
            ctx.find_root().ensure_object(Flags).settings[key] = words

    return GlobalOption(
        names, expose_value=False, callback=remember, type=kind, metavar=metavar, help=text, multiple=False
    )


def _mode_options() -> tuple[GlobalOption, GlobalOption]:
    def remember(ctx: click.Context, _param: click.Parameter, value: Any) -> None:
        if value:
            ctx.find_root().ensure_object(Flags).settings["policy.mode"] = "bypass" if value is True else value

    said = GlobalOption(
        ["--permission-mode"],
        expose_value=False,
        callback=remember,
        type=click.Choice(("plan", "ask", "accept-edits", "auto", "deny", "bypass")),
        metavar="MODE",
        help="What is done unasked: plan, ask, accept-edits, auto, deny, bypass.",
    )
    text = "Same as --permission-mode bypass; commands stay confined."
    return said, GlobalOption(["--yolo"], expose_value=False, callback=remember, is_flag=True, help=text)


@cache
def global_options() -> tuple[GlobalOption, ...]:
    """The options that every command understands, always the same objects."""
    return (
        _option(
            ["-C", "--cwd"], "cwd", metavar="DIR", shell_complete=complete_folder, help="Work as if started in DIR."
        ),
        _option(
            ["-o", "--output-format"],
            "form",
            type=click.Choice(FORMS),
            metavar="FORM",
            help="Form of the result: text, json, stream-json.",
        ),
        _option(["--json"], "form", is_flag=True, help="Same as -o json."),
        _option(["-m", "--model"], "model", metavar="PROVIDER/MODEL", help="Model to ask, or 'offline'."),
        _setting(["--fallback-model"], "fallback_models", str, "MODEL,...", "Who answers when the model cannot."),
        *_mode_options(),
        _setting(["--max-cost"], "budget.cost_usd", float, "DOLLARS", "Spend at most so much in this run."),
        _setting(["--max-tokens"], "budget.tokens", int, "N", "Use at most so many tokens in this run."),
        _setting(["--time-limit"], "budget.time_s", float, "SECONDS", "Send no request after so long."),
        _option(["--offline"], "offline", is_flag=True, help="Use no network and no model; wins over -m."),
        _option(["--record"], "record", metavar="FILE", help="Take down what a model is asked and answers."),
        _option(["--replay"], "replay", metavar="FILE", help="Take the answers from a recording; no network."),
        _option(
            ["--set"],
            "overrides",
            metavar="KEY=VALUE",
            multiple=True,
            help="Change a setting for this run; repeatable.",
        ),
        _option(["--profile"], "profile", metavar="NAME", help="Use the settings of a profile."),
        _option(["-q", "--quiet"], "quiet", is_flag=True, help="No progress and no warnings on standard error."),
        _option(["-v", "--verbose"], "verbosity", count=True, help="Say more on standard error; twice: log more too."),
        _option(["--no-color"], "no_color", is_flag=True, help="No colour, as with NO_COLOR=1."),
    )


def with_globals(command: click.Command) -> click.Command:
    """The same command, understanding the global flags too."""
    known = {name for parameter in command.params for name in parameter.opts}
    command.params.extend(option for option in global_options() if not known & set(option.opts))
    return command


def understand_print(arguments: list[str]) -> list[str]:
    """`aiex -p PROMPT` as other tools have it: the same as `aiex run PROMPT`."""
    takes_value = {
        name for option in global_options() if not option.is_flag and not option.count for name in option.opts
    }
    words = iter(enumerate(arguments))
    for at, word in words:
        if word in ("-p", "--print"):
            return ["run", *arguments[:at], *arguments[at + 1 :]]
        if not word.startswith("-") or word == "--":
            break
        if word in takes_value:
            next(words, None)
    return arguments


def understand_chat(arguments: list[str]) -> list[str]:
    """`aiex "PROMPT"`, `aiex -c` and `aiex -m MODEL` mean the screen: `aiex chat` with the same words.

    A first word with a space in it is a prompt, and no command; so is none at all, unless help is asked for.
    """
    word = _first_word(arguments)
    if word is None:
        return arguments if {"-h", "--help", "--version"} & set(arguments) else ["chat", *arguments]
    return ["chat", *arguments] if " " in word.strip() else arguments


def _first_word(arguments: list[str]) -> str | None:
    takes_value = {name for option in global_options() if not option.is_flag and not option.count
                   for name in option.opts} | {"-r", "--resume", "--sandbox", "--max-turns"}  # fmt: skip
    words = iter(arguments)
    for word in words:
        if word == "--":
            return next(words, None)
        if not word.startswith("-") or word == "-":
            return word
        if word in takes_value:
            next(words, None)
    return None


def find_form(arguments: list[str]) -> Form:
    """The output form that a command line asks for, also when it could not be understood otherwise."""
    form: Form = "text"
    for word, following in zip(arguments, [*arguments[1:], ""], strict=False):
        if word == "--":
            break
        if word == "--json":
            form = "json"
        elif said := _FORM_OPTION.fullmatch(word):
            form = next((known for known in FORMS if known == (said["form"] or following)), form)
    return form


_FORM_OPTION = re.compile(r"(?:-[qv]*o|--output-format(?:=|\Z))(?P<form>.*)")
"""`-o` may follow other short flags that take no value, as in `-qo json`."""
