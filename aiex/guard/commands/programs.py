"""Names of programs by what they do, and the commands hidden in the arguments of others."""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from aiex.guard.commands.values import Arg
from aiex.patterns import late

SHELLS = frozenset(
    ["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "rbash", "csh", "tcsh", "pwsh", "powershell"]
)
INTERPRETERS = SHELLS | frozenset(
    (
        *(
            "python",
            "python2",
            "python3",
            "pypy",
            "pypy3",
            "perl",
            "ruby",
            "node",
            "nodejs",
            "deno",
            "bun",
            "php",
            "lua",
        ),
        *("luajit", "tclsh", "Rscript", "osascript", "groovy", "julia", "ipython", "eval", "source", "."),
    )
)
"""Programs that run code from their input, a file or an argument."""
FETCHERS = frozenset(
    (
        *(
            "curl",
            "wget",
            "wget2",
            "fetch",
            "aria2c",
            "http",
            "https",
            "httpie",
            "xh",
            "curlie",
            "lynx",
            "w3m",
            "links",
        ),
        *(
            "elinks",
            "lwp-request",
            "lwp-download",
            "GET",
            "ftp",
            "tftp",
            "lftp",
            "sftp",
            "scp",
            "dig",
            "nslookup",
            "host",
        ),
    )
)
"""Programs that bring text from the network."""
SOCKETS = frozenset(["nc", "ncat", "netcat", "nc.traditional", "nc.openbsd", "socat", "telnet", "rlwrap", "cryptcat"])
"""Programs that join their input and output to a socket."""
DECODERS = frozenset(["base64", "base32", "basenc", "uudecode", "xxd"])
WRAPPERS = frozenset(
    (
        *(
            "sudo",
            "doas",
            "env",
            "nice",
            "ionice",
            "nohup",
            "setsid",
            "timeout",
            "gtimeout",
            "stdbuf",
            "time",
            "command",
        ),
        *("builtin", "exec", "busybox", "toybox", "xargs", "gxargs", "chroot", "unshare", "nsenter", "flock", "watch"),
        *(
            "strace",
            "ltrace",
            "script",
            "su",
            "runuser",
            "parallel",
            "find",
            "fd",
            "chrt",
            "taskset",
            "caffeinate",
            "coproc",
        ),
        *(
            "pkexec",
            "run0",
            "systemd-run",
            "entr",
            "then",
            "do",
            "else",
            "!",
            "{",
            "gdb",
            "unbuffer",
            "proot",
            "fakeroot",
        ),
    )
)
"""Programs whose arguments hold another command."""
MOST_TAILS = 24
"""Words behind a wrapper that are looked at as beginnings of a command; behind more of them nobody knows."""
MOST_ARGUMENTS = 300
"""Arguments in which harm is looked for; tables read all of them."""
MOST_WORDS = 64
"""Words of such an inner command that are looked at."""
CODE_OPTION = late(r"-[A-Za-z]*[ceS]|--command(?:=.*)?|--eval(?:=.*)?|-r|--split-string(?:=.*)?|-EncodedCommand")
_ATTACHED_CODE = late(r"-[A-Za-z]*?[ceS](.*\s.*)", re.DOTALL)
_FAMILY = late(r"(python|perl|ruby|php|lua|node|pypy|tclsh|bash|zsh|ksh)[\d.]+")


def name_of(arg: Arg) -> str:
    """The program that an argument names, without its directory and version."""
    return base_name(arg.text)


def base_name(program: str) -> str:
    """A program as it is written, without its directory and version."""
    name = program.rsplit("/", 1)[-1]
    family = _FAMILY.fullmatch(name)
    return family[1] if family else name


def inner_commands(argv: list[Arg]) -> Iterator[list[Arg]]:
    """The commands that a wrapper such as `sudo` or `find -exec` may start: every tail that could be one."""
    if name_of(argv[0]) in WRAPPERS:
        for at in islice(beginnings([arg.text for arg in argv]), MOST_TAILS):
            yield _until_semicolon(argv[at : at + MOST_WORDS])


def beginnings(words: Sequence[str]) -> Iterator[int]:
    """The places behind the name of a wrapper where another command may begin: no option, and no assignment."""
    return (at for at in range(1, len(words)) if not words[at].startswith(("-", ";")) and "=" not in words[at])


def is_too_long(words: Sequence[str]) -> bool:
    """Whether harm was not looked for in all of a command, because it has too many words."""
    if len(words) > MOST_ARGUMENTS:
        return True
    is_wrapper = base_name(words[0]) in WRAPPERS
    return is_wrapper and next(islice(beginnings(words), MOST_TAILS, None), None) is not None


def _until_semicolon(argv: list[Arg]) -> list[Arg]:
    end = next((at for at, arg in enumerate(argv) if arg.text == ";"), len(argv))
    return argv[:end]


def inner_code(argv: list[Arg]) -> Iterator[str]:
    """Shell code in the arguments of a command: of `sh -c`, `eval`, `trap`, `env -S`, `watch`, `git rebase --exec`."""
    name, words = name_of(argv[0]), [arg.text for arg in argv]
    if name == "eval":
        yield " ".join(words[1:])
    elif name in ("watch", "parallel"):  # the first may be the value of an option
        yield from (" ".join(words[at:]) for at in islice(beginnings(words), 2))
    elif name in ("trap", "alias"):
        yield from (word.partition("=")[2] if name == "alias" else word for word in words[1:2])
    elif name in SHELLS or name in ("su", "runuser", "script", "env", "flock", "ssh"):
        yield from _option_values(argv)
    elif name == "git":
        yield from _git_code(words[1:])


def _git_code(words: list[str]) -> Iterator[str]:
    if any("alias." in word for word in words):
        yield from (word.partition("!")[2] for word in words if "!" in word)
    for at, word in enumerate(words):
        if "alias." in word and "=" in word and "!" not in word:
            yield f"git {word.partition('=')[2]}"
        elif word == "foreach" and "submodule" in words[:at]:
            yield " ".join(inner for inner in words[at + 1 :] if not inner.startswith("--"))
        elif word in ("-x", "--exec") and "rebase" in words[:at]:
            yield from words[at + 1 : at + 2]
        elif word.startswith("--exec=") and "rebase" in words[:at]:
            yield word.partition("=")[2]


def inline_code(argv: list[Arg]) -> str:
    """Code of another language in the arguments: of `python -c`, `perl -e`, `awk`; empty when there is none."""
    name = name_of(argv[0])
    if name in INTERPRETERS - SHELLS:
        return "\n".join(_option_values(argv))
    return (
        "\n".join(arg.text for arg in argv[1:]) if name in ("awk", "gawk", "mawk", "nawk", "socat", "vim", "vi") else ""
    )


def _option_values(argv: list[Arg]) -> Iterator[str]:
    for at, arg in enumerate(argv[1:], 1):
        if CODE_OPTION.fullmatch(arg.text):
            behind = code_behind(argv, at)
            yield arg.text.partition("=")[2] if "=" in arg.text else (behind[0].text if behind else "")
        elif attached := _ATTACHED_CODE.fullmatch(arg.text):
            yield attached[1]


def code_behind(argv: list[Arg], at: int) -> list[Arg]:
    """The code that belongs to the option at a place, if it is a word of its own: a shell reads more options first."""
    start = at + 1
    while name_of(argv[0]) in SHELLS and start < len(argv) and argv[start].text.startswith(("-", "+")):
        start += 1
    return argv[start : start + 1]


def reads_input(argv: list[Arg]) -> bool:
    """Whether an interpreter would run what comes on its standard input."""
    name = name_of(argv[0])
    if name not in INTERPRETERS:
        return False
    if name in ("source", "."):
        return any(arg.text in ("/dev/stdin", "/dev/fd/0", "/proc/self/fd/0") or arg.pipe for arg in argv[1:])
    for arg in argv[1:]:
        if arg.text in ("-", "-s", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0") or arg.pipe:
            return True
        if CODE_OPTION.fullmatch(arg.text):
            return False
        if not arg.text.startswith(("-", "+")):
            return name in SHELLS and any(re.fullmatch(r"-[a-z]*s[a-z]*", other.text) for other in argv[1:])
    return name != "eval"
