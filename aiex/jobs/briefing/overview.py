"""What a briefing on a directory consists of; apart from `model`, because most briefings are on code."""

from typing import NamedTuple

from aiex.jobs.briefing.model import Place


class Part(NamedTuple):
    """A part of a directory: a subdirectory, or a file."""

    path: str
    """With a final `/` for a subdirectory, with `/*` for the files that lie directly in one."""
    purpose: str
    origin: str
    """Where the words come from, as in `Purpose`."""
    files: int
    lines: int
    languages: tuple[str, ...]
    """Those with most lines first."""
    role: str
    """code, tests, documentation, examples, configuration, data."""


class EntryPoint(NamedTuple):
    """A place where a run begins."""

    kind: str
    """console script, command, application, cargo bin, main, container, process, package entry, npm script, make target
    or cargo example."""
    name: str
    """What one types; for `main` the path of the file."""
    what: str
    """What it runs, as the manifest writes it, or what its file is for; may be empty."""
    place: Place


class Layer(NamedTuple):
    """Parts that need only parts of earlier layers; more than one name in a group is a cycle."""

    groups: tuple[tuple[str, ...], ...]


class PartEdge(NamedTuple):
    """One part imports another."""

    source: str
    target: str
    imports: int
    """Imports from the one to the other."""
    example: Place


class Order(NamedTuple):
    """Parts from what others build on to what builds on others."""

    layers: tuple[Layer, ...]
    edges: tuple[PartEdge, ...]
    """Those of most imports first."""
    cycles: tuple[tuple[str, ...], ...]


class Reading(NamedTuple):
    """A file worth reading early."""

    path: str
    reason: str
    """Why, in words for a person."""
    lines: int


class External(NamedTuple):
    """A dependency outside the repository."""

    name: str
    required: str
    """Version condition as the manifest writes it; empty when it is only imported."""
    manifest: Place | None
    files: int
    """How many files import it."""
    example: Place | None


class TestLayout(NamedTuple):
    """How the tests of a directory lie."""

    files: int
    cases: int
    """Test functions."""
    lines: int
    directories: tuple[tuple[str, int], ...]
    """With their number of files, most first."""
    framework: str
    """What runs them, empty when it is not known."""


class LanguageShare(NamedTuple):
    """One row of the languages table."""

    language: str
    """Empty for files of no known language."""
    files: int
    lines: int
    size_bytes: int


class LargeFile(NamedTuple):
    """A large file."""

    path: str
    lines: int
    size_bytes: int
