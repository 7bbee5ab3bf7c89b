"""Ruby."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Tree, field, head_line, line_of, patterns, text
from aiex.context.prose import clean_comment
from aiex.context.spelling import underscore, without_dots

if TYPE_CHECKING:
    from tree_sitter import Node

_WORD = re.compile(r"[A-Za-z_]\w*")
_SPELLED = re.compile(rb"[A-Z]\w*+(?:::[A-Z]\w*+)*(?!\s*=(?![=~>]))")
_UNSPELLED = re.compile(
    rb"^\s*(?:class|module)\s+$|^[^\"']*#|^(?:[^\"]*\"[^\"]*\")*[^\"#]*\"[^\"#]*$|^[^\"']*'[^']*$|[\w$@.]$|(?<!:):$"
)
"""Constants, except those being defined."""
_ACCESSORS = frozenset({"attr_reader", "attr_accessor", "attr_writer", "cattr_accessor", "mattr_accessor"})
_MIXINS = frozenset({"include", "extend", "prepend"})
_TESTS = frozenset({"describe", "context", "it", "specify", "test", "feature", "scenario", "should", "xit", "fit",
                    "shared_examples", "shared_context", "RSpec.describe"})  # fmt: skip
_TASKS = frozenset({"task", "namespace", "desc"})
_REQUIRES = frozenset({"require", "require_relative", "load", "autoload", "gem"})
_MAGIC = re.compile(r"^#\s*(?:frozen_string_literal|encoding|coding|typed|warn_indent|rubocop|-\*-)\b|^#!")
_SECTIONS = frozenset({"private", "protected", "public", "module_function", "private_class_method"})
_CORE_NAMES = (
    "ARGF ARGV Array ArgumentError BasicObject Binding Class Comparable Complex Data Dir ENV Encoding Enumerable "
    "Enumerator Errno Exception FalseClass Fiber File FileTest Float FrozenError GC Hash IO IOError IndexError Integer "
    "Interrupt Kernel KeyError LoadError Marshal MatchData Math Method Module NameError NilClass NoMethodError "
    "NotImplementedError Numeric Object ObjectSpace Proc Process Queue Ractor Random Range RangeError Rational Regexp "
    "RUBY_VERSION RuntimeError STDERR STDIN STDOUT ScriptError SecurityError Signal SignalException StandardError "
    "StopIteration String Struct Symbol SyntaxError SystemCallError SystemExit Thread Time TracePoint TrueClass "
    "TypeError UnboundMethod Warning ZeroDivisionError"
)
_CORE = frozenset(_CORE_NAMES.split())
_FACTORIES = frozenset({"Struct.new", "Class.new", "Module.new", "Data.define"})


def _arguments(node: "Node") -> "list[Node]":
    inner = node.child_by_field_name("arguments")
    return inner.named_children if inner is not None else []


def _word(node: "Node", source: bytes) -> str:
    """`describe` or `RSpec.describe`."""
    receiver = field(node, "receiver", source)
    method = field(node, "method", source)
    return f"{receiver}.{method}" if receiver else method


def _plain(node: "Node", source: bytes) -> str:
    """A symbol or string without its marks."""
    return " ".join(text(node, source).split()).strip("\"':")


# --- definitions ---------------------------------------------------------------------------------------------------


def _dotted(name: str) -> str:
    return name.strip(":").replace("::", ".")


def _module(kind: SymbolKind, node: "Node", source: bytes) -> Iterable[Found]:
    body = node.child_by_field_name("body")
    last = node.child_by_field_name("superclass") or node.child_by_field_name("name")
    end = last.end_byte if last is not None else node.end_byte
    line = " ".join(source[node.start_byte : end].decode("utf-8", "replace").split())
    above = tuple(child for child in node.named_children if child.type == "comment") if body is not None else ()
    name = _dotted(field(node, "name", source))
    yield Found(name, kind, node, body, exported=True, signature=line, above=above)


def _class(node: "Node", source: bytes) -> Iterable[Found]:
    return _module("class", node, source)


def _space(node: "Node", source: bytes) -> Iterable[Found]:
    return _module("module", node, source)


def _own(node: "Node", source: bytes) -> Iterable[Found]:
    """`class << self` holds methods of the class around it."""
    yield Found("", "section", node, node.child_by_field_name("body"))


def _method(node: "Node", source: bytes) -> Iterable[Found]:
    name = field(node, "name", source)
    body = node.child_by_field_name("body")
    last = node.child_by_field_name("parameters") or node.child_by_field_name("name")
    end = last.end_byte if last is not None else node.end_byte
    line = " ".join(source[node.start_byte : end].decode("utf-8", "replace").split())
    kind: SymbolKind = "function"
    if node.start_point[1] and _is_member(node):
        kind = "method"
    if name == "initialize":
        kind = "constructor"
    elif name.startswith("test_"):
        kind = "test"
    yield Found(name, kind, node, body or last, exported=not _hidden(node, source), signature=line)


def _is_member(node: "Node") -> bool:
    """Whether a method stands directly in a class or a module."""
    above = node.parent
    outer = above.parent if above is not None and above.type == "body_statement" else None
    return outer is not None and outer.type in ("module", "class", "singleton_class")


def _hidden(node: "Node", source: bytes) -> bool:
    """Whether `private` or `protected` stands above in the same body, or directly before the method."""
    above = node.parent
    if above is not None and above.type == "argument_list" and above.parent is not None:
        return field(above.parent, "method", source).startswith(("private", "protected"))
    if node.type == "singleton_method":
        return False
    if above is None:
        return False
    starts, words = _sections(above, source)
    last = bisect_left(starts, node.start_byte) - 1
    return last >= 0 and words[last] in ("private", "protected")


@lru_cache(maxsize=8)
def _sections(body: "Node", source: bytes) -> tuple[list[int], list[str]]:
    """Where in a body `private` and its like stand alone, and which; once per body, as asking siblings is quadratic."""
    found = [(child.start_byte, text(child, source)) for child in body.named_children if child.type == "identifier"]
    found = [(start, word) for start, word in found if word in _SECTIONS]
    return [start for start, _ in found], [word for _, word in found]


def _assignment(node: "Node", source: bytes) -> Iterable[Found]:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None or left.type not in ("constant", "scope_resolution", "global_variable"):
        return
    if left.type == "global_variable" and (node.parent is None or node.parent.type != "program"):
        return
    name = _dotted(text(left, source))
    if right is not None and right.type == "call" and _word(right, source) in _FACTORIES:
        block = right.child_by_field_name("block")
        body = block.child_by_field_name("body") if block is not None else None
        yield Found(name, "class", node, body, exported=True, signature=head_line(node, source).removesuffix(" do …"))
    else:
        kind: SymbolKind = "variable" if left.type == "global_variable" else "constant"
        yield Found(name, kind, node, exported=True, signature=head_line(node, source))


def _call(node: "Node", source: bytes) -> Iterable[Found]:
    """Accessors, methods made by a call, blocks of tests and tasks, `private def`."""
    word = _word(node, source)
    arguments = _arguments(node)
    if not arguments:
        return
    if word in _ACCESSORS:
        for item in arguments:
            if item.type == "simple_symbol":
                yield Found(_plain(item, source), "property", node, exported=True, signature=head_line(node, source))
    elif word in ("define_method", "alias_method", "delegate", "scope") and arguments[0].type == "simple_symbol":
        yield Found(_plain(arguments[0], source), "method", node, signature=head_line(node, source))
    elif word in _TESTS or word in _TASKS:
        block = node.child_by_field_name("block")
        body = block.child_by_field_name("body") if block is not None else None
        if block is not None:
            kind: SymbolKind = "target" if word in _TASKS else "test"
            name = _plain(arguments[0], source).removesuffix("=>").split(":", 1)[0] or "block"
            line = " ".join(source[node.start_byte : block.start_byte].decode("utf-8", "replace").split())
            yield Found(name, kind, node, body or block, exported=True, signature=line)
    elif word in _SECTIONS and arguments[0].type in ("method", "singleton_method"):
        yield from _method(arguments[0], source)


def _module_doc(root: "Node", source: bytes) -> str | None:
    """The leading comment apart from magic ones and from that of the first definition."""
    block: list[Node] = []
    for child in root.named_children:
        if child.type != "comment":
            apart = not block or child.start_point[0] > block[-1].end_point[0] + 1
            titled = child.type == "call" and len(block) > 1  # one line above a require tells what is required
            return _said(block, source) if apart or titled else ""
        if _MAGIC.match(text(child, source)):
            continue
        if block and child.start_point[0] > block[-1].end_point[0] + 1:
            said = _said(block, source)
            if said:
                return said
            block = []
        block.append(child)
    return _said(block, source)


def _said(block: "list[Node]", source: bytes) -> str:
    lines = [line for item in block for line in text(item, source).splitlines()]
    return "" if any(re.search(r"(?i)copyright|licen[cs]e", line) for line in lines) else clean_comment(lines)


def _entry(root: "Node", source: bytes) -> int:
    for child in root.named_children:
        if child.type in ("if", "if_modifier", "unless") and b"__FILE__" in (child.text or b"")[:200]:
            return line_of(child)
    if source.startswith(b"#!"):
        for child in reversed(root.named_children):
            if child.type == "call" and field(child, "method", source) not in (*_REQUIRES, *_SECTIONS):
                return line_of(child)
    return 0


# --- imports -------------------------------------------------------------------------------------------------------


def _require(node: "Node", source: bytes) -> Iterable[Import]:
    method, arguments = field(node, "method", source), _arguments(node)
    if method not in _REQUIRES or node.child_by_field_name("receiver") is not None or not arguments:
        return
    value = arguments[-1] if method == "autoload" else arguments[0]
    if value.type != "string" or b"#{" in source[value.start_byte : value.end_byte]:
        return
    constant = _plain(arguments[0], source)
    names = ((constant, constant),) if method == "autoload" else ()
    yield Import(_plain(value, source), names, "", line_of(node), method)


def _implied(imports: Sequence[Import], spelled: Mapping[str, int]) -> Iterable[Import]:
    """Constants that are used without a require, as an autoloader finds them."""
    for written, line in spelled.items():
        if written.partition("::")[0] not in _CORE:
            yield Import(written, (), "", line, "mention")


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    found = _file_of(item, path, tree)
    return [found] if found and found != path else []


def _file_of(item: Import, path: str, tree: Tree) -> str:
    folder = path.rpartition("/")[0]
    name = item.module
    if item.kind == "mention":
        return _autoloaded(name, path, tree)
    wanted = name if name.endswith((".rb", ".rake")) else name + ".rb"
    if item.kind == "require_relative" or name.startswith("./"):
        near = without_dots(f"{folder}/{wanted}")
        return near if tree.has(near) else ""
    if item.kind == "load" and tree.has(without_dots(f"{folder}/{wanted}")):
        return without_dots(f"{folder}/{wanted}")
    tail = without_dots(wanted)
    above = folder
    while tail:
        for base in ("lib", "", "test", "spec", "app"):
            candidate = "/".join(part for part in (above, base, tail) if part)
            if tree.has(candidate) and candidate != path:
                return candidate
        if not above:
            break
        above = above.rpartition("/")[0]
    matches = [match for match in tree.ending(tail) if match[: -len(tail)].endswith(("lib/", "test/", "spec/"))]
    return matches[0] if matches else ""


def _autoloaded(constant: str, path: str, tree: Tree) -> str:
    """`Shop::Basket` in `lib/shop/basket.rb` or any folder of `app`; longer matches first."""
    parts = constant.split("::")
    for end in range(len(parts), 0, -1):
        tail = underscore("/".join(parts[:end])) + ".rb"
        for match in tree.ending(tail):
            before = match[: -len(tail)]
            if not before or re.search(r"(?:^|/)(?:lib|app/[^/]+|app|test|spec|support|concerns)/$", before):
                return match
        if end == len(parts) and len(parts) == 1:
            inside = re.match(r"(?:.*/)?lib/(\w+)/", path)
            nested = list(tree.ending(f"{inside.group(1)}/{tail}")) if inside else []
            if nested:
                return nested[0]
    return ""


def _names_of(path: str) -> set[str]:
    """Words of the file's name for requires, and the constant an autoloader expects there."""
    stem = path.rpartition("/")[2].removesuffix(".rb")
    words = _WORD.findall(stem)
    camel = "".join(part.capitalize() for part in stem.split("_"))
    parts = stem.split("_")
    shouted = {
        "".join(part.upper() if index == loud else part.capitalize() for index, part in enumerate(parts))
        for loud in range(len(parts))
    }
    return ({max(words, key=len)} if words else set()) | {camel, stem.upper().replace("_", "")} | shouted


LANGUAGE = Language(
    name="ruby",
    grammar="tree_sitter_ruby:language",
    extensions=(".rb", ".gemspec", ".rake", ".ru"),
    filenames=("Rakefile", "Gemfile", "Guardfile", "Vagrantfile", "Capfile", "Podfile", "Brewfile", "Fastfile"),
    interpreters=("ruby", "jruby", "rake"),
    definitions={
        "class": _class,
        "module": _space,
        "singleton_class": _own,
        "method": _method,
        "singleton_method": _method,
        "assignment": _assignment,
        "call": _call,
    },
    containers=frozenset({"begin", "if", "unless", "then", "else", "body_statement", "block_body", "if_modifier",
                          "unless_modifier", "rescue"}),
    inside=patterns("def class module require require_relative load describe context it test specify"),
    imports={"call": _require},
    module_doc=_module_doc,
    entry=_entry,
    uses="""
        (call) @call
        (superclass (_) @inherit)
        (call method: (identifier) @_word arguments: (argument_list [(constant) (scope_resolution)] @inherit)
         (#any-of? @_word "include" "extend" "prepend"))
        (rescue exceptions: (exceptions) @catch)
        (rescue !exceptions) @catch
        (rescue_modifier) @catch
        (assignment left: (global_variable)) @effect.state
        (assignment left: (class_variable)) @effect.state
        (subshell) @effect.process
        [(if) (unless) (elsif) (if_modifier) (unless_modifier) (while) (until) (while_modifier) (until_modifier) (for)
         (when) (in_clause) (conditional) (rescue) (rescue_modifier) "&&" "||" "and" "or"] @branch
    """,
    calls={"call": "method"},
    effects={
        **dict.fromkeys(
            ("File.join", "File.basename", "File.dirname", "File.extname", "File.expand_path", "File.split",
             "File.fnmatch", "File.fnmatch?"), ""
        ),
        "File.*": "file", "Dir.*": "file", "FileUtils.*": "file", "IO.read": "file", "IO.write": "file",
        "Pathname.*": "file", "Tempfile.*": "file", "YAML.load_file": "file", "open": "file", "CSV.open": "file",
        "Net.HTTP.*": "network", "TCPSocket.*": "network", "TCPServer.*": "network", "UDPSocket.*": "network",
        "Socket.*": "network", "URI.open": "network", "Faraday.*": "network", "HTTParty.*": "network",
        "RestClient.*": "network", "Excon.*": "network", "OpenSSL.SSL.*": "network", "Net.SMTP.*": "network",
        "system": "process", "spawn": "process", "fork": "process", "exec": "process", "sh": "process",
        "Process.*": "process", "Open3.*": "process", "IO.popen": "process", "Kernel.system": "process",
        "trap": "process", "Signal.trap": "process", "at_exit": "process",
        "ENV.fetch": "environment", "ENV.*": "environment", "Dir.chdir": "environment",
        "Time.now": "time", "Date.today": "time", "DateTime.now": "time", "sleep": "time", "Time.current": "time",
        "Process.clock_gettime": "time", "Timeout.*": "time",
        "rand": "random", "srand": "random", "Random.*": "random", "SecureRandom.*": "random", ".shuffle": "random",
        ".sample": "random",
        "ActiveRecord.Base.*": "database", "Sequel.*": "database", "PG.*": "database", "SQLite3.*": "database",
        "Mysql2.*": "database", "Redis.*": "database", "Mongo.*": "database", ".find_by": "database",
        ".save!": "database", ".create!": "database", ".update!": "database", ".destroy!": "database",
        ".update_all": "database", ".delete_all": "database", ".transaction": "database",
        "puts": "output", "print": "output", "p": "output", "pp": "output", "warn": "output", "printf": "output",
        "putc": "output", "$stdout.*": "output", "$stderr.*": "output", "STDOUT.*": "output", "STDERR.*": "output",
        "Rails.logger.*": "output", "logger.*": "output",
        "gets": "input", "$stdin.*": "input", "STDIN.*": "input", "ARGF.*": "input",
        "Thread.*": "thread", "Mutex.*": "thread", "Queue.*": "thread", "Ractor.*": "thread", "Fiber.*": "thread",
        "Concurrent.*": "thread",
        "eval": "code", "instance_eval": "code", "class_eval": "code", "module_eval": "code", "binding": "code",
        ".instance_eval": "code", ".class_eval": "code", ".module_eval": "code", ".constantize": "code",
        "Marshal.load": "code", "const_get": "code", ".const_get": "code", "YAML.load": "code", "define_method": "code",
        ".instance_variable_set": "state", ".const_set": "state", ".class_variable_set": "state",
    },
    exits=frozenset({"exit", "exit!", "abort", "Kernel.exit", "Process.exit", "Kernel.abort"}),
    faults={
        "raise": "raise", "fail": "raise", "throw": "raise", "Kernel.raise": "raise", "catch": "catch",
        "expect": "assert", "assert": "assert", "assert_equal": "assert", "refute": "assert", "assert_nil": "assert",
        "assert_raises": "assert", "assert_includes": "assert",
    },
    ignored=frozenset(
        {*_ACCESSORS, *_REQUIRES, *_SECTIONS, *_MIXINS, *_TESTS, "raise", "lambda", "proc", "block_given?", "loop",
         "puts", "expect", "assert", "assert_equal", "eq", "freeze", "nil?", "before", "after", "let", "subject"}
    ),
    spelled=_SPELLED,
    unspelled=_UNSPELLED,
    quoted=(b"\n=begin", b"\n=end"),
    implied=_implied,
    mention=re.compile(rb"(?m)\b(?:require|require_relative|load|autoload)\b[^\n]*|\b[A-Z]\w*"),
    names_of=_names_of,
    resolve=_resolve,
    standard=frozenset(
        {"json", "set", "yaml", "time", "date", "fileutils", "pathname", "tempfile", "tmpdir", "uri", "net", "open3",
         "securerandom", "digest", "erb", "csv", "logger", "optparse", "ostruct", "forwardable", "socket", "stringio",
         "benchmark", "bigdecimal", "English", "etc", "fiber", "io", "monitor", "objspace", "openssl", "pp", "psych",
         "rbconfig", "ripper", "shellwords", "singleton", "strscan", "timeout", "zlib", "base64", "delegate"}
    ),
    loads=True,
    self_names=frozenset({"self"}),
    chunk_inside=frozenset({"body_statement", "do_block", "block"}),
)  # fmt: skip
