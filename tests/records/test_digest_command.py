"""`manage.py digest`: the worker's loop."""

from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.db import OperationalError

from records.management.commands import digest as command
from records.models import KindDay, Pending
from tests.factories import stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[int, Callable[..., None]]:
    """What the command does on signals; the handlers of the tests stay as they are."""
    found: dict[int, Callable[..., None]] = {}
    monkeypatch.setattr(command.signal, "signal", found.__setitem__)
    monkeypatch.setattr(command, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(command.connection, "close", lambda: None)
    return found


class Batches:
    """Batches that are digested, one after the other: a number, or what is raised."""

    def __init__(self, *outcomes: int | Exception, end: Callable[[], None]) -> None:
        self.outcomes = list(outcomes)
        self.end = end

    def __call__(self, limit: int) -> int:
        if not self.outcomes:
            self.end()
            return 0
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def test_what_waits_is_digested_once():
    for _ in range(5):
        stored()
    call_command("digest", "--once", "--batch", "2")
    assert not Pending.objects.exists()
    assert sum(KindDay.objects.values_list("records", flat=True)) == 5


def test_an_empty_queue_is_soon_done():
    call_command("digest", "--once")


def test_digesting_once_fails_when_the_database_is_away(monkeypatch):
    away = Batches(OperationalError("away"), end=lambda: None)
    monkeypatch.setattr(command, "digest_batch", away)
    with pytest.raises(OperationalError):
        call_command("digest", "--once")


@pytest.mark.parametrize("first", [[], [3], [0], [0, 0, 5]])
def test_a_database_that_is_away_is_waited_for(monkeypatch, handlers, first, capsys):
    batches = Batches(
        *first,
        OperationalError("away"),
        OperationalError("still away"),
        7,
        end=lambda: handlers[command.signal.SIGTERM](15, None),
    )
    monkeypatch.setattr(command, "digest_batch", batches)
    call_command("digest", "--idle", "0.001")
    assert batches.outcomes == []
    assert capsys.readouterr().err.count("The store is down: OperationalError") == 2


def test_a_database_that_goes_away_while_refused_requests_are_trimmed_is_waited_for(
    monkeypatch, handlers
):
    calls = []

    def trim(now):
        calls.append(now)
        if len(calls) == 1:
            raise OperationalError("away")
        handlers[command.signal.SIGINT](2, None)

    monkeypatch.setattr(command.refused, "trim", trim)
    monkeypatch.setattr(command, "TRIM_SECONDS", 0)
    call_command("digest", "--idle", "0.001")
    assert len(calls) == 2


def test_it_ends_after_the_batch_in_hand_when_it_is_told_to(monkeypatch, handlers):
    for _ in range(6):
        stored()
    original = command.digest_batch

    def batch(limit):
        handlers[command.signal.SIGTERM](15, None)
        return original(limit)

    monkeypatch.setattr(command, "digest_batch", batch)
    call_command("digest", "--batch", "2")
    assert Pending.objects.count() == 4
    assert sum(KindDay.objects.values_list("records", flat=True)) == 2


def test_refused_requests_are_trimmed_now_and_then(monkeypatch, handlers):
    calls = []
    monkeypatch.setattr(command.refused, "trim", calls.append)
    batches = Batches(*[0] * 50, end=lambda: handlers[command.signal.SIGTERM](15, None))
    monkeypatch.setattr(command, "digest_batch", batches)
    call_command("digest", "--idle", "0.0001")
    assert len(calls) == 1
