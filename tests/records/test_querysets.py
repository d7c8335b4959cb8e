"""Questions to the table of records."""

from datetime import UTC, datetime

import pytest

from records import querysets
from records.models import Record
from records.querysets import Row
from records.store import insert_records
from tests.factories import stored, submission

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


@pytest.mark.parametrize("branches", [300, 2])
@pytest.mark.parametrize("wanted", [(0,), (0, 3), (1, 2, 3, 4)])
def test_several_names_are_read_in_one_order(records, monkeypatch, branches, wanted):
    monkeypatch.setattr(querysets, "_MAX_BRANCHES", branches)
    chosen = Record.objects.with_name("build_id", builds(records, *wanted))
    expected = [r.pk for r in records if r.build_id in builds(records, *wanted)]
    assert ids(chosen.newest(100)) == expected[::-1]
    assert ids(chosen.oldest(3)) == expected[:3]
    assert ids(chosen.everything().order_by("id").values_list("id")) == expected


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
