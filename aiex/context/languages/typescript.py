"""TypeScript."""

from aiex.context.ecmascript.typed import typed_language

LANGUAGE = typed_language(
    name="typescript",
    grammar="tree_sitter_typescript:language_typescript",
    extensions=(".ts", ".mts", ".cts"),
    interpreters=("deno", "tsx", "ts-node"),
)
