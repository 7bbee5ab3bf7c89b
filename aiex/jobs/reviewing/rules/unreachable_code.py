"""Statements behind one that always leaves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiex.jobs.reviewing.calls import ECMASCRIPT
from aiex.jobs.reviewing.diff import FileChange
from aiex.jobs.reviewing.model import Hit, Rule

_LEAVING = frozenset(
    (
        *("return_statement", "raise_statement", "throw_statement", "break_statement", "continue_statement"),
        *("return_expression", "break_expression", "continue_expression"),
    )
)
_HARMLESS = frozenset(
    (
        *("function_declaration", "generator_function_declaration", "class_declaration", "variable_declaration"),
        *("labeled_statement", "empty_statement", "function_item", "line_comment", "block_comment", "comment"),
        *(
            "type_alias_declaration",
            "interface_declaration",
            "use_declaration",
            "const_item",
            "struct_item",
            "enum_item",
        ),
    )
)
"""Declarations that count wherever they stand, labels that are jumped to, and what is no statement."""
_PARTED = frozenset({"attribute_item", "inner_attribute_item"})
"""Before a statement they say when it is compiled at all."""
_BLOCKS = ("block", "statement_block", "statement_list", "module", "program")
_LANGUAGES = frozenset({"python", "go", "java", "rust", *ECMASCRIPT})


def _find(change: FileChange) -> Iterator[Hit]:
    if change.new is None or change.language not in _LANGUAGES:
        return
    for block in change.touched(*_BLOCKS):
        left: Any = None
        for child in block.named_children:
            if left is not None and child.type not in _HARMLESS:
                if _is_new(change, left, child) and not _is_yield(child):
                    yield change.hit(child, f"nothing gets here: line {left.start_point[0] + 1} always leaves")
                break
            if (
                left is None
                and _leaves(child)
                and (child.prev_sibling is None or child.prev_sibling.type not in _PARTED)
            ):
                left = child


def _leaves(node: Any) -> bool:
    if node.type == "expression_statement" and node.named_child_count == 1:
        node = node.named_children[0]
    return node.type in _LEAVING


def _is_new(change: FileChange, left: Any, child: Any) -> bool:
    return left.start_point[0] + 1 in change.added or child.start_point[0] + 1 in change.added


def _is_yield(node: Any) -> bool:
    """`return` and then `yield` makes a generator that gives nothing."""
    return node.type == "expression_statement" and any(child.type == "yield" for child in node.named_children)


RULE = Rule(
    "warning",
    "Code that is never reached",
    "It looks as if it did something. Often the statement before it stands one level too far out.",
    in_file=_find,
    known_as=("no-unreachable", "W0101"),
)
