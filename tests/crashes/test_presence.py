"""Counts by guilty: equal to a recount of reports, whatever happened to them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crashes import counts, curation, presence, stats
from crashes.models import (
    ALL_DAYS,
    BuildDay,
    CountedGuilty,
    CrashDay,
    CrashReport,
    Guilty,
    GuiltyDay,
    GuiltyPresence,
    Source,
    Trace,
)
from records import erase, parsers, purge
from records.digest import digest_batch
from records.models import Record, RetentionRun
from records.rebuild import rebuild_facts
from records.scope import Scope
from records.spans import fold
from records.store import insert_records
from tests.crashes.factories import (
    count_again,
    crashed,
    crashing,
    digest,
    guilty_row,
    in_force,
    judge_everything,
    merge,
    rule,
)
from tests.records.strategies import in_one_database, rolled_back

START = datetime(2026, 3, 10, 23, 30, tzinfo=UTC)
DAY = timedelta(days=1)
FRAMES = tuple((f"{name}()", "m.so") for name in "abcd")


# --- What has to be -----------------------------------------------------------------


def owners() -> dict[int, int]:
    """The guilty that each trace is counted for."""
    traces = Trace.objects.filter(guilty__isnull=False).select_related("guilty")
    return {each.pk: each.guilty.merged_into_id or each.guilty_id for each in traces}


def counted() -> set[int]:
    return set(CountedGuilty.objects.values_list("guilty_id", flat=True))


class Happened(NamedTuple):
    """What everything is recounted from."""

    owners: dict[int, int]
    counted: set[int]
    reports: list[CrashReport]
    days: list[CrashDay]


def happened() -> Happened:
    return Happened(
        owners(),
        counted(),
        list(CrashReport.objects.select_related("build")),
        list(CrashDay.objects.select_related("build", "trace")),
    )


def recounted_presence(all_: Happened) -> Counter[tuple[object, ...]]:
    chains: defaultdict[tuple[object, ...], set[date]] = defaultdict(set)
    for each in all_.reports:
        who = all_.owners.get(each.trace_id)
        places = [("", 0), (each.build.system_name, 0), ("", each.build_id)]
        sources = [Source.ANY, Source.EXTERNAL if each.external else Source.OWN]
        for place, source in product(places, sources):
            if who in all_.counted:
                chain = (who, *place, source, each.machine_id)
                chains[chain].add(each.received_at.date())
    ids: Counter[tuple[object, ...]] = Counter()
    for chain, days in chains.items():
        ordered = [date(1, 1, 1), *sorted(days)]
        for previous, day in pairwise(ordered):
            ids[(*chain[:-1], day, previous)] += 1
    return ids


def kept_presence() -> Counter[tuple[object, ...]]:
    columns = ("guilty_id", "system_name", "build_id", "source", "day", "previous")
    rows = GuiltyPresence.objects.filter(guilty__in=counted())
    return Counter({tuple(key): n for *key, n in rows.values_list(*columns, "ids")})


def recounted_days(all_: Happened) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for each in all_.days:
        who = all_.owners.get(each.trace_id)
        if who in all_.counted:
            for day in (each.day, ALL_DAYS):
                found[day, who, each.build_id, each.external] += each.crashes
    return found


def kept_days() -> Counter[tuple[object, ...]]:
    rows = GuiltyDay.objects.filter(guilty__in=counted())
    columns = ("day", "guilty_id", "build_id", "external", "crashes")
    return Counter({tuple(key): n for *key, n in rows.values_list(*columns)})


def recounted_builds(all_: Happened) -> Counter[tuple[object, ...]]:
    found: Counter[tuple[object, ...]] = Counter()
    for each in all_.days:
        rest = (each.build_id, each.trace.classification_id, each.external)
        found[each.day, *rest] += each.crashes
    return found


def kept_builds() -> Counter[tuple[object, ...]]:
    columns = ("day", "build_id", "classification_id", "external", "crashes")
    rows = BuildDay.objects.values_list(*columns)
    return Counter({tuple(key): n for *key, n in rows})


SCOPES = (
    Scope(),
    Scope(date(2026, 1, 1), date(2027, 1, 1)),
    Scope(start=date(2026, 3, 12)),
    Scope(end=date(2026, 3, 12)),
    Scope(date(2026, 3, 11), date(2026, 3, 13), external=False),
    Scope(system_name="fedora", external=True),
    Scope(version="1"),
    Scope(system_name="fedora", version="2", start=date(2026, 3, 12)),
)


def inside(scope: Scope, day: date, counted: CrashReport | CrashDay) -> bool:
    return (
        (scope.start is None or day >= scope.start)
        and (scope.end is None or day <= scope.end)
        and scope.system_name in ("", counted.build.system_name)
        and scope.version in ("", counted.build.version)
        and scope.external in (None, counted.external)
    )


def check_scope(scope: Scope, all_: Happened) -> None:
    days, builds, owned = Counter[date](), Counter[int](), Counter[int]()
    for each in all_.days:
        if inside(scope, each.day, each):
            days[each.day] += each.crashes
            builds[each.build_id] += each.crashes
            if each.trace_id in all_.owners:
                owned[all_.owners[each.trace_id]] += each.crashes
    machines = {
        (all_.owners[each.trace_id], each.machine_id)
        for each in all_.reports
        if each.trace_id in all_.owners and inside(scope, each.received_at.date(), each)
    }
    guilty_ids = set(Guilty.objects.values_list("id", flat=True))
    assert {owner: n for (owner,), n in counts.crashes(scope).items()} == owned
    assert stats.by_day(scope) == days
    assert dict(stats.by_build(scope)) == builds
    assert counts.machines(scope, guilty_ids) == Counter(who for who, _ in machines)


def check(scopes: Sequence[Scope] = SCOPES) -> None:
    """What is kept is as it has to be, and what is asked for is exact."""
    all_ = happened()
    assert kept_presence() == recounted_presence(all_)
    assert kept_days() == recounted_days(all_)
    assert kept_builds() == recounted_builds(all_)
    for scope in scopes:
        check_scope(scope, all_)


def check_counted() -> None:
    count_again()
    owning = Guilty.objects.filter(merged_into=None).values_list("id", flat=True)
    assert counted() == set(owning)
    check()


def sum_up(days, most):
    """The spans that are over so many days after the first one."""
    fold(START + days * DAY, most)


# --- What happens -------------------------------------------------------------------

crashes = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 3, 4, 20, 40]).map(lambda n: START + n * DAY)
        | st.integers(0, 12).map(lambda n: START + n * DAY / 2),
        st.builds(
            lambda frames, **values: crashing(*frames, **values),
            st.lists(st.sampled_from(FRAMES), max_size=2),
            machine_id=st.sampled_from("xyz"),
            build=st.sampled_from("12"),
            system_name=st.sampled_from(["clear-linux-os", "fedora"]),
            external=st.sampled_from([False, False, True]),
        ),
    ),
    min_size=1,
    max_size=8,
)


def send(rows, limit=3):
    insert_records(rows)
    while digest_batch(limit):
        pass


def change_rules(ignored):
    in_force(*(rule(*frame) for frame in ignored))


def begin_to_change_rules(ignored):
    curation.apply([rule(*frame) for frame in ignored], note="of a test")
    curation.judge_again(1)


def judge_some_now(number):
    curation.judge_now(Trace.objects.values_list("id", flat=True)[:number])


def merge_one(source, target):
    """Into another one or into none, when the admin allows it."""
    found = list(Guilty.objects.order_by("id"))
    if found:
        one, other = found[source % len(found)], found[target % len(found)]
        if one == other:
            merge(one, None)
        elif other.merged_into is None and not one.merged.exists():
            merge(one, other)


def purge_before(days):
    run = RetentionRun.objects.create(started=START + timedelta(days=35 + days))
    assert sum(purge.batches(run, 2)) >= 0


def rebuild(first):
    for _ in rebuild_facts((START + first * DAY).date(), (START + 50 * DAY).date()):
        pass


def erase_machine(machine_id):
    erase.erase(machine_id, "a test")


def count_one():
    guilty_id = presence.uncounted().values_list("id", flat=True).last()
    if guilty_id:
        presence.count_anew([guilty_id])


def operation(function, *arguments):
    return st.tuples(st.just(function), *arguments)


ignored_frames = st.sets(st.sampled_from(FRAMES), max_size=3)
operations = st.lists(
    operation(send, crashes, st.integers(1, 5))
    | operation(send, crashes)
    | operation(count_again)
    | operation(count_one)
    | operation(sum_up, st.integers(0, 60), st.none() | st.integers(1, 4))
    | operation(change_rules, ignored_frames)
    | operation(begin_to_change_rules, ignored_frames)
    | operation(judge_everything)
    | operation(judge_some_now, st.integers(1, 3))
    | operation(merge_one, st.integers(0, 3), st.integers(0, 3))
    | operation(purge_before, st.integers(0, 5))
    | operation(rebuild, st.integers(0, 5))
    | operation(erase_machine, st.sampled_from("xyz")),
    min_size=2,
    max_size=8,
)


@pytest.fixture
def _no_rules(db):
    """The starter set would be taken away in every example."""
    in_force()


@pytest.mark.usefixtures("_no_rules")
@settings(in_one_database, max_examples=12)
@given(crashes, operations)
def test_counts_equal_a_recount_whatever_happens_in_whatever_order(first, rest):
    with rolled_back():
        send(first)
        count_again()
        check()
        for n, (function, *arguments) in enumerate(rest):
            function(*arguments)
            check(SCOPES[n % 2 :: 2])  # all of them after two operations
        check_counted()


@pytest.mark.usefixtures("_no_rules")
@settings(in_one_database, max_examples=12)
@given(st.lists(crashes, min_size=1, max_size=4))
def test_reports_of_many_days_in_any_order_are_counted_as_they_come(batches):
    with rolled_back():
        send([(START, crashing(frame, machine_id="first")) for frame in FRAMES])
        count_again()
        before = counted()
        for rows in batches:
            send(rows)
            assert counted() == before
            check()


# --- One thing at a time ------------------------------------------------------------


def of_all(function: str, **scope: object) -> int:
    guilty = guilty_row(function)
    return counts.machines(Scope(**scope), [guilty.pk])[guilty.pk]


@pytest.fixture
def three_days(db):
    """Machine x on three days, y on the second, all counted."""
    for machine, day in (("x", 0), ("x", 1), ("y", 1), ("x", 2)):
        crashed(FRAMES[0], FRAMES[3], at=START + day * DAY, machine_id=machine)
    digest()
    count_again()


def test_a_machine_counts_once_in_any_days(three_days):
    second, third = (START + DAY).date(), (START + 2 * DAY).date()
    assert of_all("a()") == 2
    assert of_all("a()", end=START.date()) == 1
    assert of_all("a()", start=second) == 2
    assert of_all("a()", start=third) == 1


def test_counted_guilties_are_asked_without_reports(three_days):
    CrashReport.objects.all().delete()
    CrashDay.objects.all().delete()
    guilty = guilty_row("a()")
    assert of_all("a()") == 2
    assert counts.crashes(Scope()) == {(guilty.pk,): 4}
    assert counts.machines_by_build(Scope(), guilty.pk).total() == 2
    assert counts.of_guilty(guilty.pk, Scope(), "day").keys() == {
        (START + n * DAY).date() for n in range(3)
    }


@pytest.mark.parametrize(
    "happens",
    [
        lambda: change_rules({FRAMES[0]}),
        lambda: merge(guilty_row("b()"), guilty_row("a()")),
        lambda: erase_machine("x"),
        lambda: purge_before(2),
        lambda: parsers._registry["crashes"].expire(range(1, 10**6)),
        lambda: parsers._registry["crashes"].forget([Record.objects.last().pk]),
    ],
)
def test_what_counts_anew_is_only_what_changed(three_days, happens):
    send([(START, crashing(FRAMES[1])), (START + 60 * DAY, crashing(FRAMES[2]))])
    count_again()
    happens()
    check()
    untouched = {guilty_row("c()").pk}
    assert guilty_row("a()").pk not in counted()
    if CrashReport.objects.filter(trace__guilty__in=untouched).exists():
        assert untouched <= counted()
    check_counted()


def test_a_merged_guilty_has_its_own_numbers_on_its_own_page(three_days):
    send([(START, crashing(FRAMES[1]))])
    merge(guilty_row("b()"), guilty_row("a()"))
    count_again()
    merged = guilty_row("b()").pk
    assert sum(counts.of_guilty(merged, Scope(), "day").values()) == 1
    assert counts.machines_by_build(Scope(), merged).total() == 1
    assert of_all("a()") == 3


def test_the_queries_of_a_batch_do_not_depend_on_machines(
    three_days, django_assert_num_queries, on_postgres
):
    """Whether and which are counted, their days, chains, links, reports; the lock."""
    trace = Trace.objects.get()
    build = CrashReport.objects.first().build_id
    reports = [
        CrashReport(
            record_id=1000 + n,
            received_at=START + 5 * DAY,
            machine_id=str(n),
            build_id=build,
            external=False,
            trace=trace,
        )
        for n in range(50)
    ]
    with django_assert_num_queries(5 + on_postgres):
        presence.add(reports)


def test_many_machines_are_looked_for_in_parts(three_days, monkeypatch):
    monkeypatch.setattr(presence, "_AT_ONCE", 2)
    send([(START + DAY, crashing(FRAMES[0], machine_id=name)) for name in "vwxyz"], 100)
    check()
    assert of_all("a()") == 5


def test_the_step_counts_a_bounded_number_and_says_how_many(db, monkeypatch):
    for frame in FRAMES:
        crashed(frame)
    digest()
    monkeypatch.setattr(presence, "_CRASHES_AT_ONCE", 2)
    assert [presence.count_again() for _ in range(3)] == [2, 2, 0]
    monkeypatch.setattr(presence, "_CRASHES_AT_ONCE", 0)
    presence.uncount(counted())
    assert presence.count_again() == 1
    monkeypatch.setattr(presence, "_MOST_LISTED", 2)
    monkeypatch.setattr(presence, "_CRASHES_AT_ONCE", 9)
    assert [presence.count_again() for _ in range(3)] == [2, 1, 0]
    check()


def test_what_another_worker_has_counted_is_not_counted_twice(three_days):
    presence.count_anew(counted())
    check_counted()


def test_nothing_is_counted_while_a_purge_is_at_work(three_days):
    presence.uncount(counted())
    run = RetentionRun.objects.create(started=START)
    assert presence.count_again() == 0
    assert of_all("a()") == 2
    for _ in purge.batches(run):
        pass
    check_counted()


@pytest.mark.django_db(transaction=True)
def test_workers_that_digest_count_and_judge_at_once_count_everything_once(in_threads):
    in_force()
    rows = [
        (
            START + (n % 3) * DAY + timedelta(minutes=n % 60),
            crashing(FRAMES[n % 4], machine_id=str(n % 7), build=str(n % 2)),
        )
        for n in range(200)
    ]
    send(rows[:20], 20)
    count_again()
    insert_records(rows[20:])

    def work() -> None:
        while digest_batch(9):
            presence.count_again()

    def judge() -> None:
        for _ in range(5):
            judge_some_now(4)
            parsers._registry["crashes"].expire([])

    in_threads(work, work, judge)
    check()
    check_counted()


def test_traces_that_are_judged_at_once_are_counted_for_their_new_guilty(three_days):
    send([(START, crashing(FRAMES[1]))])
    before = presence.uncounted().count()
    Trace.objects.update(guilty=guilty_row("b()"))  # as older code had judged them
    presence.uncount(counted())
    count_again()
    assert (before, of_all("a()")) == (1, 0)
    judge_some_now(9)
    check()
    assert of_all("a()") == 2
    check_counted()
