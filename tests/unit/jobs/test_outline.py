"""How deep the blocks of a function stand in each other."""

import pytest

from aiex.jobs.briefing.outline import nesting_of

PYTHON = '''\
def f(a):
    """Says much.

        deep:
            deeper:
                deepest
    """
    if (a and
            a):
        for b in (
                    a,
                        b):
            if b:  # because
                return call(a,
                            b)
    return None
'''
GO = """\
func f(a int) int {
\tif a > 1 {
\t\treturn g(a,
\t\t\t\t\ta)
\t}
\treturn a
}
"""
RUBY = """\
def f(a)
  a.each do |b|
    if b
      puts b
    end
  end
end
"""


@pytest.mark.parametrize(("source", "depth"), [(PYTHON, 4), (GO, 2), (RUBY, 3), ("f = 1\n", 0), ("", 0)])
def test_only_opened_blocks_are_depth(source: str, depth: int) -> None:
    lines = source.splitlines()
    assert nesting_of(lines, 1, len(lines)) == depth
