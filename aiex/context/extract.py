"""Reads the facts of a file from its syntax tree."""

from typing import TYPE_CHECKING

from aiex.context.facts import PARSE_LIMIT_BYTES, FileFacts, Parsed
from aiex.context.language import Language, line_of
from aiex.context.parsing import Unparsed, parse
from aiex.context.prose import first_comment
from aiex.context.structure import Walk
from aiex.context.uses import Uses, spelled_names

if TYPE_CHECKING:
    from tree_sitter import Node


def extract(
    source: bytes,
    language: Language | None,
    *,
    uses: bool = True,
    names_only: bool = False,
    limit_bytes: int = PARSE_LIMIT_BYTES,
) -> FileFacts:
    """The facts of a file; never raises for any content.

    Without a language, or when the source cannot be parsed, the facts hold only sizes and say why in `note`.

    Args:
        uses: Whether references, faults, effects and complexity are wanted; without them complexity is 0 everywhere.
        names_only: Whether symbols need no documentation and signature, nor the file its own; goes without uses.
        limit_bytes: Larger sources are not parsed.

    Cost on top of the parse: 0.3 times the parse, with uses 1.1 times (benchmarks/chunking.py).
    """
    if language is None:
        return bare_facts(source, "no grammar for this kind of file")
    tree = parse(source, language, limit_bytes)
    if isinstance(tree, Unparsed):
        return bare_facts(source, tree.note, language.name)
    return read_facts(tree.root_node, source, language, uses=uses, names_only=names_only)


def bare_facts(source: bytes, note: str, language: str = "text") -> FileFacts:
    """Facts of a file that was not parsed."""
    return FileFacts(language, count_lines(source), len(source), "fallback", note, "", (), (), (), (), (), (), 0)


def count_lines(source: bytes) -> int:
    """Lines as an editor counts them: a last line without line end counts."""
    return source.count(b"\n") + (1 if source and not source.endswith(b"\n") else 0)


def read_facts(
    root: "Node", source: bytes, language: Language, *, uses: bool = True, names_only: bool = False
) -> FileFacts:
    """The facts that a syntax tree holds; `uses` and `names_only` as in `extract`."""
    walk = Walk(source, language, names_only=names_only)
    if language.public is not None and not names_only:
        walk.public = language.public(root, source)
    walk.look(root, -1, None, 0, ())
    symbols = tuple(walk.symbols)
    used = Uses(symbols, walk.imports, language, source)
    if uses:
        used.collect(root, *walk.opened)
    else:
        used.collect_imports(root, *walk.opened)
    imports = walk.imports
    if language.implied is not None:
        implied = language.implied(imports, spelled_names(source, language))
        imports = sorted([*imports, *implied], key=lambda item: item.line)
    parsed, note = _health(root)
    doc = "" if names_only else (language.module_doc(root, source) if language.module_doc else None)
    return FileFacts(
        language.name,
        count_lines(source),
        len(source),
        parsed,
        note,
        doc if doc is not None else first_comment(root, source, language),
        symbols,
        tuple(imports),
        tuple(used.references) if uses else (),
        tuple(used.faults) if uses else (),
        tuple(used.effects) if uses else (),
        tuple(0 if value == 1 and index in walk.bare else value for index, value in enumerate(used.complexity))
        if uses
        else (0,) * len(symbols),
        language.entry(root, source) if language.entry and not names_only else 0,
    )


def _health(root: "Node") -> tuple[Parsed, str]:
    if not root.has_error:
        return "full", ""
    node, depth = root, 0
    while depth < 500:
        broken = next((child for child in node.children if child.has_error or child.is_error or child.is_missing), None)
        if broken is None or broken.is_error or broken.is_missing:
            node = broken or node
            break
        node, depth = broken, depth + 1
    return "partial", f"syntax error near line {line_of(node)}"
