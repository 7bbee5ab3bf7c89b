"""Which files a JavaScript or TypeScript import means: neighbours, tsconfig paths, packages of the workspace."""

import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from aiex.context.facts import Import
from aiex.context.language import Tree

_SCRIPT = (".js", ".mjs", ".cjs", ".jsx")
_TYPED = (".ts", ".tsx", ".d.ts", ".mts", ".cts", ".d.mts", ".d.cts")
_OTHER = (".json", ".vue", ".svelte", ".css", ".node")
_SWAPS = {
    ".js": (".ts", ".tsx", ".d.ts", ".jsx"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".d.mts"),
    ".cjs": (".cts", ".d.cts"),
}
"""What a compiler turns into the extension written: `./x.js` in TypeScript means `./x.ts`."""
_BUILT = frozenset({"dist", "lib", "build", "out", "es", "esm", "cjs", "umd", "module", "types"})
"""Folders that a build writes: what a manifest points to there comes from a file in `src`."""
_CONDITIONS = ("source", "development", "import", "module", "require", "node", "browser", "default", "types")
_PACKAGES_LIMIT = 2_000
_EXTENDS_LIMIT = 8

MENTION = re.compile(
    rb"""['"`](?:(?<=from\s.)|(?<=from.)|(?<=import\s.)|(?<=import.)|(?<=import\(.)|(?<=require\(.)|(?<=\(\s.)"""
    rb"""|(?<=\*/\s.)|(?<=Worker\(.)|(?<=URL\(.))[^'"`\n]*['"`]"""
    rb"""|(?:from|import|require)[\s(]*['"`][./]*['"`]|(?:import|require)\(\s+['"`][^'"`\n]*['"`]"""
)
"""Specifiers alone, and statements whole whose specifier has no word in it: `require('..')`."""
_WORD = re.compile(r"[\w$]+")
_PLACES = frozenset({"src", "lib", "source", "dist", "app", "index", "main"})


def names_of(path: str) -> set[str]:
    """Words by which other files may mention a path: the stem, and the folder of an index file."""
    *folders, base = path.split("/")
    stem = re.sub(r"(?:\.d)?\.\w+$", "", base)
    names = {stem, stem.rpartition(".")[2], *sorted(_WORD.findall(stem), key=len)[-1:]}
    if stem in ("index", "main", "mod"):
        owner = next((folder for folder in reversed(folders) if folder not in _PLACES), "")
        names |= {"from", "import", "require", *folders[-1:], owner, *sorted(_WORD.findall(owner), key=len)[-1:]}
    return names - {""}


def resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """Files of the repository that a specifier in `path` means, best first; empty for packages from outside."""
    specifier = re.split(r"[?]", item.module, maxsplit=1)[0]
    if "!" in specifier:  # a webpack loader prefix
        specifier = specifier.rpartition("!")[2]
    if not specifier or ":" in specifier:
        return []
    folder = posixpath.dirname(path)
    if specifier.startswith("."):
        return _first(
            _join(folder, specifier), path, tree, folder_meant=specifier.endswith(("/", "..")) or specifier == "."
        )
    if specifier.startswith("/"):
        below = specifier.lstrip("/")
        return _first(below, path, tree) or _first(f"public/{below}", path, tree)
    project = _project(tree)
    for target in project.mapped(specifier, folder):
        found = _first(target, path, tree)
        if found:
            return found
    if specifier.startswith("#"):
        return next(
            (found for target in project.private(specifier, folder) if (found := _first(target, path, tree))), []
        )
    for target in project.packaged(specifier):
        found = _first(target, path, tree)
        if found:
            return found
    return []


def _join(folder: str, specifier: str) -> str | None:
    """The path from the root, None when it leaves the repository."""
    joined = posixpath.normpath(posixpath.join(folder, specifier))
    if joined == ".." or joined.startswith("../"):
        return None
    return "" if joined == "." else joined


def _first(base: str | None, importer: str, tree: Tree, *, folder_meant: bool = False) -> list[str]:
    if base is None:
        return []
    return next(([found] for found in _candidates(base, importer, tree, folder_meant) if tree.has(found)), [])


def _candidates(base: str, importer: str, tree: Tree, folder_meant: bool) -> Iterator[str]:
    """Paths to try in order: the file itself, what is compiled to it, with an extension, the folder's own file."""
    typed = importer.endswith((".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte"))
    endings = (*_TYPED, *_SCRIPT, *_OTHER) if typed else (*_SCRIPT, *_TYPED, *_OTHER)
    if base and not folder_meant:
        yield base
        stem, dot = posixpath.splitext(base)
        for ending in _SWAPS.get(dot, ()):
            yield stem + ending
        for ending in endings:
            yield base + ending
    inside = base + "/" if base else ""
    main = _manifest_main(tree.read(inside + "package.json")) if tree.has(inside + "package.json") else ""
    if main:
        target = posixpath.normpath(inside + main)
        for one in (target, *_sources(target)):
            yield one
            for ending in (*endings, *("/index" + ending for ending in endings)):
                yield one + ending
    for ending in endings:
        yield f"{inside}index{ending}"


def _sources(target: str) -> Iterator[str]:
    """Where a built file is written by hand: `dist/esm/index.js` from `src/index`."""
    stem = re.sub(r"(?:\.d)?\.[cm]?[jt]sx?$", "", target)
    parts = stem.split("/")
    for at, part in enumerate(parts):
        if part in _BUILT:
            rest = parts[at + 1 :]
            while rest and rest[0] in _BUILT:
                rest = rest[1:]
            rest = [re.sub(r"\.(?:cjs|esm|umd|module|min)$", "", word) for word in rest]
            yield "/".join([*parts[:at], "src", *rest])
            yield "/".join([*parts[:at], *rest])
            return


def _manifest_main(content: bytes) -> str:
    data = read_json(content)
    for key in ("source", "main", "module", "types"):
        value = data.get(key)
        if isinstance(value, str) and value:
            return value
    exports = data.get("exports")
    return next(_strings(exports.get(".", exports) if isinstance(exports, dict) else exports), "")


def _strings(value: Any) -> Iterator[str]:
    """The targets in an `exports` value, those that name a source before the rest."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key in _CONDITIONS:
            if key in value:
                yield from _strings(value[key])
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)


def read_json(content: bytes) -> dict[str, Any]:
    """A JSON object with comments and trailing commas allowed; empty for anything else."""
    words = content.decode("utf-8-sig", "replace")
    for clean in (str, _plain_json):
        try:
            data = json.loads(clean(words))
        except (ValueError, RecursionError):
            continue
        return data if isinstance(data, dict) else {}
    return {}


_COMMENTED = re.compile(r'("(?:[^"\\\n]|\\.)*")|//[^\n]*|/\*.*?\*/|,(?=\s*[}\]])', re.DOTALL)


def _plain_json(words: str) -> str:
    bare = _COMMENTED.sub(lambda match: match.group(1) or (" " if match.group().startswith("/") else ","), words)
    return _COMMENTED.sub(lambda match: match.group(1) or "", bare)


class _Project:
    """What the manifests of one file tree say, read when first asked."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._configs: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {}
        self._packages: dict[str, tuple[str, dict[str, Any]]] | None = None

    def mapped(self, specifier: str, folder: str) -> Iterator[str]:
        """Paths that `paths` and `baseUrl` of the nearest tsconfig give a specifier."""
        for pattern, targets in self.aliases(folder):
            before, star, after = pattern.partition("*")
            if not star:
                if specifier == pattern:
                    yield from targets
            elif specifier.startswith(before) and specifier.endswith(after) and len(specifier) >= len(pattern) - 1:
                middle = specifier[len(before) : len(specifier) - len(after)]
                yield from (target.replace("*", middle, 1) for target in targets)

    def aliases(self, folder: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Patterns with their targets for files in a folder: the nearest configuration that has any."""
        known = self._configs.get(folder)
        if known is None:
            prefix = folder + "/" if folder else ""
            known = ()
            for name in ("tsconfig.json", "jsconfig.json", "tsconfig.base.json", "tsconfig.app.json"):
                if self.tree.has(prefix + name):
                    known = tuple(self.read_aliases(prefix + name, _EXTENDS_LIMIT))
                    if known:
                        break
            if not known and folder:
                known = self.aliases(posixpath.dirname(folder))
            self._configs[folder] = known
        return known

    def read_aliases(self, config: str, left: int) -> Iterator[tuple[str, tuple[str, ...]]]:
        """`paths` sorted by length of their fixed part, then `baseUrl` as a last resort; own before extended."""
        data = read_json(self.tree.read(config))
        options = data.get("compilerOptions")
        options = options if isinstance(options, dict) else {}
        folder = posixpath.dirname(config)
        base = options.get("baseUrl")
        root = _join(folder, base) if isinstance(base, str) else folder
        paths = options.get("paths")
        if isinstance(paths, dict) and root is not None:
            for pattern in sorted(paths, key=lambda one: -len(one.partition("*")[0])):
                values = paths[pattern] if isinstance(paths[pattern], list) else []
                joined = (_join(root, value) for value in values if isinstance(value, str))
                yield pattern, tuple(one for one in joined if one)
        extended = data.get("extends")
        if left and (not isinstance(paths, dict) or not isinstance(base, str)):
            for one in extended if isinstance(extended, list) else [extended]:
                if isinstance(one, str) and one.startswith("."):
                    target = _join(folder, one)
                    name = next((name for name in (target, f"{target}.json") if name and self.tree.has(name)), None)
                    if name:
                        yield from self.read_aliases(name, left - 1)
        if isinstance(base, str) and root is not None:
            yield "*", (f"{root}/*" if root else "*",)

    def private(self, specifier: str, folder: str) -> Iterator[str]:
        """Paths for `#name` by the `imports` of the nearest package.json."""
        while True:
            manifest = f"{folder}/package.json" if folder else "package.json"
            if self.tree.has(manifest):
                imports = read_json(self.tree.read(manifest)).get("imports")
                for one in _matching(imports, specifier):
                    target = _join(folder, one)
                    if target:
                        yield target
                        yield from _sources(target)
                return
            if not folder:
                return
            folder = posixpath.dirname(folder)

    def packaged(self, specifier: str) -> Iterator[str]:
        """Paths for a package of this repository, by the name in its package.json."""
        if self._packages is None:
            self._packages = {}
            for manifest in self.tree.ending("package.json")[:_PACKAGES_LIMIT]:
                data = read_json(self.tree.read(manifest))
                name = data.get("name")
                if isinstance(name, str) and name:
                    self._packages.setdefault(name, (posixpath.dirname(manifest), data))
        parts = specifier.split("/")
        size = 2 if specifier.startswith("@") else 1
        known = self._packages.get("/".join(parts[:size]))
        if known is None:
            return
        folder, data = known
        rest = "/".join(parts[size:])
        for one in _matching(data.get("exports"), f"./{rest}" if rest else "."):
            target = _join(folder, one)
            if target:
                yield target
                yield from _sources(target)
        for place in ("", "src", "lib"):
            yield "/".join(part for part in (folder, place, rest) if part)


def _matching(table: Any, key: str) -> Iterator[str]:
    """Targets of `exports` or `imports` for a key, patterns with `*` filled in."""
    if not isinstance(table, dict):
        if key == ".":
            yield from _strings(table)
        return
    if key in table:
        yield from _strings(table[key])
    elif key == "." and not any(str(one).startswith(".") for one in table):
        yield from _strings(table)
    for pattern, value in table.items():
        before, star, after = str(pattern).partition("*")
        if star and key.startswith(before) and key.endswith(after) and len(key) > len(before) + len(after):
            middle = key[len(before) : len(key) - len(after)]
            yield from (one.replace("*", middle) for one in _strings(value))


_latest: list[_Project] = []
"""The project of the tree asked about last: a run asks about one tree many thousand times."""


def _project(tree: Tree) -> _Project:
    if not _latest or _latest[0].tree is not tree:
        _latest[:] = [_Project(tree)]
    return _latest[0]
