"""Words of checkpoints, undo and searches, as they are understood."""

from __future__ import annotations

import pytest

from aiex.cli.main import parse
from aiex.errors import UsageError


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("create checkpoint", "create checkpoint"),
        ("checkpoints list --last 0", "list checkpoint"),
        ("diff checkpoint 1 2 src", "diff checkpoint"),
        ("restore checkpoint 1 a b --merge --dry-run", "restore checkpoint"),
        ("tag checkpoint 1 v1", "tag checkpoint"),
        ("export checkpoint 1 2 --out x", "export checkpoint"),
        ("rm checkpoint 1 2", "rm checkpoint"),
        ("undo", "undo"),
        ("undo 3 --force", "undo"),
        ("redo 2 --dry-run", "redo"),
        ("rewind session --to 4 --only chat", "rewind session"),
        ("bisect session -- make -o json --help", "bisect session"),
        ("bisect session 5e55 --from 4 -q -- make", "bisect session"),
    ],
)
def test_words_name_their_work(words: str, name: str) -> None:
    assert parse(words.split()).work.name == name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("undo --merge --force", "--merge and --force do not go together"),
        ("bisect session", "no command is given"),
        ("bisect session make test", "unexpected"),
        ("rewind session", "--to"),
        ("restore checkpoint", "ID"),
    ],
)
def test_words_that_make_no_sense_are_refused(words: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(words.split())
    assert said in caught.value.message
