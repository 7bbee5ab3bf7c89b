"""Programs that turn text on their input into text on their output."""

from aiex.guard.commands.options import Tool
from aiex.guard.commands.tools._awk import read_awk
from aiex.guard.commands.tools._jq import read_jq
from aiex.guard.commands.tools._sed import read_sed

_AWK = Tool(reader=read_awk)

TOOLS = {
    "sort": Tool(
        "-bdfghiMnrRVuszcCm -k:text -t:text --ignore-leading-blanks --dictionary-order --ignore-case"
        " --general-numeric-sort"
        " --human-numeric-sort --ignore-nonprinting --month-sort --numeric-sort --reverse --random-sort --version-sort"
        " --sort:text --unique --stable --zero-terminated --check?:text --merge --key:text --field-separator:text",
        more="read",
    ),
    "uniq": Tool(
        "-cdDuiz -f:number -s:number -w:number --count --repeated --all-repeated?:text --unique --group?:text"
        " --ignore-case"
        " --zero-terminated --skip-fields:number --skip-chars:number --check-chars:number",
        ("read",),
    ),
    "cut": Tool(
        "-nsz -b:text -c:text -d:text -f:text --bytes:text --characters:text --delimiter:text --fields:text"
        " --complement"
        " --only-delimited --output-delimiter:text --zero-terminated",
        more="read",
    ),
    "paste": Tool("-sz -d:text --delimiters:text --serial --zero-terminated", more="read"),
    "join": Tool(
        "-iz -a:number -e:text -j:number -o:text -t:text -v:number -1:number -2:number --ignore-case --check-order"
        " --nocheck-order --header",
        ("read", "read"),
    ),
    "tr": Tool("-cCdst --complement --delete --squeeze-repeats --truncate-set1", ("text", "text")),
    "expand": Tool("-i -t:text --initial --tabs:text", more="read"),
    "unexpand": Tool("-a -t:text --all --first-only --tabs:text", more="read"),
    "fold": Tool("-bs -w:number --bytes --spaces --width:number", more="read"),
    "fmt": Tool("-cstu -w:number -g:number --width:number --goal:number --uniform-spacing --split-only", more="read"),
    "column": Tool(
        "-tx -s:text -o:text -c:number -N:text -R:text --table --separator:text --output-separator:text"
        " --output-width:number --table-columns:text --table-right:text",
        more="read",
    ),
    "seq": Tool(
        "-w -s:text -f:text --equal-width --separator:text --format:text",
        ("number", "number", "number"),
        single=True,
    ),
    "shuf": Tool("-z -n:number -i:text --head-count:number --input-range:text --zero-terminated", ("read",)),
    "iconv": Tool("-cl -f:charset -t:charset --from-code:charset --to-code:charset --list", more="read"),
    "sed": Tool(reader=read_sed),
    "awk": _AWK,
    "gawk": _AWK,
    "mawk": _AWK,
    "jq": Tool(reader=read_jq),
}
