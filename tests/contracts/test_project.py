"""The pages and files around the code say what is so."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import aiex
from aiex.eventlines import to_body
from aiex.events import SessionStarted, TurnEnded
from aiex.messages import Usage
from tests.fakes.tables import each

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LOCKS = ["requirements.lock", "requirements-dev.lock"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return normal(match.group())


def locked(lock: str) -> dict[str, list[str]]:
    """Package -> hashes."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in (ROOT / lock).read_text(encoding="utf-8").splitlines():
        if pin := re.match(r"([A-Za-z0-9._-]+)==\S+", line):
            name = normal(pin.group(1))
            found[name] = []
        elif hashed := re.search(r"--hash=sha256:([0-9a-f]{64})", line):
            found[name].append(hashed.group(1))
    return found


def marked_command(mark: str) -> str:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(rf"^<!-- {mark} -->\n```sh\n(.+)\n```$", text, flags=re.MULTILINE)
    assert len(commands) == 1, f"one line marked {mark}"
    return str(commands[0])


@each("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    targets = [target.split("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = [target for target in targets if target and not target.startswith(("http://", "https://"))]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_page_of_the_documentation_is_reachable_from_its_index():
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    linked = [ROOT / "docs" / target for target in re.findall(r"\]\(([^)\s]+)\)", index)]
    pages = [page for page in PAGES if page.is_relative_to(ROOT / "docs") and page.name != "index.md"]
    assert [page for page in pages if not {page, page.parent} & set(map(Path, map(os.path.normpath, linked)))] == []


def test_decisions_are_numbered_without_gaps_and_name_context_choice_and_cost():
    records = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(record.name[:3]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text(encoding="utf-8")
        assert all(f"**{part}.**" in text for part in ("Context", "Choice", "Cost")), record.name


@pytest.mark.skipif(os.name == "nt", reason="a POSIX script")
def test_the_gate_runs_the_test_command_of_the_readme():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    function = re.search(r"^readme_command\(\) \{\n.*?^\}\n", script, flags=re.DOTALL | re.MULTILINE)
    assert function is not None
    answer = subprocess.run(
        ["sh", "-c", f"{function.group()}readme_command"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == marked_command("test")
    assert script.rstrip().endswith('exec sh -c "$command"')


@pytest.mark.parametrize("mark", ["try", "test"])
def test_the_commands_of_the_readme_need_only_python_and_pip(mark):
    programs = [step.split()[0] for step in marked_command(mark).split(" && ")]
    assert {os.path.basename(program) for program in programs} <= {"python3.11", "python", "pip", "aiex"}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_no_addresses(lock):
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert re.findall(r"https?:|file:|git\+|--index|--extra-index|--find-links|(?:^|[\s=])/", text, re.MULTILINE) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_hashes(lock):
    assert [name for name, hashes in locked(lock).items() if not hashes] == []


def test_compiled_packages_are_locked_for_every_platform():
    """Linux, macOS and Windows, two processors each: fewer than six files would miss one."""
    compiled = {"tiktoken", "regex", "charset-normalizer", "tree-sitter", "tree-sitter-python", "tree-sitter-cpp"}
    hashes = locked("requirements.lock")
    assert {name for name in compiled if len(hashes[name]) < 6} == set()


def test_the_locks_hold_what_the_project_names():
    runtime = {name_of(line) for line in PROJECT["project"]["dependencies"]}
    developer = {name_of(line) for line in PROJECT["dependency-groups"]["dev"]}
    assert runtime - set(locked("requirements.lock")) == set()
    assert (runtime | developer) - set(locked("requirements-dev.lock")) == set()


def test_both_locks_agree():
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(encoding="utf-8"), flags=re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")


def test_the_version_is_a_literal():
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", aiex.__version__)
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "aiex/__init__.py"


def test_the_makefile_lists_its_chores():
    chores = re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {"setup", "check", "test", "bench", "docs"} <= set(chores)


def test_the_output_page_names_every_field_of_a_result():
    page = (ROOT / "docs" / "reference" / "output.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(\w+)`", page))
    result = to_body(TurnEnded("success", "answered", 0, usage=Usage()))
    first = to_body(SessionStarted("1", "/", "explain", "offline", "offline"))
    assert result is not None
    assert first is not None
    assert {*result, *first, *result["usage"]} - named == set()


def test_the_guide_to_exit_codes_names_those_of_the_error_tree():
    from aiex.errors import AiexError

    def codes(branch: type[AiexError]) -> set[int]:
        return {branch.exit_code}.union(*map(codes, branch.__subclasses__()))

    page = (ROOT / "docs" / "guides" / "scripts.md").read_text(encoding="utf-8")
    assert {str(code) for code in codes(AiexError)} - set(re.findall(r"^\| (\d+)", page, flags=re.MULTILINE)) == set()
