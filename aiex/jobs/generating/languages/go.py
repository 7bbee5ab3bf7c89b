"""Go: packages of a module, tests beside the code, tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.errors import Conflict, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.names import is_test
from aiex.jobs.generating.drafting import add_comments, as_code, find_symbol
from aiex.jobs.generating.model import Draft, Ecosystem, Made, Parameter
from aiex.jobs.generating.naming import pascal, sentence, snake
from aiex.jobs.generating.project import is_inside, most
from aiex.jobs.generating.signatures import Signature, closing, read_signature, split_outside

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Code, Member, Place
    from aiex.jobs.generating.project import Project

TODO = "TODO"
_PACKAGE = re.compile(r"(?m)^package\s+(\w+)")
_BASES = ("internal", "pkg")


class Go:
    """The template of Go."""

    name = "go"
    extensions = (".go",)
    ecosystem: Ecosystem = "go"
    comment = ("//", "/*", "*/")
    keywords = frozenset(
        {"break", "case", "chan", "const", "continue", "default", "defer", "else", "fallthrough", "for", "func", "go",
         "goto", "if", "import", "interface", "map", "package", "range", "return", "select", "struct", "switch", "type",
         "var", "main", "init"}
    )  # fmt: skip
    indent = "\t"
    quote = ""
    named = re.compile(r"[A-Za-z][A-Za-z0-9]*\Z")
    is_first = True

    def home(self, project: Project, member: Member) -> str:
        """`internal` or `pkg` where most packages are, else the folder of the module."""
        files = [path for path in project.files_of(member, self.extensions) if not is_test(path)]
        folders = [f"{member.folder}/{name}".lstrip("/") for name in _BASES]
        votes = [folder for path in files for folder in folders if is_inside(path, folder)]
        return most(votes)[0] or member.folder

    def inner_folders(self, parts: list[str], home: str, member: Member) -> list[str]:
        """As they are written; `internal` is not said twice."""
        return parts[1:] if parts and parts[0] == home.rpartition("/")[2] else parts

    def identifier(self, words: Sequence[str]) -> str:
        """Exported, in Pascal case."""
        return pascal(words)

    def module(self, kit: Kit, place: Place) -> Made:
        """A file in the package of a folder that is there; else a package of its own, in a folder of that name."""
        package = _package_in(kit, place.folder)
        name = self.identifier(place.words)
        folder = place.folder
        is_library = package not in ("", "main") and not _has_folders(kit, folder)
        comment = ""
        if package and (place.is_chosen or is_library):
            kit.note("package", package, "its files")
        else:
            package = "".join(place.words)
            if package in self.keywords:
                raise UsageError(f"'{package}' is a keyword of Go", hint=f"did you mean {package}s?")
            folder = f"{folder}/{package}".lstrip("/")
            comment = f"// Package {package} is the {sentence(place.words).lower()}.\n"
        path = f"{folder}/{_file_stem(kit, place.words)}.go".lstrip("/")
        text = f"{comment}package {package}\n\n{_function(name, '()')}"
        draft = kit.new(path, text)
        return self._with_tests(kit, as_code(draft), (draft,), [0])

    def function(self, kit: Kit, code: Code, name: str, signature: str) -> Made:
        """A function at the end, and a test of it."""
        if re.search(rf"(?m)^(?:func|type|var|const)\s+{name}\b", code.text):
            raise Conflict(f"{printable_path(code.path)} has a {name} already", hint="choose another name")
        taken = _read_taken(signature)
        text = f"{code.text.rstrip()}\n\n{_function(name, taken)}"
        changed = kit.change(code, text)
        new = as_code(changed)
        index = find_symbol(new, name)
        if index < 0 or new.facts.parsed != "full":
            raise _no_signature(signature)
        return self._with_tests(kit, new, (changed,), [index])

    def tests(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """A test of every exported function and method."""
        return self._with_tests(kit, code, (), symbols)

    def docs(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """Comments that begin with the name, as godoc wants them."""
        kit.note("documentation", "comments that begin with the name", "go.dev/doc/comment")
        blocks = {
            index: [f"// {code.facts.symbols[index].name} {TODO}: say what it {_does(code, index)}."]
            for index in symbols
            if index >= 0 and code.facts.symbols[index].kind not in ("field",)
        }
        text, given = add_comments(code, blocks)
        return Made((kit.change(code, text),) if given else ())

    # --- parts ------------------------------------------------------------------------------------------------------

    def _with_tests(self, kit: Kit, code: Code, drafts: tuple[Draft, ...], symbols: Sequence[int]) -> Made:
        package = _PACKAGE.search(code.text)
        if package is None:
            raise UsageError(f"{printable_path(code.path)} has no package clause")
        wanted = [index for index in symbols if index >= 0 and code.facts.symbols[index].kind == "function"]
        wanted += [index for index in _functions(code) if index in symbols or _owner(code, index) in symbols]
        functions = sorted({*wanted})
        if not functions:
            raise UsageError(f"{printable_path(code.path)} exports no function to test")
        path = code.path.removesuffix(".go") + "_test.go"
        is_there = kit.project.has(path)
        test_package = _test_package(kit, code.path, package[1])
        if is_there:
            test = kit.project.code(path)
            found = _PACKAGE.search(test.text)
            test_package = found[1] if found else test_package
        is_outside = test_package != package[1]
        uses_tables = _uses_tables(kit)
        imports: dict[str, None] = {"testing": None}
        if is_outside:
            imports[_import_path(kit, code.path)] = None
        blocks = []
        for index in functions:
            name = _test_name(code, index)
            if is_there and re.search(rf"(?m)^func {name}\(", test.text):
                continue
            prefix = f"{package[1]}." if is_outside else ""
            block, needed = _test(code, index, name, prefix, tables=uses_tables)
            imports |= dict.fromkeys(needed)
            blocks.append(block)
        if not blocks:
            hint = "nothing is overwritten; name one function: FILE::NAME"
            raise Conflict(f"{printable_path(path)} has tests of all of it already", hint=hint)
        body = "\n\n".join(blocks)
        if is_there:
            draft = kit.change(test, _add_imports(f"{test.text.rstrip()}\n\n{body}\n", [*imports]))
        else:
            draft = kit.new(path, f"package {test_package}\n\n{_imports([*imports])}\n\n{body}\n")
        where = code.path.rpartition("/")[0]
        inner = where[len(kit.member.folder) :].lstrip("/")
        run = f"go test ./{inner}" if inner else "go test ."
        return Made((*drafts, draft), f"cd {kit.member.folder} && {run}" if kit.member.folder else run, (), len(blocks))


def _function(name: str, taken: str) -> str:
    return f'// {name} {TODO}: say what it does.\nfunc {name}{taken} {{\n\tpanic("{name} is not written yet")\n}}\n'


def _does(code: Code, index: int) -> str:
    kind = code.facts.symbols[index].kind
    return "does" if kind in ("function", "method") else "is"


def _read_taken(signature: str) -> str:
    said = re.sub(r"\A\s*func\b\s*(?:\w+\s*(?=[(\[]))?", "", signature).strip()
    said = re.sub(r"(?<=\S)\s*\{\Z", "", said)
    if not said:
        return "()"
    if said[0] not in "([":
        said = f"({said})"
    at = said.find("(", closing(said, 0) if said[0] == "[" else 0)
    if at < 0 or closing(said, at) < 0 or "\n" in said or "{" in said[closing(said, at) :]:
        raise _no_signature(signature)
    return said


def _no_signature(signature: str) -> UsageError:
    hint = "write it as in Go: --signature '(items []int, rate float64) (int, error)'"
    return UsageError(f"'{printable_path(signature)}' is no signature", hint=hint)


def _package_in(kit: Kit, folder: str) -> str:
    """The package of the files in a folder; empty where there are none."""
    for path in kit.project.paths:
        if path.rpartition("/")[0] == folder and path.endswith(".go") and not is_test(path):
            found = _PACKAGE.search(kit.project.read_code(path))
            if found:
                return found[1]
    return ""


def _has_folders(kit: Kit, folder: str) -> bool:
    """Whether there are packages beneath a folder."""
    return any(
        is_inside(path, folder) and "/" in path[len(folder) :].lstrip("/") and path.endswith(".go")
        for path in kit.project.files_of(kit.member, (".go",))
    )


def _file_stem(kit: Kit, words: Sequence[str]) -> str:
    stems = [path.rpartition("/")[2].removesuffix(".go") for path in kit.project.files_of(kit.member, (".go",))]
    stems = [stem.removesuffix("_test") for stem in stems]
    joined = sum(bool(re.fullmatch(r"[a-z]{12,}", stem)) for stem in stems)
    snaked = sum("_" in stem for stem in stems)
    kit.note("files are named in", "one word" if joined > snaked else "snake_case", "their names" if stems else "")
    stem = "".join(words) if joined > snaked else snake(words)
    return f"{stem}s" if words[-1] == "test" else stem


# --- tests ----------------------------------------------------------------------------------------------------------


def _functions(code: Code) -> list[int]:
    return [
        index
        for index, one in enumerate(code.facts.symbols)
        if one.kind in ("function", "method") and one.exported and (one.kind == "function" or _is_exported_type(one))
    ]


def _is_exported_type(symbol: object) -> bool:
    return str(getattr(symbol, "qualified", ""))[:1].isupper()


def _owner(code: Code, index: int) -> int:
    """The type that a method belongs to, in the same file."""
    owner = code.facts.symbols[index].qualified.rpartition(".")[0]
    return next((at for at, one in enumerate(code.facts.symbols) if owner and one.qualified == owner), -2)


def _test_name(code: Code, index: int) -> str:
    symbol = code.facts.symbols[index]
    words = "_".join(filter(None, symbol.qualified.split(".")))
    return f"Test{words}" if words[:1].isupper() else f"Test_{words}"


def _test_package(kit: Kit, path: str, package: str) -> str:
    votes = []
    for test in kit.test_files():
        found = _PACKAGE.search(kit.project.read_code(test))
        if found:
            votes.append("outside" if found[1].endswith("_test") else "inside")
    winner, evidence = most(votes)
    is_outside = winner == "outside" and package != "main"
    kit.note("tests are of package", f"{package}_test" if is_outside else package, evidence)
    return f"{package}_test" if is_outside else package


def _uses_tables(kit: Kit) -> bool:
    texts = [kit.project.read_code(path) for path in kit.test_files()[:40]]
    texts = [text for text in texts if text and 't.Skip("to do' not in text]
    votes = [str("t.Run(" in text or re.search(r":=\s*\[\]struct\s*\{", text) is not None) for text in texts]
    winner, evidence = most(votes)
    kit.note("test style", "plain functions" if winner == "False" else "tables", evidence)
    return winner != "False"


def _import_path(kit: Kit, path: str) -> str:
    inner = path.rpartition("/")[0][len(kit.member.folder) :].strip("/")
    return f"{kit.member.name}/{inner}".rstrip("/")


def _test(code: Code, index: int, name: str, prefix: str, *, tables: bool) -> tuple[str, list[str]]:
    """One test, and what it imports."""
    symbol = code.facts.symbols[index]
    at = symbol.signature.find(symbol.name + "(") if symbol.kind == "method" else symbol.signature.find(symbol.name)
    said = read_signature(symbol.signature[max(at, 0) :], form="space")
    results = _results(said.returns)
    shown = ", ".join(f"{one.name}" for one in said.parameters)
    open_words = f"to do: call {symbol.qualified}({shown}) and check what comes of it"
    is_plain = symbol.kind == "function" and not said.generics and (not prefix or symbol.exported)
    lines = [f"func {name}(t *testing.T) {{"]
    types = [one.type for one in said.parameters] + results
    qualifiers = {word for one in types for word in re.findall(r"\b([a-z]\w*)\.", one)}
    needed = [module for module in _modules_of(code, qualifiers) if module]
    is_known = len(needed) == len(qualifiers) and not (prefix and _has_own_type(types))
    if is_plain and is_known:
        declared = ", ".join(("..." if one.mark == "..." else "") + one.type for one in said.parameters)
        lines.append(f"\tvar _ func({declared}){' ' + said.returns if said.returns else ''} = {prefix}{symbol.name}")
    is_table = is_plain and is_known and tables and said.parameters and _fits_table(said, results)
    if not is_table:
        kept = needed if is_plain and is_known else []
        return "\n".join([*lines, f'\tt.Skip("{open_words}")', "}"]), kept
    table, more = _table(f"{prefix}{symbol.name}", said.parameters, results)
    return "\n".join([*lines, *table, "}"]), [*needed, *more]


def _results(returns: str) -> list[str]:
    """The types of the results; names of results are left out."""
    if not returns.startswith("("):
        return [returns] if returns else []
    parts = split_outside(returns[1 : returns.rindex(")")])
    found = re.compile(r"\w+\s+(?=[^\s(])(?!\{)")
    named = [part for part in parts if found.match(part) and not part.startswith(("func", "chan ", "map[", "struct"))]
    if not named:
        return parts
    read = read_signature(returns, form="space").parameters
    return [one.type for one in read]


def _modules_of(code: Code, qualifiers: set[str]) -> list[str]:
    known = {one.alias or one.module.rpartition("/")[2]: one.module for one in code.facts.imports}
    return [known[one] for one in sorted(qualifiers) if one in known and known[one].rpartition("/")[2] == one]


def _has_own_type(types: Sequence[str]) -> bool:
    """Whether a type of the package itself is named, which a test outside has to qualify."""
    return any(re.search(r"(?<![\w.])[A-Z]\w*", one) for one in types)


def _fits_table(said: Signature, results: Sequence[str]) -> bool:
    is_simple = all(one.mark == "" and not one.type.startswith("func") for one in said.parameters)
    return is_simple and (len(results) == 1 or (len(results) == 2 and results[1] == "error"))


def _table(call: str, parameters: Sequence[Parameter], results: Sequence[str]) -> tuple[list[str], list[str]]:
    """A table without rows, which skips the test, and the loop that goes through it."""
    names = {one.name: (one.name if one.name not in ("_", "name", "want", "wantErr") else f"arg{at}")
             for at, one in enumerate(parameters, 1)}  # fmt: skip
    has_error = results[-1] == "error"
    fields = [("name", "string"), *((names[one.name], one.type) for one in parameters)]
    fields += [("want", results[0])] if results[0] != "error" else []
    fields += [("wantErr", "bool")] if has_error else []
    width = max(len(name) for name, _ in fields)
    passed = ", ".join(f"tt.{names[one.name]}" for one in parameters)
    lines = ["\ttests := []struct {", *(f"\t\t{name:<{width}} {kind}" for name, kind in fields), "\t}{"]
    lines += [f"\t\t// {TODO}: one row for each case.", "\t}", "\tif len(tests) == 0 {"]
    lines += [f'\t\tt.Skip("to do: rows for {call}")', "\t}", "\tfor _, tt := range tests {"]
    lines += ["\t\tt.Run(tt.name, func(t *testing.T) {"]
    got = {1: "err", 2: "got, err"}[len(results)] if has_error else "got"
    lines.append(f"\t\t\t{got} := {call}({passed})")
    if has_error:
        lines += ["\t\t\tif (err != nil) != tt.wantErr {", f'\t\t\t\tt.Fatalf("{call}() error = %v", err)', "\t\t\t}"]
    if results[0] != "error":
        shown = f'\t\t\t\tt.Errorf("{call}() = %v, want %v", got, tt.want)'
        lines += ["\t\t\tif !reflect.DeepEqual(got, tt.want) {", shown, "\t\t\t}"]
    return [*lines, "\t\t})", "\t}"], ["reflect"] if results[0] != "error" else []


def _imports(modules: Sequence[str]) -> str:
    """The import of modules, those of the standard library first."""
    if len(modules) == 1:
        return f'import "{modules[0]}"'
    standard = sorted(one for one in modules if "." not in one.partition("/")[0])
    others = sorted(one for one in modules if "." in one.partition("/")[0])
    lines = [f'\t"{one}"' for one in standard] + ([""] if standard and others else [])
    return "\n".join(["import (", *lines, *(f'\t"{one}"' for one in others), ")"])


def _add_imports(text: str, modules: Sequence[str]) -> str:
    missing = [one for one in modules if f'"{one}"' not in text]
    if not missing:
        return text
    block = re.search(r"(?m)^import \(\n", text)
    if block:
        return text[: block.end()] + "".join(f'\t"{one}"\n' for one in missing) + text[block.end() :]
    single = re.search(r'(?m)^import ("[^"]+")$', text)
    if single:
        return text[: single.start()] + _imports([single[1].strip('"'), *missing]) + text[single.end() :]
    package = _PACKAGE.search(text)
    at = package.end() if package else 0
    return f"{text[:at]}\n\n{_imports(missing)}{text[at:]}"


TEMPLATE = Go()
