"""Requests to the site in this process: server time without a network."""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from django.urls import Resolver404, resolve

from telemetry_site.wsgi import application


class Answered(NamedTuple):
    status: str
    seconds: float
    body: bytes


def get(address: str) -> Answered:
    """Ask for an address; the time until the last byte of the answer."""
    started = time.perf_counter()
    status: list[str] = []
    body = b"".join(stream(address, status))
    return Answered(status[0], time.perf_counter() - started, body)


def stream(address: str, status: list[str]) -> Iterator[bytes]:
    """The body in pieces, as the server would send them."""

    def start_response(line: str, headers: Any) -> Callable[[bytes], object]:
        status.append(line)
        return _no_write

    answer = application(_environ(address), start_response)
    try:
        yield from answer
    finally:
        with suppress(AttributeError):
            answer.close()  # type: ignore[attr-defined]


def _no_write(_part: bytes) -> None:
    raise RuntimeError("A part of the answer went another way, and is not counted")


def has(path: str) -> bool:
    """Whether the site has a page there."""
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


def _environ(address: str) -> dict[str, Any]:
    parts = urlsplit(address)
    return {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path, encoding="latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
