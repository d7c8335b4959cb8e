"""Counts of spans: whatever is summed up when, they are those of their days."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db.models import Sum
from hypothesis import given, settings
from hypothesis import strategies as st

from records import spans, stats
from records.digest import digest_batch
from records.models import BuildPresence, Folded, HardwareDay, KindDay, KindSpan
from records.rebuild import rebuild_day
from records.scope import Scope
from records.spans import Piece, begin, fold, gaps, pieces
from records.store import insert_records
from tests.factories import stored
from tests.records.strategies import in_one_database, rolled_back, submissions

MONDAY = datetime(2026, 2, 2, 12, tzinfo=UTC)
"""The first of sixteen weeks."""
DAY = timedelta(days=1)
DAYS = st.integers(0, 150).map(lambda n: MONDAY.date() + n * DAY)


@pytest.mark.parametrize("days", spans.SIZES)
@given(day=st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_a_span_begins_on_a_monday_and_has_its_days(days, day):
    first = begin(day, days)
    assert first <= day < first + days * DAY
    assert days == spans.DAY or first.isoweekday() == 1
    assert begin(first, days) == first


def test_sizes_are_multiples_of_the_next():
    for size, smaller in zip(spans.SIZES, spans.SIZES[1:], strict=False):
        assert size % smaller == 0


@given(
    st.sets(st.tuples(st.sampled_from(spans.SIZES), DAYS), max_size=40),
    st.sets(DAYS, max_size=20),
    st.none() | DAYS,
    st.none() | DAYS,
)
def test_each_day_with_counts_is_read_once(some, counted, start, end):
    folded = set()
    for days, day in some:
        first = begin(day, days)
        within = [each for each in counted if begin(each, days) == first]
        folded.add(Piece(days, first, min(within, default=first + days * DAY)))
    chosen = pieces(folded, start, end)
    read = Counter()
    for piece in chosen:
        read.update(each for each in counted if piece.day <= each <= piece.last)
    for first, last in gaps(chosen, start, end):
        read.update(
            each
            for each in counted
            if (first or date.min) <= each <= (last or date.max)
        )
    assert read == Counter(
        each for each in counted if (start or date.min) <= each <= (end or date.max)
    )


@pytest.mark.parametrize(
    ("start", "sizes"),
    [
        (None, [112]),
        (date(2026, 2, 2), [112]),
        (date(2026, 2, 3), [7, 7, 7, 28, 28, 28]),
        (date(2026, 1, 1), [112]),
    ],
)
def test_the_longest_spans_are_read(start, sizes):
    first = date(2026, 2, 2)
    folded = [
        Piece(days, first + n * days * DAY, first + n * days * DAY)
        for days in (112, 28, 7)
        for n in range(112 // days)
    ]
    chosen = pieces(folded, start, date(2026, 5, 24))
    assert [each.days for each in chosen] == sizes


# --- In the database ----------------------------------------------------------------

records = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 6, 7, 8, 20, 27, 28, 30]).map(
            lambda n: MONDAY + n * DAY
        ),
        submissions,
    ),
    max_size=12,
)
steps = st.lists(
    st.tuples(st.just("send"), records)
    | st.tuples(st.just("fold"), st.sampled_from([1, 8, 29]))
    | st.tuples(st.just("rebuild"), st.sampled_from([0, 6, 7, 28])),
    min_size=1,
    max_size=6,
)
SCOPES = [
    Scope(),
    Scope(MONDAY.date(), MONDAY.date() + 27 * DAY),
    Scope(MONDAY.date() + 3 * DAY, MONDAY.date() + 30 * DAY, external=False),
    Scope(MONDAY.date() - 50 * DAY, MONDAY.date() + 40 * DAY, system_name="fedora"),
    Scope(MONDAY.date() + 6 * DAY, MONDAY.date() + 27 * DAY, version="32130"),
    Scope(end=MONDAY.date() + 13 * DAY, classification="org.clearlinux/*"),
]


def happen(what, value):
    if what == "send":
        insert_records(value)
        while digest_batch(5):
            pass
    elif what == "fold":
        fold(MONDAY + value * DAY, most=12)  # the longest, and some days
    else:
        rebuild_day(MONDAY.date() + value * DAY, force=True)


def rows_of_days(scope):
    rows = KindDay.objects.filter(**scope.of_days())
    for column, ids in (("build_id", scope.build_ids), ("kind_id", scope.kind_ids)):
        if ids is not None:
            rows = rows.filter(**{f"{column}__in": ids})
    return list(rows.values(*stats._COLUMNS.values(), "records"))


def by_days(rows, *dimensions):
    """Counted from the rows of days alone."""
    found = Counter()
    for row in rows:
        key = ((name, row[stats._COLUMNS[name]]) for name in dimensions)
        told = (spans.monday(v) if name == "week" else v for name, v in key)
        found[tuple(told)] += row["records"]
    return found


DIMENSIONS = [
    ("build",),
    ("classification",),
    ("day", "build"),
    ("week", "severity"),
    ("week", "system_name", "external"),
]


def check():
    for scope in SCOPES:
        rows = rows_of_days(scope)
        for dimensions in DIMENSIONS:
            assert stats.records_by(scope, *dimensions) == by_days(rows, *dimensions)
        days = scope.days_of(BuildPresence)
        before = max(scope.start or date.min, date(1, 1, 2))
        of_builds, distinct, by_week = Counter(), Counter(), Counter()
        columns = ("day", "previous", "build_id", "external", "ids")
        for day, previous, build, external, n in days.values_list(*columns):
            of_builds[build,] += n
            by_week[spans.monday(day), build] += n
            distinct[build, external] += n * (previous < before)
        assert stats.machine_days(scope, "build") == of_builds
        assert stats.machine_days(scope, "week", "build") == by_week
        assert stats.distinct_by_build(scope) == +distinct
        of_hardware = HardwareDay.objects.filter(
            **scope.of_days(), **stats._where(scope)
        )
        assert stats.hardware(scope).total() == sum(
            of_hardware.values_list("records", flat=True)
        )


@pytest.mark.django_db
@settings(in_one_database, max_examples=8)
@given(steps)
def test_counts_are_those_of_days_whatever_happens_in_whatever_order(happened):
    with rolled_back():
        for what, value in happened:
            happen(what, value)
        check()
        fold(MONDAY + 29 * DAY, most=12)
        check()


@pytest.mark.django_db
def test_spans_that_are_over_are_summed_up_and_days_are_not_read_again():
    for n in (0, 5, 30):
        stored(MONDAY + n * DAY)
    digest_batch(10)
    assert fold(MONDAY + 7 * DAY) == 7 + 1
    assert fold(MONDAY + 7 * DAY) == 0
    KindDay.objects.filter(day__lt=MONDAY + 7 * DAY).update(records=1000)
    assert stats.records(Scope()) == 3
    part = Scope(end=MONDAY.date() + 5 * DAY)
    assert stats.records(part) == 2  # of each day there are sums by kind, and by build
    assert stats.records_by(part, "build", "classification").total() == 2000
    assert fold(MONDAY + 112 * DAY) > 0
    sizes = Counter(Folded.objects.values_list("days", flat=True))
    assert sizes == {112: 1, 28: 4, 7: 16, 1: 112}


@pytest.mark.django_db
def test_a_late_record_is_counted_at_once_and_its_spans_are_summed_up_again():
    stored(MONDAY)
    digest_batch(1)
    fold(MONDAY + 28 * DAY)
    stored(MONDAY + 3 * DAY)
    digest_batch(1)
    assert stats.records(Scope()) == 2
    first = MONDAY.date() + 3 * DAY
    for size in spans.SIZES[1:]:
        assert not Folded.objects.filter(days=size, day=begin(first, size)).exists()
    assert fold(MONDAY + 28 * DAY) == len(spans.SIZES[1:])
    assert stats.records(Scope()) == 2


@pytest.mark.django_db
def test_days_for_which_records_wait_are_left_alone():
    for n in (0, 1, 2):
        stored(MONDAY + n * DAY)
    digest_batch(1)
    assert fold(MONDAY + 9 * DAY) == 1
    digest_batch(9)
    assert fold(MONDAY + 9 * DAY) > 1


@pytest.mark.django_db
def test_a_step_sums_up_some_and_looks_again_after_a_while(monkeypatch):
    now = datetime.now(UTC)
    stored(now - 20 * DAY)
    digest_batch(1)
    monkeypatch.setattr(spans, "_looked", 0.0)
    found = []
    while done := spans.step():
        found.append(done)
    assert max(found) == spans._AT_ONCE
    assert sum(found) == Folded.objects.count() > 20
    Folded.objects.all().delete()
    assert spans.step() == 0  # it has just looked
    monkeypatch.setattr(spans, "_looked", 0.0)
    assert spans.step() > 0


@pytest.mark.django_db
def test_rows_without_a_column_are_its_sums():
    for n in range(8):
        stored(MONDAY, build=str(n % 2), severity=1 + n % 4)
    digest_batch(10)
    fold(MONDAY + 7 * DAY)
    for whole in ("kind_id", "build_id"):
        rows = spans.counts(KindSpan, None, None, whole=whole)
        sums = [each.aggregate(n=Sum("records"))["n"] or 0 for each in rows]
        assert sums == [0, 8]
