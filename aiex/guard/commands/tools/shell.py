"""What the shell does itself: printing, tests, looking up names."""

from aiex.guard.commands.options import Call, Tool, check, missing, unclear
from aiex.guard.commands.values import Arg
from aiex.guard.commands.verdict import Operand
from aiex.patterns import late

_FILE_TESTS = frozenset(f"-{letter}" for letter in "abcdefghkprsuwxLNOGS")
_TEXT_TESTS = frozenset(["-n", "-z"])
_TEXT_COMPARISONS = frozenset(["=", "==", "!=", "<", ">", "=~"])
_NUMBER_COMPARISONS = frozenset(["-eq", "-ne", "-lt", "-le", "-gt", "-ge"])
_FILE_COMPARISONS = frozenset(["-nt", "-ot", "-ef"])
_FORMAT = late(r"(?:[^%]|%[-+ #0]*[0-9.*]*[sdiouxXcbqfeEgG%]|%\([^()]*\)T)*")
_JOINTS = frozenset(["!", "-a", "-o", "&&", "||", "(", ")"])


def read_test(call: Call) -> list[Operand]:
    """`test`, `[` and `[[`: files are looked at, texts compared; numbers must be written, for names are evaluated."""
    if call.name != "[[" and any(arg.many for arg in call.args):
        return [unclear(arg, "a pattern may become several words") for arg in call.args if arg.many]
    found, rest = list[Operand](), list(call.args)
    while rest:
        arg = rest.pop(0)
        word = arg.text if arg.is_known and arg.written else ""
        if word in _FILE_TESTS and rest:
            found += [Operand(word, "option"), check(rest.pop(0), "look", call)]
        elif word in _TEXT_TESTS and rest:
            found += [Operand(word, "option"), _only_tested(rest.pop(0), call)]
        elif rest and (comparison := _comparison(rest[0])) and len(rest) > 1:
            found += [
                check(arg, comparison, call),
                Operand(rest.pop(0).text, "option"),
                check(rest.pop(0), comparison, call),
            ]
        elif word in _JOINTS:
            found.append(Operand(word, "option"))
        elif word.startswith("-"):
            found.append(unclear(arg, f"{call.name} is not known with this test"))
        elif word or call.name == "[[" or (not rest and all(operand.text == "!" for operand in found)):
            found.append(check(arg, "print", call))
        else:  # `[ "$a" "$b" ]`: -v evaluates what follows it
            found.append(unclear(arg, "it may be an operator"))
    return found


def _only_tested(arg: Arg, call: Call) -> Operand:
    """What `-n` and `-z` get: that a variable is set tells nothing."""
    return Operand(arg.text, "print") if arg.variable else check(arg, "print", call)


def _comparison(arg: Arg) -> str:
    if not (arg.is_known and arg.written):
        return ""
    if arg.text in _TEXT_COMPARISONS:
        return "print"
    if arg.text in _NUMBER_COMPARISONS:
        return "number"
    return "look" if arg.text in _FILE_COMPARISONS else ""


def _read_printf(call: Call) -> list[Operand]:
    args, found = list(call.args), list[Operand]()
    if args and args[0].is_known and args[0].text == "--":
        found.append(Operand(args.pop(0).text, "option"))
    elif args and args[0].text[:1] in ("-", ""):
        return [unclear(arg, "printf is not known with this option") for arg in args]
    found += [check(arg, "text" if at == 0 else "print", call) for at, arg in enumerate(args)]
    if args and not _FORMAT.fullmatch(args[0].text):  # %n sets a variable
        found.append(unclear(args[0], "this format is not known to only print"))
    return found


def _read_command(call: Call) -> list[Operand]:
    if len(call.args) < 2 or not call.args[0].is_known or call.args[0].text not in ("-v", "-V"):
        return [unclear(arg, "it runs another program") for arg in call.args] or [missing("no program")]
    return [Operand(call.args[0].text, "option"), *(check(arg, "text", call) for arg in call.args[1:])]


_PRINTS = Tool(reader=lambda call: [check(arg, "print", call) for arg in call.args])

TOOLS = {
    "echo": _PRINTS,
    ":": _PRINTS,
    "true": _PRINTS,
    "false": _PRINTS,
    "expr": _PRINTS,
    "printf": Tool(reader=_read_printf),
    "test": Tool(reader=read_test),
    "[": Tool(reader=read_test),
    "[[": Tool(reader=read_test),
    "pwd": Tool("-LP", single=True),
    "type": Tool("-afptP", more="text"),
    "command": Tool(reader=_read_command),
    "exit": Tool("", ("number",)),
    "break": Tool("", ("number",)),
    "continue": Tool("", ("number",)),
}
