"""Docstrings in the style of the project: Google, NumPy, reST, or plain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from aiex.jobs.generating.model import Documented
from aiex.jobs.generating.project import most

Form = Literal["google", "numpy", "rest", "plain"]
FORMS: tuple[Form, ...] = ("google", "numpy", "rest", "plain")
TODO = "TODO"
_GOOGLE = re.compile(r"(?m)^[ \t]+(?:Args|Arguments|Returns|Raises|Yields):[ \t]*\n[ \t]+\S")
_NUMPY = re.compile(r"(?m)^[ \t]+(?:Parameters|Returns|Raises|Yields)[ \t]*\n[ \t]+-{3,}[ \t]*$")
_REST = re.compile(r"(?m)^[ \t]+:(?:param|returns?|raises?|rtype|type)\b[^\n:]*:")
_DOCSTRING = re.compile(r'(?m)^[ \t]*(?:async[ \t]+)?(?:def|class)\b[^\n]*(?:\n[^\n"\']*)*?:[ \t]*\n[ \t]+[rR]?"""')


def find_form(texts: Sequence[str]) -> tuple[Form, str]:
    """The style that most files with docstrings of parts have; plain where none has such parts."""
    votes = []
    for text in texts:
        counted = {
            "google": len(_GOOGLE.findall(text)),
            "numpy": len(_NUMPY.findall(text)),
            "rest": len(_REST.findall(text)),
        }
        best = max(counted, key=lambda form: counted[form])
        if counted[best]:
            votes.append(best)
    winner, evidence = most(votes)
    for form in FORMS:
        if form == winner:
            return form, evidence
    if any(_DOCSTRING.search(text) for text in texts):
        return "plain", "docstrings without parts"
    return "google", ""


def render_docstring(
    form: Form, said: Documented, *, summary: str, indent: str, step: str, types_in_signature: bool
) -> list[str]:
    """The lines of a docstring, indented.

    Args:
        summary: Its first line.
        indent: Of the body that it stands in.
        step: One step of indentation.
        types_in_signature: Whether types are annotated, so that they are not repeated.
    """
    if form == "plain":
        body: list[str] = []
    elif form == "google":
        body = _google(said, step, types_in_signature=types_in_signature)
    elif form == "numpy":
        body = _numpy(said, step)
    else:
        body = _rest(said)
    if not body:
        return [f'{indent}"""{summary}"""']
    lines = [f'"""{summary}', "", *body, '"""']
    return [f"{indent}{line}" if line else "" for line in lines]


def _google(said: Documented, step: str, *, types_in_signature: bool) -> list[str]:
    parts: list[list[str]] = []
    if said.parameters:
        rows = []
        for one in said.parameters:
            shown = f"{one.mark}{one.name}" if one.mark in ("*", "**") else one.name
            typed = f" ({one.type})" if one.type and not types_in_signature else ""
            rows.append(f"{step}{shown}{typed}: {TODO}")
        parts.append(["Args:", *rows])
    if said.returns:
        parts.append(["Returns:", f"{step}{TODO}"])
    if said.raises:
        parts.append(["Raises:", *(f"{step}{error}: {TODO}" for error in said.raises)])
    return _join(parts)


def _numpy(said: Documented, step: str) -> list[str]:
    parts: list[list[str]] = []
    if said.parameters:
        rows = []
        for one in said.parameters:
            shown = f"{one.mark}{one.name}" if one.mark in ("*", "**") else one.name
            optional = ", optional" if one.default else ""
            rows += [f"{shown} : {one.type}{optional}" if one.type else shown, f"{step}{TODO}"]
        parts.append(["Parameters", "----------", *rows])
    if said.returns:
        parts.append(["Returns", "-------", said.returns if said.returns != "?" else "object", f"{step}{TODO}"])
    if said.raises:
        rows = [line for error in said.raises for line in (error, f"{step}{TODO}")]
        parts.append(["Raises", "------", *rows])
    return _join(parts)


def _rest(said: Documented) -> list[str]:
    rows = [f":param {one.name}: {TODO}" for one in said.parameters]
    rows += [f":returns: {TODO}"] if said.returns else []
    return rows + [f":raises {error}: {TODO}" for error in said.raises]


def _join(parts: Sequence[list[str]]) -> list[str]:
    """The parts with a blank line between them."""
    lines: list[str] = []
    for part in parts:
        lines += ["", *part] if lines else part
    return lines
