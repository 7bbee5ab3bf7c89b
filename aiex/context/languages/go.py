"""Go."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Tree, by_fields, field, head_line, line_of, text
from aiex.context.prose import clean_comment

if TYPE_CHECKING:
    from tree_sitter import Node

_TEST = re.compile(r"^(?:Test|Benchmark|Fuzz)(?:[^a-z]|$)")
_DIRECTIVE = re.compile(r"^//(?:go:|nolint|line |export )|^// \+build")
_MODULE = re.compile(rb'(?m)^\s*module\s+"?([^\s"]+)')
_VERSION = re.compile(r"^v\d+$")
_WORD = re.compile(r"[A-Za-z_]\w*")
_ROOTS = frozenset({"go", "golang", "src", "backend", "server", "sdk", "client"})
"""Folders that often hold a module whose path does not end in their name."""

_BUILTINS = (
    "append cap clear close complex copy delete imag len make max min new panic print println real recover string int "
    "int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 uintptr byte rune float32 float64 complex64 complex128 "
    "bool error any comparable"
)
_STANDARD = (
    "archive bufio builtin bytes cmp compress container context crypto database debug embed encoding errors expvar "
    "flag fmt go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime "
    "slices sort strconv strings structs sync syscall testing text time unicode unique unsafe weak C"
)


def _function(node: "Node", source: bytes) -> Iterable[Found]:
    name = field(node, "name", source)
    parameters = field(node, "parameters", source)
    tests = (_TEST.match(name) and "testing." in parameters) or (name.startswith("Example") and parameters == "()")
    yield Found(name, "test" if tests else "function", node, node.child_by_field_name("body"))


def _method(node: "Node", source: bytes) -> Iterable[Found]:
    name = field(node, "name", source)
    owner = _receiver(field(node, "receiver", source))
    qualified = f"{owner}.{name}" if owner else name
    yield Found(name, "method", node, node.child_by_field_name("body"), qualified=qualified)


def _receiver(written: str) -> str:
    """The type in `(e *Engine)` or `(p Pair[K, V])`."""
    words = _WORD.findall(written.partition("[")[0])
    return words[-1] if words else ""


def _type(node: "Node", source: bytes) -> Iterable[Found]:
    """`type Name …` alone or one line of a `type (…)` group, which is a container."""
    spec = _single(node)
    if spec is None:
        return
    name, inner = field(spec, "name", source), spec.child_by_field_name("type")
    if inner is not None and inner.type in ("struct_type", "interface_type"):
        head = source[spec.start_byte : inner.start_byte].decode("utf-8", "replace")
        kind: SymbolKind = "struct" if inner.type == "struct_type" else "interface"
        lists = [child for child in inner.named_children if child.type == "field_declaration_list"]
        line = " ".join(f"type {head}{kind}".split())
        yield Found(name, kind, node, lists[0] if lists else inner, signature=line)
    else:
        yield Found(name, "type", node, signature=head_line(node, source))


def _values(kind: SymbolKind, node: "Node", source: bytes) -> Iterable[Found]:
    spec = _single(node)
    if spec is None:
        return
    for label in spec.children_by_field_name("name"):
        name = text(label, source)
        if name not in ("_", ","):
            yield Found(name, kind, node, signature=head_line(node, source))


def _constant(node: "Node", source: bytes) -> Iterable[Found]:
    return _values("constant", node, source)


def _variable(node: "Node", source: bytes) -> Iterable[Found]:
    return _values("variable", node, source)


def _single(node: "Node") -> "Node | None":
    """The specification in a declaration that has no brackets; a specification is its own."""
    if not node.type.endswith("_declaration"):
        return node
    inner = [child for child in node.named_children if child.type.endswith(("_spec", "_alias"))]
    return inner[0] if len(inner) == 1 and node.children[1] == inner[0] else None


def _field(node: "Node", source: bytes) -> Iterable[Found]:
    for label in node.children_by_field_name("name"):
        if label.is_named:
            yield Found(text(label, source), "field", node, signature=head_line(node, source))


def _import(node: "Node", source: bytes) -> Iterable[Import]:
    specs = [item for child in node.named_children for item in (child, *child.named_children)]
    for spec in specs:
        if spec.type != "import_spec":
            continue
        module, name = field(spec, "path", source).strip('"`'), field(spec, "name", source)
        names = (("*", "*"),) if name == "." else ()
        alias = "" if name in (".", "_") else name or _package(module)
        yield Import(module, names, alias, line_of(spec), "import")


def _package(module: str) -> str:
    """The name a package most likely has: `yaml` for `gopkg.in/yaml.v3`, `isatty` for `x/go-isatty`."""
    parts = module.split("/")
    while len(parts) > 1 and _VERSION.match(parts[-1]):
        parts.pop()
    name = re.sub(r"\.v\d+$", "", parts[-1])
    return re.sub(r"^go-|-go$|\.go$", "", name).rpartition("-")[2] or name


def _module_doc(root: "Node", source: bytes) -> str | None:
    """The comment directly above the package clause, else one set apart below it."""
    block: list[Node] = []
    package: Node | None = None
    for child in root.named_children:
        if child.type == "comment":
            if block and child.start_point[0] > block[-1].end_point[0] + 1:
                if package is not None:
                    break
                block = []
            if not _DIRECTIVE.match(text(child, source)):
                block.append(child)
        elif package is None and child.type == "package_clause":
            if block and block[-1].end_point[0] + 1 >= child.start_point[0]:
                break
            package, block = child, []
        else:
            apart = child.type == "import_declaration" or (block and block[-1].end_point[0] + 1 < child.start_point[0])
            block = block if apart else []
            break
    return clean_comment([line for item in block for line in text(item, source).splitlines()])


def _exported(name: str, node: "Node", wrappers: tuple[str, ...], parent: str | None) -> bool:
    return name[:1].isupper()


def _entry(root: "Node", source: bytes) -> int:
    package = next((child for child in root.named_children if child.type == "package_clause"), None)
    if package is None or text(package, source).split()[-1] != "main":
        return 0
    for child in root.named_children:
        if child.type == "function_declaration" and field(child, "name", source) == "main":
            return line_of(child)
    return 0


def _names_of(path: str) -> set[str]:
    """Words of the package's folder; every import statement may mean the module's own root."""
    folder = path.rpartition("/")[0]
    last = folder.rpartition("/")[2]
    words = set(_WORD.findall(last))
    return words | {"import"} if not words or last in _ROOTS or _VERSION.match(last) else words


@lru_cache(maxsize=512)
def _module_path(manifest: bytes) -> str:
    match = _MODULE.search(manifest)
    return match.group(1).decode("utf-8", "replace") if match else ""


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """The files of the package: below the module whose path begins the import path, vendored, or by suffix."""
    module = item.module
    if not module or module == "C":
        return []
    if module.startswith((".", "/")):
        return []
    best, where = "", ""
    manifests = tree.ending("go.mod")
    for manifest in manifests:
        own = _module_path(tree.read(manifest))
        if own and len(own) > len(best) and (module == own or module.startswith(own + "/")):
            best, where = own, manifest.rpartition("/")[0]
    if best:
        return _package_files(_join(where, module[len(best) :].strip("/")), tree)
    parts = module.split("/")
    if "." not in parts[0] and len(parts) < 2:
        return _package_files(_join("vendor", module), tree) if not manifests else []
    vendored = _package_files("vendor/" + module, tree)
    if vendored or manifests:
        return vendored
    for start in range(len(parts) - 1):
        found = _package_files("/".join(parts[start:]), tree) or _package_files("src/" + "/".join(parts[start:]), tree)
        if found:
            return found
    return []


def _join(folder: str, rest: str) -> str:
    return f"{folder}/{rest}".strip("/")


def _package_files(folder: str, tree: Tree) -> list[str]:
    return [path for path in tree.inside(folder) if path.endswith(".go") and not path.endswith("_test.go")]


LANGUAGE = Language(
    name="go",
    grammar="tree_sitter_go:language",
    extensions=(".go",),
    definitions={
        "function_declaration": _function,
        "method_declaration": _method,
        "type_declaration": _type,
        "type_spec": _type,
        "type_alias": _type,
        "const_declaration": _constant,
        "const_spec": _constant,
        "var_declaration": _variable,
        "var_spec": _variable,
        "field_declaration": _field,
        "method_elem": by_fields("method"),
    },
    containers=frozenset({"type_declaration", "const_declaration", "var_declaration", "var_spec_list"}),
    imports={"import_declaration": _import},
    module_doc=_module_doc,
    exported=_exported,
    entry=_entry,
    uses="""
        (call_expression function: [(identifier) (selector_expression)] @call)
        (composite_literal type: [(type_identifier) @new (qualified_type) @new (generic_type type: (_) @new)])
        (field_declaration !name type: [(type_identifier) (qualified_type) (generic_type)] @inherit)
        (interface_type (type_elem . [(type_identifier) (qualified_type)] @inherit .))
        (qualified_type) @type
        (pointer_type (type_identifier) @type)
        (slice_type (type_identifier) @type)
        (field_declaration name: (_) type: (type_identifier) @type)
        (parameter_declaration type: (type_identifier) @type)
        (if_statement condition: (binary_expression left: (identifier) @_name operator: "!=" right: (nil)) @catch
         (#any-of? @_name "err" "error" "e" "er" "err1" "err2" "cerr" "rerr" "werr" "ferr" "errs" "retErr"))
        [(if_statement) (for_statement) (expression_case) (type_case) (communication_case) "&&" "||"] @branch
        (go_statement) @effect.thread
    """,
    effects={
        "os.Open": "file", "os.OpenFile": "file", "os.Create": "file", "os.CreateTemp": "file", "os.Remove": "file",
        "os.RemoveAll": "file", "os.Rename": "file", "os.Mkdir": "file", "os.MkdirAll": "file", "os.MkdirTemp": "file",
        "os.ReadFile": "file", "os.WriteFile": "file", "os.ReadDir": "file", "os.Symlink": "file", "os.Link": "file",
        "os.Chmod": "file", "os.Chown": "file", "os.Chtimes": "file", "os.Truncate": "file", "os.Stat": "file",
        "os.Lstat": "file", "os.DirFS": "file", "os.Readlink": "file", "io.ioutil.*": "file",
        "path.filepath.Walk": "file", "path.filepath.WalkDir": "file", "path.filepath.Glob": "file",
        "path.filepath.EvalSymlinks": "file", "embed.*": "file", "github.com.spf13.afero.*": "file",
        "net.Dial": "network", "net.DialTimeout": "network", "net.Listen": "network", "net.ListenPacket": "network",
        "net.ListenTCP": "network", "net.ListenUDP": "network", "net.DialTCP": "network", "net.DialUDP": "network",
        "net.FileListener": "network", "net.LookupHost": "network", "net.LookupIP": "network",
        "net.Resolver.*": "network", "net.http.Get": "network", "net.http.Post": "network",
        "net.http.PostForm": "network", "net.http.Head": "network", "net.http.ListenAndServe": "network",
        "net.http.ListenAndServeTLS": "network", "net.http.Serve": "network", "net.http.ServeTLS": "network",
        "net.smtp.*": "network", "net.rpc.Dial": "network", "crypto.tls.Dial": "network",
        "crypto.tls.Listen": "network", "google.golang.org.grpc.Dial": "network",
        "google.golang.org.grpc.NewClient": "network", "google.golang.org.grpc.NewServer": "network",
        "github.com.gorilla.websocket.*": "network", ".ListenAndServe": "network", ".ListenAndServeTLS": "network",
        ".DialContext": "network", ".RoundTrip": "network", "http.DefaultClient.Do": "network",
        "os.exec.*": "process", "os.StartProcess": "process", "os.FindProcess": "process", "syscall.Exec": "process",
        "syscall.ForkExec": "process", "syscall.Kill": "process", "os.signal.*": "process",
        "os.Getenv": "environment", "os.LookupEnv": "environment", "os.Setenv": "environment",
        "os.Unsetenv": "environment", "os.Environ": "environment", "os.ExpandEnv": "environment",
        "os.Clearenv": "environment", "os.Chdir": "environment", "os.Getwd": "environment",
        "os.Hostname": "environment", "runtime.GOMAXPROCS": "environment", "runtime.debug.SetGCPercent": "environment",
        "flag.Parse": "environment",
        "time.Now": "time", "time.Sleep": "time", "time.After": "time", "time.AfterFunc": "time", "time.Tick": "time",
        "time.NewTimer": "time", "time.NewTicker": "time", "time.Since": "time", "time.Until": "time",
        "math.rand.*": "random", "math.rand.v2.*": "random", "crypto.rand.*": "random",
        "github.com.google.uuid.*": "random",
        "database.sql.*": "database", "gorm.io.gorm.*": "database", "github.com.jmoiron.sqlx.*": "database",
        "github.com.jackc.pgx.*": "database", "go.mongodb.org.*": "database", "github.com.redis.*": "database",
        "github.com.go-redis.*": "database", "go.etcd.io.bbolt.*": "database", ".QueryRow": "database",
        ".QueryContext": "database", ".ExecContext": "database", ".QueryRowContext": "database",
        ".BeginTx": "database",
        "fmt.Print": "output", "fmt.Printf": "output", "fmt.Println": "output", "log.*": "output",
        "log.slog.*": "output", "print": "output", "println": "output", "os.Stdout.*": "output",
        "os.Stderr.*": "output", "github.com.sirupsen.logrus.*": "output", "go.uber.org.zap.*": "output",
        "fmt.Scan": "input", "fmt.Scanf": "input", "fmt.Scanln": "input", "os.Stdin.*": "input",
        "sync.atomic.*": "thread", "golang.org.x.sync.errgroup.*": "thread", "runtime.Gosched": "thread",
        "plugin.Open": "code", "unsafe.*": "code",
        "sync.Once.*": "state", "expvar.*": "state", "net.http.HandleFunc": "state", "net.http.Handle": "state",
    },
    exits=frozenset({"os.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln", "runtime.Goexit", "syscall.Exit"}),
    faults={
        "panic": "raise", "errors.New": "raise", "fmt.Errorf": "raise", "github.com.pkg.errors.New": "raise",
        "github.com.pkg.errors.Wrap": "raise", "github.com.pkg.errors.Wrapf": "raise",
        "github.com.pkg.errors.Errorf": "raise", "log.Panic": "raise", "log.Panicf": "raise", "recover": "catch",
    },
    ignored=frozenset(_BUILTINS.split()),
    mention=re.compile(rb'(?m)^[ \t]*import\b[ \t]*(?:\((?://[^\n]*|"[^"\n]*"|`[^`\n]*`|[^)"`/]{1,20}+|/(?!/)){0,1000}+\)|[^\n(]*)'),
    import_words=frozenset({"import"}),
    names_of=_names_of,
    resolve=_resolve,
    siblings_visible=True,
    standard=frozenset(_STANDARD.split()),
    chunk_inside=frozenset({"block", "statement_list"}),
)  # fmt: skip
