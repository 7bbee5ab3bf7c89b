"""Text that did not come from a file of the workspace, looked at as if it had."""

from typing import TYPE_CHECKING, Any

from aiex.context.facts import FileFacts
from aiex.jobs.briefing.material import Material

if TYPE_CHECKING:
    from aiex.context.engine import Engine


class LooseText:
    """An engine that knows one path by the given text, and everything else by the engine behind it."""

    def __init__(self, engine: "Engine", material: Material) -> None:
        self._engine = engine
        self._material = material

    def facts(self, path: str) -> FileFacts:
        """The facts of the text, or of another file."""
        return self._material.facts if path == self._material.path else self._engine.facts(path)

    def source(self, path: str) -> bytes:
        """The text, or the content of another file."""
        return self._material.source if path == self._material.path else self._engine.source(path)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)
