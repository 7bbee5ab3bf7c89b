"""Python."""

import ast
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiex.context.extract import first_paragraph
from aiex.context.facts import Import
from aiex.context.language import Found, Language, Tree, by_fields, field, line_of, text

if TYPE_CHECKING:
    from tree_sitter import Node

_CONSTANT = re.compile(r"^_{0,2}[A-Z][A-Z0-9_]*$")


def _docstring(body: "Node", source: bytes) -> str | None:
    """The first paragraph of the docstring that opens a body, None when there is none."""
    for child in body.named_children:
        if child.type == "comment":
            continue
        if child.type == "expression_statement" and child.named_children:
            child = child.named_children[0]
        if child.type != "string":
            return None
        try:
            value = ast.literal_eval(text(child, source))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        return first_paragraph(value) if isinstance(value, str) else None
    return None


def _assignment(node: "Node", source: bytes) -> Iterable[Found]:
    """Module and class level names: constants, type aliases, attributes with a type."""
    child = node.named_children[0] if node.named_children else None
    if child is None or child.type != "assignment":
        return
    left = child.child_by_field_name("left")
    if left is None or left.type != "identifier":
        return
    name = text(left, source)
    above = node.parent.parent if node.parent is not None and node.parent.type == "block" else None
    if above is not None and above.type != "class_definition":
        return
    right = child.child_by_field_name("right")
    if _CONSTANT.match(name):
        yield Found(name, "constant", node)
    elif above is not None:
        yield Found(name, "field", node)
    elif name == "__all__" or (right is not None and right.type in ("call", "subscript", "binary_operator", "lambda")):
        yield Found(name, "variable", node)
    elif right is None or right.type in ("list", "dictionary", "set", "identifier", "attribute", "none"):
        yield Found(name, "variable", node)


def _import(node: "Node", source: bytes) -> Iterable[Import]:
    for child in node.children_by_field_name("name"):
        if child.type == "aliased_import":
            module = field(child, "name", source)
            yield Import(module, (), field(child, "alias", source), line_of(node), "import")
        else:
            module = text(child, source)
            yield Import(module, (), module, line_of(node), "import")


def _import_from(node: "Node", source: bytes) -> Iterable[Import]:
    names: list[tuple[str, str]] = []
    for child in node.children_by_field_name("name"):
        if child.type == "aliased_import":
            names.append((field(child, "name", source), field(child, "alias", source)))
        else:
            names.append((text(child, source), text(child, source)))
    if any(child.type == "wildcard_import" for child in node.children):
        names = [("*", "*")]
    yield Import(field(node, "module_name", source) or "__future__", tuple(names), "", line_of(node), "import")


def _entry(root: "Node", source: bytes) -> int:
    for child in root.named_children:
        if child.type == "if_statement" and "__main__" in field(child, "condition", source):
            return line_of(child)
    return 0


def _exported(name: str, node: "Node", wrappers: tuple[str, ...], parent: str | None) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def _names_of(path: str) -> set[str]:
    folder, _, base = path.rpartition("/")
    stem = base.rsplit(".", 1)[0]
    if stem in ("__init__", "__main__"):
        return {folder.rpartition("/")[2]} - {""}
    return {stem}


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """Files for `import a.b`, `from a import b`, and relative forms; source roots are found by suffix."""
    module = item.module
    dots = len(module) - len(module.lstrip("."))
    parts = [part for part in module[dots:].split(".") if part]
    if dots:
        folder = path.split("/")[:-1]
        base = folder[: len(folder) - (dots - 1)]
        if dots - 1 > len(folder):
            return []
        return _below("/".join([*base, *parts]), item, tree)
    if not parts:
        return []
    near = _near(path, parts, tree)
    if near is not None:
        return _below(near, item, tree)
    return []


def _near(path: str, parts: list[str], tree: Tree) -> str | None:
    """The path of an absolute module: from the importing file's own ancestors first, then any source root."""
    folder = path.split("/")[:-1]
    tail = "/".join(parts)
    for depth in range(len(folder), -1, -1):
        if depth and depth == len(folder) and tree.has("/".join([*folder, "__init__.py"])):
            continue  # inside a package a plain name is absolute, not a neighbour
        candidate = "/".join([*folder[:depth], tail])
        if tree.has(candidate + ".py") or tree.has(candidate + "/__init__.py") or tree.has(candidate + ".pyi"):
            return candidate
    if len(parts) == 1 and parts[0] in sys.stdlib_module_names:
        return None
    for suffix in (tail + ".py", tail + "/__init__.py"):
        for match in tree.ending(suffix):
            root = match[: -len(suffix)].rstrip("/")
            if not root or not tree.has(root + "/__init__.py"):
                return match.removesuffix("/__init__.py").removesuffix(".py")
    return None


def _below(base: str, item: Import, tree: Tree) -> list[str]:
    """Files for a module path: submodules named by the import first, else the module itself."""
    found: list[str] = []
    own = next((path for path in (base + "/__init__.py", base + ".py", base + ".pyi") if tree.has(path)), None)
    own = own or ("__init__.py" if not base and tree.has("__init__.py") else None)
    missing = not item.names
    for name, _ in item.names:
        inner = f"{base}/{name}" if base else name
        module = next(
            (path for path in (inner + ".py", inner + "/__init__.py", inner + ".pyi") if tree.has(path)), None
        )
        if module and not (own and own.endswith(".py") and not own.endswith("__init__.py")):
            found.append(module)
        else:
            missing = True
    if missing and own:
        found.append(own)
    return list(dict.fromkeys(found))


_FUNCTION = by_fields("function", doc=_docstring)
_CLASS = by_fields("class", doc=_docstring)

LANGUAGE = Language(
    name="python",
    grammar="tree_sitter_python:language",
    extensions=(".py", ".pyi", ".pyw"),
    filenames=("SConstruct", "SConscript", "wscript"),
    interpreters=("python", "pypy", "uv"),
    definitions={
        "function_definition": _FUNCTION,
        "class_definition": _CLASS,
        "expression_statement": _assignment,
        "type_alias_statement": lambda node, source: (
            (Found(text(node.named_children[0], source), "type", node),) if node.named_children else ()
        ),
    },
    containers=frozenset(
        {
            "block", "if_statement", "else_clause", "elif_clause", "try_statement", "except_clause", "finally_clause",
            "with_statement", "for_statement", "while_statement", "match_statement", "case_clause",
        }
    ),  # fmt: skip
    wrappers=frozenset({"decorated_definition"}),
    imports={
        "import_statement": _import,
        "import_from_statement": _import_from,
        "future_import_statement": _import_from,
    },
    module_doc=_docstring,
    exported=_exported,
    entry=_entry,
    uses="""
        (call function: [(identifier) (attribute)] @call)
        (class_definition superclasses: (argument_list [(identifier) (attribute) (subscript)] @inherit))
        (decorator [(identifier) (attribute)] @decorate)
        (decorator (call function: (_) @decorate))
        (raise_statement . (_) @raise)
        (except_clause) @catch
        (assert_statement . (_) @assert)
        (global_statement) @effect.state
        (type (identifier) @type)
        (type (generic_type (identifier) @type))
        [(if_statement) (elif_clause) (for_statement) (while_statement) (except_clause) (case_clause)
         (conditional_expression) (boolean_operator) (for_in_clause) (if_clause) (assert_statement)] @branch
        (subscript value: (attribute) @effect.environment (#eq? @effect.environment "os.environ"))
    """,
    effects={
        "open": "file", "io.open": "file", "os.open": "file", "os.remove": "file", "os.unlink": "file",
        "os.rename": "file", "os.replace": "file", "os.mkdir": "file", "os.makedirs": "file", "os.rmdir": "file",
        "os.symlink": "file", "os.link": "file", "os.chmod": "file", "os.chown": "file", "os.truncate": "file",
        "os.removedirs": "file", "os.write": "file", "os.read": "file", "os.scandir": "file", "os.listdir": "file",
        "os.walk": "file", "os.utime": "file", "shutil.*": "file", "tempfile.*": "file", "glob.*": "file",
        "pathlib.Path.open": "file", ".write_text": "file", ".write_bytes": "file", ".read_text": "file",
        ".read_bytes": "file", ".unlink": "file", ".rmdir": "file", ".mkdir": "file", ".touch": "file",
        ".iterdir": "file", ".rglob": "file", ".symlink_to": "file", "zipfile.ZipFile": "file",
        "tarfile.open": "file", "pickle.load": "file", "json.dump": "file", "json.load": "file",
        "socket.*": "network", "urllib.request.*": "network", "http.client.*": "network", "requests.*": "network",
        "httpx.*": "network", "httpx2.*": "network", "aiohttp.*": "network", "smtplib.*": "network",
        "ftplib.*": "network", "urllib3.*": "network", "websockets.*": "network", "ssl.*": "network",
        "socketserver.*": "network", "http.server.*": "network", "paramiko.*": "network", "grpc.*": "network",
        "asyncio.open_connection": "network", "asyncio.start_server": "network", "webbrowser.open": "process",
        "subprocess.*": "process", "os.system": "process", "os.popen": "process", "os.fork": "process",
        "os.kill": "process", "os.killpg": "process", "os.posix_spawn": "process", "os.execv": "process",
        "os.execve": "process", "os.execvp": "process", "os.execvpe": "process", "os.spawnv": "process",
        "os.waitpid": "process", "multiprocessing.*": "process", "pty.*": "process", "signal.signal": "process",
        "asyncio.create_subprocess_exec": "process", "asyncio.create_subprocess_shell": "process",
        "concurrent.futures.ProcessPoolExecutor": "process", "atexit.register": "process",
        "os.getenv": "environment", "os.environ.*": "environment", "os.putenv": "environment",
        "os.unsetenv": "environment", "os.chdir": "environment", "os.umask": "environment",
        "sys.path.*": "environment", "locale.setlocale": "environment", "sys.setrecursionlimit": "environment",
        "time.time": "time", "time.monotonic": "time", "time.perf_counter": "time", "time.sleep": "time",
        "time.time_ns": "time", "datetime.datetime.now": "time", "datetime.datetime.utcnow": "time",
        "datetime.date.today": "time", "datetime.now": "time", "asyncio.sleep": "time",
        "random.*": "random", "secrets.*": "random", "uuid.uuid4": "random", "uuid.uuid1": "random",
        "os.urandom": "random", "numpy.random.*": "random",
        "sqlite3.*": "database", "psycopg.*": "database", "psycopg2.*": "database", "sqlalchemy.create_engine": "database",
        ".executemany": "database", ".executescript": "database", ".commit": "database", ".rollback": "database",
        "pymongo.*": "database", "redis.*": "database",
        "print": "output", "sys.stdout.*": "output", "sys.stderr.*": "output", "click.echo": "output",
        "click.secho": "output", "logging.*": "output", "warnings.warn": "output",
        "input": "input", "sys.stdin.*": "input", "getpass.getpass": "input", "click.prompt": "input",
        "threading.*": "thread", "_thread.*": "thread", "concurrent.futures.ThreadPoolExecutor": "thread",
        "asyncio.create_task": "thread", "asyncio.run": "thread",
        "eval": "code", "exec": "code", "compile": "code", "__import__": "code", "importlib.import_module": "code",
        "pickle.loads": "code", "marshal.loads": "code", "ctypes.*": "code", "runpy.*": "code",
        "setattr": "state", "globals": "state", "sys.modules.*": "state",
    },
    exits=frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "SystemExit"}),
    mention=re.compile(rb"(?m)^[ \t]*(?:from[ \t]+[.\w]+[ \t]+import[ \t]*(?:\([^)]*\)|[^\n]*(?:\\\n[^\n]*)*)|import[ \t]+[^\n]*)"),
    names_of=_names_of,
    resolve=_resolve,
    standard=frozenset(sys.stdlib_module_names),
    chunk_inside=frozenset({"block", "decorated_definition"}),
)  # fmt: skip
