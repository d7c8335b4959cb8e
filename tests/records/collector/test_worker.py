"""The gathering worker, where sockets of this machine are too large to show it."""

import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from records.collector.answer import Answer
from records.collector.worker import GatheringWorker, _Request


@pytest.fixture
def worker() -> Iterator[Any]:
    """A worker without its process: what sending an answer needs."""
    worker: Any = GatheringWorker.__new__(GatheringWorker)
    worker.log = logging.getLogger("tests")
    worker.nr_conns = 1
    worker.method_queue = SimpleNamespace(defer=lambda step, *args: step(*args))
    with ThreadPoolExecutor(1) as worker.tpool:
        yield worker


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A connection with small buffers: the server's end, and the client's."""
    server, client = socket.socketpair()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    server.setblocking(False)
    client.settimeout(5)
    with server, client:
        yield server, client


def received(client: socket.socket) -> bytes:
    data = b""
    while chunk := client.recv(65536):
        data += chunk
    return data


@pytest.mark.parametrize("size", [10, 100_000, 2_000_000])
def test_an_answer_of_any_length_arrives_whole(worker, ends, size):
    server, client = ends
    worker._send(_Request(server, None, None), Answer("201 Created", b"x" * size))
    head, _, body = received(client).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 Created\r\n")
    assert f"Content-Length: {size}".encode() in head
    assert body == b"x" * size
    worker.tpool.shutdown()
    assert worker.nr_conns == 0


def test_a_client_that_left_before_its_answer_is_forgotten(worker, ends):
    server, client = ends
    client.close()
    worker._send(_Request(server, None, None), Answer("201 Created", b"x"))
    assert worker.nr_conns == 0
    assert server.fileno() == -1
