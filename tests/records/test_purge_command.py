"""`manage.py purge_records`: the dry run, the purge, and its end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from records.digest import digest_batch
from records.management.commands import purge_records as command
from records.models import Record, RetentionRule, RetentionRun
from records.purge import Busy
from tests.factories import stored

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def handlers(monkeypatch: pytest.MonkeyPatch) -> dict[int, Callable[..., None]]:
    """What the command does on signals; the handlers of the tests stay as they are."""
    found: dict[int, Callable[..., None]] = {}
    monkeypatch.setattr(command.signal, "signal", found.__setitem__)
    return found


@pytest.fixture
def some_records() -> None:
    RetentionRule.objects.create(criterion="severity", value="4", days=0)
    RetentionRule.objects.create(criterion="classification", value="a/*", days=1)
    RetentionRule.objects.create(
        criterion="classification", value="*", days=1, active=False
    )
    for days in (1, 2, 36, 37, 38):
        stored(datetime.now(UTC) - timedelta(days=days, seconds=9))
        stored(datetime.now(UTC) - timedelta(days=days), severity=4)
        stored(datetime.now(UTC) - timedelta(days=days), classification="a/b/c")
    digest_batch(100)


def test_a_dry_run_prints_counts_by_rule_and_deletes_nothing(some_records, capsys):
    call_command("purge_records", "--dry-run")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["rule", "days", "stored", "to", "delete"],
        ["classification", "a/*", "1", "5", "5"],
        ["severity", "4", "for", "ever", "5", "0"],
        ["default", "35", "5", "3"],
        ["all", "15", "8"],
    ]
    assert Record.objects.count() == 15
    assert not RetentionRun.objects.exists()


def test_a_purge_tells_what_it_deleted(some_records, capsys):
    call_command("purge_records", "--batch", "2")
    written = capsys.readouterr()
    assert written.out.splitlines() == [
        "classification a/*: 5",
        "default: 3",
        "Deleted 8 records.",
    ]
    assert "Purge: 8 of 8 rec" in written.err
    assert Record.objects.count() == 7
    assert RetentionRun.objects.get().finished


def test_it_ends_after_the_batch_in_hand_when_it_is_told_to(
    some_records, handlers, monkeypatch, capsys
):
    original = command.batches

    def batches(*args):
        for deleted in original(*args):
            handlers[command.signal.SIGTERM](15, None)
            yield deleted

    monkeypatch.setattr(command, "batches", batches)
    call_command("purge_records", "--batch", "4")
    assert "Deleted 2 records." in capsys.readouterr().out
    assert Record.objects.count() == 13
    assert not RetentionRun.objects.get().finished


def test_beside_another_purge_it_ends_in_peace(some_records, monkeypatch, capsys):
    def busy(*args):
        raise Busy
        yield

    monkeypatch.setattr(command, "batches", busy)
    call_command("purge_records")
    assert "Another purge is at work" in capsys.readouterr().out


@pytest.mark.parametrize("batch", ["0", "-1", "many"])
def test_a_batch_is_at_least_one_record(batch):
    with pytest.raises(CommandError, match="--batch"):
        call_command("purge_records", "--batch", batch)
