"""`/healthz` and `/readyz`."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from django.db import InterfaceError, OperationalError
from django.db.migrations.recorder import MigrationRecorder

from records.digest import digest_batch
from records.models import Record
from telemetry_site import health
from tests.factories import environ, stored
from views_plugins import discovery


def ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def _keep_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health.connection, "close", lambda: None)


def ready(*, worker: bool = True) -> tuple[str, dict[str, Any]]:
    answer = health.answer(environ(path="/readyz", method="GET"), worker=worker)
    assert answer is not None
    return answer.status, orjson.loads(answer.body)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_that_the_process_lives_is_said_without_the_database(method):
    answer = health.answer(environ(path="/healthz", method=method), worker=True)
    assert answer is not None
    assert (answer.status, answer.body) == ("200 OK", b'{"status":"ok"}')


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/healthz"), ("GET", "/"), ("GET", "/healthz/x"), ("GET", "/readyz2")],
)
def test_other_requests_are_left_to_others(method, path):
    assert health.answer(environ(path=path, method=method), worker=True) is None


@pytest.mark.django_db
def test_a_process_that_can_do_its_work_is_ready():
    stored(ago(14))
    status, state = ready()
    assert status == "200 OK"
    assert (state["status"], state["database"]) == ("ok", "ok")
    assert state["migrations_missing"] == []
    assert 14 * 60 <= state["worker_lag_seconds"] <= 15 * 60


@pytest.mark.django_db
def test_a_worker_that_is_behind_makes_the_site_unready_but_not_the_collector():
    stored(ago(16))
    status, state = ready()
    assert status == "503 Service Unavailable"
    assert "worker is behind" in state["status"][0]
    assert ready(worker=False)[0] == "200 OK"
    digest_batch(10)
    assert ready()[0] == "200 OK"


@pytest.mark.django_db
def test_a_record_that_was_deleted_before_it_was_digested_is_no_lag():
    stored(ago(1440))
    Record.objects.all().delete()
    assert ready()[1]["worker_lag_seconds"] == 0


@pytest.mark.django_db
def test_a_missing_migration_is_named():
    MigrationRecorder.Migration.objects.filter(app="records").order_by("-id")[
        0
    ].delete()
    status, state = ready()
    assert status == "503 Service Unavailable"
    assert "migrate" in state["status"][0]
    assert [name for name in state["migrations_missing"] if name.startswith("records.")]


@pytest.mark.django_db
def test_a_missing_migration_of_a_plugin_is_named_and_stops_nothing():
    MigrationRecorder.Migration.objects.filter(app="updates").delete()
    status, state = ready()
    assert status == "200 OK"
    assert state["migrations_missing"] == []
    assert state["plugin_migrations_missing"] == ["updates.0001_initial"]


@pytest.mark.django_db
def test_plugins_that_are_left_out_are_named(monkeypatch):
    monkeypatch.setitem(discovery.failures, "bad", discovery.Failure("bad", "load", ""))
    status, state = ready()
    assert (status, state["plugins_left_out"]) == ("200 OK", ["bad"])


@pytest.mark.django_db
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_takes_no_writes_makes_a_process_unready(monkeypatch, error):
    def fail() -> None:
        raise error("secret host name")

    monkeypatch.setattr(health, "_state", fail)
    status, state = ready()
    assert status == "503 Service Unavailable"
    assert state == {
        "status": ["The database does not take writes"],
        "database": error.__name__,
    }
