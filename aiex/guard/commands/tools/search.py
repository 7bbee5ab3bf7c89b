"""Programs that search files and names."""

from aiex.guard.commands.options import Call, Tool, below, check, covers_root, may_be_option, unclear
from aiex.guard.commands.tools._find import read_find
from aiex.guard.commands.verdict import Operand


def _no_secrets_below(call: Call, operands: list[Operand]) -> list[Operand]:
    """A recursive search of the whole workspace would read its secrets; one of a part, or of chosen names, is fine."""
    texts = [arg.text for arg in call.args]
    options = [text for text in texts if text.startswith("-") and not text.startswith("--")]
    if "--recursive" not in texts and not any("r" in text for text in options):
        return []
    searched = [operand.text for operand in operands if operand.role == "read"]
    included = [arg for arg in call.args if arg.text.startswith("--include=")]
    globs = [arg._replace(text=arg.text.partition("=")[2]) for arg in included]
    if globs and all(check(arg, "anywhere", call, attached=True).level == "safe" for arg in globs):
        return []
    if covers_root(call, searched):
        why = "the whole workspace, with its secrets; name a directory, --include, or use rg"
        return [Operand(".", "read", "ask", why)]
    return below(call, searched)


_GREP = Tool(
    "-5 -EFGPivywxcLlqshHnbTZaIUzro -A:number -B:number -C:number -m:number -e:text -f:read --extended-regexp"
    " --fixed-strings --basic-regexp --perl-regexp --ignore-case --no-ignore-case --invert-match --word-regexp"
    " --line-regexp"
    " --count --color?:text --colour?:text --files-without-match --files-with-matches --max-count:number"
    " --only-matching"
    " --quiet --silent --no-messages --byte-offset --with-filename --no-filename --line-number --initial-tab --null"
    " --after-context:number --before-context:number --context:number --text --binary-files:text --include:include"
    " --exclude:text --exclude-dir:text --exclude-from:read --regexp:text --file:read --label:text --line-buffered"
    " --binary"
    " --null-data --recursive --version --help",
    ("text",),
    more="read",
    instead="-e -f --regexp --file",
    after=_no_secrets_below,
)
_RG = Tool(
    "-nNiSsvwxcloqFPUHI0apV -A:number -B:number -C:number -m:number -g:glob -t:text -T:text -e:text -f:read -j:number"
    " -M:number -d:number -E:text -r:text --glob:glob --iglob:glob --type:text --type-not:text --regexp:text"
    " --file:read"
    " --after-context:number --before-context:number --context:number --max-count:number --max-columns:number"
    " --max-columns-preview --max-depth:number --maxdepth:number --threads:number --encoding:text --engine:text"
    " --replace:text"
    " --files-with-matches --files-without-match --count --count-matches --color:text --colors:text --heading"
    " --no-heading"
    " --line-number --no-line-number --column --no-column --json --stats --sort:text --sortr:text --vimgrep --trim"
    " --multiline --multiline-dotall --smart-case --ignore-case --case-sensitive --fixed-strings --word-regexp"
    " --line-regexp"
    " --invert-match --only-matching --quiet --no-messages --context-separator:text --null --with-filename"
    " --no-filename"
    " --passthru --passthrough --no-config --pcre2 --max-filesize:text --byte-offset --crlf --text --pretty --no-follow"
    " --no-hidden --no-search-zip --no-pre --one-file-system --version --help",
    ("text",),
    more="read",
    instead="-e -f --regexp --file",
)
_RG_FILES = _RG._replace(options=_RG.options + " --files --type-list", operands=(), more="look")


def _read_rg(call: Call) -> list[Operand]:
    """`rg --files` takes no pattern."""
    from aiex.guard.commands.options import read_arguments

    found = read_arguments(_RG_FILES, call)
    listing = any(operand.role == "option" and operand.text in ("--files", "--type-list") for operand in found)
    return found if listing else read_arguments(_RG, call)


def _which(call: Call) -> list[Operand]:
    return [
        Operand(arg.text, "option")
        if arg.is_known and arg.text in ("-a", "--all", "-s")
        else unclear(arg, f"{call.name} is not known with this option")
        if may_be_option(arg)
        else check(arg, "text", call)
        for arg in call.args
    ]


TOOLS = {
    "grep": _GREP,
    "egrep": _GREP,
    "fgrep": _GREP,
    "rg": Tool(reader=_read_rg),
    "fd": Tool(
        "-gFapsi01q -e:text -t:text -d:number -E:text --extension:text --type:text --max-depth:number"
        " --min-depth:number"
        " --exclude:text --glob --regex --fixed-strings --absolute-path --full-path --case-sensitive --ignore-case"
        " --print0"
        " --size:text --changed-within:text --changed-before:text --color:text --max-results:number --quiet --version",
        ("text",),
        more="look",
    ),
    "find": Tool(reader=read_find),
    "which": Tool(reader=_which),
}
