"""Java."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from aiex.context.facts import Import, SymbolKind
from aiex.context.language import Found, Language, Reader, Tree, field, line_of, patterns, text
from aiex.context.prose import clean_comment
from aiex.context.spelling import shared_folders

if TYPE_CHECKING:
    from tree_sitter import Node

_TEST = re.compile(r"@(?:\w+\.)*(?:Test|ParameterizedTest|RepeatedTest|TestFactory|TestTemplate|Property)\b")
_SHOWN = re.compile(r"\b(?:public|protected)\b")
_FIXED = re.compile(r"(?s)(?=.*\bstatic\b)(?=.*\bfinal\b)")
_SPELLED = re.compile(rb"[a-z]\w*(?:\.[a-z]\w*)+\.[A-Z]\w*")
_UNSPELLED = re.compile(rb"^\s*(?:\*|//|import\s|package\s)|//|\"[^\"]*$|[\w.]$")
_TYPES = frozenset({"class_declaration", "interface_declaration", "enum_declaration", "record_declaration",
                    "annotation_type_declaration"})  # fmt: skip
_OPEN_BODIES = frozenset({"interface_body", "annotation_type_body"})


def _modifiers(node: "Node") -> "Node | None":
    first = node.named_child(0) if node.named_child_count else None
    return first if first is not None and first.type == "modifiers" else None


def _head(node: "Node", body: "Node | None", source: bytes) -> str:
    """The text before the body without the annotations in front."""
    start = node.start_byte
    modifiers = _modifiers(node)
    for child in modifiers.children if modifiers is not None else ():
        if not child.type.endswith("annotation"):
            break
        start = child.end_byte
    end = body.start_byte if body is not None else min(node.end_byte, start + 960)
    raw = source[start:end].decode("utf-8", "replace").strip()
    cut = raw.split("\n", 1)[0] + " …" if body is None and "\n" in raw and "=" in raw.split("\n", 1)[0] else raw
    return " ".join(cut.split()).rstrip(";{ ")


def _exported(name: str, node: "Node", wrappers: tuple[str, ...], parent: SymbolKind | None) -> bool:
    """Public and protected ones; what stands in an interface is public unless it says private."""
    modifiers = _modifiers(node)
    words = (modifiers.text or b"").decode("utf-8", "replace") if modifiers is not None else ""
    if node.type == "enum_constant" or (node.parent is not None and node.parent.type in _OPEN_BODIES):
        return "private" not in words
    return bool(_SHOWN.search(words))


def _type(kind: SymbolKind) -> Reader:
    def read(node: "Node", source: bytes) -> Iterable[Found]:
        body = node.child_by_field_name("body")
        yield Found(field(node, "name", source), kind, node, body, signature=_head(node, body, source))

    return read


def _method(node: "Node", source: bytes) -> Iterable[Found]:
    body = node.child_by_field_name("body")
    modifiers = _modifiers(node)
    tests = modifiers is not None and _TEST.search(text(modifiers, source))
    kind: SymbolKind = "test" if tests else "method"
    yield Found(field(node, "name", source), kind, node, body, signature=_head(node, body, source))


def _constructor(node: "Node", source: bytes) -> Iterable[Found]:
    body = node.child_by_field_name("body")
    yield Found(field(node, "name", source), "constructor", node, body, signature=_head(node, body, source))


def _field(node: "Node", source: bytes) -> Iterable[Found]:
    modifiers = _modifiers(node)
    fixed = node.type == "constant_declaration" or (modifiers is not None and _FIXED.match(text(modifiers, source)))
    items = node.children_by_field_name("declarator")
    line = _head(node, None, source)
    for item in items:
        kind: SymbolKind = "constant" if fixed else "field"
        if len(items) > 1:  # `int width, height = 2;` says `int height = 2` of the second
            said = " ".join(text(item, source).split())
            line = f"{_head(node, items[0], source)} {said if len(said) < 100 else field(item, 'name', source)}"
        yield Found(field(item, "name", source), kind, node, signature=line)


def _enum_constant(node: "Node", source: bytes) -> Iterable[Found]:
    body = node.child_by_field_name("body")
    yield Found(field(node, "name", source), "constant", node, body, signature=_head(node, body, source))


def _import(node: "Node", source: bytes) -> Iterable[Import]:
    path = next((child for child in node.named_children if child.type in ("scoped_identifier", "identifier")), None)
    if path is None:
        return
    module = "".join(text(path, source).split())
    if any(child.type == "asterisk" for child in node.named_children):
        yield Import(module, (("*", "*"),), "", line_of(node), "import")
        return
    module, _, name = module.rpartition(".")
    yield Import(module or name, ((name, name),) if module else (), "", line_of(node), "import")


def _implied(imports: Sequence[Import], spelled: Mapping[str, int]) -> Iterable[Import]:
    """Classes written with their package where they are used: `com.acme.Tool.use()`."""
    for whole, line in spelled.items():
        module, _, name = whole.rpartition(".")
        yield Import(module, ((name, name),), "", line, "mention")


def _module_doc(root: "Node", source: bytes) -> str | None:
    """The comment of the package declaration or of the first type."""
    comment: Node | None = None
    for child in root.named_children:
        if child.type in ("block_comment", "line_comment"):
            comment = child
            continue
        if child.type in _TYPES or (child.type == "package_declaration" and comment is not None):
            if comment is not None and text(comment, source).startswith("/**"):
                return clean_comment(text(comment, source).splitlines())
            if child.type in _TYPES:
                break
        comment = None
    return None


def _entry(root: "Node", source: bytes) -> int:
    for outer in root.named_children:
        body = outer.child_by_field_name("body") if outer.type in _TYPES else None
        for node in (outer, *(body.named_children if body is not None else ())):
            if node.type == "method_declaration" and field(node, "name", source) == "main":
                words = _head(node, node.child_by_field_name("body"), source)
                if node is outer or ("static" in words and "public" in words):
                    return line_of(node.child_by_field_name("name") or node)
    return 0


def _names_of(path: str) -> set[str]:
    """The class, and the package for imports of all its classes."""
    folder, _, base = path.rpartition("/")
    return {base.removesuffix(".java"), folder.rpartition("/")[2]} - {""}


def _resolve(item: Import, path: str, tree: Tree) -> list[str]:
    """The file of the class, of the class around it, or all files of the package."""
    parts = item.module.split(".")
    found: list[str] = []
    for name, _ in item.names:
        file = _class_file(parts, path, tree) if name == "*" else _class_file([*parts, name], path, tree)
        if file:
            found.append(file)
        elif name == "*":
            found.extend(_package_files("/".join(parts), path, tree))
    return [file for file in dict.fromkeys(found) if file != path]


def _class_file(parts: list[str], path: str, tree: Tree) -> str:
    """The longest part of `a.b.C.Inner.method` that is a file."""
    for end in range(len(parts), 1, -1):
        if not parts[end - 1][:1].isupper() and end < len(parts):
            break
        matches = tree.ending("/".join(parts[:end]) + ".java")
        if matches:
            return max(matches, key=lambda other: shared_folders(other, path))
    return ""


def _package_files(package: str, path: str, tree: Tree) -> list[str]:
    """Files of a package below the importing file's own source root or its main twin."""
    folders = path.split("/")[:-1]
    first = package.partition("/")[0]
    roots = ["/".join(folders[:index]) for index, name in enumerate(folders) if name == first]
    roots += ["/".join(folders[:count]) for count in range(len(folders) - 1, 0, -1)]
    roots += [root.replace("src/test/", "src/main/") for root in roots] + ["src/main/java", "src", ""]
    for root in dict.fromkeys(roots):
        files = [file for file in tree.inside(f"{root}/{package}".strip("/")) if file.endswith(".java")]
        if files:
            return files
    return []


LANGUAGE = Language(
    name="java",
    grammar="tree_sitter_java:language",
    extensions=(".java",),
    definitions={
        "class_declaration": _type("class"),
        "interface_declaration": _type("interface"),
        "enum_declaration": _type("enum"),
        "record_declaration": _type("class"),
        "annotation_type_declaration": _type("interface"),
        "method_declaration": _method,
        "annotation_type_element_declaration": _method,
        "constructor_declaration": _constructor,
        "compact_constructor_declaration": _constructor,
        "field_declaration": _field,
        "constant_declaration": _field,
        "enum_constant": _enum_constant,
    },
    containers=frozenset({"enum_body_declarations"}),
    inside=patterns("class interface enum record"),
    imports={"import_declaration": _import},
    comments=frozenset({"line_comment", "block_comment"}),
    module_doc=_module_doc,
    exported=_exported,
    entry=_entry,
    uses="""
        (method_invocation) @call
        (method_reference) @call
        (object_creation_expression type: [(type_identifier) (scoped_type_identifier)] @new)
        (object_creation_expression type: (generic_type . (_) @new))
        (superclass [(type_identifier) (scoped_type_identifier)] @inherit)
        (superclass (generic_type . (_) @inherit))
        (type_list [(type_identifier) (scoped_type_identifier)] @inherit)
        (type_list (generic_type . (_) @inherit))
        (marker_annotation name: (_) @decorate)
        (annotation name: (_) @decorate)
        (field_declaration type: [(type_identifier) (scoped_type_identifier)] @type)
        (formal_parameter type: [(type_identifier) (scoped_type_identifier)] @type)
        (local_variable_declaration type: [(type_identifier) (scoped_type_identifier)] @type)
        (method_declaration type: [(type_identifier) (scoped_type_identifier)] @type)
        (type_arguments (type_identifier) @type)
        (generic_type . (type_identifier) @type)
        (array_type element: (type_identifier) @type)
        [(cast_expression type: (type_identifier) @type) (instanceof_expression right: (type_identifier) @type)
         (class_literal (type_identifier) @type) (throws (type_identifier) @type)
         (catch_type (type_identifier) @type)]
        (field_access object: (identifier)) @read
        (throw_statement (_) @raise)
        (catch_formal_parameter) @catch
        (assert_statement . (_) @assert)
        (synchronized_statement) @effect.thread
        [(if_statement) (for_statement) (enhanced_for_statement) (while_statement) (do_statement) (switch_label (_))
         (catch_clause) (ternary_expression) "&&" "||"] @branch
    """,
    calls={"method_invocation": "name"},
    effects={
        "java.nio.file.Files.*": "file", "Files.*": "file", "java.io.FileInputStream": "file",
        "java.io.FileOutputStream": "file", "java.io.FileReader": "file", "java.io.FileWriter": "file",
        "java.io.RandomAccessFile": "file", "FileInputStream": "file", "FileOutputStream": "file",
        "FileReader": "file", "FileWriter": "file", "RandomAccessFile": "file", "java.util.zip.ZipFile": "file",
        "java.util.jar.JarFile": "file", "java.nio.channels.FileChannel.*": "file", ".mkdirs": "file",
        ".createNewFile": "file", ".deleteOnExit": "file", "java.io.File.createTempFile": "file",
        "org.apache.commons.io.FileUtils.*": "file", "com.google.common.io.Files.*": "file",
        "java.net.Socket": "network", "java.net.ServerSocket": "network", "java.net.DatagramSocket": "network",
        "java.net.URL.openConnection": "network", ".openConnection": "network", ".openStream": "network",
        "java.net.http.*": "network", "java.net.InetAddress.*": "network", "okhttp3.*": "network",
        "org.apache.http.*": "network", "io.netty.bootstrap.*": "network", "retrofit2.*": "network",
        "org.springframework.web.client.*": "network", "java.nio.channels.SocketChannel.*": "network",
        "java.nio.channels.ServerSocketChannel.*": "network",
        "java.lang.ProcessBuilder": "process", "ProcessBuilder": "process", "Runtime.getRuntime": "process",
        "ProcessHandle.*": "process", ".addShutdownHook": "process",
        "System.getenv": "environment", "System.getProperty": "environment", "System.setProperty": "environment",
        "System.getProperties": "environment", "Locale.setDefault": "environment", "TimeZone.setDefault": "environment",
        "System.currentTimeMillis": "time", "System.nanoTime": "time", "Thread.sleep": "time", "java.util.Date": "time",
        "java.time.Instant.now": "time", "java.time.LocalDate.now": "time", "java.time.LocalDateTime.now": "time",
        "java.time.ZonedDateTime.now": "time", "java.time.Clock.*": "time", "java.util.Timer": "time",
        "java.util.Random": "random", "Math.random": "random", "java.security.SecureRandom": "random",
        "java.util.UUID.randomUUID": "random", "java.util.concurrent.ThreadLocalRandom.*": "random",
        "java.sql.DriverManager.*": "database", "DriverManager.*": "database", ".prepareStatement": "database",
        ".executeQuery": "database", ".executeUpdate": "database", ".createStatement": "database",
        "org.hibernate.*": "database", "org.springframework.jdbc.*": "database", "redis.clients.jedis.*": "database",
        "com.mongodb.*": "database",
        "System.out.*": "output", "System.err.*": "output", ".printStackTrace": "output",
        "org.slf4j.LoggerFactory.*": "output", "java.util.logging.Logger.*": "output",
        "System.in.*": "input", "java.util.Scanner": "input", "System.console": "input",
        "Thread": "thread", "Thread.*": "thread", "java.util.concurrent.Executors.*": "thread",
        "java.util.concurrent.CompletableFuture.*": "thread", "java.util.concurrent.ThreadPoolExecutor": "thread",
        "java.util.concurrent.ForkJoinPool.*": "thread",
        "Class.forName": "code", "System.load": "code", "System.loadLibrary": "code", ".setAccessible": "code",
        "java.lang.reflect.Proxy.*": "code", "java.net.URLClassLoader": "code", ".newInstance": "code",
        "java.io.ObjectInputStream": "code", "javax.script.*": "code",
        "System.setOut": "state", "System.setErr": "state", "System.setSecurityManager": "state",
        "Thread.setDefaultUncaughtExceptionHandler": "state",
    },
    exits=frozenset({"System.exit", "Runtime.getRuntime().halt"}),
    faults=dict.fromkeys(
        ("assertEquals", "assertTrue", "assertFalse", "assertNull", "assertNotNull", "assertThrows", "assertThat",
         "Assert.assertEquals", "Assert.assertTrue", "fail", "Objects.requireNonNull", "requireNonNull",
         "java.util.Objects.requireNonNull", "Preconditions.checkArgument", "Preconditions.checkState",
         "Preconditions.checkNotNull"), "assert",
    ),
    ignored=frozenset({"String", "Object", "Integer", "Long", "Boolean", "Double", "Override", "Deprecated", "var",
                       "SuppressWarnings", "Class", "Void", "T", "K", "V", "E", "R", "SafeVarargs"}),
    spelled=_SPELLED,
    spelled_by=re.compile(rb"\.[A-Z]"),
    unspelled=_UNSPELLED,
    quoted=(b"/*", b"*/"),
    implied=_implied,
    mention=re.compile(
        rb"(?m)^[ \t]*import\s[^;\n]*|\b(?<!\.)[a-z]\w*(?:\.[a-z]\w*)+\.[A-Z]\w*"
    ),
    names_of=_names_of,
    resolve=_resolve,
    siblings_visible=True,
    standard=frozenset({"java", "javax", "jdk", "sun"}),
    self_names=frozenset({"this", "super"}),
    chunk_inside=frozenset({"block"}),
)  # fmt: skip
