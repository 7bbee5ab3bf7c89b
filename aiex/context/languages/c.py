"""C."""

from aiex.context import cfamily
from aiex.context.language import Language
from aiex.context.spelling import longest_word

LANGUAGE = Language(
    name="c",
    grammar="tree_sitter_c:language",
    extensions=(".c", ".h"),
    definitions=cfamily.DEFINITIONS,
    containers=cfamily.CONTAINERS,
    inside=cfamily.INSIDE,
    imports={"preproc_include": cfamily.include},
    exported=cfamily.exported,
    entry=cfamily.entry,
    renamed=cfamily.tell_header,
    uses="""
        (call_expression function: [(identifier) (field_expression)] @call)
        (call_expression function: (parenthesized_expression (pointer_expression (identifier) @call)))
        (parameter_declaration type: (type_identifier) @type)
        (declaration type: (type_identifier) @type)
        (field_declaration type: (type_identifier) @type)
        (function_definition type: (type_identifier) @type)
        (struct_specifier name: (type_identifier) @type !body)
        (compound_statement (declaration (storage_class_specifier) @_word) @effect.state (#eq? @_word "static"))
        [(if_statement) (for_statement) (while_statement) (do_statement) (case_statement value: (_))
         (conditional_expression) "&&" "||"] @branch
    """,
    effects=cfamily.EFFECTS,
    exits=cfamily.EXITS,
    faults=cfamily.FAULTS,
    ignored=frozenset({"sizeof", "size_t", "offsetof", "uint8_t", "uint16_t", "uint32_t", "uint64_t", "int8_t",
                       "int16_t", "int32_t", "int64_t", "assert", "defined", "ssize_t", "FILE", "va_list"}),
    mention=cfamily.MENTION,
    names_of=longest_word,
    resolve=cfamily.resolve,
    family="c",
    standard=cfamily.STANDARD,
    blanked=cfamily.BLANKED,
    chunk_inside=frozenset({"compound_statement"}),
)  # fmt: skip
