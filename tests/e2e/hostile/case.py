"""One hostile request, and how to send it."""

import socket
from contextlib import suppress
from http.client import HTTPException, HTTPResponse
from typing import NamedTuple

from tests.factories import TELEMETRY_ID, request, values

TID = ("X-Telemetry-TID", TELEMETRY_ID)
CLOSED = "closed"


class Case(NamedTuple):
    """A request byte for byte, and its answers: statuses, or closed without one.

    ``answer`` lists alternatives where it depends on how much the server had read;
    ``site`` is for the site, when it answers otherwise than a collector alone.
    """

    name: str
    data: bytes
    answer: str
    site: str = ""

    def allows(self, outcome: str, app: str) -> bool:
        expected = self.answer
        if self.site and app == "telemetry_site.wsgi":
            expected = self.site
        return outcome in expected.split(" or ")


class Outcome(NamedTuple):
    """Every status that came back, and every body."""

    statuses: tuple[int, ...]
    bodies: bytes = b""

    def __str__(self) -> str:
        return ", ".join(map(str, self.statuses)) or CLOSED


def framed(
    *lines: tuple[str, str], body: bytes = b"", target: str = "/v2/collector"
) -> bytes:
    """A record whose headers end with these; nothing about its length is added."""
    sent = [*values().items(), TID, *lines]
    return request(sent, body, target=target, length=False)


def smuggled() -> bytes:
    """A whole request that must never be taken for one."""
    return request(
        [*values(classification="smuggled/by/this").items(), TID], b"x", target="/"
    )


def exchange(port: int, data: bytes, timeout: float = 15) -> Outcome:
    """Send the bytes, say that there are no more, and read all answers."""
    statuses: list[int] = []
    bodies = b""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        # The server may refuse, and close, while the rest is being sent.
        with suppress(OSError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        with suppress(OSError, HTTPException), connection.makefile("rb") as stream:
            while stream.peek(1):
                response = HTTPResponse(_Kept(stream), method=data[:5].strip().decode())
                response.begin()
                statuses.append(response.status)
                bodies += response.read()
    return Outcome(tuple(statuses), bodies)


class _Kept:
    """A socket for HTTPResponse whose stream survives the response."""

    def __init__(self, stream):
        self._stream = stream

    def makefile(self, _mode):
        return self

    def readline(self, *args):
        return self._stream.readline(*args)

    def read(self, *args):
        return self._stream.read(*args)

    def readinto(self, buffer):
        return self._stream.readinto(buffer)

    def flush(self):
        """Asked for by HTTPResponse."""

    def close(self):
        """The stream is closed by its owner."""
