"""Machines are estimated within a tenth, whatever the fleet; ids are far more."""

from datetime import UTC, datetime, timedelta
from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import stats
from records.digest import digest_batch
from records.estimate import Active, Estimate, estimate
from records.scope import Scope
from records.store import insert_records
from tests.factories import submission
from tests.records.fleets import FLEETS, Fleet, counted, distinct

MACHINES = 400
END = 50
WINDOWS = (7, 14, 30)
SEEDS = range(3)


@cache
def beats_of(name):
    """Of each seed; a window is their last days."""
    return [FLEETS[name].heartbeats(MACHINES, END, seed) for seed in SEEDS]


def growing(days: int, factor: float) -> Fleet:
    """So many times larger after the window than before it."""
    joining = MACHINES * (1 - 1 / factor)
    per_day = joining / days
    return Fleet(
        lambda n, rng: 0.8,
        joins=lambda n: END - days + int(n / per_day) if n < joining else -10,
    )


def shrinking(beats, window, factor):
    """The fleet that grows, backwards in time."""
    leaving = MACHINES * (1 - 1 / factor)
    last = {n: END - window + int(n * window / leaving) for n in range(int(leaving))}
    return [each for each in beats if each.day <= last.get(each.machine, each.day)]


def ratios(beats, window):
    """Estimate and distinct ids, for each machine that was on."""
    start = END - window
    ids = distinct(beats, "machine_id", start, END)
    machines = distinct(beats, "machine", start, END)
    found = estimate(counted(beats, start, END), ids)
    assert found.low <= machines
    assert found.days == window
    return found.machines / machines, ids / machines


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", FLEETS)
def test_machines_are_estimated_within_a_tenth(name, window):
    for beats in beats_of(name):
        estimated, naive = ratios(beats, window)
        assert 0.9 <= estimated <= 1.1
        if "all static" in name:
            assert naive == 1
        else:
            assert naive > 1.4


@pytest.mark.parametrize(("window", "factor"), [(7, 1.25), (14, 1.5), (14, 2), (30, 2)])
def test_a_fleet_that_grows_or_shrinks_is_estimated_within_a_tenth(window, factor):
    for seed in SEEDS:
        grown = growing(window, factor).heartbeats(MACHINES, END, seed)
        assert 0.9 <= ratios(grown, window)[0] <= 1.1
        shrunk = shrinking(beats_of("on 60 % of days")[seed], window, factor)
        assert 0.9 <= ratios(shrunk, window)[0] <= 1.1


@pytest.mark.parametrize("name", FLEETS)
def test_a_day_that_is_not_over_does_not_shift_the_estimate(name):
    rng, today = Random(1), END - 1
    beats = [
        each for each in beats_of(name)[0] if each.day < today or rng.random() < 0.2
    ]
    ids = distinct(beats, "machine_id", END - 15, END)
    days = counted(beats, END - 15, END)
    found = estimate(days, ids, partial=True)
    assert found.days == 14
    assert found == estimate(days[:-1], ids)
    machines = distinct(beats, "machine", END - 15, END)
    assert 0.9 <= found.machines / machines <= 1.1


@pytest.mark.parametrize("name", ["always on", "servers and workstations"])
def test_the_first_days_of_a_server_know_ids_that_were_in_use_before(name):
    """All ids are new then, but their lives are not."""
    for beats in beats_of(name):
        found = estimate(counted(beats, 0, 14), distinct(beats, "machine_id", 0, 14))
        assert 0.9 <= found.machines / MACHINES <= 1.1


@pytest.mark.parametrize(
    ("days", "ids", "partial", "expected"),
    [
        ([], 0, False, Estimate()),
        ([Active()] * 3, 0, False, Estimate()),
        ([Active()] * 3, 0, True, Estimate()),
        ([Active(9, 9)], 9, False, Estimate(9, 9, 9, 9, None, 1)),
        ([Active(9, 9)], 9, True, Estimate(9, 9, 9, 0, None, 1)),
        ([Active(), Active(9, 9), Active()], 9, False, Estimate(9, 9, 9, 9, None, 1)),
        # No id came again: each may be a machine.
        ([Active(9, 9)] * 5, 45, False, Estimate(45, 9, 45, 9, None, 5)),
        # No id is new: none has changed.
        ([Active(9)] * 5, 12, False, Estimate(12, 9, 12, 9, None, 5)),
        # Two days of machines that are always on.
        ([Active(9, 3), Active(9, 3, 3)], 12, False, Estimate(9, 9, 12, 9, 1, 2)),
        # The day that is not over has the most ids of all.
        ([Active(4, 4), Active(9, 5, 4)], 9, True, Estimate(9, 9, 9, 4, None, 1)),
    ],
)
def test_little_is_made_of_few_days(days, ids, partial, expected):
    assert estimate(days, ids, partial=partial) == expected


@pytest.mark.parametrize(
    ("window", "machines"), [(3, 650), (4, 675), (7, 697), (14, 700), (30, 700)]
)
def test_two_groups_of_machines_are_told_apart_exactly(window, machines):
    """300 that are always on, 400 on every other day by chance."""
    days = [Active(500, 200, 150, 25)] * window
    found = estimate(days, 200 * window + 300)
    assert (found.machines, found.low, found.presence) == (machines, 500, 0.75)


actives = st.builds(Active, *[st.integers(0, 50)] * 2, *[st.integers(0, 20)] * 2)


@given(st.lists(actives, max_size=40), st.booleans())
def test_an_estimate_is_never_less_than_a_day_or_more_than_the_ids(days, partial):
    low = max((day.ids for day in days), default=0)
    found = estimate(days, 3 * low, partial=partial)
    assert found.low == low <= found.machines <= max(low, 3 * low)
    assert found.presence is None or 0 < found.presence <= 1


# --- Through the database -----------------------------------------------------------

TODAY = datetime(2026, 1, 4, 3, 0, tzinfo=UTC)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["servers and workstations", "always on"])
def test_machines_are_estimated_from_records(name):
    """Two weeks around New Year, and a today of three hours."""
    window, machines = 14, 60
    beats = FLEETS[name].heartbeats(machines, END, seed=5)
    received = [
        (
            TODAY - timedelta(days=END - 1 - each.day, minutes=each.machine),
            submission(
                classification="org.clearlinux/heartbeat/ping",
                machine_id=each.machine_id,
            ),
        )
        for each in beats
        if each.day < END - 1 or each.machine % 8 == 0
    ]
    insert_records(received)
    while digest_batch(5000):
        pass
    scope = Scope.last_days(window, TODAY.date())
    found = stats.machines(scope, TODAY.date())
    assert found.days == window - 1
    on = {each.machine for each in beats if each.day >= END - window}
    assert 0.9 <= found.machines / len(on) <= 1.1
    assert found.ids > 3 * found.machines
