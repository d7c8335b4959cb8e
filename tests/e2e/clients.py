"""Clients that send for as long as they are let, and again what was not delivered."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPException

from tests.factories import header_request, json_body, json_request, values
from tests.server import RawResponse, raw_request

REST = 0.05  # seconds that a client waits after a failure


class Fleet:
    """Clients in threads; each has one record in hand until it is delivered.

    As real clients have it, only a 201 with a whole body is a delivery; after anything
    else the same record is sent again. After a delivery each rests for ``pause``
    seconds, which leaves the machine to what happens beside them.
    """

    def __init__(
        self, port: int, clients: int, payload: int = 200, pause: float = 0.0
    ) -> None:
        self.delivered: dict[str, int] = {}
        """Ids of records by event id, as they were answered."""
        self.failures = 0
        self.slowest = 0.0
        """Seconds until the answer to an attempt, at most."""
        self._port = port
        self._clients = clients
        self._payload = payload
        self._pause = pause
        self._stop = threading.Event()

    @contextmanager
    def sending(self) -> Iterator[None]:
        with ThreadPoolExecutor(self._clients) as pool:
            running: list[Future[None]] = [
                pool.submit(self._send, n) for n in range(self._clients)
            ]
            try:
                yield
            finally:
                self._stop.set()
            for each in running:
                each.result(30)

    def wait_for(self, more: int, timeout: float = 15) -> None:
        """Until so many more records are delivered."""
        wanted, end = len(self.delivered) + more, time.monotonic() + timeout
        while len(self.delivered) < wanted:
            assert time.monotonic() < end, f"{self.failures} failures"
            time.sleep(0.005)

    def wait_for_failures(self, more: int, timeout: float = 15) -> None:
        """Until so many more attempts have failed."""
        wanted, end = self.failures + more, time.monotonic() + timeout
        while self.failures < wanted:
            assert time.monotonic() < end, f"{len(self.delivered)} delivered"
            time.sleep(0.005)

    def _send(self, client: int) -> None:
        while not self._stop.is_set():
            sent = values()
            data = header_request(sent, b"x" * self._payload)
            if client % 2:
                data = json_request(json_body(sent, "x" * self._payload))
            self._deliver(sent["event_id"], data)
            self._stop.wait(self._pause)

    def _deliver(self, event_id: str, data: bytes) -> None:
        """Send until it is delivered; at the end, for some seconds more."""
        give_up = None
        while give_up is None or time.monotonic() < give_up:
            answer = self._attempt(data)
            if answer is not None and answer.status == 201:
                self.delivered[event_id] = json.loads(answer.body)["id"]
                return
            self.failures += 1
            if self._stop.is_set() and give_up is None:
                give_up = time.monotonic() + 5
            time.sleep(REST)

    def _attempt(self, data: bytes) -> RawResponse | None:
        start = time.monotonic()
        try:
            return raw_request(self._port, data)
        except (OSError, HTTPException):
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - start)
