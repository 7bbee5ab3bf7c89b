"""Real code to measure on: the standard library of the running Python, laid out as a repository."""

from __future__ import annotations

import functools
import keyword
import multiprocessing
import os
import re
import shutil
import subprocess
import sysconfig
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

PACKAGES = (
    "asyncio", "collections", "concurrent", "ctypes", "curses", "dbm", "email", "encodings", "html", "http",
    "importlib", "json", "logging", "multiprocessing", "re", "sqlite3", "tomllib", "unittest", "urllib", "wsgiref",
    "xml", "xmlrpc", "zoneinfo",
)  # fmt: skip
TARGET = "email/message.py"
"""A file of about 1,000 lines with imports to and from other files of the corpus."""

VARIED_BYTES = 24_000
"""Larger files of the library are not varied, which leaves a mean of 7,800 bytes: what repositories have."""
COMMON_WORDS = 300
"""The most frequent words of the library stay as they are in all copies: `self`, `the`, `return`."""
FARTHEST = 8.0
"""A word may be replaced by one of up to so many times its rank: the rarer, the newer, so that vocabularies grow."""
WRITTEN_AT = 1_700_000_000
"""Age of made files: what was written a moment ago is read again, which a repository at rest does not need."""

_WORD = re.compile(r"[A-Z][a-z]{3,}|(?<![0-9\\A-Za-z])[a-z]{4,}|(?<![0-9xA-F])[A-Z]{4,}(?![a-z])")
_DEFINED = re.compile(r"^\s*(?:async def|def|class) (\w{4,})", re.MULTILINE)
_SAID = re.compile(r"#\s*(.+)$|\"\"\"(.+)$", re.MULTILINE)
_STARTS = (
    "b",
    "br",
    "c",
    "cl",
    "d",
    "dr",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "pl",
    "r",
    "s",
    "st",
    "t",
)
_ENDS = ("a", "an", "ar", "e", "el", "en", "er", "i", "in", "is", "o", "on", "or", "u", "um", "us")


def library_files() -> Iterator[Path]:
    """Python files of the standard library in path order, without tests and installed packages."""
    top = Path(sysconfig.get_path("stdlib"))
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top).parts
        if not {"site-packages", "test", "tests", "idlelib", "lib2to3", "__pycache__"} & set(parts):
            yield path


def small_repository(folder: Path, files: int = 200) -> Path:
    """A repository of `files` files that holds `TARGET`; the smaller files of the packages are left out first."""
    top = Path(sysconfig.get_path("stdlib"))
    chosen = [path for path in library_files() if path.relative_to(top).parts[0] in PACKAGES]
    chosen.sort(key=lambda path: (path.relative_to(top).as_posix() != TARGET, "encodings" in path.parts, path))
    for path in chosen[:files]:
        place = folder / path.relative_to(top)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return folder


def large_repository(folder: Path, files: int = 3_000) -> Path:
    """A repository of `files` different files: the library several times, each copy with a line of its own."""
    top = Path(sysconfig.get_path("stdlib"))
    library = list(library_files())
    for number in range(files):
        copy, path = divmod(number, len(library))
        place = folder / f"copy{copy}" / library[path].relative_to(top)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(library[path].read_bytes() + f"\n# copy {copy}\n".encode())
    return folder


# --- copies that differ in words --------------------------------------------------------------------------------------


def varied_repository(folder: Path, files: int = 3_000) -> Path:
    """A repository of `files` files in which each copy of the library has other words, names and paths.

    A word goes to one of nearby rank in a vocabulary that has no end, so that frequencies stay as people write them
    (Zipf's law) while each copy brings new words (Heaps's law). The same number of files gives the same repository.
    Cost: 0.3 s for 1,000 files on each core.
    """
    size = len(_varied_files())
    shares = [(folder, copy, min(size, files - copy * size)) for copy in range(-(-files // size))]
    if len(shares) == 1:
        _write_copy(shares[0])
    else:
        with multiprocessing.Pool() as pool:
            for _ in pool.imap_unordered(_write_copy, shares):
                pass
    return folder


@functools.cache
def _varied_files() -> list[Path]:
    return [
        path for path in library_files() if 200 < path.stat().st_size <= VARIED_BYTES and "encodings" not in path.parts
    ]


@functools.cache
def _ranked_words() -> list[str]:
    """Words of the varied files, the most frequent first."""
    counts: Counter[str] = Counter()
    for path in _varied_files():
        counts.update(word.lower() for word in _WORD.findall(_read(path)))
    return sorted(counts, key=lambda word: (-counts[word], word))


def _read(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "surrogateescape")


def _write_copy(share: tuple[Path, int, int]) -> None:
    folder, copy, files = share
    replace = _vary(copy)
    top = Path(sysconfig.get_path("stdlib"))
    for path in _varied_files()[:files]:
        name = path.relative_to(top).with_suffix("").as_posix()
        place = folder / f"part{copy}" / (_WORD.sub(replace, name) + ".py")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(_WORD.sub(replace, _read(path)).encode("utf-8", "surrogateescape"))
        os.utime(place, (WRITTEN_AT, WRITTEN_AT))


def _vary(copy: int) -> Callable[[re.Match[str]], str]:
    """What each word is replaced with in one copy; the first copy keeps all."""
    words = _ranked_words()
    chance = Random(copy)
    keep = {*words[:COMMON_WORDS], *keyword.kwlist} if copy else set(words)
    taken = {rank for rank, word in enumerate(words) if word in keep}
    others: dict[str, str] = {}
    for rank, word in enumerate(words):
        if word in keep:
            continue
        slot = max(COMMON_WORDS, int(rank * FARTHEST ** chance.uniform(-0.5, 1)))
        while slot in taken:
            slot += 1
        taken.add(slot)
        others[word] = words[slot] if slot < len(words) else _make_word(slot)
    for word, other in list(others.items()):
        others[word.capitalize()], others[word.upper()] = other.capitalize(), other.upper()

    def replace(match: re.Match[str]) -> str:
        return others.get(match.group(), match.group())

    return replace


def _make_word(number: int) -> str:
    """A word that can be spoken, another one for each number."""
    said = ""
    while number:
        number, start = divmod(number, len(_STARTS))
        number, end = divmod(number, len(_ENDS))
        said += _STARTS[start] + _ENDS[end]
    return f"{said}ix"


# --- what is asked of them --------------------------------------------------------------------------------------------


def make_tasks(folder: Path, count: int = 100, seed: int = 1) -> list[str]:
    """Tasks in the words and names of a repository: in turn a commit message, an issue, an issue with a stack trace."""
    chance = Random(seed)
    paths = sorted(folder.rglob("*.py"))
    tasks: list[str] = []
    while len(tasks) < count:
        path = chance.choice(paths)
        text = _read(path)
        names, said = _DEFINED.findall(text), _say(text)
        if len(names) < 3 or len(said) < 30:
            continue
        title = f"Fix {chance.choice(names)} when {_some(chance, said, 7)}"
        body = f"{_some(chance, said, 50)}. Expected `{chance.choice(names)}` to {_some(chance, said, 30)}."
        trace = f'File "{path.relative_to(folder).as_posix()}", line {chance.randint(5, 90)}, in {chance.choice(names)}'
        parts = ([title], [title, body], [title, body, "```\n" + trace + "\n```"])[len(tasks) % 3]
        tasks.append("\n\n".join(parts))
    return tasks


def _say(text: str) -> list[str]:
    """Words of comments and of the first lines of docstrings."""
    return [word for match in _SAID.finditer(text) for word in re.findall(r"[A-Za-z]{2,}", match.group())]


def _some(chance: Random, words: Sequence[str], count: int) -> str:
    return " ".join(chance.choices(words, k=count))


def give_history(folder: Path, commits: int = 1_000) -> bool:
    """Give a repository commits that change one to five files of a folder each; False where git is missing.

    Messages are made as tasks are. The last commit that changes a file leaves it as it is on disk: nothing is modified.
    """
    git = shutil.which("git")
    if git is None:
        return False
    chance = Random(2)
    tasks = make_tasks(folder, commits, seed=3)
    paths = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.py"))]
    changes: list[list[str]] = []
    for _ in tasks:
        place = chance.randrange(len(paths))
        changes.append(paths[place : place + chance.randint(1, 5)])
    last = {path: number for number, changed in enumerate(changes) for path in changed}
    first = WRITTEN_AT - (commits + 1) * 20_000
    stream = b""
    for number, (task, changed) in enumerate(zip(tasks, changes, strict=True)):
        said = task.encode("utf-8", "replace")
        stream += b"commit refs/heads/main\ncommitter A Person <a@example.invalid> %d +0000\n" % (
            first + number * 20_000
        )
        stream += b"data %d\n%s\n" % (len(said), said) + (b"" if number else b"from refs/heads/main^0\n")
        for path in changed:
            content = (folder / path).read_bytes() if last[path] == number else b"%d" % number
            stream += b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(content), content)
    person = ("-c", "user.name=A Person", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
    old = {**os.environ, "GIT_AUTHOR_DATE": f"{first - 1} +0000", "GIT_COMMITTER_DATE": f"{first - 1} +0000"}
    inside = (git, "-C", str(folder), "-c", "core.autocrlf=false")
    subprocess.run((git, "init", "--quiet", "--initial-branch", "main", str(folder)), check=True)
    subprocess.run((*inside, "add", "--all", "--force"), check=True)
    subprocess.run((*inside, *person, "commit", "--quiet", "--message", "Begin"), check=True, env=old)
    subprocess.run((*inside, "fast-import", "--quiet"), input=stream, check=True)
    return True
