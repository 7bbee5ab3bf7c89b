"""Move: what goes along, who follows, and which circles are refused."""

from __future__ import annotations

import pytest

from aiex.errors import UsageError
from tests.unit.jobs.refactoring.conftest import after

FILES = {
    "pkg/__init__.py": "",
    "pkg/a.py": '"""A."""\nimport os\nfrom .c import helper\n\nLIMIT = 3\n\n\n# about f\ndef f(x):\n'
    "    return helper(x) + os.getpid()\n\n\ndef g(): return f(1)\n\n\ndef h(): return LIMIT\n\n\ndef k(): return 1\n",
    "pkg/c.py": "def helper(x): return x\n",
    "pkg/b.py": "from .a import f, g\nprint(f(1), g())\n",
    "main.py": "from pkg.a import f as ff\nimport pkg.a\nprint(pkg.a.k(), ff(1))\n",
}


def test_a_function_goes_to_a_new_file_with_its_imports(plan):
    found = plan(FILES, "move", "pkg/a.py::f", "pkg/new.py")
    assert after(found, "pkg/new.py") == (
        "import os\nfrom .c import helper\n\n\n# about f\ndef f(x):\n    return helper(x) + os.getpid()\n"
    )
    assert after(found, "pkg/a.py").startswith(
        '"""A."""\nimport os\nfrom .c import helper\nfrom .new import f\n\nLIMIT = 3\n\n\ndef g()'
    )
    assert after(found, "pkg/b.py") == "from .new import f\nfrom .a import g\nprint(f(1), g())\n"
    assert after(found, "main.py") == FILES["main.py"].replace("pkg.a import f", "pkg.new import f")


def test_what_it_uses_itself_is_not_imported(plan):
    found = plan(FILES, "move", "pkg/a.py::f", "pkg/c.py")
    assert after(found, "pkg/c.py") == (
        "import os\n\ndef helper(x): return x\n\n\n# about f\ndef f(x):\n    return helper(x) + os.getpid()\n"
    )


def test_the_old_file_goes_on_offering_it_to_those_who_ask_there(plan):
    found = plan(FILES, "move", "pkg/a.py::k", "pkg/c.py")
    assert "from .c import k  # noqa: F401\n" in after(found, "pkg/a.py")
    assert found.notes == ("pkg/a.py goes on offering k, for those who ask there",)


def test_what_it_needs_of_its_old_file_is_imported_from_there(plan):
    found = plan(FILES, "move", "pkg/a.py::h", "main.py")
    assert after(found, "main.py").endswith("\n\n\ndef h(): return LIMIT\n")
    assert "from pkg.a import LIMIT\n" in after(found, "main.py")


@pytest.mark.parametrize(
    ("target", "destination", "told"),
    [
        ("pkg/a.py::f", "pkg/b.py", "would import f from it"),
        ("pkg/a.py::h", "pkg/c.py", "would import LIMIT from it"),
        ("pkg/a.py::f.x", "pkg/c.py", "only what stands at the top level"),
        ("pkg/a.py::f", "pkg/a.py", "is in pkg/a.py already"),
        ("pkg/a.py::f", "pkg/c.txt", "is no Python file"),
        ("pkg/c.py::helper", "pkg/d.py", "has a helper already"),
    ],
)
def test_what_cannot_be_is_refused(plan, target, destination, told):
    files = {**FILES, "pkg/d.py": "helper = 1\n"}
    with pytest.raises(UsageError) as caught:
        plan(files, "move", target, destination)
    assert told in caught.value.message
