"""A file as a briefing reads it: its bytes, its text and its facts, and what is odd about it in plain words."""

from typing import NamedTuple

from aiex.context.facts import FileFacts
from aiex.jobs.briefing.model import Excerpt, Subject
from aiex.jobs.briefing.words import size_words
from aiex.jobs.target import Target

EXCERPT_LINES = 400
"""Most lines of source that a briefing carries."""
EXCERPT_CHARS = 40_000

_MAGIC = (
    (b"\xff\xfe", "UTF-16 text, which is not read as source"),
    (b"\xfe\xff", "UTF-16 text, which is not read as source"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"RIFF", "a RIFF container (WebP, WAV or AVI)"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (also used by jar, docx, whl)"),
    (b"\x1f\x8b", "gzip-compressed data"),
    (b"BZh", "bzip2-compressed data"),
    (b"\xfd7zXZ\x00", "xz-compressed data"),
    (b"(\xb5/\xfd", "zstd-compressed data"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "an ELF program or library"),
    (b"MZ", "a Windows program or library"),
    (b"\xca\xfe\xba\xbe", "Java bytecode or a universal macOS program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program or library"),
    (b"\x00asm", "a WebAssembly module"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"!<arch>", "a static library or package archive"),
    (b"\x00\x01\x00\x00", "a TrueType font"),
    (b"OTTO", "an OpenType font"),
    (b"wOFF", "a web font"),
    (b"wOF2", "a web font"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
    (b"\x00\x00\x01\x00", "an icon"),
)
"""First bytes of usual formats. Source: the `file` program's magic tables."""


class Material(NamedTuple):
    """One file, read."""

    path: str
    source: bytes
    facts: FileFacts

    @property
    def text(self) -> str:
        """The source as text, undecodable bytes replaced, without a byte order mark."""
        return self.source.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n")


def is_binary(source: bytes) -> bool:
    """True for content that is not text in a usual encoding: a NUL byte early on."""
    return b"\0" in source[:8192]


def kind_of_binary(source: bytes) -> str:
    """What a binary file is, by its first bytes."""
    return next((kind for magic, kind in _MAGIC if source.startswith(magic)), "of no known format")


def notes_on(source: bytes, facts: FileFacts) -> tuple[str, ...]:
    """Why the facts are less than full, for a person."""
    if not source:
        return ("the file is empty",)
    if is_binary(source):
        return (f"binary: {kind_of_binary(source)}, {size_words(len(source))}; it has no lines to explain",)
    notes = []
    if facts.parsed == "partial":
        notes.append(f"{facts.note or 'syntax errors'}: what stands near it may be missing or wrong")
    elif facts.note:
        notes.append(f"{facts.note}; only its size and its text are known")
    if not _is_utf8(source):
        notes.append("the file is not UTF-8; undecodable bytes are shown as �")
    return tuple(notes)


def _is_utf8(source: bytes) -> bool:
    if source.isascii():
        return True
    try:
        source.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def subject_of(material: Material, target: Target, kind: str) -> Subject:
    """What is explained, with the facts of its file."""
    facts = material.facts
    binary = is_binary(material.source)
    return Subject(
        "file" if kind == "file" else "symbol" if kind == "symbol" else "range",
        str(target),
        material.path,
        target.start_line or (1 if facts.line_count else 0),
        target.end_line or facts.line_count,
        "" if binary or facts.language == "text" else facts.language,
        0 if binary else facts.line_count,
        len(material.source),
        facts.parsed,
        notes_on(material.source, facts),
    )


def excerpt_of(material: Material, start_line: int, end_line: int) -> Excerpt:
    """Lines of the source, cut to what a briefing can carry; `end_line` of the result says how far it goes."""
    lines = material.text.split("\n")[start_line - 1 : min(end_line, start_line + EXCERPT_LINES - 1)]
    kept: list[str] = []
    room = EXCERPT_CHARS
    for line in lines:
        if len(line) > room:
            kept.append(line[: max(room, 0)] + "…")
            break
        kept.append(line)
        room -= len(line) + 1
    return Excerpt(material.path, start_line, start_line + len(kept) - 1, "\n".join(kept))
