"""Ids that were there: equal to a recount of the heartbeats, in whatever order."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import presence
from records.chains import NEVER, Link, joined, links
from records.digest import digest_batch
from records.models import BuildPresence, MachineDay, Record, SystemPresence
from records.rebuild import rebuild_day
from records.store import insert_records
from tests.factories import stored, submission
from tests.records.recount import recounted, rollups
from tests.records.strategies import in_one_database, rolled_back

START = datetime(2026, 12, 20, 23, 30, tzinfo=UTC)
DAY = timedelta(days=1)
HEARTBEAT = "org.clearlinux/heartbeat/ping"

# --- Chains -------------------------------------------------------------------------

chain = st.sets(st.integers(1, 12).map(lambda n: date(2026, 2, 20) + n * DAY))


def test_a_link_leads_to_the_day_before_and_one_is_the_second():
    first, second, third = (date(2026, 2, n) for n in (1, 2, 5))
    assert links([third, first, second]) == {
        Link(first, NEVER, False),
        Link(second, first, True),
        Link(third, second, False),
    }


@given(chain, chain.filter(bool))
def test_links_that_come_and_go_make_the_longer_chain(days, more):
    new = (more - days) or {date(2026, 1, 1)}
    came, went = joined(days, new)
    assert went <= links(days)
    assert (links(days) - went) | came == links(days | new)


@given(chain, chain.filter(bool))
def test_two_days_on_each_side_are_enough(days, more):
    new = (more - days) or {date(2026, 1, 1)}
    earlier = sorted(day for day in days if day < min(new))[-2:]
    later = sorted(day for day in days if day > max(new))[:2]
    between = {day for day in days if min(new) < day < max(new)}
    assert joined({*earlier, *between, *later}, new) == joined(days, new)


# --- Counts -------------------------------------------------------------------------

heartbeats = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 3, 4, 11, 12, 13, 21, 22, 40]).map(
            lambda n: START + n * DAY
        )
        | st.integers(0, 60).map(lambda n: START + n * DAY / 2),
        st.builds(
            submission,
            classification=st.sampled_from([HEARTBEAT, HEARTBEAT, "a/b/c"]),
            machine_id=st.sampled_from(["a", "b"]),
            build=st.sampled_from(["1", "2"]),
            system_name=st.sampled_from(["clear-linux-os", "fedora"]),
            external=st.sampled_from([False, False, True]),
        ),
    ),
    max_size=20,
)


def all_counts():
    found = rollups()
    return {name: found[name] for name in ("machines", "systems", "builds")}


def recount():
    found = recounted(Record.objects.all())
    return {name: found[name] for name in ("machines", "systems", "builds")}


@pytest.mark.django_db
@in_one_database
@given(heartbeats, st.integers(1, 12))
def test_heartbeats_of_many_days_in_any_order_are_counted_and_again(rows, digesting):
    with rolled_back():
        insert_records(rows)
        while digest_batch(digesting):
            pass
        assert all_counts() == recount()
        SystemPresence.objects.update(ids=7)
        BuildPresence.objects.all().delete()
        presence.recount()
        assert all_counts() == recount()


@pytest.mark.django_db
@in_one_database
@given(heartbeats, heartbeats, st.lists(st.integers(0, 40), max_size=5))
def test_days_that_are_counted_again_are_counted_right(rows, more, days):
    with rolled_back():
        insert_records(rows)
        digest_batch(100)
        insert_records(more)
        for n in days:
            rebuild_day((START + n * DAY).date())
        while digest_batch(5):
            pass
        assert all_counts() == recount()


@pytest.mark.django_db
def test_a_day_whose_heartbeats_are_gone_leaves_the_chains():
    for n in (0, 1, 2, 3):
        stored(START + n * DAY, classification=HEARTBEAT)
    digest_batch(10)
    Record.objects.filter(received_at=START + DAY).delete()
    rebuild_day((START + DAY).date(), force=True)
    assert all_counts() == recount()
    assert SystemPresence.objects.count() == BuildPresence.objects.count() == 3


@pytest.mark.django_db
@pytest.mark.parametrize(
    "days",
    [[0, 30, 60], [60, 30, 0], [30, 60, 0], [0, 60, 30], [0, 30, 31], [60, 59, 30]],
)
def test_neighbours_are_found_however_far_away(days):
    for n in days:
        stored(START + n * DAY, classification=HEARTBEAT)
        digest_batch(1)
    assert all_counts() == recount()


@pytest.mark.django_db
def test_a_batch_may_know_one_of_its_days_from_another_build():
    stored(START, classification=HEARTBEAT, build="1")
    digest_batch(1)
    for n in (0, 1):
        stored(START + n * DAY, classification=HEARTBEAT, build="2")
    digest_batch(2)
    assert all_counts() == recount()


@pytest.mark.django_db
def test_more_machines_than_are_changed_at_once(monkeypatch):
    monkeypatch.setattr(presence, "_AT_ONCE", 2)
    for day in range(3):
        for name in "abcde":
            stored(START + day * DAY, classification=HEARTBEAT, machine_id=name)
    digest_batch(100)
    rebuild_day((START + DAY).date())
    assert all_counts() == recount()


@pytest.mark.django_db
def test_records_without_a_first_heartbeat_ask_nothing(django_assert_num_queries):
    stored(START, classification=HEARTBEAT)
    digest_batch(1)
    before = all_counts()
    with django_assert_num_queries(0):
        presence.add([])
    stored(START, classification=HEARTBEAT)
    digest_batch(1)
    assert all_counts()["systems"] == before["systems"]


@pytest.mark.django_db
def test_the_queries_of_a_batch_do_not_depend_on_machines(
    django_assert_num_queries, on_postgres
):
    """Near days, earlier ones, whether there are later ones, two upserts, one of days
    that are no longer summed up; the lock.
    """
    for name in "abcdefgh":
        for n in (0, 1):
            stored(START + n * DAY, classification=HEARTBEAT, machine_id=name)
    digest_batch(8)
    build = Record.objects.first().build_id
    today = (START + 2 * DAY).date()
    beats = [presence.Beat(today, name, build, False) for name in "abcdefgh"]
    MachineDay.objects.bulk_create(
        MachineDay(**beat._asdict(), records=1, heartbeats=1) for beat in beats
    )
    with django_assert_num_queries(6 + on_postgres):
        presence.add(beats)


def test_two_workers_at_midnight_count_each_id_once(in_threads):
    """Batches of both days, of the same ids on two builds, at the same time."""
    rows = [
        (
            START + timedelta(minutes=n % 60),
            submission(
                classification=HEARTBEAT, machine_id=str(n % 7), build=str(n % 2)
            ),
        )
        for n in range(420)
    ]
    insert_records(rows)

    def work() -> None:
        while digest_batch(9):
            pass

    in_threads(work, work)
    assert all_counts() == recount()
