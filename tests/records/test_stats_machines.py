"""Machines that were there: equal to a recount, at a cost of days and names."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import stats
from records.digest import digest_batch
from records.estimate import Active, Estimate
from records.models import Build, Record
from records.scope import Scope
from records.store import insert_records
from tests.factories import stored, submission
from tests.records.recount import heartbeat_days
from tests.records.strategies import in_one_database, rolled_back

FIRST = date(2026, 2, 25)
"""A week around the end of February."""
NOON = datetime(2026, 2, 25, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HEARTBEAT = "org.clearlinux/heartbeat/ping"

heartbeats = st.lists(
    st.tuples(
        st.integers(0, 8).map(lambda n: NOON + n * DAY),
        st.builds(
            submission,
            classification=st.sampled_from([HEARTBEAT, HEARTBEAT, "a/b/c"]),
            machine_id=st.sampled_from(["a", "b", "c"]),
            build=st.sampled_from(["1", "2"]),
            system_name=st.sampled_from(["clear-linux-os", "fedora"]),
            external=st.booleans(),
        ),
    ),
    max_size=25,
)
days = st.integers(-1, 9).map(lambda n: FIRST + n * DAY)
scopes = st.builds(
    Scope,
    start=days | st.none(),
    end=days | st.none(),
    system_name=st.sampled_from(["", "fedora"]),
    version=st.sampled_from(["", "", "2"]),
    external=st.sampled_from([None, True, False]),
)


def inside(scope, day):
    return (scope.start or date.min) <= day <= (scope.end or date.max)


def chains(scope, place):
    """Days of each id that the place of a scope has, on systems or on builds."""
    wanted = scope.build_ids
    records = Record.objects.all()
    if wanted is not None:
        records = records.filter(build_id__in=wanted)
    return {
        chain: days
        for chain, days in heartbeat_days(records, place).items()
        if scope.external in (None, chain[2])
    }


def place_of(scope):
    return "build_id" if scope.version else "build__system_name"


def active(scope):
    counts = Counter()
    for seen in chains(scope, place_of(scope)).values():
        counts.update(("ids", day) for day in seen)
        counts["new", seen[0]] += 1
        if len(seen) > 1:
            counts[(seen[1] - seen[0]).days, seen[1]] += 1
    found = [day for name, day in counts if name == "ids" and inside(scope, day)]
    start = scope.start or min(found, default=None)
    end = scope.end or max(found, default=None)
    every = (
        [start + n * DAY for n in range((end - start).days + 1)]
        if end and start
        else []
    )
    names = ("ids", "new", 1, 2)
    return {day: Active(*(counts[name, day] for name in names)) for day in every}


@pytest.mark.django_db
@in_one_database
@given(heartbeats, scopes)
def test_every_number_equals_a_recount(rows, scope):
    with rolled_back():
        insert_records(rows)
        digest_batch(100)
        assert stats.active_by_day(scope) == active(scope)
        seen = chains(scope, place_of(scope))
        assert stats.distinct_ids(scope) == sum(
            any(inside(scope, day) for day in days) for days in seen.values()
        )
        builds = chains(scope, "build_id")
        assert stats.distinct_by_build(scope) == Counter(
            (build, external)
            for (_, build, external), days in builds.items()
            if any(inside(scope, day) for day in days)
        )
        assert stats.machine_days(scope, "day", "build", "external") == Counter(
            (day, build, external)
            for (_, build, external), days in builds.items()
            for day in days
            if inside(scope, day)
        )
        assert stats.machine_days(scope, "day") == Counter(
            (day,) for days in seen.values() for day in days if inside(scope, day)
        )


@pytest.fixture
def five_days(db):
    """Two ids on every day, and one that has only the third."""
    for n in range(5):
        for name in "ab":
            stored(NOON + n * DAY, classification=HEARTBEAT, machine_id=name)
    stored(NOON + 2 * DAY, classification=HEARTBEAT, machine_id="c", build="2")
    digest_batch(100)


def test_days_without_ids_are_there(five_days):
    scope = Scope(FIRST - DAY, FIRST + DAY)
    assert stats.active_by_day(scope) == {
        FIRST - DAY: Active(),
        FIRST: Active(2, 2),
        FIRST + DAY: Active(2, 0, 2),
    }


def test_a_scope_without_an_end_or_with_one_in_the_future_ends_today(five_days):
    today = FIRST + 3 * DAY
    for end in (None, today, today + 100 * DAY):
        found = stats.machines(Scope(FIRST, end), today)
        assert (found.days, found.low, found.ids) == (3, 3, 3)
        assert found.active == pytest.approx(7 / 3)


def test_a_scope_that_begins_tomorrow_has_no_machines(five_days):
    assert stats.machines(Scope(FIRST + DAY, None), FIRST) == Estimate()
    assert stats.machines(Scope(), date(2020, 1, 1)) == Estimate()


def test_a_day_that_is_over_is_counted(five_days):
    found = stats.machines(Scope(FIRST, FIRST + 4 * DAY), FIRST + 5 * DAY)
    assert found.days == 5


@pytest.mark.parametrize(
    ("ask", "of_all", "of_a_version"),
    [
        (stats.active_by_day, 1, 2),
        (stats.distinct_ids, 1, 2),
        (stats.distinct_by_build, 2, 3),
        (stats.machine_days, 1, 3),
        (stats.machines, 2, 4),
    ],
)
def test_queries(five_days, django_assert_num_queries, ask, of_all, of_a_version):
    assert Build.objects.count() == 2
    with django_assert_num_queries(of_all):
        ask(Scope(FIRST, FIRST + 4 * DAY))
    with django_assert_num_queries(of_a_version):
        ask(Scope(FIRST, FIRST + 4 * DAY, version="2"))
