"""Formats are read in the clothes models put on them, and refused where it is not clear what they say."""

from __future__ import annotations

import pytest

from aiex.agent.edits import Change, FileWish, load_format
from aiex.errors import EditError

SEARCH = "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n"
WISH = (FileWish("x/a.py", "change", (Change("a\n", "b\n"),)),)


def parsed(name, text):
    return load_format(name).parse(text)


@pytest.mark.parametrize(
    "line",
    [
        "x/a.py", "./x/a.py", "`x/a.py`", "**x/a.py**", "**`x/a.py`**", "# x/a.py", "### `x/a.py`", "x/a.py:",
        "File: x/a.py", "**File:** x/a.py", "1. `x/a.py`", "- x/a.py", "// x/a.py", '"x/a.py"', "`x/a.py` (changed)",
    ],
)  # fmt: skip
def test_a_path_line_may_be_dressed(line):
    assert parsed("search_replace", f"{line}\n```python\n{SEARCH}```\n") == WISH
    assert parsed("whole", f"{line}\n\n```\na\n```\n") == (FileWish("x/a.py", "write", content="a\n"),)


@pytest.mark.parametrize(
    "text",
    [
        f"x/a.py\n{SEARCH}",
        f"```python\nx/a.py\n{SEARCH}```\n",
        f"```python x/a.py\n{SEARCH}```\n",
        f"```python:x/a.py\n{SEARCH}```\n",
        f"x/a.py\n~~~\n{SEARCH}~~~\n",
        f"Here it is.\n\nx/a.py\n\n`````\n{SEARCH}`````\n\nThat was it.\n",
        "x/a.py\n```\n<<<<<<<<< SEARCH\na\n=========\nb\n>>>>>>>>> REPLACE\n```\n",
        f"x/a.py\n```\n{SEARCH}```\n".replace("\n", "\r\n"),
        f"\ufeffx/a.py\n```\n{SEARCH}```\n",
    ],
)  # fmt: skip
def test_blocks_stand_in_many_fences(text):
    assert parsed("search_replace", text) == WISH


def test_blocks_in_one_fence_share_the_path():
    assert parsed("search_replace", f"x/a.py\n```\n{SEARCH}\n{SEARCH}```\n") == WISH * 2


def test_a_conflict_in_a_block_keeps_its_own_divider():
    conflict = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> other\n"
    (wish,) = parsed("search_replace", f"a.py\n<<<<<<< SEARCH\n{conflict}=======\none\n>>>>>>> REPLACE\n")
    assert wish.changes == (Change(conflict, "one\n"),)


@pytest.mark.parametrize(
    "text",
    [
        f"Now the change:\n```\n{SEARCH}```\n",
        "a.py\n```\n<<<<<<< SEARCH\na\n",
        "a.py\n```\n<<<<<<< SEARCH\na\n=======\nb\n",
        "a.py\n```\n<<<<<<< SEARCH\na\n>>>>>>> REPLACE\n```\n",
        "a.py\n```\n<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n```\n",
        f"a.py\n```\n<<<<<<< SEARCH\na\n=======\n{SEARCH}```\n",
        f"a.py\n```\n{SEARCH}",
        "a.py\n=======\nb\n>>>>>>> REPLACE\n",
    ],
)
def test_a_block_that_is_not_whole_is_refused(text):
    with pytest.raises(EditError):
        parsed("search_replace", text)


DIFF = "@@ -1 +1 @@\n-a\n+b\n"
PATCH = "*** Begin Patch\n*** Update File: x/a.py\n@@\n-a\n+b\n*** End Patch\n"


@pytest.mark.parametrize(
    "head",
    [
        "--- a/x/a.py\n+++ b/x/a.py\n", "--- x/a.py\n+++ x/a.py\n", "--- x/a.py\n+++ b/x/a.py\n",
        "--- x/a.py\t2024-01-01 00:00:00\n+++ x/a.py\t2024-01-01 00:00:00\n", '--- "a/x/a.py"\n+++ "b/x/a.py"\n',
        "diff --git a/x/a.py b/x/a.py\nindex 1..2 100644\n--- a/x/a.py\n+++ b/x/a.py\n",
        "diff --git a/x/a.py b/x/a.py\n", "Index: x/a.py\n====\n--- x/a.py\n+++ x/a.py\n",
        "```diff\n--- a/x/a.py\n+++ b/x/a.py\n",
    ],
)  # fmt: skip
def test_the_names_of_a_diff_come_in_many_forms(head):
    fence = "```\n" if head.startswith("```") else ""
    (wish,) = parsed("udiff", f"Here:\n\n{head}{DIFF}{fence}\nDone.\n")
    assert (wish.path, wish.kind, wish.changes[0][:2]) == ("x/a.py", "change", ("a\n", "b\n"))


@pytest.mark.parametrize("numbers", ["@@ -1 +1 @@", "@@ -1,9 +1,9 @@", "@@ -1,1 +1,1 @@", "@@ @@", "@@", "@@ ... @@"])
def test_the_counts_of_a_hunk_may_be_wrong_or_missing(numbers):
    (wish,) = parsed("udiff", f"--- a/a\n+++ b/a\n{numbers}\n x\n\n-a\n+b\n y\n")
    assert wish.changes[0][:2] == ("x\n\na\ny\n", "x\n\nb\ny\n")


def test_a_removed_line_may_look_like_a_header():
    (wish,) = parsed("udiff", "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n--- x\n+++ y\n z\n@@ -9 +9 @@\n-a\n+b\n")
    assert [change[:2] for change in wish.changes] == [("-- x\nz\n", "++ y\nz\n"), ("a\n", "b\n")]


def test_two_files_of_a_diff_are_two_wishes_even_with_wrong_counts():
    text = "--- a/a\n+++ b/a\n@@ -1,7 +1,7 @@\n-a\n+b\n--- a/c\n+++ b/c\n@@ -1 +1 @@\n-c\n+d\n"
    assert [wish.path for wish in parsed("udiff", text)] == ["a", "c"]


def test_git_creates_deletes_and_renames():
    made = parsed(
        "udiff",
        "diff --git a/n b/n\nnew file mode 100755\n--- /dev/null\n+++ b/n\n"
        "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n"
        "diff --git a/o b/o\ndeleted file mode 100644\n--- a/o\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n"
        "diff --git a/p b/q\nsimilarity index 100%\nrename from p\nrename to q\n",
    )
    assert made == (
        FileWish("n", "create", content="x", mode=0o755),
        FileWish("o", "delete", content="x\n"),
        FileWish("p", "move", moved_to="q"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "--- a/a\n+++ b/b\n" + DIFF,
        "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n x\n-a\n",
        "--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n x\n-a\n+b",
        "```diff\n--- a/a\n+++ b/a\n" + DIFF,
        "--- a/a\n+++ b/a\n@@\n-a\nb\n",
        "--- a/a\n+++ b/a\n",
        "diff --git a/b b/b\nBinary files a/b and b/b differ\n",
        "diff --git a/b b/b\nold mode 100644\nnew mode 100755\n",
        "diff --git a/b b/b\nnew file mode 120000\n--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+../x\n",
        "--- /dev/null\n+++ b/a\n@@ -1 +1,2 @@\n x\n+y\n",
        DIFF,
    ],
)
def test_a_diff_that_is_cut_off_or_unclear_is_refused(text):
    with pytest.raises(EditError):
        parsed("udiff", text)


@pytest.mark.parametrize(
    "text",
    [
        PATCH,
        f"```\n{PATCH}```\n",
        f"apply_patch <<'EOF'\n{PATCH}EOF\n",
        PATCH.replace("@@\n", ""),
        PATCH.replace("x/", "./x/"),
    ],
)
def test_a_patch_stands_in_prose_fences_and_commands(text):
    (wish,) = parsed("v4a", text)
    assert (wish.path, wish.changes[0][:2]) == ("x/a.py", ("a\n", "b\n"))


def test_a_patch_names_lines_above_numbers_and_the_end():
    (wish,) = parsed(
        "v4a", PATCH.replace("@@\n", "@@ class A\n@@ def f(self):\n").replace("*** End P", "*** End of File\n*** End P")
    )
    assert (wish.changes[0].anchors, wish.changes[0].at_end) == (("class A", "def f(self):"), True)
    (wish,) = parsed("v4a", PATCH.replace("@@\n", "@@ -7,1 +8,1 @@\n"))
    assert (wish.changes[0].line, wish.changes[0].new_line) == (7, 8)


@pytest.mark.parametrize(
    "text",
    [
        PATCH.removesuffix("*** End Patch\n"),
        PATCH.replace("Update", "Frobnicate"),
        PATCH.replace("-a\n", "a\n"),
        PATCH.replace("-a\n+b\n", ""),
        "*** Begin Patch\n*** End Patch\n",
        "*** Begin Patch\n*** Add File: a\nx\n*** End Patch\n",
        "*** Begin Patch\n*** Delete File: a\n-x\n*** End Patch\n",
        PATCH.replace("x/a.py", ""),
    ],
)
def test_a_patch_that_is_cut_off_or_unclear_is_refused(text):
    with pytest.raises(EditError):
        parsed("v4a", text)


def test_a_whole_file_may_hold_fences():
    inner = "# T\n\n```sh\nls\n```\n\nend\n"
    assert parsed("whole", f"r.md\n```md\n{inner}```\nDone.\n")[0].content == inner
    bare = "```\nx\n```\n"
    assert parsed("whole", f"r.md\n````\n{bare}````\n")[0].content == bare
    with pytest.raises(EditError, match="no path"):
        parsed("whole", f"r.md\n```\n{bare}```\n")


@pytest.mark.parametrize(
    "text", ["a.py\n```\nx\n", "Do this.\n```\nx\n```\n", "a.py\n```\nx\n```\na.py\n```\ny\n```\n", "a.py\n"]
)
def test_a_whole_file_that_is_cut_off_or_unclear_is_refused(text):
    with pytest.raises(EditError):
        parsed("whole", text)


def test_json_comes_alone_in_lists_and_with_one_path():
    one = '{"path": "a", "old_str": "x", "new_str": "y"}'
    wish = FileWish("a", "change", (Change("x", "y", is_lines=False),))
    assert parsed("str_replace", one) == (wish,)
    assert parsed("str_replace", f"```json\n[{one}, {one}]\n```") == (wish, wish)
    assert parsed("str_replace", '{"path": "a", "edits": [{"old_string": "x", "new_string": "y"}]}') == (wish,)


@pytest.mark.parametrize(
    "text",
    [
        '{"path": "a", "old_str": "x"}',
        '{"path": "a", "old_str": "x", "new_str": 1}',
        '{"path": "a", "old_str": "x", "new_str": "y", "replace_all": "yes"}',
        '{"path": "", "old_str": "x", "new_str": "y"}',
        '{"path": "a", "old_str": "x", "old_str": "z", "new_str": "y"}',
        '{"path": "a", "old_str": "x", "new_str": "y',
        '["a"]',
    ],
)
def test_json_that_is_cut_off_or_unclear_is_refused(text):
    with pytest.raises(EditError):
        parsed("str_replace", text)
