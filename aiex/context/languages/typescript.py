"""TypeScript."""

from aiex.context.ecmascript.typed import typed_language

LANGUAGE = typed_language("typescript", "language_typescript", (".ts", ".mts", ".cts"))
