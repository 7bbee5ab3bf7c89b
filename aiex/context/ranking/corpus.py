"""What the ranking asks of an index. Files and documents are numbers; every answer must be cheap on a large store."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol


class Postings(Protocol):
    """Where a term occurs in one part of the index."""

    @property
    def first(self) -> int:
        """Number of the part's first document; the others count from it."""

    @property
    def documents(self) -> Sequence[int]:
        """Ascending, counted from `first`."""

    @property
    def counts(self) -> bytes:
        """How often the term occurs in each, at most 255."""


class Corpus(Protocol):
    """The files of a workspace cut into documents: functions or parts of them, class heads, module rests.

    The words of its path and its qualified name count in a document as if they stood in its text.
    """

    @property
    def paths(self) -> Sequence[str]:
        """Path of each file."""

    @property
    def numbers(self) -> Mapping[str, int]:
        """File number of each path."""

    @property
    def document_count(self) -> int:
        """How many document numbers there are."""

    @property
    def file_of(self) -> Sequence[int]:
        """File of each document."""

    @property
    def first_of(self) -> Sequence[int]:
        """First document of each file; its documents have consecutive numbers, in line order."""

    @property
    def last_of(self) -> Sequence[int]:
        """For each file the number after its last document."""

    @property
    def starts(self) -> Sequence[int]:
        """First line of each document."""

    @property
    def ends(self) -> Sequence[int]:
        """Last line of each document."""

    @property
    def lengths(self) -> Sequence[int]:
        """Words in each document."""

    @property
    def names(self) -> Mapping[int, str]:
        """Qualified name of the definition a document is of; empty for what is in none."""

    @property
    def kinds(self) -> Mapping[int, str]:
        """Kind of that definition."""

    def fetch(self, terms: Iterable[str]) -> None:
        """Read the postings of many terms at once, so that `postings` costs nothing."""

    def postings(self, term: str) -> Sequence[Postings]:
        """Where a term occurs, by part of the index."""

    def in_paths(self, terms: Collection[str], limit: int) -> Mapping[str, Sequence[int]]:
        """Files whose path has each of some terms; files without documents are left out.

        Terms that fewer have come first, and none once the limit is passed by all files together.
        """

    def fetch_definitions(self, names: Iterable[str]) -> None:
        """Read where many identifiers are defined at once, so that `definitions` costs nothing."""

    def definitions(self, name: str) -> Sequence[int]:
        """Documents that define exactly this identifier (the last part of a qualified name)."""

    def imports(self, file: int) -> Sequence[int]:
        """Files that a file imports."""

    def importers(self, file: int) -> Sequence[int]:
        """Files that import a file."""


Scored = tuple[str, float]
"""A path and how strongly it is meant, above 0."""


class History(Protocol):
    """What the commits of a repository tell."""

    def changed_with(self, paths: Iterable[str], *, limit: int) -> list[Scored]:
        """Other files that changed in the same commits, the strongest first."""

    def commits_like(self, terms: Mapping[str, float], *, limit: int) -> list[Scored]:
        """Files of those commits whose text has the terms, the best first."""

    def recency(self, path: str) -> float:
        """How lately a file changed, in 0..1; 0 when it is not known."""
