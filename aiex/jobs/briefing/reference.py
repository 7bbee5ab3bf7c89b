"""The reference page on the JSON form of a briefing, from the classes that define it; `make docs` writes it."""

import ast
import inspect
from collections.abc import Iterator
from types import ModuleType

from aiex.jobs.briefing import model, overview
from aiex.jobs.briefing.directory import MOST_HOT_SPOTS, MOST_LARGE
from aiex.jobs.briefing.flow import MAX_STEPS
from aiex.jobs.briefing.history import COMMITS, MOST_TOGETHER
from aiex.jobs.briefing.material import EXCERPT_LINES
from aiex.jobs.briefing.model import SCHEMA

PAGE = "briefing.md"
_HIDDEN = frozenset({"Briefing"})
"""Classes without a table of their own: the fields of `Briefing` are the sections."""

HEAD = f"""# The briefing as data

<!-- Made from the classes of a briefing by `make docs`; do not edit. -->

`aiex explain TARGET -o json` gives the whole briefing in `structured_output`, in a stable order.

- `schema` is `{SCHEMA}`. Fields may be added under the same name; a change of meaning gets a new number.
- `method` says what kind of knowledge this is and what it cannot see.
- The fields of `Subject` stand at the top, beside the sections. A section that does not apply is left out; one that
  applies and found nothing is empty.
- Lines count from 1, ranges include their last line, paths are relative to the root and use `/`.
- Lists are whole, but for the flow ({MAX_STEPS} steps; `left_out` counts the rest), the commits that were read
  ({COMMITS} of a file, {2 * COMMITS} of a directory), the files they changed most ({MOST_TOGETHER}), the hot spots
  ({MOST_HOT_SPOTS}) and largest files ({MOST_LARGE}) of a directory, and `source` ({EXCERPT_LINES} lines;
  `end_line` says how far it goes).
- `answer` is the text for a person and `complete` says whether it is whole.
- With a model, and with `--explain`, `code` lists the code around the target that was or would be sent, in the order of
  the text: `path`, `start_line`, `end_line`, `level` (whole, code, elided, signature or outline), `why` (a list of
  reasons: `calls X`, `may call X` when only the name agrees, `uses X`, `tests it`, `called by it`, `imports it`) and
  `tokens`.
- With `--explain`, `request` holds what would be sent: `model`, `budget_tokens`, `tokens`, `exact`, `sent` (false),
  `cut`, and `parts` with role, title, tokens and text.
"""


def render_page() -> str:
    """The page as Markdown."""
    classes = [found for module in (model, overview) for found in _classes(module)]
    sections = next(found for found in classes if found.name == "Briefing")
    rows = [HEAD, "## Sections", "", "| field | value | meaning |", "|---|---|---|"]
    rows += [row for row in _fields(sections) if not row.startswith("| `subject` ")]
    for found in classes:
        if found.name not in _HIDDEN:
            rows += ["", f"## {found.name}", "", ast.get_docstring(found) or "", ""]
            rows += ["| field | value | meaning |", "|---|---|---|", *_fields(found)]
    return "\n".join(rows) + "\n"


def _classes(module: ModuleType) -> Iterator[ast.ClassDef]:
    tree = ast.parse(inspect.getsource(module))
    yield from (node for node in tree.body if isinstance(node, ast.ClassDef))


def _fields(found: ast.ClassDef) -> Iterator[str]:
    for node, following in zip(found.body, [*found.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield f"| `{node.target.id}` | {_kind(node.annotation)} | {_said(following)} |"


def _kind(annotation: ast.expr) -> str:
    text = ast.unparse(annotation).strip("'\"").removesuffix(" | None")
    optional = " or null" if ast.unparse(annotation).endswith("| None") and text == "Place" else ""
    if text.startswith("tuple["):
        inner = text.removeprefix("tuple[").removesuffix(", ...]").strip("'\"")
        return f"list of {_NAMES.get(inner, inner)}"
    return _NAMES.get(text, text) + optional


_NAMES = {
    "str": "text",
    "int": "number",
    "bool": "true or false",
    "Kind": "text",
    "tuple[str, int]": "[text, number]",
    "tuple[str, ...]": "lists of text",
}


def _said(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split()).replace("|", "\\|")
    return ""
