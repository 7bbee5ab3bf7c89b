"""Walks the syntax tree of a command in the order of execution and collects what speaks against running it unasked."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from aiex.guard.commands.network import SOURCES, scan_text, why_pipeline, why_together
from aiex.guard.commands.places import Place, join
from aiex.guard.commands.redirections import Redirections
from aiex.guard.commands.simple import SimpleCommands, printed_text
from aiex.guard.commands.state import Outcome, State, merge, settled
from aiex.guard.commands.syntax import LIMIT_DEPTH, WORD_ENDS, Tree, Unparsed, parse
from aiex.guard.commands.values import FETCHED, UNKNOWN_MARK, Arg
from aiex.guard.commands.verdict import Level, Reason, Simple
from aiex.guard.commands.words import Disagreement, Word, read_words
from aiex.patterns import late

if TYPE_CHECKING:
    from tree_sitter import Node

MOST_NESTED = 24
"""Texts handed to other shells that are looked into; handing one over is never safe."""
MOST_DEEP = 3
"""Texts within texts that are looked into."""
MOST_JUDGED = 250
"""Simple commands that are looked at; nobody reads more of them before agreeing."""
MOST_VISITS = 3_000
"""Statements that are looked at, each pass of a loop counted: nested loops would double them without end."""
_GAP = late(rb"(?:[ \t\n]|\\\n)*")
_MARKS = frozenset(
    (
        *(";", "\n", "&&", "||", "|", "|&", "!", "(", ")", "{", "}", "$(", "`", "<(", ">("),
        *("do", "done", "then", "fi", "if", "in", "for", "while", "until", "case", "esac", "else", "elif"),
    )
)
_ARITHMETIC = late(r"\$\(\([0-9\s+\-*/%<>!&|^~?:,()]*(?:(?<![=!<>])(?:==|!=|<=|>=)[0-9\s+\-*/%<>!&|^~?:,()]*)*\)\)")
_NAME = late(r"(?<![\w#])\$?([a-z_]\w*)")
_EXPANSION = late(r"\$\{(#?)([A-Za-z_][A-Za-z0-9_]*)(?:(:?[-+]|%%?|##?)([A-Za-z0-9_./ *?~-]*))?\}")
_PATTERN = late(r"[\w.*?/ \"'-]+")


class Found:
    """What was collected so far, shared by the walks of nested texts."""

    def __init__(self) -> None:
        self.reasons: list[Reason] = []
        self.commands: list[Simple] = []
        self.marks: list[set[str]] = []
        self.fetched: set[str] = set()
        self.level = self.nested = self.visits = 0
        self.fed = False
        """The input of the command that is read comes from the network or a decoder."""

    def add(self, level: Level, rule: str, why: str) -> None:
        reason = Reason(level, rule, why)
        if reason not in self.reasons[-8:]:
            self.reasons.append(reason)

    def marks_since(self, start: int) -> set[str]:
        """The marks of all commands from the one with this number on."""
        return set().union(*self.marks[start:])


class Walk:
    """One text: its tree, and the way through it."""

    def __init__(self, tree: Tree, place: Place, found: Found, depth: int = 0, within: tuple[str, ...] = ()) -> None:
        self.tree, self.place, self.found, self.depth = tree, place, found, depth
        self.within: tuple[str, ...] = within
        self.last = State()
        """The state before the last command of the last list, which a redirection behind the list belongs to."""
        self.simple = SimpleCommands(self)
        self.redirections = Redirections(self)

    def run(self, state: State | None = None) -> Outcome:
        """Walk over the whole tree."""
        if self.tree.doubt:
            self.ask("does not parse", self.tree.doubt)
        return self.visit(self.tree.root, state or State())

    def ask(self, rule: str, why: str) -> None:
        self.found.add("ask", rule, why)

    def forbid(self, reason: tuple[str, str] | None) -> None:
        if reason:
            self.found.add("forbidden", *reason)

    def text(self, node: "Node") -> str:
        """The source of a node."""
        return self.tree.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def visit(self, node: "Node", state: State) -> Outcome:
        """Read a statement; what is not understood is asked about, and looked through for what is forbidden."""
        if self.found.level >= LIMIT_DEPTH:
            self.ask("nesting", "it is nested too deeply")
            return settled(state)
        self.found.visits += 1
        if len(self.found.commands) >= MOST_JUDGED or self.found.visits > MOST_VISITS:
            self.ask("length", "there are too many commands to be read")
            return settled(state)
        self.found.level += 1
        try:
            if node.is_missing or node.is_error:
                self.ask("does not parse", f"this is not understood: {self.text(node)[:80]}")
            handler = _HANDLERS.get(node.type)
            if handler is None:
                self.ask("construct", f"a {node.type.replace('_', ' ')} is not understood")
                return self.sequence(node, state)
            return handler(self, node, state)
        except Disagreement as error:
            self.ask("does not parse", f"the text can be read in two ways: {error}")
            return settled(state)
        finally:
            self.found.level -= 1

    def inside(self, what: str, node: "Node", state: State) -> Outcome:
        """Visit something within a construct that is named for the reader."""
        with self.standing_in(what):
            return self.visit(node, state)

    @contextmanager
    def standing_in(self, what: str) -> Iterator[None]:
        """Name a construct for the reader while its parts are visited."""
        self.within, before = (*self.within, what), self.within
        try:
            yield
        finally:
            self.within = before

    def sequence(self, node: "Node", state: State, children: "Iterable[Node] | None" = None) -> Outcome:
        """Statements one after the other."""
        children = node.children if children is None else list(children)
        self.check_gaps(children)
        outcome = settled(state)
        for child in children:
            if child.is_named:
                if child.type in _STATEMENTS or child.is_error:
                    outcome = self.visit(child, outcome.any)
                else:
                    self.ask("construct", f"a {child.type.replace('_', ' ')} is not understood here")
            elif child.type == "&":
                self.ask("background", "it goes on in the background")
            elif child.type not in _MARKS and not (child.type == ";;" and node.type == "case_item"):
                self.ask("construct", f"{child.type} is not understood here")
        return outcome

    def check_gaps(self, children: "list[Node]") -> None:
        """Between the parts of a statement there may be nothing but blanks and line ends."""
        for left, right in pairwise(children):
            gap = self.tree.source[left.end_byte : right.start_byte]
            if gap and not _GAP.fullmatch(gap):
                self.ask("does not parse", f"the text can be read in two ways, at {gap[:20]!r}")
        for child in children:
            if child.type != "comment":
                continue
            if self.tree.source[child.start_byte - 1 : child.start_byte].strip(WORD_ENDS):
                self.ask("does not parse", "a comment begins in a word")
            elif b"\n" in self.tree.source[child.start_byte : child.end_byte]:
                self.ask("does not parse", "a comment is longer than a line")

    def program(self, node: "Node", state: State) -> Outcome:
        first, last = (node.children[0], node.children[-1]) if node.children else (node, node)
        edges = self.tree.source[: first.start_byte] + self.tree.source[last.end_byte :]
        if not _GAP.fullmatch(edges):
            self.ask("does not parse", "a part of the text is in no statement")
        return self.sequence(node, state)

    def and_or(self, node: "Node", state: State) -> Outcome:
        left, operator, right = node.children[0], node.children[1].type, node.children[-1]
        if len(node.children) != 3 or operator not in ("&&", "||"):
            self.ask("construct", "a list is not understood")
            return self.sequence(node, state)
        self.check_gaps(node.children)
        first = self.visit(left, state)
        between = first.success if operator == "&&" else first.any
        second = self.visit(right, between)
        self.last = between
        if operator == "&&":
            return Outcome(second.success, merge(first.any, second.any))
        return Outcome(merge(first.success, second.success), merge(first.any, second.any))

    def pipeline(self, node: "Node", state: State) -> Outcome:
        self.check_gaps(node.children)
        stages: list[set[str]] = []
        ends = state
        printed = shown = len(self.found.commands)
        for child in node.children:
            if child.is_named and child.type != "comment":
                start = len(self.found.marks)
                self.found.fed = bool(set().union(*stages) & SOURCES)
                outcome = self.inside("pipeline", child, state)
                ends = merge(ends, State(state.folders, outcome.any.variables))
                stages.append(self.found.marks_since(start))
                if "interpret" in stages[-1] or "xargs" in stages[-1]:
                    self.simple.feed(self.found.commands[printed:shown], self.found.commands[shown:], state)
                printed, shown = shown, len(self.found.commands)
            elif child.type not in ("|", "|&"):
                self.ask("construct", f"{child.type} is not understood in a pipeline")
        self.found.fed = False
        self.forbid(why_pipeline(stages))
        return settled(ends)

    def negated(self, node: "Node", state: State) -> Outcome:
        outcome = self.sequence(node, state)
        return settled(outcome.any)

    def subshell(self, node: "Node", state: State) -> Outcome:
        with self.standing_in("subshell"):
            self.sequence(node, state)
        return settled(state)

    def group(self, node: "Node", state: State) -> Outcome:
        if not node.children or node.children[0].type != "{":
            self.ask("arithmetic", "arithmetic can change variables and run commands")
        return self.sequence(node, state)

    def redirected(self, node: "Node", state: State) -> Outcome:
        return self.redirections.visit(node, state)

    def branches(self, node: "Node", state: State) -> Outcome:
        """`if` and its parts, each seen as possibly done."""
        with self.standing_in("if"):
            outcome = self.sequence(node, state)
        return settled(merge(state, outcome.any))

    def for_loop(self, node: "Node", state: State) -> Outcome:
        name, body = node.child_by_field_name("variable"), node.child_by_field_name("body")
        if (
            node.children[0].type != "for"
            or name is None
            or body is None
            or not any(c.type == "in" for c in node.children)
        ):
            self.ask("loop", "only `for NAME in WORDS` is understood")
            return self._loop(node, state)
        self.check_gaps(node.children)
        values = [child for child in node.children if node.field_name_for_child(node.children.index(child)) == "value"]
        words = read_words(self.tree, values[0].start_byte, values[-1].end_byte) if values else []
        self.check_same(words, values)
        args = tuple(
            dict.fromkeys(arg for word in words for choice in self.simple.expand(word, state) for arg in choice)
        )
        clear = not any((arg.unknown and not (arg.single and arg.plain)) or arg.home for arg in args)
        known = args if len(args) <= 16 and clear else None
        variable = self.text(name)
        if not self.simple.is_own_name(variable):
            self.ask("assignment", f"{variable} is a variable that others may read")
        return self._loop(body, state.with_variable(variable, known))

    def while_loop(self, node: "Node", state: State) -> Outcome:
        condition = node.child_by_field_name("condition")
        reads = condition is not None and condition.type == "command" and self.text(condition).startswith("read ")
        if not reads or node.children[0].type != "while":
            self.ask("loop", "a loop that may not end")
        return self._loop(node, state)

    def _loop(self, node: "Node", state: State) -> Outcome:
        """What is done any number of times: seen again until nothing new is known."""
        with self.standing_in("loop"):
            for _ in range(4):
                outcome = self.sequence(node, state)
                after = merge(state, outcome.any)
                if after == state or any(reason.rule == "loop" for reason in self.found.reasons[-1:]):
                    break
                state = after
            else:
                self.ask("loop", "the loop is not understood")
        return settled(state)

    def case(self, node: "Node", state: State) -> Outcome:
        self.check_gaps(node.children)
        ends = [state]
        with self.standing_in("case"):
            for child in node.named_children:
                if child.type == "case_item":
                    ends.append(self._case_item(child, state))
                elif child.type != "comment":
                    for word in read_words(self.tree, child.start_byte, child.end_byte):
                        self.simple.print_only(word, state)
        return settled(merge(*ends))

    def _case_item(self, node: "Node", state: State) -> State:
        start = next((at for at, child in enumerate(node.children) if child.type == ")"), 0)
        for child in node.children[:start]:
            if child.is_named and not _PATTERN.fullmatch(self.text(child)):
                self.ask("construct", "a pattern of case is not understood")
        rest = node.children[start + 1 :]
        if any(child.type in (";&", ";;&") for child in rest):
            self.ask("construct", "a case that falls through is not understood")
        return self.sequence(node, state, rest).any

    def function(self, node: "Node", state: State) -> Outcome:
        self.ask("function", "a function changes what later commands mean")
        name, body = node.child_by_field_name("name"), node.child_by_field_name("body")
        if name is not None and body is not None:
            calls = re.findall(rf"(?<![\w.-]){re.escape(self.text(name))}(?![\w.-])", self.text(body))
            if len(calls) > 1 and "|" in self.text(body) and "&" in self.text(body):
                self.forbid(("destroys", "a function that starts itself again and again"))
            self.inside("function", body, state)
        return settled(state)

    def test(self, node: "Node", state: State) -> Outcome:
        return self.simple.visit_test(node, state)

    def command(self, node: "Node", state: State) -> Outcome:
        return self.simple.visit(node, state)

    def declaration(self, node: "Node", state: State) -> Outcome:
        self.ask("assignment", f"{self.text(node)[:60]}: it changes or prints the shell's variables")
        return self.simple.visit(node, state, verified=False)

    def substitution(self, node: "Node", state: State) -> Arg:
        """What a substitution or expansion gives, after looking into it."""
        match node.type:
            case "arithmetic_expansion":
                return self._arithmetic(node, state)
            case "expansion":
                return self._expansion(node, state)
        before = len(self.found.reasons)
        start, first, marks = len(self.found.commands), self.text(node)[:1], len(self.found.marks)
        if first == "`" and "\\" in self.text(node):
            self.ask("does not parse", "backslashes within backquotes are not understood")
        self.inside("substitution", node, state)
        fine = len(self.found.reasons) == before
        if node.type == "process_substitution":
            if first == ">":
                self.ask("redirection", "output goes to another command")
            return Arg(UNKNOWN_MARK, pipe=True, written=False)
        commands = self.found.commands[start:]
        single = fine and len(commands) == 1 and self.simple.prints_one_word(commands[0])
        known = printed_text(commands)
        why = FETCHED if self.found.marks_since(marks) & SOURCES else "it is the output of a command"
        return Arg(known or UNKNOWN_MARK, unknown=why, plain=fine, single=single, written=False)

    def substituted(self, node: "Node", state: State) -> Outcome:
        children = [child for child in node.children if child.is_named]
        if len(children) == 1 and children[0].type == "file_redirect":  # $(< file)
            self.redirections.read_file(children[0], state)
        else:
            self.sequence(node, state)
        return settled(state)

    def _arithmetic(self, node: "Node", state: State) -> Arg:
        for child in _below(node, "command_substitution"):
            self.substitution(child, state)
        text = _NAME.sub(lambda name: self.simple.number_of(name[1], state), self.text(node))
        if (
            not re.search(r"\+\+|--", text)
            and _ARITHMETIC.fullmatch(text)
            and _is_balanced(text[3:-2])
            and "=" not in re.sub(r"[=!<>]=", "", text)
        ):
            return Arg(UNKNOWN_MARK, unknown="it is computed", plain=True, single=True, written=False)
        self.ask("arithmetic", "arithmetic with names can change variables and run commands")
        return Arg(UNKNOWN_MARK, unknown="it is computed", written=False)

    def _expansion(self, node: "Node", state: State) -> Arg:
        for child in _below(node, "command_substitution"):
            self.substitution(child, state)
        match = _EXPANSION.fullmatch(self.text(node))
        if not match:
            self.ask("expansion", f"this expansion is not understood: {self.text(node)[:60]}")
            default = re.search(r":?[-=]((?:/|~|\$HOME)[^}\s]*)|^\$\{(HOME):?\?", self.text(node))
            text = (default[1] or "~") if default else UNKNOWN_MARK
            return Arg(text.replace("$HOME", "~"), home=text[:1] in "~$", unknown="it is an expansion", written=False)
        return self.simple.expansion(*match.groups(), state=state)

    def nested(self, code: str, state: State) -> None:
        """Look for what is forbidden in shell code that is handed to another shell."""
        if not code.strip():
            return
        if self.depth >= MOST_DEEP or self.found.nested >= MOST_NESTED:
            self.ask("nesting", "commands are handed on too often to be read")
            return
        self.found.nested += 1
        tree = parse(code)
        if isinstance(tree, Unparsed):
            self.ask("does not parse", tree.why)
            for reason in scan_text(code):
                self.forbid(reason)
            return
        Walk(tree, self.place, self.found, self.depth + 1, (*self.within, "code")).run(state)

    def finish(self) -> None:
        """Judge all parts together."""
        self.forbid(why_together(self.found.marks_since(0)))

    def check_same(self, words: list[Word], nodes: "list[Node]") -> None:
        """Both readings must see the same words."""
        if [(word.start, word.end) for word in words] != [(node.start_byte, node.end_byte) for node in nodes]:
            self.ask("does not parse", "the text can be read in two ways")

    def place_of(self, arg: Arg, state: State) -> set[str]:
        """All places that an argument may name."""
        return {join(folder, arg) for folder in state.folders}


def _below(node: "Node", kind: str) -> "list[Node]":
    """The nodes of a kind below a node that are in no other of that kind."""
    found, waiting = list["Node"](), list(node.children)
    while waiting:
        child = waiting.pop()
        if child.type == kind:
            found.append(child)
        else:
            waiting.extend(child.children)
    return found


def _is_balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


Handler = Callable[[Walk, "Node", State], Outcome]
_HANDLERS: dict[str, Handler] = {
    "program": Walk.program,
    "list": Walk.and_or,
    "pipeline": Walk.pipeline,
    "negated_command": Walk.negated,
    "subshell": Walk.subshell,
    "compound_statement": Walk.group,
    "redirected_statement": Walk.redirected,
    "if_statement": Walk.branches,
    "elif_clause": Walk.branches,
    "else_clause": Walk.branches,
    "for_statement": Walk.for_loop,
    "while_statement": Walk.while_loop,
    "do_group": Walk.sequence,
    "case_statement": Walk.case,
    "function_definition": Walk.function,
    "test_command": Walk.test,
    "command": Walk.command,
    "variable_assignment": Walk.command,
    "variable_assignments": Walk.command,
    "declaration_command": Walk.declaration,
    "unset_command": Walk.declaration,
    "command_substitution": Walk.substituted,
    "process_substitution": Walk.substituted,
    "comment": lambda _walk, _node, state: settled(state),
}
"""Kind of node → how it is read. Every other kind of the grammar is part of a word, or is asked about."""
_STATEMENTS = frozenset(_HANDLERS) | {"ERROR", "c_style_for_statement", "file_redirect", "heredoc_redirect"}
