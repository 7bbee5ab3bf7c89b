"""TypeScript with JSX: a grammar of its own, since `<T>x` means a type assertion without it."""

from aiex.context.ecmascript.typed import typed_language
from aiex.context.ecmascript.uses import JSX

LANGUAGE = typed_language(
    name="tsx",
    grammar="tree_sitter_typescript:language_tsx",
    extensions=(".tsx",),
    uses=JSX,
)
