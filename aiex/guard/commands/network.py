"""Code from the network and shells to the network: seen in what the parts of a command do together."""

import re
from collections.abc import Iterable
from itertools import pairwise

from aiex.guard.commands.places import join
from aiex.guard.commands.programs import (
    CODE_OPTION,
    DECODERS,
    FETCHERS,
    INTERPRETERS,
    SHELLS,
    SOCKETS,
    code_behind,
    inline_code,
    inner_commands,
    name_of,
    reads_input,
)
from aiex.guard.commands.values import FETCHED, Arg
from aiex.patterns import late

SOURCES = frozenset(["fetch", "socket", "decode", "device"])
"""Marks of what brings text that nobody has seen."""
_BRINGS = late(
    r"urlopen|urlretrieve|requests\.get|httpx?\.get|https?\.request|fetch\s*\(|LWP|Net::HTTP|open-uri|URI\.open|HTTP::Tiny"
    r"|file_get_contents\s*\(\s*.http|\bcurl\b|\bwget\b|DownloadString|\bget\s*\(\s*[\"']https?:|[\"']https?[\"']\s*\)\s*\.\s*(?:get|request)\b|Invoke-WebRequest|\biwr\b|b64decode|decode64|from_base64"
)
_RUNS = late(
    r"\bexec\b|\beval\b|\bsystem\b|subprocess|\bspawn|popen|\bcompile\b|\brequire\b|\bload\b|Function\s*\(|\biex\b|`",
    re.IGNORECASE,
)
_STATIC_REQUIRE = late(r"\brequire\(\s*[\"'][\w:]+[\"']\s*\)")
"""Loads a module that is named there, nothing that was fetched."""
_SOCKET = late(
    r"socket|fsockopen|TCPSocket|net\.connect|createConnection|IO::Socket|/inet/tcp|tcp:|TCP-?LISTEN", re.IGNORECASE
)
_STARTS = late(r"\bexec|/bin/(?:ba|da|z|k)?sh|subprocess|pty|spawn|popen|system|dup2|getline", re.IGNORECASE)
_DESTROYS = late(r"\brm\s+-\w*[rR]\w*\s+[\"']?(?:/|~|\$HOME)[\"']?(?:[\s\"'*);]|$)|rmtree\(\s*[\"'](?:/|~)[\"']")
_REMOVES_ALL = late(
    r"(?:rmtree|remove_tree|rm_rf?|rmSync|rmdirSync|fs\.rm|rimraf(?:\.sync)?)\s*\(?\s*(?:[\w.]+\()?\s*"
    r"(?:[\"'](?:/|~/?)[\"']|[\w.]*(?:expanduser\(\s*[\"']~/?[\"']|Path\.home\(\)|homedir\(\)|Dir\.home))"
)
_PLANTS = late(
    r"\.git/hooks/|\.ssh/authorized_keys|/\.(?:bash|zsh)\w*rc\b|/\.(?:bash_)?profile\b|/etc/cron|/autostart/"
)
_WRITES = late(r"[\"'][wax]\+?b?[\"']|\bwrite|append|copy|symlink|rename|\bmove\b|>>?")
_NET_EXEC = late(r"-[a-zA-Z]*[ec]|--(?:sh-)?exec(?:=.*)?|--lua-exec(?:=.*)?")
_NAMED_OUTPUT = {"curl": ("-o", "--output"), "wget": ("-O", "--output-document")}
_PLAIN_TEXT = (
    ("destroys", _DESTROYS),
    (
        "runs code from the network",
        late(
            r"\b(?:curl|wget|fetch)\b[^\n;]{1,400}\|\s{0,20}(?:sudo\s{1,20})?(?:/\S{1,40}/)?(?:(?:ba|z|da|k)?sh|python3?|perl)\b"
        ),
    ),
    (
        "runs code from the network",
        late(
            r"\b(?:eval|source|\.|(?:ba|z|da|k)?sh(?:\s{1,9}-\w{0,9}c)?)\s{1,20}[\"']?(?:\$\(|`|<\()\s{0,20}(?:curl|wget)\b"
        ),
    ),
    (
        "opens a reverse shell",
        late(r"\bsh\s{1,20}-i\b[^\n]{0,200}/dev/(?:tcp|udp)/|/dev/(?:tcp|udp)/[^\n]{0,200}\bsh\s{1,20}-i\b"),
    ),
    ("overwrites a disk", late(r"(?:>\s{0,9}|\bof=|\bmkfs\S{0,20}\s{1,9})/dev/(?:[hsv]d[a-z]|nvme|mmcblk|disk)")),
)


def marks_of(argv: list[Arg]) -> set[str]:
    """What a command does that matters together with others: brings, runs, joins a socket."""
    marks = _own_marks(argv)
    if name_of(argv[0]) in ("xargs", "gxargs"):
        marks.add("xargs")
    for inner in inner_commands(argv):
        found = _own_marks(inner)
        if "run" in found and name_of(argv[0]) in ("xargs", "gxargs", "parallel"):
            found.add("interpret")
        marks |= found
    return marks


def _own_marks(argv: list[Arg]) -> set[str]:
    name = name_of(argv[0])
    words = [arg.text for arg in argv[1:]]
    marks = _by_name(name, words)
    if reads_input(argv):
        marks.add("interpret")
    if name in ("echo", "printf") and any(arg.unknown == FETCHED for arg in argv[1:]):
        marks.add("fetch")
    code = inline_code(argv)
    if code and _BRINGS.search(code):
        marks.add("decode" if "64" in code else "fetch")
    return marks


def _by_name(name: str, words: list[str]) -> set[str]:
    marks = set()
    if name in FETCHERS or (name in ("gh", "aws", "gsutil", "s3cmd", "rclone", "svn") and words):
        marks.add("fetch")
    if name in SOCKETS or (name == "openssl" and "s_client" in words):
        marks.add("socket")
    decodes = any(re.fullmatch(r"-[a-zA-Z]*[dDr][a-zA-Z]*|--decode|--reverse", word) for word in words)
    if (name in DECODERS and (decodes or name == "uudecode")) or (name == "openssl" and "-d" in words):
        marks.add("decode")
    if name in INTERPRETERS:
        marks.add("run")
    if name in SHELLS:
        marks.add("shell")
    if name == "mkfifo" or (name == "mknod" and "p" in words):
        marks.add("fifo")
    return marks


def why_alone(argv: list[Arg], within: set[str]) -> tuple[str, str] | None:
    """The rule and the words when a command on its own is forbidden.

    Args:
        argv: The command.
        within: Marks of what its arguments and redirections contain.
    """
    return next((why for command in (argv, *inner_commands(argv)) if (why := _why_alone(command, within))), None)


def _why_alone(argv: list[Arg], within: set[str]) -> tuple[str, str] | None:
    name = name_of(argv[0])
    brings = within & SOURCES
    if name in SOCKETS and any(_NET_EXEC.fullmatch(arg.text) for arg in argv[1:]):
        return "opens a reverse shell", f"{name} joins a program to a socket"
    if name == "socat" and any(re.match(r"(?i)(?:exec|system|shell):", arg.text) for arg in argv[1:]):
        return "opens a reverse shell", "socat joins a program to a socket"
    code = inline_code(argv)
    if code and _SOCKET.search(code) and _STARTS.search(code):
        return "opens a reverse shell", f"{name} joins a program to a socket"
    if code and _BRINGS.search(code) and _RUNS.search(_STATIC_REQUIRE.sub("", code)):
        return "runs code from the network", f"{name} runs what it fetched or decoded"
    if code and name in INTERPRETERS and _PLANTS.search(code) and _WRITES.search(code):
        return "plants", f"{name} writes a hook, a start-up file or a key"
    if code and (_DESTROYS.search(code) or _REMOVES_ALL.search(code)):
        return "destroys", f"{name} removes the file system or the home directory"
    if argv[0].unknown == FETCHED or FETCHED in _unknown_code(argv):
        return "runs code from the network", f"{argv[0].text} runs what was fetched or decoded"
    if brings and (argv[0].unknown or _unknown_code(argv)):
        return (
            "runs code from the network",
            f"{argv[0].text} runs what was {'decoded' if brings == {'decode'} else 'fetched'}",
        )
    if name in ("deno", "bun") and any(arg.text.startswith(("http://", "https://")) for arg in argv[1:]):
        return "runs code from the network", f"{name} runs a program from an address"
    return None


def _unknown_code(argv: list[Arg]) -> set[str]:
    """Why the code is not written out that an interpreter runs; empty when it is."""
    name = name_of(argv[0])
    if name not in INTERPRETERS:
        return set()
    if name in ("eval", "source", "."):
        return {why for arg in argv[1:] if (why := arg.unknown or ("a pipe" if arg.pipe else ""))}
    for at, arg in enumerate(argv[1:], 1):
        code = code_behind(argv, at) if CODE_OPTION.fullmatch(arg.text) else [arg]
        if code != [arg] or not arg.text.startswith("-"):
            return {why for arg in code if (why := arg.unknown or ("a pipe" if arg.pipe else ""))}
    return {"its input"}


def why_pipeline(stages: list[set[str]]) -> tuple[str, str] | None:
    """The rule and the words when the stages of a pipeline are forbidden together."""
    before: set[str] = set()
    for marks in stages:
        if "interpret" in marks and before & SOURCES:
            source = "decoded" if before & SOURCES == {"decode"} else "fetched"
            return "runs code from the network", f"an interpreter runs what was {source} before it in the pipeline"
        before |= marks
    if "socket" in before and before & {"shell", "interpret"}:
        return "opens a reverse shell", "a shell is joined to a socket"
    return None


def why_together(marks: set[str]) -> tuple[str, str] | None:
    """The rule and the words when the parts of a whole command are forbidden together."""
    if "device" in marks and marks & {"shell", "interpret", "unknown"}:
        return "opens a reverse shell", "a shell or what it reads is joined to the network"
    if {"fifo", "socket"} <= marks and marks & {"shell", "interpret"}:
        return "opens a reverse shell", "a shell is joined to a socket by a pipe"
    return None


def fetched_places(argv: list[Arg], folders: Iterable[str]) -> set[str]:
    """Where a command puts what it fetches."""
    return set().union(*(_fetched_by(command, folders) for command in (argv, *inner_commands(argv))))


def _fetched_by(argv: list[Arg], folders: Iterable[str]) -> set[str]:
    options, names = _NAMED_OUTPUT.get(name_of(argv[0])), list[Arg]()
    if options is None:
        return set()
    for option, value in pairwise(argv[1:]):
        if option.text in options or re.fullmatch(rf"-[a-zA-Z]*{options[0][1]}", option.text):
            names.append(value)
    names += [
        arg._replace(text=arg.text.partition("=")[2]) for arg in argv[1:] if arg.text.startswith(options[1] + "=")
    ]
    if not names:
        urls = [arg for arg in argv[1:] if "/" in arg.text and not arg.text.startswith("-")]
        names = [url._replace(text=url.text.rsplit("/", 1)[1].partition("?")[0]) for url in urls]
    return {join(folder, place) for folder in folders for place in names if place.text not in ("", "-")}


def runs_fetched(argv: list[Arg], folders: Iterable[str], fetched: set[str]) -> bool:
    """Whether a command runs a file that was fetched before in the same text."""
    return bool(fetched) and any(_runs_one(command, folders, fetched) for command in (argv, *inner_commands(argv)))


def _runs_one(argv: list[Arg], folders: Iterable[str], fetched: set[str]) -> bool:
    name = name_of(argv[0])
    files = [argv[0]] if "/" in argv[0].text else []
    if name in INTERPRETERS:
        files += [arg for arg in argv[1:] if not arg.text.startswith("-")][:1]
    return any(join(folder, file) in fetched for folder in folders for file in files)


def scan_text(text: str) -> list[tuple[str, str]]:
    """What is plainly forbidden in a text that could not be parsed. Cost: linear."""
    return [(rule, found[0][:80]) for rule, pattern in _PLAIN_TEXT if (found := pattern.search(text))]
