"""Where input comes from and output goes to: files, devices, other descriptors, text in the command itself."""

import re
from typing import TYPE_CHECKING

from aiex.guard.commands.network import SOURCES, why_pipeline
from aiex.guard.commands.places import WRITABLE_DEVICES, why_not_read
from aiex.guard.commands.state import Outcome, State
from aiex.guard.commands.syntax import WORD_ENDS
from aiex.guard.commands.targets import destroyed, planted
from aiex.guard.commands.values import Arg
from aiex.guard.commands.words import Disagreement, Word, read_words
from aiex.patterns import late

if TYPE_CHECKING:
    from tree_sitter import Node

    from aiex.guard.commands.walk import Walk

KINDS = frozenset(["file_redirect", "heredoc_redirect", "herestring_redirect"])
_OPERATOR = late(rb"([0-9]*)(&>>|&>|>>|>\||<>|<&|>&|>|<)[ \t]*")
_DESCRIPTOR = late(r"[0-9]+|-")
_HERE_START = late(r"'([^'\n]+)'|\"([^\"\n$`\\]+)\"|\\?([\w.-]+)")


class Redirections:
    """Reads the redirections of one walk."""

    def __init__(self, walk: "Walk") -> None:
        self.walk = walk
        self.here_documents = 0

    def visit(self, node: "Node", state: State) -> Outcome:
        """A statement with redirections behind it."""
        walk = self.walk
        walk.check_gaps(node.children)
        bodies = [child for child in node.children if child.type not in KINDS and child.type != "comment"]
        before = len(walk.found.marks)
        outcome = Outcome(state, state)
        for body in bodies:
            outcome = walk.visit(body, state)
        after = len(walk.found.marks)
        state = walk.last if [body.type for body in bodies] == ["list"] else state
        for child in node.children:
            if child.type in KINDS:
                self.redirect(child, state, before)
        if "interpret" in walk.found.marks_since(before) and walk.found.marks_since(after) & SOURCES:
            walk.forbid(("runs code from the network", "an interpreter reads what was fetched or decoded"))
        return outcome

    def redirect(self, node: "Node", state: State, before: int) -> None:
        """One redirection; `before` is the number of the first mark of what it belongs to."""
        match node.type:
            case "file_redirect":
                self._file(node, state, before)
            case "heredoc_redirect":
                self._here_document(node, state, before)
            case "herestring_redirect":
                self._here_string(node, state)

    def read_file(self, node: "Node", state: State) -> None:
        """`$(< file)`: the file is read."""
        operator, words = self._split(node)
        if operator != b"<" or len(words) != 1:
            self.walk.ask("redirection", "this redirection is not understood")
        self._file(node, state, len(self.walk.found.marks))

    def _split(self, node: "Node") -> tuple[bytes, list[Word]]:
        source = self.walk.tree.source
        match = _OPERATOR.match(source, node.start_byte, node.end_byte)
        if not match:
            raise Disagreement("a redirection is not understood")
        before = source[node.start_byte - 1 : node.start_byte] if node.start_byte else b""
        if match[1] and before.strip(WORD_ENDS):
            raise Disagreement("a number touches the word before it")
        if before == b"}":
            raise Disagreement("a redirection may set a variable")
        return match[2], read_words(self.walk.tree, match.end(), node.end_byte)

    def _file(self, node: "Node", state: State, before: int) -> None:
        walk = self.walk
        operator, words = self._split(node)
        if not words:
            raise Disagreement("a redirection without a name")
        if words[1:]:
            walk.ask("redirection", "arguments stand behind a redirection")
            walk.simple.late_arguments(words[1:], state, before)
        choices = walk.simple.expand(words[0], state)
        if len(choices) != 1:
            walk.ask("redirection", "braces make several names of one")
        for arg in (arg for choice in choices for arg in choice):
            self._target(operator, arg, state, before)

    def _target(self, operator: bytes, arg: Arg, state: State, before: int) -> None:
        walk = self.walk
        if operator in (b">&", b"<&") and arg.is_known and _DESCRIPTOR.fullmatch(arg.text):
            return
        if re.match(r"/dev/(?:tcp|udp)/", arg.text):
            walk.found.marks.append({"device"})
            walk.ask("network", f"{arg.text} is a connection to the network")
        elif operator == b"<":
            why = "the name is a pattern" if arg.glob else why_not_read(arg, state.folders, walk.place)
            if why:
                walk.ask("path", f"< {arg.text}: {why}")
        elif not (arg.is_known and not arg.home and arg.text in WRITABLE_DEVICES):
            self._write(operator, arg, state, before)

    def _write(self, operator: bytes, arg: Arg, state: State, before: int) -> None:
        walk = self.walk
        walk.ask("redirection", f"{operator.decode()} {arg.text}: it writes to a file")
        if why := planted(arg, state.folders, walk.place.rules):
            walk.forbid(("plants" if "disk" not in why else "destroys", f"{operator.decode()} {arg.text}: {why}"))
        elif destroyed(arg, state.folders) == "a disk":
            walk.forbid(("destroys", f"{operator.decode()} {arg.text}: it overwrites a disk"))
        if walk.found.marks_since(before) & SOURCES:
            walk.found.fetched |= walk.place_of(arg, state)

    def _here_string(self, node: "Node", state: State) -> None:
        start = node.start_byte + self.walk.tree.source[node.start_byte : node.end_byte].index(b"<<<") + 3
        for word in read_words(self.walk.tree, start, node.end_byte):
            self.walk.simple.here_texts += [arg.text for arg in self.walk.simple.print_only(word, state)]

    def _here_document(self, node: "Node", state: State, before: int) -> None:
        walk = self.walk
        self.here_documents += 1
        if self.here_documents > 1:
            walk.ask("here document", "only one here document is understood")
        self._here_line(node, state, before)
        body, quoted = self._here_body(node)
        if not quoted and re.search(r"[$`]", body):
            walk.ask("here document", "the text is expanded, for lack of quotes around its end mark")
            for child in _substitutions(node):
                walk.substitution(child, state)
        if "interpret" in walk.found.marks_since(before):
            walk.nested(body, state)
            if walk.found.marks_since(before) & SOURCES:
                walk.forbid(("runs code from the network", "an interpreter reads what was fetched or decoded"))

    def _here_line(self, node: "Node", state: State, before: int) -> None:
        """What follows `<<END` on its line."""
        walk = self.walk
        for child in node.children:
            if child.type == "file_redirect":
                self.redirect(child, state, before)
            elif child.type == "pipeline":
                stages = [walk.found.marks_since(before)]
                for stage in child.named_children:
                    start = len(walk.found.marks)
                    walk.inside("pipeline", stage, state)
                    stages.append(walk.found.marks_since(start))
                walk.check_gaps(child.children)
                walk.forbid(why_pipeline(stages))
            elif child.is_named and child.type not in (
                "heredoc_start",
                "heredoc_body",
                "heredoc_end",
                "file_descriptor",
            ):
                walk.ask("here document", "what follows the here document on its line is not understood")
                walk.visit(child, state)

    def _here_body(self, node: "Node") -> tuple[str, bool]:
        """The text of a here document, found as bash finds it, and whether it is quoted."""
        source = self.walk.tree.source
        start = next((child for child in node.children if child.type == "heredoc_start"), None)
        end = next((child for child in node.children if child.type == "heredoc_end"), None)
        mark = _HERE_START.fullmatch(self.walk.text(start)) if start is not None else None
        if start is None or end is None or mark is None or start.start_byte == 0:
            raise Disagreement("the end of a here document is not understood")
        strip = node.children[0].type == "<<-"
        line_end = source.find(b"\n", start.end_byte)
        others = [child for child in node.children if child.type not in ("heredoc_body", "heredoc_end")]
        if line_end < 0 or any(child.end_byte > line_end for child in others):
            raise Disagreement("the line of a here document is not understood")
        at = first = line_end + 1
        wanted = (mark[1] or mark[2] or mark[3]).encode()
        while at < len(source):
            after = source.find(b"\n", at)
            after = len(source) if after < 0 else after
            line = source[at:after].lstrip(b"\t") if strip else source[at:after]
            if line == wanted:
                if end.end_byte != after or end.text != wanted:
                    raise Disagreement("a here document ends elsewhere")
                return source[first:at].decode("utf-8", "replace"), not mark[3] or self.walk.text(start).startswith(
                    "\\"
                )
            at = after + 1
        raise Disagreement("a here document does not end")


def _substitutions(node: "Node") -> "list[Node]":
    found, waiting = list["Node"](), [child for child in node.children if child.type == "heredoc_body"]
    while waiting:
        child = waiting.pop()
        if child.type == "command_substitution":
            found.append(child)
        else:
            waiting.extend(child.children)
    return found
