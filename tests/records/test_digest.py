"""The worker's step: claim, parse, count, in one transaction."""

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import OperationalError, connection

from records import digest, parsers
from records.digest import digest_batch
from records.models import (
    HardwareDay,
    KindDay,
    MachineDay,
    ParserFailure,
    Pending,
    ReceivedHour,
    Record,
)
from records.parsers import StoredRecord
from records.store import insert_records
from records.tally import Tally
from tests.factories import stored, submission
from tests.records.facts import Facts

CRASH = "org.clearlinux/crash/clr"
ROLLUPS = (KindDay, HardwareDay, MachineDay, ReceivedHour)


def crash(payload: str, **changes: Any) -> Record:
    return stored(classification=CRASH, payload=payload, **changes)


def pending() -> set[int]:
    return set(Pending.objects.values_list("record_id", flat=True))


def counted() -> int:
    return sum(KindDay.objects.values_list("records", flat=True))


# --- Counting -----------------------------------------------------------------------


@pytest.mark.django_db
def test_a_batch_is_counted_and_leaves_the_queue():
    for _ in range(3):
        stored()
    assert digest_batch(100) == 3
    assert pending() == set()
    assert counted() == 3
    assert digest_batch(100) == 0
    assert counted() == 3


@pytest.mark.django_db
def test_a_batch_takes_the_oldest_records_up_to_its_limit():
    ids = [stored().pk for _ in range(5)]
    assert digest_batch(2) == 2
    assert pending() == set(ids[2:])
    assert [digest_batch(2), digest_batch(2), digest_batch(2)] == [2, 1, 0]
    assert counted() == 5


@pytest.mark.django_db
def test_a_record_that_was_deleted_meanwhile_leaves_the_queue_uncounted():
    stored()
    stored().delete()
    assert digest_batch(100) == 2
    assert pending() == set()
    assert counted() == 1


# --- Parsers ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_parser_is_given_the_records_of_its_classifications(facts):
    record = crash("one", severity=3, external=True, machine_id="m", captured_at=5)
    stored(payload="not for it")
    stored(payload="two", classification="com.example/mce/corrected")
    digest_batch(100)
    assert facts.stored == ["one", "two"]
    assert facts.seen[0] == StoredRecord(
        id=record.pk,
        received_at=record.received_at,
        captured_at=5,
        machine_id="m",
        classification=CRASH,
        severity=3,
        external=True,
        build_id=record.build_id,
        system_name="clear-linux-os",
        build="32130",
        payload="one",
    )


@pytest.mark.django_db
def test_a_parser_may_find_nothing_to_keep(facts):
    crash("none of it")
    assert digest_batch(100) == 1
    assert facts.stored == []
    assert not ParserFailure.objects.exists()


@pytest.mark.django_db
def test_a_payload_that_a_parser_cannot_read_is_noted_and_harms_nothing_else(facts):
    first, bad, last = crash("one"), crash("raise this"), crash("two")
    assert digest_batch(100) == 3
    assert facts.stored == ["one", "two"]
    failure = ParserFailure.objects.get()
    assert (failure.record_id, failure.parser, failure.version) == (bad.pk, "facts", 3)
    assert failure.error.rstrip().endswith("ValueError: cannot read � raise this")
    assert "Traceback" in failure.error
    assert counted() == 3
    assert pending() == set()
    assert first.pk < last.pk


@pytest.mark.django_db
def test_a_fact_that_cannot_be_stored_is_noted_and_the_others_are_stored(facts):
    facts.store_fails = ("bad", "worse")
    records = [crash(text) for text in ("one", "bad", "two", "worse", "three")]
    assert digest_batch(100) == 5
    assert facts.stored == ["one", "two", "three"]
    failures = ParserFailure.objects.order_by("record_id")
    assert [each.record_id for each in failures] == [records[1].pk, records[3].pk]
    assert counted() == 5


@pytest.mark.django_db
def test_a_parser_that_fails_does_not_keep_another_from_its_facts(facts):
    other = Facts("other", store_fails=("one",))
    parsers.register(other.parser)
    try:
        crash("one")
        crash("raise")
        digest_batch(100)
    finally:
        parsers.unregister("other")
    assert facts.stored == ["one"]
    assert other.stored == []
    noted = ParserFailure.objects.values_list("parser", flat=True)
    assert sorted(noted) == ["facts", "other", "other"]


@pytest.mark.django_db
def test_a_record_that_fails_again_is_noted_once(facts):
    record = crash("raise first")
    digest_batch(100)
    record = record._meta.model.objects.get(pk=record.pk)
    digest.run_parser(facts.parser, digest.stored_records([record.pk]))
    assert ParserFailure.objects.count() == 1


@pytest.mark.django_db
def test_long_errors_are_kept_to_their_end(facts):
    crash("raise " + "x" * 10_000 + " the end")
    digest_batch(100)
    error = ParserFailure.objects.get().error
    assert len(error) <= 4000
    assert error.rstrip().endswith("the end")


def test_two_parsers_cannot_have_one_name(facts):
    parsers.register(facts.parser)
    with pytest.raises(ValueError, match="facts"):
        parsers.register(Facts().parser)
    assert parsers.registered().count(facts.parser) == 1


# --- All or nothing -----------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("where", "step"), [(digest, "_claim"), (digest, "run_parsers"), (Tally, "save")]
)
def test_a_worker_that_is_stopped_in_the_middle_leaves_nothing_half_done(
    facts, monkeypatch, where, step
):
    def stop(*args):
        original(*args)
        raise OperationalError("terminating connection")

    ids = {crash("one").pk, stored().pk}
    original = getattr(where, step)
    with monkeypatch.context() as patch:
        patch.setattr(where, step, stop)
        with pytest.raises(OperationalError):
            digest_batch(100)
    assert pending() == ids
    assert facts.stored == []
    assert [model.objects.count() for model in ROLLUPS] == [0, 0, 0, 0]
    assert digest_batch(100) == 2
    assert facts.stored == ["one"]
    assert counted() == 2


def test_a_lost_connection_leaves_nothing_half_done(facts, end_connection):
    def lose(record):
        end_connection()
        return original(record)

    record = crash("one")
    original = facts.parser.parse
    object.__setattr__(facts.parser, "parse", lose)
    with pytest.raises(Exception, match=r"connection|terminat"):
        digest_batch(100)
    connection.close()
    object.__setattr__(facts.parser, "parse", original)
    assert pending() == {record.pk}
    assert not ParserFailure.objects.exists()
    assert digest_batch(100) == 1
    assert facts.stored == ["one"]


# --- Several workers ----------------------------------------------------------------


def test_two_workers_never_take_the_same_record(in_threads, monkeypatch, on_postgres):
    now = datetime.now(UTC)
    insert_records([(now, submission()) for _ in range(400)])
    both_have_claimed = threading.Barrier(2, timeout=10)
    claims: list[list[int]] = []

    def run_parsers(claimed):
        claims.append(claimed)
        if on_postgres:  # there, they work at the same time
            both_have_claimed.wait()

    monkeypatch.setattr(digest, "run_parsers", run_parsers)
    assert in_threads(lambda: digest_batch(200), lambda: digest_batch(200)) == [
        200,
        200,
    ]
    assert not set(claims[0]) & set(claims[1])
    assert pending() == set()
    assert counted() == 400
    assert sum(ReceivedHour.objects.values_list("records", flat=True)) == 400


def test_workers_count_each_record_once_while_records_arrive(in_threads):
    def work() -> int:
        return sum(digest_batch(20) for _ in range(30))

    def arrive() -> None:
        for _ in range(10):
            insert_records([(datetime.now(UTC), submission()) for _ in range(20)])

    done = in_threads(work, arrive, work)
    rest = digest_batch(1000)
    assert done[0] + done[2] + rest == Record.objects.count() == counted() == 200
    assert pending() == set()
