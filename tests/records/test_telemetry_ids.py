"""Which telemetry ids are accepted, as a process remembers them."""

import pytest
from django.db import OperationalError, connection

from records import telemetry_ids
from records.models import TelemetryId
from records.telemetry_ids import KnownIds, active
from tests.factories import TELEMETRY_ID


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(telemetry_ids.time, "monotonic", clock)
    return clock


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, int]]:
    """What reading the table gives, call after call; the last one stays."""
    answers: list[dict[str, int]] = [{}]

    def read() -> dict[str, int]:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if not answer:
            raise OperationalError("away")
        return answer

    monkeypatch.setattr(telemetry_ids, "active", read)
    return answers


@pytest.mark.django_db
def test_the_id_of_the_environment_exists_from_the_start():
    assert active() == {TELEMETRY_ID: TelemetryId.objects.get().pk}


@pytest.mark.django_db
def test_several_ids_may_be_active(settings):
    settings.TELEMETRY_ID = "of the environment"
    other = TelemetryId.objects.create(value="of the admin", label="lab")
    assert active().keys() == {"of the environment", "of the admin"}
    assert active()["of the admin"] == other.pk


@pytest.mark.django_db
def test_an_id_that_was_made_inactive_stays_so_even_if_the_environment_names_it():
    active()
    TelemetryId.objects.update(active=False)
    assert active() == {}


@pytest.mark.django_db(transaction=True)
def test_a_known_id_has_a_primary_key_and_another_has_none():
    known = KnownIds()
    assert known.get(TELEMETRY_ID) == TelemetryId.objects.get().pk
    assert known.get("another") is None
    assert known.get("") is None


def test_ids_are_remembered_for_a_moment_and_then_read_again(clock, reads):
    reads[:] = [{"a": 1}, {"b": 2}]
    known = KnownIds()
    assert known.get("a") == 1
    clock.now += 4
    assert known.get("b") is None
    clock.now += 2
    assert (known.get("a"), known.get("b")) == (None, 2)


def test_while_the_database_is_away_what_is_remembered_will_do(clock, reads):
    reads[:] = [{"a": 1}, {}]
    known = KnownIds()
    assert known.get("a") == 1
    clock.now += 60
    assert known.get("a") == 1
    reads[:] = [{"b": 2}]
    clock.now += 60
    assert known.get("b") == 2


def test_a_process_that_never_read_them_says_so(clock, reads):
    known = KnownIds()
    with pytest.raises(OperationalError):
        known.get("a")
    reads[:] = [{"a": 1}]
    clock.now += 5
    assert known.get("a") == 1


@pytest.mark.django_db(transaction=True)
def test_that_no_id_is_active_is_something_to_know():
    active()
    TelemetryId.objects.update(active=False)
    assert KnownIds().get(TELEMETRY_ID) is None


@pytest.mark.django_db(transaction=True)
def test_the_thread_of_a_request_keeps_no_connection_and_the_loop_keeps_its_own():
    connection.close()
    KnownIds().get("a")
    assert connection.connection is None
    connection.ensure_connection()
    KnownIds().get("a")
    assert connection.connection is not None
