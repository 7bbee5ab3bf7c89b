"""The fence around the tests holds."""

import os
import socket

import pytest


def test_connecting_beyond_loopback_fails():
    with socket.socket() as connection, pytest.raises(AssertionError, match="stay on loopback"):
        connection.connect(("192.0.2.1", 80))


def test_looking_up_a_foreign_name_fails():
    with pytest.raises(AssertionError, match="stay on loopback"):
        socket.create_connection(("example.org", 80), timeout=1)


def test_loopback_is_open():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        peer, _ = server.accept()
        with peer:
            client.sendall(b"hello")
            assert peer.recv(5) == b"hello"


def test_home_is_a_folder_of_the_test(home):
    assert os.path.expanduser("~") == str(home)
    assert os.environ["AIEX_CACHE_DIR"].startswith(str(home))


def test_no_key_reaches_a_test():
    assert [name for name in os.environ if name.endswith("_API_KEY")] == []


def test_a_closed_port_refuses_connections(closed_port):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", closed_port), timeout=1)
