"""Elixir."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Tree, field, head_line, line_of, patterns, sibling, text
from aiex.context.prose import clean_comment, first_paragraph
from aiex.context.spelling import shared_folders, underscore

if TYPE_CHECKING:
    from tree_sitter import Node

_FUNCTIONS: dict[str, SymbolKind] = {
    "def": "function", "defp": "function", "defdelegate": "function", "defmacro": "macro", "defmacrop": "macro",
    "defguard": "macro", "defguardp": "macro", "defn": "function", "defnp": "function",
}  # fmt: skip
_MODULES: dict[str, SymbolKind] = {"defmodule": "module", "defprotocol": "protocol", "defimpl": "implementation"}
_STRUCTS = frozenset({"defstruct", "defexception", "defrecord"})
_TESTS = frozenset({"test", "describe", "feature", "property"})
_CONDITIONAL = frozenset({"if", "unless", "for"})
_DIRECTIVES = frozenset({"alias", "import", "require", "use"})
_ABOVE = frozenset({"doc", "spec", "impl", "deprecated", "dialyzer", "tag", "since", "typedoc"})
"""Module attributes that belong to the definition below them."""
_OTHER_ATTRIBUTES = (
    "moduledoc behaviour behavior before_compile after_compile compile derive enforce_keys external_resource on_load "
    "on_definition optional_callbacks moduletag describetag fallback_to_any protocol vsn file after_verify nifs "
    "undefined_impl_description"
)
_RESERVED = _ABOVE | frozenset(_OTHER_ATTRIBUTES.split())
_TYPES = frozenset({"type", "typep", "opaque", "callback", "macrocallback"})
_MODULE = re.compile(r"^[A-Z]\w*(?:\.[A-Z]\w*)*$")
_SPELLED = re.compile(rb"[A-Z](?<!\w[A-Z])\w*+(?:\.[A-Z]\w*+)*(?!\.\{)")
_UNSPELLED = re.compile(
    rb"^\s*(?:defmodule|defprotocol)\s+$|^[^\"]*#|^(?:[^\"]*\"[^\"]*\")*[^\"#]*\"[^\"#]*$|\balias\s[^\n]*\{|[\w.:@]$"
)
_ENTRIES = re.compile(rb"def\s+(?:start|run|main)\b")
_PROGRAM = re.compile(r"use[\s(]+(?:Application|Mix\.Task)\b")


def _target(node: "Node", source: bytes) -> str:
    """The name a call begins with when it is a plain word: `defmodule`."""
    target = node.child_by_field_name("target")
    return text(target, source) if target is not None and target.type == "identifier" else ""


def _arguments(node: "Node") -> "list[Node]":
    inner = node.named_child(1) if node.named_child_count > 1 else None  # the usual place, behind the word
    if inner is None or inner.type != "arguments":
        inner = next((child for child in node.named_children if child.type == "arguments"), None)
    return inner.named_children if inner is not None else []


def _block(node: "Node") -> "Node | None":
    return next((child for child in node.named_children if child.type == "do_block"), None)


# --- definitions ---------------------------------------------------------------------------------------------------


class _Clause(NamedTuple):
    """The head of one clause of a function."""

    keyword: str
    name: str
    arity: int


@lru_cache(maxsize=16)  # each clause is compared with those around it
def _clause(node: "Node | None", source: bytes) -> _Clause | None:
    if node is None or node.type != "call":
        return None
    keyword = _target(node, source)
    head = _head(node) if keyword in _FUNCTIONS else None
    if head is None:
        return None
    if head.type == "call":
        return _Clause(keyword, field(head, "target", source), len(_arguments(head)))
    if head.type in ("binary_operator", "unary_operator"):
        return _Clause(keyword, field(head, "operator", source), head.named_child_count)
    return _Clause(keyword, text(head, source), 0)


def _head(node: "Node") -> "Node | None":
    """The call that names the function, guards taken off."""
    arguments = _arguments(node)
    head = arguments[0] if arguments else None
    if head is not None and head.type == "binary_operator":
        operator = head.child_by_field_name("operator")
        if operator is not None and operator.type == "when":
            return head.child_by_field_name("left")
    return head


def _call(node: "Node", source: bytes) -> Iterable[Found]:
    word = _target(node, source)
    if word in _FUNCTIONS:
        yield from _function(node, source)
    elif word in _MODULES:
        yield from _module(node, word, source)
    elif word in _STRUCTS:
        yield Found("__struct__", "struct", node, exported=True, signature=head_line(node, source))
    elif word in _TESTS and _arguments(node):
        name = text(_arguments(node)[0], source).strip('"')
        body = _block(node)
        if body is not None and name:
            yield Found(name, "test", node, body, exported=True, signature=f'{word} "{name}"')
    elif word in _CONDITIONAL and _block(node) is not None:
        yield Found("", "section", node, _block(node))


def _module(node: "Node", word: str, source: bytes) -> Iterable[Found]:
    arguments, body = _arguments(node), _block(node)
    if not arguments:
        return
    name = text(arguments[0], source)
    if word == "defimpl" and len(arguments) > 1:
        name = f"{name}.{text(arguments[1], source).removeprefix('for:').strip()}"
    doc = _attribute_text(body, "moduledoc", source) if body is not None else None
    yield Found(name, _MODULES[word], node, body, doc or None, exported=True)


def _function(node: "Node", source: bytes) -> Iterable[Found]:
    """One symbol for all clauses that follow each other; the first carries `@doc` and `@spec`."""
    clause = _clause(node, source)
    if clause is None or not clause.name:
        return
    first, doc = node, ""
    before = sibling(node, -1)
    hidden = False
    comments: list[str] = []
    while before is not None:
        if before.type == "comment" and before.end_point[0] >= first.start_point[0] - 1:
            comments[:0] = text(before, source).splitlines()
        elif before.type == "unary_operator" and _attribute(before, source) in _ABOVE:
            if _attribute(before, source) == "doc":
                said = _string(before, source)
                hidden = hidden or (said is None and text(before, source).split()[-1] == "false")
                doc = said or doc
        else:
            break
        first = before
        before = sibling(before, -1)
    if _clause(before, source) == clause and not doc:
        return
    yield Found(
        clause.name, _FUNCTIONS[clause.keyword], node, _block(node), doc or clean_comment(comments),
        exported=not clause.keyword.endswith("p") and not hidden, signature=_signature(node, source),
        first=first if first.type != "comment" else None, last=_last(node, clause, source),
    )  # fmt: skip


def _last(node: "Node", clause: _Clause, source: bytes) -> "Node":
    last = node
    after = sibling(node, 1)
    while after is not None:
        if _clause(after, source) == clause:
            last = after
        elif after.type != "comment" and not (
            after.type == "unary_operator" and _attribute(after, source) in ("impl", "spec", "dialyzer")
        ):
            break
        after = sibling(after, 1)
    return last


def _signature(node: "Node", source: bytes) -> str:
    arguments = _arguments(node)
    end = arguments[0].end_byte if arguments else node.end_byte
    return " ".join(source[node.start_byte : end].decode("utf-8", "replace").split())


def _attribute(node: "Node", source: bytes) -> str:
    """`doc` of `@doc "…"`."""
    operand = node.child_by_field_name("operand")
    if operand is None or field(node, "operator", source) != "@":
        return ""
    return field(operand, "target", source) if operand.type == "call" else text(operand, source)


def _string(node: "Node", source: bytes) -> str | None:
    """The first paragraph of the text an attribute holds."""
    operand = node.child_by_field_name("operand")
    arguments = _arguments(operand) if operand is not None else []
    value = arguments[0] if arguments else None
    if value is None or value.type not in ("string", "sigil"):
        return None
    inner = [
        text(child, source) for child in value.named_children if child.type in ("quoted_content", "escape_sequence")
    ]
    return first_paragraph("".join(inner))


def _attribute_text(body: "Node", name: str, source: bytes) -> str | None:
    for child in body.named_children:
        if child.type == "unary_operator" and _attribute(child, source) == name:
            return _string(child, source)
        if child.type == "call" and _target(child, source) in _FUNCTIONS:
            return None
    return None


def _unary(node: "Node", source: bytes) -> Iterable[Found]:
    """`@type`, `@callback` and constants such as `@limit 3`."""
    word = _attribute(node, source)
    operand = node.child_by_field_name("operand")
    if not word or operand is None or operand.type != "call":
        return
    line = head_line(node, source)
    if word in _TYPES:
        arguments = _arguments(operand)
        name = re.match(r"\w+[?!]?", text(arguments[0], source)) if arguments else None
        if name:
            kind: SymbolKind = "function" if word.endswith("callback") else "type"
            yield Found(
                name.group(), kind, node, exported=word != "typep", signature=line, doc=_doc_above(node, source)
            )
    elif word not in _RESERVED:
        yield Found(f"@{word}", "constant", node, exported=False, signature=line)


def _doc_above(node: "Node", source: bytes) -> str:
    before = sibling(node, -1)
    if before is not None and before.type == "unary_operator" and _attribute(before, source) in ("doc", "typedoc"):
        return _string(before, source) or ""
    return ""


def _module_doc(root: "Node", source: bytes) -> str | None:
    for child in root.named_children:
        body = _block(child) if child.type == "call" and _target(child, source) in _MODULES else None
        if body is not None:
            return _attribute_text(body, "moduledoc", source)
    return None


def _entry(root: "Node", source: bytes) -> int:
    """`start` of an application, `run` of a task, `main` of a script."""
    if _ENTRIES.search(source) is None:
        return 0
    for child in root.named_children:
        body = _block(child) if child.type == "call" and _target(child, source) == "defmodule" else None
        program = False
        for node in body.named_children if body is not None else ():
            clause = _clause(node, source)
            program = program or (_target(node, source) == "use" and _PROGRAM.match(text(node, source)) is not None)
            starts = (("start", 2), ("run", 1), ("main", 1)) if program else (("main", 1),)
            if clause and clause.keyword == "def" and (clause.name, clause.arity) in starts:
                return line_of(node)
    return 0


# --- imports -------------------------------------------------------------------------------------------------------


def _directive(node: "Node", source: bytes) -> Iterable[Import]:
    word = _target(node, source)
    arguments = _arguments(node)
    if word not in _DIRECTIVES or not arguments:
        return
    options = text(arguments[1], source) if len(arguments) > 1 else ""
    renamed = re.search(r"\bas:\s*([A-Z]\w*)", options)
    for module in _modules(arguments[0], source):
        alias = renamed.group(1) if renamed else module.rpartition(".")[2]
        if word == "import":
            yield Import(module, (("*", "*"),), "", line_of(node), "import")
        else:
            kind = "import" if word == "alias" else word
            yield Import(module, (), alias if word == "alias" or renamed else module, line_of(node), kind)


def _modules(node: "Node", source: bytes) -> Iterator[str]:
    """`A.B` and the modules of `A.{B, C.D}`."""
    if node.type == "alias":
        yield text(node, source)
    elif node.type == "dot":
        right = node.child_by_field_name("right")
        left = field(node, "left", source)
        for child in right.named_children if right is not None and right.type == "tuple" else ():
            if child.type == "alias" and _MODULE.match(left):
                yield f"{left}.{text(child, source)}"


def _behaviour(node: "Node", source: bytes) -> Iterable[Import]:
    operand = node.child_by_field_name("operand")
    if _attribute(node, source) in ("behaviour", "behavior") and operand is not None:
        for argument in _arguments(operand):
            if argument.type == "alias":
                yield Import(text(argument, source), (), "", line_of(node), "use")


def _implied(imports: Sequence[Import], spelled: Mapping[str, int]) -> Iterable[Import]:
    """Modules that are named in full or by an alias."""
    aliases = {item.alias: item.module for item in imports if item.alias}
    known = {item.module for item in imports}
    for written, line in spelled.items():
        head, dot, rest = written.partition(".")
        module = aliases.get(head, head) + dot + rest
        if module not in known:
            known.add(module)
            yield Import(module, (), "", line, "mention")


# --- files ---------------------------------------------------------------------------------------------------------


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """The file of a module, or of the module around it."""
    parts = item.module.split(".")
    for end in range(len(parts), 0, -1):
        if end < len(parts) and end == 1 and len(parts) > 2:
            break
        file = _file_of(".".join(parts[:end]), path, tree)
        if file:
            return [file] if file != path else []
    return []


def _file_of(module: str, path: str, tree: Tree) -> str:
    flat = module.replace(".", "/").lower()
    for tail in dict.fromkeys((underscore(module.replace(".", "/")), flat)):
        for ending in (".ex", ".exs"):
            matches = [match for match in tree.ending(tail + ending) if _rooted(match, tail + ending, path)]
            if matches:
                return max(matches, key=lambda match: (shared_folders(match, path), -len(match)))
    folder, _, base = underscore(module.replace(".", "/")).rpartition("/")
    if not folder:
        return ""
    wanted = folder.split("/")
    for match in tree.ending(base + ".ex"):
        if all(part in match.split("/")[:-1] for part in wanted):
            return match
    return ""


def _rooted(match: str, tail: str, path: str) -> bool:
    """Whether what stands before a module's path is a place for sources: `lib`, `test/support`, `apps/x/lib`."""
    before = match[: -len(tail)].strip("/").rpartition("/")[2]
    return before in ("", "lib", "src", "test", "support", "web", "tasks", "config", "fixtures") or "_" not in tail


def _names_of(path: str) -> set[str]:
    """The spellings a module of this file's name may have: `IEx` and `Iex` for `iex.ex`."""
    stem = path.rpartition("/")[2].rpartition(".")[0]
    choices = [_spellings(part) for part in stem.split("_") if part]
    if prod(map(len, choices)) > SPELLINGS:
        choices = [spelled[:2] for spelled in choices] if len(choices) < 6 else [spelled[:1] for spelled in choices]
    return {"".join(words) for words in product(*choices)} if choices else set()


SPELLINGS = 64
"""Names under which one file may be mentioned, at most."""


def _spellings(part: str) -> list[str]:
    """`Datetime`, `DATETIME`, and each with one capital inside."""
    whole = part.capitalize()
    inner = [whole[:index] + whole[index].upper() + whole[index + 1 :] for index in range(1, len(whole))]
    return list(dict.fromkeys([whole, part.upper(), *inner]))


_INSIDE = (
    re.compile(rb"def(?:module\b|\w*\s)"),
    re.compile(rb"@\w"),
    *patterns("alias import require use test property feature"),
)
LANGUAGE = Language(
    name="elixir",
    grammar="tree_sitter_elixir:language",
    extensions=(".ex", ".exs"),
    interpreters=("elixir", "iex"),
    definitions={"call": _call, "unary_operator": _unary},
    inside=_INSIDE,
    imports={"call": _directive, "unary_operator": _behaviour},
    module_doc=_module_doc,
    entry=_entry,
    uses="""
        (call target: [(identifier) (dot)] @call)
        (unary_operator operator: "&" operand: (binary_operator left: [(identifier) @call (call target: (_) @call)]))
        (binary_operator operator: "|>" right: (identifier) @call)
        (map (struct (alias) @new))
        ((unary_operator operator: "@" operand: (call target: (identifier) @_word)) @hidden
         (#any-of? @_word "spec" "type" "typep" "opaque" "callback" "macrocallback" "doc" "moduledoc"))
        (rescue_block (stab_clause left: (_) @catch))
        (catch_block (stab_clause left: (_) @catch))
        (do_block (stab_clause) @branch)
        (rescue_block (stab_clause) @branch)
        (binary_operator operator: ["&&" "||" "and" "or"]) @branch
    """,
    effects={
        "File.*": "file", "Path.wildcard": "file", "IO.binwrite": "file", "Code.eval_file": "code",
        ":gen_tcp.*": "network", ":gen_udp.*": "network", ":ssl.*": "network", ":httpc.*": "network",
        "HTTPoison.*": "network", "Req.*": "network", "Finch.*": "network", "Tesla.*": "network", "Mint.*": "network",
        "Node.*": "network", "Plug.Conn.*": "network",
        "System.cmd": "process", "System.shell": "process", "Port.*": "process", ":os.cmd": "process",
        "System.get_env": "environment", "System.put_env": "environment", "System.fetch_env!": "environment",
        "System.fetch_env": "environment", "System.delete_env": "environment", "System.argv": "environment",
        "Application.get_env": "environment", "Application.fetch_env!": "environment",
        "Application.fetch_env": "environment", "Application.put_env": "state",
        "Application.compile_env": "environment",
        "File.cd": "environment", "File.cd!": "environment",
        "DateTime.utc_now": "time", "DateTime.now": "time", "NaiveDateTime.utc_now": "time", "Date.utc_today": "time",
        "System.system_time": "time", "System.monotonic_time": "time", "System.os_time": "time",
        "Process.sleep": "time", ":timer.*": "time", "Process.send_after": "time",
        "Enum.random": "random", "Enum.shuffle": "random", ":rand.*": "random", ":crypto.strong_rand_bytes": "random",
        "Ecto.UUID.generate": "random", "make_ref": "random",
        "Repo.*": "database", "Ecto.Adapters.*": "database", "Postgrex.*": "database", "Redix.*": "database",
        ":mnesia.*": "database", ":dets.*": "database",
        "IO.puts": "output", "IO.write": "output", "IO.inspect": "output", "IO.warn": "output", "Logger.*": "output",
        "Mix.shell": "output",
        "IO.gets": "input", "IO.read": "input", "IO.getn": "input",
        "spawn": "thread", "spawn_link": "thread", "spawn_monitor": "thread", "send": "thread", "Task.*": "thread",
        "GenServer.*": "thread", "Agent.*": "thread", "Supervisor.*": "thread", "DynamicSupervisor.*": "thread",
        "Process.*": "thread", "Registry.*": "thread", "GenStage.*": "thread", "Phoenix.PubSub.*": "thread",
        "Code.*": "code", "apply": "code", "Module.create": "code", ":code.*": "code", "Code.eval_string": "code",
        ":ets.*": "state", ":persistent_term.*": "state", "Process.put": "state", ":application.set_env": "state",
    },
    exits=frozenset({"System.halt", "System.stop", "exit", ":init.stop", ":erlang.halt"}),
    faults={
        "raise": "raise", "reraise": "raise", "throw": "raise", "Mix.raise": "raise", ":erlang.error": "raise",
        "assert": "assert", "refute": "assert", "assert_raise": "assert", "assert_receive": "assert",
        "assert_received": "assert", "refute_receive": "assert", "assert_in_delta": "assert",
    },
    ignored=frozenset(
        {*_FUNCTIONS, *_MODULES, *_STRUCTS, *_TESTS, *_CONDITIONAL, *_DIRECTIVES, *_RESERVED, *_TYPES, "case", "cond",
         "with", "receive", "try", "quote", "unquote", "unquote_splicing", "fn", "raise", "reraise", "throw", "assert",
         "refute", "is_nil", "is_atom", "is_binary", "is_list", "is_map", "is_integer", "is_tuple", "is_function",
         "is_boolean", "is_number", "is_pid", "is_float", "is_struct", "is_map_key", "not", "in", "setup", "setup_all",
         "defoverridable", "doctest", "sigil_r", "inspect", "to_string", "elem", "hd", "tl", "length", "exit"}
    ),
    spelled=_SPELLED,
    unspelled=_UNSPELLED,
    quoted=(b'"""', b'"""'),
    implied=_implied,
    mention=re.compile(rb"\b[A-Z][A-Za-z0-9_]*"),
    names_of=_names_of,
    resolve=_resolve,
    standard=frozenset(
        {"Kernel", "Enum", "Map", "List", "String", "Keyword", "IO", "File", "Path", "System", "Process", "GenServer",
         "Agent", "Task", "Supervisor", "Application", "Logger", "Regex", "Stream", "Tuple", "Integer", "Float", "Atom",
         "Macro", "Module", "Code", "Access", "Range", "MapSet", "Date", "Time", "DateTime", "NaiveDateTime",
         "Calendar",
         "Exception", "ExUnit", "Mix", "IEx", "EEx", "Node", "Port", "Registry", "Inspect", "Protocol", "Base",
         "Bitwise",
         "Collectable", "Enumerable", "Function", "Record", "Version", "URI", "StringIO", "Behaviour", "Config",
         "DynamicSupervisor", "OptionParser", "ArgumentError", "RuntimeError"}
    ),
    self_names=frozenset({"__MODULE__"}),
    defining=frozenset(_FUNCTIONS),
    branching=frozenset({"if", "unless", "for", "while"}),
    chunk_inside=frozenset({"do_block", "call"}),
)  # fmt: skip
