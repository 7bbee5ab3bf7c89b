"""Which files a repository consists of: a walk that honours `.gitignore` and `.aiexignore`, quick when little changed.

Ignore rules cost 30 ms to load, so what they decided is remembered: a later walk asks them again only about names it
has not seen, and starts over when an ignore file changed.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from aiex import __version__
from aiex.context.ignoring import DEFAULT_PATTERNS, EXCLUDE_FILE, IGNORE_FILES, IgnoreRules, KeptRules
from aiex.context.leftout import to_reason
from aiex.digest import fingerprint
from aiex.errors import AiexError, Denied, StoreError
from aiex.guard.neutral import printable_path
from aiex.guard.sandbox.files import Workspace

if TYPE_CHECKING:
    from aiex.guard.sandbox.tree import Ignoring

ALWAYS_SKIPPED = frozenset({".git", ".hg", ".svn", ".jj", ".bzr"})
DEPTH_LIMIT = 64


class FileEntry(NamedTuple):
    """A file of the repository; `path` is relative to the root with `/` between components."""

    path: str
    size_bytes: int
    mtime_ns: int
    inode: int


class Listing(NamedTuple):
    """The files of a repository in path order."""

    files: tuple[FileEntry, ...]
    ignored: frozenset[str]
    """Names that the rules left out; folders end with `/` and stand for all they hold."""
    unreadable: tuple[str, ...]
    """Folders that the system keeps shut, and names that the guard takes for a home, a drive or a way out."""
    folders: frozenset[str]
    """Folders that were looked into, with a final `/`."""
    rules: str
    """Digest of the ignore files that applied."""
    kept_out: int = 0
    """How many files rules keep from being read; they are no part of it."""

    @property
    def fingerprint(self) -> str:
        """Digest of all paths, sizes and times: equal when nothing visible changed."""
        lines = [f"{entry.path}\0{entry.size_bytes}\0{entry.mtime_ns}\n" for entry in self.files]
        return fingerprint("".join(lines).encode("utf-8", "surrogateescape"))


def list_files(
    workspace: Workspace, *, extra_patterns: Iterable[str] = (), kept: Iterable[str] = (), ignored: Iterable[str] = (),
    rules: str = "",
) -> Listing:  # fmt: skip
    """Walk the repository.

    Args:
        workspace: Where to walk; symbolic links are not followed and secret files are left out.
        extra_patterns: Further ignore patterns in gitignore form.
        kept: Paths that an earlier walk kept (files, and folders with a final `/`).
        ignored: Names that an earlier walk left out.
        rules: Digest of the rules under which `kept` and `ignored` were decided.

    Raises:
        StoreError: if the root itself cannot be listed.

    Cost: one directory scan per folder, plus about 15 µs for each name not seen before.
    """
    extra = tuple(extra_patterns)
    if rules:
        walk = _Walk(workspace, extra, set(kept), set(ignored))
        walk.run()
        if walk.rules_digest() == rules:
            return walk.listing()
    walk = _Walk(workspace, extra, set(), set())
    walk.run()
    return walk.listing()


class _Walk:
    def __init__(self, workspace: Workspace, extra: tuple[str, ...], kept: set[str], ignored: set[str]) -> None:
        self.workspace = workspace
        self.extra = extra
        self.kept = kept
        self.ignored = ignored
        self.seen_ignored: set[str] = set()
        self.folders: set[str] = set()
        self.files: list[FileEntry] = []
        self.unreadable: list[str] = []
        self.kept_out = 0
        self.rule_files: dict[str, tuple[int, int]] = {}
        self.rules = IgnoreRules(self.read_lines, extra)

    def run(self) -> None:
        with suppress(StoreError, Denied):  # `.git` may be a link to a directory outside
            stat = self.workspace.stat(EXCLUDE_FILE)
            self.rule_files[EXCLUDE_FILE] = stat.size_bytes, stat.mtime_ns
        pending = [""]
        while pending:
            pending.extend(reversed(self.folder(pending.pop())))
        self.files.sort()

    def folder(self, folder: str) -> list[str]:
        """Take in one folder; gives its folders to look at next, in order."""
        try:
            entries = self.workspace.scan(folder.rstrip("/") or ".")
        except (StoreError, Denied) as error:
            if not folder:
                raise _unlisted(self.workspace.root, error) from error
            self.unreadable.append(folder.rstrip("/"))
            return []
        for entry in entries:
            if entry.name in IGNORE_FILES and entry.kind == "file":
                self.rule_files[folder + entry.name] = entry.size_bytes, entry.mtime_ns
        inner: list[str] = []
        deep = folder.count("/") >= DEPTH_LIMIT
        for entry in entries:
            path = folder + entry.name
            if entry.kind == "dir":
                if entry.name not in ALWAYS_SKIPPED and not deep and self.keeps(path + "/"):
                    inner.append(path + "/")
                    self.folders.add(path + "/")
            elif entry.kind == "file" and (path in self.kept or self.is_fresh(path)):
                self.files.append(FileEntry(path, entry.size_bytes, entry.mtime_ns, entry.inode))
        return inner

    def is_fresh(self, path: str) -> bool:
        """Whether a file that no walk has seen before belongs to the repository and may be read."""
        if self.is_withheld(path) or not self.keeps(path):
            return False
        is_kept_out = self.workspace.is_kept_out(path)
        self.kept_out += is_kept_out
        return not is_kept_out

    def is_withheld(self, path: str) -> bool:
        """Whether a file is a secret, or has a name that the guard takes for a home, a drive or a way out."""
        try:
            return self.workspace.is_secret(path)
        except Denied:
            self.unreadable.append(path)
            return True

    def keeps(self, path: str) -> bool:
        if path in self.kept:
            return True
        ignored = path in self.ignored or self.rules.is_ignored(path)
        if ignored:
            self.seen_ignored.add(path)
        return not ignored

    def read_lines(self, path: str) -> list[str]:
        return read_lines(self.workspace, path) if path in self.rule_files else []

    def rules_digest(self) -> str:
        parts = repr(
            (sorted(self.rule_files.items()), self.extra, DEFAULT_PATTERNS, self.workspace.allowed, __version__)
        )
        return fingerprint(parts.encode("utf-8", "surrogateescape"))

    def listing(self) -> Listing:
        return Listing(
            tuple(self.files),
            frozenset(self.seen_ignored),
            tuple(sorted(self.unreadable)),
            frozenset(self.folders),
            self.rules_digest(),
            self.kept_out,
        )


def keep_rules(workspace: Workspace, include: Iterable[str]) -> "Ignoring":
    """What checkpoints of a workspace leave out; see `KeptRules`. Reads what git excludes there."""
    from aiex.guard.sandbox.tree import Ignoring

    rules = KeptRules(lambda path: read_lines(workspace, path), include)
    return Ignoring(rules.is_left_out, rules.digest, frozenset(IGNORE_FILES[:1]))


def read_lines(workspace: Workspace, path: str) -> list[str]:
    """The lines of a file of ignore rules; none where it cannot be read, or is over 1 MB."""
    try:
        return workspace.read(path, limit_bytes=1_000_000).decode("utf-8", "surrogateescape").splitlines()
    except (StoreError, Denied):
        return []


def _unlisted(root: str, error: AiexError) -> StoreError:
    message = f"cannot list the files of {printable_path(root)}: {to_reason(error, '.')}"
    return StoreError(message, hint="give yourself leave to read that directory, or name another with -C DIR")


class Paths:
    """The `Tree` that imports are resolved against: lookups by path, by ending and by folder."""

    def __init__(self, listing: Listing, workspace: Workspace) -> None:
        self.workspace = workspace
        self.known: Mapping[str, FileEntry] = {entry.path: entry for entry in listing.files}
        self._by_base: dict[str, list[str]] | None = None
        self._by_folder: dict[str, list[str]] | None = None
        self._read: dict[str, bytes] = {}

    def has(self, path: str) -> bool:
        """Whether a file with exactly this path exists."""
        return path in self.known

    def ending(self, suffix: str) -> list[str]:
        """Files whose path is `suffix` or ends with `/` + `suffix`, shortest path first."""
        if self._by_base is None:
            self._by_base = {}
            for path in self.known:
                self._by_base.setdefault(path.rpartition("/")[2], []).append(path)
        tail = "/" + suffix
        found = [
            path for path in self._by_base.get(suffix.rpartition("/")[2], ()) if path == suffix or path.endswith(tail)
        ]
        return sorted(found, key=lambda path: (path.count("/"), path))

    def inside(self, folder: str) -> list[str]:
        """Files directly in a folder ("" is the root), sorted."""
        if self._by_folder is None:
            self._by_folder = {}
            for path in self.known:
                self._by_folder.setdefault(path.rpartition("/")[0], []).append(path)
        return self._by_folder.get(folder, [])

    def read(self, path: str) -> bytes:
        """Content of a manifest; empty when it does not exist, cannot be read, or is over 1 MB."""
        if path not in self._read:
            try:
                self._read[path] = self.workspace.read(path, limit_bytes=1_000_000) if path in self.known else b""
            except (StoreError, Denied):
                self._read[path] = b""
        return self._read[path]
