"""What a path inside the workspace really is: links are followed, as the command would follow them."""

from collections.abc import Callable

from aiex.errors import AiexError, Denied
from aiex.guard.sandbox.files import Workspace


def look_in(workspace: Workspace) -> Callable[[str], str]:
    """A `look` for `classify`: why a path may not be read, when a link leads out or to a secret. Cost: an open each."""

    def look(path: str) -> str:
        try:
            workspace.read_head(path, 0)
        except Denied as error:
            return error.message
        except AiexError:  # a directory, or nothing yet
            return _why_not_folder(workspace, path)
        return ""

    return look


def _why_not_folder(workspace: Workspace, path: str) -> str:
    try:
        workspace.stat(path, follow_links=True)
    except Denied as error:
        return error.message
    except AiexError:
        return ""
    return ""
