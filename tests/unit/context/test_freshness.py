"""When what was seen of a file is taken for true."""

import pytest

from aiex.context.freshness import RACY_NS, is_alike, is_fresh
from aiex.context.listing import FileEntry
from aiex.context.stores.segments import Seen

SEEN = Seen("a.py", 10, 5 * RACY_NS, 7, 9 * RACY_NS, "digest")


@pytest.mark.parametrize(
    ("seen", "size_bytes", "mtime_ns", "inode", "alike", "fresh"),
    [
        (SEEN, 10, 5 * RACY_NS, 7, True, True),
        (SEEN, 11, 5 * RACY_NS, 7, False, False),
        (SEEN, 10, 5 * RACY_NS + 1, 7, False, False),
        (SEEN, 10, 5 * RACY_NS, 8, False, False),
        (SEEN._replace(checked_ns=6 * RACY_NS), 10, 5 * RACY_NS, 7, True, False),
        (SEEN._replace(checked_ns=6 * RACY_NS + 1), 10, 5 * RACY_NS, 7, True, True),
    ],
    ids=["the same", "another size", "another time", "another file", "read too soon", "read late enough"],
)
def test_a_file_is_told_from_another_by_its_looks(
    seen: Seen, size_bytes: int, mtime_ns: int, inode: int, *, alike: bool, fresh: bool
) -> None:
    entry = FileEntry("a.py", size_bytes, mtime_ns, inode)
    assert (is_alike(seen, entry), is_fresh(seen, entry)) == (alike, fresh)
