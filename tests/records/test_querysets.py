"""Questions to the table of records."""

from datetime import UTC, datetime
from random import Random
from typing import NamedTuple
from unittest.mock import patch

import pytest
from django.db import connection
from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from records import database, querysets
from records.models import Build, ParserFailure, Record
from records.names import resolve
from records.querysets import Listed, RecordQuerySet, Row
from records.store import insert_records
from tests.factories import stored, submission
from tests.records.strategies import in_one_database

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def records() -> list[Record]:
    """Ten records of five builds and two kernels."""
    ids = insert_records(
        [
            (NOON, submission(build=str(n % 5), kernel_version=f"5.{n % 2}.0"))
            for n in range(10)
        ]
    )
    return list(Record.objects.filter(id__in=ids).order_by("id"))


def ids(rows) -> list[int]:
    return [row[0] for row in rows]


def builds(records: list[Record], *which: int) -> set[int]:
    return {records[n].build_id for n in which}


def test_records_are_read_newest_or_oldest_first(records):
    expected = [record.pk for record in records]
    assert ids(Record.objects.newest(100)) == expected[::-1]
    assert ids(Record.objects.oldest(100)) == expected
    assert ids(Record.objects.newest(3)) == expected[:6:-1]
    assert ids(Record.objects.newest(0)) == []


def test_a_row_holds_what_is_stored(records):
    (row,) = Record.objects.newest(1)
    record = records[-1]
    assert Row._make(row) == Row(
        *(getattr(record, name) for name in Row._fields)  # type: ignore[arg-type]
    )
    assert list(Record.objects.newest(1, "id", "machine_id")) == [
        (record.pk, record.machine_id)
    ]


# --- How they are read --------------------------------------------------------------


class Asked(NamedTuple):
    """A question; values are chosen among those that the records have."""

    kinds: frozenset[int] | None
    builds: frozenset[int] | None
    machine: str | None
    captured: tuple[int | None, int | None, int | None] | None
    listed: frozenset[int] | None
    ids: tuple[int | None, int | None]
    gap: tuple[int, int] | None
    limit: int
    columns: tuple[str, ...]

    def of(self, first: int, kinds: list[int], builds: list[int]) -> RecordQuerySet:
        records = Record.objects.all()
        if self.captured is not None:
            start, end, until = self.captured
            records = records.captured(start, end, until and first + until)
        low, high = (None if n is None else first + n for n in self.ids)
        records = records.between_ids(low, high)
        if self.kinds is not None:
            records = records.with_name("kind_id", {kinds[n] for n in self.kinds})
        if self.builds is not None:
            records = records.with_name("build_id", {builds[n] for n in self.builds})
        if self.machine is not None:
            records = records.of_machine(self.machine)
        if self.listed is not None:
            rows = Build.objects.filter(pk__in=[builds[n] for n in self.listed])
            listed = Listed(ParserFailure.objects.all(), "version", rows)
            records = records.listed(listed)
        if self.gap is not None:
            last_below, first_above = (first + n for n in self.gap)
            known = Q(id__lte=last_below) | Q(id__gte=first_above)
            records = records.filter(known).but_ids(last_below + 1, first_above - 1)
        return records


SIX = st.integers(0, 5)
numbers = st.integers(-3, 63)
some = st.none() | st.frozensets(SIX, max_size=1) | st.frozensets(SIX, min_size=3)
questions = st.builds(
    Asked,
    kinds=some,
    builds=some,
    machine=st.none() | st.sampled_from("ab"),
    captured=st.none() | st.tuples(*[st.none() | SIX] * 2, st.none() | numbers),
    listed=some,
    ids=st.tuples(st.none() | numbers, st.none() | numbers),
    gap=st.none() | st.tuples(numbers, numbers),
    limit=st.integers(0, 12),
    columns=st.sampled_from([("id",), ("machine_id", "id"), Row._fields]),
)


@settings(in_one_database, max_examples=200)
@given(questions)
def test_they_are_those_that_plain_conditions_leave_in_order(sixty, asked):
    """However few are looked through before an index is asked."""
    records = asked.of(*sixty)
    plain = records.everything().values_list(*asked.columns)
    for read, order in ((records.newest, "-id"), (records.oldest, "id")):
        expected = list(plain.order_by(order)[: asked.limit])
        for few in (0, 3):
            with (
                patch.multiple(querysets, _FEW=few, _NEAR=range(3, 6), _NEAR_SHARE=1),
                patch.object(querysets, "_MIDDLE", 8),
            ):
                assert read(asked.limit, *asked.columns) == expected, few


@pytest.fixture
def sixty() -> tuple[int, list[int], list[int]]:
    """So many random records: the id of the first, and of six kinds and builds."""
    made = resolve(
        [submission(payload_format_version=n, build=str(n)) for n in range(6)]
    )
    kinds, builds = [each.kind for each in made], [each.build for each in made]
    rng = Random(1)
    Record.objects.bulk_create(
        record(
            rng.choice(kinds), rng.choice(builds), rng.choice("ab"), rng.randrange(6)
        )
        for _ in range(60)
    )
    pks = list(Record.objects.order_by("id").values_list("id", flat=True))
    ParserFailure.objects.bulk_create(
        ParserFailure(record_id=pk, parser="", version=rng.choice(builds))
        for pk in rng.sample(pks, 40)
    )
    return pks[0], kinds, builds


def record(kind: int, build: int, machine: str, captured: int) -> Record:
    return Record(
        received_at=NOON,
        captured_at=captured,
        kind_id=kind,
        build_id=build,
        hardware_id=1,
        kernel_id=1,
        machine_id=machine,
        payload="",
    )


def test_records_that_are_deleted_meanwhile_are_followed_by_others(
    records, monkeypatch, on_postgres
):
    """A page that is not full would be taken for the last one."""
    if not on_postgres:
        pytest.skip("one query on SQLite")
    among = database.among

    def deleting(column: str, ids: list[int]) -> RawSQL:
        Record.objects.filter(pk=records[8].pk).delete()
        return among(column, ids)

    monkeypatch.setattr(database, "among", deleting)
    chosen = Record.objects.with_name("build_id", builds(records, 3, 4))
    assert ids(chosen.newest(3)) == [records[n].pk for n in (9, 4, 3)]


@pytest.mark.parametrize(
    ("limits", "walked"),
    [
        ((10**12, None, None), 1),
        ((None, -1, None), 1),
        # From when most of them arrived, too.
        ((None, -1, 6), 2),
        ((-1, -1, 6), 1),
    ],
)
def test_a_time_in_which_nothing_was_captured_is_walked_for_a_little(
    records, limits, walked
):
    first, last, until = limits
    asked = Record.objects.captured(first, last, until and records[until].pk)
    with (
        patch.multiple(querysets, _NEAR=range(3, 4), _NEAR_SHARE=1, _MIDDLE=3),
        CaptureQueriesContext(connection) as context,
    ):
        assert asked.newest(5) == []
    questions = [each["sql"] for each in context if 'captured_at" <' in each["sql"]]
    questions += [each["sql"] for each in context if 'captured_at" >' in each["sql"]]
    walks = {each for each in questions if "+ 0" not in each}
    assert len(walks) == walked
    assert all('"id" >= ' in each for each in walks)


def test_names_of_several_kinds_are_joined_by_and(records):
    kernels = {records[1].kernel_id}
    chosen = Record.objects.with_name("build_id", builds(records, 1, 2, 3))
    both = chosen.with_name("kernel_id", kernels).filter(id__gt=records[1].pk)
    assert ids(both.oldest(100)) == [records[n].pk for n in (3, 7)]


def test_the_same_kind_twice_leaves_what_is_in_both(records):
    chosen = Record.objects.with_name("build_id", builds(records, 0, 1))
    assert ids(chosen.with_name("build_id", builds(records, 1, 2)).oldest(9)) == [
        records[1].pk,
        records[6].pk,
    ]
    neither = chosen.with_name("build_id", builds(records, 2))
    assert ids(neither.newest(9)) == []


def test_no_name_leaves_no_record(records):
    chosen = Record.objects.with_name("build_id", set())
    assert ids(chosen.newest(9)) == ids(chosen.newest(9, "id")[2:3]) == []
    assert not chosen.everything().exists()


def test_a_question_does_not_change_the_one_it_was_made_of(records):
    everything = Record.objects.all()
    everything.with_name("build_id", builds(records, 0))
    assert len(everything.newest(100)) == 10


def test_records_between_times_and_ids(records):
    first, last = records[2].pk, records[4].pk
    assert ids(Record.objects.between_ids(first, last).oldest(9)) == [
        record.pk for record in records[2:5]
    ]
    late = stored(NOON.replace(hour=13))
    one_pm = NOON.replace(hour=13)
    assert ids(Record.objects.received_between(one_pm, None).newest(9)) == [late.pk]
    assert len(Record.objects.received_between(None, one_pm).newest(99)) == 10
    assert len(Record.objects.received_between(NOON, one_pm).newest(99)) == 10


def test_everything_from_the_small_tables_comes_in_one_query(
    records, django_assert_num_queries
):
    with django_assert_num_queries(1):
        for record in Record.objects.named():
            str(record.kind), str(record.build), str(record.hardware)
            str(record.kernel)


def test_an_event_id_is_shown_as_32_digits(records):
    event = stored(event_id="04946838d58d2b4f0cd50e76065c5a6d")
    assert event.event_hex == "04946838d58d2b4f0cd50e76065c5a6d"
    assert stored(event_id=None).event_hex is None
