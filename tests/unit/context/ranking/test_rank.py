from itertools import pairwise

import pytest

from aiex import plugins
from aiex.context.ranking.rank import load_signals
from aiex.context.ranking.signal import Hints
from aiex.context.ranking.signals import ROOM
from tests.unit.context.ranking.corpora import Sources, ask, files

BASKET = '''"""The basket of a customer."""


class Basket:
    """What a customer wants to buy."""

    def add_item(self, item, amount):
        self.items[item] = self.items.get(item, 0) + amount

    def total_price(self, rates):
        return sum(rates[item] * amount for item, amount in self.items.items())
'''
STORE = """def open_connection(address, timeout):
    for attempt in range(3):
        connect(address, timeout)


def close_connection(connection):
    connection.flush()
"""
TEST_STORE = """from shop.store import open_connection

def test_reconnects_after_a_hiccup():
    assert open_connection("here", 3)
"""


def make_shop(**more: str) -> Sources:
    sources = {"shop/basket.py": BASKET, "shop/store.py": STORE, "tests/test_store.py": TEST_STORE, **more}
    return Sources(sources, {"tests/test_store.py": ["shop/store.py"], "shop/basket.py": ["shop/store.py"]})


def test_the_function_a_request_speaks_of_comes_first() -> None:
    first = ask(make_shop(), "Wrong total price when rates are missing")[0]
    assert (first.path, first.symbol, first.start_line) == ("shop/basket.py", "Basket.total_price", 10)


def test_every_result_says_why() -> None:
    assert all(result.why for result in ask(make_shop(), "Retry `open_connection` of shop/store.py"))
    first = ask(make_shop(), "Retry `open_connection` of shop/store.py")[0]
    assert "defines open_connection" in first.why
    assert "says store.py" in first.why


def test_tests_come_after_sources_and_are_not_left_out() -> None:
    found = files(ask(make_shop(), "open connection"))
    assert found.index("shop/store.py") < found.index("tests/test_store.py")


def test_a_test_leads_to_the_source_it_imports() -> None:
    found = ask(make_shop(), "reconnects after a hiccup")
    assert "tested by test_store" in next(result for result in found if result.path == "shop/store.py").why


def test_a_line_of_a_stack_trace_leads_to_the_function() -> None:
    trace = 'Crash\n\n  File "/srv/app/shop/store.py", line 7, in close_connection\n    boom'
    assert ask(make_shop(), trace)[0].symbol == "close_connection"


def test_targets_of_the_caller_come_first() -> None:
    text = "amount of the connection"
    assert files(ask(make_shop(), text, Hints(targets=("shop/store.py",))))[0] == "shop/store.py"
    assert files(ask(make_shop(), text, Hints(targets=("shop/basket.py",))))[0] == "shop/basket.py"


def test_open_and_edited_files_are_told_as_reasons() -> None:
    found = ask(make_shop(), "amount", Hints(open_files=("shop/store.py", "gone.py"), edited=("shop/basket.py",)))
    assert "edited lately" in next(result for result in found if result.path == "shop/basket.py").why
    assert "open" in next(result for result in found if result.path == "shop/store.py").why


def test_nearest_vectors_lead_to_files_without_a_common_word() -> None:
    shop = make_shop()
    number = shop.names.index("close_connection")
    found = ask(shop, "zzz", Hints(nearest=((number, 0.9),)))
    assert (found[0].path, found[0].symbol) == ("shop/store.py", "close_connection")


def test_scores_fall_and_results_are_unlike() -> None:
    found = ask(make_shop(), "add an item to the basket, connect to the store with a timeout")
    assert all(left.score >= right.score for left, right in pairwise(found))
    assert len({(result.path, result.start_line) for result in found}) == len(found)


@pytest.mark.parametrize("text", ["", "???", "\udcff", "the and of", "qwertz", "x" * 200_000])
def test_requests_without_a_known_word_find_nothing(text: str) -> None:
    assert ask(make_shop(), text) == []


def test_an_empty_repository_holds_nothing() -> None:
    assert ask(Sources({}), "anything") == []


@pytest.mark.parametrize("signal", plugins.names(ROOM))
def test_every_signal_can_be_left_out(signal: str) -> None:
    assert files(ask(make_shop(), "open connection in shop/store.py", without=[signal]))[0] == "shop/store.py"


def test_signals_are_found_by_file_name() -> None:
    assert list(load_signals()) == plugins.names(ROOM)
