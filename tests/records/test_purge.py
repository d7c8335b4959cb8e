"""Deleting what is too old: what is predicted, what goes, and what stays."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError
from hypothesis import given
from hypothesis import strategies as st

from records import parsers, purge
from records.digest import digest_batch
from records.models import (
    ParserFailure,
    Pending,
    Record,
    RetentionRule,
    RetentionRun,
)
from records.parsers import PayloadParser
from records.purge import Busy, Daily, batches, policy, preview
from records.rebuild import rebuild_day
from records.retention import Criterion, Policy
from records.store import insert_records
from tests.factories import stored, submission
from tests.records.partitioned import partitions_of
from tests.records.recount import rollups
from tests.records.strategies import in_one_database, received, rolled_back

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HELLO = "org.clearlinux/hello/world"
CRASH = "org.clearlinux/crash/clr"
MACHINE, CLASS, SEVERITY, DEFAULT = Criterion


def in_force(*rules: tuple[Criterion, str, int]) -> None:
    """These rules and no others."""
    RetentionRule.objects.all().delete()
    RetentionRule.objects.bulk_create(
        RetentionRule(criterion=criterion, value=value, days=days)
        for criterion, value, days in rules
    )


def kept(*ages: float, digest: bool = True, **changes: object) -> list[int]:
    """Records of so many days ago, counted; their ids."""
    ids = [stored(NOW - age * DAY, **changes).pk for age in ages]
    while digest and digest_batch(1000):
        pass
    return ids


def purged(now: datetime = NOW, limit: int = 100) -> RetentionRun:
    run = RetentionRun.objects.create(started=now)
    for _ in batches(run, limit):
        pass
    run.refresh_from_db()
    return run


def digest_all_but(waiting: Iterable[int]) -> None:
    """As when another worker has claimed these and is not done."""
    claimed = Pending.objects.filter(record_id__in=list(waiting))
    rows = list(claimed)
    claimed.delete()
    while digest_batch(1000):
        pass
    Pending.objects.bulk_create(rows)


def left() -> set[int]:
    return set(Record.objects.values_list("id", flat=True))


def rule_id(criterion: Criterion, value: str = "") -> str:
    return str(RetentionRule.objects.get(criterion=criterion, value=value).pk)


@pytest.mark.django_db
def test_a_new_database_keeps_records_for_35_days():
    assert [(each.criterion, each.days) for each in policy().rules] == [(DEFAULT, 35)]
    old, young = kept(35.01, 34.99)
    assert purged().deleted == 1
    assert left() == {young}
    assert old not in left()


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 2, 100])
def test_each_rule_deletes_its_own_in_batches(limit):
    in_force(
        (DEFAULT, "", 10),
        (SEVERITY, "4", 0),
        (CLASS, "org.clearlinux/*", 5),
        (CLASS, HELLO, 1),
        (MACHINE, "m", 30),
    )
    other = "org.example/a/b"
    gone = [
        *kept(2, 40, classification=HELLO, severity=4),
        *kept(6, 7, 8, classification=CRASH, machine_id="n"),
        *kept(11, classification=other),
        *kept(31, machine_id="m"),
    ]
    stay = [
        *kept(0.5, classification=HELLO),
        *kept(4, 1, classification=CRASH),
        *kept(9, classification=other),
        *kept(400, classification=other, severity=4),
        *kept(29, 2, machine_id="m"),
    ]
    run = purged(limit=limit)
    assert left() == set(stay)
    assert run.deleted == len(gone)
    assert run.by_rule == {
        rule_id(CLASS, HELLO): 2,
        rule_id(CLASS, "org.clearlinux/*"): 3,
        rule_id(DEFAULT): 1,
        rule_id(MACHINE, "m"): 1,
    }
    assert run.finished


ages = st.sampled_from([0, 1, 2, 35])
values = st.one_of(
    st.tuples(st.just(CLASS), st.sampled_from([HELLO, "org.*", "a/b/c", "*", "a/*"])),
    st.tuples(st.just(SEVERITY), st.sampled_from(["1", "4"])),
    st.tuples(st.just(MACHINE), st.sampled_from(["a", "b"])),
    st.just((DEFAULT, "")),
)
some_rules = st.dictionaries(values, ages, max_size=6)


def expected(now: datetime, waiting: set[int]) -> Counter[str]:
    """What a purge has to delete, record by record, by rule."""
    rules = Policy(row.rule for row in RetentionRule.objects.all())
    found: Counter[str] = Counter()
    for each in Record.objects.named():
        decision = rules.of(
            each.machine_id, each.kind.classification.name, each.kind.severity
        )
        age = now - each.received_at
        if decision.days and age > decision.days * DAY and each.pk not in waiting:
            found[str(decision.rule.id)] += 1
    return found


@pytest.mark.django_db
@in_one_database
@given(
    received,
    some_rules,
    st.sets(st.integers(0, 29)),
    st.integers(1, 7),
    st.sampled_from([4, 9, 1000]),
)
def test_what_is_predicted_is_what_is_deleted(rows, rules, undigested, limit, size):
    now = datetime(2026, 2, 2, 4, tzinfo=UTC)
    with rolled_back(), partitions_of(size):
        in_force(*((*value, days) for value, days in rules.items()))
        ids = insert_records(rows)
        waiting = {pk for n, pk in enumerate(ids) if n in undigested}
        digest_all_but(waiting)
        before, counts = left(), rollups()
        shares = preview(now)
        due = {str(each.rule.id): each.due for each in shares if each.due}
        assert due == expected(now, waiting)
        assert sum(each.stored for each in shares) == len(ids)
        run = purged(now, limit)
        assert run.by_rule == due
        assert run.deleted == len(before) - len(left()) == sum(due.values())
        assert waiting <= left()
        assert rollups() == counts
        assert purged(now, limit).deleted == 0


# --- What stays ---------------------------------------------------------------------


@pytest.mark.django_db
def test_what_waits_for_the_worker_is_not_deleted_before_it_is_counted():
    ids = kept(40, 41, 42, 43, 44, 45, digest=False)
    waiting = {ids[0], ids[2], ids[3], ids[5]}
    digest_all_but(waiting)
    assert purged(limit=2).deleted == 2
    assert left() == waiting
    digest_batch(100)
    assert purged(limit=2).deleted == 4


@pytest.mark.django_db
def test_a_day_that_is_counted_again_keeps_the_counts_of_deleted_records():
    kept(40, 40.01, 40.02)
    kept(40, severity=4)
    in_force((DEFAULT, "", 35), (SEVERITY, "4", 0))
    before = rollups()
    assert purged().deleted == 3
    assert rebuild_day((NOW - 40 * DAY).date()).kept
    assert rollups() == before


@pytest.mark.django_db
def test_facts_and_failures_go_with_their_records(facts):
    expired: list[int] = []
    parser = PayloadParser(
        "expiring",
        1,
        ("none/*",),
        parse=lambda record: None,
        store=lambda facts: None,
        forget=lambda ids: pytest.fail("takes counts back"),
        expire=expired.extend,
    )
    parsers.register(parser)
    try:
        old = kept(40, 41, classification=CRASH, payload="raise")
        young = kept(1, classification=CRASH, payload="raise")
        assert ParserFailure.objects.count() == 3
        purged()
    finally:
        parsers.unregister("expiring")
    assert expired == sorted(old)
    assert list(ParserFailure.objects.values_list("record_id", flat=True)) == young


@pytest.mark.django_db
def test_a_parser_that_fails_keeps_no_record_and_is_named():
    def fail(ids: Iterable[int]) -> None:
        RetentionRule.objects.all().delete()
        raise ValueError("secret payload")

    parsers.register(
        PayloadParser("bad", 1, (), lambda r: None, lambda f: None, fail, fail)
    )
    try:
        in_force((DEFAULT, "", 35))
        kept(40)
        run = purged()
    finally:
        parsers.unregister("bad")
    assert run.deleted == 1
    assert run.error == "Facts were left over by: bad"
    assert RetentionRule.objects.exists()


# --- Together with others -----------------------------------------------------------


@pytest.mark.django_db
def test_rules_that_change_during_a_purge_count_from_the_next_batch_on():
    kept(*[40 + n / 100 for n in range(6)])
    run = RetentionRun.objects.create(started=NOW)
    going = batches(run, 2)
    assert next(going) == 2
    RetentionRule.objects.update(days=0)
    assert list(going) == []
    assert Record.objects.count() == 4


def test_a_second_purge_leaves_the_work_to_the_first(
    in_threads, on_postgres, monkeypatch
):
    if not on_postgres:
        pytest.skip("a transaction of SQLite is alone")
    in_force((DEFAULT, "", 35))
    kept(*[40 + n / 100 for n in range(10)])
    run = RetentionRun.objects.create(started=NOW)
    original = purge._delete

    def while_deleting(*args: object) -> int:
        monkeypatch.setattr(purge, "_delete", original)
        (raised,) = in_threads(second)
        assert raised
        return original(*args)  # type: ignore[arg-type]

    def second() -> bool:
        with pytest.raises(Busy):
            list(batches(RetentionRun.objects.create(started=NOW)))
        return True

    monkeypatch.setattr(purge, "_delete", while_deleting)
    assert sum(batches(run, 3)) == 10


def test_purges_and_workers_at_once_delete_and_count_everything_once(in_threads):
    in_force((DEFAULT, "", 35))
    kept(*[40 + n / 100 for n in range(60)])

    def purge_some() -> int:
        run = RetentionRun.objects.create(started=NOW)
        try:
            return sum(batches(run, 5))
        except Busy:
            return 0

    def work() -> int:
        for _n in range(20):
            insert_records([(NOW - 36 * DAY, submission()) for _ in range(3)])
            digest_batch(7)
        return 0

    deleted = sum(in_threads(purge_some, work, purge_some))
    while digest_batch(100):
        pass
    deleted += purge_some()
    assert deleted == 120
    assert Record.objects.count() == 0
    assert sum(row[3] for row in rollups()["kinds"]) == 120
    assert sum(RetentionRun.objects.values_list("deleted", flat=True)) == 120


# --- Every day ----------------------------------------------------------------------


@pytest.fixture
def daily() -> Daily:
    """A worker's step that looks at once."""
    step = Daily()
    step.look_at = 0
    return step


def ago(**age: float) -> datetime:
    return datetime.now(UTC) - timedelta(**age)


def digested(*moments: datetime) -> None:
    for moment in moments:
        stored(moment)
    digest_batch(1000)


@pytest.mark.django_db
def test_the_worker_purges_batch_by_batch(daily, monkeypatch):
    monkeypatch.setattr(purge.batches, "__defaults__", (2,))
    digested(*[ago(days=40)] * 5, ago(days=1))
    assert [daily() for _ in range(5)] == [2, 2, 1, 0, 0]
    run = RetentionRun.objects.get()
    assert run.deleted == 5
    assert run.finished


@pytest.mark.django_db
def test_a_worker_that_has_just_started_does_other_things_first():
    digested(ago(days=40))
    assert Daily()() == 0
    assert not RetentionRun.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("hours", "finished", "runs"), [(25, True, 2), (23, True, 1), (25, False, 2)]
)
def test_a_purge_is_due_a_day_after_the_last(daily, hours, finished, runs):
    last = RetentionRun.objects.create(started=ago(hours=hours))
    RetentionRun.objects.update(finished=last.started if finished else None)
    digested(ago(days=40))
    daily()
    assert RetentionRun.objects.count() == runs
    assert Record.objects.count() == (0 if runs == 2 else 1)


@pytest.mark.django_db
def test_a_purge_that_was_interrupted_goes_on(daily):
    digested(*[ago(days=40)] * 4)
    run = RetentionRun.objects.create(started=ago(hours=1))
    next(batches(run, 3))
    for _ in range(5):
        daily()
    run.refresh_from_db()
    assert (run.deleted, bool(run.finished)) == (4, True)


@pytest.mark.django_db
def test_a_purge_that_fails_is_noted_and_harms_no_worker(daily, monkeypatch, caplog):
    def fail(*args: object) -> int:
        raise ValueError("secret payload")

    monkeypatch.setattr(purge, "_delete", fail)
    digested(ago(days=40))
    assert daily() == 0
    run = RetentionRun.objects.get()
    assert (run.error, bool(run.finished)) == ("ValueError", True)
    daily.look_at = 0
    assert daily() == 0
    assert RetentionRun.objects.count() == 1


@pytest.mark.django_db
def test_a_database_that_is_away_is_for_the_worker_to_wait_for(daily, monkeypatch):
    def away(*args: object) -> int:
        raise OperationalError("away")

    digested(ago(days=40))
    with monkeypatch.context() as patched:
        patched.setattr(purge, "_delete", away)
        with pytest.raises(OperationalError):
            daily()
    daily.look_at = 0
    assert daily() == 1
