"""Small parts for tests of languages: a repository held in memory, the sample files, facts in short form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from aiex.context.extract import extract
from aiex.context.facts import FileFacts, Import
from aiex.context.language import find_language, get_language
from aiex.context.reading import imported_words, mentions

SAMPLES = Path(__file__).parents[1] / "data" / "languages"


class FileTree:
    """The files of a repository, held in memory."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = {path: text.encode() for path, text in files.items()}

    def has(self, path: str) -> bool:
        return path in self.files

    def ending(self, suffix: str) -> Sequence[str]:
        return sorted(
            (path for path in self.files if f"/{path}".endswith(f"/{suffix}")), key=lambda path: (len(path), path)
        )

    def inside(self, folder: str) -> Sequence[str]:
        return sorted(path for path in self.files if path.rpartition("/")[0] == folder)

    def read(self, path: str) -> bytes:
        return self.files.get(path, b"")

    def facts(self, path: str) -> FileFacts:
        return extract(self.files[path], find_language(path))

    def targets(self, path: str) -> dict[str, list[str]]:
        """What each import of a file resolves to, by its module; several of one module are joined."""
        language = find_language(path)
        assert language is not None
        found: dict[str, list[str]] = {}
        for item in self.facts(path).imports:
            found.setdefault(item.module, []).extend(language.resolve(item, path, self))
        return {module: list(dict.fromkeys(paths)) for module, paths in found.items()}

    def unmentioned(self) -> list[tuple[str, str]]:
        """Pairs (file, target) where the file imports the target but none of the target's keys shows in its mentions,
        searched for or taken from a parse.

        Such a pair would be missed when asking who depends on the target.
        """
        missed = []
        for path, source in self.files.items():
            language = find_language(path)
            if language is None or language.mention is None:
                continue
            facts = extract(source, language)
            words = set(mentions(source, language).split()) & set(imported_words(facts).split())
            for item in facts.imports:
                for target in language.resolve(item, path, self):
                    kind = find_language(target)
                    if target != path and kind is not None and not kind.names_of(target) & words:
                        missed.append((path, target))
        return missed


def sample(name: str, extension: str) -> FileFacts:
    """Facts of `tests/data/languages/<name>/sample.<extension>`."""
    return extract((SAMPLES / name / f"sample.{extension}").read_bytes(), get_language(name))


def facts_of(name: str, source: str) -> FileFacts:
    """Facts of a piece of text in a language."""
    return extract(source.encode(), get_language(name))


def outline(facts: FileFacts) -> list[str]:
    """One line per symbol: `+` for exported, kind, path inside the file, lines."""
    return [
        f"{'+' if symbol.exported else '-'} {symbol.kind} {symbol.qualified} {symbol.start_line}-{symbol.end_line}"
        for symbol in facts.symbols
    ]


def signatures(facts: FileFacts) -> dict[str, str]:
    """Signature by path inside the file."""
    return {symbol.qualified: symbol.signature for symbol in facts.symbols}


def docs(facts: FileFacts) -> dict[str, str]:
    """Documentation by path inside the file, only where there is some."""
    return {symbol.qualified: symbol.doc for symbol in facts.symbols if symbol.doc}


def imports(facts: FileFacts) -> list[Import]:
    """The imports in order."""
    return list(facts.imports)


def references(facts: FileFacts) -> set[str]:
    """References as `kind receiver.name`."""
    return {f"{ref.kind} {ref.receiver + '.' if ref.receiver else ''}{ref.name}" for ref in facts.references}


def faults(facts: FileFacts) -> list[str]:
    """Faults as `kind what @line`."""
    return [f"{fault.kind} {fault.what} @{fault.line}" for fault in facts.faults]


def effects(facts: FileFacts) -> list[str]:
    """Effects as `kind what @line`."""
    return [f"{effect.kind} {effect.what} @{effect.line}" for effect in facts.effects]


def complexity(facts: FileFacts) -> dict[str, int]:
    """Complexity by path inside the file, of what has a body."""
    return {symbol.qualified: value for symbol, value in zip(facts.symbols, facts.complexity, strict=True) if value}
