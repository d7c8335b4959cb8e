"""`/metrics`: what was counted, the state of the database, and who may read it."""

from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from records.collector.gathering import Gatherer
from records.collector.views import Collector, Waiting
from records.digest import digest_batch
from records.models import ParserFailure
from telemetry_site import metrics
from tests.factories import environ, stored, values

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keep_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics.connection, "close", lambda: None)


def asked(**more: Any) -> dict[str, Any]:
    return environ(path="/metrics", method="GET", REMOTE_ADDR="127.0.0.1", **more)


def read() -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample, by its name and the values of its labels."""
    answer = metrics.answer(asked())
    assert answer is not None
    assert answer.status == "200 OK"
    families = text_string_to_metric_families(answer.body.decode())
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def sent(request: dict[str, Any]) -> None:
    begun = Collector().begin(request)
    assert isinstance(begun, Waiting)
    Gatherer().finish([begun])


def change(before: Any, name: str, *labels: str) -> float:
    return read().get((name, labels), 0) - before.get((name, labels), 0)


def test_accepted_duplicate_and_refused_requests_are_counted():
    before = read()
    record = values()
    for _ in range(3):
        sent(environ(record))
    sent(environ(values(severity="9")))
    assert change(before, "telemetry_records_total", "accepted") == 1
    assert change(before, "telemetry_records_total", "duplicate") == 2
    assert change(before, "telemetry_refused_total", "severity") == 1
    assert change(before, "telemetry_commit_seconds_count") == 3
    assert change(before, "telemetry_batch_records_sum") == 3


def test_a_record_that_cannot_be_stored_is_counted_as_unavailable():
    def down(_submissions):
        raise OperationalError

    before = read()
    begun = Collector().begin(environ(values()))
    Gatherer(store=down).finish([begun])
    assert change(before, "telemetry_unavailable_total") == 1
    assert change(before, "telemetry_records_total", "accepted") == 0


def test_the_queue_and_unreadable_payloads_are_gauges():
    record = stored()
    stored()
    ParserFailure.objects.create(
        record_id=record.pk, parser="mce", version=1, error="?"
    )
    found = read()
    assert found["telemetry_database_up", ()] == 1
    assert found["telemetry_pending_records", ()] == 2
    assert found["telemetry_worker_lag_seconds", ()] >= 0
    assert found["telemetry_parser_failures", ("mce",)] == 1
    assert ("telemetry_rows", ("records_record",)) in found
    digest_batch(10)
    assert read()["telemetry_pending_records", ()] == 0


def test_without_a_database_there_is_an_answer_that_says_so(monkeypatch):
    def down(*_args):
        raise OperationalError

    monkeypatch.setattr(metrics.stats, "ingest", down)
    found = read()
    assert found["telemetry_database_up", ()] == 0
    assert ("telemetry_pending_records", ()) not in found


@pytest.mark.parametrize(
    ("token", "more", "status"),
    [
        ("", {"REMOTE_ADDR": "127.0.0.1"}, 200),
        ("", {"REMOTE_ADDR": "::1"}, 200),
        ("", {"REMOTE_ADDR": "192.0.2.7"}, 403),
        ("", {"REMOTE_ADDR": ""}, 403),
        ("", {"HTTP_X_FORWARDED_FOR": "127.0.0.1"}, 403),
        ("secret", {}, 403),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer wrong"}, 403),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer sécret"}, 403),
        ("secret", {"HTTP_AUTHORIZATION": "Bearer secret"}, 200),
        (
            "secret",
            {"HTTP_AUTHORIZATION": "Bearer secret", "REMOTE_ADDR": "192.0.2.7"},
            200,
        ),
    ],
)
def test_metrics_are_read_with_the_token_or_from_this_machine(
    settings, token, more, status
):
    settings.TELEMETRY_METRICS_TOKEN = token
    answer = metrics.answer({**asked(), **more})
    assert answer is not None
    assert answer.status.startswith(str(status))


def test_metrics_are_only_read():
    answer = metrics.answer({**asked(), "REQUEST_METHOD": "POST"})
    assert answer is not None
    assert answer.status.startswith("405")


def test_other_addresses_are_left_to_others():
    assert metrics.answer(environ(path="/metrics/", method="GET")) is None
