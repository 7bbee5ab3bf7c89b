"""How a project writes JavaScript or TypeScript: names of files, imports, semicolons, and what runs its tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from aiex.jobs.briefing.names import role_of
from aiex.jobs.generating.naming import FORMS, shape_of
from aiex.jobs.generating.placing import Layout, find_layout
from aiex.jobs.generating.project import most

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit

Runner = Literal["vitest", "jest", "@jest/globals", "mocha", "bun:test", "node:test"]
PATTERNS = ("{}.test", "{}.spec", "{}-test", "{}_test", "test-{}", "test_{}", "{}")
_IMPORTED = re.compile(r"""(?:from|require\()\s*["'](vitest|@jest/globals|mocha|bun:test|node:test)["']""")
_RELATIVE = re.compile(r"""(?:from|require\(|import)\s*["'](\.{1,2}/[^"']+)["']""")
_ESM = re.compile(r"(?m)^(?:import\b[^(]|export\b)")
_CJS = re.compile(r"(?m)\brequire\(|^(?:module\.)?exports\b")


class Manner(NamedTuple):
    """How modules are written."""

    is_esm: bool
    semicolon: str
    """`;` or nothing."""
    extension: str
    """Of imports inside the project: `.js`, `.ts` or empty."""


class Runs(NamedTuple):
    """How tests are written."""

    runner: Runner
    has_imports: bool
    """Whether tests import what the runner offers, which is global otherwise."""
    word: str
    """`it` or `test`."""
    has_groups: bool
    """Whether tests stand in `describe`."""
    has_chai: bool


def find_manner(kit: Kit, *, typed: bool, path: str = "") -> Manner:
    """The manner of the nearest modules, else what is configured.

    Args:
        typed: Whether it is TypeScript.
        path: Of the file, whose ending may say what kind of module it is.
    """
    texts = [text for _, text in kit.sample()]
    semicolon, evidence = most([one for text in texts if (one := semicolon_of(text))])
    kit.note("semicolons", "no" if semicolon == "none" else "yes", evidence)
    is_esm = True
    if not typed:
        is_esm = _find_kind(kit, texts, path)
    extension = _find_extension(kit, texts, typed=typed, is_esm=is_esm)
    return Manner(is_esm, "" if semicolon == "none" else ";", extension)


def semicolon_of(text: str) -> str:
    """`;` or `none`, by the lines that could end with one; empty where there is no such line."""
    ended = len(re.findall(r"(?m)^[ \t]*(?:import|export \*|const|let|var|return|throw)\b[^\n{(]*[^\n]*;[ \t]*$", text))
    bare = len(re.findall(r"(?m)^[ \t]*(?:import|const|let|var|return|throw)\b[^\n]*[\w\"')\]][ \t]*$", text))
    return "" if ended == bare else ";" if ended > bare else "none"


def _find_kind(kit: Kit, texts: Sequence[str], path: str) -> bool:
    if path.endswith((".mjs", ".cjs")):
        return path.endswith(".mjs")
    said = package_of(kit).get("type")
    votes = [kind for text in texts if (kind := kind_of(text))]
    kind, evidence = most(votes)
    if said in ("module", "commonjs") and not path.endswith(".jsx"):
        kind, evidence = "ES modules" if said == "module" else "CommonJS", "package.json"
        winner = most(votes)[0]
        if said == "commonjs" and winner:
            kind, evidence = winner, most(votes)[1]
    kit.note("modules", kind or "CommonJS", evidence)
    return kind == "ES modules"


def kind_of(text: str) -> str:
    """The kind of module that a text is by its imports and exports; empty where it has none."""
    if _ESM.search(text):
        return "ES modules"
    return "CommonJS" if _CJS.search(text) else ""


def _find_extension(kit: Kit, texts: Sequence[str], *, typed: bool, is_esm: bool) -> str:
    votes = []
    for text in texts:
        for said in _RELATIVE.findall(text):
            ending = re.search(r"\.[cm]?[jt]sx?\Z", said)
            votes.append(ending[0] if ending else "none")
    winner, evidence = most(votes)
    if winner:
        evidence = evidence.replace("file", "import")
        return "" if kit.note("imports end with", winner, evidence) == "none" else winner
    if typed:
        beneath = f"{kit.member.folder}/" if kit.member.folder else ""
        config = kit.project.read(f"{beneath}tsconfig.json") or kit.project.read("tsconfig.json")
        if re.search(r'"allowImportingTsExtensions"\s*:\s*true', config):
            return kit.note("imports end with", ".ts", "tsconfig.json")
        if re.search(r'(?i)"module(?:Resolution)?"\s*:\s*"node(?:16|18|20|next)"', config):
            return kit.note("imports end with", ".js", "tsconfig.json")
        return ""
    return ".js" if is_esm else ""


def package_of(kit: Kit) -> dict[str, object]:
    """The `package.json` of the package."""
    beneath = f"{kit.member.folder}/" if kit.member.folder else ""
    return kit.project.json(f"{beneath}package.json")


def file_stem(kit: Kit, words: Sequence[str]) -> str:
    """The name of a new file, its words joined as in most names of more than one."""
    files = kit.project.files_of(kit.member, kit.template.extensions)
    stems = [path.rpartition("/")[2].partition(".")[0] for path in files if role_of(path, "c") == "code"]
    shape, evidence = most([one for stem in stems if (one := shape_of(stem))])
    kit.note("files are named in", shape or "kebab-case", evidence)
    return FORMS[shape or "kebab-case"](words)


# --- tests ----------------------------------------------------------------------------------------------------------


def find_runs(kit: Kit) -> Runs:
    """The runner and the manner of the tests that are there, else what `package.json` has."""
    texts = [text for _, text in kit.sample(tests=True) if re.search(r"\b(?:it|test|describe)\s*[.(]", text)]
    imported, evidence = most([found[1] for text in texts if (found := _IMPORTED.search(text))])
    declared, where = _declared(kit)
    runner: Runner = "node:test"
    for one in ("vitest", "jest", "@jest/globals", "mocha", "bun:test", "node:test"):
        if one == (imported or declared):
            runner = one
    kit.note("tests run with", runner, evidence if imported else where)
    must_import = runner in ("node:test", "bun:test", "@jest/globals")
    has_imports = must_import or bool(imported) or (runner == "vitest" and not texts)
    word, _ = most([_word_of(text) for text in texts])
    has_groups = 2 * sum("describe(" in text for text in texts) >= len(texts)
    return Runs(runner, has_imports, word or "it", has_groups, any("chai" in text for text in texts))


def _word_of(text: str) -> str:
    return "it" if len(re.findall(r"\bit[.(]", text)) >= len(re.findall(r"\btest[.(]", text)) else "test"


def runs_of(kit: Kit, text: str) -> Runs:
    """The manner of one file of tests."""
    runs = find_runs(kit)
    found = _IMPORTED.search(text)
    runner: Runner = found[1] if found else runs.runner  # type: ignore[assignment]
    return Runs(runner, found is not None, _word_of(text), "describe(" in text, "chai" in text)


def _declared(kit: Kit) -> tuple[str, str]:
    for folder in dict.fromkeys([kit.member.folder, ""]):
        name = f"{folder}/package.json".lstrip("/")
        data = kit.project.json(name)
        needed = {
            one for key in ("dependencies", "devDependencies") for one in data.get(key) or () if isinstance(one, str)
        }
        scripts = data.get("scripts")
        script = str(scripts.get("test", "")) if isinstance(scripts, dict) else ""
        for word, runner in (
            ("vitest", "vitest"), ("jest", "jest"), ("mocha", "mocha"), ("bun test", "bun:test"),
            ("node --test", "node:test"),
        ):  # fmt: skip
            if word in script:
                return _jest(runner, needed), name
        for runner in ("vitest", "jest", "mocha"):
            if runner in needed:
                return _jest(runner, needed), name
    return "node:test", ""


def _jest(runner: str, needed: set[str]) -> str:
    return "@jest/globals" if runner == "jest" and "@jest/globals" in needed else runner


def test_layout(kit: Kit, runs: Runs) -> tuple[Layout, list[str]]:
    """Where tests are, and the folders that code lies beneath; noted as a convention."""
    files = kit.project.files_of(kit.member, kit.template.extensions)
    sources = [path for path in files if role_of(path, "c") == "code" and not path.endswith(".d.ts")]
    tests = [path for path in kit.test_files() if re.search(r"\b(?:it|test|describe)\b", kit.project.read_code(path))]
    roots = sorted({kit.member.folder, *(f"{kit.member.folder}/{one}".lstrip("/") for one in ("src", "lib"))})
    roots = [root for root in roots if root in kit.project.folders]
    base = f"{kit.member.folder}/test".lstrip("/") if runs.runner == "mocha" else "."
    default = Layout(base, "inner" if base != "." else "flat", PATTERNS[0], "default")
    layout = find_layout(tests, sources, patterns=PATTERNS, roots=roots, default=default)
    kit.note("tests are in", {".": "beside the code"}.get(layout.base, layout.base), layout.evidence)
    kit.note("tests are named", layout.pattern.format("NAME"), layout.evidence)
    return layout, roots


def run_command(kit: Kit, path: str, runner: Runner) -> str:
    """How one file of tests is run, by the package manager of the project."""
    folder = kit.member.folder
    shown = path[len(folder) :].lstrip("/") if folder else path
    words = {
        "vitest": f"vitest run {shown}",
        "jest": f"jest {shown}",
        "@jest/globals": f"jest {shown}",
        "mocha": f"mocha {shown}",
        "bun:test": f"bun test {shown}",
        "node:test": f"node --test {shown}",
    }[runner]
    if runner not in ("bun:test", "node:test"):
        has = [name for name in ("pnpm-lock.yaml", "yarn.lock", "bun.lock") if kit.project.has(name)]
        tool = {"pnpm-lock.yaml": "pnpm exec", "yarn.lock": "yarn", "bun.lock": "bunx"}
        words = f"{tool[has[0]] if has else 'npx'} {words}"
    return f"cd {folder} && {words}" if folder else words
