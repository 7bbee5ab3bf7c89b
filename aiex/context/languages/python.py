"""Python."""

import ast
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Tree, by_fields, effects_by_kind, field, line_of, patterns, text
from aiex.context.prose import first_paragraph

if TYPE_CHECKING:
    from tree_sitter import Node

_LINE_END, _CONTINUED = b"\n\\"
_CONSTANT = re.compile(r"^_{0,2}[A-Z][A-Z0-9_]*$")


def _docstring(body: "Node", source: bytes) -> str | None:
    """The first paragraph of the docstring that opens a body, None when there is none."""
    for child in body.named_children:
        if child.type == "comment":
            continue
        said = child.named_children[0] if child.type == "expression_statement" and child.named_children else child
        if said.type != "string":
            return None
        try:
            value = ast.literal_eval(text(said, source))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
        return first_paragraph(value) if isinstance(value, str) else None
    return None


def _assignment(node: "Node", source: bytes) -> Iterable[Found]:
    """Module and class level names: constants, type aliases, attributes with a type."""
    child = node.named_child(0)
    if child is None or child.type != "assignment":
        return ()
    left = child.child_by_field_name("left")
    if left is None or left.type != "identifier":
        return ()
    name = text(left, source)
    above = _block_owner(node, source)
    if above is not None and above.type != "class_definition":
        return ()
    kind: SymbolKind = "constant" if _CONSTANT.match(name) else "variable" if above is None else "field"
    return (Found(name, kind, node),)


def _block_owner(node: "Node", source: bytes) -> "Node | None":
    """The statement in whose block another stands; None at the level of the module."""
    start = node.start_byte
    if start < 2 or (source[start - 1] == _LINE_END and source[start - 2] != _CONTINUED):
        return None  # at the margin; parents are found from the root down each time they are asked for
    around = node.parent
    return around.parent if around is not None and around.type == "block" else None


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
    folders = ["/".join([*folder[:depth], tail]) for depth in range(len(folder), -1, -1)]
    return next((place for place in [*folders, f"src/{tail}"] if _holds_modules(place, tree)), None)


def _holds_modules(folder: str, tree: Tree) -> bool:
    """Whether a folder without `__init__.py` can be imported from as a namespace package."""
    return any(path.endswith(".py") for path in tree.inside(folder))


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
            "block",
            "if_statement",
            "else_clause",
            "elif_clause",
            "try_statement",
            "except_clause",
            "finally_clause",
            "with_statement",
            "for_statement",
            "while_statement",
            "match_statement",
            "case_clause",
        }
    ),
    inside=patterns("def class import"),
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
        (attribute object: (identifier)) @read
        (argument_list (identifier) @read)
        (keyword_argument value: (identifier) @read)
        (assignment right: (identifier) @read)
        (return_statement (identifier) @read)
        (type (identifier) @type)
        (type (generic_type (identifier) @type))
        [(if_statement) (elif_clause) (for_statement) (while_statement) (except_clause) (case_clause)
         (conditional_expression) (boolean_operator) (for_in_clause) (if_clause) (assert_statement)] @branch
        (subscript value: (attribute) @effect.environment (#eq? @effect.environment "os.environ"))
    """,
    effects=effects_by_kind(
        file="""
            open io.open os.open os.remove os.unlink os.rename os.replace os.mkdir os.makedirs os.rmdir
            os.symlink os.link os.chmod os.chown os.truncate os.removedirs os.write os.read os.scandir
            os.listdir os.walk os.utime shutil.* tempfile.* glob.* pathlib.Path.open .write_text .write_bytes
            .read_text .read_bytes .unlink .rmdir .mkdir .touch .iterdir .rglob .symlink_to zipfile.ZipFile
            tarfile.open pickle.load json.dump json.load
        """,
        network="""
            socket.* urllib.request.* http.client.* requests.* httpx.* httpx2.* aiohttp.* smtplib.* ftplib.*
            urllib3.* websockets.* ssl.* socketserver.* http.server.* paramiko.* grpc.* asyncio.open_connection
            asyncio.start_server
        """,
        process="""
            webbrowser.open subprocess.* os.system os.popen os.fork os.kill os.killpg os.posix_spawn os.execv
            os.execve os.execvp os.execvpe os.spawnv os.waitpid multiprocessing.* pty.* signal.signal
            asyncio.create_subprocess_exec asyncio.create_subprocess_shell
            concurrent.futures.ProcessPoolExecutor atexit.register
        """,
        environment="""
            os.getenv os.environ.* os.putenv os.unsetenv os.chdir os.umask sys.path.* locale.setlocale
            sys.setrecursionlimit
        """,
        time="""
            time.time time.monotonic time.perf_counter time.sleep time.time_ns datetime.datetime.now
            datetime.datetime.utcnow datetime.date.today datetime.now asyncio.sleep
        """,
        random="random.* secrets.* uuid.uuid4 uuid.uuid1 os.urandom numpy.random.*",
        database="""
            sqlite3.* psycopg.* psycopg2.* sqlalchemy.create_engine .executemany .executescript .commit
            .rollback pymongo.* redis.*
        """,
        output="print sys.stdout.* sys.stderr.* click.echo click.secho logging.* warnings.warn",
        input="input sys.stdin.* getpass.getpass click.prompt",
        thread="threading.* _thread.* concurrent.futures.ThreadPoolExecutor asyncio.create_task asyncio.run",
        code="eval exec compile __import__ importlib.import_module pickle.loads marshal.loads ctypes.* runpy.*",
        state="setattr globals sys.modules.*",
    ),
    exits=frozenset({"sys.exit", "exit", "quit", "os._exit", "os.abort", "SystemExit"}),
    mention=re.compile(
        rb"(?m)^[ \t]*(?:from[ \t]+[.\w]+[ \t]+import[ \t]*(?:\([^)]{0,10000}\)|[^\n]*(?:\\\n[^\n]*)*)"
        rb"|import[ \t]+[^\n]*)"
    ),
    names_of=_names_of,
    resolve=_resolve,
    standard=frozenset(sys.stdlib_module_names),
    chunk_inside=frozenset({"block", "decorated_definition"}),
)
