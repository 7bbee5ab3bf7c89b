"""What befalls a store on a server: it is away, cut off, newer, or not ours to write."""

from __future__ import annotations

import psycopg
import pytest

from aiex.errors import StoreError
from aiex.sessions.stores import Draft, postgres
from aiex.sessions.stores.postgres import LOCK_KEY, PostgresStore
from aiex.sqlite import NewerStore, ReadOnlyStore
from tests.fakes.postgres_server import NoServer, PostgresServer, shared_server

ONE = "0123456789abcdef"
DRAFT = Draft(1, 1, "noted", 1, b"{}", b"a" * 16)


@pytest.fixture(scope="session")
def server() -> PostgresServer:
    try:
        return shared_server()
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture
def address(server: PostgresServer) -> str:
    return server.new_address()


def ask(address: str, statement: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)


def cut_off(address: str) -> None:
    """As a restart of the server, or a broken line, looks to everybody connected."""
    ask(address, "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()")


def test_a_server_that_is_away_is_a_store_error_without_the_password():
    with pytest.raises(StoreError, match=r"cannot reach postgresql://127\.0\.0\.1:1/shop") as caught:
        PostgresStore("postgresql://ada:geheim@127.0.0.1:1/shop")
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "address",
    [
        "ada:geheim@127.0.0.1/shop",
        "postgresql://ada:x/geheim@127.0.0.1:1/shop",
        "postgresql://ada:x@geheim@127.0.0.1:1/shop",
        "postgresql://ada:geheim@[::1/shop",
        "host=127.0.0.1 port=1 password=x geheim",
    ],
)
def test_an_address_that_cannot_be_read_is_refused_without_a_word_of_it(address: str):
    with pytest.raises(StoreError, match="its address cannot be read") as caught:
        PostgresStore(address)
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "address", ["postgresql://ada:gehe%40im@127.0.0.1:1/shop", "host=127.0.0.1 port=1 dbname=shop"]
)
def test_a_server_is_named_however_its_address_is_written(address: str):
    with pytest.raises(StoreError, match=r"cannot reach postgresql://127\.0\.0\.1:1/shop"):
        PostgresStore(address)


def test_tables_of_a_later_version_are_left_alone(address: str):
    PostgresStore(address).close()
    ask(address, "update aiex_schema set version = 9")
    with pytest.raises(NewerStore, match="version 9"):
        PostgresStore(address)


def test_a_store_that_was_cut_off_connects_again(address: str):
    store = PostgresStore(address)
    store.append(ONE, [DRAFT], after_seq=0, synced=True)
    cut_off(address)
    with pytest.raises(StoreError, match="cannot reach"):
        store.append(ONE, [DRAFT], after_seq=1, synced=True)
    store.append(ONE, [DRAFT], after_seq=1, synced=True)
    assert [row.seq for row in store.read(ONE)] == [1, 2]
    store.close()


def test_a_database_that_is_only_read_says_so(address: str):
    PostgresStore(address).close()
    store = PostgresStore(address.replace("options='", "options='-c default_transaction_read_only=on "))
    with pytest.raises(ReadOnlyStore):
        store.append(ONE, [DRAFT], after_seq=0, synced=True)
    assert store.sessions() == []
    store.close()


def test_an_append_waits_for_the_one_before_it_and_not_for_ever(address: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "WAIT_WITHIN_S", 0.05)
    store = PostgresStore(address)
    with psycopg.connect(address) as other:
        other.execute("select pg_advisory_xact_lock(%s)", (LOCK_KEY,))
        with pytest.raises(StoreError, match="another process holds it"):
            store.append(ONE, [DRAFT], after_seq=0, synced=False)
    store.append(ONE, [DRAFT], after_seq=0, synced=False)
    store.close()
