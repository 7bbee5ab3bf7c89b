"""`find`: starting places, then an expression of which only tests and printing are known."""

from aiex.guard.commands.options import Call, check, unclear
from aiex.guard.commands.values import Arg
from aiex.guard.commands.verdict import Operand

BARE = frozenset(
    (
        *(
            "-print",
            "-print0",
            "-ls",
            "-prune",
            "-quit",
            "-not",
            "-a",
            "-and",
            "-o",
            "-or",
            "!",
            "(",
            ")",
            ",",
            "-depth",
        ),
        *(
            "-xdev",
            "-mount",
            "-daystart",
            "-noleaf",
            "-empty",
            "-readable",
            "-writable",
            "-executable",
            "-true",
            "-false",
        ),
        *("-nouser", "-nogroup", "-warn", "-nowarn", "-ignore_readdir_race"),
    )
)
"""Words of the expression that stand alone."""
VALUED = {
    **dict.fromkeys(
        (
            *(
                "-name",
                "-iname",
                "-path",
                "-ipath",
                "-wholename",
                "-iwholename",
                "-regex",
                "-iregex",
                "-regextype",
                "-type",
            ),
            *("-xtype", "-size", "-perm", "-user", "-group", "-mtime", "-mmin", "-atime", "-amin", "-ctime", "-cmin"),
            *("-newermt", "-printf", "-links", "-fstype", "-lname", "-ilname", "-inum", "-uid", "-gid", "-used"),
        ),
        "text",
    ),
    "-maxdepth": "number",
    "-mindepth": "number",
    "-newer": "look",
    "-anewer": "look",
    "-cnewer": "look",
    "-samefile": "look",
}
"""Words of the expression with one value, and its role."""


def read_find(call: Call) -> list[Operand]:
    """Every word of a `find`; what runs, deletes, writes or follows links is not among the known ones."""
    found, rest = list[Operand](), list(call.args)
    while rest and rest[0].text == "-P" and rest[0].is_known:
        found.append(Operand(rest.pop(0).text, "option"))
    while rest and not _begins_expression(rest[0]):
        arg = rest.pop(0)
        found.append(
            unclear(arg, "it may begin with a dash") if arg.glob and arg.text[0] in "*?[" else check(arg, "look", call)
        )
    while rest:
        arg = rest.pop(0)
        if not arg.is_known or (arg.text not in BARE and arg.text not in VALUED):
            found.append(unclear(arg, arg.unknown or "find is not known with this word"))
        elif arg.text in BARE:
            found.append(Operand(arg.text, "option"))
        else:
            found.append(Operand(arg.text, "option"))
            found.append(_value(rest.pop(0), VALUED[arg.text], call) if rest else unclear(arg, "its value is missing"))
    return found


def _value(arg: Arg, role: str, call: Call) -> Operand:
    return unclear(arg, "the pattern may become several words") if arg.many else check(arg, role, call)


def _begins_expression(arg: Arg) -> bool:
    return arg.text[:1] == "-" or arg.text in ("(", "!")
