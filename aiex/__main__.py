"""`python -m aiex` is the console script."""

import contextlib
import os
import sys

from aiex._entry import script

if __name__ == "__main__":
    # `-m` puts the current directory first on the path; a repository must not lend us an `ast.py` of its own
    with contextlib.suppress(FileNotFoundError):  # the current directory is gone, and Python put nothing there
        if sys.path and sys.path[0] in ("", os.getcwd()):
            del sys.path[0]
    script()
