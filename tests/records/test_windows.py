"""Time windows as bounds on ids: never a record less than the window holds."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from records.digest import digest_batch
from records.models import ReceivedHour, Record
from records.store import insert_records
from records.windows import id_bounds, id_window, last_id_captured
from tests.factories import stored, submission
from tests.records.strategies import in_one_database, moments, received, rolled_back

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.django_db
@settings(in_one_database, max_examples=60)
@given(
    received,
    st.integers(0, 30),
    st.none() | moments,
    st.none() | moments,
    st.integers(0, 30),
)
def test_the_bounds_leave_the_records_of_the_window(rows, digested, start, end, gone):
    """Whatever was digested, still waits, or was deleted after it was counted."""
    with rolled_back():
        ids = insert_records(rows)
        digest_batch(digested) if digested else None
        Record.objects.filter(id__in=ids[gone:]).delete()
        window = Record.objects.received_between(start, end)
        first, last, gap = id_window(start, end)
        assert set(window.between_ids(first, last)) == set(window)
        if gap:
            assert not window.between_ids(*gap).exists()


@pytest.mark.django_db
def test_without_times_there_are_no_bounds():
    stored()
    assert id_bounds(None, None) == (None, None)


@pytest.mark.django_db
def test_where_nothing_was_received_no_id_is_within_the_bounds():
    stored(NOON)
    digest_batch(10)
    assert id_bounds(NOON + HOUR, None) == (1, 0)
    assert id_bounds(None, NOON - HOUR) == (1, 0)


@pytest.mark.django_db
def test_the_bounds_are_those_of_the_hours():
    ids = insert_records([(NOON + n * HOUR, submission()) for n in range(5)])
    digest_batch(10)
    assert id_bounds(NOON + 2 * HOUR, NOON + 3 * HOUR) == (ids[2], ids[2])
    assert id_bounds(NOON + 1.5 * HOUR, None) == (ids[1], None)
    assert id_bounds(None, NOON + 1.5 * HOUR) == (None, ids[1])


@pytest.mark.django_db
def test_records_that_wait_for_the_worker_are_within_the_bounds():
    ids = insert_records([(NOON + n * HOUR, submission()) for n in range(4)])
    digest_batch(2)
    first, last = id_bounds(NOON + 3 * HOUR, NOON + 4 * HOUR)
    assert (first, last) == (ids[2], ids[3])


@pytest.mark.django_db
def test_between_an_old_window_and_the_queue_there_is_a_gap():
    ids = insert_records([(NOON + n * HOUR, submission()) for n in range(9)])
    digest_batch(6)
    window = id_window(NOON + HOUR, NOON + 2 * HOUR)
    assert window == (ids[1], ids[8], (ids[2], ids[5]))
    assert id_window(NOON - HOUR, NOON)[2] == (1, ids[5])
    assert id_window(NOON, None)[2] is None


@pytest.mark.django_db
def test_a_time_zone_does_not_move_the_window():
    ids = insert_records([(NOON + n * HOUR, submission()) for n in range(3)])
    digest_batch(10)
    local = (NOON + HOUR).astimezone(tz=None).astimezone()
    assert id_bounds(local, local + HOUR) == (ids[1], ids[1])


@pytest.mark.django_db
def test_a_window_costs_a_query_for_the_queue_and_one_for_each_bound(
    django_assert_num_queries,
):
    ReceivedHour.objects.create(hour=NOON, first_id=1, last_id=2, records=2)
    with django_assert_num_queries(3):
        id_bounds(NOON, NOON + HOUR)


@pytest.mark.django_db
def test_most_of_what_was_captured_arrives_within_an_hour():
    ids = insert_records([(NOON + n * HOUR, submission()) for n in range(5)])
    digest_batch(10)
    assert last_id_captured(int((NOON + HOUR).timestamp())) == ids[2]
    assert last_id_captured(int((NOON + 9 * HOUR).timestamp())) == ids[4]
    assert last_id_captured(int((NOON - 2 * HOUR).timestamp())) is None


@pytest.mark.django_db
@pytest.mark.parametrize("second", [2**63 - 1, 253_402_300_799, -1, 0])
def test_a_clock_may_say_anything(second):
    stored(NOON)
    digest_batch(10)
    assert last_id_captured(second) is None
