"""What build files say: commands a package offers, and the packages it requires. Never runs them.

One reader per file name; a damaged file says nothing.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from aiex.jobs.briefing.model import Place
from aiex.jobs.briefing.overview import EntryPoint, External

_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_MAKE_TARGET = re.compile(r"^([A-Za-z][\w.-]*)\s*:(?![=:])(?:[^#\n]*(?:##?\s*(.*))?)", re.MULTILINE)
_MAX_TARGETS = 12
_KNOWN_SCRIPTS = ("start", "dev", "serve", "build", "test", "lint", "check", "typecheck", "format")


class Manifest(NamedTuple):
    """What one build file says."""

    path: str
    about: "About"
    entry_points: tuple[EntryPoint, ...]
    external: tuple[External, ...]


class About(NamedTuple):
    """What the project calls itself; empty where the file does not say."""

    name: str
    description: str


Said = Iterator[EntryPoint | External | About]


def read_manifest(path: str, source: bytes) -> Manifest:
    """Read a build file by its name; empty for other files and for damaged ones."""
    reader = reader_for(path)
    if reader is None:
        return Manifest(path, About("", ""), (), ())
    text = source.decode("utf-8", "replace")
    try:
        said = list(reader(path, text))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = []
    return Manifest(
        path,
        next((item for item in said if isinstance(item, About)), About("", "")),
        tuple(item for item in said if isinstance(item, EntryPoint)),
        tuple(item for item in said if isinstance(item, External)),
    )


def reader_for(path: str) -> Callable[[str, str], Said] | None:
    """The function that reads a build file of this name."""
    name = path.rsplit("/", 1)[-1]
    if name in _READERS:
        return _READERS[name]
    if name.startswith("requirements") and name.endswith((".txt", ".in")):
        return _requirements
    if name.startswith("Dockerfile"):
        return _dockerfile
    return None


def _line(text: str, wanted: str) -> int:
    """The first line with these words on their own."""
    found = re.search(rf"(?<![\w-]){re.escape(wanted)}(?![\w-])", text)
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _needs(path: str, text: str, name: str, required: str) -> External:
    return External(name, " ".join(required.split()), Place(path, _line(text, name)), 0, None)


def _command(path: str, text: str, kind: str, name: str, what: str) -> EntryPoint:
    return EntryPoint(kind, name, what, Place(path, _line(text, what) if what in text else _line(text, name)))


def _requirement(path: str, text: str, written: str) -> Iterator[External]:
    match = _REQUIREMENT.match(written)
    if match:
        yield _needs(path, text, match[1], match[2].strip(" ()"))


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _version(value: Any) -> str:
    return value if isinstance(value, str) else str(_table(value).get("version", ""))


def _about(table: dict[str, Any]) -> About:
    name, description = table.get("name"), table.get("description")
    return About(name if isinstance(name, str) else "", description if isinstance(description, str) else "")


def _pyproject(path: str, text: str) -> Said:
    from aiex.configfile import read_toml

    data = read_toml(text)
    project = _table(data.get("project"))
    poetry = _table(_table(data.get("tool")).get("poetry"))
    yield _about(project or poetry)
    for kind in ("scripts", "gui-scripts"):
        for name, what in _table(project.get(kind)).items():
            yield _command(path, text, "console script", name, str(what))
    for name, what in _table(poetry.get("scripts")).items():
        yield _command(path, text, "console script", name, str(what))
    for written in project.get("dependencies", ()):
        yield from _requirement(path, text, str(written))
    for name, value in _table(poetry.get("dependencies")).items():
        if name != "python":
            yield _needs(path, text, name, _version(value))


def _setup_cfg(path: str, text: str) -> Said:
    import configparser

    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read_string(text)
    except configparser.Error:
        return
    yield About(config.get("metadata", "name", fallback=""), config.get("metadata", "description", fallback=""))
    for line in config.get("options.entry_points", "console_scripts", fallback="").splitlines():
        name, _, what = line.partition("=")
        if what:
            yield _command(path, text, "console script", name.strip(), what.strip())
    for line in config.get("options", "install_requires", fallback="").splitlines():
        yield from _requirement(path, text, line)


def _setup_py(path: str, text: str) -> Said:
    said = dict(re.findall(r"\b(name|description)\s*=\s*[\"']([^\"'\n]+)[\"']", text))
    yield _about(said)
    listed = re.search(r"(?:install_requires|requires)\s*=\s*\[(.*?)\]", text, re.DOTALL)
    for written in re.findall(r"[\"']([^\"'\n]+)[\"']", listed[1]) if listed else ():
        yield from _requirement(path, text, written)
    for name, what in re.findall(r"[\"']\s*([\w.-]+)\s*=\s*([\w.]+:[\w.]+)\s*[\"']", text):
        yield _command(path, text, "console script", name, what)


def _requirements(path: str, text: str) -> Said:
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith(("#", "-", "http", "git+")):
            yield from _requirement(path, text, line)


def _package_json(path: str, text: str) -> Said:
    data = _table(json.loads(text))
    yield _about(data)
    binaries = data.get("bin")
    if isinstance(binaries, str):
        yield _command(path, text, "command", str(data.get("name", "")) or "bin", binaries)
    for name, what in _table(binaries).items():
        yield _command(path, text, "command", name, str(what))
    for kind in ("main", "module"):
        if isinstance(data.get(kind), str):
            yield _command(path, text, "package entry", kind, data[kind])
    scripts = sorted(_table(data.get("scripts")).items(), key=lambda item: item[0] not in _KNOWN_SCRIPTS)
    for name, what in scripts[:_MAX_TARGETS]:
        yield _command(path, text, "npm script", name, str(what))
    for kind, note in (("dependencies", ""), ("peerDependencies", " (peer)"), ("devDependencies", " (dev)")):
        for name, value in _table(data.get(kind)).items():
            yield _needs(path, text, name, f"{value}{note}")


def _cargo(path: str, text: str) -> Said:
    from aiex.configfile import read_toml

    data = read_toml(text)
    yield _about(_table(data.get("package")))
    for kind in ("bin", "example"):
        for item in data.get(kind, ()):
            name = str(_table(item).get("name", kind))
            yield _command(path, text, f"cargo {kind}", name, str(_table(item).get("path", "")))
    for table in (data, *_table(data.get("target")).values()):
        for kind, note in (("dependencies", ""), ("dev-dependencies", " (dev)"), ("build-dependencies", " (build)")):
            for name, value in _table(_table(table).get(kind)).items():
                optional = " (optional)" if _table(value).get("optional") else ""
                yield _needs(path, text, name, _version(value) + optional + note)


def _go_mod(path: str, text: str) -> Said:
    for line in re.findall(r"^\s*(?:require\s+)?([\w.-]+\.[\w.-]+/\S+\s+v\S+.*)$", text, re.MULTILINE):
        if "// indirect" not in line:
            name, version = line.split()[:2]
            yield _needs(path, text, name, version)


def _gemfile(path: str, text: str) -> Said:
    for name, version in re.findall(r"^\s*gem\s+[\"']([\w-]+)[\"'](?:\s*,\s*[\"']([^\"']+)[\"'])?", text, re.MULTILINE):
        yield _needs(path, text, name, version)


def _mix(path: str, text: str) -> Said:
    said = re.search(r"\bdescription:?\s+\"([^\"]+)\"", text)
    yield About("", said[1] if said else "")
    for name, version in re.findall(r"\{\s*:(\w+)\s*,\s*\"([^\"]+)\"", text):
        yield _needs(path, text, name, version)
    started = re.search(r"mod:\s*\{\s*([\w.]+)", text)
    if started:
        yield _command(path, text, "application", started[1], "started by the runtime")


def _pom(path: str, text: str) -> Said:
    for block in re.findall(r"<dependency>(.*?)</dependency>", text, re.DOTALL):
        group, name, version = (re.search(rf"<{tag}>\s*([^<]+)", block) for tag in ("groupId", "artifactId", "version"))
        if name:
            written = f"{group[1].strip()}:{name[1].strip()}" if group else name[1].strip()
            yield External(written, version[1].strip() if version else "", Place(path, _line(text, name[1])), 0, None)


def _gradle(path: str, text: str) -> Said:
    for written in re.findall(r"\b(?:implementation|api|compileOnly)[ (]+[\"']([^\"']+:[^\"']+)[\"']", text):
        name, _, version = written.rpartition(":")
        yield External(name, version, Place(path, _line(text, written)), 0, None)


def _makefile(path: str, text: str) -> Said:
    targets = [(name, said) for name, said in _MAKE_TARGET.findall(text) if not name.startswith(".")]
    for name, said in targets[:_MAX_TARGETS]:
        at = re.search(rf"^{re.escape(name)}\s*:", text, re.MULTILINE)
        line = text.count("\n", 0, at.start()) + 1 if at else 1
        yield EntryPoint("make target", name, said.strip(), Place(path, line))


def _dockerfile(path: str, text: str) -> Said:
    for number, line in enumerate(text.splitlines(), 1):
        word, _, what = line.strip().partition(" ")
        if word in ("ENTRYPOINT", "CMD"):
            yield EntryPoint("container", word, what.strip(), Place(path, number))


def _procfile(path: str, text: str) -> Said:
    for number, line in enumerate(text.splitlines(), 1):
        name, found, what = line.partition(":")
        if found and name.strip().isidentifier():
            yield EntryPoint("process", name.strip(), what.strip(), Place(path, number))


_READERS: dict[str, Callable[[str, str], Said]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _setup_cfg,
    "setup.py": _setup_py,
    "package.json": _package_json,
    "Cargo.toml": _cargo,
    "go.mod": _go_mod,
    "Gemfile": _gemfile,
    "mix.exs": _mix,
    "pom.xml": _pom,
    "build.gradle": _gradle,
    "build.gradle.kts": _gradle,
    "Makefile": _makefile,
    "GNUmakefile": _makefile,
    "Procfile": _procfile,
}
