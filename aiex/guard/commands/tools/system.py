"""Programs that tell about the machine and the user, without secrets."""

from aiex.guard.commands.options import Call, Tool, missing, unclear
from aiex.guard.commands.verdict import Operand


def _format_only(_call: Call, operands: list[Operand]) -> list[Operand]:
    """`date` sets the clock from an operand that does not begin with a plus."""
    last = operands[-1] if operands else None
    wrong = last is not None and last.role == "text" and last.text[:1] != "+"
    return [Operand(last.text, "unclear", "ask", "it would set the clock")] if last and wrong else []


def _at_least_one(call: Call, operands: list[Operand]) -> list[Operand]:
    return [] if operands else [missing(f"{call.name} alone prints every secret in the environment")]


def _version_only(call: Call) -> list[Operand]:
    only = _VERSIONS.get(call.name, ("--version",))
    if len(call.args) == 1 and call.args[0].is_known and call.args[0].text in only:
        return [Operand(call.args[0].text, "option")]
    why = f"only {call.name} {only[0]} is known"
    return [unclear(arg, why) for arg in call.args] or [missing(why)]


_VERSIONS = {
    **dict.fromkeys(("python", "python3"), ("--version", "-V")),
    "node": ("--version", "-v"),
    **dict.fromkeys(("make", "docker"), ("--version", "-v")),
    **dict.fromkeys(("perl", "ruby", "php"), ("--version", "-v")),
}
"""How programs that run code are asked for their version. `cargo` and `go` are not among them: they choose a toolchain,
and fetch it, as files in the workspace tell them; nor is `java`, which leaves a file of figures in `/tmp`."""
_NOTHING = Tool("--version --help", single=True)

TOOLS = {
    "uname": Tool(
        "-asnrvmpio --all --kernel-name --nodename --kernel-release --machine --operating-system", single=True
    ),
    "date": Tool(
        "-uR -I?:text -d:text --date:text --utc --universal --rfc-email --iso-8601?:text --rfc-3339:text -r:look"
        " --reference:look",
        ("text",),
        single=True,
        after=_format_only,
    ),
    "id": Tool("-ugGnrz --user --group --groups --name --real", single=True),
    "hostname": Tool("-s --short", single=True),
    "nproc": Tool("--all --ignore:number", single=True),
    "uptime": Tool("-ps --pretty --since"),
    "free": Tool("-bkmghtw --human --total --wide"),
    "cal": Tool("-13jmy", ("number", "number", "number")),
    "printenv": Tool("", ("variable",), after=_at_least_one),
    "locale": Tool("-a --all-locales"),
    "sleep": Tool("", ("number",)),
    **dict.fromkeys(("whoami", "groups", "arch", "tty", "logname"), _NOTHING),
    **dict.fromkeys((*_VERSIONS, "gcc", "g++", "clang", "bash", "cmake"), Tool(reader=_version_only)),
}
