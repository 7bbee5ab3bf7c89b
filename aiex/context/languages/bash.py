"""Bash and its relatives."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Tree, field, head_line, line_of, sibling, text
from aiex.context.spelling import longest_word

if TYPE_CHECKING:
    from tree_sitter import Node

_LOUD = re.compile(r"^[A-Z][A-Z0-9_]*$")
_MOVING = re.compile(r"^(?:\$\([^()]*(?:\([^()]*\)[^()]*)*\)|\$\{[^{}]*\}|\$\w+|`[^`]*`|~)+/?")
"""The part of a path that only a run can know: `$(dirname "$0")/`."""
_WIDE = re.compile(rb"(?<=[{\d.])[\xf0-\xf4][\x80-\xbf]*")
"""Characters of four bytes where a brace range may go on: tree-sitter-bash 0.25.1 reads outside a table there."""
_READS = ("source", ".", "load")
_PREPARES = frozenset({"set", "shopt", "umask", "trap", "source", ".", "load", "unset", "alias", "cd", "ulimit",
                       "setopt", "emulate", "autoload"})  # fmt: skip


def _name(node: "Node", source: bytes) -> str:
    return field(node, "name", source) if node.type == "command" else ""


def _function(node: "Node", source: bytes) -> Iterable[Found]:
    name = field(node, "name", source)
    yield Found(name, "function", node, node.child_by_field_name("body"), signature=f"{name}()")


def _exported(name: str, node: "Node", wrappers: tuple[str, ...], parent: SymbolKind | None) -> bool:
    return not name.startswith("_")


def _assignment(node: "Node", source: bytes) -> Iterable[Found]:
    """Variables of the script itself; `export`, `readonly` and `declare -r` say more about them."""
    if node.parent is None or node.parent.type != "program":
        return
    line = head_line(node, source)
    if node.type == "variable_assignment":
        items, word = [node], ""
    else:
        items = [child for child in node.named_children if child.type == "variable_assignment"]
        word = line.partition(" ")[0]
    for item in items:
        name = field(item, "name", source).partition("[")[0]
        fixed = word == "readonly" or line.startswith(("declare -r", "typeset -r", "declare -gr"))
        kind: SymbolKind = "constant" if fixed or (_LOUD.match(name) and word != "export") else "variable"
        if name:
            yield Found(name, kind, node, exported=word == "export", signature=line)


def _command(node: "Node", source: bytes) -> Iterable[Found]:
    """`@test "name" {` of a bats file, which ends at the next `}`."""
    if _name(node, source) != "@test":
        return
    arguments = node.children_by_field_name("argument")
    last: Node = node
    after = sibling(node, 1)
    while after is not None and _name(after, source) != "@test":
        last = after
        if _name(after, source) == "}":
            break
        after = sibling(after, 1)
    name = text(arguments[0], source).strip("\"'") if arguments else "test"
    yield Found(name, "test", node, exported=True, last=last, signature=f'@test "{name}"')


def _source(node: "Node", source: bytes) -> Iterable[Import]:
    word = _name(node, source)
    arguments = node.children_by_field_name("argument")
    if word in _READS and arguments:
        written = text(arguments[0], source).strip("\"'")
        kind = "load" if word == "load" else "source"
        yield Import("".join(written.split('"')), (("*", "*"),), "", line_of(node), kind)


def _entry(root: "Node", source: bytes) -> int:
    """The call of `main`, else the first command of a script that says how it is run."""
    first = 0
    for child in root.named_children:
        name = _name(child, source)
        if name == "main":
            return line_of(child)
        plain = child.type not in ("comment", "function_definition", "variable_assignment", "declaration_command")
        if plain and not first and name not in _PREPARES:
            first = line_of(child)
    return first if source.startswith(b"#!") else 0


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """Beside the script, below the folders above it, else the only file that ends so."""
    tail = _normal(_MOVING.sub("", item.module))
    if not tail or "$" in tail:
        tail = tail.rpartition("$")[2].partition("/")[2]
    if not tail:
        return []
    wanted = [tail, f"{tail}.bash", f"{tail}.sh"] if item.kind == "load" else [tail]
    folder = path.rpartition("/")[0]
    while True:
        for name in wanted:
            candidate = f"{folder}/{name}".lstrip("/")
            if candidate != path and tree.has(candidate):
                return [candidate]
        if not folder:
            break
        folder = folder.rpartition("/")[0]
    matches = [match for match in tree.ending(tail) if match != path]
    return matches if len(matches) == 1 else []


def _normal(path: str) -> str:
    parts = [part for part in path.split("/") if part not in (".", "", "..")]
    return "/".join(parts)


_GROUPS = {
    "file": "rm cp mv mkdir rmdir touch ln chmod chown tee dd install mktemp truncate tar unzip zip gzip gunzip rsync "
            "sed patch find",
    "network": "curl wget ssh scp sftp nc netcat telnet ftp ping dig nslookup nmap aws gcloud kubectl docker git npm "
               "pip pip3 cargo apt yum dnf brew apk",
    "process": "kill pkill killall nohup exec sudo su systemctl service xargs wait crontab at daemonize setsid timeout",
    "environment": "export unset cd pushd popd umask ulimit hostname whoami",
    "time": "date sleep",
    "random": "shuf uuidgen",
    "database": "psql mysql mysqldump pg_dump sqlite3 mongo mongosh createdb dropdb",
    "output": "echo printf cat logger",
    "input": "read select",
    "code": "eval python python3 perl ruby node php awk",
    "state": "shopt setopt alias",
}  # fmt: skip
_BUILTINS = (
    "@test run echo printf cd local return shift set test true false read export unset exit trap eval exec source "
    "declare typeset let getopts wait type command builtin hash pwd break continue cat grep sed awk cut tr head tail "
    "sort uniq wc rm cp mv mkdir chmod touch ls basename dirname date sleep mktemp find xargs tee ln"
)

LANGUAGE = Language(
    name="bash",
    grammar="tree_sitter_bash:language",
    extensions=(".sh", ".bash", ".bats", ".zsh", ".ksh"),
    filenames=(".bashrc", ".bash_profile", ".profile", ".zshrc", "PKGBUILD", "APKBUILD"),
    interpreters=("bash", "sh", "dash", "zsh", "ksh", "ash", "bats"),
    definitions={
        "function_definition": _function,
        "variable_assignment": _assignment,
        "declaration_command": _assignment,
        "command": _command,
    },
    containers=frozenset({"if_statement", "else_clause", "elif_clause", "list", "redirected_statement"}),
    inside=(re.compile(rb"\(\)\s*\{"), re.compile(rb"function\s")),
    inner_imports={"command": _source},
    exported=_exported,
    entry=_entry,
    uses="""
        (command name: (command_name (word) @call))
        ((command name: (command_name (word) @_word)) @import (#any-of? @_word "source" "." "load"))
        ((file_redirect destination: [(word) (string) (concatenation)] @effect.file)
         (#not-eq? @effect.file "/dev/null") (#not-eq? @effect.file "/dev/stderr"))
        [(if_statement) (elif_clause) (for_statement) (c_style_for_statement) (while_statement) (case_item)
         (ternary_expression) "&&" "||"] @branch
    """,
    callee=re.compile(r"[A-Za-z_][\w.:+-]*"),
    effects={name: kind for kind, names in _GROUPS.items() for name in names.split()},
    exits=frozenset({"exit"}),
    faults={"die": "raise", "fatal": "raise", "abort": "raise", "trap": "catch", "false": "raise", "fail": "raise"},
    ignored=frozenset(_BUILTINS.split()),
    mention=re.compile(rb"(?m)(?:^|[;&|({]|\b(?:then|do|else))[ \t]*(?:source|\.|load)[ \t]+[^\n;]+"),
    names_of=longest_word,
    resolve=_resolve,
    self_names=frozenset(),
    masked=_WIDE,
    chunk_inside=frozenset({"compound_statement", "do_group"}),
)  # fmt: skip
