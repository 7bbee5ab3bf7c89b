"""The template that JavaScript and TypeScript share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.errors import Conflict, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.names import role_of
from aiex.jobs.generating.cases import count_open
from aiex.jobs.generating.drafting import add_comments, as_code
from aiex.jobs.generating.ecma.exports import add_function
from aiex.jobs.generating.ecma.manner import (
    file_stem,
    find_manner,
    find_runs,
    kind_of,
    run_command,
    runs_of,
    test_layout,
)
from aiex.jobs.generating.ecma.testing import add_to_file, find_groups, quoted, raised_by, render_file, specifier
from aiex.jobs.generating.model import Draft, Ecosystem, Made
from aiex.jobs.generating.naming import camel
from aiex.jobs.generating.placing import place_test
from aiex.jobs.generating.project import is_inside, most
from aiex.jobs.generating.signatures import closing, read_signature

if TYPE_CHECKING:
    from aiex.jobs.generating.cases import Group
    from aiex.jobs.generating.ecma.exports import Exported
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Code, Member, Place
    from aiex.jobs.generating.project import Project

TODO = "TODO"
KEYWORDS = frozenset(
    {"await", "break", "case", "catch", "class", "const", "continue", "debugger", "default", "delete", "do", "else",
     "enum", "export", "extends", "false", "finally", "for", "function", "if", "implements", "import", "in",
     "instanceof", "interface", "let", "new", "null", "package", "private", "protected", "public", "return", "static",
     "super", "switch", "this", "throw", "true", "try", "typeof", "undefined", "var", "void", "while", "with", "yield",
     "arguments", "eval"}
)  # fmt: skip


class Ecma:
    """One of the two languages."""

    ecosystem: Ecosystem = "node"
    comment = ("//", "/*", "*/")
    keywords = KEYWORDS
    indent = "  "
    quote = '"'
    named = re.compile(r"[_$]?[a-z][A-Za-z0-9]*\Z")

    def __init__(self, name: str, extensions: tuple[str, ...], *, typed: bool) -> None:
        self.name = name
        self.extensions = extensions
        self.typed = typed
        self.is_first = not typed

    def home(self, project: Project, member: Member) -> str:
        """`src` or `lib` where code is there, else the folder of the package."""
        files = [path for path in project.files_of(member, self.extensions) if role_of(path, "c") == "code"]
        folders = [f"{member.folder}/{name}".lstrip("/") for name in ("src", "lib", "app")]
        votes = [folder for path in files for folder in folders if is_inside(path, folder)]
        there = most(votes)[0]
        if there:
            return there
        return folders[0] if folders[0] in project.folders else member.folder

    def inner_folders(self, parts: list[str], home: str, member: Member) -> list[str]:
        """As they are written."""
        return parts[1:] if parts and parts[0] == home.rpartition("/")[2] else parts

    def identifier(self, words: Sequence[str]) -> str:
        """Camel case."""
        return camel(words)

    def module(self, kit: Kit, place: Place) -> Made:
        """A module that exports one function, and its test."""
        files = kit.project.files_of(kit.member, self.extensions)
        endings = [one for path in files for one in (".mjs", ".cjs", ".mts", ".cts") if path.endswith(one)]
        usual = most(endings)[0] if len(endings) * 2 > len(files) else self.extensions[0]
        path = f"{place.folder}/{file_stem(kit, place.words)}{place.extension or usual}".lstrip("/")
        manner = find_manner(kit, typed=self.typed, path=path)
        name = self.identifier(place.words)
        text = add_function("", name, self._block(kit, name, "", manner.semicolon), is_esm=manner.is_esm,
                            semicolon=manner.semicolon)  # fmt: skip
        draft = kit.new(path, text)
        return self._with_tests(kit, as_code(draft), (draft,), [0])

    def function(self, kit: Kit, code: Code, name: str, signature: str) -> Made:
        """A function at the end, exported as the others are, and a test of it."""
        if re.search(rf"(?m)\b(?:function\*?|class|const|let|var)\s+{re.escape(name)}\b", code.text):
            raise Conflict(f"{printable_path(code.path)} has a {name} already", hint="choose another name")
        manner = find_manner(kit, typed=self.typed, path=code.path)
        is_esm = (kind_of(code.text) == "ES modules") if kind_of(code.text) else manner.is_esm
        manner = manner._replace(is_esm=is_esm)
        block = self._block(kit, name, self._read_signature(signature), manner.semicolon)
        text = add_function(code.text, name, block, is_esm=is_esm, semicolon=manner.semicolon)
        changed = kit.change(code, text)
        new = as_code(changed)
        index = next((at for at, one in enumerate(new.facts.symbols) if one.name == name and one.parent < 0), -1)
        if index < 0 or (new.facts.parsed != "full" and code.facts.parsed == "full"):
            raise UsageError(f"'{printable_path(signature)}' is no signature", hint=self._example())
        return self._with_tests(kit, new, (changed,), [index])

    def tests(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """Tests of what the module exports."""
        return self._with_tests(kit, code, (), symbols)

    def docs(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """JSDoc comments."""
        blocks = {index: self._comment(code, index) for index in symbols if index >= 0}
        text, given = add_comments(code, blocks)
        kit.note("documentation", "TSDoc" if self.typed else "JSDoc")
        return Made((kit.change(code, text),) if given else ())

    # --- parts ------------------------------------------------------------------------------------------------------

    def _block(self, kit: Kit, name: str, taken: str, semicolon: str) -> str:
        word = "async " if taken.startswith("async ") else ""
        taken = taken.removeprefix("async ") or ("(): void" if self.typed else "()")
        message = quoted(kit, f"{name} is not written yet")
        return (
            f"/** {TODO}: say what {name} does. */\n{word}function {name}{taken} {{\n"
            f"{kit.style.indent}throw new Error({message}){semicolon}\n}}"
        )

    def _example(self) -> str:
        return (
            "--signature '(items: number[], rate = 0.2): number'" if self.typed else "--signature '(items, rate = 0.2)'"
        )

    def _read_signature(self, signature: str) -> str:
        said = re.sub(r"(?<=\S)\s*(?:=>)?\s*\{?\Z", "", signature.strip())
        word = "async " if re.match(r"async\b", said) else ""
        said = re.sub(r"\A(?:async\b\s*)?(?:function\b\s*)?", "", said)
        if not said:
            return word
        if said[0] not in "(<":
            said = f"({said})"
        at = said.find("(", closing(said, 0) if said[0] == "<" else 0)
        if at < 0 or closing(said, at) < 0 or re.search(r"[{}][^{}]*\Z", said[closing(said, at) :]) or "\n" in said:
            raise UsageError(f"'{printable_path(signature)}' is no signature", hint=self._example())
        return word + said

    def _with_tests(self, kit: Kit, code: Code, drafts: tuple[Draft, ...], symbols: Sequence[int]) -> Made:
        found = find_groups(code, symbols)
        if not found:
            raise UsageError(f"{printable_path(code.path)} exports no function or class to test")
        runs = find_runs(kit)
        manner = find_manner(kit, typed=self.typed, path=code.path)
        layout, roots = test_layout(kit, runs)
        place = place_test(layout, code.path, roots, ending=code.path[code.path.rindex(".") :])
        there = kit.find_test(code.path, place, specifier(place, code.path, manner.extension))
        if there:
            path = there
            test = self._added(kit, path, code.path, found)
        else:
            path = place
            is_esm = manner.is_esm or runs.runner == "vitest"
            test = kit.new(path, render_file(kit, manner._replace(is_esm=is_esm), runs, path, code.path, found))
        left = count_open([group for group, _ in found])
        return Made((*drafts, test), run_command(kit, path, runs.runner), (), left)

    def _added(self, kit: Kit, path: str, source: str, found: Sequence[tuple[Group, Exported]]) -> Draft:
        code = kit.project.code(path)
        missing = [one for one in found if not re.search(rf"(?<![\w$]){re.escape(one[0].name)}(?![\w$])", code.text)]
        if not missing:
            hint = "nothing is overwritten; name one function: FILE::NAME"
            raise Conflict(f"{printable_path(path)} has tests of all of it already", hint=hint)
        manner = find_manner(kit, typed=self.typed, path=path)
        manner = manner._replace(is_esm=kind_of(code.text) != "CommonJS" if kind_of(code.text) else manner.is_esm)
        text = add_to_file(kit, code.text, manner, runs_of(kit, code.text), path, source, missing)
        return kit.change(code, text)

    def _comment(self, code: Code, index: int) -> list[str]:
        symbol = code.facts.symbols[index]
        if symbol.kind not in ("function", "method"):
            return [f"/** {TODO}: say what {symbol.name} is. */"]
        said = read_signature(symbol.signature[max(symbol.signature.find("("), 0) :], form="colon")
        body = code.source[symbol.start_byte : symbol.end_byte].decode("utf-8", "replace")
        plain = re.sub(r"\A(?:Promise<(.*)>|(.*))\Z", r"\1\2", said.returns.strip())
        returns = plain not in ("void", "never", "undefined", "") if said.returns else "return " in body
        lines = [f"{TODO}: say what {symbol.name} {'gives' if returns else 'does'}."]
        rows = []
        for one in said.parameters:
            if one.name == "this" or not re.fullmatch(r"[\w$]+", one.name):
                continue
            shown = f"[{one.name}]" if one.default and not self.typed else one.name
            rows.append(f"@param {shown} - {TODO}" if self.typed else f"@param {{*}} {shown} {TODO}")
        rows += [f"@returns {TODO}" if self.typed else f"@returns {{*}} {TODO}"] if returns else []
        rows += [f"@throws {{{error}}} {TODO}" for error in raised_by(code, index)]
        if not rows:
            return [f"/** {lines[0]} */"]
        return ["/**", *(f" * {line}".rstrip() for line in [*lines, "", *rows]), " */"]
