"""Where a new module belongs, and in which language: by its name, by what is said, by where one stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from aiex import plugins
from aiex.errors import StoreError, UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.names import role_of
from aiex.jobs.generating.languages import ROOM
from aiex.jobs.generating.model import Member, Place, Template
from aiex.jobs.generating.naming import refuse_keyword, split_name
from aiex.jobs.generating.project import is_inside

if TYPE_CHECKING:
    from aiex.jobs.generating.project import Project


TITLES = {"javascript": "JavaScript", "typescript": "TypeScript"}
"""Names that are not just capitalised."""


class Chosen(NamedTuple):
    """Where and how."""

    template: Template
    member: Member
    place: Place


class _Named(NamedTuple):
    """What a name says beside its last part."""

    folders: tuple[str, ...]
    stem: str
    extension: str


@cache
def templates() -> tuple[Template, ...]:
    """The languages that code can be made in."""
    return tuple(load_template(name) for name in plugins.names(ROOM))


def load_template(name: str) -> Template:
    """One of them by its name. Raises UsageError if there is none."""
    if name not in plugins.names(ROOM):
        raise UsageError(f"nothing can be made in {printable_path(name)} yet", hint=f"there is: {_listed()}")
    template: Template = plugins.load(ROOM, name, "TEMPLATE").TEMPLATE
    return template


def _listed() -> str:
    return ", ".join(plugins.names(ROOM))


def template_for(path: str) -> Template:
    """The language of a file by its ending. Raises UsageError if there is none."""
    for template in templates():
        if path.endswith(template.extensions):
            return template
    name = printable_path(path.rpartition("/")[2])
    raise UsageError(f"nothing can be made in the language of {name} yet", hint=f"there is: {_listed()}")


def choose(project: Project, name: str, *, into: str, language: str, base: str) -> Chosen:
    """Where a module of this name goes.

    Args:
        name: A name, or a path or dotted name that ends with it.
        into: A directory or a package as typed; empty for none.
        language: As the context engine calls it; empty to find out.
        base: The directory where the person stands, relative to the root; empty for the root.

    Raises:
        UsageError: if there is no such place, several places fit, or the name cannot be one.
    """
    named = _read_name(name)
    words = split_name(named.stem)
    template = load_template(language) if language else None
    if template is None and named.extension:
        template = template_for(f"x{named.extension}")
    if into:
        member, folder = _find_into(project, into, base, template)
        inner, is_chosen = named.folders, folder is not None
    else:
        member, folder, inner = _find_from_name(project, named, base, template)
        is_chosen = folder is not None
    template = template or _language_of(project, member, folder)
    member = _of_ecosystem(project, member, template)
    home = folder if folder is not None else template.home(project, member)
    parts = list(inner)
    if not is_chosen:
        parts = template.inner_folders(parts, home, member)
    _require_folders(parts)
    identifier = template.identifier(words)
    title = TITLES.get(template.name, template.name.capitalize())
    suggestion = template.identifier((*words, "module"))
    refuse_keyword(identifier, template.keywords, title, suggestion=suggestion)
    folder = "/".join(filter(None, [home, *parts]))
    return Chosen(template, member, Place(folder, words, is_chosen, named.extension))


def _require_folders(parts: Sequence[str]) -> None:
    for part in parts:
        if part in ("..", ".") or not re.fullmatch(r"[\w@.-]+", part, re.ASCII):
            raise UsageError(
                f"'{printable_path(part)}' cannot be a folder of code", hint="use letters, digits, - and _"
            )


def _read_name(name: str) -> _Named:
    """The folders before a name, the name, and the ending that tells the language."""
    plain = name.strip().replace("\\", "/")
    extension = next(
        (one for template in templates() for one in template.extensions if plain.endswith(one) and plain != one), ""
    )
    plain = plain.removesuffix(extension)
    parts = [part for part in re.split(r"/|::", plain) if part not in ("", ".")]
    if len(parts) == 1 and re.fullmatch(r"[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+", parts[0]):
        parts = parts[0].split(".")
    if not parts:
        raise UsageError("no name given", hint="aiex gen module NAME")
    if ".." in parts or plain.startswith("/"):
        raise UsageError(f"'{printable_path(name)}' leads out of the project", hint="use --in DIR to name a directory")
    return _Named(tuple(parts[:-1]), parts[-1], extension)


# --- packages -------------------------------------------------------------------------------------------------------


def _find_into(project: Project, into: str, base: str, template: Template | None) -> tuple[Member, str | None]:
    """The package that is meant, and the folder where that is said too."""
    folder = _folder_of(project, into, base)
    if folder is not None:
        member = project.member_of(folder, template.ecosystem if template else "")
        at_root = any(folder == one.folder for one in project.packages.members)
        return (member, None) if at_root and folder else (member, folder)
    if found_member := _member_named(project, into, template):
        return found_member, None
    dotted = into.replace(".", "/")
    found = [one for one in project.folders if one == dotted or one.endswith("/" + dotted)] if "." in into else []
    if len(found) == 1:
        return project.member_of(found[0], template.ecosystem if template else ""), found[0]
    names = ", ".join(printable_path(_label(member)) for member in project.packages.members)
    hint = f"the packages here are {names}" if names else "make the directory first, or name one that is there"
    raise UsageError(f"no directory or package '{printable_path(into)}'", hint=hint)


def _folder_of(project: Project, said: str, base: str) -> str | None:
    """A directory by its path from where the person stands, or from the root."""
    for start in dict.fromkeys([base, ""]):
        try:
            path = project.workspace.relative(f"{project.workspace.root}/{start}/{said}" if start else said)
            kind = project.workspace.stat(path).kind
        except StoreError:
            continue
        if kind == "dir":
            return "" if path == "." else path
        if kind == "file":
            raise UsageError(f"{printable_path(said)} is a file", hint="--in takes a directory or a package")
    return None


def _member_named(project: Project, said: str, template: Template | None) -> Member | None:
    wanted = _plain(said)
    found = [
        member
        for member in project.packages.members
        if wanted in (_plain(member.name), _plain(member.name.rpartition("/")[2]), _plain(_last(member.folder)))
        and (template is None or member.ecosystem == template.ecosystem)
    ]
    if len({member.folder for member in found}) > 1:
        listed = ", ".join(sorted(printable_path(member.folder or ".") for member in found))
        raise UsageError(f"several packages are called {printable_path(said)}: {listed}", hint="name the directory")
    return found[0] if found else None


def _last(folder: str) -> str:
    return folder.rpartition("/")[2]


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _find_from_name(
    project: Project, named: _Named, base: str, template: Template | None
) -> tuple[Member, str | None, tuple[str, ...]]:
    """The package of a name, the folder where it says one, and the folders inside."""
    first = named.folders[0] if named.folders else ""
    if first:
        folder = _folder_of(project, first, base)
        if folder:
            return _at(project, folder, named.folders[1:], template)
        if member := _member_named(project, first, template):
            return member, None, named.folders[1:]
    member, folder = _find_around(project, base, template)
    return member, folder, named.folders


def _at(
    project: Project, folder: str, inner: tuple[str, ...], template: Template | None
) -> tuple[Member, str | None, tuple[str, ...]]:
    """A folder that is there, with the folders beneath; the root of a package stands for where its code lies."""
    while inner and "/".join(filter(None, [folder, inner[0]])) in project.folders:
        folder, inner = f"{folder}/{inner[0]}", inner[1:]
    member = project.member_of(folder, template.ecosystem if template else "")
    if member.folder == folder and folder and not inner:
        return member, None, ()
    return member, folder, inner


def _find_around(project: Project, base: str, template: Template | None) -> tuple[Member, str | None]:
    """The package where the person stands, and the folder where that has code; else the only package there is.

    Raises:
        UsageError: if there are several.
    """
    ecosystem = template.ecosystem if template else ""
    members = [one for one in project.packages.members if ecosystem in ("", one.ecosystem)]
    around = [one for one in members if base == one.folder or is_inside(base, one.folder)]
    if around:
        member = max(around, key=lambda one: len(one.folder))
        stands_in_code = base != member.folder and any(
            path.rpartition("/")[0] == base and role_of(path, "c") == "code" for path in project.paths
        )
        return member, base if stands_in_code and template is None and _has_code(project, base) else None
    beneath = [one for one in members if is_inside(one.folder, base)]
    if len({one.folder for one in beneath}) > 1:
        listed = ", ".join(printable_path(_label(member)) for member in beneath)
        hint = f"say which: --in {printable_path(_label(beneath[0]))}"
        raise UsageError(f"there are {len(beneath)} packages here: {listed}", hint=hint)
    return (beneath[0] if beneath else project.member_of(base, ecosystem)), None


def _has_code(project: Project, folder: str) -> bool:
    endings = tuple(ending for template in templates() for ending in template.extensions)
    return any(path.rpartition("/")[0] == folder and path.endswith(endings) for path in project.paths)


def _label(member: Member) -> str:
    """What a person can say to mean a package."""
    return member.folder or member.name


# --- the language ---------------------------------------------------------------------------------------------------


def _language_of(project: Project, member: Member, folder: str | None) -> Template:
    """The language of most code in a folder, else of the package.

    Raises:
        UsageError: if nothing tells, or several languages have manifests or code there.
    """
    if folder:
        counted = _count(project, [path for path in project.paths if path.rpartition("/")[0] == folder])
        if counted and len(counted) == 1:
            return counted[0][1]
    kinds = {one.ecosystem for one in project.packages.members if one.folder == member.folder and one.ecosystem}
    inside = [path for path in project.paths if is_inside(path, member.folder) and role_of(path, "c") == "code"]
    counted = _count(project, inside)
    fitting = [template for _, template in counted if not kinds or template.ecosystem in kinds]
    if not fitting:
        fitting = [one for one in templates() if one.ecosystem in kinds and one.is_first]
    if len({one.ecosystem for one in fitting}) == 1:
        return _of_family(project, member, fitting)
    if not fitting:
        raise UsageError("there is no code here that shows a language", hint=f"say which: --language {_listed()}")
    listed = ", ".join(one.name for one in fitting)
    raise UsageError(f"there is code in several languages here: {listed}", hint=f"--language {fitting[0].name}")


def _count(project: Project, paths: Sequence[str]) -> list[tuple[int, Template]]:
    """How many files each language has there, most first."""
    counted = [(sum(path.endswith(one.extensions) for path in paths), one) for one in templates()]
    return sorted(((count, one) for count, one in counted if count), key=lambda pair: -pair[0])


def _of_family(project: Project, member: Member, fitting: Sequence[Template]) -> Template:
    """TypeScript where a `tsconfig.json` says so, else the language of most code."""
    if fitting[0].ecosystem == "node":
        beneath = f"{member.folder}/" if member.folder else ""
        if project.has(f"{beneath}tsconfig.json") or (beneath and project.has("tsconfig.json")):
            return load_template("typescript")
    return fitting[0]


def _of_ecosystem(project: Project, member: Member, template: Template) -> Member:
    """The package of the language, where several kinds of packages share a folder."""
    if member.ecosystem in ("", template.ecosystem):
        return member
    same = [one for one in project.packages.members if one.ecosystem == template.ecosystem]
    exact = [one for one in same if one.folder == member.folder]
    return exact[0] if exact else Member(member.folder, member.name, "", "")
