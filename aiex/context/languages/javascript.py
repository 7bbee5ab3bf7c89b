"""JavaScript, with JSX."""

from aiex.context.ecmascript import definitions, exports, imports, paths, uses
from aiex.context.language import Language

LANGUAGE = Language(
    name="javascript",
    grammar="tree_sitter_javascript:language",
    extensions=(".js", ".mjs", ".cjs", ".jsx", ".es6"),
    filenames=("Jakefile",),
    interpreters=("node", "nodejs", "bun"),
    definitions={**definitions.DEFINITIONS, "field_definition": definitions.class_field},
    containers=definitions.CONTAINERS,
    inside=uses.INSIDE,
    wrappers=frozenset({"export_statement"}),
    attached=frozenset({"decorator"}),
    comments=exports.COMMENTS,
    imports=imports.IMPORTS,
    inner_imports=imports.INNER_IMPORTS,
    inner_import_signs=uses.IMPORT_SIGNS,
    exported=exports.is_exported,
    public=exports.public_names,
    entry=exports.entry_line,
    uses=uses.USES + uses.JSX + "(class_heritage [(identifier) (member_expression)] @inherit)",
    effects=uses.EFFECTS,
    exits=uses.EXITS,
    ignored=uses.IGNORED,
    mention=paths.MENTION,
    names_of=paths.names_of,
    resolve=paths.resolve,
    family="ecmascript",
    standard=uses.STANDARD | frozenset("node:" + name for name in uses.STANDARD),
    self_names=frozenset({"this", "self", "that"}),
    chunk_inside=uses.CHUNK_INSIDE,
)
