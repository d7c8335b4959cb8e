"""The collector as a WSGI application: read, parse, wait for the commit, answer.

It stands alone: no Django request cycle, no session, no template. The same callable is
the collector's own process and is mounted in front of the site (telemetry_site/wsgi.py).
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import orjson
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from records.collector.refusal import Code, Refusal
from records.collector.requests import Parsed, submissions, too_large
from records.collector.writer import Unavailable, Unstorable, Writer
from records.objects import record_object
from records.refused import Keeper, RefusedRequest
from records.store import Stored, store
from records.submission import Submission
from records.telemetry_ids import KnownIds

log = logging.getLogger(__name__)

PATHS = frozenset({"/", "/v2/collector", "/v3/collector"})
BATCH_TYPE = "application/x-ndjson"

_BATCH_FACTOR = 16  # a batch may be so many times as long as a payload
_DRAIN_LIMIT = 8 << 20
_CHUNK = 64 << 10
_RETRY_AFTER = "30"
_REFUSED_WAITING = 200


class StartResponse(Protocol):
    def __call__(
        self, status: str, headers: list[tuple[str, str]], /
    ) -> Callable[[bytes], object]: ...


Environ = dict[str, Any]


class Answer(NamedTuple):
    """Status line, body, and headers beyond type and length."""

    status: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"

    def send(self, start_response: StartResponse) -> Iterable[bytes]:
        fixed = [
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(self.body))),
        ]
        start_response(self.status, [*fixed, *self.headers])
        return [self.body]


def accepts(environ: Environ) -> bool:
    """Whether a request is for the collector when the site listens beside it."""
    return environ["REQUEST_METHOD"] == "POST" and _path(environ) in PATHS


def _path(environ: Environ) -> str:
    path: str = environ.get("PATH_INFO", "")
    return path.rstrip("/") or "/"


class Collector:
    """The WSGI application. Threads of one process share its writers."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._records: Writer[Submission, Stored] | None = None
        self._refused: Writer[RefusedRequest, bool] | None = None
        self._known_ids = KnownIds()

    def __call__(
        self, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        return self.answer(environ).send(start_response)

    def answer(self, environ: Environ) -> Answer:
        method, path = environ["REQUEST_METHOD"], _path(environ)
        if path not in PATHS:
            return _problem("404 Not Found", "There is no such address here")
        if method == "POST":
            return self._post(environ)
        if method in ("GET", "HEAD") and path == "/":
            location = ("Location", settings.TELEMETRY_SITE_URL)
            return Answer("302 Found", headers=(location,))
        return _problem("405 Method Not Allowed", "Send records by POST", ALLOW_POST)

    def close(self) -> None:
        """Commit what waits. Called when the process ends."""
        for writer in (self._records, self._refused):
            if writer:
                writer.close()

    def _post(self, environ: Environ) -> Answer:
        body = b""
        try:
            body = _read(environ, _limit(environ))
            return self._submit(environ, body)
        except Refusal as refusal:
            if refusal.code is Code.TOO_LARGE and not body:
                _drain(environ)
            return self._refuse(environ, body, refusal)
        except Unavailable as error:
            return _unavailable(str(error))
        except (DatabaseError, InterfaceError):
            return _unavailable("The store is down")
        except Exception:
            log.exception("The collector failed on a request")
            return _problem("500 Internal Server Error", "The collector failed")

    def _submit(self, environ: Environ, body: bytes) -> Answer:
        limit = settings.TELEMETRY_MAX_PAYLOAD
        parsed = submissions(environ, body, self._known_ids.get, limit)
        valid = [each for each in parsed if isinstance(each, Submission)]
        try:
            stored = self._record_writer().submit(valid) if valid else []
        except Unstorable as error:
            raise Refusal(Code.BODY, str(error)) from error
        if len(parsed) == 1:
            return _created(stored[0])
        return self._batch_answer(environ, body, parsed, stored)

    def _batch_answer(
        self,
        environ: Environ,
        body: bytes,
        parsed: Sequence[Parsed],
        stored: Sequence[Stored],
    ) -> Answer:
        """One line per line: the stored record, or why it was refused."""
        lines = [line for line in body.split(b"\n") if line.strip()]
        waiting = iter(stored)
        results = []
        for line, each in zip(lines, parsed, strict=True):
            if isinstance(each, Refusal):
                results.append(self._line_refused(environ, line, each))
            else:
                results.append({"status": 201, **_object(next(waiting))})
        text = b"".join(orjson.dumps(result) + b"\n" for result in results)
        return Answer("200 OK", text, content_type=BATCH_TYPE)

    def _line_refused(
        self, environ: Environ, line: bytes, refusal: Refusal
    ) -> dict[str, Any]:
        quarantined = self._keep(environ, line, refusal)
        return {"status": 201 if quarantined else refusal.status, **refusal.as_dict()}

    def _refuse(self, environ: Environ, body: bytes, refusal: Refusal) -> Answer:
        if self._keep(environ, body, refusal):
            text = {**refusal.as_dict(), "message": "accepted to quarantine"}
            return Answer("201 Created", orjson.dumps(text))
        return Answer(_STATUS[refusal.status], orjson.dumps(refusal.as_dict()))

    def _keep(self, environ: Environ, body: bytes, refusal: Refusal) -> bool:
        try:
            request = RefusedRequest(environ, body, refusal)
            return self._refused_writer().submit([request])[0]
        except (Unavailable, Unstorable):
            return False

    def _record_writer(self) -> Writer[Submission, Stored]:
        if self._records is None:
            with self._starting:
                self._records = self._records or Writer(store, settings.TELEMETRY_QUEUE)
        return self._records

    def _refused_writer(self) -> Writer[RefusedRequest, bool]:
        if self._refused is None:
            with self._starting:
                self._refused = self._refused or Writer(Keeper().keep, _REFUSED_WAITING)
        return self._refused


ALLOW_POST = (("Allow", "POST"),)
_STATUS = {400: "400 Bad Request", 413: "413 Content Too Large"}


def _limit(environ: Environ) -> int:
    factor = _BATCH_FACTOR if environ.get("CONTENT_TYPE", "") == BATCH_TYPE else 1
    return factor * int(settings.TELEMETRY_MAX_PAYLOAD)


def _read(environ: Environ, limit: int) -> bytes:
    """The body; raises Refusal when it is too long, cut short, or compressed."""
    if environ.get("HTTP_CONTENT_ENCODING", "identity").strip() != "identity":
        raise Refusal(Code.ENCODING, "Content-Encoding is not supported")
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not length.isdigit():
        raise Refusal(Code.BODY, "Content-Length is not a number")
    if length and int(length) > limit:
        raise too_large(limit)
    chunked = environ.get("HTTP_TRANSFER_ENCODING")
    body: bytes = environ["wsgi.input"].read(limit + 1 if chunked else int(length or 0))
    if len(body) > limit:
        raise too_large(limit)
    if not chunked and length and len(body) < int(length):
        raise Refusal(Code.BODY, "Body is shorter than Content-Length")
    return body


def _drain(environ: Environ) -> None:
    """Read what is left, within bounds: a sender that still writes reads no answer."""
    stream, left = environ["wsgi.input"], _DRAIN_LIMIT
    while left > 0 and (chunk := stream.read(_CHUNK)):
        left -= len(chunk)


def _object(stored: Stored) -> dict[str, Any]:
    return record_object(stored.id, stored.received_at, stored.submission)


def _created(stored: Stored) -> Answer:
    return Answer("201 Created", orjson.dumps(_object(stored)))


def _unavailable(message: str) -> Answer:
    headers = (("Retry-After", _RETRY_AFTER),)
    return _problem("503 Service Unavailable", message, headers)


def _problem(
    status: str, message: str, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    return Answer(status, orjson.dumps({"message": message}), headers)
