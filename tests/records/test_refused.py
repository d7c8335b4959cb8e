"""Refused requests: kept within bounds, counted always, taken in on demand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from records import refused as module
from records.collector.refusal import Code, Refusal
from records.collector.requests import submissions
from records.models import Record, RefusalPolicy, Refused, RefusedDay
from records.refused import Keeper, RefusedRequest, take_in, trim
from records.telemetry_ids import active
from tests.factories import TELEMETRY_ID, environ, json_body, values

pytestmark = pytest.mark.django_db


def request(
    code: Code = Code.SEVERITY, body: bytes = b"hello\n", **more: Any
) -> RefusedRequest:
    return RefusedRequest(
        environ(values(severity="9"), body, **more),
        body,
        Refusal(code, "severity value is out of range", "severity"),
    )


def refused_by_the_collector(request_environ: dict[str, Any], body: bytes) -> Refused:
    """What is kept of a request that the collector refuses."""
    with pytest.raises(Refusal) as caught:
        submissions(request_environ, body, active().get, 1000)
    Keeper().keep([RefusedRequest(request_environ, body, caught.value)])
    return Refused.objects.latest("id")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [6000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    return now


def counted() -> dict[str, int]:
    return dict(RefusedDay.objects.values_list("code", "refused"))


# --- Keeping ------------------------------------------------------------------------


def test_a_refused_request_is_kept_byte_for_byte():
    body = bytes(range(256)) * 10
    more = {"HTTP_USER_AGENT": "telemetrics-client", "HTTP_CPU_MODEL": "B\xb2|V"}
    start = datetime.now(UTC)
    assert Keeper().keep([request(body=body, path="/v3/collector", **more)]) == [False]
    kept = Refused.objects.get()
    assert bytes(kept.body) == body
    assert kept.headers["HTTP_SEVERITY"] == "9"
    assert kept.headers["HTTP_CPU_MODEL"] == "B\xb2|V"
    assert kept.headers["CONTENT_LENGTH"] == str(len(body))
    assert not [name for name in kept.headers if name.startswith("wsgi")]
    assert (kept.code, kept.field) == ("severity", "severity")
    assert kept.message == "severity value is out of range"
    assert kept.path == "/v3/collector"
    assert kept.sender == "format 4 telemetrics-client"
    assert start <= kept.received_at <= datetime.now(UTC)
    assert not kept.quarantined


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 5000, "\x01\x7f\xff", ""])
def test_whatever_the_headers_hold_can_be_kept(text):
    more = {"HTTP_USER_AGENT": text, "HTTP_X": text, "HTTP_RECORD_FORMAT_VERSION": text}
    Keeper().keep([request(path=f"/{text}", **more)])
    kept = Refused.objects.get()
    assert len(kept.sender) <= 200
    assert "\x00" not in kept.headers["HTTP_X"]


def test_a_message_of_any_length_can_be_kept():
    long = Refusal(Code.JSON, "x" * 1000)
    Keeper().keep([RefusedRequest(environ(values()), b"", long)])
    assert Refused.objects.get().message == "x" * 300


def test_refused_requests_are_counted_by_reason_and_day():
    keeper = Keeper()
    keeper.keep([request(), request(Code.JSON), request()])
    keeper.keep([request()])
    Keeper().keep([request(Code.JSON)])
    assert counted() == {"severity": 3, "json": 2}
    assert set(RefusedDay.objects.values_list("day", flat=True)) == {
        datetime.now(UTC).date()
    }
    assert Refused.objects.count() == 5


def test_a_flood_is_counted_and_not_kept(clock, monkeypatch):
    monkeypatch.setattr(module, "KEPT_PER_MINUTE", 10)
    keeper = Keeper()
    keeper.keep([request() for _ in range(7)])
    keeper.keep([request() for _ in range(100)])
    assert Refused.objects.count() == 10
    assert counted() == {"severity": 107}
    clock[0] += 60
    keeper.keep([request()])
    assert Refused.objects.count() == 11


def test_only_so_many_are_kept(settings, monkeypatch):
    settings.TELEMETRY_REFUSED_MAX = 20
    monkeypatch.setattr(module, "_TRIM_EVERY", 5)
    keeper = Keeper()
    for n in range(50):
        keeper.keep([request(body=str(n).encode())])
        assert Refused.objects.count() <= 20 + 5
    newest = Refused.objects.order_by("-id")[:20]
    assert [bytes(kept.body) for kept in newest] == [
        str(n).encode() for n in range(49, 29, -1)
    ]


def test_they_are_kept_for_so_long(settings):
    settings.TELEMETRY_REFUSED_AGE = timedelta(days=30)
    Keeper().keep([request(), request()])
    now = datetime.now(UTC)
    old, _ = Refused.objects.order_by("id")
    Refused.objects.filter(pk=old.pk).update(received_at=now - timedelta(days=31))
    assert trim(now) == 1
    assert not Refused.objects.filter(pk=old.pk).exists()
    assert trim(now) == 0
    assert Refused.objects.count() == 1


# --- Quarantine ---------------------------------------------------------------------


def test_a_reason_may_be_answered_by_quarantine():
    RefusalPolicy.objects.create(code="json", quarantine=True)
    RefusalPolicy.objects.create(code="build", quarantine=False)
    kept = Keeper().keep([request(Code.JSON), request(), request(Code.BUILD)])
    assert kept == [True, False, False]
    told = Refused.objects.order_by("id").values_list("code", "quarantined")
    assert list(told) == [("json", True), ("severity", False), ("build", False)]


def test_what_is_not_kept_is_not_in_quarantine(clock, monkeypatch):
    monkeypatch.setattr(module, "KEPT_PER_MINUTE", 1)
    RefusalPolicy.objects.create(code="json", quarantine=True)
    assert Keeper().keep([request(Code.JSON)] * 3) == [True, False, False]


# --- Taking in ----------------------------------------------------------------------


def test_a_request_is_taken_in_when_its_telemetry_id_is_known_meanwhile():
    sent = values(board_name="B\xc2\xb2|V")
    more = {"HTTP_X_CLR_EXTERNAL": "true"}
    kept = refused_by_the_collector(
        environ(sent, b"caf\xe9\n", tid="new fleet", **more), b"caf\xe9\n"
    )
    assert kept.code == "telemetry_id"
    stored = take_in(kept, {"new fleet": active()[TELEMETRY_ID]}.get)
    record = Record.objects.named().get()
    assert record.pk == stored.id == Refused.objects.get().record_id
    assert record.event_hex == sent["event_id"]
    assert record.hardware.board_name == "B²|V"
    assert record.payload == "café\n"
    assert record.kind.external


def test_a_json_request_is_taken_in(monkeypatch):
    body = json_body(values(), "größe")
    kept = refused_by_the_collector(environ(tid="new fleet"), body)
    stored = take_in(kept, {"new fleet": active()[TELEMETRY_ID]}.get)
    assert stored.submission.payload == "größe"


def test_a_request_that_is_still_refused_says_why_and_is_left_as_it_is():
    kept = refused_by_the_collector(environ(values(severity="9")), b"x")
    with pytest.raises(Refusal, match="severity value is out of range"):
        take_in(kept, active().get)
    assert Refused.objects.get().record_id is None
    assert not Record.objects.exists()


def test_a_request_that_is_taken_in_twice_is_one_record():
    kept = refused_by_the_collector(environ(values(), tid="new fleet"), b"x")
    known = {"new fleet": active()[TELEMETRY_ID]}.get
    first, again = take_in(kept, known), take_in(Refused.objects.get(), known)
    assert (again.id, again.duplicate) == (first.id, True)
    assert Record.objects.count() == 1


@pytest.mark.parametrize("code", [Code.TOO_LARGE, Code.ENCODING, Code.BODY])
def test_a_request_whose_body_was_not_read_cannot_be_taken_in(code):
    """It would become a record with an empty payload."""
    sent = environ(values())
    Keeper().keep([RefusedRequest(sent, b"", Refusal(code, "no", status=400))])
    with pytest.raises(Refusal):
        take_in(Refused.objects.get(), active().get)
    assert not Record.objects.exists()
