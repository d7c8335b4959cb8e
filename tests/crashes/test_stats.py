"""Counts and lists of crashes, equal to those counted from what was sent."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple

import pytest

from crashes import presence, stats
from crashes.models import CountedGuilty, CrashDay, Guilty
from records.models import Build, Record
from records.scope import Scope
from records.store import insert_records
from records.submission import Submission
from records.versions import version_key
from tests.crashes.factories import (
    CLR,
    ELSEWHERE,
    Named,
    count_again,
    crashing,
    digest,
    guilty_row,
    in_force,
    merge,
    rule,
)
from tests.records.strategies import rolled_back

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 10)
FRAMES = tuple((f"{name}()", "m.so") for name in "abcde")
IGNORED = {FRAMES[0], FRAMES[1]}
COUNTED_ONLY = "org.clearlinux/crash/error"
BUILDS = (("clear", "9990"), ("clear", "10010"), ("clear", "33000"), ("other", "40.1"))
_MIDNIGHT = datetime(2026, 3, 10, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
MOMENTS = (
    _MIDNIGHT - _TICK,
    _MIDNIGHT,
    _MIDNIGHT + timedelta(hours=12),
    _MIDNIGHT + timedelta(days=1) - _TICK,
    _MIDNIGHT + timedelta(days=1),
    _MIDNIGHT + timedelta(days=2, hours=3),
)


class Sent(NamedTuple):
    """A crash as it was sent, and who has to be guilty of it."""

    record: int
    at: datetime
    classification: str
    program: str
    frames: tuple[Named, ...]
    machine: str
    build: tuple[str, str]
    external: bool
    signal: int
    guilty: Named | None

    @property
    def trace(self) -> tuple[object, ...]:
        return (self.classification, self.program, self.frames)


def guilty_of(frames: tuple[Named, ...]) -> Named | None:
    """By the rules of these tests: the first that is not ignored, else the last."""
    left = [frame for frame in frames if frame not in IGNORED]
    return (left or [None, *frames[-1:]][-1:])[0]


@pytest.fixture(scope="module", params=["counted", "not counted"])
def sent(request, module_db) -> Iterator[list[Sent]]:
    """Two hundred crashes of everything that scopes and lists tell apart.

    Guilties are counted while they come, or not at all.
    """
    with rolled_back():
        in_force(*(rule(*frame) for frame in IGNORED))
        found, rows = zip(*map(some_crash, [Random(7)] * 200), strict=True)
        ids = insert_records(rows[:50])
        digest()
        if request.param == "counted":
            count_again()
        ids += insert_records(rows[50:])
        digest()
        yield [each._replace(record=pk) for pk, each in zip(ids, found, strict=True)]


def some_crash(random: Random) -> tuple[Sent, tuple[datetime, Submission]]:
    classification = random.choice([CLR, CLR, ELSEWHERE, COUNTED_ONLY])
    chosen = tuple(random.choices(FRAMES, k=random.choice([0, 1, 1, 2])))
    at, build = random.choice(MOMENTS), random.choice(BUILDS)
    values = {
        "program": random.choice(["/usr/bin/p", "q"]),
        "signal": random.choice([6, 11]),
        "classification": classification,
        "machine_id": random.choice("uvwxyz"),
        "external": random.random() < 0.3,
    }
    frames = () if classification == COUNTED_ONLY else chosen
    sent = Sent(
        0,
        at,
        classification,
        values["program"],
        frames,
        values["machine_id"],
        build,
        values["external"],
        values["signal"],
        guilty_of(frames),
    )
    return sent, (at, crashing(*chosen, system_name=build[0], build=build[1], **values))


SCOPES = {
    "everything": Scope(),
    "one day": Scope(start=DAY, end=DAY),
    "from a day": Scope(start=DAY + timedelta(days=1)),
    "to a day": Scope(end=DAY),
    "last two days": Scope.last_days(2, today=DAY + timedelta(days=1)),
    "an OS": Scope(system_name="clear"),
    "a build": Scope(system_name="clear", version="10010"),
    "a version": Scope(version="40.1"),
    "external": Scope(external=True),
    "not external": Scope(external=False),
    "all of it": Scope(DAY, DAY, "clear", "33000", external=False),
    "no such OS": Scope(system_name="none"),
    "no such day": Scope(start=date(2027, 1, 1)),
}


def inside(scope: Scope, sent: list[Sent]) -> list[Sent]:
    return [
        each
        for each in sent
        if (scope.start is None or each.at.date() >= scope.start)
        and (scope.end is None or each.at.date() <= scope.end)
        and scope.system_name in ("", each.build[0])
        and scope.version in ("", each.build[1])
        and scope.external in (None, each.external)
    ]


def build_id(build: tuple[str, str]) -> int:
    return Build.objects.get(system_name=build[0], version=build[1]).pk


def ids_of_guilties() -> dict[Named, int]:
    rows = Guilty.objects.select_related("frame")
    return {(row.frame.function, row.frame.module): row.pk for row in rows}


def test_the_crashes_of_these_tests_are_what_they_should_be(sent):
    assert {each.guilty for each in sent} == {None, *FRAMES}
    assert Record.objects.count() == len(sent)


def first_crashes_on_the_last_day(sent) -> tuple[Scope, int]:
    """The last day, and a guilty whose crashes before it are taken away."""
    scope = Scope(start=max(each.at.date() for each in sent))
    guilty = stats.top(scope)[0].guilty
    CrashDay.objects.filter(trace__guilty=guilty, day__lt=scope.start).delete()
    if CountedGuilty.objects.exists():
        presence.uncount([guilty])
        count_again()
    return scope, guilty


def test_new_guilties_are_those_that_never_crashed_before_the_scope(sent):
    assert stats.new(Scope()) == stats.top(Scope(), builds=())
    scope = Scope(start=max(each.at.date() for each in sent))
    assert stats.top(scope)
    assert stats.new(scope) == []
    scope, guilty = first_crashes_on_the_last_day(sent)
    assert stats.new(scope) == [
        each for each in stats.top(scope, builds=()) if each.guilty == guilty
    ]


def test_a_guilty_is_not_new_when_one_that_is_merged_into_it_crashed_before(sent):
    scope, guilty = first_crashes_on_the_last_day(sent)
    other = Guilty.objects.exclude(pk=guilty).first()
    merge(other, Guilty.objects.get(pk=guilty))
    assert stats.new(scope) == []


# --- Top crashes and charts ---------------------------------------------------------


def test_top_crashes_are_counted_as_they_were_sent(sent):
    for scope in SCOPES.values():
        crashes = [each for each in inside(scope, sent) if each.guilty]
        counts = Counter(each.guilty for each in crashes)
        top = stats.top(scope)
        assert {(t.function, t.module): t.crashes for t in top} == counts
        keys = [(-each.crashes, each.guilty) for each in top]
        assert keys == sorted(keys)
        for each in top:
            mine = [c for c in crashes if c.guilty == (each.function, each.module)]
            assert each.machines == len({c.machine for c in mine})
            builds = Counter(build_id(c.build) for c in mine)
            assert each.builds == builds
            assert each.guilty == guilty_row(each.function).pk


def test_top_crashes_are_limited_without_those_that_are_hidden(sent):
    whole = stats.top(Scope())
    assert stats.top(Scope(), limit=2) == whole[:2]
    Guilty.objects.filter(pk=whole[0].guilty).update(hidden=True, comment="known")
    assert stats.top(Scope()) == whole[1:]
    shown = stats.top(Scope(), hidden=True)
    assert (shown[0].guilty, shown[0].hidden, shown[0].comment) == (
        whole[0].guilty,
        True,
        "known",
    )
    assert shown[1:] == whole[1:]


def test_a_merged_guilty_counts_for_its_target(sent):
    for scope in SCOPES.values():
        first, second = FRAMES[2], FRAMES[3]
        target = guilty_row(*second)
        merge(guilty_row(*first), target)
        both = [c for c in inside(scope, sent) if c.guilty in (first, second)]
        found = {each.guilty: each for each in stats.top(scope)}
        assert guilty_row(*first).pk not in found
        if both:
            assert found[target.pk].crashes == len(both)
            assert found[target.pk].machines == len({each.machine for each in both})
        else:
            assert target.pk not in found
        assert sum(row.crashes for row in stats.builds_of(target.pk, scope)) == len(
            both
        )
        assert sum(row.crashes for row in stats.machines_of(target.pk, scope)) == len(
            both
        )
        assert sum(stats.by_day(scope, target.pk).values()) == len(both)
        assert sum(
            b.crashes for b in stats.backtraces(target.pk, scope, limit=99)
        ) == len(both)


def test_charts_are_counted_as_they_were_sent(sent):
    for scope in SCOPES.values():
        crashes = inside(scope, sent)
        classes = Counter(each.classification for each in crashes)
        found = stats.by_classification(scope)
        assert found == sorted(classes.items(), key=lambda item: (-item[1], item[0]))
        builds = Counter(each.build for each in crashes)
        ordered = sorted(builds, key=lambda build: (build[0], version_key(build[1])))
        expected = [(build_id(build), builds[build]) for build in ordered]
        assert stats.by_build(scope) == expected
        days = Counter(each.at.date() for each in crashes)
        assert list(stats.by_day(scope).items()) == sorted(days.items())


# --- One guilty ---------------------------------------------------------------------


@pytest.fixture(params=[0, 2, 4])
def named(request) -> Named:
    return FRAMES[request.param]


def test_a_guilty_is_counted_per_build_machine_and_day(sent, named):
    for scope in SCOPES.values():
        crashes = [each for each in inside(scope, sent) if each.guilty == named]
        pk = ids_of_guilties()[named]

        builds = stats.builds_of(pk, scope)
        expected = {build_id(each.build): [0, set()] for each in crashes}
        for each in crashes:
            expected[build_id(each.build)][0] += 1
            expected[build_id(each.build)][1].add(each.machine)
        assert {b.build_id: (b.crashes, b.machines) for b in builds} == {
            key: (n, len(machines)) for key, (n, machines) in expected.items()
        }
        in_order = [(b.system_name, version_key(b.version)) for b in builds]
        assert in_order == sorted(in_order, reverse=True)

        machines = stats.machines_of(pk, scope)
        pairs = Counter((each.machine, build_id(each.build)) for each in crashes)
        assert {(m.machine_id, m.build_id): m.crashes for m in machines} == pairs
        last = {(c.machine, build_id(c.build)): c.record for c in crashes}  # ids grow
        assert {(m.machine_id, m.build_id): m.last_record for m in machines} == last
        keys = [(-m.crashes, -m.last_record) for m in machines]
        assert keys == sorted(keys)
        assert stats.machines_of(pk, scope, limit=2) == machines[:2]

        days = Counter(each.at.date() for each in crashes)
        assert stats.by_day(scope, pk) == days


DAYS = {date(2026, 3, 1): 4, date(2026, 3, 5): 6, date(2026, 3, 9): 3}


@pytest.mark.parametrize(
    ("most", "start"),
    [
        (1, date(2026, 3, 9)),
        (3, date(2026, 3, 9)),
        (4, date(2026, 3, 5)),
        (9, date(2026, 3, 5)),
        (10, date(2026, 3, 1)),
        (14, None),
    ],
)
def test_days_with_the_newest_crashes_are_looked_through(most, start, monkeypatch):
    monkeypatch.setattr(stats, "NEWEST", most)
    scope = Scope(system_name="clear")
    assert stats.recent(scope, DAYS) == replace(scope, start=start)
    assert stats.recent(scope, dict(reversed(DAYS.items()))).start == start
    assert stats.recent(scope, {}) == scope


def test_a_guilty_was_seen_first_and_last(sent, named):
    moments = [each.at for each in sent if each.guilty == named]
    found = stats.seen(ids_of_guilties()[named])
    assert found == (min(moments), max(moments))
    nobody = Guilty.objects.order_by("-id").first().pk + 1
    assert stats.seen(nobody) == (None, None)


# --- Backtraces ---------------------------------------------------------------------


@pytest.mark.parametrize("machine", ["", "x"])
def test_equal_backtraces_are_folded_the_last_reported_first(sent, named, machine):
    for scope in SCOPES.values():
        crashes = [
            each
            for each in inside(scope, sent)
            if each.guilty == named and machine in ("", each.machine)
        ]
        pk = ids_of_guilties()[named]
        found = stats.backtraces(pk, scope, machine_id=machine, limit=100)
        by_trace = {each.trace: [] for each in crashes}
        for each in crashes:
            by_trace[each.trace].append(each)
        ordered = sorted(by_trace.values(), key=lambda mine: -mine[-1].record)
        assert len(found) == len(ordered)
        for shown, mine in zip(found, ordered, strict=True):
            frames = tuple((n.frame.function, n.frame.module) for n in shown.frames)
            assert (shown.classification, shown.program, frames) == mine[0].trace
            assert (shown.crashes, shown.machines) == (
                len(mine),
                len({each.machine for each in mine}),
            )
            assert shown.last_record == max(each.record for each in mine)
            assert shown.last_received == max(each.at for each in mine)
            assert shown.signals == tuple(sorted({each.signal for each in mine}))
            notes = [n.note.kind for n in shown.frames]
            assert notes.count("chosen") == 1
            assert frames[notes.index("chosen")] == named


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_pages_of_backtraces_follow_each_other_without_gap(sent, named, limit):
    pk = ids_of_guilties()[named]
    whole = stats.backtraces(pk, Scope(), limit=100)
    pages, below = [], None
    while page := stats.backtraces(pk, Scope(), below=below, limit=limit):
        assert len(page) <= limit
        pages += page
        below = page[-1].last_record
    assert pages == whole
    assert len(whole) > 1


def test_the_number_of_queries_is_that_of_the_questions(
    sent, django_assert_max_num_queries
):
    pk = ids_of_guilties()[FRAMES[2]]
    # Which are not counted, crashes, both again by build, names; which are counted,
    # machines; and of those that are not, three times.
    with django_assert_max_num_queries(7 + 3):
        stats.top(Scope())
    # Merged ones, traces, groups, what they say, signals; two of each for its frames.
    shown = len(stats.backtraces(pk, Scope(), limit=100))
    with django_assert_max_num_queries(5 + 2 * shown):
        stats.backtraces(pk, Scope(), limit=100)


def test_the_last_days_end_today():
    scope = Scope.last_days(7)
    today = datetime.now(UTC).date()
    assert scope in (
        Scope(today - timedelta(days=6), today),
        Scope(today - timedelta(days=7), today - timedelta(days=1)),
    )


def test_the_guilties_of_some_records_are_of_those_only(sent):
    pks = ids_of_guilties()
    some = [each for each in sent[::2] if each.guilty]
    wanted = Counter(pks[each.guilty] for each in some)
    found = stats.of_records([each.record for each in sent[::2]])
    assert {each.guilty: each.crashes for each in found} == wanted
    assert [each.crashes for each in found] == sorted(wanted.values(), reverse=True)
    for each in found:
        named = each.function, each.module
        assert pks[named] == each.guilty
        mine = [one.record for one in some if one.guilty == named]
        assert each.last_record == max(mine)
    assert stats.of_records([]) == []


def test_a_merged_guilty_of_some_records_counts_for_its_target(sent):
    pks = ids_of_guilties()
    first, second = (pks[named] for named in FRAMES[2:4])
    records = [each.record for each in sent]
    before = {each.guilty: each.crashes for each in stats.of_records(records)}
    merge(guilty_row(*FRAMES[2]), guilty_row(*FRAMES[3]))
    after = {each.guilty: each.crashes for each in stats.of_records(records)}
    assert after[second] == before[first] + before[second]
    assert first not in after
