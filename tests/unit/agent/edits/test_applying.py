"""All wishes of one edit are fulfilled, or none: nothing is overwritten, and what is deleted is what was meant."""

from __future__ import annotations

import pytest

from aiex.agent.edits import Change, FileWish
from aiex.agent.edits.applying import Before, FileChange, apply_wishes, paths_of
from aiex.errors import EditError

A = FileWish("a", "change", (Change("one\n", "two\n"),))


def applied(*wishes, **files):
    known = {path: files.get(path) for path in paths_of(wishes)}
    return apply_wishes(
        wishes, {path: Before(have) if isinstance(have, bytes) else have for path, have in known.items()}
    )


def refusal(*wishes, **files):
    with pytest.raises(EditError) as caught:
        applied(*wishes, **files)
    return caught.value.message


def test_a_change_gives_the_bytes_before_and_after():
    assert applied(A, a=b"one\n") == (FileChange("a", b"one\n", b"two\n", 0o644),)


def test_wishes_for_one_file_apply_in_order_to_one_result():
    second = FileWish("./a", "change", (Change("two\n", "three\n"),))
    assert [made.after for made in applied(A, second, a=b"one\n")] == [b"three\n"]


def test_a_second_wish_that_no_longer_fits_refuses_all():
    assert "there already" in refusal(A, A, a=b"one\nend\n")


def test_creation_does_not_overwrite():
    assert "it exists" in refusal(FileWish("a", "create", content="x\n"), a=b"")


def test_a_change_of_nothing_creates_the_file_or_fills_an_empty_one():
    wish = FileWish("a", "change", (Change("", "x\n"),))
    assert applied(wish) == (FileChange("a", None, b"x\n"),)
    assert applied(wish, a=b"")[0].after == b"x\n"
    assert "not empty" in refusal(wish, a=b"y\n")


def test_a_file_that_is_created_can_be_changed_after_it():
    made = applied(FileWish("a", "create", content="one\n"), A)
    assert made == (FileChange("a", None, b"two\n"),)


def test_a_file_is_created_once():
    wish = FileWish("a", "create", content="x\n")
    assert "it exists" in refusal(wish, wish)


def test_a_change_of_a_missing_file_is_refused():
    assert "there is no such file" in refusal(A)


def test_deletion_has_to_match_what_is_there():
    wish = FileWish("a", "delete", content="one\n")
    assert applied(wish, a=b"one\r\n")[0].after is None
    assert "other lines" in refusal(wish, a=b"one\nmore\n")
    assert "no such file" in refusal(wish)


def test_deletion_by_name_alone_takes_a_link():
    made = applied(FileWish("a", "delete"), a=Before(b"x", is_link=True))
    assert made[0].after is None
    assert "it is a link" in refusal(FileWish("a", "delete", content="x"), a=Before(b"x", is_link=True))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_deletion_and_change_of_one_file_are_refused(order):
    wishes = (FileWish("a", "delete"), A)
    assert "delete" in refusal(*(wishes[at] for at in order), a=b"one\n")


def test_a_move_keeps_mode_and_bytes():
    made = applied(FileWish("a", "move", moved_to="b"), a=Before(b"x\0", 0o755))
    assert made == (FileChange("b", b"x\0", b"x\0", 0o755, "a"),)


def test_a_move_does_not_overwrite():
    move = FileWish("a", "move", moved_to="b")
    assert "exists" in refusal(move, a=b"x", b=b"y")
    assert "exists" in refusal(FileWish("b", "create", content="y\n"), move, a=b"x")
    assert "exists" in refusal(move, FileWish("c", "move", moved_to="b"), a=b"x", c=b"z")
    assert "no such file" in refusal(move)


def test_a_whole_file_keeps_what_it_does_not_change():
    wish = FileWish("a", "write", content="one\n2\nthree\n")
    before = b"\xef\xbb\xbfone\r\ntwo\r\nthree"
    assert applied(wish, a=before)[0].after == b"\xef\xbb\xbfone\r\n2\r\nthree"


def test_a_whole_file_without_lines_does_not_empty_one():
    assert "empties" in refusal(FileWish("a", "write", content=""), a=b"x\n")
    assert applied(FileWish("a", "write", content=""))[0].after == b""


def test_what_changes_nothing_is_refused():
    assert "changes nothing" in refusal(FileWish("a", "write", content="x\n"), a=b"x\n")
    assert "are the same" in refusal(FileWish("a", "change", (Change("x\n", "x\n"),)), a=b"x\n")


def test_one_file_by_two_names_is_changed_by_one_of_them():
    other = FileWish("b", "change", (Change("end\n", "fin\n"),))
    have = Before(b"one\nend\n", identity=7)
    assert "are one file" in refusal(A, other, a=have, b=have)


def test_the_mode_of_a_new_file_is_the_one_that_the_edit_names():
    assert applied(FileWish("a", "create", content="x\n", mode=0o755))[0].mode == 0o755


def test_a_file_that_is_not_text_is_refused():
    assert "not text" in refusal(A, a=b"one\n\0")


@pytest.mark.parametrize(
    "new",
    [
        "// ... existing code ...\n",
        "# rest of the code unchanged\n",
        "<!-- ... -->\n",
        "/* existing methods here */\n",
        "...\n",
    ],
)
def test_code_that_is_left_out_is_refused(new):
    assert "left out" in refusal(FileWish("a", "write", content=f"x\n{new}y\n"), a=b"x\nz\n")
    assert "left out" in refusal(FileWish("a", "create", content=f"x\n{new}y\n"))


@pytest.mark.parametrize(
    "line",
    [
        "def f(): ...",
        "f(*args, ...)",
        "  ...rest,",
        "{...rest}",
        "# other imports",
        "# see the rest of the docs",
        "a ... b",
        "-- end",
    ],
)
def test_code_that_only_looks_a_little_like_it_is_not(line):
    assert applied(FileWish("a", "create", content=f"{line}\n"))[0].after == f"{line}\n".encode()


def test_dots_as_the_body_of_a_function_are_code():
    content = 'class P(Protocol):\n    def f(self) -> int:\n        """It."""\n        ...\n'
    assert applied(FileWish("a", "create", content=content))


def test_dots_that_stand_in_the_file_may_stay():
    wish = FileWish("a", "write", content="x\n# ...\nz\n")
    assert applied(wish, a=b"x\n# ...\ny\n")[0].after == b"x\n# ...\nz\n"


def test_marks_of_a_merge_do_not_come_into_a_file():
    new = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> x\n"
    assert "conflict" in refusal(FileWish("a", "change", (Change("one\n", new),)), a=b"one\n")
    assert "conflict" in refusal(FileWish("a", "create", content=new))


def test_marks_of_a_merge_can_be_taken_out():
    before = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> x\nend\n<<<<<<< HEAD\n"
    wish = FileWish("a", "change", (Change(before[:37], "one\n"),))
    assert applied(wish, a=before.encode())[0].after is not None
