"""A gunicorn worker that gathers the requests that are there and commits them together.

It is gunicorn's threaded worker, with a shorter way for what a collector is sent all
day: a small POST to one of its addresses. Those are read in the main loop, without a
thread each; when no more is to be read, one transaction stores them all, and all are
answered. Every other request goes to the threads. docs/adr/0002 has the measurements.
"""

import re
import selectors
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from gunicorn import http
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from records.collector.answer import Answer, Environ

if TYPE_CHECKING:
    from records.collector.views import Waiting

MAX_GATHERED = 100
"""Requests in one transaction, at most."""

_MAX_BODY = 300 * 1024  # a longer one, and a chunked one, is read by a thread
_MAX_HEAD = 32 * 1024
_SECONDS = 10.0  # a request that is not complete by then is not a client's
_ACCEPTED = 64  # connections taken from the listener at once
_RECEIVED = 64 * 1024
_RECEIVE_LIMIT = struct.pack("ll", int(_SECONDS), 0)

_COLLECTED = re.compile(
    rb"POST (?:https?://[^/ ]+)?/(?:v[23]/collector)?/? HTTP/1\.1\r\n"
)
_METHOD = re.compile(rb"[A-Z]{1,20}(?: |\Z)")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect:[ \t]*100-continue", re.IGNORECASE)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class GatheringApplication(Protocol):
    """A WSGI application whose requests have two halves (see `Collector`)."""

    def begin(self, environ: Environ) -> "Answer | Waiting": ...

    def finish(self, waiting: "Sequence[Waiting]") -> list[Answer]: ...


class _Request:
    """A connection whose request is being read in the main loop."""

    __slots__ = ("client", "data", "deadline", "polled", "server", "sock", "told")

    def __init__(self, sock: Any, client: Any, server: Any) -> None:
        self.sock = sock
        self.client = client
        self.server = server
        self.data = b""
        self.deadline = time.monotonic() + _SECONDS
        self.polled = False
        self.told = False  # that the body may follow (100 Continue)


# What is known of a request from the bytes read so far.
_MORE, _COMPLETE, _OTHER = range(3)


def _progress(data: bytes) -> int:
    """Whether ``data`` is a whole request to gather, part of one, or another kind."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        begun = len(data) < _MAX_HEAD and _METHOD.match(data)
        return _MORE if begun else _OTHER
    if not _COLLECTED.match(data):
        return _OTHER
    head = data[: end + 2]
    lengths = _LENGTH.findall(head)
    if len(lengths) != 1 or _CHUNKED.search(head) or int(lengths[0]) > _MAX_BODY:
        return _OTHER
    missing = end + 4 + int(lengths[0]) - len(data)
    if missing == 0:
        return _COMPLETE
    return _MORE if missing > 0 else _OTHER


class GatheringWorker(ThreadWorker):  # type: ignore[misc]
    """``worker_class`` for the collector, alone or mounted in the site."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reading: set[_Request] = set()
        self._complete: list[_Request] = []

    def accept(self, listener: Any) -> None:
        if self.cfg.is_ssl:
            super().accept(listener)
            return
        server = listener.getsockname()
        for _ in range(min(_ACCEPTED, self.worker_connections - self.nr_conns)):
            try:
                sock, client = listener.accept()
            except OSError:  # nobody is waiting, or there is no file descriptor left
                return
            self.nr_conns += 1
            sock.setblocking(False)
            self._read(_Request(sock, client, server))

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(timeout)
        while self._complete:
            some = self._complete[:MAX_GATHERED]
            self._complete = self._complete[MAX_GATHERED:]
            self._serve(some)

    def murder_pending(self) -> None:
        super().murder_pending()
        now = time.monotonic()
        for request in [each for each in self._reading if each.deadline < now]:
            self._forget(request)
            self._close(request)

    # --- Reading --------------------------------------------------------------------

    def _read(self, request: _Request, sock: Any = None) -> None:
        """Take what has arrived, and decide which way the request goes."""
        try:
            data = request.sock.recv(_RECEIVED)
        except BlockingIOError:
            self._poll(request)
            return
        except OSError:
            data = b""
        if not data:
            self._forget(request)
            self._close(request)
            return
        request.data += data
        progress = _progress(request.data)
        if progress == _MORE:
            self._tell_to_continue(request)
            self._poll(request)
            return
        self._forget(request)
        if progress == _COMPLETE:
            self._complete.append(request)
        else:
            self._hand_over(request)

    def _poll(self, request: _Request) -> None:
        if not request.polled:
            request.polled = True
            self._reading.add(request)
            read = partial(self._read, request)
            self.poller.register(request.sock, selectors.EVENT_READ, read)

    def _forget(self, request: _Request) -> None:
        if request.polled:
            request.polled = False
            self._reading.discard(request)
            self.poller.unregister(request.sock)

    def _tell_to_continue(self, request: _Request) -> None:
        head, end, _ = request.data.partition(b"\r\n\r\n")
        if end and not request.told and _EXPECT.search(head):
            request.told = True
            with suppress(OSError):  # a client that left is noticed when it is read
                request.sock.send(_CONTINUE)

    def _hand_over(self, request: _Request) -> None:
        """Let a thread serve the connection, beginning with what was read of it.

        The thread sets the socket to blocking; this limit stays: a client that stops in
        the middle of its body gives the thread back.
        """
        request.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _RECEIVE_LIMIT)
        conn = TConn(self.cfg, request.sock, request.client, request.server)
        conn.initialized = conn.data_ready = True
        conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
        conn.parser.unreader.unread(request.data)
        self.enqueue_req(conn)

    # --- Answering ------------------------------------------------------------------

    def _serve(self, requests: Sequence[_Request]) -> None:
        waiting = []
        for request in requests:
            begun = self._begin(request)
            if isinstance(begun, Answer):
                self._send(request, begun)
            elif begun:
                waiting.append((request, begun))
        if waiting:
            answers = self.wsgi.finish([each for _, each in waiting])
            for (request, _), answer in zip(waiting, answers, strict=True):
                self._send(request, answer)

    def _begin(self, request: _Request) -> "Answer | Waiting | None":
        try:
            parsed = next(http.get_parser(self.cfg, [request.data], request.client))
            parsed._expected_100_continue = False  # it was told, and has sent the body
            _, environ = wsgi.create(
                parsed, request.sock, request.client, request.server, self.cfg
            )
            begun: Answer | Waiting = self.wsgi.begin(environ)
        except Exception as error:  # noqa: BLE001
            request.sock.settimeout(1)
            self.handle_error(None, request.sock, request.client, error)
            self._close(request)
            return None
        return begun

    def _send(self, request: _Request, answer: Answer) -> None:
        rest = _response(answer)
        try:
            rest = rest[request.sock.send(rest) :]
        except BlockingIOError:
            pass
        except OSError:
            self.log.debug("A client left before its answer")
            rest = b""
        if rest:
            self.tpool.submit(self._send_slowly, request, rest)
        else:
            self._close(request)

    def _send_slowly(self, request: _Request, data: bytes) -> None:
        """In a thread: what did not fit into the socket's buffer."""
        try:
            request.sock.settimeout(_SECONDS)
            request.sock.sendall(data)
        except OSError:
            self.log.debug("A client left before its answer")
        finally:
            self.method_queue.defer(self._close, request)

    def _close(self, request: _Request) -> None:
        request.sock.close()
        self.nr_conns -= 1


def _response(answer: Answer) -> bytes:
    lines = [
        f"HTTP/1.1 {answer.status}",
        f"Content-Type: {answer.content_type}",
        f"Content-Length: {len(answer.body)}",
        "Connection: close",
        *(f"{name}: {value}" for name, value in answer.headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
