"""Counts per day: equal to a count of the records, in whatever batches they came."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import rollups as module
from records.digest import digest_batch
from records.models import HardwareDay, KindDay, MachineDay, ReceivedHour, Record
from records.rollups import (
    HARDWARE_DAY,
    KIND_DAY,
    MACHINE_DAY,
    RECEIVED_HOUR,
    add,
    upsert,
)
from records.store import insert_records
from tests.factories import stored
from tests.records.recount import recounted, rollups
from tests.records.strategies import in_one_database, received, rolled_back

DAY = date(2026, 1, 31)


@pytest.mark.django_db
@in_one_database
@given(received, st.integers(1, 12), st.integers(1, 12))
def test_the_counts_equal_a_recount_of_the_records(rows, arriving, digesting):
    with rolled_back():
        for start in range(0, len(rows), arriving):
            insert_records(rows[start : start + arriving])
            digest_batch(digesting)
        while digest_batch(digesting):
            pass
        assert rollups() == recounted(Record.objects.all())


@pytest.mark.django_db
def test_a_day_ends_at_midnight_utc():
    for hour, second in ((23, 59), (0, 0)):
        stored(datetime(2026, 1, 31, hour, 59, second, 999_999, tzinfo=UTC))
    stored(datetime(2026, 2, 1, 0, 0, tzinfo=UTC))
    digest_batch(10)
    days = KindDay.objects.order_by("day").values_list("day", "records")
    assert list(days) == [(DAY, 2), (date(2026, 2, 1), 1)]
    hours = ReceivedHour.objects.order_by("hour").values_list("hour", "records")
    assert [(each.hour, n) for each, n in hours] == [(0, 1), (23, 1), (0, 1)]


@pytest.mark.django_db
def test_a_machine_day_counts_records_and_heartbeats():
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for classification in ("org.clearlinux/heartbeat/ping", "org.clearlinux/crash/clr"):
        stored(now, machine_id="m", classification=classification)
    stored(now, machine_id="other")
    digest_batch(10)
    rows = MachineDay.objects.order_by("machine_id")
    counts = rows.values_list("machine_id", "records", "heartbeats")
    assert list(counts) == [("m", 2, 1), ("other", 1, 0)]


@pytest.mark.django_db
def test_adding_sums_up_and_more_rows_than_a_statement_takes_are_added(monkeypatch):
    monkeypatch.setattr(module, "_ROWS_PER_STATEMENT", 7)
    counts = {(DAY, kind, 1): kind for kind in range(1, 31)}
    add(KIND_DAY, counts)
    add(KIND_DAY, counts)
    rows = KindDay.objects.order_by("kind_id").values_list("kind_id", "records")
    assert list(rows) == [(kind, 2 * kind) for kind in range(1, 31)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ['a "quoted" \\name\\', "a, b", "{NULL}", "NULL", "", " ß "]
)
def test_names_of_any_text_are_keys(name):
    for _ in range(2):
        add(HARDWARE_DAY, {(DAY, 1, name, True): 1, (DAY, 1, "other", True): 1})
    rows = HardwareDay.objects.values_list("system_name", "records")
    assert sorted(rows) == sorted([(name, 2), ("other", 2)])


@pytest.mark.django_db
def test_values_afterwards_are_returned_by_key():
    key = (DAY, "machine", 1, False)
    assert upsert(MACHINE_DAY, [(*key, 2, 1)], returning="heartbeats") == {key: 1}
    assert upsert(MACHINE_DAY, [(*key, 1, 1)], returning="heartbeats") == {key: 2}


@pytest.mark.django_db
def test_the_bounds_of_an_hour_grow_to_both_sides():
    hour = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for first, last in ((50, 60), (40, 45), (55, 70), (52, 53)):
        upsert(RECEIVED_HOUR, [(hour, first, last, 1)])
    row = ReceivedHour.objects.get()
    assert (row.hour, row.first_id, row.last_id, row.records) == (hour, 40, 70, 4)


@pytest.mark.django_db
def test_nothing_is_added_without_a_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        add(KIND_DAY, {})
