"""Ways out of the isolation, tried for real by each backend that works here, as root and as an ordinary user."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes.processes import is_gone
from tests.unit.guard.sandbox.isolation.conftest import CANARY, Place

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these backends are for Linux")
Snapshot = Callable[[], dict[str, str]]


def running(mark: str) -> list[int]:
    """Processes with this word on their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if mark.encode() in words:
                found.append(int(entry.name))
    return found


def each(commands: tuple[str, ...], **values: object) -> str:
    """All of them in one shell, each in a subshell with a directory of its own, `{new}`."""
    lines = [f"mkdir -p free/{n}; ( {one.format(new=f'free/{n}', **values)} )" for n, one in enumerate(commands)]
    return "\n".join(lines)


# --- what must work


def test_work_in_the_workspace_goes_on(place: Place) -> None:
    answer = place.run(
        "cat README.md; echo new > free/new.py; rm free/app.py; mkdir free/d; mv free/d free/e; ls free; pwd"
    )
    assert answer.output.split() == ["readme", "e", "new.py", str(place.root)]
    assert answer.code == 0
    assert (place.root / "free/new.py").read_text() == "new\n"


def test_files_that_are_there_can_be_written_at_the_top(place: Place) -> None:
    assert place.run("echo more >> README.md").code == 0
    assert (place.root / "README.md").read_text() == "readme\nmore\n"


def test_there_is_a_place_for_temporary_files(place: Place) -> None:
    answer = place.run('f=$(mktemp) && echo kept > "$f" && cat "$f" && mkdir -p "$XDG_CACHE_HOME" && echo cached')
    assert answer.output == "kept\ncached\n"


def test_programs_of_the_machine_run(place: Place) -> None:
    assert place.python("import os, json; print(json.dumps([1]), os.getcwd())").output == f"[1] {place.root}\n"


# --- writing outside


WRITES = (
    "echo x > {out}/file",
    "echo x >> {out}/file",
    ": > {out}/file",
    "echo x > {out}/new",
    "rm -f {out}/file",
    "mv {out}/file {out}/moved",
    "mv {out}/file {new}/moved",
    "mkdir {out}/folder",
    "ln -s /etc {out}/link",
    "ln {out}/file {new}/hard && echo x > {new}/hard",
    "ln -s {out}/file {new}/soft && echo x > {new}/soft",
    "ln -s {out} {new}/folder && echo x > {new}/folder/new",
    "cd {new} && mkdir -p a/b && cd a/b && echo x > ../../../../../outside/new",
    "truncate -s 0 {out}/file",
    "mkfifo {out}/pipe",
    "echo x > /proc/self/root{out}/new",
    "echo x > /proc/self/cwd/../outside/new",
    "exec 9< {out} ; echo x > /proc/self/fd/9/new",
    "echo x > /proc/1/root{out}/new",
    "echo x > ~/.bashrc",
    "echo x >> ~/.profile",
    "echo x > ~/.ssh/authorized_keys",
    "mkdir ~/.config/autostart",
    "echo x > ~/.gitconfig",
    "git config --global core.pager evil",
)
MACHINE_WRITES = (
    "echo x > /etc/aiex-escape",
    "echo x > /usr/local/bin/aiex-escape",
    "echo x > /proc/sys/kernel/domainname",
)


def test_nothing_is_written_outside(place: Place, snapshot: Snapshot) -> None:
    before = snapshot()
    place.run(each((*WRITES, *MACHINE_WRITES), out=place.house.outside))
    assert snapshot() == before
    assert not Path("/etc/aiex-escape").exists()
    assert not Path("/usr/local/bin/aiex-escape").exists()


def test_nothing_of_the_machine_can_be_opened_for_writing(place: Place) -> None:
    program = """
import os
for top in ("/proc/sys", "/proc/irq", "/sys", "/etc", "/usr/local", "/boot", "/var/lib/dpkg"):
    for folder, _, names in os.walk(top):
        for path in (os.path.join(folder, name) for name in names):
            try:
                if not os.path.islink(path):
                    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))
                    print(path)
            except OSError:
                pass
"""
    assert place.python(program).output == ""


def test_files_made_in_the_temporary_folder_are_private(place: Place) -> None:
    place.run("echo x > /tmp/aiex-escape-file; echo x > /var/tmp/aiex-escape-file; echo x > /dev/shm/aiex-escape-file")
    assert not any(Path(folder, "aiex-escape-file").exists() for folder in ("/tmp", "/var/tmp", "/dev/shm"))


def test_modes_outside_stay_as_they_are(place: Place, snapshot: Snapshot) -> None:
    if place.house.drive.backend == "landlock":
        pytest.skip("Landlock does not cover modes, which `aiex show sandbox` says")
    before = snapshot()
    place.run(f"chmod 777 {place.house.outside}/file; chmod 0 ~/.bashrc; chown 1:1 {place.house.outside}/file")
    assert snapshot() == before


def test_no_file_gets_the_rights_of_its_owner_for_all(place: Place) -> None:
    place.run("cp /bin/true free/rooted && chmod u+s free/rooted; chmod 6755 free/rooted")
    place.python("import os; os.close(os.open('free/made', os.O_CREAT | os.O_WRONLY, 0o4755))")
    assert [path for path in (place.root / "free").iterdir() if path.stat().st_mode & 0o6000] == []


def test_a_workspace_for_reading_is_not_written(place: Place) -> None:
    answer = place.run("cat README.md; echo x > free/new; echo x >> README.md; rm free/app.py", read_only=True)
    assert answer.output.startswith("readme\n")
    assert not (place.root / "free/new").exists()
    assert (place.root / "free/app.py").exists()
    assert (place.root / "README.md").read_text() == "readme\n"


def test_an_allowed_place_can_be_written_and_nothing_beside_it(place: Place) -> None:
    allowed = place.house.base / "allowed"
    allowed.mkdir(exist_ok=True)
    (allowed / "inner").mkdir(exist_ok=True)
    place.house.give(allowed)
    place.run(f"echo x > {allowed}/inner/new; echo x > {allowed}/../beside", allow_write=[str(allowed)])
    assert (allowed / "inner/new").read_text() == "x\n"
    assert not (place.house.base / "beside").exists()


@pytest.mark.parametrize("kind", ["writes", "reads", "plants"])
def test_without_isolation_all_this_is_possible(place: Place, snapshot: Snapshot, kind: str) -> None:
    if place.house.drive.backend != "landlock":
        pytest.skip("once is enough")
    before, planted = snapshot(), protected_names(place.root)
    commands = {"writes": WRITES, "reads": READS, "plants": PLANTS}[kind]
    place.house.drive.backend = "plain"
    try:
        answer = place.run(each(commands, out=place.house.outside, base=place.house.base))
    finally:
        place.house.drive.backend = "landlock"
    if kind == "reads":
        assert answer.output.count(CANARY) >= len(READS)
    else:
        assert (snapshot(), protected_names(place.root)) != (before, planted)
    place.house.refurnish()


# --- secrets


READS = (
    "cat ~/.ssh/id_rsa ~/.ssh/config",
    "grep -r canary ~/.ssh ~/.aws ~/.config ~/.netrc ~/.bash_history",
    "cat {base}/state/keys {base}/data/keys",
    "cat .env src/deep/.env.local",
    "cp .env {new}/copy; cat {new}/copy",
    "ln .env {new}/hard; cat {new}/hard",
    "ln -s ../../.env {new}/soft; cat {new}/soft",
    "mv .env {new}/moved; cat {new}/moved",
    "mv src/deep {new}/shallow; cat {new}/shallow/.env.local",
    "cat /proc/self/root{base}/home/.ssh/id_rsa /proc/self/cwd/.env",
    "cat /proc/*/root{base}/home/.ssh/id_rsa",
    "tar c ~ . 2>/dev/null",
    "env; cat /proc/*/environ",
    "cat /etc/shadow /etc/gshadow",
)


def test_secrets_are_not_read(place: Place) -> None:
    answer = place.run(each(READS, base=place.house.base))
    assert CANARY not in answer.output
    assert "root:$" not in answer.output
    assert "root:*:" not in answer.output


def test_a_secret_without_any_mode_is_not_read(place: Place) -> None:
    (place.root / ".env").chmod(0)
    assert CANARY not in place.run("chmod 600 .env; cat .env").output


def test_a_secret_that_may_be_read_is_read(place: Place) -> None:
    answer = place.run("cat .env; cat src/deep/.env.local", allow_read=[str(place.root / ".env")])
    assert answer.output.count(CANARY) == 1


def test_only_the_standard_descriptors_are_inherited(place: Place) -> None:
    program = "import os; print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])"
    assert place.python(program).output == "[0, 1, 2]\n"


# --- names that make tools run something


PLANTS = (
    "echo evil > .git/hooks/pre-commit",
    "echo evil >> .git/config",
    "echo evil > .git/commondir",
    "git config core.fsmonitor evil",
    "rm -rf .git",
    "mv .git old; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit",
    "ln .git/config {new}/hard; echo evil > {new}/hard",
    "ln -s ../../.git/config {new}/soft; echo evil > {new}/soft",
    "echo evil > .vscode/settings.json; echo evil > .vscode/tasks.json",
    "mv .vscode old; mkdir .vscode; echo evil > .vscode/tasks.json",
    "echo evil > part/.vscode/tasks.json",
    "mv part old; mkdir -p part/.vscode; echo evil > part/.vscode/tasks.json",
    "mkdir .claude; echo evil > .claude/settings.json",
    "mkdir .idea .cursor .aiex .gemini .codex; echo evil > .aiex/config.toml",
    "echo evil > .mcp.json; echo evil > .envrc; echo evil > .gitmodules",
    "echo evil > {new}/x; mv {new}/x .mcp.json",
    "ln -s free .claude",
    "rmdir .claude .idea; rm -f .mcp.json; mkdir .claude; echo evil > .mcp.json",
)


def protected_names(root: Path) -> dict[str, str]:
    """What lies in protected places, links and missing names told apart."""
    found = {}
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if any(part.startswith(".") and not part.startswith(".env.") for part in relative.parts):
            found[str(relative)] = path.read_text() if path.is_file() else "folder"
    return found


def test_protected_names_stay_as_they_are(place: Place) -> None:
    before = protected_names(place.root)
    place.run(each(PLANTS))
    assert protected_names(place.root) == before


@pytest.mark.parametrize(
    "command",
    [
        "git init",
        "mkdir -p .git/hooks && echo evil > .git/hooks/pre-commit",
        "echo 'gitdir: free' > .git",
        "ln -s free .git",
    ],
)
def test_no_repository_is_made_where_there_is_none(place: Place, command: str) -> None:
    subprocess.run(["rm", "-rf", place.root / ".git"], check=True)
    place.run(command)
    assert not os.path.lexists(place.root / ".git")


def test_a_submodule_that_is_not_there_yet_gets_no_repository(place: Place) -> None:
    place.write(".gitmodules", '[submodule "lib"]\n\tpath = vendor/lib\n\turl = x\n')
    (place.root / "vendor/lib").mkdir(parents=True)
    place.house.give(place.root)
    place.run("mkdir -p vendor/lib/.git/hooks; mv vendor old; mkdir -p vendor/lib/.git")
    assert not os.path.lexists(place.root / "vendor/lib/.git")


def test_a_git_directory_that_a_file_names_is_protected(place: Place) -> None:
    place.write("work/.git", "gitdir: ../store/inner\n")
    place.write("store/inner/config", "[core]\n")
    place.run("echo evil >> store/inner/config; mkdir store/inner/hooks; mv store gone; echo evil > work/.git")
    assert (place.root / "store/inner/config").read_text() == "[core]\n"
    assert not (place.root / "store/inner/hooks").exists()
    assert (place.root / "work/.git").read_text() == "gitdir: ../store/inner\n"


def test_hooks_and_settings_that_git_takes_from_elsewhere_are_protected(place: Place) -> None:
    place.write(".git/config", "[core]\n\thooksPath = .githooks ; ours\n[include] path = ../git/more\n")
    place.write(".githooks/pre-push", "#!/bin/sh\n")
    place.write("git/more", "[alias]\n")
    place.run(
        "echo evil > .githooks/pre-commit; echo evil >> .githooks/pre-push; mv .githooks x; echo evil >> git/more;"
        "mv git y; echo fine > git/other"
    )
    assert [path.name for path in (place.root / ".githooks").iterdir()] == ["pre-push"]
    assert (place.root / ".githooks/pre-push").read_text() == "#!/bin/sh\n"
    assert (place.root / "git/more").read_text() == "[alias]\n"


def test_hooks_that_an_included_file_names_are_protected(place: Place) -> None:
    place.write(".git/config", "[include]\n\tpath = ../git/more\n\tpath = ../git/more\n")
    place.write("git/more", "[include] path = more\n[core]\n\thooksPath = .githooks\n")
    place.write(".githooks/pre-push", "#!/bin/sh\n")
    place.run("echo evil >> .githooks/pre-push; echo evil > .githooks/pre-commit")
    assert [path.name for path in (place.root / ".githooks").iterdir()] == ["pre-push"]
    assert (place.root / ".githooks/pre-push").read_text() == "#!/bin/sh\n"


def test_hooks_of_a_linked_worktree_are_protected_in_it(place: Place) -> None:
    place.write("main/.git/config", "[core]\n\thooksPath = .husky\n")
    place.write("main/.git/worktrees/one/commondir", "../..\n")
    place.write("one/.git", f"gitdir: {place.root}/main/.git/worktrees/one\n")
    place.write("one/.husky/pre-push", "#!/bin/sh\n")
    file = place.write("one/file")
    inside = Place(place.house, place.root / "one")
    for at in (place, inside):
        at.run(f"cd {inside.root}; echo evil >> .husky/pre-push; echo evil > .husky/pre-commit; echo fine >> file")
        assert [path.name for path in (inside.root / ".husky").iterdir()] == ["pre-push"]
        assert (inside.root / ".husky/pre-push").read_text() == "#!/bin/sh\n"
    assert file.read_text() == "fine\nfine\n"


def test_hooks_behind_a_link_are_protected(place: Place) -> None:
    place.write(".git/config", "[core]\n\thooksPath = tools/hooks\n")
    place.write("shared/pre-push", "#!/bin/sh\n")
    file = place.write("tools/file")
    (place.root / "tools/hooks").symlink_to("../shared")
    place.run("echo evil >> shared/pre-push; rm -f tools/hooks; mkdir tools/hooks; echo evil > tools/hooks/pre-push")
    assert (place.root / "tools/hooks").is_symlink()
    assert (place.root / "shared/pre-push").read_text() == "#!/bin/sh\n"
    assert place.run("echo fine > tools/file; cat tools/hooks/pre-push").output == "#!/bin/sh\n"
    assert file.read_text() == "fine\n"


@pytest.mark.parametrize("inner", ["bare.git", "bare.git/hooks", "tree/.git", "tree/.git/hooks"])
def test_a_workspace_in_a_git_directory_is_only_read(place: Place, inner: str) -> None:
    subprocess.run(["git", "init", "-q", "--bare", place.root / "bare.git"], check=True)
    subprocess.run(["git", "init", "-q", place.root / "tree"], check=True)
    place.house.give(place.root)
    inside = Place(place.house, place.root / inner)
    before = sorted(path.name for path in inside.root.iterdir())
    assert inside.run("ls > /dev/null && echo seen; echo evil >> config; echo evil > pre-push").output.startswith(
        "seen\n"
    )
    assert sorted(path.name for path in inside.root.iterdir()) == before


def test_what_was_shut_from_inside_is_not_open_to_the_next_command(place: Place) -> None:
    place.write("nest/.git/config", "[core]\n")
    place.write("nest/.env", f"KEY={CANARY}\n")
    place.write("flat/nest/.git/config", "[core]\n")
    place.run("chmod 0300 nest; chmod 0644 flat")
    answer = place.run(
        "cat nest/.env; echo evil >> nest/.git/config; chmod 755 nest flat; cat nest/.env;"
        "echo evil >> nest/.git/config; echo evil >> flat/nest/.git/config; mv nest away; mv flat gone; true"
    )
    assert CANARY not in answer.output
    (place.root / "flat").chmod(0o755)
    (place.root / "nest").chmod(0o755)
    assert (place.root / "nest/.git/config").read_text() == "[core]\n"
    assert (place.root / "flat/nest/.git/config").read_text() == "[core]\n"


def test_a_protected_link_stays_what_it_is(place: Place) -> None:
    place.write("real/config", "[core]\n")
    place.write("linked/code.py", "1\n")
    (place.root / "linked/.git").symlink_to("../real")
    place.run(
        "rm linked/.git && mkdir -p linked/.git/hooks; mv linked away; ln -sfn ../free linked/.git;"
        "echo evil >> linked/.git/config; echo 2 > linked/code.py"
    )
    assert os.readlink(place.root / "linked/.git") == "../real"
    assert (place.root / "real/config").read_text() == "[core]\n"
    assert (place.root / "linked/code.py").read_text() == "2\n"


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a b", "a\\b", "\udcff", "a#b"])
def test_odd_names_are_covered(place: Place, name: str) -> None:
    place.write(f"{name}/.env", f"KEY={CANARY}\n")
    place.write(f"{name}/.git/config", "[core]\n")
    answer = place.run("cat */.env; echo evil >> */.git/config; for one in */.git; do echo evil >> $one/config; done")
    assert CANARY not in answer.output
    assert (place.root / name / ".git/config").read_text() == "[core]\n"


def test_a_workspace_that_cannot_be_looked_into_runs_nothing(place: Place) -> None:
    if place.house.uid == 0:
        pytest.skip("nothing is shut to root")
    place.root.chmod(0o300)
    answer = place.house.drive.run(place.root, "true")
    assert "what lies there cannot be seen" in answer.error


def test_variables_of_a_command_reach_nothing_outside(place: Place) -> None:
    touched = place.house.outside / "touched"
    place.run("true", environ={"LD_DEBUG": "files", "LD_DEBUG_OUTPUT": str(touched)})
    assert not list(place.house.outside.glob("touched*"))


def test_start_files_are_protected_when_the_home_is_the_workspace(place: Place) -> None:
    home = Place(place.house, place.house.home)
    home.run(
        "echo evil >> .bashrc; echo evil > .profile; mkdir -p .config/autostart bin; echo evil > bin/ls; cat .ssh/*"
    )
    assert (home.root / ".bashrc").read_text() == "# mine\n"
    assert not any((home.root / name).exists() for name in (".profile", ".config/autostart", "bin", ".gitconfig"))


def test_hooks_of_the_repository_do_not_run(place: Place) -> None:
    subprocess.run(["rm", "-rf", place.root / ".git"], check=True)
    subprocess.run(["git", "init", "-q", place.root], check=True)
    hook = place.write(".git/hooks/post-checkout", "#!/bin/sh\necho ran > free/ran\n")
    hook.chmod(0o755)
    place.run("git status; git log; git checkout -q -b other; true")
    assert not (place.root / "free/ran").exists()


# --- network and sockets


def test_no_tcp_connection_leaves(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        program = f"""
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_INET6, ("::1", {port}))):
    try:
        socket.socket(family).connect(address); print("connected")
    except OSError as error:
        print("refused")
"""
        assert place.python(program).output == "refused\nrefused\n"
        with pytest.raises(BlockingIOError):
            server.accept()


def test_no_datagram_leaves(place: Place) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        port = server.getsockname()[1]
        place.python(f"import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', {port}))")
        with pytest.raises(BlockingIOError):
            server.recv(1)


def test_no_unix_socket_is_reached(place: Place) -> None:
    path = place.root / "free/s"
    with socket.socket(socket.AF_UNIX) as named, socket.socket(socket.AF_UNIX) as abstract:
        named.bind(str(path))
        abstract.bind(f"\0aiex-escape-{os.getpid()}")
        named.listen()
        abstract.listen()
        path.chmod(0o777)
        program = f"""
import socket
for address in ({str(path)!r}, "\\0aiex-escape-{os.getpid()}"):
    try:
        socket.socket(socket.AF_UNIX).connect(address); print("connected")
    except OSError as error:
        print("refused")
socket.socketpair()
print("pairs are fine")
"""
        assert place.python(program).output == "refused\nrefused\npairs are fine\n"


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_PACKET", "AF_ALG", "AF_BLUETOOTH", "AF_CAN"])
def test_no_other_sockets_are_made(place: Place, family: str) -> None:
    number = getattr(socket, family, None)
    if number is None:
        pytest.skip(f"this Python knows no {family}")
    answer = place.python(f"import socket; socket.socket({int(number)}, socket.SOCK_RAW)")
    assert answer.code == 1
    assert "Permission denied" in answer.output or "not permitted" in answer.output or "not support" in answer.output


# --- other processes


def test_a_neighbour_gets_no_signal_and_shows_nothing(place: Place) -> None:
    uid = place.house.uid
    as_user = {} if uid == os.geteuid() else {"user": uid, "group": uid, "extra_groups": []}
    neighbour = subprocess.Popen(["sleep", "600"], env={"SECRET": CANARY}, **as_user)
    try:
        program = f"""
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
pid = {neighbour.pid}
def attempt(act):
    try:
        print("done" if act() in (None, 0) else "refused")
    except OSError:
        print("refused")
attempt(lambda: os.kill(pid, 9))
attempt(lambda: os.killpg(pid, 15))
attempt(lambda: libc.ptrace(0x4206, pid, 0, 0))
attempt(lambda: print(open(f"/proc/{{pid}}/environ").read()))
attempt(lambda: open(f"/proc/{{pid}}/mem", "rb").read(1))
attempt(lambda: os.listdir(f"/proc/{{pid}}/root/"))
attempt(lambda: os.kill(-1, 15) if os.getpid() == 0 else os.listdir(f"/proc/{{pid}}/fd"))
import resource
attempt(lambda: resource.prlimit(pid, resource.RLIMIT_NOFILE, (1, 1)) and None)
"""
        assert place.python(program).output.split() == ["refused"] * 8
        assert neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()


@pytest.mark.parametrize(
    "call",
    [
        "os.setpriority(os.PRIO_PROCESS, {pid}, 15)",
        "os.setpriority(os.PRIO_USER, 0, 15)",
        "os.setpriority(os.PRIO_USER, os.getuid(), 15)",
        "os.sched_setscheduler({pid}, os.SCHED_BATCH, os.sched_param(0))",
        "os.sched_setaffinity({pid}, set(list(os.sched_getaffinity(0))[:1]))",
        "resource.prlimit({pid}, resource.RLIMIT_CPU, (1, 1))",
    ],
)
def test_a_neighbour_runs_as_it_did(place: Place, call: str) -> None:
    user = {"user": place.house.uid, "group": place.house.uid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["sleep", "300"], **user) as neighbour:
        try:
            before = _schedule(neighbour.pid)
            place.python(f"import os, resource\n{call.format(pid=neighbour.pid)}")
            assert _schedule(neighbour.pid) == before
        finally:
            neighbour.kill()


def test_a_command_can_lower_its_own_priority(place: Place) -> None:
    assert place.run("nice -n 7 nice").output == "7\n"


def _schedule(pid: int) -> tuple[object, ...]:
    """How and where a process runs."""
    limits = Path(f"/proc/{pid}/limits").read_text()
    return os.getpriority(os.PRIO_PROCESS, pid), os.sched_getscheduler(pid), os.sched_getaffinity(pid), limits


def test_processes_are_alone(place: Place) -> None:
    if place.house.drive.backend == "landlock":
        pytest.skip("Landlock has no process space of its own, which `aiex show sandbox` says")
    answer = place.run("ls /proc | grep -c '^[0-9]'")
    assert int(answer.output) < 10


LEAVING = (
    "sleep {n} & sleep {n}",
    "setsid sleep {n} & sleep {n}",
    "(setsid sh -c 'sleep {n} & sleep {n}' &) ; (nohup setsid -f sleep {n}) ; sleep {n}",
    "trap '' TERM INT HUP; sleep {n} & wait",
)


def test_nothing_outlives_the_kill(place: Place) -> None:
    marks = {f"6{os.getpid()}{number}": words for number, words in enumerate(LEAVING)}
    command = "".join(f"({words.format(n=mark)}) & " for mark, words in marks.items())
    answer = place.run(f"{command} wait", timeout_s=1)
    assert (answer.timed_out, answer.code) == (True, 137)
    assert {words: left for mark, words in marks.items() if (left := running(mark))} == {}


def test_nothing_outlives_the_command(place: Place) -> None:
    mark = f"7{os.getpid()}"
    answer = place.run(f"(setsid sh -c 'setsid sleep {mark} & sleep {mark}' >/dev/null 2>&1 &) ; sleep 0.2; echo done")
    assert (answer.code, answer.output) == (0, "done\n")
    assert running(mark) == []


def test_nothing_outlives_a_fork_without_end(place: Place) -> None:
    mark = f"8{os.getpid()}"
    program = """
import os
while True:
    if os.fork():
        if os.getsid(0) != os.getpid():
            os.setsid()
        os._exit(0)
"""
    answer = place.run([place.house.drive.python, "-I", "-c", program, mark], timeout_s=2)
    assert answer.code in (0, 137)
    assert running(mark) == []


def test_nothing_outlives_the_one_who_started_it(place: Place) -> None:
    mark = f"9{os.getpid()}"
    program = f"""
import asyncio, os, sys
from aiex.guard.sandbox.bounds import make_policy
from aiex.guard.sandbox.probing import choose
from aiex.guard.sandbox.runner import Runner
async def main():
    runner = Runner(make_policy({str(place.root)!r}), isolation=choose({place.house.drive.backend!r}))
    command = await runner.start("(setsid sleep {mark} &) ; echo up; sleep {mark}")
    async for event in command.events():
        os.write(1, b"up"); os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    from tests.fakes.confined import SOURCE

    uid = place.house.uid
    as_user = {} if uid == os.geteuid() else {"user": uid, "group": uid, "extra_groups": []}
    environ = {"PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin", "HOME": str(place.house.home)}
    environ |= {"AIEX_STATE_DIR": str(place.house.base / "state")}
    done = subprocess.run(
        [place.house.drive.python, "-c", program], check=False, env=environ, cwd="/", capture_output=True, **as_user
    )
    assert (done.returncode, done.stdout) == (-9, b"up"), done.stderr
    for pid in running(mark):
        assert is_gone(pid)


# --- privileges and limits


@pytest.mark.parametrize(
    "command",
    [
        "unshare -Ur true",
        "unshare -m true",
        "nsenter -t 1 -m true",
        "mount -t tmpfs none /mnt",
        "mknod free/device b 254 0",
        "chroot / true",
        "bwrap --ro-bind / / true",
    ],
)
def test_no_new_privileges(place: Place, command: str) -> None:
    assert place.run(command).code != 0


def test_no_capabilities_are_held(place: Place) -> None:
    rows = dict(
        line.split(":\t") for line in place.run("grep -E '^(Cap|NoNew|Seccomp:)' /proc/self/status").output.splitlines()
    )
    assert {rows[name] for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {"0" * 16}
    assert (rows["NoNewPrivs"], rows["Seccomp"]) == ("1", "2")


@pytest.mark.parametrize(
    ("name", "number"),
    [("ptrace", 101), ("add_key", 248), ("bpf", 321), ("perf_event_open", 298), ("userfaultfd", 323), ("mount", 165)],
)
def test_calls_into_the_kernel_are_refused(place: Place, name: str, number: int) -> None:
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers are those of x86_64")
    program = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
print(libc.syscall({number}, 0, 0, 0, 0, 0), ctypes.get_errno())
"""
    assert place.python(program).output == "-1 1\n"


def test_memory_is_limited(place: Place) -> None:
    answer = place.python("x = bytearray(900_000_000); print('had it')", limits={"memory_bytes": 400_000_000})
    assert "had it" not in answer.output
    assert answer.code != 0


def test_file_size_is_limited(place: Place) -> None:
    place.run("head -c 3000000 /dev/zero > free/large", limits={"file_bytes": 1_000_000})
    assert (place.root / "free/large").stat().st_size == 1_000_000


def test_processor_time_is_limited(place: Place) -> None:
    answer = place.run("while :; do :; done", limits={"cpu_s": 1})
    assert (answer.timed_out, answer.code > 128) == (False, True)


def test_the_number_of_processes_is_limited(place: Place) -> None:
    if place.house.uid == 0:
        pytest.skip("the system does not count processes of root")
    program = """
import os
made = []
try:
    for _ in range(60):
        pid = os.fork()
        if pid == 0:
            os.read(os.pipe()[0], 1)
        made.append(pid)
except BlockingIOError:
    print("refused", len(made) < 60)
"""
    assert place.python(program, limits={"processes": 40}).output == "refused True\n"
