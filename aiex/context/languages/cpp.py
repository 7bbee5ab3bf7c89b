"""C++."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from aiex.context import cfamily
from aiex.context.language import Found, Language, field, head_line, patterns
from aiex.context.spelling import longest_word

if TYPE_CHECKING:
    from tree_sitter import Node


def _namespace(node: "Node", source: bytes) -> Iterable[Found]:
    """A named namespace; one without a name makes its inside local to the file."""
    body = node.child_by_field_name("body")
    name = cfamily.plain(field(node, "name", source))
    if name:
        yield Found(name, "namespace", node, body, exported=True)
    else:
        yield Found("(anonymous)", "namespace", node, body, exported=False, signature="namespace")


def _named_type(node: "Node", source: bytes) -> Iterable[Found]:
    """`using Name = …` and `concept Name = …`."""
    yield Found(field(node, "name", source), "type", node, signature=head_line(node, source))


_STANDARD = frozenset(
    {"algorithm", "any", "array", "atomic", "barrier", "bit", "bitset", "cassert", "cctype", "cerrno", "cfenv",
     "cfloat", "charconv", "chrono", "cinttypes", "climits", "clocale", "cmath", "codecvt", "compare", "complex",
     "concepts", "condition_variable", "coroutine", "csetjmp", "csignal", "cstdarg", "cstddef", "cstdint",
     "cstdio", "cstdlib", "cstring", "ctime", "cuchar", "cwchar", "cwctype", "deque", "exception", "execution",
     "expected", "filesystem", "format", "forward_list", "fstream", "functional", "future", "initializer_list",
     "iomanip", "ios", "iosfwd", "iostream", "istream", "iterator", "latch", "limits", "list", "locale", "map",
     "memory", "memory_resource", "mutex", "new", "numbers", "numeric", "optional", "ostream", "print", "queue",
     "random", "ranges", "ratio", "regex", "scoped_allocator", "semaphore", "set", "shared_mutex",
     "source_location", "span", "sstream", "stack", "stdexcept", "stop_token", "streambuf", "string",
     "string_view", "strstream", "syncstream", "system_error", "thread", "tuple", "type_traits", "typeindex",
     "typeinfo", "unordered_map", "unordered_set", "utility", "valarray", "variant", "vector", "version"}
)  # fmt: skip

LANGUAGE = Language(
    name="cpp",
    grammar="tree_sitter_cpp:language",
    extensions=(".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".ipp", ".inl", ".tpp", ".cu", ".cuh"),
    definitions={
        **cfamily.DEFINITIONS,
        "class_specifier": cfamily.type_specifier,
        "namespace_definition": _namespace,
        "alias_declaration": _named_type,
        "concept_definition": _named_type,
    },
    containers=cfamily.CONTAINERS,
    wrappers=frozenset({"template_declaration"}),
    inside=(*cfamily.INSIDE, *patterns("using")),
    imports={"preproc_include": cfamily.include},
    exported=cfamily.exported,
    entry=cfamily.entry,
    uses="""
        (call_expression function: [(identifier) (field_expression) (qualified_identifier) (template_function)] @call)
        (new_expression type: [(type_identifier) (qualified_identifier) (template_type)] @new)
        (base_class_clause [(type_identifier) (qualified_identifier) (template_type)] @inherit)
        (parameter_declaration type: [(type_identifier) (qualified_identifier) (template_type)] @type)
        (declaration type: [(type_identifier) (qualified_identifier) (template_type)] @type)
        (field_declaration type: [(type_identifier) (qualified_identifier) (template_type)] @type)
        (function_definition type: [(type_identifier) (qualified_identifier) (template_type)] @type)
        (throw_statement . (_) @raise)
        (catch_clause parameters: (_) @catch)
        (compound_statement (declaration (storage_class_specifier) @_word) @effect.state (#eq? @_word "static"))
        (binary_expression left: (qualified_identifier) @effect.output
         (#any-of? @effect.output "std::cout" "std::cerr" "std::clog"))
        [(if_statement) (for_statement) (for_range_loop) (while_statement) (do_statement) (case_statement value: (_))
         (conditional_expression) (catch_clause) "&&" "||"] @branch
    """,
    effects=cfamily.EFFECTS,
    exits=cfamily.EXITS,
    faults=cfamily.FAULTS
    | dict.fromkeys(
        ("EXPECT_EQ", "EXPECT_TRUE", "EXPECT_FALSE", "EXPECT_NE", "ASSERT_EQ", "ASSERT_TRUE", "ASSERT_FALSE",
         "ASSERT_NE", "EXPECT_LT", "EXPECT_GT", "EXPECT_THROW", "CHECK", "REQUIRE", "DCHECK"), "assert",
    ),
    ignored=frozenset({"sizeof", "decltype", "defined", "assert", "static_cast", "size_t", "uint8_t", "uint16_t",
                       "uint32_t", "uint64_t", "int8_t", "int16_t", "int32_t", "int64_t", "T"}),
    mention=cfamily.MENTION,
    names_of=longest_word,
    resolve=cfamily.resolve,
    family="c",
    standard=cfamily.STANDARD | _STANDARD,
    blanked=cfamily.BLANKED,
    self_names=frozenset({"this"}),
    chunk_inside=frozenset({"compound_statement"}),
)  # fmt: skip
