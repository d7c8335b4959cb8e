"""Counts and facts made again: equal to the first time."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given

from records.digest import digest_batch
from records.models import (
    BuildPresence,
    HardwareDay,
    KindDay,
    MachineDay,
    ParserFailure,
    ReceivedHour,
    Record,
    SystemPresence,
)
from records.rebuild import days, rebuild_day
from records.store import insert_records
from tests.factories import stored, submission
from tests.records.recount import recounted, rollups
from tests.records.strategies import in_one_database, received, rolled_back

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = NOON.date()
ONE_DAY = timedelta(days=1)
CRASH = "org.clearlinux/crash/clr"
HEARTBEAT = "org.clearlinux/heartbeat/ping"


def scramble() -> None:
    """Make every count wrong, without claiming that there were more records."""
    KindDay.objects.update(records=1000)
    HardwareDay.objects.update(records=1000)
    MachineDay.objects.update(records=1000, heartbeats=1000)
    ReceivedHour.objects.update(first_id=7, last_id=8, records=0)
    for presence in (SystemPresence, BuildPresence):
        presence.objects.update(ids=1000, second=7)


@pytest.mark.django_db
@in_one_database
@given(received)
def test_every_day_is_counted_again_as_the_first_time(rows):
    with rolled_back():
        insert_records(rows)
        digest_batch(1000)
        before = rollups()
        for day in days(None, None):
            assert not rebuild_day(day).kept
        assert rollups() == before == recounted(Record.objects.all())


@pytest.mark.django_db
def test_wrong_counts_are_corrected(capsys):
    for n in range(5):
        stored(NOON + n * ONE_DAY / 2, build=str(n))
        stored(NOON + n * ONE_DAY / 2, classification=HEARTBEAT)
    digest_batch(100)
    before = rollups()
    scramble()
    call_command("rebuild")
    assert rollups() == before
    assert "Counted 10 records of 3 days again." in capsys.readouterr().out


@pytest.mark.django_db
def test_only_the_days_that_were_asked_for_are_counted_again():
    for n in range(4):
        stored(NOON + n * ONE_DAY)
    digest_batch(100)
    scramble()
    call_command("rebuild", "--from", "2026-02-01", "--to", "2026-02-02")
    counts = KindDay.objects.order_by("day").values_list("records", flat=True)
    assert list(counts) == [1000, 1, 1, 1000]


@pytest.mark.django_db
def test_a_record_that_waits_for_the_worker_is_left_to_it():
    stored(NOON, classification=CRASH)
    digest_batch(1)
    stored(NOON, classification=CRASH)
    call_command("rebuild")
    assert sum(KindDay.objects.values_list("records", flat=True)) == 1
    digest_batch(10)
    assert rollups() == recounted(Record.objects.all())


@pytest.mark.django_db
def test_a_day_whose_records_were_deleted_keeps_its_counts_unless_forced(capsys):
    for _ in range(3):
        stored(NOON)
    digest_batch(10)
    before = rollups()
    Record.objects.order_by("id")[0].delete()
    call_command("rebuild")
    assert rollups() == before
    assert "2026-01-31: kept the counts of 3 records" in capsys.readouterr().out
    call_command("rebuild", "--force")
    assert rollups() == recounted(Record.objects.all())


@pytest.mark.django_db
def test_without_records_there_is_nothing_to_do(capsys):
    call_command("rebuild")
    assert capsys.readouterr().out == "There are no records.\n"


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["yesterday", "2026-02-30", "31.1.2026"])
def test_a_day_is_written_in_iso_8601(text):
    with pytest.raises(CommandError, match="--from"):
        call_command("rebuild", "--from", text)


@pytest.mark.django_db
def test_the_period_without_bounds_is_that_of_records_and_counts():
    assert days(None, None) == []
    stored(NOON + 2 * ONE_DAY)
    assert days(None, None) == [DAY + 2 * ONE_DAY]
    ReceivedHour.objects.create(hour=NOON, first_id=1, last_id=1, records=1)
    assert days(None, None) == [DAY + n * ONE_DAY for n in range(3)]
    assert days(DAY + ONE_DAY, None) == [DAY + n * ONE_DAY for n in (1, 2)]
    assert days(None, DAY) == [DAY]
    assert days(date(2026, 3, 1), date(2026, 1, 1)) == []


def test_days_may_be_counted_again_while_workers_count(in_threads):
    def work() -> None:
        for _ in range(20):
            insert_records([(NOON, submission()) for _ in range(10)])
            digest_batch(7)

    def rebuild() -> None:
        for _ in range(10):
            rebuild_day(DAY)

    in_threads(work, rebuild, work)
    while digest_batch(100):
        pass
    assert rollups() == recounted(Record.objects.all())


# --- Facts --------------------------------------------------------------------------


@pytest.mark.django_db
def test_facts_are_made_again_once_each(facts):
    for n in range(5):
        stored(NOON, classification=CRASH, payload=f"fact {n}")
    stored(NOON, classification=CRASH, payload="raise")
    stored(NOON)
    digest_batch(100)
    call_command("rebuild")
    assert facts.stored == [f"fact {n}" for n in range(5)]
    assert ParserFailure.objects.count() == 1


@pytest.mark.django_db
def test_facts_of_a_period_are_made_again_from_its_records(facts):
    for n in range(3):
        stored(NOON + n * ONE_DAY, classification=CRASH, payload=f"fact {n}")
    digest_batch(100)
    facts.seen.clear()
    call_command("rebuild", "--from", "2026-02-01", "--to", "2026-02-01")
    assert [each.payload for each in facts.seen] == ["fact 1"]
    assert sorted(facts.stored) == ["fact 0", "fact 1", "fact 2"]


@pytest.mark.django_db
def test_a_failure_is_forgotten_when_the_parser_has_learned_to_read(facts):
    stored(NOON, classification=CRASH, payload="raise no more")
    digest_batch(100)
    assert ParserFailure.objects.exists()
    facts.reads_everything = True
    call_command("rebuild")
    assert facts.stored == ["raise no more"]
    assert not ParserFailure.objects.exists()


@pytest.mark.django_db
def test_more_records_than_a_step_takes_are_all_read(facts, monkeypatch):
    monkeypatch.setattr("records.rebuild._FACTS_BATCH", 3)
    insert_records(
        [(NOON, submission(classification=CRASH, payload=str(n))) for n in range(10)]
    )
    digest_batch(100)
    call_command("rebuild")
    assert facts.stored == [str(n) for n in range(10)]
