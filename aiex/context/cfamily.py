"""What C and C++ have in common: declarators, declarations, the preprocessor, and where includes lead."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Reader, Tree, field, head_line, line_of, patterns, text
from aiex.context.spelling import without_dots

if TYPE_CHECKING:
    from tree_sitter import Node

_WORD = re.compile(r"[A-Za-z_]\w*")
_NAMES = frozenset(
    {"identifier", "field_identifier", "type_identifier", "qualified_identifier", "destructor_name", "operator_name",
     "operator_cast", "template_function"}
)  # fmt: skip
_TESTS = frozenset({"TEST", "TEST_F", "TEST_P", "TYPED_TEST", "TYPED_TEST_P", "BOOST_AUTO_TEST_CASE",
                    "BOOST_FIXTURE_TEST_CASE", "TEST_CASE", "SCENARIO", "START_TEST", "BENCHMARK_F"})  # fmt: skip
_SHOUTED = re.compile(r"^[A-Z_][A-Z0-9_]+$")
_KEYWORDS = frozenset({"int", "char", "void", "long", "short", "unsigned", "signed", "float", "double", "const"})
_PROTOTYPED = frozenset({"OF", "PROTO", "PARAMS", "__P", "_PROTO", "PROTOTYPE", "_ANSI_ARGS_"})
"""Macros around parameter lists in headers older than ANSI C: `int f OF((int))`."""
_TEMPLATE = re.compile(r"<[^<>]*>")
_CPP = re.compile(
    rb"(?m)^[ \t]*(?:class[ \t]+\w|namespace\b[^;=\n]*(?:\{|$)|template[ \t]*<|using[ \t]+\w|"
    rb"(?:public|private|protected)[ \t]*:|#[ \t]*include[ \t]*<[a-z_]+>)"
)
BLANKED = re.compile(
    rb"\b(?:class|struct|union)[ \t]+([A-Z][A-Z0-9_]{2,})[ \t]+"
    rb"(?=(?!final\b)[A-Za-z_]\w*[ \t]*(?:final\b[ \t]*)?[:{;\n])"
    rb"|^(?:([A-Z][A-Z0-9_]*(?:EXTERN|EXPORT|API|API_))[ \t]+)?(?:[A-Za-z_][\w:]*[ \t*&]+){1,4}"
    rb"([A-Z][A-Z0-9_]{4,})[ \t]+(?=[A-Za-z_]\w*[ \t]*(?:\(|OF\())"
    rb"|^([A-Z][A-Z0-9_]*(?:EXTERN|EXPORT|API|API_))[ \t]+(?=[A-Za-z_])",
    re.MULTILINE,
)
"""Macros in front of a name: `class LEVELDB_EXPORT Slice`, `int ZEXPORT compress(`, `ZEXTERN int`."""
STANDARD = frozenset(
    {"assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math",
     "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib",
     "stdnoreturn", "string", "tgmath", "threads", "time", "uchar", "wchar", "wctype", "unistd", "fcntl", "sys",
     "netinet", "arpa", "netdb", "pthread", "dirent", "dlfcn", "poll", "pwd", "grp", "termios", "semaphore",
     "sched", "spawn", "syslog", "regex", "glob", "getopt", "strings", "utime", "windows", "direct", "io"}
)  # fmt: skip
"""Headers of C and of POSIX without their ending."""
INSIDE = patterns("struct class union enum include define typedef")
HEADERS = (".h", ".hh", ".hpp", ".hxx", ".inl", ".ipp", ".inc")
SOURCES = (".c", ".cc", ".cpp", ".cxx")
DECLARED_IN = frozenset({"translation_unit", "declaration_list", "linkage_specification", "template_declaration"})
CONTAINERS = frozenset({"preproc_ifdef", "preproc_if", "preproc_else", "preproc_elif", "preproc_elifdef",
                        "linkage_specification", "declaration_list"})  # fmt: skip


def tell_header(head: bytes) -> str:
    """Whether a `.h` file is C or C++, by its first statements."""
    return "cpp" if _CPP.search(head) else "c"


# --- declarators ---------------------------------------------------------------------------------------------------


class Declared(NamedTuple):
    """What a declarator says: the name as written and whether it is a function."""

    name: str
    is_function: bool


def declared(node: "Node", source: bytes) -> Declared | None:
    """Follow `*(*name)(int)[3]` to the name; the innermost step decides whether it is a function."""
    is_function = False
    for _ in range(20):
        if node.type == "operator_cast":
            return Declared(" ".join(text(node, source).partition("(")[0].split()), True)
        if node.type in _NAMES:
            return Declared(" ".join(text(node, source).split()), is_function)
        if node.type == "function_declarator":
            is_function = True
        elif node.type in ("pointer_declarator", "array_declarator", "reference_declarator"):
            is_function = False
        inner = node.child_by_field_name("declarator")
        if inner is None:
            inner = next((child for child in node.named_children if child.type.endswith(("declarator", "identifier"))
                          or child.type in _NAMES), None)  # fmt: skip
        if inner is None:
            return None
        node = inner
    return None


def _unmarked(said: Declared, node: "Node", source: bytes) -> Declared | None:
    """Look through a macro that reads as a function: the field in `int seed_ GUARDED_BY(mutex_)`; None for it alone."""
    if said.name in _KEYWORDS:
        return None
    if not said.is_function or not _SHOUTED.match(said.name):
        return said
    before = text(node, source).partition(said.name)[0].split()
    name = before[-1].lstrip("*&") if before else ""
    if not _WORD.fullmatch(name):
        return None
    return Declared(name, said.name in _PROTOTYPED)


def is_static(node: "Node", source: bytes) -> bool:
    """Whether `static` stands before a declaration."""
    for child in node.named_children:
        if child.type == "storage_class_specifier":
            if text(child, source) == "static":
                return True
        elif child.type not in ("attribute_specifier", "attribute_declaration", "type_qualifier"):
            return False
    return False


def plain(written: str) -> str:
    """A qualified name with dots and without template arguments: `a.Cart.add` for `a::Cart<T>::add`."""
    for _ in range(4):
        shorter = _TEMPLATE.sub("", written)
        if shorter == written:
            break
        written = shorter
    return ".".join(part.strip() for part in written.split("::") if part.strip())


# --- definitions ---------------------------------------------------------------------------------------------------


def function(node: "Node", source: bytes) -> Iterable[Found]:
    """A function with a body; `Class::name` outside the class is a method named by its class."""
    declarator = node.child_by_field_name("declarator")
    body = node.child_by_field_name("body")
    said = declared(declarator, source) if declarator is not None else None
    if said is None or not said.is_function:
        return
    if said.name in _TESTS:
        yield Found(_test_name(declarator, source), "test", node, body)
        return
    path = plain(said.name)
    owner, _, name = path.rpartition(".")
    kind: SymbolKind = "method" if owner else "function"
    if name in (owner.rpartition(".")[2], _class_around(node, source)):
        kind = "constructor"
    exported = not is_static(node, source) and not _hidden(node, source)
    end = next((child for child in node.named_children if child.type == "field_initializer_list"), body)
    head = None
    if end is not None and end is not body:
        head = " ".join(source[node.start_byte : end.start_byte].decode("utf-8", "replace").split()).rstrip(": ")
    elif body is None:
        head = _line(node, source)
    yield Found(name, kind, node, body, exported=exported, qualified=_qualified(path, node, source), signature=head)


def _qualified(path: str, node: "Node", source: bytes) -> str | None:
    """None where nesting gives the path; `space.Class.name` for a definition outside its class."""
    if "." not in path:
        return None
    spaces: list[str] = []
    above = node.parent
    while above is not None:
        if above.type == "namespace_definition":
            spaces.insert(0, plain(field(above, "name", source)))
        above = above.parent
    outer = ".".join(name for name in spaces if name)
    return f"{outer}.{path}" if outer else path


def _test_name(declarator: "Node | None", source: bytes) -> str:
    parameters = declarator.child_by_field_name("parameters") if declarator is not None else None
    if parameters is None:
        return "test"
    return ".".join(" ".join(text(child, source).split()).strip('"') for child in parameters.named_children[:2])


def _class_around(node: "Node", source: bytes) -> str:
    above = node.parent
    if above is not None and above.type == "template_declaration":
        above = above.parent
    if above is None or above.type != "field_declaration_list" or above.parent is None:
        return ""
    return plain(field(above.parent, "name", source))


def _hidden(node: "Node", source: bytes) -> bool:
    """Whether it stands in the private section of a class or in a namespace without a name."""
    above = node.parent
    if above is not None and above.type == "template_declaration":
        node, above = above, above.parent
    if above is None or above.parent is None:
        return False
    if above.parent.type == "namespace_definition":
        return above.parent.child_by_field_name("name") is None
    if above.type != "field_declaration_list":
        return False
    return access_of(above, node, source) == "private"


def access_of(body: "Node", node: "Node", source: bytes) -> str:
    """The access section a member of a class body stands in."""
    starts, sections = _sections(body, source)
    return sections[bisect_left(starts, node.start_byte)]


@lru_cache(maxsize=4)
def _sections(body: "Node", source: bytes) -> tuple[list[int], list[str]]:
    """Where the access sections of a class body begin, and their words after that of its start; once per body."""
    first = "private" if body.parent is not None and body.parent.type == "class_specifier" else "public"
    marks = [child for child in body.named_children if child.type == "access_specifier"]
    return [mark.start_byte for mark in marks], [first, *(text(mark, source).strip(" :") for mark in marks)]


def declaration(node: "Node", source: bytes) -> Iterable[Found]:
    """Prototypes and variables outside functions; types declared in passing."""
    around = node.parent
    while around is not None and around.type.startswith("preproc_"):
        around = around.parent
    torn = around is not node.parent and around is not None and around.type == "ERROR"
    if around is not None and not torn and around.type not in DECLARED_IN and around.type != "field_declaration_list":
        return
    yield from _type_inside(node, source)
    hidden = is_static(node, source) or _hidden(node, source)
    constant = any(text(child, source) in ("const", "constexpr") for child in node.named_children
                   if child.type == "type_qualifier")  # fmt: skip
    member = around is not None and around.type == "field_declaration_list"
    line = ""
    for item in node.children_by_field_name("declarator"):
        said = declared(item, source)
        said = _unmarked(said, node, source) if said is not None else None
        if said is None or not said.name:
            continue
        path = plain(said.name)
        name = path.rpartition(".")[2]
        kind: SymbolKind = "function" if said.is_function else "constant" if constant else "variable"
        if said.is_function and member and name == _class_around(node, source):
            kind = "constructor"
        line = line or _line(node, source)  # once for thousands of names in one declaration
        yield Found(name, kind, node, exported=not hidden, qualified=_qualified(path, node, source), signature=line)


def field_declaration(node: "Node", source: bytes) -> Iterable[Found]:
    """Members of a struct or class: data, methods without body, types declared in passing."""
    yield from _type_inside(node, source)
    exported = not _hidden(node, source)
    line = ""
    for item in node.children_by_field_name("declarator"):
        said = declared(item, source)
        said = _unmarked(said, node, source) if said is not None else None
        if said is not None and said.name:
            kind: SymbolKind = "method" if said.is_function else "field"
            line = line or _line(node, source)
            yield Found(plain(said.name), kind, node, exported=exported, signature=line)


def _line(node: "Node", source: bytes) -> str:
    """A declaration on one line; long initialisers and lists of parameters are cut by the walk."""
    if any(child.type == "init_declarator" or child.type.endswith("_specifier") for child in node.named_children):
        return head_line(node, source)
    return " ".join(text(node, source)[:960].split()).rstrip("; ")


def _type_inside(node: "Node", source: bytes) -> Iterable[Found]:
    """`struct point { … } origin;` declares the type too."""
    inner = node.child_by_field_name("type")
    if inner is not None and inner.type in _TYPES and inner.child_by_field_name("body") is not None:
        yield from type_specifier(inner, source)


_TYPES: dict[str, SymbolKind] = {
    "struct_specifier": "struct", "union_specifier": "struct", "enum_specifier": "enum", "class_specifier": "class",
}  # fmt: skip


def type_specifier(node: "Node", source: bytes) -> Iterable[Found]:
    """`struct`, `union`, `enum`, `class` with a body."""
    body = node.child_by_field_name("body")
    name = plain(field(node, "name", source))
    if body is not None and name:
        hidden = node.parent is not None and node.parent.type == "field_declaration" and _hidden(node.parent, source)
        yield Found(name, _TYPES[node.type], node, body, exported=not hidden)


def type_definition(node: "Node", source: bytes) -> Iterable[Found]:
    """`typedef struct { … } name;` is a struct called `name`; other typedefs are types."""
    inner = node.child_by_field_name("type")
    body = inner.child_by_field_name("body") if inner is not None else None
    names = [said.name for item in node.children_by_field_name("declarator") if (said := declared(item, source))]
    if inner is not None and body is not None and inner.type in _TYPES:
        tag = field(inner, "name", source)
        for name in names[:1] or [tag]:
            head = source[node.start_byte : body.start_byte].decode("utf-8", "replace")
            yield Found(name or tag, _TYPES[inner.type], node, body, signature=f"{' '.join(head.split())} {name}")
        names = names[1:]
    for name in names:
        yield Found(name, "type", node, signature=head_line(node, source))


def macro(node: "Node", source: bytes) -> Iterable[Found]:
    """`#define`; guards, which define nothing, are left out."""
    name = field(node, "name", source)
    value = node.child_by_field_name("value")
    if node.type == "preproc_function_def":
        yield Found(name, "macro", node, signature=f"#define {name}{field(node, 'parameters', source)}")
    elif value is not None:
        line = " ".join(text(value, source).split("\n", 1)[0].rstrip("\\ ").split())
        yield Found(name, "constant", node, signature=f"#define {name} {line}")


def enumerator(node: "Node", source: bytes) -> Iterable[Found]:
    """One name of an enum."""
    yield Found(field(node, "name", source), "constant", node, signature=" ".join(text(node, source).split()))


def entry(root: "Node", source: bytes) -> int:
    """Line of `main`, also inside conditional parts."""
    for outer in root.named_children:
        for node in (outer, *(outer.named_children if outer.type in CONTAINERS else ())):
            if node.type == "function_definition":
                declarator = node.child_by_field_name("declarator")
                said = declared(declarator, source) if declarator is not None else None
                if said is not None and said.name in ("main", "WinMain", "wmain"):
                    return line_of(node)
    return 0


DEFINITIONS: dict[str, Reader] = {
    "function_definition": function,
    "declaration": declaration,
    "field_declaration": field_declaration,
    "struct_specifier": type_specifier,
    "union_specifier": type_specifier,
    "enum_specifier": type_specifier,
    "type_definition": type_definition,
    "preproc_def": macro,
    "preproc_function_def": macro,
    "enumerator": enumerator,
}


def exported(name: str, node: "Node", wrappers: tuple[str, ...], parent: SymbolKind | None) -> bool:
    """Everything that is not static; readers say so themselves."""
    return True


# --- includes ------------------------------------------------------------------------------------------------------


def include(node: "Node", source: bytes) -> Iterable[Import]:
    """`#include`: quotes and brackets are taken off, `<…>` is remembered by the kind."""
    path = node.child_by_field_name("path")
    if path is None or path.type not in ("string_literal", "system_lib_string"):
        return
    kind = "include" if path.type == "string_literal" else "system"
    yield Import(text(path, source).strip('<>"'), (("*", "*"),), "", line_of(node), kind)


MENTION = re.compile(rb'(?m)^[ \t]*#[ \t]*(?:include|include_next|import)[ \t]*[<"][^>"\n]*')


def resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """The header, and the source of the same name, which holds what the header declares."""
    header = _header(item, path, tree)
    if header is None:
        return []
    return [header, *(other for other in _sources_of(header, tree) if other != path)]


def _header(item: Import, path: str, tree: Tree) -> str | None:
    """Beside the including file, then below its ancestors and their `include` and `src`, then by ending."""
    name = without_dots(item.module.replace("\\", "/"))
    folder = path.rpartition("/")[0]
    if item.kind == "include":
        near = without_dots(f"{folder}/{item.module}".replace("\\", "/"))
        if tree.has(near):
            return near
    if not name:
        return None
    while True:
        for base in ("", "include", "src", "inc"):
            candidate = "/".join(part for part in (folder, base, name) if part)
            if tree.has(candidate) and candidate != path:
                return candidate
        if not folder:
            break
        folder = folder.rpartition("/")[0]
    if item.kind == "system" and name in _STANDARD:
        return None
    return next((other for other in tree.ending(name) if other != path), None)


def _sources_of(header: str, tree: Tree) -> list[str]:
    stem, dot, extension = header.rpartition(".")
    if not dot or dot + extension not in HEADERS:
        return []
    near = [stem + ending for ending in SOURCES if tree.has(stem + ending)]
    if near:
        return near
    base = stem.rpartition("/")[2]
    far = [path for ending in SOURCES for path in tree.ending(base + ending)]
    return far if len(far) == 1 else []


_STANDARD_NAMES = (
    "assert.h complex.h ctype.h errno.h fenv.h float.h inttypes.h iso646.h limits.h locale.h math.h setjmp.h signal.h "
    "stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h stdlib.h string.h tgmath.h threads.h time.h "
    "uchar.h wchar.h wctype.h unistd.h fcntl.h pthread.h sys/types.h sys/stat.h sys/socket.h sys/time.h sys/wait.h "
    "algorithm array atomic bitset chrono deque exception functional future iomanip ios iostream istream iterator list "
    "map memory mutex new numeric optional ostream queue random regex set sstream stack stdexcept streambuf string "
    "string_view thread tuple type_traits typeinfo unordered_map unordered_set utility variant vector"
)
_STANDARD = frozenset(_STANDARD_NAMES.split())

# --- what functions do ---------------------------------------------------------------------------------------------

EXITS = frozenset({"exit", "_exit", "_Exit", "abort", "quick_exit", "std.exit", "std.abort", "std.terminate",
                   "std.quick_exit", "ExitProcess"})  # fmt: skip
FAULTS = {
    "assert": "assert", "static_assert": "assert", "_Static_assert": "assert", "longjmp": "raise", "setjmp": "catch",
    "err": "raise", "errx": "raise", "die": "raise", "perror": "catch", "std.rethrow_exception": "raise",
}  # fmt: skip
_GROUPS = {
    "file": "fopen fclose fread fwrite fgets fputs freopen fseek ftell fflush open openat creat close read write pread "
            "pwrite lseek remove rename unlink rmdir mkdir opendir readdir closedir stat lstat fstat truncate "
            "ftruncate fsync symlink link readlink chmod chown mmap munmap tmpfile mkstemp mkdtemp flock "
            "std.ifstream std.ofstream std.fstream std.filesystem.* std.remove std.rename CreateFile CreateFileA "
            "CreateFileW ReadFile WriteFile DeleteFile sendfile",
    "network": "socket connect bind listen accept accept4 send sendto sendmsg recv recvfrom recvmsg getaddrinfo "
               "gethostbyname shutdown setsockopt WSAStartup epoll_create1 epoll_wait curl_easy_perform SSL_connect "
               "SSL_read SSL_write boost.asio.*",
    "process": "fork vfork execl execlp execle execv execvp execve posix_spawn system popen pclose kill waitpid wait "
               "signal sigaction raise pipe dup2 daemon setsid prctl ptrace std.system std.signal CreateProcess atexit "
               "std.atexit",
    "environment": "getenv secure_getenv setenv putenv unsetenv std.getenv chdir getcwd umask setlocale setrlimit "
                   "setuid setgid gethostname getpid getopt getopt_long",
    "time": "time clock clock_gettime gettimeofday sleep usleep nanosleep alarm localtime gmtime "
            "std.chrono.system_clock.now std.chrono.steady_clock.now std.this_thread.sleep_for std.time",
    "random": "rand srand random srandom rand_r getrandom arc4random arc4random_uniform std.rand std.srand "
              "std.random_device RAND_bytes",
    "database": "sqlite3_open sqlite3_open_v2 sqlite3_exec sqlite3_step sqlite3_prepare_v2 PQconnectdb PQexec "
                "mysql_query mysql_real_connect redisCommand redisConnect",
    "output": "printf fprintf vprintf vfprintf puts putchar putc fputc perror syslog std.cout std.cerr std.printf "
              "std.puts std.print std.println write_log OutputDebugString",
    "input": "scanf fscanf gets getchar getline std.getline std.cin getpass",
    "thread": "pthread_create pthread_join pthread_mutex_lock pthread_mutex_unlock pthread_cond_wait thrd_create "
              "std.thread std.jthread std.async std.call_once sem_wait sem_post CreateThread",
    "code": "dlopen dlsym LoadLibrary GetProcAddress mprotect",
}  # fmt: skip
EFFECTS = {name: kind for kind, names in _GROUPS.items() for name in names.split()}
