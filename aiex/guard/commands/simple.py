"""Simple commands: assignments, the program, its arguments, and what they say together."""

import re
from itertools import islice, product
from typing import TYPE_CHECKING

from aiex.guard.commands.braces import TooMany, expand_braces
from aiex.guard.commands.catalogue import find_tool
from aiex.guard.commands.harm import Scene, find_harm
from aiex.guard.commands.network import fetched_places, marks_of, runs_fetched, why_alone
from aiex.guard.commands.options import Call, check, missing, read_arguments
from aiex.guard.commands.places import join, why_not_folder, why_not_read
from aiex.guard.commands.programs import MOST_ARGUMENTS, inner_code, inner_commands
from aiex.guard.commands.redirections import KINDS
from aiex.guard.commands.state import MOST_FOLDERS, Outcome, State, merge, settled
from aiex.guard.commands.values import FETCHED, HARMLESS, UNKNOWN_MARK, Arg, resolve
from aiex.guard.commands.verdict import Level, Operand, Simple
from aiex.guard.commands.words import Disagreement, Piece, Word, read_words
from aiex.patterns import late

if TYPE_CHECKING:
    from tree_sitter import Node

    from aiex.guard.commands.walk import Walk

MOST_COMMANDS = 32
"""Ways to read one simple command that are looked at; more of them are asked about."""
_ASSIGNMENT = late(r"([A-Za-z_][A-Za-z0-9_]*)(\+?=)")
_OWN_NAME = late(r"[a-z][a-z0-9_]*")
_FOREIGN_NAME = late(r".*_proxy|npm_.*|rvm_.*|histchars|auto_resume|cdpath|fpath|path|prompt")
_ESCAPE = late(r"\\n|\\x([0-9a-fA-F]{1,2})|\\0?([0-7]{1,3})")
_SPLIT = late(r"[\s*?\[\\]")
_WHOLE = late(r"0|[1-9][0-9]{0,15}")
_LOCALE = late(r"(?:LC_[A-Z]+|LANG|LANGUAGE|NO_COLOR|CLICOLOR)")
_LOCALE_VALUE = late(r"[\w.@-]*")
_TEST_MARKS = late(r"&&|\|\||[()<>](?!\()")
_PATH_ROLES = frozenset(["read", "look", "revision"])


class SimpleCommands:
    """Reads the simple commands of one walk."""

    def __init__(self, walk: "Walk") -> None:
        self.walk = walk
        self.here_texts: list[str] = []
        """What here strings give to the command that is being read."""

    def visit(self, node: "Node", state: State, *, verified: bool = True) -> Outcome:
        """One command with its assignments and the redirections in it."""
        before = len(self.walk.found.marks)
        redirections = [child for child in node.children if child.type in KINDS]
        skip = {child.start_byte: child.end_byte for child in redirections}
        words = read_words(self.walk.tree, node.start_byte, node.end_byte, skip)
        if verified:
            nodes = [child for child in node.children if child.type not in KINDS and child.type != "comment"]
            self.walk.check_same(words, [node] if node.type == "variable_assignment" else nodes)
        for child in redirections:
            self.walk.redirections.redirect(child, state, before)
        assigned = self._leading_assignments(words)
        after = state
        for word in words[:assigned]:
            after = self._assign(word, state, after)
        if assigned == len(words):
            return settled(after)
        texts, self.here_texts = self.here_texts, []
        outcome = self.run(words[assigned:], state, self.walk.text(node), before)
        for text in texts:
            marks = self.walk.found.marks_since(before)
            if "interpret" in marks:
                self.walk.nested(text, state)
            elif "xargs" in marks:
                given = [operand.text for operand in self.walk.found.commands[-1].operands]
                self.walk.nested(" ".join([*given, text]), state)
        return outcome

    def visit_test(self, node: "Node", state: State) -> Outcome:
        """`[ … ]` and `[[ … ]]`."""
        before = len(self.walk.found.marks)
        opener = node.children[0].type
        if opener not in ("[", "[[") or node.children[-1].type != ("]" if opener == "[" else "]]"):
            self.walk.ask("arithmetic", "arithmetic can change variables and run commands")
            return settled(state)
        start, end = node.start_byte + len(opener), node.end_byte - len(opener)
        marks = _TEST_MARKS if opener == "[[" else None
        words = read_words(self.walk.tree, start, end, marks=marks)
        if opener == "[[":  # values are not split there
            words = [word._replace(pieces=tuple(_as_quoted(piece) for piece in word.pieces)) for word in words]
        name = Word(node.start_byte, start, (Piece("quoted", opener),))
        return self.run([name, *words], state, self.walk.text(node), before)

    def run(self, words: list[Word], state: State, text: str, before: int) -> Outcome:
        """Judge what the words may become; `before` is the number of the first mark that belongs to them."""
        choices = [choice for word in words for choice in self.expand(word, state)]
        argvs = [list(argv) for argv in islice(product(*choices), MOST_COMMANDS + 1)]
        if len(argvs) > MOST_COMMANDS:
            self.walk.ask("alternatives", "it can be read in too many ways")
        for argv in argvs[:MOST_COMMANDS]:
            if argv:
                self._judge(argv, state, text, before)
        return self._after(argvs, state)

    def expand(self, word: Word, state: State) -> list[list[Arg]]:
        """The words that braces make of a word, each with its possible values."""
        outputs = {
            piece.node.start_byte: self.walk.substitution(piece.node, state)
            for piece in word.pieces
            if piece.node is not None
        }
        try:
            words = [pieces for pieces in expand_braces(word.pieces) if pieces]  # an empty word falls away: `{,a}`
            return [resolve(pieces, state.variables, outputs) for pieces in words]
        except TooMany as error:
            return [[Arg(UNKNOWN_MARK, unknown=str(error), written=False)]]

    def print_only(self, word: Word, state: State) -> list[Arg]:
        """Values that are only compared or printed; what else they might be is asked about."""
        args = [arg for choice in self.expand(word, state) for arg in choice]
        for arg in args:
            found = check(arg._replace(glob=False), "print", Call("", (), state.folders, self.walk.place))
            if found.why:
                self.walk.ask("expansion", f"{arg.text}: {found.why}")
        return args

    def late_arguments(self, words: list[Word], state: State, before: int) -> None:
        """Arguments behind a redirection, together with the command that they belong to."""
        commands = self.walk.found.commands
        if commands:
            first = [Arg(commands[-1].name), *(Arg(operand.text) for operand in commands[-1].operands)]
            args = [choices[0] for word in words for choices in self.expand(word, state)]
            self._judge([*first, *args], state, commands[-1].text, before)

    def feed(self, givers: list[Simple], takers: list[Simple], state: State) -> None:
        """Look at what a literal `echo`, or a `find`, hands to an interpreter or to `xargs`."""
        text = printed_text(givers)
        if not takers or not givers:
            return
        if not takers[0].name.endswith("xargs"):
            self.walk.nested(text, state)
            return
        words = [Arg(operand.text) for operand in takers[0].operands]
        starts = [operand.text for operand in givers[-1].operands[:1]] if givers[-1].name == "find" else [text]
        self.walk.nested(" ".join([*(word.text for word in words), text]) if text else "", state)
        for start in filter(None, starts):
            harm = find_harm([Arg("xargs"), *words, Arg(start, home=start.startswith("~"))], self._scene(state))
            if harm:
                self.walk.forbid((harm.rule, harm.why))

    def _scene(self, state: State) -> Scene:
        return Scene(state.folders, self.walk.place.rules)

    def expansion(self, length: str, name: str, operator: str | None, word: str | None, *, state: State) -> Arg:
        """`${#x}`, `${x:-word}`, `${x%word}`: never known, but printable when the variable is."""
        values = state.variables.get(name) if name in state.variables else None
        known = name in HARMLESS if name not in state.variables else values is not None
        known = known and not any(
            why_not_read(v, state.folders, self.walk.place, content=False) for v in values or () if v.glob
        )
        printable = known and all(not value.unknown or value.plain for value in values or ())
        guess = word if operator in (":-", "-", ":+", "+") and word else UNKNOWN_MARK
        if length:
            return Arg(UNKNOWN_MARK, unknown="it is a length", plain=True, single=True, numeric=True, written=False)
        why = f"${{{name}{operator or ''}…}} is not known"
        return Arg(guess, home=guess.startswith("~"), unknown=why, plain=printable, written=False)

    def number_of(self, name: str, state: State) -> str:
        """A number that a variable surely holds one of, or its name; arithmetic would evaluate any other text."""
        values = state.variables.get(name)
        if values and all(value.is_known and _WHOLE.fullmatch(value.text) for value in values):
            return values[0].text
        return name

    def is_own_name(self, name: str) -> bool:
        """Whether a variable is the command's own, which no program and not the shell itself looks at."""
        return bool(_OWN_NAME.fullmatch(name)) and not _FOREIGN_NAME.fullmatch(name)

    def prints_one_word(self, simple: Simple) -> bool:
        """Whether the output of a safe command has no wildcards and is nobody else's choice."""
        tool = find_tool(simple.name)
        if simple.level != "safe" or tool is None or not (tool.single or _is_revision(simple)):
            return False
        return not any(_SPLIT.search(operand.text) for operand in simple.operands)

    def _leading_assignments(self, words: list[Word]) -> int:
        source = self.walk.tree.source
        for at, word in enumerate(words):
            first = word.pieces[0]
            written = source[word.start : word.end].decode("latin-1")
            if first.kind != "bare" or not (_ASSIGNMENT.match(written) and _ASSIGNMENT.match(first.text)):
                if first.kind == "bare" and re.match(r"[A-Za-z_]\w*\[", written) and "=" in written:
                    raise Disagreement("an assignment to an array")
                return at
        return len(words)

    def _assign(self, word: Word, state: State, after: State) -> State:
        first = word.pieces[0]
        left, _, rest = first.text.partition("=")
        name, operator = left.removesuffix("+"), "+=" if left.endswith("+") else "="
        value = word.pieces[1:] if not rest else (Piece("bare", rest, quoted=False), *word.pieces[1:])
        value = tuple(_as_quoted(piece) for piece in value)
        outputs = {
            piece.node.start_byte: self.walk.substitution(piece.node, state)
            for piece in value
            if piece.node is not None
        }
        args = tuple(arg._replace(glob=False) for arg in resolve(value, after.variables, outputs))
        if operator != "=" or not self._may_assign(name, args):
            self.walk.ask("assignment", f"{name} may change how later commands run")
            return after.with_variable(name, None)
        return after.with_variable(name, args)

    def _may_assign(self, name: str, args: tuple[Arg, ...]) -> bool:
        if _LOCALE.fullmatch(name):
            return all(arg.is_known and not arg.home and _LOCALE_VALUE.fullmatch(arg.text) for arg in args)
        return self.is_own_name(name)

    def _judge(self, argv: list[Arg], state: State, text: str, before: int) -> None:
        walk = self.walk
        reasons = len(walk.found.reasons)
        within = walk.found.marks_since(before)
        self._judge_harm(argv, state, within)
        operands = self._judge_use(argv, state)
        walk.found.marks.append(marks_of(argv) | ({"unknown"} if argv[0].unknown else set()))
        walk.found.fetched |= fetched_places(argv, state.folders)
        found = walk.found.reasons[reasons:]
        level: Level = "ask" if any(operand.level != "safe" for operand in operands) or found else "safe"
        level = "forbidden" if any(reason.level == "forbidden" for reason in found) else level
        walk.found.commands.append(Simple(argv[0].text, text, level, tuple(operands), walk.within, state.folders))

    def _judge_harm(self, argv: list[Arg], state: State, within: set[str]) -> None:
        walk = self.walk
        argv = argv[:MOST_ARGUMENTS]
        if harm := find_harm(argv, self._scene(state)):
            walk.forbid((harm.rule, harm.why))
        walk.forbid(why_alone(argv, within))
        if runs_fetched(argv, state.folders, walk.found.fetched):
            walk.forbid(("runs code from the network", f"{argv[0].text} runs a file that was fetched just before"))
        for command in (argv, *inner_commands(argv)):
            for code in inner_code(command):
                walk.ask("program", f"{argv[0].text} runs other commands")
                walk.nested(code, state)

    def _judge_use(self, argv: list[Arg], state: State) -> list[Operand]:
        """How the arguments were read; everything unclear is asked about."""
        name, walk = argv[0], self.walk
        rest = [Operand(arg.text, "unread") for arg in argv[1:]]
        if not name.is_known or not name.written or name.home:
            walk.ask("program", f"the name of the program is not written out: {name.text}")
            return rest
        call = Call(name.text, tuple(argv[1:]), state.folders, walk.place)
        if name.text in ("cd", "read"):
            operands = self._read_cd(call) if name.text == "cd" else self._read_read(call)
        else:
            tool = find_tool(name.text)
            if tool is None:
                walk.ask("program", f"{name.text} is not known to only read")
                return rest
            operands = read_arguments(tool, call)
        for operand in operands:
            if operand.level != "safe":
                rule = "path" if operand.role.rsplit(" ", 1)[-1] in _PATH_ROLES else "argument"
                walk.ask(rule, f"{name.text} {operand.text}: {operand.why}")
        return operands

    def _read_cd(self, call: Call) -> list[Operand]:
        if len(call.args) != 1:
            why = "only cd DIRECTORY is understood"
            return [Operand(arg.text, "look", "ask", why) for arg in call.args] or [missing(why)]
        arg = call.args[0]
        why = "the last directory" if arg.text.startswith("-") else why_not_folder(arg, call.folders, call.place)
        return [Operand(arg.text, "look", "ask" if why else "safe", why)]

    def _read_read(self, call: Call) -> list[Operand]:
        if all(arg.text == "-r" for arg in call.args):
            return [missing("read is not known without a name")]
        return [self._read_name(arg) for arg in call.args]

    def _read_name(self, arg: Arg) -> Operand:
        if arg.text == "-r":
            return Operand(arg.text, "option")
        why = "" if self._is_name(arg) else "it may change the shell"
        return Operand(arg.text, "name", "ask" if why else "safe", why)

    def _is_name(self, arg: Arg) -> bool:
        return arg.is_known and self.is_own_name(arg.text)

    def _after(self, argvs: list[list[Arg]], state: State) -> Outcome:
        """What a command that the shell does itself leaves behind."""
        names = {argv[0].text for argv in argvs if argv}
        if names & {"cd", "pushd", "popd"}:
            folders = frozenset(folder for argv in argvs for folder in _folders_after(argv, state))
            if len(folders) > MOST_FOLDERS:
                self.walk.ask("path", "the shell may be in too many directories")
                folders = frozenset([".."])
            moved = State(folders, state.variables)
            return Outcome(moved, merge(state, moved))
        if names == {"read"}:
            why = FETCHED if self.walk.found.fed else "it was read from the input"
            value = (Arg(UNKNOWN_MARK, unknown=why, plain=True, written=False),)
            for arg in argvs[0][1:]:
                if self._is_name(arg):
                    state = state.with_variable(arg.text, value)
        return settled(state)


def _folders_after(argv: list[Arg], state: State) -> list[str]:
    arg = argv[1] if len(argv) > 1 else Arg("~", home=True)
    moves = argv[0].text == "cd" or (argv[0].text == "pushd" and len(argv) == 2)
    if not moves or len(argv) > 2 or arg.unknown or arg.glob or arg.text.startswith("-"):
        return [".."]
    return [join(folder, arg) for folder in state.folders]


def _as_quoted(piece: Piece) -> Piece:
    return piece._replace(quoted=True) if piece.kind in ("variable", "node") else piece


def _is_revision(simple: Simple) -> bool:
    return simple.name == "git" and any(operand.text == "rev-parse" for operand in simple.operands)


def printed_text(commands: list[Simple]) -> str:
    """What one literal `echo` or `printf` prints, as far as it is known; empty for anything else."""
    if len(commands) == 1 and commands[0].name in ("which", "command"):
        return commands[0].operands[-1].text if commands[0].operands else ""
    if len(commands) != 1 or commands[0].name not in ("echo", "printf"):
        return ""
    texts = [
        operand.text
        for operand in commands[0].operands
        if operand.text not in ("-n", "-e", "-E", "-ne", "-en", "%s", "%s\\n")
    ]
    return "" if any(UNKNOWN_MARK in text for text in texts) else _ESCAPE.sub(_unescape, " ".join(texts))


def _unescape(match: "re.Match[str]") -> str:
    if match[0] == "\\n":
        return "\n"
    return chr(int(match[1], 16) if match[1] else int(match[2], 8) & 0xFF)
