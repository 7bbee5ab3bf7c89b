"""Organise imports."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.refactoring.conftest import after

SOURCE = '''\
"""Doc."""
# licence
from __future__ import annotations
import sys, os
from typing import List, Any
import requests
from .b import zz  # why
from typing import Optional, TYPE_CHECKING
# about b
import pkg.b
from .. import up
import collections  # noqa
import unused_third
import json

x = 1
import re
def f(a: List["Any"], o: Optional): os.x; sys; requests; zz; pkg; up
'''
FILES = {"pkg/m.py": SOURCE, "pkg/b.py": "", "pkg/__init__.py": ""}


def test_imports_get_sections_and_an_order(plan):
    found = plan(FILES, "imports", "pkg/m.py")
    assert (
        after(found, "pkg/m.py").partition("\nx = 1")[0]
        == '''\
"""Doc."""
# licence
from __future__ import annotations

import collections  # noqa
import os
import sys
from typing import Any, List, Optional

import requests
import unused_third

# about b
import pkg.b

from .. import up
from .b import zz  # why
'''
    )
    assert [note.split(";")[0] for note in found.notes] == [
        "removed, because nothing uses it: TYPE_CHECKING",
        "nothing uses unused_third",
        "removed, because nothing uses it: json",
        "removed, because nothing uses it: re",
    ]


def test_what_may_do_something_goes_only_when_asked_for(plan):
    found = plan(FILES, "imports", "pkg/m.py", uncertain="change")
    assert "unused_third" not in after(found, "pkg/m.py")


def test_ordering_twice_changes_nothing(plan):
    once = plan(FILES, "imports", "pkg/m.py")
    again = plan({**FILES, "pkg/m.py": once.changes[0].after}, "imports", "pkg/m.py")
    assert again.changes == ()


@pytest.mark.parametrize(
    "source",
    [
        "import b\nfrom a import *\nb\n",
        "from b import x\nfrom a import x\nx\n",
        "# isort: skip_file\nimport b\nimport a\na, b\n",
        "import b; import a\na, b\n",
    ],
)
def test_an_order_that_may_matter_stays(plan, source):
    found = plan({"m.py": source}, "imports", "m.py")
    assert found.changes == ()
    assert found.notes != ()


def test_what_another_file_takes_from_here_stays(plan):
    files = {"m.py": "import json\nimport os\n", "n.py": "from m import json\nimport m\nm.os\n"}
    assert plan(files, "imports", "m.py").changes == ()


def test_windows_line_ends_stay(plan):
    found = plan({"m.py": "import sys\r\nimport os\r\nsys, os\r\n"}, "imports", "m.py")
    assert after(found, "m.py") == "import os\r\nimport sys\r\nsys, os\r\n"


def test_other_languages_and_symbols_are_refused(plan):
    with pytest.raises(UsageError, match="no Python file"):
        plan({"m.js": "import a from 'b'\n"}, "imports", "m.js")
    with pytest.raises(UsageError, match="a whole file"):
        plan({"m.py": "import a\n"}, "imports", "m.py::a")
