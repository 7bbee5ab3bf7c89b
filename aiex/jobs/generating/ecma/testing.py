"""Tests in JavaScript and TypeScript, in the manner of the runner."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.jobs.generating.cases import Case, Equal, Fails, Group, Holds, Open
from aiex.jobs.generating.ecma.exports import Exported, find_exports
from aiex.jobs.generating.naming import words_or
from aiex.jobs.generating.signatures import read_signature

if TYPE_CHECKING:
    from aiex.jobs.generating.ecma.manner import Manner, Runs
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Code

LONGEST_LINE = 100
_IMPORTS = re.compile(r"""(?m)^import\b[^;'"]*["'][^"'\n]+["'];?[ \t]*$""")
_REQUIRES = re.compile(r"""(?m)^(?:const|let|var)\b[^;=]*=\s*require\(\s*["'][^"'\n]+["']\s*\)[^\n]*$""")


def find_groups(code: Code, symbols: Sequence[int]) -> list[tuple[Group, Exported]]:
    """The tests of what a module exports, with how it does; types have none."""
    exports = find_exports(code.text)
    names = [symbol.name for symbol in code.facts.symbols if symbol.parent < 0]
    found: dict[str, tuple[Group, Exported]] = {}
    for index in symbols:
        symbol = code.facts.symbols[index]
        exported = exports.get(symbol.name)
        if exported is None or symbol.kind not in ("function", "class") or symbol.parent >= 0:
            continue
        name = exported.name
        words = words_or(symbol.name)
        if symbol.kind == "class":
            cases = [Case(("is", "a", "class"), Equal(f"typeof {name}", '"function"')), *_methods(code, index, name)]
        else:
            cases = [Case(("is", "a", "function"), Equal(f"typeof {name}", '"function"'))]
            count = length_of(symbol.signature, symbol.name) if names.count(symbol.name) == 1 else -1
            if count >= 0:
                cases.append(Case(("takes", "its", "parameters"), Equal(f"{name}.length", str(count))))
            cases.append(Case(("does", "its", "work"), Open(_wish(code, index, name))))
        found[name] = (Group(name, words, tuple(cases)), exported)
    return list(found.values())


def _methods(code: Code, index: int, name: str) -> list[Case]:
    hidden = r"(?:static|get|set|abstract|private|protected|readonly)\b|[#_]"
    return [
        Case((symbol.name, "does", "its", "work"), Open(_wish(code, number, f"{name}#{symbol.name}")))
        for number, symbol in enumerate(code.facts.symbols)
        if symbol.parent == index and symbol.kind == "method" and not re.match(hidden, symbol.signature)
    ]


def length_of(signature: str, name: str) -> int:
    """The `length` of a function by its signature; -1 where that cannot be told."""
    plain = re.match(rf"(?:async\s+)?function\s*\*?\s*{re.escape(name)}\s*[(<]", signature)
    arrow = re.match(rf"(?:const|let)\s+{re.escape(name)}\s*=\s*(?:async\s*)?[(<]", signature)
    if not plain and not arrow:
        return -1
    start = signature.index(name) + len(name)
    parameters = read_signature(signature[start:].lstrip(" ="), form="colon").parameters
    count = 0
    for one in parameters:
        if one.default or one.mark == "...":
            break
        count += one.name != "this"
    return count


def _wish(code: Code, index: int, name: str) -> str:
    symbol = code.facts.symbols[index]
    at = symbol.signature.find("(")
    parameters = read_signature(symbol.signature[max(at, 0) :], form="colon").parameters
    said = f"to do: call {name}({', '.join(one.name for one in parameters)}) and check what comes of it"
    raised = raised_by(code, index)
    said += f"; it throws {', '.join(raised)}" if raised else ""
    ways = code.facts.complexity[index]
    return said + (f"; it has {ways - 1} branches" if ways > 2 else "")


def raised_by(code: Code, index: int) -> list[str]:
    """The names of the errors that a symbol throws itself."""
    said = [one.what for one in code.facts.faults if one.kind == "raise" and one.inside == index]
    return list(dict.fromkeys(found[1] for what in said if (found := re.match(r"new\s+([A-Z]\w*)", what))))


# --- text -----------------------------------------------------------------------------------------------------------


def render_file(
    kit: Kit, manner: Manner, runs: Runs, test: str, source: str, found: Sequence[tuple[Group, Exported]]
) -> str:
    """A whole file of tests."""
    lines = [*runner_imports(kit, manner, runs), ""]
    lines += [*_source_imports(kit, manner, test, source, [exported for _, exported in found]), ""]
    return "\n".join(lines).lstrip("\n") + "\n" + render_groups(kit, manner, runs, [group for group, _ in found])


def render_groups(kit: Kit, manner: Manner, runs: Runs, groups: Sequence[Group]) -> str:
    """The tests, a blank line between them."""
    blocks = []
    for group in groups:
        own = [_case(kit, manner, runs, group, case) for case in group.cases]
        if not runs.has_groups:
            blocks += ["\n".join(lines) for lines in own]
            continue
        inner = "\n\n".join("\n".join(f"{kit.style.indent}{line}" for line in lines) for lines in own)
        opening = f"describe({quoted(kit, group.name)}, () => {{"
        blocks.append(f"{opening}\n{inner}\n}}){manner.semicolon}")
    return "\n\n".join(blocks) + "\n"


def _case(kit: Kit, manner: Manner, runs: Runs, group: Group, case: Case) -> list[str]:
    end, step = manner.semicolon, kit.style.indent
    title = case.title if runs.has_groups else f"{group.name} {case.title}"
    check = case.check
    if isinstance(check, Open):
        call = runs.word if runs.runner == "mocha" else f"{runs.word}.todo"
        said = check.reason if runs.has_groups else f"{group.name}: {check.reason}"
        line = f"{call}({quoted(kit, said)}){end}"
        if len(line) + len(step) <= LONGEST_LINE:
            return [line]
        return [f"{call}(", f"{step}{quoted(kit, said)},", f"){end}"]
    return [f"{runs.word}({quoted(kit, title)}, () => {{", f"{step}{_check(kit, runs, check)}{end}", f"}}){end}"]


def _check(kit: Kit, runs: Runs, check: Equal | Holds | Fails) -> str:
    expects = runs.runner not in ("mocha", "node:test")
    match check:
        case Equal(left, right):
            right = quoted(kit, json.loads(right)) if right.startswith('"') else right
            if runs.has_chai:
                return f"expect({left}).to.equal({right})"
            return f"expect({left}).toBe({right})" if expects else f"assert.equal({left}, {right})"
        case Holds(expression):
            return f"expect({expression}).toBe(true)" if expects else f"assert.ok({expression})"
        case Fails(call, error):
            return f"expect(() => {call}).toThrow({error})" if expects else f"assert.throws(() => {call}, {error})"


def quoted(kit: Kit, text: str) -> str:
    """A string in the quotes of the project."""
    return (
        kit.style.quote + text.replace("\\", "\\\\").replace(kit.style.quote, f"\\{kit.style.quote}") + kit.style.quote
    )


def runner_imports(kit: Kit, manner: Manner, runs: Runs) -> list[str]:
    """What the tests import of their runner, and of what checks."""
    words = [runs.word] + (["describe"] if runs.has_groups else [])
    lines = []
    if runs.has_chai:
        lines.append(statement(kit, manner, "{ expect }", "chai"))
    elif runs.runner in ("mocha", "node:test"):
        lines.append(statement(kit, manner, "assert", "node:assert/strict"))
    else:
        words.append("expect")
    if runs.has_imports:
        lines.append(statement(kit, manner, f"{{ {', '.join(sorted(words))} }}", runs.runner))
    return lines


def statement(kit: Kit, manner: Manner, names: str, module: str) -> str:
    """One import in the way of the project."""
    if manner.is_esm:
        return f"import {names} from {quoted(kit, module)}{manner.semicolon}"
    return f"const {names.replace(' as ', ': ')} = require({quoted(kit, module)}){manner.semicolon}"


def _source_imports(
    kit: Kit, manner: Manner, test: str, source: str, exported: Sequence[Exported]
) -> list[str]:  # fmt: skip
    module = specifier(test, source, manner.extension)
    lines = [statement(kit, manner, one.name, module) for one in exported if one.way == "default"]
    named = sorted(one.name for one in exported if one.way == "named")
    if not named:
        return lines
    line = statement(kit, manner, f"{{ {', '.join(named)} }}", module)
    if len(line) > LONGEST_LINE:
        inner = "".join(f"\n{kit.style.indent}{name}," for name in named)
        line = statement(kit, manner, f"{{{inner}\n}}", module)
    return [*lines, *line.split("\n")]


def specifier(test: str, source: str, extension: str) -> str:
    """What a test imports its module by."""
    stem, dot, ending = source.rpartition(".")
    said = posixpath.relpath(stem, posixpath.dirname(test) or ".")
    said = said if said.startswith(".") else f"./{said}"
    if ending in ("mjs", "cjs"):
        return f"{said}.{ending}"
    own = {".ts": f"{dot}{ending}", ".tsx": f"{dot}{ending}"}
    return said + own.get(extension, {"": "", "none": ""}.get(extension, ".js"))


def add_to_file(
    kit: Kit, text: str, manner: Manner, runs: Runs, test: str, source: str, found: Sequence[tuple[Group, Exported]]
) -> str:
    """A file of tests with some more; what they need is imported behind the imports that are there."""
    named = [exported for _, exported in found]
    wanted = _source_imports(kit, manner, test, source, named)
    pattern = _IMPORTS if manner.is_esm else _REQUIRES
    statements = [*pattern.finditer(text)]
    module = specifier(test, source, manner.extension)
    are_named = all(one.way == "named" for one in named)
    for match in statements if are_named else ():
        is_same = re.search(rf"""["']{re.escape(module)}["']""", match[0]) is not None
        if is_same and re.search(r"\{[^}]*\}", match[0]) and not match[0].startswith("import type"):
            changed = re.sub(r"\{([^}]*)\}", lambda inner: _merged(inner[1], named), match[0], count=1)
            text = text[: match.start()] + changed + text[match.end() :]
            wanted = []
            break
    missing = [line for line in runner_imports(kit, manner, runs) if not _is_imported(line, text)]
    if wanted or missing:
        at = max((match.end() for match in pattern.finditer(text)), default=kit.body_start(text))
        text = f"{text[:at]}\n{chr(10).join([*missing, *wanted])}{text[at:]}".lstrip("\n")
    return f"{text.rstrip()}\n\n{render_groups(kit, manner, runs, [group for group, _ in found])}"


def _merged(names: str, exported: Sequence[Exported]) -> str:
    known = [one.strip() for one in names.split(",") if one.strip()]
    every = known + [one.name for one in exported if one.name not in known]
    ordered = sorted(every) if known == sorted(known) else every
    return f"{{ {', '.join(ordered)} }}"


def _is_imported(line: str, text: str) -> bool:
    """Whether a module of a statement is imported already; what is missing of it is left to the person."""
    module = re.search(r"""["']([^"']+)["']""", line)
    return module is not None and re.search(rf"""["']{re.escape(module[1])}["']""", text) is not None
