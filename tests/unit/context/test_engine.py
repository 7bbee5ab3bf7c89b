"""Facts come from where they are cheapest and are never older than the file."""

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aiex.context.engine import Engine, open_engine
from aiex.context.tiers.hot import Hot
from aiex.errors import Denied, StoreError
from aiex.guard.sandbox.files import Workspace

OLD_NS = 1_700_000_000_000_000_000


def write(root: Path, path: str, text: str, mtime_ns: int = OLD_NS) -> None:
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
    os.utime(place, ns=(mtime_ns, mtime_ns))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "ws", "pkg/__init__.py", "from .core import run as run\n")
    write(tmp_path / "ws", "pkg/core.py", "def run():\n    return helper()\n\n\ndef helper():\n    return 1\n")
    write(tmp_path / "ws", "app.py", "import pkg\n\n\ndef main():\n    pkg.run()\n")
    return tmp_path / "ws"


def engine_on(root: Path, cache: str | None = None, **options: int) -> Engine:
    return open_engine(Workspace(str(root)), cache_path=cache, **options)


def names(engine: Engine, path: str) -> list[str]:
    return [symbol.name for symbol in engine.facts(path).symbols]


def test_facts_of_a_changed_file_are_new(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    assert names(first, "pkg/core.py") == ["run", "helper"]
    first.close()
    write(root, "pkg/core.py", "def other():\n    pass\n", OLD_NS + 1)
    assert names(engine_on(root, cache), "pkg/core.py") == ["other"]


def test_a_change_within_one_time_stamp_is_seen(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    now_ns = time.time_ns() + 60_000_000_000  # however slow the machine is, the file is young when it is read
    write(root, "pkg/core.py", "def one():\n    pass\n", now_ns)
    first = engine_on(root, cache)
    assert names(first, "pkg/core.py") == ["one"]
    first.close()
    write(root, "pkg/core.py", "def two():\n    pass\n", now_ns)
    assert names(engine_on(root, cache), "pkg/core.py") == ["two"]


def test_known_facts_are_not_parsed_again(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    first.facts("pkg/core.py")
    first.close()
    with sqlite3.connect(cache) as store:
        store.execute("update facts set light = replace(light, 'helper', 'stored')")
    assert names(engine_on(root, cache), "pkg/core.py") == ["run", "stored"]


def test_a_moved_file_is_not_parsed_again(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    first.facts("pkg/core.py")
    first.close()
    with sqlite3.connect(cache) as store:
        store.execute("update facts set light = replace(light, 'helper', 'stored')")
    os.rename(root / "pkg/core.py", root / "pkg/moved.py")
    assert names(engine_on(root, cache), "pkg/moved.py") == ["run", "stored"]


@pytest.mark.parametrize("damage", [b"not a database at all", b"", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_damaged_store_is_set_aside_and_rebuilt(root: Path, tmp_path: Path, damage: bytes) -> None:
    cache = tmp_path / "cache.db"
    cache.write_bytes(damage)
    engine = engine_on(root, str(cache))
    assert names(engine, "pkg/core.py") == ["run", "helper"]
    engine.close()
    assert names(engine_on(root, str(cache)), "pkg/core.py") == ["run", "helper"]


def test_a_store_whose_pages_are_damaged_inside_is_rebuilt_while_it_is_used(root: Path, tmp_path: Path) -> None:
    for number in range(200):
        write(root, f"more/part{number}.py", f"import pkg\n\n\ndef call{number}():\n    pkg.run()\n")
    cache = tmp_path / "cache.db"
    first = engine_on(root, str(cache))
    users = first.mentioning({"pkg"})
    assert len(users) > 200
    first.close()
    content = bytearray(cache.read_bytes())
    content[8192:] = b"\xa5" * (len(content) - 8192)  # the header and the schema stay as they are
    cache.write_bytes(content)
    second = engine_on(root, str(cache))
    assert second.mentioning({"pkg"}) == users
    assert [warning.message.rpartition("; ")[2].startswith("set aside") for warning in second.warnings] == [True]
    second.close()
    third = engine_on(root, str(cache))
    assert (third.mentioning({"pkg"}), third.warnings) == (users, [])


def test_a_newer_store_is_set_aside(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    with sqlite3.connect(cache) as store:
        store.execute("pragma user_version = 999")
    engine = engine_on(root, cache)
    assert names(engine, "pkg/core.py") == ["run", "helper"]
    assert "set aside" in engine.warnings[0].message


def test_damaged_facts_are_read_anew(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    first.facts("pkg/core.py")
    first.close()
    with sqlite3.connect(cache) as store:
        store.execute("update facts set light = '[1, 2', heavy = x'00'")
    again = engine_on(root, cache)
    assert names(again, "pkg/core.py") == ["run", "helper"]
    assert [path for path, _ in again.many(["pkg/core.py"])] == ["pkg/core.py"]


def test_a_cache_that_cannot_be_written_costs_only_speed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    engine = engine_on(root, str(tmp_path / "file" / "cache.db"))
    assert names(engine, "pkg/core.py") == ["run", "helper"]
    assert engine.warnings


def test_many_gives_the_same_with_and_without_workers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aiex.context.workforce.POOL_FROM_BYTES", 1)
    for number in range(100):
        write(root, f"lib/m{number:03}.py", f"def f{number}():\n    return {number}\n" + "# filler line\n" * 20)
    paths = [entry.path for entry in engine_on(root).listing.files]
    alone = list(engine_on(root, workers=1).many(paths))
    together = list(engine_on(root, workers=2).many(paths))
    assert together == [(path, facts._replace(references=(), faults=(), effects=())) for path, facts in alone]


def test_many_gives_known_and_unknown_files(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    first.facts("pkg/core.py")
    first.close()
    paths = ["app.py", "pkg/__init__.py", "pkg/core.py"]
    assert [path for path, _ in engine_on(root, cache).many(paths)] == ["pkg/core.py", "app.py", "pkg/__init__.py"]


def test_an_unreadable_place_is_an_error_of_the_tree(root: Path) -> None:
    engine = engine_on(root)
    with pytest.raises(StoreError):
        engine.facts("missing.py")
    with pytest.raises(Denied):
        engine.facts("../outside.py")


def test_remembered_texts_come_back(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    first.remember("history", "said")
    first.close()
    assert engine_on(root, cache).recall("history") == "said"


def test_two_engines_share_a_store(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    one, two = engine_on(root, cache), engine_on(root, cache)
    assert names(one, "pkg/core.py") == names(two, "pkg/core.py")
    one.close()
    two.close()
    assert not [warning for engine in (one, two) for warning in engine.warnings]


def test_binary_huge_and_odd_files_have_facts_that_say_so(root: Path) -> None:
    (root / "image.py").write_bytes(b"\x89PNG\0\0")
    (root / "wide.py").write_bytes("x = 1\n".encode("utf-16"))
    (root / "latin.py").write_bytes(b"# caf\xe9\nx = 1\n\n\ndef f():\n    pass\n")
    (root / "big.py").write_bytes(b"x = 1\n" * 2_000_000)
    (root / "min.js").write_bytes(b"a();" * 10_000)
    engine = engine_on(root)
    assert engine.facts("image.py").note == "binary"
    assert "UTF-16" in engine.facts("wide.py").note
    assert [symbol.name for symbol in engine.facts("latin.py").symbols] == ["x", "f"]
    assert engine.facts("big.py").note == "12.0 MB, too large to parse"
    assert "minified" in engine.facts("min.js").note


def test_names_that_are_not_utf8_are_kept(root: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.py")
    write(root, name, "def f():\n    pass\n")
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    assert dict(first.many([name]))[name].symbols[0].name == "f"
    first.close()
    again = engine_on(root, cache)
    assert name in again.rows
    assert names(again, name) == ["f"]


def test_hot_tier_stays_below_its_bound(root: Path) -> None:
    facts = engine_on(root).facts("pkg/core.py")
    hot = Hot(limit_bytes=10_000)
    for number in range(100):
        hot.put(str(number), facts)
    assert hot.size_bytes <= 10_000
    assert hot.get("99") is facts
    assert hot.get("0") is None


def listed(root: Path) -> list[str]:
    return [entry.path for entry in engine_on(root).listing.files]


def test_listing_honours_ignore_files_of_every_folder(root: Path) -> None:
    write(root, ".gitignore", "*.log\n/build/\n!keep.log\n")
    write(root, "a.log", "")
    write(root, "keep.log", "")
    write(root, "build/x.py", "")
    write(root, "pkg/build/x.py", "")
    write(root, "pkg/.aiexignore", "secret*\n!a.log\n")
    write(root, "pkg/secret.py", "")
    write(root, "pkg/a.log", "")
    write(root, "node_modules/left/index.js", "")
    assert listed(root) == [
        ".gitignore", "app.py", "keep.log", "pkg/.aiexignore", "pkg/__init__.py", "pkg/a.log",
        "pkg/build/x.py", "pkg/core.py",
    ]  # fmt: skip


def test_listing_agrees_with_git(root: Path) -> None:
    for path in ("docs/a.md", "docs/b.tmp", "src/x/y.py", "src/x/gen/z.py", "out/o.py", "src/out/o.py"):
        write(root, path, "")
    write(root, ".gitignore", "*.tmp\nout/\n!src/out/\n")
    write(root, "src/.gitignore", "gen/*\n")
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    command = ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"]
    expected = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert listed(root) == sorted(expected)


def test_a_changed_ignore_file_is_obeyed_at_once(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    first = engine_on(root, cache)
    list(first.many([entry.path for entry in first.listing.files]))
    first.close()
    write(root, ".gitignore", "app.py\n", OLD_NS + 5)
    assert [entry.path for entry in engine_on(root, cache).listing.files] == [
        ".gitignore",
        "pkg/__init__.py",
        "pkg/core.py",
    ]


@pytest.mark.parametrize("listed_first", [True, False])
def test_an_ignored_file_that_was_asked_about_is_still_not_listed(
    root: Path, tmp_path: Path, *, listed_first: bool
) -> None:
    write(root, ".gitignore", "made.py\n")
    write(root, "made.py", "x = 1\n")
    for _ in range(3):
        engine = engine_on(root, str(tmp_path / "cache.db"))
        if listed_first:
            assert "made.py" not in engine.paths.known
        engine.facts("made.py")
        assert "made.py" not in engine.paths.known
        engine.close()
    alone = engine_on(root, str(tmp_path / "cache.db"))
    write(root, "made.py", "y = 1\n")
    alone.facts("made.py")
    alone.close()
    assert "made.py" not in engine_on(root, str(tmp_path / "cache.db")).paths.known


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_a_git_directory_that_is_a_link_to_elsewhere_does_not_stop_the_listing(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (root / ".git").symlink_to(tmp_path / "elsewhere")
    assert "app.py" in listed(root)


def test_links_and_secrets_are_not_listed(root: Path) -> None:
    os.symlink("app.py", root / "link.py")
    write(root, ".env", "KEY=1\n")
    assert listed(root) == ["app.py", "pkg/__init__.py", "pkg/core.py"]


def test_broken_patterns_are_passed_over(root: Path) -> None:
    write(root, ".gitignore", "!\n[\napp.py\n")
    assert "app.py" not in listed(root)


def test_a_larger_limit_parses_larger_files(root: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache.db")
    (root / "long.py").write_bytes(
        b"def f():\n    pass\n" + b"".join(b"x = %r\n" % list(range(at, at + 900)) for at in range(0, 270_000, 900))
    )
    first = engine_on(root, cache)
    assert first.facts("long.py").symbols == ()
    first.close()
    assert names(engine_on(root, cache, limit_bytes=5_000_000), "long.py")[0] == "f"


def test_names_that_look_like_a_home_or_a_drive_do_not_stop_the_listing(root: Path) -> None:
    for name in ("~$report.py", "~tmp/x.py", "C:drive.py", "a\\..\\b.py"):
        write(root, name, "x = 1\n")
    engine = engine_on(root)
    assert [entry.path for entry in engine.listing.files] == ["app.py", "pkg/__init__.py", "pkg/core.py"]
    assert engine.listing.unreadable == ("C:drive.py", "a\\..\\b.py", "~$report.py", "~tmp")


def test_texts_are_remembered_under_names_that_are_not_utf8(root: Path, tmp_path: Path) -> None:
    engine = engine_on(root, str(tmp_path / "cache.db"))
    engine.remember("answer/bad\udcff.py", "text")
    assert (engine.recall("answer/bad\udcff.py"), engine.recall("answer/bad.py")) == ("text", None)
    assert engine.warnings == []
