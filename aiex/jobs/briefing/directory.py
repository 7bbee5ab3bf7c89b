"""Briefing on a directory: its parts, where runs begin, how the parts build up, and what to read first."""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING

from aiex.errors import AiexError, StoreError
from aiex.jobs.briefing.history import Git, history_of
from aiex.jobs.briefing.manifests import Manifest, read_manifest, reader_for
from aiex.jobs.briefing.model import Briefing, HotSpot, Place, Purpose, Subject
from aiex.jobs.briefing.observations import hot_spots_of, severity, stands_out
from aiex.jobs.briefing.overview import EntryPoint, External, LanguageShare, LargeFile, TestLayout
from aiex.jobs.briefing.parts import FRONT_NAMES, describe_parts, divide, order_of, purpose_of_folder
from aiex.jobs.briefing.purpose import first_paragraph, title_of
from aiex.jobs.briefing.reading import files_to_read
from aiex.jobs.briefing.survey import Seen, survey
from aiex.jobs.briefing.words import count, sentence

if TYPE_CHECKING:
    from aiex.context.engine import Engine
    from aiex.guard.sandbox.files import Workspace

READMES = ("README.md", "README.rst", "README.txt", "README", "Readme.md", "readme.md", "README.adoc")
MANIFEST_DEPTH = 3
_SCRIPT_ENDINGS = (".py", ".pyi", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".rb")
MEASURED_FILES = 20
"""Files whose functions are measured: those with the longest ones, which the complex ones nearly always are among.
Counting branches in thousands of files would take longer than all the rest."""
MEASURED_BYTES = 400_000
MEASURED_SHARE = 25
"""At most this many bytes of them, or this fraction of all that was read when it is more."""
MOST_HOT_SPOTS = 50
MOST_LARGE = 20

Progress = tuple[int, int]


def brief_directory(
    engine: "Engine", workspace: "Workspace", git: Git | None, path: str
) -> Generator[Progress, None, Briefing]:
    """Everything about a directory; gives (files done, files in all) as it goes and returns the briefing.

    Cost: linear in the files; what dominates is parsing those that are not known yet.
    """
    from aiex.context.graph import Graph

    prefix = "" if path == "." else f"{path}/"
    paths = [entry.path for entry in engine.listing.files if entry.path.startswith(prefix)]
    yield 0, len(paths)
    seen: list[Seen] = []
    for news in survey(engine, Graph(engine), paths):
        if isinstance(news, int):
            yield news, len(paths)
        else:
            seen = news
    yield len(paths), len(paths)
    reader = Reader(workspace, {item.path for item in seen})
    history = history_of(engine, workspace, git, path, directory=True) if git is not None else None
    return compose(engine, path, seen, reader, len(paths))._replace(history=history)


class Reader:
    """Small files of a directory as text, each read once; empty for what is not there."""

    def __init__(self, workspace: "Workspace", known: set[str]) -> None:
        self.workspace = workspace
        self.known = known
        self.lines: dict[str, list[bytes]] = {}

    def bytes_of(self, path: str) -> bytes:
        """The content of a listed file below 1 MB."""
        if path not in self.known:
            return b""
        try:
            return self.workspace.read(path, limit_bytes=1_000_000)
        except StoreError:
            return b""

    def is_indented(self, path: str, line: int) -> bool:
        """Whether a line of a script is indented: an import there runs later, or only for types."""
        if not path.endswith(_SCRIPT_ENDINGS):
            return False
        if path not in self.lines:
            self.lines[path] = self.bytes_of(path).split(b"\n")
        lines = self.lines[path]
        return 0 < line <= len(lines) and lines[line - 1][:1] in (b" ", b"\t")

    def readme_path(self, folder: str) -> str:
        """The README of a directory, empty when it has none."""
        prefix = f"{folder}/" if folder not in ("", ".") else ""
        return next((prefix + name for name in READMES if prefix + name in self.known), "")

    def readme(self, folder: str) -> str:
        """The first paragraph of a directory's README."""
        path = self.readme_path(folder)
        text = self.bytes_of(path).decode("utf-8", "replace") if path else ""
        return first_paragraph(text) or title_of(text)


def compose(engine: "Engine", path: str, seen: list[Seen], reader: Reader, listed: int) -> Briefing:
    """The briefing on files that were looked at."""
    manifests = _manifests(path, seen, reader)
    division = divide(seen, path)
    entry_points = _entry_points(seen, manifests)
    readme = reader.readme_path(path)
    if not seen:
        return Briefing(_subject(path, seen, listed))
    return Briefing(
        _subject(path, seen, listed),
        _purpose(path, seen, reader, readme, manifests),
        parts=describe_parts(division, reader.readme),
        entry_points=entry_points,
        order=order_of(division, reader.is_indented),
        read_first=files_to_read(seen, entry_points, readme),
        external=_external(seen, manifests),
        test_layout=_tests(seen, manifests),
        hot_spots=_hot_spots(engine, seen),
        largest=_largest(seen),
        languages=_languages(seen),
    )


def _subject(path: str, seen: list[Seen], listed: int) -> Subject:
    shares = _languages(seen)
    notes = []
    broken = sum(1 for item in seen if item.language and item.note)
    if broken:
        notes.append(f"known in part, for syntax errors or size: {broken} of {count(len(seen), 'file')}")
    if len(seen) < listed:
        notes.append(f"left out, because it cannot be read: {count(listed - len(seen), 'file')}")
    if not listed:
        notes.append("no files here, or all of them are ignored")
    code = [share for share in shares if share.language]
    return Subject(
        "directory",
        path,
        path,
        0,
        0,
        code[0].language if code else "",
        sum(item.lines for item in seen),
        sum(item.size_bytes for item in seen),
        "partial" if broken else "full",
        tuple(notes),
    )


def _purpose(path: str, seen: list[Seen], reader: Reader, readme: str, manifests: Sequence[Manifest]) -> Purpose | None:
    if readme:
        text = reader.bytes_of(readme).decode("utf-8", "replace")
        said = first_paragraph(text) or title_of(text)
        if said:
            return Purpose(said, readme, Place(readme, 1))
    own = (manifest for manifest in manifests if manifest.path.rpartition("/")[0] == ("" if path == "." else path))
    for manifest in own:
        if manifest.about.description:
            return Purpose(manifest.about.description, manifest.path, Place(manifest.path, 1))
    said, origin = purpose_of_folder("" if path == "." else f"{path}/", seen, lambda _folder: "")
    if origin == "names":
        outermost = _outermost(seen, manifests)
        if outermost is not None:
            return outermost
        inner = _main_package(seen)
        deeper, deeper_origin = purpose_of_folder(
            inner, [item for item in seen if item.path.startswith(inner)], reader.readme
        )
        if deeper_origin != "names":
            return Purpose(deeper, deeper_origin, None)
    return Purpose(said[:1].upper() + said[1:], origin, None) if said else None


def _outermost(seen: list[Seen], manifests: Sequence[Manifest]) -> Purpose | None:
    """What the one manifest or the one front file nearest to the top says, when nothing at the top does."""
    told = [item for item in manifests if item.about.description]
    nearest = [item for item in told if item.path.count("/") == min(other.path.count("/") for other in told)]
    if len(nearest) == 1:
        return Purpose(nearest[0].about.description, nearest[0].path, Place(nearest[0].path, 1))
    fronts = [
        item for item in seen if item.documented and item.role == "code" and item.path.rpartition("/")[2] in FRONT_NAMES
    ]
    highest = [item for item in fronts if item.path.count("/") == min(other.path.count("/") for other in fronts)]
    if len(highest) == 1:
        return Purpose(highest[0].purpose, highest[0].path, Place(highest[0].path, 1))
    return None


def _main_package(seen: list[Seen]) -> str:
    """The directory with the largest part of the code, for a project that says nothing at its top."""
    lines: Counter[str] = Counter()
    for item in seen:
        if item.role == "code":
            lines[item.path.rpartition("/")[0]] += item.lines
    return max(sorted(lines), key=lambda folder: lines[folder]) + "/" if lines else ""


def _manifests(path: str, seen: list[Seen], reader: Reader) -> list[Manifest]:
    """Build files near the top; those of examples, tests and vendored code are not about this directory."""
    depth = 0 if path == "." else path.count("/") + 1
    found = [
        item.path
        for item in seen
        if item.path.count("/") - depth < MANIFEST_DEPTH
        and item.role not in ("tests", "examples", "documentation")
        and not item.vendored
        and reader_for(item.path) is not None
    ]
    required = f"{path}/requirements.txt" if depth else "requirements.txt"
    found += [item.path for item in seen if item.path == required and item.path not in found]
    return [
        read_manifest(name, reader.bytes_of(name)) for name in sorted(found, key=lambda name: (name.count("/"), name))
    ]


_ENTRY_ORDER = (
    "console script", "command", "application", "cargo bin", "main", "container", "process", "package entry",
    "npm script", "make target", "cargo example",
)  # fmt: skip


def _entry_points(seen: list[Seen], manifests: Iterable[Manifest]) -> tuple[EntryPoint, ...]:
    """Commands that are offered, then programs, then chores; the same thing named twice counts once."""
    found = [point for manifest in manifests for point in manifest.entry_points]
    mains = [item for item in seen if item.entry_line and not item.vendored]
    telling = [item for item in mains if item.role == "code"] or mains[:5]
    found += [EntryPoint("main", item.path, _run_words(item), Place(item.path, item.entry_line)) for item in telling]
    order = {(point.kind, point.name): position for position, point in enumerate(found)}
    unique = {(point.kind, point.name): point for point in reversed(found)}
    return tuple(
        sorted(
            unique.values(),
            key=lambda point: (_ENTRY_ORDER.index(point.kind), point.place.path, order[point.kind, point.name]),
        )
    )


def _run_words(item: Seen) -> str:
    return sentence(item.purpose, 90) if item.documented else ""


def _external(seen: list[Seen], manifests: Sequence[Manifest]) -> tuple[External, ...]:
    """Packages that manifests require or files import, the most imported first."""
    used: Counter[str] = Counter()
    examples: dict[str, Place] = {}
    for item in seen:
        if item.vendored:
            continue
        for name, line in item.external:
            used[name] += 1
            examples.setdefault(name, Place(item.path, line))
    required: dict[str, External] = {}
    for manifest in manifests:
        for wanted in manifest.external:
            required.setdefault(_same(wanted.name), wanted)
    if any(manifest.path.endswith("Cargo.toml") for manifest in manifests):
        used = Counter({name: files for name, files in used.items() if _is_named(name, examples, required)})
    merged: list[External] = []
    for name, files in _by_package(used, examples, required).items():
        wanted_by = required.pop(_same(name), None)
        merged.append(
            External(wanted_by.name if wanted_by else name, wanted_by.required if wanted_by else "",
                     wanted_by.manifest if wanted_by else None, files, examples[name])
        )  # fmt: skip
    merged += required.values()
    return tuple(
        sorted(
            merged, key=lambda item: (item.manifest is None, "(dev)" in item.required, -item.files, item.name.lower())
        )
    )


def _by_package(used: Counter[str], examples: dict[str, Place], required: dict[str, External]) -> Counter[str]:
    """Modules counted under the package they belong to: the longest required name they begin with."""
    merged: Counter[str] = Counter()
    for name, files in used.items():
        key, parts = name, name.split("/")
        for length in range(len(parts), 0, -1):
            if _same("/".join(parts[:length])) in required:
                key = "/".join(parts[:length])
                break
        examples.setdefault(key, examples[name])
        merged[key] += files
    return merged


def _is_named(name: str, examples: dict[str, Place], required: dict[str, External]) -> bool:
    """Whether a name is a package for sure: in Rust a path may begin with a local module as well."""
    return not examples[name].path.endswith(".rs") or _same(name) in required


def _same(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


_FRAMEWORKS = (
    ("pytest", "pytest"), ("unittest", "unittest"), ("jest", "Jest"), ("vitest", "Vitest"), ("mocha", "Mocha"),
    ("@playwright/test", "Playwright"), ("jasmine", "Jasmine"), ("rspec", "RSpec"), ("minitest", "Minitest"),
    ("org.junit", "JUnit"), ("github.com/stretchr/testify", "go test with testify"),
)  # fmt: skip
_BUILT_IN = {"go": "go test", "rust": "cargo test", "elixir": "ExUnit"}


def _tests(seen: list[Seen], manifests: Sequence[Manifest]) -> TestLayout | None:
    files = [item for item in seen if item.role == "tests" and item.language]
    if not files:
        return None
    folders: Counter[str] = Counter(item.path.rpartition("/")[0] or "." for item in files)
    imported = Counter(name for item in files for name, _ in item.external)
    named = {external.name for manifest in manifests for external in manifest.external}
    framework = next((label for key, label in _FRAMEWORKS if imported[key] or key in named), "")
    if not framework:
        languages = Counter(item.language for item in files)
        framework = next((_BUILT_IN[language] for language, _ in languages.most_common() if language in _BUILT_IN), "")
    if not framework and any(item.path.endswith("conftest.py") for item in files):
        framework = "pytest"
    return TestLayout(
        len(files),
        sum(item.cases for item in files),
        sum(item.lines for item in files),
        tuple(sorted(folders.items(), key=lambda pair: (-pair[1], pair[0]))),
        framework,
    )


def _hot_spots(engine: "Engine", seen: list[Seen]) -> tuple[HotSpot, ...]:
    """The functions that are hardest to change, looked for in the files with the longest functions."""
    candidates = [item for item in seen if item.longest and not item.vendored]
    candidates.sort(key=lambda item: (-item.longest, item.path))
    spots: list[HotSpot] = []
    for path, facts in engine.full(_worth_measuring(candidates, sum(item.size_bytes for item in seen))):
        spots += hot_spots_of(path, facts, _text_of(engine, path))
    spots.sort(key=lambda spot: (-severity(spot), spot.path, spot.line))
    standing_out = [spot for spot in spots if stands_out(spot)]
    return tuple(standing_out[:MOST_HOT_SPOTS] or spots[:1])


def _worth_measuring(candidates: list[Seen], total_bytes: int) -> list[str]:
    """The first candidates, up to a share of the code: measuring costs more than twice the parse."""
    left = max(MEASURED_BYTES, total_bytes // MEASURED_SHARE)
    chosen: list[str] = []
    for item in candidates[:MEASURED_FILES]:
        if item.size_bytes <= left or not chosen:
            left -= item.size_bytes
            chosen.append(item.path)
    return chosen


def _text_of(engine: "Engine", path: str) -> str:
    try:
        return engine.source(path).decode("utf-8", "replace")
    except AiexError:
        return ""


def _largest(seen: list[Seen]) -> tuple[LargeFile, ...]:
    ordered = sorted(seen, key=lambda item: (-item.size_bytes, item.path))
    return tuple(LargeFile(item.path, item.lines, item.size_bytes) for item in ordered[:MOST_LARGE])


def _languages(seen: Sequence[Seen]) -> tuple[LanguageShare, ...]:
    files: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for item in seen:
        files[item.language] += 1
        lines[item.language] += item.lines
        sizes[item.language] += item.size_bytes
    ordered = sorted(files, key=lambda name: (not name, -lines[name], name))
    return tuple(LanguageShare(name, files[name], lines[name], sizes[name]) for name in ordered)
