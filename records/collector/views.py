"""The collector as a WSGI application: read, parse, wait for the commit, answer.

It stands alone: no Django request cycle, no session, no template. The same callable
is the collector's own process and is mounted in front of the site.
"""

import logging
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import orjson
from django.conf import settings
from django.db import DatabaseError, InterfaceError

from records import metrics
from records.collector.answer import Answer, Environ, StartResponse
from records.collector.body import lines
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
QUARANTINED = "accepted to quarantine"

_BATCH_FACTOR = 16  # a batch may be so many times as long as a payload
_DRAIN_LIMIT = 8 << 20
_CHUNK = 64 << 10
_CODINGS = (
    ("Content-Encoding", "HTTP_CONTENT_ENCODING", "identity"),
    ("Transfer-Encoding", "HTTP_TRANSFER_ENCODING", "chunked"),
)
_LONGEST_LENGTH = 18  # digits of a Content-Length; int() refuses thousands of them
_RETRY_AFTER = "30"
_REFUSED_WAITING = 200


def accepts(environ: Environ) -> bool:
    """Whether a request is for the collector when the site listens beside it."""
    return environ["REQUEST_METHOD"] == "POST" and _path(environ) in PATHS


def _path(environ: Environ) -> str:
    path: str = environ.get("PATH_INFO", "")
    return path.rstrip("/") or "/"


class Waiting(NamedTuple):
    """A request that was understood: it waits for its records to be committed, or for a
    refusal to be noted."""

    environ: Environ
    body: bytes
    parsed: Sequence[Parsed]

    @property
    def submissions(self) -> list[Submission]:
        return [each for each in self.parsed if isinstance(each, Submission)]

    @property
    def refused(self) -> list[RefusedRequest]:
        """What is to be kept of it, in order: the request, or lines of its batch."""
        bodies = [self.body]
        if len(self.parsed) > 1:
            bodies = lines(self.body)
        return [
            RefusedRequest(self.environ, body, each)
            for body, each in zip(bodies, self.parsed, strict=True)
            if isinstance(each, Refusal)
        ]

    def answer(self, stored: Sequence[Stored], quarantined: Sequence[bool]) -> Answer:
        """The answer, given what became of `submissions` and of `refused`."""
        records, kept = iter(stored), iter(quarantined)
        if len(self.parsed) == 1:
            (single,) = self.parsed
            if isinstance(single, Refusal):
                return _refused(single, next(kept))
            return _created(next(records))
        results = (
            _line_refused(each, next(kept))
            if isinstance(each, Refusal)
            else {"status": 201, **_object(next(records))}
            for each in self.parsed
        )
        text = b"".join(orjson.dumps(result) + b"\n" for result in results)
        return Answer("200 OK", text, content_type=BATCH_TYPE)


class Collector:
    """The WSGI application. Threads of one process share its writers.

    `begin` and `Waiting.answer` are the two halves of a request: a server that gathers
    requests itself (worker.py) commits many between them.
    """

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
        begun = self.begin(environ)
        return begun if isinstance(begun, Answer) else self._finish(begun)

    def begin(self, environ: Environ) -> Answer | Waiting:
        """Read and parse: the answer, or a request that waits for a commit."""
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

    def _post(self, environ: Environ) -> Answer | Waiting:
        body = b""
        try:
            body = _read(environ, _limit(environ))
            limit = settings.TELEMETRY_MAX_PAYLOAD
            parsed = submissions(environ, body, self._known_ids.get, limit)
        except Refusal as refusal:
            if refusal.code is Code.TOO_LARGE:
                _drain(environ)
            return Waiting(environ, body, [refusal])
        except (DatabaseError, InterfaceError):
            return unavailable("The store is down")
        except Exception:
            log.exception("The collector failed on a request")
            return failed()
        return Waiting(environ, body, parsed)

    def _finish(self, request: Waiting) -> Answer:
        """Wait for the group commit of the process."""
        wanted, stored = request.submissions, []
        try:
            stored = self._record_writer().submit(wanted) if wanted else []
        except Unavailable as error:
            return unavailable(str(error))
        except Unstorable:
            request = Waiting(request.environ, request.body, [UNSTORABLE])
        return request.answer(stored, self._keep(request.refused))

    def _keep(self, refused: list[RefusedRequest]) -> list[bool]:
        try:
            return self._refused_writer().submit(refused) if refused else []
        except (Unavailable, Unstorable):
            return [False] * len(refused)

    def _record_writer(self) -> Writer[Submission, Stored]:
        with self._starting:
            if self._records is None:
                self._records = Writer(store, settings.TELEMETRY_QUEUE)
            return self._records

    def _refused_writer(self) -> Writer[RefusedRequest, bool]:
        with self._starting:
            if self._refused is None:
                self._refused = Writer(Keeper().keep, _REFUSED_WAITING)
            return self._refused


UNSTORABLE = Refusal(Code.BODY, "The database refuses this record")
ALLOW_POST = (("Allow", "POST"),)
_STATUS = {400: "400 Bad Request", 413: "413 Content Too Large"}


def _limit(environ: Environ) -> int:
    factor = _BATCH_FACTOR if environ.get("CONTENT_TYPE", "") == BATCH_TYPE else 1
    return factor * int(settings.TELEMETRY_MAX_PAYLOAD)


def _read(environ: Environ, limit: int) -> bytes:
    """The body; raises Refusal when it is too long, cut short, or compressed."""
    for name, key, known in _CODINGS:
        if environ.get(key, "").strip().lower() not in ("", known):
            raise Refusal(Code.ENCODING, f"{name} is not supported")
    length = environ.get("CONTENT_LENGTH") or ""
    if length and not (length.isascii() and length.isdigit()):
        raise Refusal(Code.BODY, "Content-Length is not a number")
    if len(length) > _LONGEST_LENGTH or int(length or 0) > limit:
        raise too_large(limit)
    chunked = environ.get("HTTP_TRANSFER_ENCODING")
    body = _read_stream(environ, limit + 1 if chunked else int(length or 0))
    if len(body) > limit:
        raise too_large(limit)
    if not chunked and length and len(body) < int(length):
        raise Refusal(Code.BODY, "Body is shorter than Content-Length")
    return body


def _read_stream(environ: Environ, size: int) -> bytes:
    try:
        data: bytes = environ["wsgi.input"].read(size)
    except Exception as error:  # each server has its own for a broken body
        raise Refusal(Code.BODY, "Body cannot be read") from error
    return data


def _drain(environ: Environ) -> None:
    """Read what is left, within bounds: a sender that still writes reads no answer."""
    left = _DRAIN_LIMIT
    with suppress(Refusal):
        while left > 0 and (chunk := _read_stream(environ, _CHUNK)):
            left -= len(chunk)


def _object(stored: Stored) -> dict[str, Any]:
    return record_object(stored.id, stored.received_at, stored.submission)


def _created(stored: Stored) -> Answer:
    return Answer("201 Created", orjson.dumps(_object(stored)))


def unavailable(message: str) -> Answer:
    metrics.UNAVAILABLE.inc()
    headers = (("Retry-After", _RETRY_AFTER),)
    return _problem("503 Service Unavailable", message, headers)


def failed() -> Answer:
    return _problem("500 Internal Server Error", "The collector failed")


def _refused(refusal: Refusal, quarantined: bool) -> Answer:
    if quarantined:
        text = {**refusal.as_dict(), "message": QUARANTINED}
        return Answer("201 Created", orjson.dumps(text))
    return Answer(_STATUS[refusal.status], orjson.dumps(refusal.as_dict()))


def _line_refused(refusal: Refusal, quarantined: bool) -> dict[str, Any]:
    if quarantined:
        return {"status": 201, **refusal.as_dict(), "message": QUARANTINED}
    return {"status": refusal.status, **refusal.as_dict()}


def _problem(
    status: str, message: str, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    return Answer(status, orjson.dumps({"message": message}), headers)
