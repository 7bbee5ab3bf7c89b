"""The words that definitions begin with, by language.

Patterns begin with plain characters: these are found ten times as fast as a choice of several words.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from aiex.context.facts import SymbolKind

_MODIFIERS = (
    b"export default public private protected internal static async abstract final override virtual inline unsafe const"
    b" extern sealed partial open data declare readonly get set native synchronized typedef"
)
_BEFORE = re.compile(rb'[ \t]*(?:(?:%s|pub(?:\([^)\n]*\))?|"C")[ \t]+)*' % b"|".join(_MODIFIERS.split()))
_ASSIGNED = re.compile(
    rb"[ \t]*(?:(?:export|default|const|let|var|static) +)*(?:module\.)?"
    rb"(?P<name>(?:[\w$]+\.)*[\w$#]+) *(?::[^=\n]*)?[=:] *"
    rb"(?:async *)?(?:[(<][^\n]*|[\w$]+ *)?"
)
_METHOD = re.compile(
    rb"[ \t]*(?:[\w<>\[\],.?&*:@]+[ \t*&]+){0,8}?(?P<name>[\w$#~:]+)[ \t]*(?:<[^()\n]*>)?\("
    rb"(?![^\n]*(?:=>|\bfunction\b))"
)
_NO_METHOD = re.compile(
    rb"[ \t}]*(?:if|for|while|switch|catch|else|do|return|function|new|throw|await|with|foreach|using|lock|elif)\b"
)


class Sign(NamedTuple):
    """Something that a definition begins with."""

    pattern: "re.Pattern[bytes]"
    kind: SymbolKind
    tell: "Callable[[bytes, re.Match[bytes]], bytes]"
    """Name of the definition by what stands before on the line and what was found; empty for none."""


def _named(before: bytes, match: "re.Match[bytes]") -> bytes:
    """The name after a word that begins the line, but for modifiers."""
    return match[1] if not before or before.isspace() or _BEFORE.fullmatch(before) else b""


def _received(before: bytes, match: "re.Match[bytes]") -> bytes:
    """The name of a Go function, after the type it belongs to."""
    return b"" if before else b".".join(group for group in match.groups() if group)


def _assigned(before: bytes, match: "re.Match[bytes] | None" = None) -> bytes:
    """What a function is assigned to."""
    found = _ASSIGNED.fullmatch(before) if b"=" in before or b":" in before else None
    return found["name"].replace(b".prototype", b"").removeprefix(b"exports.") if found else b""


def _called(before: bytes, match: "re.Match[bytes]") -> bytes:
    """What a function is assigned to, or the name after its word."""
    return _assigned(before) or _named(before, match)


def method_before(before: bytes, match: "re.Match[bytes] | None" = None) -> bytes:
    """The name before the brackets of a function without a word of its own."""
    found = None if _NO_METHOD.match(before) else _METHOD.match(before)
    return found["name"].rpartition(b":")[2] if found else b""


def _quoted(before: bytes, match: "re.Match[bytes]") -> bytes:
    return match[1] if before.isspace() else b""


def _bare(before: bytes, match: "re.Match[bytes]") -> bytes:
    """The name before the brackets of a shell function."""
    name = before.strip().removeprefix(b"function ").strip()
    return name if name.replace(b"_", b"").replace(b"-", b"").isalnum() else b""


def _words(kind: SymbolKind, words: str, name: bytes = rb"[ \t]+([A-Za-z_$][\w$]*)") -> list[Sign]:
    """Signs of definitions that begin with one of some words."""
    return [Sign(re.compile(re.escape(word.encode()) + name), kind, _named) for word in words.split()]


def _methods(*endings: bytes) -> list[Sign]:
    """Signs of functions without a word of their own, by what follows their brackets."""
    return [Sign(re.compile(rb"\)" + ending), "method", method_before) for ending in endings]


_RUBY_NAME = rb"[ \t]+(?:self\.)?([A-Za-z_][\w:]*[?!=]?)"
_ELIXIR_NAME = rb"(?:p|macrop?|guardp?)?[ (]+([a-z_]\w*[?!]?)"
_RUST_TYPE = rb"(?:<[^{;\n]*?>)?[ \t]+(?:[^{;\n]*\bfor[ \t]+)?(?:\w+::)*&?(\w+)"
_JAVASCRIPT = (
    Sign(re.compile(rb"function\b[ *]*([\w$]*)"), "function", _called),
    *_words("class", "class"),
    Sign(re.compile(rb"=>"), "function", _assigned),
    *_methods(rb" \{"),
)
_TYPESCRIPT = (
    *_words("interface", "interface"),
    *_words("enum", "enum"),
    *_words("namespace", "namespace module"),
    *_words("type", "type"),
    *_JAVASCRIPT,
    *_methods(rb": [^\n(){};]{1,80}\{"),
)
_C = (*_words("struct", "struct union"), *_words("enum", "enum"), *_methods(rb" \{", rb"\r?\n\{"))
SIGNS: Mapping[str, Sequence[Sign]] = {
    "bash": (
        *_words("function", "function", rb"[ \t]+([\w:.-]+)"),
        Sign(re.compile(rb"\(\)\s*\{"), "function", _bare),
    ),
    "c": _C,
    "cpp": (*_words("class", "class"), *_words("namespace", "namespace"), *_C, *_methods(rb" const \{")),
    "elixir": (
        *_words("module", "defmodule defprotocol defimpl", rb"[ \t]+([A-Z][\w.]*)"),
        *_words("function", "def", _ELIXIR_NAME),
        Sign(re.compile(rb'test[ (]"([^"\n]+)"'), "test", _quoted),
    ),
    "go": (
        Sign(re.compile(rb"func (?:\((?:\w+ )?\*?(\w+)[^)\n]*\) )?(\w+)"), "function", _received),
        Sign(re.compile(rb"type (\w+)[^\n=]* struct\b"), "struct", _named),
        Sign(re.compile(rb"type (\w+)[^\n=]* interface\b"), "interface", _named),
    ),
    "java": (
        *_words("class", "class record"),
        *_words("interface", "interface"),
        *_words("enum", "enum"),
        *_methods(rb" \{", rb" throws [^\n{;]*\{"),
    ),
    "javascript": _JAVASCRIPT,
    "python": (*_words("function", "def"), *_words("class", "class")),
    "ruby": (
        *_words("function", "def", _RUBY_NAME),
        *_words("class", "class", _RUBY_NAME),
        *_words("module", "module", _RUBY_NAME),
    ),
    "rust": (
        *_words("function", "fn"),
        *_words("struct", "struct union"),
        *_words("enum", "enum"),
        *_words("trait", "trait"),
        *_words("module", "mod", rb" (\w+) \{"),
        *_words("macro", "macro_rules!"),
        *_words("implementation", "impl", _RUST_TYPE),
    ),
    "tsx": _TYPESCRIPT,
    "typescript": _TYPESCRIPT,
}
"""The first sign of a line that finds a name is right."""
