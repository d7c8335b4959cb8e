"""The collector's answers, whichever way a request takes: alone or gathered."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import (
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from hypothesis import given
from hypothesis import strategies as st

from records.collector import views
from records.collector.answer import Answer
from records.collector.gathering import RETRY_SECONDS, Gatherer
from records.collector.views import Collector, Waiting
from records.objects import FIELDS, record_object
from records.refused import RefusedRequest
from records.store import Stored
from records.submission import Submission
from tests.factories import TELEMETRY_ID, environ, json_body, values

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
MAX_PAYLOAD = 307_200
BATCH = {"CONTENT_TYPE": "application/x-ndjson"}


@dataclass
class Backend:
    """Stands for the database; ``error`` is raised instead, for some or all records."""

    error: Exception | None = None
    spoiling: str | None = None
    keeper_error: Exception | None = None
    quarantine: bool = False
    calls: list[int] = field(default_factory=list)
    stored: list[Submission] = field(default_factory=list)
    refused: list[RefusedRequest] = field(default_factory=list)

    def store(self, submissions: Sequence[Submission]) -> list[Stored]:
        self.calls.append(len(submissions))
        if self.error:
            raise self.error
        if self.spoiling in [each.payload for each in submissions]:
            raise DataError("no")
        first = len(self.stored) + 1
        self.stored += submissions
        return [Stored(first + n, NOW, each) for n, each in enumerate(submissions)]

    def keep(self, requests: Sequence[RefusedRequest]) -> list[bool]:
        if self.keeper_error:
            raise self.keeper_error
        self.refused += requests
        return [self.quarantine] * len(requests)


Answering = Callable[..., Answer]


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def collector(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    known = {TELEMETRY_ID: 7}
    monkeypatch.setattr(views.KnownIds, "get", lambda self, value: known.get(value))
    monkeypatch.setattr(views, "store", backend.store)
    monkeypatch.setattr(views, "Keeper", lambda: backend)
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def gatherer(backend: Backend) -> Gatherer:
    return Gatherer(backend.store, backend)  # type: ignore[arg-type]


@pytest.fixture(params=["alone", "gathered"])
def answer(
    request: pytest.FixtureRequest, collector: Collector, gatherer: Gatherer
) -> Answering:
    """Answers a request in one of the two ways."""

    def answer(*args: Any, **kwargs: Any) -> Answer:
        sent = environ(*args, **kwargs)
        if request.param == "alone":
            return collector.answer(sent)
        begun = collector.begin(sent)
        return begun if isinstance(begun, Answer) else gatherer.finish([begun])[0]

    return answer


def content(answered: Answer) -> Any:
    return json.loads(answered.body)


def lines(answered: Answer) -> list[Any]:
    return [json.loads(line) for line in answered.body.splitlines()]


# --- Addresses ----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/v2/collector", "/v3/collector"])
@pytest.mark.parametrize("slash", ["", "/"])
def test_a_record_is_answered_as_it_was_stored(answer, backend, path, slash):
    answered = answer(values(), path=path + slash)
    assert answered.status == "201 Created"
    assert answered.content_type == "application/json"
    (stored,) = backend.stored
    assert content(answered) == record_object(1, NOW, stored)
    assert tuple(content(answered)) == FIELDS


@pytest.mark.parametrize("path", ["/v1/collector", "/v2", "/v2/collector/x", "/admin/"])
def test_another_address_is_not_found(answer, path):
    answered = answer(values(), path=path)
    assert answered.status == "404 Not Found"
    assert content(answered) == {"message": "There is no such address here"}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v2/collector", "/v3/collector/"])
def test_records_are_only_posted(answer, backend, method, path):
    answered = answer(values(), path=path, method=method)
    assert answered.status == "405 Method Not Allowed"
    assert ("Allow", "POST") in answered.headers
    assert not backend.stored


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_the_root_of_a_collector_redirects_to_the_site(answer, settings, method):
    settings.TELEMETRY_SITE_URL = "https://telemetry.example/"
    answered = answer(path="/", method=method)
    assert answered.status == "302 Found"
    assert ("Location", "https://telemetry.example/") in answered.headers


@pytest.mark.parametrize(
    ("method", "path", "accepted"),
    [
        ("POST", "/", True),
        ("POST", "/v2/collector", True),
        ("POST", "/v3/collector/", True),
        ("GET", "/", False),
        ("PUT", "/v2/collector", False),
        ("POST", "/admin/", False),
        ("POST", "/v2/collectors", False),
    ],
)
def test_the_site_leaves_only_posted_records_to_the_collector(method, path, accepted):
    assert views.accepts(environ(path=path, method=method)) is accepted


# --- Bodies -------------------------------------------------------------------------


def test_a_body_is_read_up_to_its_length_and_no_further(answer, backend):
    stream = io.BytesIO(b"hello\nPOST /next")
    answered = answer(values(), CONTENT_LENGTH="6", **{"wsgi.input": stream})
    assert answered.status == "201 Created"
    assert stream.tell() == 6
    assert backend.stored[0].payload == "hello\n"


@pytest.mark.parametrize("length", ["", None])
def test_without_a_length_there_is_no_body(answer, backend, length):
    assert answer(values(), b"", CONTENT_LENGTH=length).status == "201 Created"
    assert backend.stored[0].payload == ""


def test_a_chunked_body_is_read_to_its_end(answer, backend):
    answered = answer(
        values(),
        b"x" * MAX_PAYLOAD,
        CONTENT_LENGTH="",
        HTTP_TRANSFER_ENCODING="chunked",
    )
    assert answered.status == "201 Created"
    assert backend.stored[0].payload == "x" * MAX_PAYLOAD


def test_a_longest_payload_is_accepted(answer):
    assert answer(values(), b"x" * MAX_PAYLOAD).status == "201 Created"


@pytest.mark.parametrize(
    "framing", [{}, {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}]
)
def test_a_longer_body_is_too_large_and_is_read_so_that_the_answer_is(
    answer, backend, framing
):
    stream = io.BytesIO(b"x" * (MAX_PAYLOAD + 1))
    more = {"CONTENT_LENGTH": str(MAX_PAYLOAD + 1), "wsgi.input": stream, **framing}
    answered = answer(values(), **more)
    assert answered.status == "413 Content Too Large"
    assert content(answered) == {
        "message": f"Payload is longer than {MAX_PAYLOAD} bytes",
        "field": "payload",
        "code": "too_large",
    }
    assert stream.read() == b""
    assert not backend.stored


def test_a_body_without_end_is_not_read_without_end(answer):
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            self.taken += size
            return b"x" * size

    stream = Endless()
    more = {"CONTENT_LENGTH": str(1 << 40), "wsgi.input": stream}
    assert answer(values(), **more).status == "413 Content Too Large"
    assert stream.taken < 16 << 20


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_compressed_body_is_refused(answer, encoding):
    answered = answer(values(), HTTP_CONTENT_ENCODING=encoding)
    assert answered.status == "400 Bad Request"
    assert content(answered)["code"] == "encoding"


@pytest.mark.parametrize("coding", ["gzip, chunked", "chunked,chunked", "identity"])
def test_a_body_that_is_not_only_in_chunks_is_refused(answer, coding):
    framing = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": coding}
    answered = answer(values(), **framing)
    assert answered.status == "400 Bad Request"
    assert content(answered)["code"] == "encoding"


@pytest.mark.parametrize("encoding", ["identity", " Identity ", ""])
def test_a_body_may_say_that_it_is_not_compressed(answer, encoding):
    answered = answer(values(), HTTP_CONTENT_ENCODING=encoding)
    assert answered.status == "201 Created"


@pytest.mark.parametrize("length", ["seven", "-1", "²", "1.0", "0x6", "9" * 5000])
def test_a_length_that_is_no_number_is_refused(answer, length):
    answered = answer(values(), CONTENT_LENGTH=length)
    assert answered.status in {"400 Bad Request", "413 Content Too Large"}
    assert content(answered)["code"] in {"body", "too_large"}


class Broken(io.RawIOBase):
    """A body that ends in an error after some bytes."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)

    def read(self, size: int = -1) -> bytes:
        if self.chunks:
            return self.chunks.pop(0)
        raise ConnectionResetError


def test_a_body_that_cannot_be_read_is_refused(answer, backend):
    answered = answer(values(), **{"wsgi.input": Broken()})
    assert answered.status == "400 Bad Request"
    assert content(answered)["message"] == "Body cannot be read"
    assert not backend.stored


def test_a_body_that_is_too_large_and_then_breaks_is_too_large(answer):
    stream = Broken(b"x" * (MAX_PAYLOAD + 1), b"x")
    framing = {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}
    answered = answer(values(), **framing, **{"wsgi.input": stream})
    assert answered.status == "413 Content Too Large"


def test_a_body_that_was_cut_short_is_refused(answer, backend):
    answered = answer(values(), b"hel", CONTENT_LENGTH="6")
    assert answered.status == "400 Bad Request"
    assert content(answered) == {
        "message": "Body is shorter than Content-Length",
        "field": "",
        "code": "body",
    }
    assert not backend.stored


# --- Refusals -----------------------------------------------------------------------


def test_a_refusal_names_the_value_and_the_reason_and_is_kept(answer, backend):
    answered = answer(values(severity="9"), b"bytes \xff")
    assert answered.status == "400 Bad Request"
    assert content(answered) == {
        "message": "severity value is out of range",
        "field": "severity",
        "code": "severity",
    }
    (kept,) = backend.refused
    assert kept.body == b"bytes \xff"
    assert kept.refusal.field == "severity"
    assert kept.environ["HTTP_SEVERITY"] == "9"


def test_a_refused_record_in_quarantine_is_answered_as_accepted(answer, backend):
    backend.quarantine = True
    answered = answer(values(severity="9"))
    assert answered.status == "201 Created"
    assert content(answered) == {
        "message": "accepted to quarantine",
        "field": "severity",
        "code": "severity",
    }
    assert not backend.stored


@pytest.mark.parametrize("error", [OperationalError("away"), DataError("no")])
def test_a_refusal_is_answered_even_when_it_cannot_be_kept(answer, backend, error):
    backend.keeper_error = error
    backend.quarantine = True
    assert answer(values(severity="9")).status == "400 Bad Request"


# --- Batches ------------------------------------------------------------------------


def batch(*payloads: str, **changes: str) -> bytes:
    return b"\n".join(json_body(values(**changes), payload) for payload in payloads)


def test_a_batch_is_answered_line_by_line_in_order(answer, backend):
    body = batch("one") + b"\n{oops\n\n" + batch("bad", severity="9") + b"\r\n"
    answered = answer(None, body + batch("two"), **BATCH)
    assert answered.status == "200 OK"
    assert answered.content_type == "application/x-ndjson"
    first, second, third, fourth = lines(answered)
    one, two = backend.stored
    assert first == {"status": 201, **record_object(1, NOW, one)}
    assert fourth == {"status": 201, **record_object(2, NOW, two)}
    assert (second["status"], second["code"]) == (400, "json")
    assert (third["status"], third["code"], third["field"]) == (
        400,
        "severity",
        "severity",
    )
    oops, bad = (kept.body for kept in backend.refused)
    assert oops == b"{oops"
    assert json.loads(bad)["payload"] == "bad"


def test_a_batch_may_be_longer_than_a_payload_when_it_says_what_it_is(answer, backend):
    body = batch(*["x" * 200_000] * 3)
    assert answer(None, body).status == "413 Content Too Large"
    assert answer(None, body, **BATCH).status == "200 OK"
    assert len(backend.stored) == 3


def test_a_line_that_is_too_long_is_answered_so(answer, backend):
    answered = answer(None, batch("x" * (MAX_PAYLOAD + 1), "y"), **BATCH)
    assert [each["status"] for each in lines(answered)] == [413, 201]
    assert [each.payload for each in backend.stored] == ["y"]


def test_a_single_payload_is_not_longer_because_it_calls_itself_a_batch(answer):
    answered = answer(values(), b"x" * (MAX_PAYLOAD + 1), **BATCH)
    assert answered.status == "413 Content Too Large"


def test_lines_of_a_batch_may_go_to_quarantine(answer, backend):
    backend.quarantine = True
    answered = answer(None, batch("one") + b"\n{oops", **BATCH)
    first, second = lines(answered)
    assert first["id"] == 1
    assert second["status"] == 201
    assert second["message"] == "accepted to quarantine"


@pytest.mark.parametrize(
    "odd", [b"\x1c", b"\xc2\x85", b"\xe2\x80\xa8", b"\x0b", b"\xa0"]
)
def test_what_only_python_takes_for_a_blank_line_does_no_harm(answer, backend, odd):
    answered = answer(None, batch("one", "two") + b"\n" + odd, **BATCH)
    assert answered.status in {"200 OK", "400 Bad Request"}
    if answered.status == "200 OK":
        assert [each["status"] for each in lines(answered)] == [201, 201]
        assert len(backend.stored) == 2
    else:
        assert not backend.stored


# --- Trouble ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("away"),
        InterfaceError("closed"),
        InternalError("cannot execute INSERT in a read-only transaction"),
        ProgrammingError("relation does not exist"),
    ],
)
def test_a_store_that_is_down_makes_the_client_come_again(answer, backend, error):
    backend.error = error
    answered = answer(values())
    assert answered.status == "503 Service Unavailable"
    assert ("Retry-After", "30") in answered.headers
    assert content(answered) == {"message": "The store is down"}


def test_unknown_telemetry_ids_make_the_client_come_again(answer, backend, monkeypatch):
    def get(self, value):
        raise OperationalError("away")

    monkeypatch.setattr(views.KnownIds, "get", get)
    answered = answer(values())
    assert answered.status == "503 Service Unavailable"
    assert ("Retry-After", "30") in answered.headers
    assert not backend.calls


def test_a_record_that_the_database_refuses_is_refused_and_kept(answer, backend):
    backend.spoiling = "poison"
    answered = answer(values(), b"poison")
    assert answered.status == "400 Bad Request"
    assert content(answered) == {
        "message": "The database refuses this record",
        "field": "",
        "code": "body",
    }
    assert [kept.body for kept in backend.refused] == [b"poison"]
    assert answer(values()).status == "201 Created"


def test_an_error_of_our_own_is_answered_without_its_details(
    answer, monkeypatch, caplog
):
    def get(self, value):
        raise KeyError("secret detail")

    monkeypatch.setattr(views.KnownIds, "get", get)
    answered = answer(values())
    assert answered.status == "500 Internal Server Error"
    assert content(answered) == {"message": "The collector failed"}
    assert "secret detail" in caplog.text


# --- Gathered -----------------------------------------------------------------------


def begun(collector: Collector, *args: Any, **kwargs: Any) -> Waiting:
    waiting = collector.begin(environ(*args, **kwargs))
    assert isinstance(waiting, Waiting)
    return waiting


def test_gathered_requests_share_one_commit_and_get_their_own_answers(
    collector, gatherer, backend
):
    answers = gatherer.finish(
        [
            begun(collector, values(), b"one"),
            begun(collector, values(severity="9"), b"bad"),
            begun(collector, None, batch("two", "three"), **BATCH),
            begun(collector, values(), b"four"),
        ]
    )
    assert backend.calls == [4]
    assert [each.status[:3] for each in answers] == ["201", "400", "200", "201"]
    assert content(answers[0])["payload"] == "one"
    assert [each["payload"] for each in lines(answers[2])] == ["two", "three"]
    assert content(answers[3])["payload"] == "four"


def test_refusals_alone_do_not_touch_the_store(collector, gatherer, backend):
    gatherer.finish([begun(collector, values(severity="9"))])
    assert backend.calls == []


def test_one_record_that_the_database_refuses_does_not_spoil_the_others(
    collector, gatherer, backend
):
    backend.spoiling = "poison"
    payloads = [b"one", b"poison", b"two"]
    answers = gatherer.finish([begun(collector, values(), each) for each in payloads])
    assert [each.status[:3] for each in answers] == ["201", "400", "201"]
    assert [each.payload for each in backend.stored] == ["one", "two"]


def test_while_the_store_is_down_it_is_not_asked_for_every_request(
    collector, gatherer, backend, monkeypatch
):
    clock = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    waiting = begun(collector, values())
    backend.error = OperationalError("away")
    assert gatherer.finish([waiting] * 3)[2].status[:3] == "503"
    backend.error = None
    assert gatherer.finish([waiting])[0].status[:3] == "503"
    assert backend.calls == [3]
    clock[0] += RETRY_SECONDS
    assert gatherer.finish([waiting])[0].status[:3] == "201"


def test_refusals_that_cannot_be_kept_do_not_lose_the_records_beside_them(
    collector, gatherer, backend
):
    backend.keeper_error = OperationalError("away")
    answers = gatherer.finish(
        [begun(collector, values()), begun(collector, values(severity="9"))]
    )
    assert [each.status[:3] for each in answers] == ["201", "400"]
    assert len(backend.stored) == 1


def test_a_failure_after_the_commit_does_not_store_records_again(
    collector, gatherer, backend
):
    backend.keeper_error = KeyError("a defect of the keeper")
    answers = gatherer.finish(
        [begun(collector, values()), begun(collector, values(severity="9"))]
    )
    assert answers[0].status[:3] == "201"
    assert len(backend.stored) == 1


# --- Anything -----------------------------------------------------------------------

SENT = st.dictionaries(
    st.sampled_from([*values(), "x_clr_external", "content_encoding"]),
    st.text(st.characters(max_codepoint=255), max_size=20),
)
LINES = st.lists(st.binary(max_size=20) | st.just(batch("x")) | st.just(b"{}"))


@given(
    SENT,
    st.binary() | LINES.map(b"\n".join),
    st.sampled_from(["/", "/v2/collector", "/nowhere"]),
    st.sampled_from(["GET", "POST", "PUT"]),
    st.text() | st.integers().map(str) | st.none(),
)
def test_no_request_makes_the_collector_fail(sent, body, path, method, length):
    backend, collector = Backend(), Collector()
    collector._known_ids.get = lambda value: 7  # type: ignore[method-assign]
    more = {} if length is None else {"CONTENT_LENGTH": length}
    waiting = collector.begin(environ(sent, body, path=path, method=method, **more))
    if isinstance(waiting, Answer):
        answered = waiting
    else:
        gatherer = Gatherer(backend.store, backend)  # type: ignore[arg-type]
        (answered,) = gatherer.finish([waiting])
    assert answered.status[:3] in {"200", "201", "302", "400", "404", "405", "413"}
    assert len(backend.calls) < 2
