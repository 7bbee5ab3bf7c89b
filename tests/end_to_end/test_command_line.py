"""The real command in a process of its own: what it prints, where, and with which exit code.

Each verb is started at least once as a person starts it; what else is asked of it needs no start of Python.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

import aiex
from aiex.errors import AiexError
from tests.conftest import SOURCE_ROOT, WORKSPACE_FILES

posix_only = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")


def sh(script: str, *, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run a bash script in which `aiex` is the command under test; the home is the test's own."""
    function = f'aiex() {{ "{sys.executable}" -m aiex "$@"; }}\n'
    return subprocess.run(
        ["bash", "-c", function + script],
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT, **(env or {})},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_version_is_one_line_and_the_detail_is_data(run_aiex):
    assert run_aiex("--version").stdout == f"aiex {aiex.__version__}\n"
    assert run_aiex("--version", "-v").stdout == f"aiex {aiex.__version__}\n"
    data = json.loads(run_aiex("version", "--json").stdout)["structured_output"]
    assert data["version"] == aiex.__version__
    assert data["python"] == ".".join(map(str, sys.version_info[:3]))


def test_help_is_the_same_by_both_ways(run_warm):
    quick, whole = run_warm("--help"), run_warm("--help", "-q")
    assert quick.stdout == whole.stdout
    assert quick.returncode == whole.returncode == 0


def test_without_a_command_a_pipe_gets_an_error(run_aiex):
    done = run_aiex()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no command given\nhint: aiex help\n"


def test_a_typo_exits_with_2_and_names_the_nearest(run_warm):
    done = run_warm("explian", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no such command: explian\nhint: did you mean 'explain'?\n"


def test_a_typo_in_json_is_a_result_on_stdout_and_an_error_on_stderr(run_warm):
    done = run_warm("--json", "explian", "x")
    result = json.loads(done.stdout)
    assert (done.returncode, result["exit_code"], result["status"]) == (2, 2, "error")
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize("form", ["text", "json", "stream-json"])
def test_explain_works_in_every_form(form, run_aiex, run_warm, workspace):
    done = (run_aiex if form == "text" else run_warm)("explain", "shop/basket.py", "-o", form, cwd=workspace)
    assert (done.returncode, done.stderr) == (0, "")
    if form == "text":
        assert "shop/basket.py:12" in done.stdout
        return
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines[-1]["type"] == "result"
    assert lines[-1]["structured_output"]["path"] == "shop/basket.py"
    assert [line["seq"] for line in lines] == (
        list(range(1, len(lines) + 1)) if form == "stream-json" else [lines[0]["seq"]]
    )


def test_targets_are_relative_to_the_directory_and_minus_c_moves_it(run_warm, workspace):
    (workspace / ".git").mkdir()
    here = run_warm("explain", "basket.py", "--json", cwd=workspace / "shop")
    there = run_warm("-C", "shop", "explain", "basket.py", "--json", cwd=workspace)
    paths = [json.loads(done.stdout)["structured_output"]["path"] for done in (here, there)]
    assert paths == ["shop/basket.py", "shop/basket.py"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["explain", "nope.py"], 2, "no such file"),
        (["explain", "shop/baskt.py"], 2, "shop/basket.py"),
        (["explain", "shop/basket.py::Baskt"], 2, "Basket"),
        (["explain", "shop/basket.py:900"], 2, "hint: "),
        (["explain", "/etc/hostname"], 4, "-C DIR"),
        (["explain", ".", "-m", "nobody/x"], 78, "nobody"),
        (["explain", ".", "-m", "openai/x"], 77, "OPENAI_API_KEY"),
        (["explain", "x", "--name", "y"], 2, "--name"),
        (["explain", ".", "--budget", "none"], 2, "budget"),
        (["explain", ".", "--set", "modle=x"], 2, "did you mean model"),
        (["explain", ".", "--set", "model"], 2, "key=value"),
        (["-C", "nowhere", "version"], 2, "no such directory"),
        (["-C", "README.md", "version"], 2, "not a directory"),
        (["get", "config", "modle"], 78, "did you mean model"),
        (["completion", "tcsh"], 2, "bash"),
        (["help", "explian"], 2, "did you mean 'explain'?"),
        (["query", "context"], 2, "query context for what?"),
        (["query", "context", "--task", " "], 2, "the task is empty"),
        (["query", "context", "--task", "x", "--task-file", "y"], 2, "not both"),
        (["query", "context", "--task-file", "nope.txt"], 74, "no such file"),
        (["query", "context", "--task-file", "shop"], 74, "is a directory"),
        (["query", "context", "--task", "x", "--budget", "0"], 2, "budget"),
        (["show", "context", "--task", "\t"], 2, "the task is empty"),
        (["show", "context", "--task", "x", "--task-file", "y"], 2, "not both"),
        (["create", "index", "now"], 2, "usage: aiex create index"),
    ],
)
def test_bad_input_is_answered_with_a_code_and_a_hint(words, code, said, run_warm, workspace):
    done = run_warm(words, cwd=workspace)
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_standard_input_is_explained_under_a_name(run_warm, workspace):
    done = run_warm("explain", "-", "--name", "new.py", "--json", input="def f():\n    return 1\n", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["structured_output"]["language"] == "python"


def test_places_in_standard_input_can_be_named(run_warm, workspace):
    text = "def first():\n    return 1\n\n\ndef second():\n    return 2\n"
    done = run_warm("explain", "-::second", "--name", "new.py", input=text, cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "second" in done.stdout


def test_what_would_be_sent_is_shown_without_a_key(run_warm, workspace):
    done = run_warm("explain", "shop/basket.py", "--explain", "-m", "openai/some-model", cwd=workspace)
    assert done.returncode == 0, done.stderr
    assert "token" in done.stdout


# --- settings and trust --------------------------------------------------------------------------------------------


def test_a_setting_is_set_got_and_shown_with_file_and_line(run_warm, home):
    assert run_warm("set", "config", "budget_tokens", "4000").returncode == 0
    assert run_warm("get", "config", "budget_tokens").stdout == "4000\n"
    file = home / "config" / "config.toml"
    shown = run_warm("show", "config", "budget_tokens", "--set", "budget_tokens=5").stdout
    assert "budget_tokens = 5\nfrom: --set\n" in shown
    assert f"overrode: 4000 from {file}:1\n" in shown
    assert "overrode: 12000 from built-in\n" in shown


def test_setting_tells_when_something_stronger_wins(run_warm):
    done = run_warm("set", "config", "model", "openai/a", env={"AIEX_MODEL": "offline"})
    assert "because of AIEX_MODEL" in done.stdout


def test_a_setting_chooses_the_form(run_aiex, run_warm):
    run_aiex("set", "config", "output.format", "json")
    assert json.loads(run_warm("get", "config", "model").stdout)["type"] == "result"


def test_broken_settings_stop_a_job_but_neither_help_nor_doctor(run_warm, home):
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("model = [")
    assert run_warm("explain", ".").returncode == 78
    assert run_warm("help").returncode == 0
    doctor = run_warm("doctor")
    assert doctor.returncode == 1
    assert "config.toml" in doctor.stdout


def test_settings_of_a_project_count_only_after_trust(run_warm, workspace):
    (workspace / ".aiex").mkdir()
    config = workspace / ".aiex" / "config.toml"
    config.write_text("budget_tokens = 77\n")
    before = run_warm("get", "config", "budget_tokens", cwd=workspace)
    assert before.stdout == "12000\n"
    assert "aiex add trust" in before.stderr
    assert "budget_tokens = 77" in run_warm("show", "trust", cwd=workspace).stdout
    assert run_warm("add", "trust", cwd=workspace).returncode == 0
    assert run_warm("get", "config", "budget_tokens", cwd=workspace).stdout == "77\n"
    config.write_text("budget_tokens = 78\n")
    assert run_warm("get", "config", "budget_tokens", cwd=workspace).stdout == "12000\n"
    assert "changed since" in run_warm("list", "trust").stdout
    assert "not trusted any more" in run_warm("rm", "trust", cwd=workspace).stdout


def test_providers_are_listed_with_the_state_of_their_keys_never_the_keys(run_warm):
    done = run_warm("list", "providers", "--json", env={"OPENAI_API_KEY": "sk-very-secret"})
    assert "sk-very-secret" not in done.stdout + done.stderr
    listed = {one["name"]: one["has_key"] for one in json.loads(done.stdout)["structured_output"]["providers"]}
    assert (listed["openai"], listed["anthropic"]) == (True, False)


def test_doctor_is_healthy_here_and_never_prints_a_key(run_aiex):
    done = run_aiex("doctor", "--json", env={"OPENAI_API_KEY": "sk-very-secret"})
    data = json.loads(done.stdout)["structured_output"]
    assert (done.returncode, data["healthy"]) == (0, True), data
    assert {check["name"] for check in data["checks"]} >= {"python", "git", "stores", "grammars", "isolation", "keys"}
    assert "sk-very-secret" not in done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["CACHE", "CONFIG", "DATA", "STATE"])
def test_our_files_do_not_come_into_the_workspace_by_a_relative_place(run_warm, workspace, kind):
    before = sorted(workspace.rglob("*"))
    environ = {f"AIEX_{kind}_DIR": "own", "AIEX_LOG__LEVEL": "debug"}
    done = run_warm("create", "index", cwd=workspace, env=environ)
    assert (done.returncode, done.stdout) == (78, "")
    assert done.stderr.startswith(f"error: AIEX_{kind}_DIR is not a whole path: 'own'\nhint: give AIEX_{kind}_DIR a")
    assert run_warm("version", cwd=workspace, env=environ).returncode == 0
    told = run_warm("doctor", cwd=workspace, env=environ)
    assert (told.returncode, f"AIEX_{kind}_DIR is not a whole path" in told.stdout) == (1, True)
    assert sorted(workspace.rglob("*")) == before


def test_doctor_fails_when_a_store_cannot_be_written(run_warm, tmp_path):
    (tmp_path / "file").write_text("")
    done = run_warm("doctor", env={"AIEX_CACHE_DIR": str(tmp_path / "file" / "cache")})
    assert done.returncode == 1
    assert re.search(r"^fail  stores", done.stdout, re.MULTILINE)


def test_doctor_misses_the_key_of_the_model_in_use(run_warm):
    done = run_warm("doctor", "-m", "openai/x")
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stdout


def test_every_language_file_is_listed(run_aiex):
    from aiex import plugins

    data = json.loads(run_aiex("list", "languages", "--json").stdout)["structured_output"]
    assert [language["name"] for language in data["languages"]] == plugins.names("aiex.context.languages")


# --- the index and the code that a task needs ----------------------------------------------------------------------


def find(done):
    """The JSON lines of a query."""
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_query_lists_code_as_json_lines_best_first(run_aiex, workspace):
    spans = find(run_aiex("query", "context", "--task", "how is the total summed?", "--json", cwd=workspace))
    assert spans[0]["symbol"] in {"Basket.total", "total"}
    assert [sorted(span) for span in spans] == [["end_line", "path", "score", "start_line", "symbol", "why"]] * len(
        spans
    )
    assert [span["score"] for span in spans] == sorted((span["score"] for span in spans), reverse=True)


def test_the_index_is_made_by_the_noun_context_too(run_warm, workspace):
    made = run_warm("context", "index", cwd=workspace)
    assert (made.returncode, "files read" in made.stdout) == (0, True)
    shown = run_warm("context", cwd=workspace)
    assert (shown.returncode, "index" in shown.stderr.partition("hint:")[2]) == (2, False)


def test_a_query_reads_its_task_from_a_file_and_from_standard_input(run_warm, workspace, tmp_path):
    task = "price_of raises KeyError"
    (tmp_path / "issue.txt").write_text(task)
    said = run_warm("query", "context", "--task", task, cwd=workspace).stdout
    assert "shop/prices.py" in said
    file = run_warm("query", "context", "--task-file", str(tmp_path / "issue.txt"), cwd=workspace)
    piped = run_warm("query", "context", "--task-file", "-", cwd=workspace, input=task)
    assert (file.stdout, piped.stdout) == (said, said)


def test_a_query_is_one_object_in_the_form_json(run_warm, workspace):
    done = run_warm("--json", "query", "context", "--task", "price_of", "--budget", "500", cwd=workspace)
    data = json.loads(done.stdout)["structured_output"]
    assert data["budget_tokens"] == 500
    assert data["spans"][0]["path"] == "shop/prices.py"


def test_a_query_that_matches_nothing_says_so_to_a_person_only(run_warm, workspace):
    asked = ("query", "context", "--task", "zyxwvut")
    assert run_warm(*asked, cwd=workspace).stdout == "nothing in this workspace matches\n"
    assert find(run_warm(*asked, "--json", cwd=workspace)) == []


def test_what_standard_input_holds_does_no_harm(workspace):
    done = sh(f"cd '{workspace}'; printf 'total \\xff\\x1b[31m\\0' | aiex query context --task-file -")
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout


@posix_only
def test_a_reader_of_a_query_may_leave_early(workspace):
    done = sh(
        f"cd '{workspace}'; set -o pipefail; aiex query context --task price_of | exec 0<&-; echo ${{PIPESTATUS[0]}}"
    )
    assert done.stderr == b""
    assert done.stdout in (b"141\n", b"0\n")


def test_an_index_is_made_shown_and_removed(run_warm, workspace, home):
    assert "there is no index yet" in run_warm("show", "index", cwd=workspace).stdout
    made = json.loads(run_warm("create", "index", "--json", cwd=workspace).stdout)["structured_output"]
    assert (made["files"], made["read"]) == (len(WORKSPACE_FILES), len(WORKSPACE_FILES))
    assert made["place"].startswith(str(home))
    assert os.path.exists(made["place"])
    again = json.loads(run_warm("create", "index", "--json", cwd=workspace).stdout)["structured_output"]
    assert (again["files"], again["documents"]) == (made["files"], made["documents"])
    assert "the index is gone" in run_warm("rm", "index", cwd=workspace).stdout
    assert "there is no index yet" in run_warm("show", "index", cwd=workspace).stdout


def test_what_is_known_of_each_file_is_listed(run_aiex, workspace):
    run_aiex("create", "index", cwd=workspace)
    (workspace / "new.py").write_text("x = 1\n")
    rows = [line.split() for line in run_aiex("list", "context", cwd=workspace).stdout.splitlines()]
    assert rows[0] == ["FILE", "PIECES", "STATE"]
    assert ["new.py", "0", "new"] in rows


def test_what_would_be_sent_for_a_task_is_shown_with_reasons(run_aiex, workspace):
    done = run_aiex("show", "context", "--task", "price_of", "--budget", "300", "--json", cwd=workspace)
    data = json.loads(done.stdout)["structured_output"]
    assert data["tokens"] <= 300
    assert "shop/prices.py" in {part["path"] for part in data["parts"]}


def test_a_query_works_from_within_and_names_paths_from_the_root(run_warm, workspace):
    (workspace / ".git").mkdir()
    spans = find(run_warm("query", "context", "--task", "price_of", "--json", cwd=workspace / "web"))
    assert spans[0]["path"] == "shop/prices.py"


@posix_only
def test_names_that_are_not_utf_8_are_found_and_shown_harmlessly(tmp_path):
    place = os.fsencode(tmp_path) + b"/tree with space"
    os.mkdir(place)
    try:
        with open(place + b"/caf\xe9\x1b.py", "wb") as file:
            file.write(b"def menu_of_the_day():\n    return 1\n")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    asked = f"cd '{tmp_path}/tree with space'; aiex query context --task menu_of_the_day"
    person, program = sh(asked), sh(f"{asked} --json")
    assert b"caf\\xe9" in person.stdout
    assert b"\x1b" not in person.stdout
    assert os.fsencode(json.loads(program.stdout)["path"]) == b"caf\xe9\x1b.py"


def test_a_cache_that_cannot_be_made_costs_a_query_its_speed_only(run_warm, workspace, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    cache = {"AIEX_CACHE_DIR": str(tmp_path / "file")}
    done = run_warm("query", "context", "--task", "price_of", "--json", cwd=workspace, env=cache)
    assert find(done)[0]["path"] == "shop/prices.py"
    assert done.stderr.startswith("warning: what is parsed cannot be kept in ")


# --- streams -------------------------------------------------------------------------------------------------------


@posix_only
@pytest.mark.parametrize("words", ["--help", "help", "explain --help", "list config", "list config -o stream-json"])
def test_a_reader_who_leaves_early_is_no_error(words):
    done = sh(f"set -o pipefail; aiex {words} | exec 0<&-; echo ${{PIPESTATUS[0]}}")
    assert done.stderr == b""
    assert done.stdout in (b"141\n", b"0\n")


@posix_only
def test_a_closed_pipe_is_reported_as_shells_do():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "aiex", "list", "config"],
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT},
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


@posix_only
@pytest.mark.parametrize("words", ["--version", "version", "--help", "explain --help", "list config --json"])
def test_a_full_disk_behind_standard_output_is_an_error(words):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    done = sh(f"aiex {words} > /dev/full")
    assert done.returncode == 74
    assert done.stderr == b"error: cannot write to standard output: No space left on device\n"


@posix_only
@pytest.mark.parametrize("words", ["--version", "version"])
def test_a_closed_standard_output_is_an_error(words):
    done = sh(f"aiex {words} >&-")
    assert done.returncode == 74
    assert done.stderr == b"error: cannot write to standard output: it is closed\n"


@posix_only
def test_closed_standard_error_and_input_are_no_problem():
    done = sh("aiex get config model 2>&- <&-; aiex nonsense 2>&-; echo $?")
    assert done.stdout == b"offline\n2\n"


@posix_only
def test_closed_standard_input_is_named_when_it_is_needed():
    done = sh("aiex explain - <&-")
    assert done.returncode == 74
    assert done.stderr.startswith(b"error: cannot read standard input: ")


@posix_only
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONUTF8": "0", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_poor_encodings_get_plain_spellings(environment, tmp_path):
    (tmp_path / "é.py").write_text('"""Größe … 猫"""\n', encoding="utf-8")
    done = sh(f"cd '{tmp_path}'; aiex explain é.py; aiex explain é.py --json", env=environment)
    assert done.returncode == 0, done.stderr
    *_, line = done.stdout.splitlines()
    assert "Größe … 猫" in json.dumps(json.loads(line), ensure_ascii=False)


@posix_only
def test_arguments_that_are_not_utf_8_are_shown_harmlessly():
    done = sh("aiex explain $'\\xff\\x1b[31m.py'; aiex $'\\xff'; aiex --json explain $'\\xff'")
    assert b"\x1b" not in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    assert json.loads(done.stdout)["exit_code"] == 2


# --- what a repository must not do ----------------------------------------------------------------------------------


def test_a_module_in_the_current_directory_is_never_imported(run_aiex, tmp_path):
    for name in ("ast", "click", "json", "typing", "enum"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported from the workspace')\n")
    done = run_aiex("get", "config", "model", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "offline\n", "")


# --- crashes -------------------------------------------------------------------------------------------------------

CRASHING = """
import sys, click
from aiex import _entry
from aiex.cli import registry
class Panic(BaseException): pass
@click.command()
def boom():
    raise {error}
registry.verb_names = lambda: ("boom",)
registry.load_verb = lambda name: registry.with_globals(boom)
sys.argv = ["aiex", "boom", *sys.argv[1:]]
sys.exit(_entry.main())
"""


def crash(error: str, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CRASHING.format(error=error), *arguments],
        env={**os.environ, "PYTHONPATH": SOURCE_ROOT, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "error", ["ValueError('x')", "Panic('x')", "RecursionError()", "MemoryError()", "OSError('x')"]
)
def test_a_crash_writes_a_report_and_prints_its_path(error, home):
    done = crash(error)
    assert (done.returncode, done.stdout) == (70, "")
    found = re.fullmatch(r"error: Aiex hit a bug \(\w+\), report: (.+)\nhint: .+\n", done.stderr)
    assert found, done.stderr
    assert os.path.dirname(found[1]).startswith(str(home))
    with open(found[1], encoding="utf-8") as report:
        assert error.split("(", maxsplit=1)[0] in report.read()


def test_a_crash_in_json_is_a_result_too():
    done = crash("ValueError('x')", "--json")
    assert json.loads(done.stdout)["subtype"] == "bug"


def test_a_crash_is_in_the_log_and_a_good_run_only_when_asked(run_warm, home):
    log = home / "state" / "aiex.log"
    run_warm("get", "config", "model")
    assert not log.exists()
    run_warm("get", "config", "model", "-vv")
    crash("ValueError('x')")
    records = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert [(record["level"], record["logger"]) for record in records] == [("info", "aiex.cli"), ("error", "aiex.cli")]
    assert records[0]["arguments"][:3] == ["get", "config", "model"]


def test_an_error_for_people_leaves_no_report(home):
    done = crash("__import__('aiex.errors').errors.Conflict('locked', hint='wait')")
    assert (done.returncode, done.stderr) == (6, "error: locked\nhint: wait\n")
    assert not list(home.rglob("*report*"))


def test_every_error_of_the_tree_gives_its_exit_code():
    def kinds(kind: type[AiexError]) -> list[type[AiexError]]:
        return [kind, *(below for child in kind.__subclasses__() for below in kinds(child))]

    from aiex.cli.main import to_failure

    built_in = [kind for kind in kinds(AiexError) if kind.__module__ == "aiex.errors"]
    assert [to_failure(kind("x")).exit_code for kind in built_in] == [kind.exit_code for kind in built_in]


@pytest.mark.parametrize("target", ["shop", "shop/basket.py"])
def test_a_cache_that_cannot_be_made_is_told_and_costs_speed_only(target, run_warm, workspace, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    done = run_warm("explain", target, cwd=workspace, env={"AIEX_CACHE_DIR": str(tmp_path / "file")})
    assert done.returncode == 0
    assert done.stderr.startswith("warning: what is parsed cannot be kept in ")


@posix_only
@pytest.mark.parametrize(
    ("words", "code"),
    [
        *((words, 0) for words in ("version", "version --json", "help", "help explain", "completion bash")),
        *((words, 0) for words in ("list languages", "list trust")),
        *((words, 2) for words in ("explain a.py", "list config", "doctor", "-C sub version")),
        *((words, 2) for words in ("query context --task x", "create index", "list context")),
    ],
)
def test_what_needs_no_workspace_works_in_a_directory_that_is_gone(words, code, tmp_path):
    done = sh(f'mkdir "{tmp_path}/gone" && cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && aiex {words}')
    assert done.returncode == code, done.stderr
    if code:
        assert done.stderr.startswith(b"error: the current directory is gone\nhint: ")
    else:
        assert done.stdout
        assert not done.stderr


@posix_only
def test_a_place_that_is_named_whole_needs_no_current_directory(workspace, tmp_path):
    gone = f'mkdir "{tmp_path}/gone" && cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone"'
    assert sh(f'{gone} && aiex -C "{workspace}" explain shop/basket.py').returncode == 0


def test_a_crash_whose_report_cannot_be_written_says_so(home):
    (home / "file").write_text("")
    done = crash("RuntimeError('it broke')", env={"AIEX_STATE_DIR": str(home / "file" / "state")})
    message, hint = done.stderr.splitlines()
    assert (done.returncode, message) == (70, "error: Aiex hit a bug (RuntimeError); no report could be written")
    assert hint == "hint: aiex doctor tells which directory is not writable"
