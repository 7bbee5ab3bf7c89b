"""Which commit is checked out, read from git's files through the guard and without a process."""

from aiex.errors import AiexError
from aiex.guard.sandbox.files import Workspace
from aiex.guard.sandbox.gitdirs import read_git_file
from aiex.patterns import late

_ID = late(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LIMIT_BYTES = 4_000_000


def git_head(root: str) -> str:
    """The id of the commit that is checked out in `root`.

    Empty when there is none yet, when this is no repository, or when its git directory lies outside the root (a linked
    worktree) or keeps its refs in another form (reftable).
    """
    try:
        workspace = Workspace(root)
        directory = _git_directory(workspace)
        head = _text(workspace, f"{directory}/HEAD") if directory else ""
    except AiexError:
        return ""
    if not head.startswith("ref: refs/"):
        return head if _ID.fullmatch(head) else ""
    name = head.removeprefix("ref: ")
    common = _text(workspace, f"{directory}/commondir")
    places = [directory, f"{directory}/{common}"] if common else [directory]
    return next((found for place in places if (found := _ref(workspace, place, name))), "")


def _git_directory(workspace: Workspace) -> str:
    if workspace.stat(".git", follow_links=True).kind == "dir":
        return ".git"
    named = read_git_file(_text(workspace, ".git"))
    return workspace.relative(named) if named is not None else ""


def _ref(workspace: Workspace, place: str, name: str) -> str:
    loose = _text(workspace, f"{place}/{name}")
    if _ID.fullmatch(loose):
        return loose
    for line in _text(workspace, f"{place}/packed-refs").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name and _ID.fullmatch(commit):
            return commit
    return ""


def _text(workspace: Workspace, path: str) -> str:
    try:
        return workspace.read(path, limit_bytes=_LIMIT_BYTES).decode("utf-8", "surrogateescape").strip()
    except AiexError:
        return ""
