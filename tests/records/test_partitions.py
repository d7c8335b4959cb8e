"""Partitions of records: which there are, made in time, and dropped as a whole."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from records import database, parsers, partitions, purge
from records import store as stores
from records.digest import digest_batch
from records.models import (
    Build,
    ParserFailure,
    Pending,
    Record,
    RetentionRule,
    RetentionRun,
)
from records.parsers import PayloadParser, delete_facts
from records.partitions import Ahead, missing, size
from records.purge import batches
from records.store import Stored, insert_records, store
from tests.factories import submission
from tests.records.partitioned import partitions_of
from tests.records.recount import rollups

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MILLION = 1_000_000

# --- Which there should be ----------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "wanted", "made"),
    [
        ([], range(1, 2), [range(10)]),
        ([], range(57, 58), [range(50, 60)]),
        ([range(10)], range(1, 10), []),
        ([range(10)], range(9, 11), [range(10, 20)]),
        ([range(10)], range(5, 25), [range(10, 20), range(20, 30)]),
        ([range(13)], range(5, 25), [range(13, 20), range(20, 30)]),
        ([range(10), range(17, 30)], range(12, 13), [range(10, 17)]),
        ([range(3), range(4, 5)], range(3, 6), [range(3, 4), range(5, 10)]),
        ([range(900, 910)], range(35, 36), [range(30, 40)]),
        ([range(10)], range(985, 986), [range(980, 990)]),
    ],
)
def test_what_lacks_a_partition_gets_one(there, wanted, made):
    assert list(missing(there, wanted, 10)) == made


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(1, 30)), max_size=6),
    st.integers(1, 120),
    st.integers(1, 60),
    st.integers(1, 40),
)
def test_partitions_leave_nothing_out_and_share_nothing(given_spans, first, many, ids):
    there: list[range] = []
    for start, length in sorted(given_spans):
        if not there or start >= there[-1].stop:
            there.append(range(start, start + length))
    wanted = range(first, first + many)
    made = list(missing(there, wanted, ids))
    both = [pk for span in (*there, *made) for pk in span]
    assert len(both) == len(set(both))
    assert set(wanted) <= set(both)
    assert all(len(span) <= ids and set(span) & set(wanted) for span in made)


@pytest.mark.parametrize(
    ("there", "ids"),
    [
        ([range(MILLION)], MILLION),
        ([range(16 * MILLION)], MILLION),
        ([range(16 * MILLION + 1)], 2 * MILLION),
        ([range(350 * MILLION), range(10, 11)], 22 * MILLION),
        ([range(90 * MILLION, 91 * MILLION), range(100, 200 * MILLION)], 13 * MILLION),
    ],
)
def test_partitions_grow_so_that_they_stay_few(there, ids):
    assert size(there) == ids


# --- Made in time -------------------------------------------------------------------


@pytest.fixture
def small(db: None, on_postgres: bool) -> Iterator[None]:
    """Partitions of ten ids; tests with threads share them."""
    if not on_postgres:
        pytest.skip("SQLite has no partitions")
    with partitions_of(10):
        yield


def ids() -> list[int]:
    return list(Record.objects.order_by("id").values_list("id", flat=True))


def last_id() -> int:
    return partitions._last_id()


def covered(wanted: range) -> bool:
    return not partitions._missing(wanted)


def room_ahead() -> bool:
    return covered(range(last_id() + 1, last_id() + 6))


def use_up() -> None:
    """Until a worker would make a partition."""
    while room_ahead():
        insert_records([(NOW, submission())])


@pytest.mark.django_db
def test_a_new_table_takes_records(on_postgres):
    assert partitions.spans() == ([range(MILLION)] if on_postgres else [])
    assert len(store([submission()])) == 1


@pytest.mark.django_db
def test_the_table_is_as_the_model_says_in_every_partition(on_postgres):
    if not on_postgres:
        pytest.skip("SQLite has no partitions")
    partitions.cover(range(MILLION, MILLION + 1))
    with connection.cursor() as cursor:
        constraints = [
            connection.introspection.get_constraints(cursor, table)
            for table in (
                "records_record",
                "records_record_0",
                "records_record_1000000",
            )
        ]
    kinds = [
        sorted((each["columns"], each["primary_key"]) for each in found)
        for found in (each.values() for each in constraints)
    ]
    assert kinds[0] == kinds[1] == kinds[2]
    assert len(kinds[0]) == len(Record._meta.indexes) + 1
    assert {index.name for index in Record._meta.indexes} < set(constraints[0])


@pytest.mark.django_db
def test_the_worker_makes_partitions_ahead(on_postgres):
    assert Ahead()() == 0
    if on_postgres:
        assert covered(range(last_id(), last_id() + MILLION // 2))


def test_there_is_always_room_for_half_a_partition_ahead(small):
    for _ in range(12):
        store([submission() for _ in range(3)])
        partitions.ahead()
        assert room_ahead()
    before = partitions.spans()
    partitions.ahead()
    assert partitions.spans() == before


def test_the_worker_looks_once_a_minute(small, monkeypatch):
    step = Ahead()
    step()
    use_up()
    step()
    assert not room_ahead()
    step.look_at -= 61
    step()
    assert room_ahead()


def test_a_worker_that_finds_the_table_locked_looks_again_later(
    small, in_threads, monkeypatch
):
    monkeypatch.setattr(partitions, "_PATIENCE", "50ms")
    use_up()

    def look() -> None:
        assert Ahead()() == 0

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE records_record IN SHARE UPDATE EXCLUSIVE MODE")
        in_threads(look)
    assert not room_ahead()


def test_records_are_stored_although_no_worker_made_partitions(small):
    stored = [each for _ in range(20) for each in store([submission()] * 7)]
    made = [pk for _ in range(20) for pk in insert_records([(NOW, submission())] * 7)]
    placed = sorted({each.id for each in stored} | set(made))
    assert len(placed) == 20 + 140
    assert ids() == placed
    assert Pending.objects.count() == len(placed)
    assert len(partitions.spans()) > 10


def test_a_batch_is_stored_over_the_end_of_a_partition(small):
    stored = [store([submission() for _ in range(7)]) for _ in range(3)]
    assert ids() == [each.id for batch in stored for each in batch]


def test_repetitions_are_recognised_over_partitions(small):
    sent = [submission() for _ in range(9)]
    first = [each.id for each in store(sent)]
    store([submission() for _ in range(30)])
    assert [each.id for each in store(sent)] == first


def test_records_of_a_lost_commit_are_stored_where_no_partition_is(small):
    last = last_id()
    plan = [Stored(last + n, datetime.now(UTC), submission()) for n in (300, 45)]
    assert stores._settle(plan) == plan
    assert ids() == sorted(each.id for each in plan)


def test_any_other_violation_is_not_for_partitions_to_mend(small):
    (first,) = store([submission()])
    again = [Stored(first.id, datetime.now(UTC), submission())]
    with pytest.raises(IntegrityError):
        partitions.made_for(lambda: stores._insert_plan(again))


def test_a_partition_is_made_while_a_record_is_being_stored(
    small, in_threads, monkeypatch
):
    """Neither waits for the other."""
    monkeypatch.setattr(partitions, "_PATIENCE", "50ms")
    wanted = range(last_id() + 500, last_id() + 505)
    with transaction.atomic():
        store([submission()])
        in_threads(lambda: partitions.cover(wanted))
        store([submission()])
    assert covered(wanted)


def test_rows_of_all_partitions_are_estimated(small):
    store([submission() for _ in range(25)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE records_record")
    assert database.estimated_rows(["records_record"]) == {"records_record": 25}


def test_several_names_are_read_in_order_over_partitions(small):
    start = last_id()
    store([submission(build=str(n % 3)) for n in range(60)])
    builds = set(Build.objects.filter(version__in=["0", "2"]).values_list(flat=True))
    for between in [(None, None), (3, None), (None, 40), (20, 30)]:
        first, last = (each and start + each for each in between)
        chosen = Record.objects.with_name("build_id", builds).between_ids(first, last)
        expected = sorted(chosen.everything().values_list("id", flat=True))
        for limit in (1, 5, 500):
            assert [row[0] for row in chosen.oldest(limit)] == expected[:limit]
            assert [row[0] for row in chosen.newest(limit)] == expected[::-1][:limit]


# --- Dropped as a whole -------------------------------------------------------------


def in_force(*rules: tuple[str, str, int]) -> None:
    RetentionRule.objects.all().delete()
    RetentionRule.objects.bulk_create(
        RetentionRule(criterion=criterion, value=value, days=days)
        for criterion, value, days in rules
    )


def kept(*ages: float, digest: bool = True, **changes: object) -> list[int]:
    """Records of so many days ago, counted; their ids."""
    partitions.cover(range(last_id() + 1, last_id() + len(ages) + 1))
    made = insert_records([(NOW - age * DAY, submission(**changes)) for age in ages])
    while digest and digest_batch(1000):
        pass
    return made


def fill_up(**changes: object) -> range:
    """Old records to the end of a partition, which it is."""
    (pk,) = kept(40, **changes)
    span = next(span for span in partitions.spans() if pk in span)
    if rest := span[-1] - pk:
        kept(*[40] * rest, **changes)
    return span


def full(**changes: object) -> range:
    """A partition with ten old records, and a later one behind it."""
    fill_up()
    purged()
    span = fill_up(**changes)
    assert Record.objects.filter(id__in=span).count() == 10
    kept(39.5, 1)
    return span


def purged() -> RetentionRun:
    run = RetentionRun.objects.create(started=NOW)
    for _ in batches(run, 4):
        pass
    run.refresh_from_db()
    return run


@pytest.fixture
def old(small: None) -> range:
    in_force(("default", "", 35))
    return full()


def test_a_partition_whose_records_are_all_too_old_is_dropped(old):
    counts = rollups()
    with connection.execute_wrapper(without_deletes_of_records(old)):
        run = purged()
    assert old not in partitions.spans()
    assert run.deleted == 11
    assert run.by_rule == {str(RetentionRule.objects.get().pk): 11}
    assert run.finished
    assert Record.objects.count() == 1
    assert rollups() == counts


def without_deletes_of_records(old: range):
    def check(execute, statement, parameters, *rest):
        result = execute(statement, parameters, *rest)
        if statement.startswith("DELETE FROM records_record "):
            assert rest[1]["cursor"].rowcount == 1, "of the next partition"
        return result

    return check


def test_what_goes_with_a_partition_is_counted_by_rule(small):
    in_force(("default", "", 35), ("machine_id", "m", 30), ("severity", "4", 20))
    fill_up()
    purged()
    made = kept(*[40] * 4, severity=4) + kept(*[40] * 3, machine_id="m", severity=4)
    span = fill_up()
    assert set(made) < set(span)
    kept(39)
    run = purged()
    assert span not in partitions.spans()
    rules = {each.criterion: str(each.pk) for each in RetentionRule.objects.all()}
    assert run.by_rule == {
        rules["default"]: 3 + 1,
        rules["machine_id"]: 3,
        rules["severity"]: 4,
    }


def test_partitions_that_are_to_come_are_not_dropped(old):
    purged()
    assert covered(range(last_id(), partitions.spans()[-1].stop))
    RetentionRule.objects.update(days=1)
    Record.objects.all().delete()
    kept(30)
    purged()
    assert Record.objects.count() == 0
    assert covered(range(last_id(), last_id() + 1))


def test_an_empty_partition_behind_the_others_goes_too(old):
    Record.objects.filter(id__in=old).delete()
    assert purged().deleted == 1
    assert old not in partitions.spans()


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        (None, {"age": 34.9}),
        (("severity", "4", 0), {"severity": 4}),
        (("machine_id", "mine", 0), {"machine_id": "mine"}),
        (("classification", "a/*", 90), {"classification": "a/b/c"}),
        (None, {"digest": False}),
    ],
)
def test_a_partition_stays_for_one_record_that_has_to(small, rule, changes):
    in_force(("default", "", 35), *([rule] if rule else []))
    fill_up()
    purged()
    age = changes.pop("age", 40)
    (pk,) = kept(age, **changes)
    waiting = list(Pending.objects.all())
    Pending.objects.all().delete()
    span = fill_up()
    Pending.objects.bulk_create(waiting)
    Record.objects.exclude(id__in=span).delete()
    kept_later = kept(39, digest=False)
    claimed = Pending.objects.filter(record_id__in=[each.pk for each in waiting])
    claimed.delete()
    while digest_batch(100):
        pass
    Pending.objects.bulk_create(waiting)
    assert kept_later[0] not in span
    run = purged()
    assert span in partitions.spans()
    assert ids() == [pk]
    assert run.deleted == 9 + 1


def test_facts_of_a_dropped_partition_go_by_their_range(old):
    told: list[object] = []

    def expire(record_ids: object) -> None:
        told.append(record_ids)
        delete_facts(ParserFailure, record_ids)  # type: ignore[arg-type]

    def failure(pk: int) -> ParserFailure:
        return ParserFailure(record_id=pk, parser="p", version=1, error="")

    around = [old.start - 1, *old, old.stop]
    ParserFailure.objects.bulk_create(map(failure, around))
    parser = PayloadParser(
        "p", 1, (), lambda r: None, lambda f: None, lambda i: None, expire
    )
    parsers.register(parser)
    try:
        purged()
    finally:
        parsers.unregister("p")
    assert told[0] == old
    left = set(ParserFailure.objects.values_list("record_id", flat=True))
    assert not left & set(old)
    assert old.start - 1 in left


# --- Together with others -----------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "_DROP_TRIES", 3)
    monkeypatch.setattr(purge, "_DROP_PAUSE", 0.01)


def test_beside_a_long_reader_a_partition_is_emptied_and_dropped_the_next_time(
    old, impatient, in_threads
):
    with transaction.atomic():
        list(Record.objects.all())
        in_threads(purged)
    assert old in partitions.spans()
    assert Record.objects.count() == 1
    assert RetentionRun.objects.first().deleted == 11
    assert purged().deleted == 0
    assert old not in partitions.spans()


def test_records_are_stored_while_a_drop_waits_for_a_long_reader(
    old, in_threads, monkeypatch
):
    monkeypatch.setattr(purge, "_DROP_TRIES", 4)

    def purge_some() -> None:
        purged()

    def send() -> float:
        slowest = 0.0
        for _ in range(30):
            started = time.monotonic()
            store([submission()])
            slowest = max(slowest, time.monotonic() - started)
            time.sleep(0.02)
        return slowest

    with transaction.atomic():
        list(Record.objects.all())
        _, slowest = in_threads(purge_some, send)
    assert slowest < 2
    assert Record.objects.count() == 1 + 30


@pytest.mark.parametrize("error", [KeyError, OperationalError])
def test_a_purge_that_is_killed_while_dropping_has_dropped_nothing(
    old, monkeypatch, error
):
    def dropped(ids: range) -> None:
        original(ids)
        raise error("killed")

    original = partitions.drop
    before = ids()
    with monkeypatch.context() as patched:
        patched.setattr(partitions, "drop", dropped)
        with pytest.raises(error):
            purged()
    assert ids() == before
    assert old in partitions.spans()
    run = RetentionRun.objects.first()
    assert (run.deleted, run.by_rule) == (0, {})
    assert sum(batches(run)) == 11
    assert old not in partitions.spans()


def test_a_connection_lost_while_dropping_leaves_everything(
    old, monkeypatch, end_connection
):
    def dropped(ids: range) -> None:
        original(ids)
        end_connection()

    original = partitions.drop
    before = ids()
    with monkeypatch.context() as patched:
        patched.setattr(partitions, "drop", dropped)
        with suppress(OperationalError):
            purged()
    connection.close()
    assert ids() == before
    assert old in partitions.spans()


def test_a_record_that_comes_late_keeps_its_partition(old, monkeypatch):
    """Between the first look and the lock that keeps others out."""
    Record.objects.filter(id=old[3]).delete()

    def late(span: range) -> None:
        plan = [Stored(old[3], NOW, submission())]
        if span == old:
            stores._insert_plan(plan)
        original(span)

    original = partitions.freeze
    monkeypatch.setattr(partitions, "freeze", late)
    purged()
    assert old in partitions.spans()
    assert old[3] in ids()


def test_nothing_is_lost_or_refused_while_partitions_come_and_go(
    small, in_threads, impatient
):
    in_force(("default", "", 35))

    def send() -> set[int]:
        stored = [store([submission() for _ in range(4)]) for _ in range(15)]
        return {each.id for batch in stored for each in batch}

    def import_old() -> set[int]:
        rows = [[(NOW - 40 * DAY, submission())] * 4 for _ in range(15)]
        return {pk for some in rows for pk in insert_records(some)}

    def work() -> int:
        for _ in range(20):
            partitions.ahead()
            digest_batch(11)
        return 0

    def purge_some() -> int:
        deleted = 0
        for _ in range(8):
            with suppress(purge.Busy):
                deleted += sum(batches(RetentionRun.objects.create(started=NOW), 5))
        return deleted

    sent, imported, _, deleted = in_threads(send, import_old, work, purge_some)
    while digest_batch(100):
        pass
    deleted += sum(batches(RetentionRun.objects.create(started=NOW), 5))
    assert len(sent) == len(imported) == deleted == 60
    assert set(ids()) == sent
    assert sum(row[3] for row in rollups()["kinds"]) == 120
