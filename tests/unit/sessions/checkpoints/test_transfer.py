"""An archive brings checkpoints elsewhere, and nothing of one is kept that is not all as it should be."""

from __future__ import annotations

import json
import sys
import zlib
from dataclasses import replace
from hashlib import blake2b
from io import BytesIO
from random import Random

import pytest

from aiex.errors import UsageError
from aiex.sessions.checkpoints.objects import FILE as FILE_KIND
from aiex.sessions.checkpoints.objects import TREE, digest
from aiex.sessions.checkpoints.transfer import MAGIC, Limits, export_checkpoints, import_checkpoints, inspect_archive
from aiex.sessions.checkpoints.trees import FILE, FOLDER, LINK, NOTHING, OMITTED, Entry, pack_tree
from aiex.sqlite import DamagedStore
from tests.unit.sessions.checkpoints.contents import keep, open_store, read_tree

FILES = {"README.md": b"# A project\n", "src/app.py": b"print(1)\n" * 99, "src/big": Random(1).randbytes(1_200_000)}


@pytest.fixture
def stores(tmp_path):
    """One to export from, one to import into."""
    with open_store(tmp_path, "one.db") as one, open_store(tmp_path, "other.db") as other:
        yield one, other


def export(store, *checkpoints):
    out = BytesIO()
    export_checkpoints(store[0], checkpoints, out)
    return out.getvalue()


def refusal(store, data, **more):
    """Why an archive is refused; nothing of it is kept."""
    with pytest.raises(UsageError) as raised:
        import_checkpoints(*store, BytesIO(data), **more)
    assert store[0].rows.heads() == []
    assert store[1].list() == []
    return raised.value.message


def forge(contents, *, head=None, trees=(), tail=b"", checksum=None):
    """An archive as somebody who knows the form would make it; `contents` are kind and bytes, or the parts of each."""
    root = trees[-1] if trees else contents[0][1]
    one = {"id": "ab" * 6, "created_ms": 1, "reason": "", "session": "", "tree": digest(TREE, root).hex(), "files": 1,
           "bytes": 1, "tag": ""}  # fmt: skip
    header = {"v": 1, "checkpoints": [one], "objects": len(contents), **(head or {})}
    body = (header if isinstance(header, bytes) else json.dumps(header).encode()) + b"\n"
    for kind, data, *claimed in contents:
        size, id = claimed or (len(data), digest(kind, data))
        body += bytes((kind,)) + size.to_bytes(8, "big") + id + data
    return MAGIC + zlib.compress(body + (checksum or blake2b(body, digest_size=32).digest())) + tail


def tree(*entries):
    return pack_tree(Entry(name, kind, mode, id) for name, kind, mode, id in entries)


HELLO = digest(FILE_KIND, b"hello").hex()


def hostile(name, kind=FILE, mode=0o644, id=HELLO):
    return forge([(TREE, tree((name, kind, mode, id))), (FILE_KIND, b"hello")])


def test_checkpoints_come_back_as_they_were(stores):
    one, other = stores
    first = keep(*one, FILES, tag="v1")
    second = keep(*one, {**FILES, "README.md": b"# Another\n", "docs/new": b""})
    made = import_checkpoints(*other, BytesIO(export(one, first, second)))
    assert [(known.id, known.tag, known.tree) for known in made] == [
        (first.id, "v1", first.tree), (second.id, "", second.tree)
    ]  # fmt: skip
    assert read_tree(other[0], made[0].tree) == FILES
    assert (made[0].files, made[0].bytes) == (3, sum(map(len, FILES.values())))


def test_archive_can_be_looked_into_without_keeping_it(stores):
    one, other = stores
    archive = inspect_archive(BytesIO(export(one, keep(*one, FILES))))
    assert (len(archive.checkpoints), archive.objects) == (1, 5)
    assert other[0].rows.heads() == []


def test_reason_comes_without_secrets_and_however_long_it_was(stores):
    one, other = stores
    kept = replace(keep(*one, FILES), reason="run ghp_" + "0iJcWCIkijVlvHvasdCYKgYsCQExceiVj3xK " + "long " * 2000)
    (made,) = import_checkpoints(*other, BytesIO(export(one, kept)))
    assert made.reason.startswith("run [removed] long long ")


def test_second_import_adds_nothing(stores):
    one, other = stores
    data = export(one, keep(*one, FILES))
    assert import_checkpoints(*other, BytesIO(data)) == import_checkpoints(*other, BytesIO(data))
    assert len(other[1].list()) == 1


def test_taken_id_and_tag_are_left_to_those_who_have_them(stores):
    one, other = stores
    data = forge([(TREE, tree((b"a", FILE, 0o644, HELLO))), (FILE_KIND, b"hello")])
    (mine,) = import_checkpoints(*other, BytesIO(data))
    other[1].tag(mine.number, "v1")
    theirs = keep(*one, FILES, tag="v1")
    with one[0].writing():
        one[0].database.connection.execute("update checkpoints set id = ?", (mine.id,))
        theirs = one[1].tag(theirs.number, "v1")
    (made,) = import_checkpoints(*other, BytesIO(export(one, theirs)))
    assert (made.id == mine.id, made.tag, made.tree) == (False, "", theirs.tree)


def test_links_and_what_was_left_out_are_names_and_no_more(stores):
    target = b"../../etc/passwd"
    root = tree(
        (b"link", LINK, 0o777, digest(FILE_KIND, target).hex()), (b".git", OMITTED, 0, NOTHING),
        (b".env", OMITTED, 0, NOTHING), (b"shut", FOLDER, 0o700, NOTHING),
    )  # fmt: skip
    (made,) = import_checkpoints(*stores[1], BytesIO(forge([(TREE, root), (FILE_KIND, target)])))
    assert stores[1][0].get_tree(made.tree) == root


def test_damaged_content_is_not_exported(stores):
    one, _ = stores
    made = keep(*one, FILES)
    one[0].rows.remove([one[0].rows.find(digest(FILE_KIND, FILES["README.md"])).n])
    with pytest.raises(DamagedStore):
        export(one, made)


@pytest.mark.parametrize("seed", range(40))
def test_any_changed_byte_is_refused(stores, seed):
    one, other = stores
    chance = Random(seed)
    data = bytearray(export(one, keep(*one, {**FILES, "src/big": chance.randbytes(3_000)})))
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    assert refusal(other, bytes(data)).startswith("cannot import this")


@pytest.mark.parametrize("part", [0.0, 0.001, 0.2, 0.5, 0.9, 0.999999])
def test_cut_off_archive_is_refused(stores, part):
    one, other = stores
    data = export(one, keep(*one, FILES))
    assert refusal(other, data[: int(len(data) * part)]).startswith("cannot import this")


def test_something_behind_the_end_is_refused(stores):
    assert "follows its end" in refusal(stores[1], hostile(b"a") + b"more")


NAMES = {
    b"..": "leads elsewhere", b".": "leads elsewhere", b"a/b": "leads elsewhere", b"/etc": "leads elsewhere",
    b"../x": "leads elsewhere", b"a\0b": "leads elsewhere", b".git": "never written", b".GIT": "never written",
    b"git~1": "never written", b".git ": "never written", b".g\xe2\x80\x8cit": "never written",
    b".aiex": "never written", b".env": "secret", b"id_rsa": "secret", b"x" * 256: "too long", b"...": "never written",
}  # fmt: skip


@pytest.mark.parametrize(("name", "reason"), NAMES.items(), ids=map(ascii, NAMES))
@pytest.mark.parametrize("kind", [FILE, LINK])
def test_name_that_may_not_be_is_refused(stores, name, reason, kind):
    assert reason in refusal(stores[1], hostile(name, kind))


def test_protected_directory_is_refused(stores):
    inside = tree((b"config", FILE, 0o644, HELLO))
    root = tree((b".git", FOLDER, 0o755, digest(TREE, inside).hex()))
    data = forge([(TREE, inside), (TREE, root), (FILE_KIND, b"hello")], trees=[root])
    assert "never written" in refusal(stores[1], data)


def test_name_that_would_act_on_a_terminal_is_spelled_out(stores):
    assert "\x1b" not in refusal(stores[1], hostile(b"\x1b[2J/x"))


@pytest.mark.parametrize("mode", [0o4755, 0o2755])
def test_file_that_runs_as_its_owner_is_refused(stores, mode):
    assert "run as its owner" in refusal(stores[1], hostile(b"tool", mode=mode))


def test_name_that_is_there_twice_is_refused(stores):
    root = tree((b"a", FILE, 0o644, HELLO), (b"a", LINK, 0o777, HELLO))
    assert "twice" in refusal(stores[1], forge([(TREE, root), (FILE_KIND, b"hello")]))


@pytest.mark.parametrize("target", [b"", b"a\0b", b"x" * 4096])
def test_link_to_what_is_no_path_is_refused(stores, target):
    root = tree((b"a", LINK, 0o777, digest(FILE_KIND, target).hex()))
    assert "links" in refusal(stores[1], forge([(TREE, root), (FILE_KIND, target)]))


def test_content_of_another_id_is_refused(stores):
    root = tree((b"a", FILE, 0o644, HELLO))
    data = forge([(TREE, root), (FILE_KIND, b"other", 5, bytes.fromhex(HELLO))])
    assert "not what its id says" in refusal(stores[1], data)


def test_missing_content_and_missing_directory_are_refused(stores):
    root = tree((b"a", FILE, 0o644, HELLO))
    assert "missing" in refusal(stores[1], forge([(TREE, root)]))
    root = tree((b"a", FOLDER, 0o755, "ab" * 20))
    assert "missing" in refusal(stores[1], forge([(TREE, root)]))


def test_content_that_nobody_has_is_refused(stores):
    root = tree((b"a", FILE, 0o644, HELLO))
    data = forge([(TREE, root), (FILE_KIND, b"hello"), (FILE_KIND, b"stowaway")])
    assert "belongs to none" in refusal(stores[1], data)


def test_wrong_checksum_and_unknown_kind_are_refused(stores):
    root = tree((b"a", FILE, 0o644, HELLO))
    contents = [(TREE, root), (FILE_KIND, b"hello")]
    assert "not those that were written" in refusal(stores[1], forge(contents, checksum=bytes(32)))
    assert "unknown kind" in refusal(stores[1], forge([(TREE, root), (3, b"hello")]))


def test_bytes_that_are_no_directory_are_refused(stores):
    assert "is none" in refusal(stores[1], forge([(TREE, b"f644 nonsense\n")]))


@pytest.mark.parametrize(
    "head",
    [{"v": 2}, {"v": "\x1b[31m"}, {"checkpoints": []}, {"checkpoints": {}}, {"checkpoints": [1]}, {"objects": -1},
     {"objects": True}, {"objects": 1e3}, {"checkpoints": [{"id": "../../x"}]}],
    ids=str,
)  # fmt: skip
def test_header_of_another_form_is_refused(stores, head):
    root = tree((b"a", FILE, 0o644, HELLO))
    message = refusal(stores[1], forge([(TREE, root), (FILE_KIND, b"hello")], head=head))
    assert "\x1b" not in message


@pytest.mark.parametrize(("created_ms", "is_taken"), [(253_402_300_799_999, True), (253_402_300_800_000, False)])
def test_time_beyond_the_year_9999_is_refused(stores, created_ms, is_taken):
    one, other = stores
    data = export(one, replace(keep(*one, FILES), created_ms=created_ms))
    if is_taken:
        assert [known.created_ms for known in import_checkpoints(*other, BytesIO(data))] == [created_ms]
    else:
        assert "year 9999" in refusal(other, data)


def test_size_that_is_a_lie_is_refused(stores):
    root = tree((b"a", FILE, 0o644, HELLO))
    huge = [(TREE, root), (FILE_KIND, b"hello", 1 << 60, bytes.fromhex(HELLO))]
    assert "are the most" in refusal(stores[1], forge(huge))
    assert "cut off" in refusal(stores[1], forge([huge[0], (FILE_KIND, b"hello", 1 << 20, bytes.fromhex(HELLO))]))


def test_a_file_of_zeros_comes_back_however_well_it_was_packed(stores):
    one, other = stores
    data = export(one, keep(*one, {"z": bytes(5_000_000)}))
    assert len(data) < 50_000
    (made,) = import_checkpoints(*other, BytesIO(data))
    assert made.bytes == 5_000_000


def bomb(count, size):
    """An archive of files that are all but nothing, packed together as small as can be."""
    packer, running, packed = zlib.compressobj(9), blake2b(digest_size=32), bytearray(MAGIC)
    files = [n.to_bytes(8, "big") + bytes(size - 8) for n in range(count)]
    ids = [digest(FILE_KIND, data) for data in files]
    root = tree(*((b"%d" % n, FILE, 0o644, id.hex()) for n, id in enumerate(ids)))
    head = forge([(TREE, root)], head={"objects": count + 1})
    start = zlib.decompress(head[len(MAGIC) :])[:-32]
    for piece in (start, *(bytes((FILE_KIND,)) + size.to_bytes(8, "big") + id + data
                           for id, data in zip(ids, files, strict=True))):  # fmt: skip
        running.update(piece)
        packed += packer.compress(piece)
    return bytes(packed + packer.compress(running.digest()) + packer.flush())


def test_a_content_that_is_larger_than_files_may_be_is_refused_unread(stores):
    root = tree((b"a", FILE, 0o644, HELLO))
    said = forge([(TREE, root), (FILE_KIND, b"hello", 120_000_000, bytes.fromhex(HELLO))])  # more than is there
    message = refusal(stores[1], said)
    assert message.endswith("it holds a file of 120 MB, and 100 MB are the most (checkpoints.max_file_mb)")
    data = bomb(1, 12_000_000)
    assert len(data) < 40_000
    message = refusal(stores[1], data[: len(data) // 2], limits=Limits(file_bytes=11_999_999))
    assert "it holds a file of 12 MB" in message  # it is not read up to where it is cut off
    assert inspect_archive(BytesIO(data), limits=Limits(file_bytes=12_000_000)).objects == 2


def test_many_contents_that_are_too_much_together_are_refused(stores):
    data = bomb(40, 100_000)
    assert len(data) < 40_000
    limits = Limits(bytes=3_000_000)
    assert refusal(stores[1], data, limits=limits).endswith("it unpacks to more than 3 MB, which is the most")
    assert refusal(stores[1], data, limits=Limits(objects=40)).endswith("it holds 41 contents, and 40 are the most")


def test_what_unpacks_to_more_than_it_says_is_not_unpacked(stores):
    data = MAGIC + zlib.compress(zlib.decompress(hostile(b"a")[len(MAGIC) :]) + bytes(10_000_000), 9)
    assert "follows its end" in refusal(stores[1], data)


def test_header_without_an_end_is_refused(stores):
    assert "header" in refusal(stores[1], MAGIC + zlib.compress(b"[" * (20 << 20)))


def test_few_directories_that_say_they_are_very_many_are_refused(stores):
    trees = [tree((b"a", FILE, 0o644, HELLO))]
    for _ in range(40):
        id = digest(TREE, trees[-1]).hex()
        trees.append(tree((b"a", FOLDER, 0o755, id), (b"b", FOLDER, 0o755, id)))
    data = forge([*((TREE, one) for one in trees), (FILE_KIND, b"hello")], trees=trees)
    assert "more files or bytes" in refusal(stores[1], data)


def test_directories_without_a_bottom_are_refused(stores):
    trees = [tree((b"a", FILE, 0o644, HELLO))]
    for _ in range(250):
        trees.append(tree((b"a", FOLDER, 0o755, digest(TREE, trees[-1]).hex())))
    data = forge([*((TREE, one) for one in trees), (FILE_KIND, b"hello")], trees=trees)
    assert "deep" in refusal(stores[1], data)


def test_path_that_is_too_long_is_refused(stores):
    trees = [tree((b"a", FILE, 0o644, HELLO))]
    for _ in range(20):
        trees.append(tree((b"d" * 250, FOLDER, 0o755, digest(TREE, trees[-1]).hex())))
    data = forge([*((TREE, one) for one in trees), (FILE_KIND, b"hello")], trees=trees)
    assert "too long" in refusal(stores[1], data)


@pytest.mark.parametrize("limits", [Limits(files=2), Limits(bytes=1_000), Limits(tree_bytes=50)])
def test_more_than_the_limits_is_refused(stores, limits):
    one, other = stores
    refusal(other, export(one, keep(*one, FILES)), limits=limits)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", MAGIC, MAGIC + b"\0" * 99, MAGIC + zlib.compress(b"")], ids=ascii)
def test_what_is_no_archive_is_refused(stores, data):
    assert refusal(stores[1], data).startswith("cannot import this")


def test_a_directory_of_very_many_is_looked_at_once_for_each(stores):
    few, many = (calls_of(inspect_archive, BytesIO(folders(count))) for count in (300, 600))
    assert few < many < 2.5 * few  # it would be near to four times, were each looked at for each


def folders(count):
    """An archive of a directory with so many others in it."""
    below = [tree((b"%d" % number, OMITTED, 0, NOTHING)) for number in range(count)]
    above = tree(*((b"%d" % number, FOLDER, 0o755, digest(TREE, one).hex()) for number, one in enumerate(below)))
    return forge([(TREE, one) for one in (*below, above)], trees=[above])


def calls_of(work, *given):
    """How many functions are called and generators resumed."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        work(*given)
    finally:
        sys.setprofile(None)
    return calls
