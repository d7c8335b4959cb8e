"""One POST to an address that anybody may have written: checked, pinned, bounded.

Sockets of the standard library do: they connect to the very address that was checked,
keep the name for TLS and Host, and know neither redirects nor proxies. An HTTP library
would have to be talked out of all three, and bounds each read instead of the whole.
"""

import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from typing import Any

from alerts.targets import Allowed, Target, parse, problem

SECONDS = 10.0
"""For everything together, once the name is resolved."""
LARGEST_BODY = 65_536
_LONGEST_STATUS = 1024
_MOST_PLACES = 4
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r\n]")

Place = tuple[socket.AddressFamily, Any]
"""An address as the resolver returns it, and as a socket connects to it."""


class Undelivered(Exception):
    """A message was not accepted; the text says why, and quotes nobody."""


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    allowed: Allowed,
    seconds: float = SECONDS,
) -> None:
    """Send ``body``; returns when the answer is 2xx, and raises Undelivered otherwise.

    The answer is read no further than its status.
    """
    if len(body) > LARGEST_BODY:
        raise Undelivered("The message is too large")
    try:
        target = parse(url)
    except ValueError as error:
        raise Undelivered(str(error)) from error
    try:
        status = _exchange(target, _request(target, body, headers), allowed, seconds)
    except TimeoutError as error:
        raise Undelivered(f"No answer within {seconds:g} seconds") from error
    except ssl.SSLCertVerificationError as error:
        raise Undelivered("Its certificate is not accepted") from error
    except ssl.SSLError as error:
        raise Undelivered("It does not speak TLS as we do") from error
    except OSError as error:
        text = error.strerror or type(error).__name__
        raise Undelivered(f"No connection: {text}") from error
    if not 200 <= status < 300:
        raise Undelivered(f"The answer was {status}")


def _request(target: Target, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [
        f"POST {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "User-Agent: telemetry-server",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _exchange(target: Target, request: bytes, allowed: Allowed, seconds: float) -> int:
    places = _resolve(target)
    for _, place in places:
        if why := problem(target, place[0], allowed):
            raise Undelivered(why)
    deadline = time.monotonic() + seconds
    with closing(_connect(target, places, deadline)) as connection:
        connection.settimeout(_left(deadline))
        connection.sendall(request)
        return _status(connection, deadline)


def _resolve(target: Target) -> list[Place]:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Undelivered("Its host name is not known") from error
    return [(family, place) for family, _, _, _, place in found[:_MOST_PLACES]]


def _connect(target: Target, places: list[Place], deadline: float) -> socket.socket:
    """A connection to the first of these addresses that takes it, each in its turn."""
    for others, place in zip(range(len(places), 1, -1), places, strict=False):
        with suppress(OSError):
            share = time.monotonic() + _left(deadline) / others
            return _connected(target, place, share)
    return _connected(target, places[-1], deadline)


def _connected(target: Target, place: Place, deadline: float) -> socket.socket:
    connection = socket.socket(place[0], socket.SOCK_STREAM)
    try:
        connection.settimeout(_left(deadline))
        connection.connect(place[1])
        if not target.secure:
            return connection
        connection.settimeout(_left(deadline))
        return _context().wrap_socket(connection, server_hostname=target.host)
    except BaseException:
        connection.close()
        raise


def _context() -> ssl.SSLContext:
    return ssl.create_default_context()


def _status(connection: socket.socket, deadline: float) -> int:
    answer = b""
    while b"\n" not in answer and len(answer) < _LONGEST_STATUS:
        connection.settimeout(_left(deadline))
        received = connection.recv(_LONGEST_STATUS)
        if not received:
            break
        answer += received
    found = _STATUS.match(answer)
    if found is None:
        raise Undelivered("It does not speak HTTP")
    return int(found[1])


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
