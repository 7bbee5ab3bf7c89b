"""Rust: modules declared in their parent, tests inside the file or in `tests/`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.errors import Conflict, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.generating.drafting import add_comments, as_code, find_symbol
from aiex.jobs.generating.model import Code, Draft, Ecosystem, Made
from aiex.jobs.generating.naming import sentence, snake, split_name
from aiex.jobs.generating.project import is_inside, most
from aiex.jobs.generating.signatures import closing, read_signature

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Member, Place
    from aiex.jobs.generating.project import Project

TODO = "TODO"
_TESTS = re.compile(r"(?m)^#\[cfg\(test\)\]\s*\n(?:#\[[^\n]*\]\s*\n)*mod\s+\w+\s*\{")
_MODULE = re.compile(r"(?m)^(?:pub(?:\([^)]*\))?\s+)?mod\s+(?P<name>\w+)\s*;[^\n]*\n?")


class Rust:
    """The template of Rust."""

    name = "rust"
    extensions = (".rs",)
    ecosystem: Ecosystem = "cargo"
    comment = ("//", "/*", "*/")
    keywords = frozenset(
        {"as", "async", "await", "break", "const", "continue", "crate", "dyn", "else", "enum", "extern", "false", "fn",
         "for", "gen", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "self",
         "static", "struct", "super", "trait", "true", "type", "unsafe", "use", "where", "while", "abstract", "become",
         "box", "do", "final", "macro", "override", "priv", "try", "typeof", "unsized", "virtual", "yield", "main",
         "lib"}
    )  # fmt: skip
    indent = "    "
    quote = ""
    named = re.compile(r"_?[a-z][a-z0-9_]*\Z")
    is_first = True

    def home(self, project: Project, member: Member) -> str:
        """`src` of the crate."""
        return f"{member.folder}/src".lstrip("/")

    def inner_folders(self, parts: list[str], home: str, member: Member) -> list[str]:
        """Modules in modules; `src` and `crate` are understood."""
        kept = parts[1:] if parts and parts[0] in ("src", "crate") else parts
        return [snake(split_name(part)) for part in kept]

    def identifier(self, words: Sequence[str]) -> str:
        """Snake case."""
        return snake(words)

    def module(self, kit: Kit, place: Place) -> Made:
        """A module with one function and its test, and its declaration in the parent."""
        name = self.identifier(place.words)
        folder = place.folder or "src"
        parent = _parent_of(kit, folder)
        if parent is None:
            message = f"no module declares what lies in {printable_path(folder)}"
            raise UsageError(message, hint=f"make that first: aiex gen module {folder.rpartition('/')[2]}")
        step = kit.style.indent
        text = f"//! {sentence(place.words)}.\n\n{_function(name, '()', step)}"
        draft = kit.new(f"{folder}/{name}.rs", text)
        is_public = not parent.path.endswith("main.rs")
        declared = _declare(parent.text, name, public=is_public)
        tested = self._with_tests(kit, as_code(draft), [0], draft)
        return tested._replace(drafts=(*tested.drafts, kit.change(parent, declared)))

    def function(self, kit: Kit, code: Code, name: str, signature: str) -> Made:
        """A function before the tests of the file, and a test of it."""
        if re.search(rf"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?(?:async\s+)?fn\s+{name}\b", code.text):
            raise Conflict(f"{printable_path(code.path)} has a {name} already", hint="choose another name")
        taken = _read_taken(signature)
        block = _function(name, taken, kit.indent_in(code.text))
        tests = _TESTS.search(code.text)
        if tests:
            before = code.text[: tests.start()].rstrip()
            text = f"{before}\n\n{block}\n{code.text[tests.start() :]}".lstrip("\n")
        else:
            text = f"{code.text.rstrip()}\n\n{block}".lstrip("\n")
        changed = kit.change(code, text)
        new = as_code(changed)
        index = find_symbol(new, name)
        if index < 0 or new.facts.parsed != "full":
            raise _no_signature(signature)
        return self._with_tests(kit, new, [index], changed)

    def tests(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """Tests of public functions, in the file itself unless the project keeps them in `tests`."""
        return self._with_tests(kit, code, symbols, Draft(code.path, code.source, code.source))

    def docs(self, kit: Kit, code: Code, symbols: Sequence[int]) -> Made:
        """Documentation comments with the sections that rustdoc knows."""
        kit.note("documentation", "rustdoc", "the language")
        kinds = ("implementation", "field", "test")
        blocks = {
            index: _comment(code, index)
            for index in symbols
            if index >= 0 and code.facts.symbols[index].kind not in kinds
        }
        text, given = add_comments(code, blocks)
        return Made((kit.change(code, text),) if given else ())

    # --- tests ------------------------------------------------------------------------------------------------------

    def _with_tests(self, kit: Kit, code: Code, symbols: Sequence[int], draft: Draft) -> Made:
        """The draft of the file with tests, or with a file of tests beside it."""
        outside = _tests_outside(kit)
        wanted = [index for index in symbols if index >= 0] + [
            index for index, one in enumerate(code.facts.symbols) if {one.parent, _outer_type(code, index)} & {*symbols}
        ]
        found = [index for index in dict.fromkeys(wanted) if _is_function(code, index)]
        if not found:
            raise UsageError(f"{printable_path(code.path)} has no public function to test")
        crate = kit.member.name.replace("-", "_")
        path = f"{kit.member.folder}/tests/{code.path.rpartition('/')[2]}".lstrip("/")
        is_library = kit.project.has(f"{kit.member.folder}/src/lib.rs".lstrip("/"))
        run = "cargo test" if not kit.member.folder else f"cargo test -p {kit.member.name}"
        is_exported = all(code.facts.symbols[index].signature.startswith("pub fn") for index in found)
        if outside and is_library and is_exported:
            inner = _module_path(kit, code.path)
            use = "::".join([crate, *inner])
            known = kit.project.read(path) if kit.project.has(path) else ""
            tests, functions = _tests_of(code, found, known)
            _require_tests(tests, path)
            imports = f"use {use}::{_names(functions)};\n\n" if functions else ""
            if known:
                test = kit.change(kit.project.code(path), _with_use(known, imports) + "\n" + "\n\n".join(tests) + "\n")
            else:
                test = kit.new(path, imports + "\n\n".join(tests))
            drafts = (test,) if draft.before == draft.after else (draft, test)
            return Made(drafts, run, (), len(tests) - len(functions))
        existing = _TESTS.search(code.text)
        tests, functions = _tests_of(code, found, code.text[existing.start() :] if existing else "")
        _require_tests(tests, code.path)
        text = _insert_tests(code.text, tests, kit.indent_in(code.text), existing)
        made = Draft(code.path, draft.before, kit.change(code, text).after)
        return Made((made,), run, (), len(tests) - len(functions))


def _require_tests(tests: Sequence[str], path: str) -> None:
    if not tests:
        hint = "nothing is overwritten; name one function: FILE::NAME"
        raise Conflict(f"{printable_path(path)} has tests of all of it already", hint=hint)


def _function(name: str, taken: str, step: str) -> str:
    word = "async " if taken.startswith("async ") else ""
    taken = taken.removeprefix("async ")
    names = [one.name for one in read_signature(taken, form="colon").parameters if re.fullmatch(r"[a-z]\w*", one.name)]
    unused = f"({', '.join(names)})" if len(names) > 1 else "".join(names)
    body = (f"{step}let _ = {unused};\n" if names else "") + f'{step}todo!("{name} is not written yet")'
    return f"/// {TODO}: say what {name} does.\npub {word}fn {name}{taken} {{\n{body}\n}}\n"


def _read_taken(signature: str) -> str:
    said = re.sub(r"(?<=\S)\s*\{\Z", "", signature.strip())
    word = "async " if re.search(r"\basync\b", said.partition("(")[0]) else ""
    said = re.sub(r"\A(?:pub\s+)?(?:async\s+)?(?:fn\s*)?(?:\w+\s*(?=[(<]))?", "", said).strip()
    if not said:
        return f"{word}()"
    if said[0] not in "(<":
        said = f"({said})"
    at = said.find("(", closing(said, 0) if said[0] == "<" else 0)
    if at < 0 or closing(said, at) < 0 or "\n" in said or "{" in said:
        raise _no_signature(signature)
    return word + said


def _no_signature(signature: str) -> UsageError:
    hint = "write it as in Rust: --signature '(items: &[u32], rate: f64) -> Result<u32, String>'"
    return UsageError(f"'{printable_path(signature)}' is no signature", hint=hint)


def _parent_of(kit: Kit, folder: str) -> Code | None:
    """The file that declares the modules in a folder."""
    above, _, name = folder.rpartition("/")
    if name == "src" or folder == f"{kit.member.folder}/src".lstrip("/"):
        candidates = [f"{folder}/lib.rs", f"{folder}/main.rs"]
    else:
        candidates = [f"{folder}/mod.rs", f"{above}/{name}.rs"]
    return next((kit.project.code(path) for path in candidates if kit.project.has(path)), None)


def _declare(text: str, name: str, *, public: bool) -> str:
    """The parent with a declaration among the others: in order where they are in order, else behind the last."""
    line = f"{'pub ' if public else ''}mod {name};\n"
    known = [*_MODULE.finditer(text)]
    if not known:
        at = _behind_head(text)
        gap = "" if not text[at:].strip() else "\n"
        return f"{text[:at]}{line}{gap}{text[at:]}"
    if not public or sum("pub" in one[0].partition("mod")[0] for one in known) * 2 < len(known):
        line = f"mod {name};\n" if not public else line
    names = [one["name"] for one in known]
    later = [one for one in known if one["name"] > name] if names == sorted(names) else []
    at = later[0].start() if later else known[-1].end()
    start = text.rfind("\n", 0, at) + 1 if later else at
    before = text[:start]
    return f"{before}{'' if before.endswith(chr(10)) or not before else chr(10)}{line}{text[start:]}"


def _behind_head(text: str) -> int:
    """Behind the comments and attributes of a file."""
    head = re.match(r"(?:(?://[^\n]*|#!\[[^\n]*\]|[ \t]*)\n)*", text)
    at = head.end() if head else 0
    behind = text[:at].rstrip("\n")
    documented = behind.rpartition("\n")[2]
    if documented.startswith("///"):  # belongs to what follows
        at = text.rfind("\n\n", 0, len(behind)) + 2 if "\n\n" in behind else 0
    return at


# --- tests ----------------------------------------------------------------------------------------------------------


def _tests_outside(kit: Kit) -> bool:
    """Whether tests are kept in `tests/` and not in the files, by what is there."""
    folder = f"{kit.member.folder}/tests".lstrip("/")
    files = kit.project.files_of(kit.member, (".rs",))
    apart = sum(is_inside(path, folder) for path in files)
    inside = sum(bool(_TESTS.search(kit.project.read_code(path))) for path in files if not is_inside(path, folder))
    winner, evidence = most(["in tests/"] * apart + ["in the file itself"] * inside)
    return kit.note("tests are", winner or "in the file itself", evidence) == "in tests/"


def _is_function(code: Code, index: int) -> bool:
    symbol = code.facts.symbols[index]
    return symbol.kind in ("function", "method") and symbol.exported and symbol.signature.startswith("pub")


def _outer_type(code: Code, index: int) -> int:
    """The type of a method, by the name of the block that implements it."""
    symbols = code.facts.symbols
    parent = symbols[index].parent
    if parent < 0 or symbols[parent].kind != "implementation":
        return -2
    name = symbols[parent].name
    named = [at for at, one in enumerate(symbols) if one.name == name and one.kind in ("struct", "enum", "trait")]
    return named[0] if named else parent


def _tests_of(code: Code, found: Sequence[int], known: str) -> tuple[list[str], list[str]]:
    """Tests of functions that are not tested by that name yet, and the names that they use."""
    tests, used = [], []
    for index in found:
        symbol = code.facts.symbols[index]
        owner = "" if symbol.parent < 0 else code.facts.symbols[symbol.parent].name
        name = snake(split_name(f"{owner}_{symbol.name}".strip("_")))
        if re.search(rf"\bfn {name}_does_its_work\b", known):
            continue
        at = symbol.signature.find(symbol.name)
        said = read_signature(symbol.signature[at:], form="colon")
        types = [one.type for one in said.parameters]
        head = symbol.signature[:at]
        is_certain = not owner and not said.generics and not re.search(r"\bimpl\b", " ".join([*types, said.returns]))
        if is_certain and not re.search(r"\b(?:async|unsafe|extern|const)\b", head) and all(types):
            arrow = f" -> {said.returns}" if said.returns else ""
            typed = f"    let _: fn({', '.join(types)}){arrow} = {symbol.name};"
            tests.append(f"#[test]\nfn {name}_has_its_signature() {{\n{typed}\n}}")
            used.append(symbol.name)
        call = f"{owner}::{symbol.name}" if owner else symbol.name
        shown = ", ".join(one.name for one in said.parameters if one.type)
        reason = f"to do: call {call}({shown}) and check what comes of it"
        tests.append(f'#[test]\n#[ignore = "{reason}"]\nfn {name}_does_its_work() {{}}')
    return tests, used


def _names(functions: Sequence[str]) -> str:
    return functions[0] if len(functions) == 1 else f"{{{', '.join(sorted(functions))}}}"


def _module_path(kit: Kit, path: str) -> list[str]:
    inner = path[len(f"{kit.member.folder}/src/".lstrip("/")) :].removesuffix(".rs").removesuffix("/mod")
    return [] if inner in ("lib", "main") else inner.split("/")


def _with_use(text: str, line: str) -> str:
    if not line or line.strip() in text:
        return text.rstrip() + "\n"
    at = _behind_head(text)
    return f"{text[:at]}{line.rstrip()}\n{text[at:]}".rstrip() + "\n"


def _insert_tests(text: str, tests: Sequence[str], step: str, existing: re.Match[str] | None) -> str:
    body = "\n\n".join(tests)
    inner = "\n".join(f"{step}{line}" if line else "" for line in body.replace("    let", f"{step}let").split("\n"))
    if existing is None:
        uses = f"{step}use super::*;\n\n" if "let _" in body else ""
        return f"{text.rstrip()}\n\n#[cfg(test)]\nmod tests {{\n{uses}{inner}\n}}\n"
    end = closing(text, existing.end() - 1)
    if end < 0:
        raise UsageError("the tests of the file are not closed", hint="mend it first")
    return f"{text[:end].rstrip()}\n\n{inner}\n{text[end:]}"


def _comment(code: Code, index: int) -> list[str]:
    symbol = code.facts.symbols[index]
    if symbol.kind not in ("function", "method"):
        return [f"/// {TODO}: say what {symbol.name} is."]
    said = read_signature(symbol.signature[symbol.signature.find(symbol.name) :], form="colon")
    lines = [f"/// {TODO}: say what {symbol.name} {'gives' if said.returns else 'does'}."]
    if re.search(r"\bResult\b", said.returns):
        lines += ["///", "/// # Errors", "///", f"/// {TODO}"]
    raised = [one.what for one in code.facts.faults if one.kind == "raise" and one.inside == index]
    if any(what.startswith(("panic!", "todo!", "unimplemented!", "unreachable!")) for what in raised):
        lines += ["///", "/// # Panics", "///", f"/// {TODO}"]
    if re.search(r"\bunsafe\b", symbol.signature[: symbol.signature.find(symbol.name)]):
        lines += ["///", "/// # Safety", "///", f"/// {TODO}"]
    return lines


TEMPLATE = Rust()
