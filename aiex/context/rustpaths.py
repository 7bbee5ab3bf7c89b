"""Paths of Rust: the names that a `use` brings in, and the files that modules and crates are in."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import Import
from aiex.context.language import Tree, field, text

if TYPE_CHECKING:
    from tree_sitter import Node

OUTSIDE = frozenset({"std", "core", "alloc", "proc_macro", "test"})
"""Crates that come with the compiler."""
_CRATE_FILES = ("lib.rs", "main.rs")
_OWN_CRATE_FOLDERS = frozenset({"tests", "examples", "benches"})
_NAME = re.compile(rb'(?m)^\s*name\s*=\s*["\']([^"\'\n]+)')


# --- use trees -----------------------------------------------------------------------------------------------------


class Leaf(NamedTuple):
    """One name that a `use` brings in."""

    path: str
    name: str
    local: str


def leaves(node: "Node", source: bytes, prefix: str = "", depth: int = 0) -> Iterator[Leaf]:
    """The names in a use tree and the paths in front of them; past 30 braces the rest is left out."""
    if depth > 30:
        return
    if node.type == "use_list":
        for child in node.named_children:
            yield from leaves(child, source, prefix, depth + 1)
    elif node.type == "scoped_use_list":
        inner = node.child_by_field_name("list")
        path = _join(prefix, _compact(field(node, "path", source)))
        if inner is not None:
            yield from leaves(inner, source, path, depth + 1)
    elif node.type == "use_wildcard":
        path = _compact(text(node, source)).removesuffix("*").removesuffix("::")
        yield Leaf(_join(prefix, path), "*", "*")
    elif node.type == "use_as_clause":
        yield _leaf(prefix, _compact(field(node, "path", source)), field(node, "alias", source))
    elif node.type not in ("line_comment", "block_comment"):
        yield _leaf(prefix, _compact(text(node, source)), "")


def _leaf(prefix: str, path: str, alias: str) -> Leaf:
    if path == "self" and prefix:
        return Leaf(prefix, "", alias or prefix.rpartition("::")[2])
    whole = _join(prefix, path)
    head, _, name = whole.rpartition("::")
    return Leaf(head, name, alias or name) if head else Leaf(whole, "", alias or whole)


def _join(prefix: str, path: str) -> str:
    return f"{prefix}::{path}" if prefix and path else prefix or path


def _compact(written: str) -> str:
    return "".join(written.split()).removeprefix("::")


def modules_around(node: "Node", source: bytes) -> list[str]:
    """Names of the modules in braces around a node, outermost first."""
    names: list[str] = []
    above = node.parent
    while above is not None:
        if above.type == "mod_item":
            names.insert(0, field(above, "name", source))
        above = above.parent
    return names


def from_file(path: str, nesting: Sequence[str]) -> str:
    """A path as it would be written outside the braces of inner modules: `super` in `mod tests` is the file."""
    parts = path.split("::")
    if not nesting or parts[0] not in ("self", "super"):
        return path
    levels = list(nesting)
    while parts and parts[0] in ("self", "super"):
        word = parts.pop(0)
        if word == "super":
            if not levels:
                return "::".join(["super", *parts])
            levels.pop()
    return "::".join(["self", *levels, *parts])


# --- files ---------------------------------------------------------------------------------------------------------


class _Place(NamedTuple):
    """A module: the file it is in and the folder its child modules are in."""

    file: str
    folder: str


def _place_of(path: str, tree: Tree) -> _Place:
    folder, _, base = path.rpartition("/")
    if base in ("mod.rs", *_CRATE_FILES, "build.rs") or _holds_crates(folder, tree):
        return _Place(path, folder)
    return _Place(path, _under(folder, base.removesuffix(".rs")))


def _holds_crates(folder: str, tree: Tree) -> bool:
    """Whether Cargo makes a crate of every file in a folder: `tests` beside a manifest, `src/bin`."""
    above, _, last = folder.rpartition("/")
    if last == "bin":
        return above.rpartition("/")[2] == "src"
    return last in _OWN_CRATE_FOLDERS and tree.has(_under(above, "Cargo.toml"))


def _under(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _child(place: _Place, name: str, tree: Tree) -> _Place | None:
    name = name.removeprefix("r#")
    for path in (_under(place.folder, name + ".rs"), _under(place.folder, name + "/mod.rs")):
        if tree.has(path):
            return _Place(path, _under(place.folder, name))
    inside = _under(place.folder, name)
    return _Place(place.file, inside) if tree.inside(inside) else None  # a module in braces, its children in files


def _parent(place: _Place, tree: Tree) -> _Place | None:
    base = place.file.rpartition("/")[2]
    if base in _CRATE_FILES:
        return None
    folder = place.folder.rpartition("/")[0]
    for path in (*(_under(folder, name) for name in ("mod.rs", *_CRATE_FILES)), folder + ".rs"):
        if path != place.file and tree.has(path):
            return _Place(path, folder)
    return None


def _crate_of(path: str, tree: Tree) -> _Place | None:
    """The root module of the crate that a file belongs to."""
    folder = path.rpartition("/")[0]
    if _holds_crates(folder, tree):
        return _Place(path, folder)
    while True:
        for name in _CRATE_FILES:
            if tree.has(_under(folder, name)):
                return _Place(_under(folder, name), folder)
        if not folder or tree.has(_under(folder, "Cargo.toml")):
            return None
        folder = folder.rpartition("/")[0]


@lru_cache(maxsize=512)
def _crate_name(manifest: bytes) -> str:
    """The name under which the library of a Cargo.toml is used: that of `[lib]`, else of `[package]`."""
    names: dict[bytes, str] = {}
    for block in re.split(rb"(?m)^\s*(?=\[)", manifest):
        header = block.partition(b"]")[0].strip(b"[ \t")
        match = _NAME.search(block)
        if match and header in (b"lib", b"package"):
            names[header] = match.group(1).decode("utf-8", "replace").replace("-", "_")
    return names.get(b"lib") or names.get(b"package", "")


def _workspace_crate(name: str, path: str, tree: Tree) -> _Place | None:
    for manifest in tree.ending("Cargo.toml"):
        if _crate_name(tree.read(manifest)) == name:
            folder = manifest.rpartition("/")[0]
            for inner in ("src/lib.rs", "src/main.rs", "lib.rs"):
                if tree.has(_under(folder, inner)):
                    file = _under(folder, inner)
                    return _Place(file, file.rpartition("/")[0])
    return None


def resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """The file that holds the module, or the item when only its module has a file."""
    own = _place_of(path, tree)
    if item.kind == "module":
        return _module_files(item, own, tree)
    parts = item.module.split("::")
    start = _start(parts, own, tree)
    if start is None:
        return []
    place, rest = start
    for part in rest:
        inner = _child(place, part, tree)
        if inner is None:
            break
        place = inner
    else:
        deeper = [_child(place, name, tree) for name, _ in item.names]
        files = [inner.file if inner is not None else place.file for inner in deeper] or [place.file]
        return [file for file in dict.fromkeys(files) if file != path and tree.has(file)]
    return [place.file] if place.file != path and tree.has(place.file) else []


def _module_files(item: Import, own: _Place, tree: Tree) -> list[str]:
    if item.module.endswith(".rs"):
        other = _normal(_under(own.file.rpartition("/")[0], item.module))
        return [other] if tree.has(other) else []
    place: _Place = own
    *outer, name = item.module.split("::")
    for part in outer:
        place = _Place(place.file, _under(place.folder, part))
    inner = _child(place, name, tree)
    return [inner.file] if inner is not None else []


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ""):
            parts.append(part)
    return "/".join(parts)


def _start(parts: list[str], own: _Place, tree: Tree) -> tuple[_Place, list[str]] | None:
    """The module a path begins at and what is left to follow."""
    head = parts[0]
    if head in ("crate", "$crate"):
        root = _crate_of(own.file, tree)
        return (root, parts[1:]) if root is not None else None
    if head in ("self", "super"):
        place: _Place | None = own
        rest = parts
        while rest and rest[0] in ("self", "super") and place is not None:
            place = _parent(place, tree) if rest[0] == "super" else place
            rest = rest[1:]
        return (place, rest) if place is not None else None
    if _child(own, head, tree) is not None:
        return own, parts
    if head in OUTSIDE:
        return None
    crate = _workspace_crate(head, own.file, tree)
    if crate is not None:
        return crate, parts[1:]
    root = _crate_of(own.file, tree)
    return (root, parts) if root is not None and _child(root, head, tree) is not None else None


def names_of(path: str) -> set[str]:
    """The module's name; `super` and `self` may mean any module, `use` any crate."""
    folder, _, base = path.rpartition("/")
    stem = base.removesuffix(".rs")
    if base == "mod.rs":
        return {folder.rpartition("/")[2], "super"}
    if base in _CRATE_FILES:
        return {"crate", "super", "use", folder.removesuffix("/src").rpartition("/")[2].replace("-", "_")}
    return {stem, "super"}
