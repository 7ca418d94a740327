"""SnapStart: a function's container may be a copy of one that was made long before, together with other copies."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from parley.ids import Ids
from parley.runtime import Runtime
from parley.settings import Settings
from parley.store import keys


@contextmanager
def hanging_up() -> Iterator[tuple[str, list[bytes]]]:
    """A DynamoDB that answers one request per connection and then closes it without a word; what it was asked."""
    asked: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                asked.append(connection.recv(65536))
                body = b'{"Item":{"pk":{"S":"x"},"sk":{"S":"y"},"sid":{"S":"z"}}}'
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: {len(body)}\r\n\r\n"
                connection.sendall(head.encode() + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", asked
    finally:
        listening.close()


def test_a_connection_that_was_closed_meanwhile_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    with hanging_up() as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        table = Runtime(Settings.from_environment({**os.environ, "PARLEY_TABLE": "table"})).started("table").table
        assert asked == [], "a snapshot holds no connection"
        for _ in range(3):
            found = table.fetch(keys.user("US"))
            assert found and found["sid"] == "z"
    assert len(asked) == 3


def test_copies_of_a_container_give_out_different_ids() -> None:
    runtime = Runtime(Settings(table="table"), client=lambda service: None)
    runtime.ids.unique()

    def copy() -> str:
        reading, writing = os.pipe()
        if os.fork() == 0:
            os.write(writing, _all(runtime.ids).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as text:
            given = text.read()
        os.wait()
        return given

    first, second = copy().split(), copy().split()
    assert len(first) == len(second) == 3
    assert not set(first) & set(second)


def _all(ids: Ids) -> str:
    return " ".join([ids.unique(), ids.sid("CH"), ids.sid("IS")])
