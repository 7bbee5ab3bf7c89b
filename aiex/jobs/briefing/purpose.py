"""What a file is for: its own words first, else what its names and place say."""

import re
from collections import Counter

from aiex.context.facts import FileFacts, Symbol
from aiex.jobs.briefing.model import Place, Purpose
from aiex.jobs.briefing.names import (
    DATA_LANGUAGES,
    FUNCTIONS,
    TEXT_LANGUAGES,
    TYPES,
    is_test,
    stem_of,
    words_of,
)
from aiex.jobs.briefing.words import clip, count

_PACKAGE_FILES = frozenset({"__init__.py", "index.js", "index.ts", "index.tsx", "mod.rs", "lib.rs", "__init__.pyi"})
_NOISE_TEXT = """
get set is has to from of and or the a an in on for with by new init test tests self this main type types
class def fn func function value values name names make create add on str int bool
"""
_NOISE_WORDS = frozenset(_NOISE_TEXT.split())
_ROLE = r":[\w:+-]+:`~?\.?([^`<]*?)(?:\s*<[^>]*>)?`"
_UNDERLINE = r"\s*(?<!\S)([=~*^+#-])\1{2,}(?!\S)"
_LINK = r"\[([^\]\[]*)\]\([^)\s]*\)"


def readable(text: str) -> str:
    """Documentation without the markup of Sphinx and Markdown links, on one line."""
    text = " ".join(text.split())
    if text.startswith(": "):  # the `#:` comments of Sphinx
        text = text[2:].replace(" : ", " ")
    if "~~~" in text or "===" in text or "---" in text:
        text = re.sub(_UNDERLINE, ".", text).rstrip(". ")
    if ":" in text:
        text = re.sub(_ROLE, r"`\1`", text)
    if "``" in text:
        text = text.replace("``", "`")
    return re.sub(_LINK, r"\1", text) if "](" in text else text


def purpose_of(path: str, facts: FileFacts) -> Purpose:
    """The purpose of a file, and where the words for it come from."""
    doc = telling_doc(path, facts)
    if doc:
        return Purpose(doc, "module documentation", Place(path, 1))
    if facts.language in TEXT_LANGUAGES or facts.language in DATA_LANGUAGES or facts.language == "html":
        return _from_headings(path, facts)
    main = _dominant_type(facts)
    if main is not None and main.doc:
        words = f"{main.kind} `{main.name}`: {readable(main.doc)}"
        return Purpose(words, f"documentation of its main {main.kind}", Place(path, main.start_line))
    return Purpose(_from_names(path, facts), "names", None)


def telling_doc(path: str, facts: FileFacts) -> str:
    """The documentation of a file, empty when it only repeats the name or is a picture in letters."""
    if not facts.doc:
        return ""
    doc = readable(facts.doc)
    letters = sum(letter.isalpha() for letter in doc)
    if letters * 3 < len(doc) or " " not in doc or set(words_of(doc)) <= set(words_of(path)):
        return ""
    return doc


def brief_purpose(path: str, facts: FileFacts) -> str:
    """A few words for a list; empty when only names could be counted."""
    doc = telling_doc(path, facts)
    if doc:
        return doc
    main = _dominant_type(facts)
    if main is not None and main.doc:
        return f"`{main.name}`: {readable(main.doc)}"
    names = _leading_names(facts)
    brought = _brought(facts)
    if path.rsplit("/", 1)[-1] in _PACKAGE_FILES and len(brought) > len(names):
        return f"offers {_join(brought, 6)}"
    if names:
        return f"defines {_join(names, 4)}"
    modules = list(dict.fromkeys(f"`{item.module}`" for item in facts.imports))
    return f"brings in {_join(modules, 3)}" if modules else ""


def _dominant_type(facts: FileFacts) -> Symbol | None:
    """The type that makes up most of the file, or the only exported one."""
    types = [symbol for symbol in facts.symbols if symbol.parent < 0 and symbol.kind in TYPES]
    if not types:
        return None
    largest = max(types, key=lambda symbol: (symbol.end_line - symbol.start_line, -symbol.start_line))
    share = (largest.end_line - largest.start_line + 1) / max(facts.line_count, 1)
    return largest if share > 0.5 or len(types) == 1 else None


def _from_headings(path: str, facts: FileFacts) -> Purpose:
    top = [symbol for symbol in facts.symbols if symbol.parent < 0]
    if not top:
        return Purpose(_from_names(path, facts), "names", None)
    first = top[0]
    if facts.language in TEXT_LANGUAGES or facts.language == "html":
        words = first.name + (f". {readable(first.doc)}" if first.doc else "")
        return Purpose(words, "its first heading", Place(path, first.start_line))
    names = [f"`{symbol.name}`" for symbol in top]
    return Purpose(f"Data with {count(len(names), 'top-level key')}: {_join(names, 8)}.", "its keys", None)


def _from_names(path: str, facts: FileFacts) -> str:
    name = path.rsplit("/", 1)[-1]
    if not facts.symbols:
        return _without_symbols(name, facts)
    lead = _leading_names(facts)
    if is_test(path):
        tests = sum(1 for symbol in facts.symbols if symbol.kind in FUNCTIONS and words_of(symbol.name)[:1] == ["test"])
        about = stem_of(path)
        said = f"Tests{f' about “{about}”' if about else ''}: {count(tests or len(lead), 'test function')}"
        common = _common_words(facts)
        return f"{said}, {common}." if common else f"{said}."
    said = f"Defines {_join(lead, 6)}" if lead else "Defines nothing that is exported"
    if name in _PACKAGE_FILES:
        said = f"The front of its package: {said[0].lower()}{said[1:]}"
    common = _common_words(facts)
    return f"{said}; {common}." if common else f"{said}."


def _without_symbols(name: str, facts: FileFacts) -> str:
    if name in _PACKAGE_FILES and facts.imports:
        brought = _brought(facts)
        listed = _join(brought, 10) if brought else "whole modules"
        return f"The front of its package: re-exports {listed}."
    if not facts.size_bytes:
        marker = name in ("__init__.py", "py.typed", ".gitkeep", ".keep")
        return "Empty: marks its directory." if marker else "An empty file."
    if facts.references or facts.imports:
        return "A script: it defines nothing and runs from top to bottom."
    words = [word for word in words_of(name.rsplit(".", 1)[0]) if not word.isdigit()]
    return f"Nothing is defined here; its name says “{' '.join(words) or name}”."


def _brought(facts: FileFacts) -> list[str]:
    """Names that the file imports, as it would pass them on."""
    return [f"`{local}`" for item in facts.imports for _, local in item.names if local not in ("*", "annotations")]


def _leading_names(facts: FileFacts) -> list[str]:
    """Types first, then functions, then the rest: exported names at the top of the file."""
    top = [symbol for symbol in facts.symbols if symbol.parent < 0 and symbol.qualified == symbol.name]
    top = [symbol for symbol in top if not (symbol.name.startswith("__") and symbol.name.endswith("__"))]
    shown = [symbol for symbol in top if symbol.exported] or top
    rank = {"variable": 3, "constant": 2}
    ordered = sorted(
        shown,
        key=lambda symbol: 0 if symbol.kind in TYPES else 1 if symbol.kind in FUNCTIONS else rank.get(symbol.kind, 2),
    )
    return list(dict.fromkeys(f"`{symbol.name}`" for symbol in ordered))


def _common_words(facts: FileFacts) -> str:
    counted: Counter[str] = Counter()
    for symbol in facts.symbols:
        counted.update({word for word in words_of(symbol.name) if len(word) > 2 and word not in _NOISE_WORDS})
    common = [word for word, times in sorted(counted.items(), key=lambda item: (-item[1], item[0])) if times > 1][:4]
    return f"most names are about {', '.join(common)}" if common else ""


def _join(names: list[str], limit: int) -> str:
    """At most `limit` names as words of a sentence."""
    shown = names[:limit]
    rest = len(names) - len(shown)
    if rest > 0:
        return f"{', '.join(shown)} and {rest} more"
    return ", ".join(shown[:-1]) + (" and " if len(shown) > 1 else "") + shown[-1] if shown else "nothing"


def first_paragraph(text: str) -> str:
    """The first prose of a README in Markdown or reStructuredText: no badges, headings, tables, HTML or code."""
    block: list[str] = []
    fenced = False
    lines = text.splitlines()
    for number, raw in enumerate(lines):
        line = raw.strip()
        if line.startswith(("```", "~~~")):
            fenced = not fenced
            continue
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if fenced or _is_decoration(line, following):
            if block:
                break
            continue
        block.append(line)
    return clip(readable(" ".join(block)), 400)


_MARKS = ("#", "[!", "![", "<", "|", "=", "---", "***", "..", "* [", "- [", ":", "[//]", ">", "{%", "```")


def _is_decoration(line: str, following: str) -> bool:
    """True for a line that is not prose: blank, heading, badge, rule, directive, table of contents."""
    if not line or line.startswith(_MARKS):
        return True
    underlined = len(following) >= 3 and len(set(following)) == 1 and following[0] in "=-~^*#\"'`+"
    return underlined or not any(letter.isalpha() for letter in line)


def title_of(text: str) -> str:
    """The first heading of a README, empty when there is none."""
    lines = text.splitlines()[:40]
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        if line.startswith("# "):
            return clip(readable(line[2:].strip("# ")), 120)
        if line.strip() and _is_decoration(line, following) and len(following.strip()) >= 3 and line[0].isalnum():
            return clip(line.strip(), 120)
    return ""
