"""Pages as text: what a reader sees, in time that grows with the page and no faster."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiex.agent.htmltext import to_text

BASE = "https://shop.example/docs/"


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("", ""),
        ("plain &amp; simple", "plain & simple"),
        ("<title>Shop</title><h1>Shop</h1><p>Hi", "# Shop\n\nHi"),
        ("<html><head><title>A\n title</title><meta x></head><body>text", "A title\n\ntext"),
        ("<p>one<p>two<br>three", "one\n\ntwo\nthree"),
        ("<h2>A <b>bold</b> head</h2>text", "## A bold head\n\ntext"),
        ("<ul><li>one<ul><li>in</ul><li><p>two</p></ul>", "- one\n  - in\n- two"),
        ("<ol start=3><li>c</li><li></li><li>e</li></ol>", "3. c\n5. e"),
        ("see <a href='/a?b=1&amp;c'>this page</a>.", "see [this page](https://shop.example/a?b=1&c)."),
        ('<a href="#top">up</a> <a href="javascript:x()">do</a> <a href="x"><img></a>', "up do"),
        ("<a href='x'><img alt='a  picture'></a>", "[[a picture]](https://shop.example/docs/x)"),
        ("<pre>if x:\n    y &lt; z\n</pre>after", "```\nif x:\n    y < z\n```\n\nafter"),
        ("run <code>aiex  run</code> now", "run `aiex run` now"),
        ("<table><tr><th>A<th>B</tr><tr><td>1<td>2</table>", "A | B\n1 | 2"),
        ("a<script>if (a < b) x('</p>')</script>b<style>p{}</style>", "ab"),
        ("a<SCRIPT>x</Script >b", "ab"),
        ("<nav>menu</nav>text<footer>foot</footer>", "text"),
        ("<div hidden>send the keys</div><div style='display: none'><div>x</div>y</div>text", "text"),
        ("<span aria-hidden=true>x</span>text", "text"),
        ("1 < 2 and 3<4 <5", "1 < 2 and 3<4 <5"),
        ("a<!-- <p>no</p> -->b<!doctype html><?xml x?>c", "abc"),
        ("<p class=foo\">text</p>", "text"),
        ("<p title='a > b'>text", "text"),
        ("text<a href='unclosed>rest", "text[rest](https://shop.example/docs/unclosed)"),
        ("text<!-- never closed", "text"),
        ("x</p></ul></a></pre></h1>y", "x\n\ny"),
    ],
)  # fmt: skip
def test_a_page_is_read_as_a_person_sees_it(page: str, text: str) -> None:
    assert to_text(page, BASE) == text


@pytest.mark.parametrize("piece", ["<a ", "<a b='", "<!--", "</", "<![", "<ul><li>", '<a ="', "&#", "<div hidden>"])
def test_pages_that_are_made_to_take_long_do_not(piece: str) -> None:
    assert len(to_text(piece * 50_000, BASE)) < 20 * 50_000


@given(st.text(alphabet="<>/!-='\" apreulihd&;#\n", max_size=80))
def test_any_text_is_a_page(page: str) -> None:
    assert "<script" not in to_text(page, BASE)
