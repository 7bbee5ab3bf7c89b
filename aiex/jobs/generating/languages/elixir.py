"""Elixir: modules under `lib`, ExUnit, umbrellas."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.errors import Conflict, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.generating.drafting import as_code
from aiex.jobs.generating.model import Draft, Ecosystem, Made
from aiex.jobs.generating.naming import pascal, snake, split_name
from aiex.jobs.generating.project import is_inside, most
from aiex.jobs.generating.signatures import closing, split_outside

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Code, Member, Place
    from aiex.jobs.generating.project import Project

TODO = "TODO"
_MODULE = re.compile(r"(?m)^defmodule\s+([\w.]+)\s+do\b")


class Elixir:
    """The template of Elixir."""

    name = "elixir"
    extensions = (".ex", ".exs")
    ecosystem: Ecosystem = "mix"
    comment = ("#", "", "")
    keywords = frozenset(
        {"after", "and", "catch", "do", "else", "end", "false", "fn", "in", "nil", "not", "or", "rescue", "true",
         "when", "def", "defp", "defmodule", "if", "unless", "case", "cond", "use", "import", "alias", "require",
         "quote", "unquote", "receive", "try", "super"}
    )  # fmt: skip
    indent = "  "
    quote = ""
    named = re.compile(r"_?[a-z][a-z0-9_]*[?!]?\Z")
    is_first = True

    def home(self, project: Project, member: Member) -> str:
        """The folder of the application in `lib`."""
        application = snake(split_name(member.name)) if member.name else ""
        beneath = f"{member.folder}/lib".lstrip("/")
        has_own = f"{beneath}/{application}" in project.folders or project.has(f"{beneath}/{application}.ex")
        others = [path for path in project.files_of(member, (".ex",)) if is_inside(path, beneath)]
        return f"{beneath}/{application}" if has_own or not others else beneath

    def inner_folders(self, parts: list[str], home: str, member: Member) -> list[str]:
        """Modules in modules: `Shop.Cart.` gives cart."""
        named = [snake(split_name(part)) for part in parts]
        return named[1:] if named and named[0] in (home.rpartition("/")[2], "lib") else named

    def identifier(self, words: Sequence[str]) -> str:
        """Snake case."""
        return snake(words)

    def module(self, kit: Kit, place: Place) -> Made:
        """A module with one function, and its test."""
        path = f"{place.folder}/{snake(place.words)}.ex".lstrip("/")
        module = ".".join([*_modules_of(kit, place.folder), pascal(place.words)])
        step = kit.style.indent
        name = self.identifier(place.words)
        doc = [f'{step}@moduledoc """', f"{step}{TODO}: say what {module} is for.", f'{step}"""', ""]
        text = "\n".join([f"defmodule {module} do", *doc, *_function(name, [], step), "end"])
        draft = kit.new(path, text)
        code = as_code(draft)
        return self._with_tests(kit, code, (draft,), [_index_of(code, name)])

    def function(self, kit: Kit, code: Code, name: str, signature: str) -> Made:
        """A function at the end of the module, and a test of it."""
        if re.search(rf"(?m)^\s*defp?\s+{re.escape(name)}(?![\w?!])", code.text):
            raise Conflict(f"{printable_path(code.path)} has a {name} already", hint="choose another name")
        if not _MODULE.search(code.text):
            raise UsageError(f"{printable_path(code.path)} defines no module")
        said = signature.strip()
        is_whole = not said or ("\n" not in said and closing(f"({said})", 0) == len(said) + 1)
        if said.startswith("("):
            is_whole, said = closing(said, 0) == len(said) - 1, said[1:-1]
        parameters = split_outside(said)
        if not is_whole or not all(re.match(r"[a-z_%{\[\"<:]", one) for one in parameters):
            hint = "write it as in Elixir: --signature '(items, rate \\\\ 2)'"
            raise UsageError(f"'{printable_path(signature)}' is no signature", hint=hint)
        at = code.text.rstrip().rfind("end")
        step = kit.indent_in(code.text)
        block = "\n".join(_function(name, parameters, step))
        text = f"{code.text[:at].rstrip()}\n\n{block}\n{code.text[at:]}"
        changed = kit.change(code, text)
        new = as_code(changed)
        index = _index_of(new, name)
        if index < 0 or new.facts.parsed != "full":
            raise UsageError(f"'{printable_path(signature)}' is no signature")
        return self._with_tests(kit, new, (changed,), [index])

    def tests(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """A test of every public function."""
        inside = [index for index, one in enumerate(code.facts.symbols) if one.parent in symbols]
        return self._with_tests(kit, code, (), list(dict.fromkeys([*symbols, *inside])))

    def docs(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """`@moduledoc` and `@doc`."""
        lines = code.text.split("\n")
        inserts: list[tuple[int, list[str]]] = []
        for index in symbols:
            if index < 0:
                continue
            symbol = code.facts.symbols[index]
            at = symbol.start_line - 1
            white = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
            attributes = _attributes_above(lines, at)
            if symbol.kind == "module":
                if not symbol.doc and not re.search(r"@moduledoc\b", "\n".join(lines[at : at + 12])):
                    step = white + kit.indent_in(code.text)
                    inserts.append((at + 1, [*_document("moduledoc", f"say what {symbol.name} is for", step), ""]))
            elif symbol.kind in ("function", "macro") and not symbol.doc and "@doc" not in "\n".join(attributes):
                first = at - sum(line.lstrip().startswith("@") for line in attributes)
                inserts.append((first, _document("doc", f"say what {symbol.name} gives", white)))
        if not inserts:
            return Made(())
        for at, block in sorted(reversed(inserts), key=lambda one: one[0], reverse=True):
            lines[at:at] = block
        return Made((kit.change(code, "\n".join(lines)),))

    def _with_tests(self, kit: Kit, code: Code, drafts: tuple[Draft, ...], symbols: Sequence[int]) -> Made:
        functions = [
            (symbol.qualified.rpartition(".")[0], symbol.name, _arities(symbol.signature, symbol.name))
            for index, symbol in enumerate(code.facts.symbols)
            if index in symbols and symbol.kind == "function" and symbol.exported
        ]
        functions = list({(module, name): (module, name, arities) for module, name, arities in functions}.values())
        if not functions:
            raise UsageError(f"{printable_path(code.path)} has no public function to test")
        path = _test_path(kit, code.path)
        step = kit.style.indent
        known = kit.project.read(path) if kit.project.has(path) else ""
        blocks = [
            block
            for module, name, arities in functions
            if not re.search(rf"\b{re.escape(name)}(?![\w?!])", known)
            for block in _tests(module, name, arities, step)
        ]
        if not blocks:
            hint = "nothing is overwritten; name one function: FILE::NAME"
            raise Conflict(f"{printable_path(path)} has tests of all of it already", hint=hint)
        body = "\n\n".join(blocks)
        if known:
            at = known.rstrip().rfind("end")
            test = kit.change(kit.project.code(path), f"{known[:at].rstrip()}\n\n{body}\n{known[at:]}")
        else:
            uses = _uses(kit)
            test = kit.new(path, f"defmodule {functions[0][0]}Test do\n{step}{uses}\n\n{body}\nend")
        shown = path[len(kit.member.folder) :].lstrip("/")
        run = f"cd {kit.member.folder} && mix test {shown}" if kit.member.folder else f"mix test {shown}"
        return Made((*drafts, test), run, (), len(blocks) // 2)


def _function(name: str, parameters: Sequence[str], step: str) -> list[str]:
    taken = ", ".join(parameters)
    unused = re.sub(r"(?<![\w:_])([a-z]\w*)(?=\s*(?:\\\\|,|$))", r"_\1", taken) if parameters else ""
    return [
        *_document("doc", f"say what {name} gives", step),
        f"{step}def {name}({unused}) do",
        f'{step * 2}raise "{name} is not written yet"',
        f"{step}end",
    ]


def _document(word: str, does: str, white: str) -> list[str]:
    return [f'{white}@{word} """', f"{white}{TODO}: {does}.", f'{white}"""']


def _attributes_above(lines: Sequence[str], at: int) -> list[str]:
    """The attributes that stand directly above a definition."""
    found: list[str] = []
    while at > 0 and re.match(r"\s*@(?:spec|impl|doc|deprecated|since)\b", lines[at - 1]):
        at -= 1
        found.append(lines[at])
    return found


def _modules_of(kit: Kit, folder: str) -> list[str]:
    """The modules that a folder in `lib` stands for, spelled as a file there spells them."""
    inner = folder[len(f"{kit.member.folder}/lib".lstrip("/")) :].strip("/")
    parts = [part for part in inner.split("/") if part]
    known: dict[str, str] = {}
    for path in kit.project.files_of(kit.member, (".ex",)):
        for module in _MODULE.findall(kit.project.read_code(path)):
            for word in module.split("."):
                known.setdefault(re.sub(r"_", "", word).lower(), word)
    return [known.get(part.replace("_", ""), pascal(part.split("_"))) for part in parts]


def _index_of(code: Code, name: str) -> int:
    found = [index for index, one in enumerate(code.facts.symbols) if one.name == name and one.kind == "function"]
    return found[-1] if found else -1


def _arities(signature: str, name: str) -> list[int]:
    """How many arguments a function takes, with and without those that have a default."""
    inner = signature.partition(name)[2].partition(" when ")[0].strip()
    parts = split_outside(inner[1:-1]) if inner.startswith("(") and inner.endswith(")") else []
    optional = sum("\\\\" in part for part in parts)
    return [*range(len(parts) - optional, len(parts) + 1)]


def _test_path(kit: Kit, path: str) -> str:
    inner = path[len(kit.member.folder) :].lstrip("/").removeprefix("lib/").rpartition(".")[0]
    return f"{kit.member.folder}/test/{inner}_test.exs".lstrip("/")


def _uses(kit: Kit) -> str:
    texts = [kit.project.read_code(path) for path in kit.test_files()]
    votes = [found[1].strip() for text in texts if (found := re.search(r"(?m)^\s*(use ExUnit\.Case[^\n]*)$", text))]
    winner, evidence = most(votes)
    return kit.note("tests begin with", winner or "use ExUnit.Case, async: true", evidence)


def _tests(module: str, name: str, arities: Sequence[int], step: str) -> list[str]:
    checks = [f"{step * 2}assert function_exported?({module}, :{name}, {arity})" for arity in arities]
    there = "\n".join(
        [f'{step}test "{name} is there" do', f"{step * 2}Code.ensure_loaded!({module})", *checks, f"{step}end"]
    )
    said = f"to do: call {module}.{name} and check what comes of it"
    still = "\n".join(
        [f'{step}@tag skip: "{said}"', f'{step}test "{name} does its work" do', f"{step}end"]
    )  # fmt: skip
    return [there, still]


TEMPLATE = Elixir()
