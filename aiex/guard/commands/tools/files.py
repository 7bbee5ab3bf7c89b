"""Programs that show files and their names."""

from aiex.guard.commands.options import Call, Tool, below, covers_root
from aiex.guard.commands.verdict import Operand


def _no_secrets_below(call: Call, operands: list[Operand]) -> list[Operand]:
    """A comparison of directories reads all that is in them, and follows links."""
    compared = [operand.text for operand in operands if operand.role in ("read", "value, read")]
    compared += [operand.text.partition("=")[2] for operand in operands if operand.role == "option, read"]
    if covers_root(call, compared):
        return [Operand(".", "read", "ask", "the whole workspace, with its secrets")]
    return below(call, compared)


def _no_list_of_files(_call: Call, operands: list[Operand]) -> list[Operand]:
    """Tools of binutils take `@FILE` for a file with more arguments."""
    return [
        Operand(operand.text, "read", "ask", "it names a file with more arguments")
        for operand in operands
        if operand.text.startswith("@")
    ]


_LS = Tool(
    "-aAbBcCdfFgGhHiklmnNopqQrRsStuUvxXZ1 -I:text -T:number -w:number --all --almost-all --author --escape --directory"
    " --classify?:text --color?:text --file-type --format:text --full-time --group-directories-first --no-group"
    " --human-readable --si --hide:text --hyperlink?:text --indicator-style:text --inode --ignore:text --kibibytes"
    " --block-size:text --numeric-uid-gid --literal --hide-control-chars --show-control-chars --quote-name --reverse"
    " --quoting-style:text --recursive --size --sort:text --time:text --time-style:text --tabsize:number --width:number"
    " --context --version --help",
    more="look",
    harmless=True,
)
_CHECKSUM = Tool("-btz --binary --text --tag --zero --version --help", more="read")

TOOLS = {
    "ls": _LS,
    "dir": _LS,
    "cat": Tool(
        "-AbeEnstTuv --show-all --number-nonblank --show-ends --number --squeeze-blank --show-tabs --show-nonprinting"
        " --version --help",
        more="read",
        harmless=True,
    ),
    "head": Tool(
        "-5 -qvz -n:number -c:number --lines:number --bytes:number --quiet --silent --verbose --zero-terminated"
        " --version"
        " --help",
        more="read",
        harmless=True,
    ),
    "tail": Tool(
        "-5 -qvzr -n:number -c:number --lines:number --bytes:number --quiet --silent --verbose --zero-terminated"
        " --version --help",
        more="read",
    ),
    "wc": Tool("-clmwL --bytes --chars --lines --words --max-line-length --total:text --version --help", more="read"),
    "nl": Tool(
        "-p -b:text -d:text -f:text -h:text -i:number -l:number -n:text -s:text -v:number -w:number"
        " --body-numbering:text"
        " --number-format:text --number-separator:text --number-width:number --starting-line-number:number",
        more="read",
        harmless=True,
    ),
    "tac": Tool("-br -s:text --before --regex --separator:text", more="read", harmless=True),
    "rev": Tool("", more="read", harmless=True),
    "stat": Tool(
        "-Lftx -c:text --dereference --file-system --format:text --printf:text --terse --version --help", more="look"
    ),
    "file": Tool(
        "-biIkLhnNrE0 -F:text --brief --mime --mime-type --mime-encoding --keep-going --no-dereference --no-pad --raw"
        " --extension --version --help",
        more="read",
    ),
    "du": Tool(
        "-0abchklmsSx -d:number -B:text -t:text --all --apparent-size --bytes --total --human-readable --si"
        " --max-depth:number"
        " --summarize --separate-dirs --one-file-system --exclude:text --block-size:text --threshold:text --inodes",
        more="look",
    ),
    "df": Tool("-aHhiklmPT -t:text --human-readable --inodes --print-type --local --total", more="look"),
    "tree": Tool(
        "-adfisghDFpunrtUvcCAQJNqx -L:number -P:text -I:text --dirsfirst --filesfirst --noreport --gitignore --prune"
        " --filelimit:number --charset:text --sort:text --du --si --matchdirs --ignore-case --inodes --device"
        " --timefmt:text"
        " --version --help",
        more="look",
    ),
    "basename": Tool("-az -s:text --multiple --suffix:text --zero", more="print", harmless=True),
    "dirname": Tool("-z --zero", more="print", harmless=True),
    "realpath": Tool(
        "-emLPqsz --canonicalize-existing --canonicalize-missing --logical --physical --quiet --relative-to:look"
        " --relative-base:look --strip --no-symlinks --zero",
        more="look",
    ),
    "readlink": Tool(
        "-femnqsvz --canonicalize --canonicalize-existing --canonicalize-missing --no-newline --quiet --silent"
        " --verbose"
        " --zero",
        more="look",
    ),
    "cmp": Tool(
        "-bls -n:number -i:number --print-bytes --verbose --quiet --silent --bytes:number --ignore-initial:number",
        ("read", "read", "number", "number"),
    ),
    "diff": Tool(
        "-5 -uqscrNiwbBEZaypenNtTdH -U:number -C:number -W:number -x:text -X:read -I:text -F:text -L:text --normal"
        " --brief"
        " --report-identical-files --context?:number --unified?:number --ed --rcs --side-by-side --width:number"
        " --left-column --suppress-common-lines --show-c-function --show-function-line:text --label:text --expand-tabs"
        " --initial-tab --tabsize:number --recursive --no-dereference --new-file --unidirectional-new-file"
        " --ignore-file-name-case --exclude:text --exclude-from:read --from-file:read --to-file:read --ignore-case"
        " --ignore-tab-expansion --ignore-trailing-space --ignore-space-change --ignore-all-space --ignore-blank-lines"
        " --ignore-matching-lines:text --text --strip-trailing-cr --minimal --horizon-lines:number --speed-large-files"
        " --color?:text --palette:text --version --help",
        more="read",
        after=_no_secrets_below,
    ),
    "comm": Tool("-123iz --check-order --nocheck-order --output-delimiter:text --total --zero-terminated", more="read"),
    "xxd": Tool("-p -u -b -l:number -c:number -g:number", ("read",), clusters=False),
    "od": Tool(
        "-abcdfiloOsvx -A:text -j:number -N:number -S:number -t:text -w?:number --address-radix:text"
        " --skip-bytes:number"
        " --read-bytes:number --format:text --output-duplicates --width?:number",
        more="read",
    ),
    "hexdump": Tool("-bcCdovx -e:text -n:number -s:number", more="read"),
    "strings": Tool(
        "-aw -n:number -t:text -e:text --all --bytes:number --radix:text --encoding:text",
        more="read",
        after=_no_list_of_files,
    ),
    "base64": Tool("-di -w:number --decode --ignore-garbage --wrap:number", more="read"),
    **dict.fromkeys(
        ("md5sum", "sha1sum", "sha224sum", "sha256sum", "sha384sum", "sha512sum", "b2sum", "cksum", "sum", "md5"),
        _CHECKSUM,
    ),
    "shasum": Tool("-bt -a:number --algorithm:number --binary --text", more="read"),
}
