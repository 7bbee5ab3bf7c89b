"""`awk`: its program is read too, for it can write files and run programs."""

from aiex.guard.commands.options import Call, Tool, missing, read_arguments
from aiex.guard.commands.verdict import Operand
from aiex.patterns import late

_TABLE = Tool("-F:text -v:text --field-separator:text --assign:text --version", ("text",), more="read")
_TOKEN = late(
    r"(?P<blank>[ \t]+|\#[^\n]*|\\\n)|(?P<string>\"(?:[^\"\\\n]|\\.)*\")|(?P<number>\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<name>[A-Za-z_]\w*)|(?P<mark>&&|\|\||\+\+|--|[-+*%^]=|[<>=!]=|!~|[-+*%^=<>!~?:,;\n(){}\[\]$])|(?P<slash>/)"
)
_REGEX = late(r"/(?:[^/\\\n\[]|\\.|\[\^?\]?[^]\n/\\]*\])+/")
KEYWORDS = frozenset(
    ["BEGIN", "END", "print", "printf", "if", "else", "for", "in", "next", "exit", "delete", "do", "while"]
)
FUNCTIONS = frozenset(
    (
        *("length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "tolower", "toupper", "int", "sqrt"),
        *("exp", "log", "sin", "cos", "atan2", "rand", "srand"),
    )
)
VARIABLES = frozenset(
    ["NR", "NF", "FNR", "FS", "OFS", "RS", "ORS", "FILENAME", "RSTART", "RLENGTH", "SUBSEP", "IGNORECASE"]
)
OTHER_WORDS = frozenset(
    ["getline", "function", "func", "return", "switch", "case", "default", "nextfile", "break", "continue"]
)
"""Words of the language that make a program unclear here; every other lower-case word is a variable."""
_FUNCTION_ONLY = late(r"[a-z][a-z0-9]*")
_BUILT_IN = late(
    r"system|close|fflush|strftime|systime|mktime|gensub|strtonum|asorti?|patsplit|and|or|xor|compl|lshift|rshift|typeof"
    r"|isarray|mkbool|bindtextdomain|dcgettext|dcngettext"
)


def read_awk(call: Call) -> list[Operand]:
    """Options and files by the table; a program only if it just computes and prints."""
    found = read_arguments(_TABLE, call)
    program = next((operand for operand in found if operand.role == "text"), None)
    for operand in found:
        if operand.role == "read" and "=" in operand.text:
            return [*found, Operand(operand.text, "unclear", "ask", "awk takes it for an assignment")]
    if program is None:
        return [*found, missing("the program is missing")]
    why = why_not_program(program.text) if program.level == "safe" else ""
    return [*found, Operand(program.text, "program", "ask", why)] if why else found


def why_not_program(program: str) -> str:
    """Why a program is not understood as harmless, or an empty string."""
    at, braces, before = 0, 0, ""
    parens = _Parens()
    while at < len(program):
        token = _TOKEN.match(program, at)
        if not token:
            return f"awk's {program[at]} is not known to be harmless"
        kind, text = token.lastgroup, token[0]
        if kind == "slash":
            token = _REGEX.match(program, at) if _takes_regex(before) else None
            if not token and not (program[at + 1 : at + 2] != "=" and _ends_operand(before)):
                return "a slash in the awk program is not understood"
            text = token[0] if token else "/"
            kind = "string" if token else "mark"
        elif kind == "name" and (why := _why_not_name(text, program[at + len(text) :])):
            return why
        elif text == ">" and braces and not parens.compares():
            return "awk may write a file"
        elif text == "<" and before == "getline":
            return "awk may read a file"
        braces += (text == "{") - (text == "}")
        at += len(text)
        if kind != "blank":
            parens.see(text, before)
            before = ")" if parens.heads else _class_of(kind or "", text)
        if braces < 0 or parens.unbalanced:
            return "the awk program is not understood"
    return ""


PRINTS = "prints"


class _Parens:
    """The parentheses that are open, and what they belong to."""

    def __init__(self) -> None:
        self.open: list[str] = []
        """Of each the word in front, `PRINTS` once something is printed in it."""
        self.heads = self.unbalanced = False
        """Whether the last word closed the head of an `if`, `for` or `while`, behind which a statement begins."""

    def see(self, text: str, before: str) -> None:
        self.heads = False
        if text == "(":
            self.open.append(before)
        elif text == ")":
            self.unbalanced = self.unbalanced or not self.open
            self.heads = bool(self.open) and self.open.pop() in ("if", "for", "while", PRINTS)
        elif text in ("print", "printf") and self.open:
            self.open[-1] = PRINTS

    def compares(self) -> bool:
        """Whether `>` compares: it does in parentheses, but not behind a `print` within those of `for`."""
        return bool(self.open) and self.open[-1] != PRINTS


def _why_not_name(name: str, rest: str) -> str:
    if name in KEYWORDS or name in VARIABLES:
        return ""
    if rest[:1] == "(" or name in FUNCTIONS:
        return (
            "" if name in FUNCTIONS and rest.lstrip(" \t")[:1] != "/" else f"awk's {name} is not known to be harmless"
        )
    if name in OTHER_WORDS or _BUILT_IN.fullmatch(name) or not _FUNCTION_ONLY.fullmatch(name):
        return f"awk's {name} is not known to be harmless"
    return ""


def _class_of(kind: str, text: str) -> str:
    if kind == "name":
        return text if text in KEYWORDS or text in OTHER_WORDS else "operand"
    return "operand" if kind in ("string", "number") or text in (")", "]") else text


def _takes_regex(before: str) -> bool:
    return before in ("", "{", "}", ";", "\n", "(", ",", "!", "~", "!~", "&&", "||", "print")


def _ends_operand(before: str) -> bool:
    return before == "operand"
