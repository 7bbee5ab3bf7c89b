"""Where Python packages and tests lie, and what is imported by which name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from aiex.errors import UsageError
from aiex.guard.neutral import printable_path
from aiex.jobs.briefing.names import role_of
from aiex.jobs.generating.placing import Layout, find_layout
from aiex.jobs.generating.project import is_inside

if TYPE_CHECKING:
    from aiex.jobs.generating.kit import Kit
    from aiex.jobs.generating.model import Member
    from aiex.jobs.generating.project import Project

PATTERNS = ("test_{}", "{}_test", "tests_{}")
_NO_TEST_OF_CODE = ("conftest.py", "__init__.py")


def find_tops(project: Project, member: Member) -> list[str]:
    """The folders of the outermost packages: `src/shop`, `shop`; tests, examples and documentation are none."""
    found = []
    for path in project.files_of(member, (".py",)):
        folder, _, name = path.rpartition("/")
        if name != "__init__.py" or not folder or folder == member.folder or role_of(f"{folder}/x.py", "c") != "code":
            continue
        if not project.has(f"{folder.rpartition('/')[0]}/__init__.py".lstrip("/")):
            found.append(folder)
    return sorted(found)


def choose_top(project: Project, member: Member) -> str:
    """The package that a new module goes to; empty folder names mean modules without a package.

    Raises:
        UsageError: if there are several, and none is named after the project.
    """
    tops = find_tops(project, member)
    if not tops:
        return default_home(project, member)
    if len(tops) == 1:
        return tops[0]
    wanted = re.sub(r"[-.]+", "_", member.name).lower()
    named = [top for top in tops if top.rpartition("/")[2].lower() == wanted]
    if len(named) == 1:
        return named[0]
    listed = ", ".join(map(printable_path, tops))
    raise UsageError(f"there are {len(tops)} packages: {listed}", hint=f"say which: --in {printable_path(tops[0])}")


def default_home(project: Project, member: Member) -> str:
    """Where modules go that are in no package: `src` where code is there, else the folder of the project."""
    source = f"{member.folder}/src".lstrip("/")
    modules = [path for path in project.files_of(member, (".py",)) if role_of(path, "c") == "code"]
    return source if source in project.folders and any(is_inside(path, source) for path in modules) else member.folder


def find_roots(kit: Kit) -> list[str]:
    """Folders that code lies beneath: those that are imported from, then the packages in them."""
    tops = find_tops(kit.project, kit.member)
    source = f"{kit.member.folder}/src".lstrip("/")
    above = {top.rpartition("/")[0] for top in tops} | {default_home(kit.project, kit.member)}
    return sorted({*above, *tops, *([source] if source in kit.project.folders else [])})


def import_name(project: Project, path: str) -> str:
    """What imports a file: its path from the folder above its outermost package on, with dots.

    Raises:
        UsageError: if a part of it is no identifier.
    """
    folder, _, _name = path.rpartition("/")
    above = folder
    while above and project.has(f"{above}/__init__.py"):
        above = above.rpartition("/")[0]
    if above == folder:  # a module in no package, or one of a package without `__init__.py`
        above = _import_root(project, folder)
    inner = path[len(above) :].lstrip("/").removesuffix(".py").removesuffix("/__init__")
    parts = inner.split("/")
    wrong = next((part for part in parts if not part.isidentifier()), "")
    if wrong:
        message = f"{printable_path(path)} cannot be imported: '{printable_path(wrong)}' is no identifier"
        raise UsageError(message, hint="give the file a name of letters, digits and underscores")
    return ".".join(parts)


def _import_root(project: Project, folder: str) -> str:
    """The folder that a file without a package is imported from: `src`, or that of the project."""
    member = project.member_of(folder, "python")
    source = f"{member.folder}/src".lstrip("/")
    if folder == source or folder.startswith(source + "/"):
        return source
    return member.folder


def test_layout(kit: Kit) -> tuple[Layout, list[str]]:
    """Where tests are, and the folders that code lies beneath; noted as a convention."""
    tests = [path for path in kit.test_files() if path.rpartition("/")[2] not in _NO_TEST_OF_CODE]
    tests = [path for path in tests if re.match(r"tests?_|.*_tests?\.py\Z", path.rpartition("/")[2])]
    sources = [path for path in kit.project.files_of(kit.member, (".py",)) if role_of(path, "c") == "code"]
    roots = find_roots(kit)
    default = Layout(f"{kit.member.folder}/tests".lstrip("/"), "flat", PATTERNS[0], "default")
    folders = [one for one in ("tests", "test") if f"{kit.member.folder}/{one}".lstrip("/") in kit.project.folders]
    if folders:
        default = default._replace(base=f"{kit.member.folder}/{folders[0]}".lstrip("/"), evidence="its folder")
    layout = find_layout(tests, sources, patterns=PATTERNS, roots=roots, default=default)
    where = {".": "beside the code"}.get(layout.base, layout.base or ".")
    mirrored = ", with the folders of the code" if layout.is_mirrored else ""
    kit.note("tests are in", f"{where}{mirrored}", layout.evidence)
    kit.note("tests are named", f"{layout.pattern.format('NAME')}.py", layout.evidence)
    return layout, roots


def run_command(kit: Kit, path: str, framework: str) -> str:
    """How the tests are run, by the tool that looks after the project."""
    folder = kit.member.folder
    shown = path[len(folder) :].lstrip("/") if folder else path
    runner = f"pytest {shown}"
    if framework == "unittest":
        runner = f"python -m unittest {shown}"
    beneath = f"{folder}/" if folder else ""
    tool = kit.project.toml(f"{beneath}pyproject.toml").get("tool", {})
    if kit.project.has(f"{beneath}uv.lock") or kit.project.has("uv.lock") or "uv" in tool:
        runner = f"uv run {runner}"
    elif kit.project.has(f"{beneath}poetry.lock") or "poetry" in tool:
        runner = f"poetry run {runner}"
    elif framework != "unittest":
        runner = f"python -m {runner}"
    return f"cd {folder} && {runner}" if folder else runner


def needs_path(kit: Kit, path: str) -> bool:
    """Whether the code lies where nothing that is configured makes it importable by itself: in `src`, not installed."""
    beneath = f"{kit.member.folder}/" if kit.member.folder else ""
    if not path.startswith(f"{beneath}src/"):
        return False
    data = kit.project.toml(f"{beneath}pyproject.toml")
    configured = data.get("tool", {}).get("pytest", {})
    said = configured.get("ini_options", configured) if isinstance(configured, dict) else {}
    others: Sequence[str] = [kit.project.read(f"{beneath}{name}") for name in ("pytest.ini", "tox.ini", "setup.cfg")]
    return not ((isinstance(said, dict) and "pythonpath" in said) or any("pythonpath" in text for text in others))
