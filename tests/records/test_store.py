"""Records into the database: once each, whatever is sent again and whatever breaks."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records import store as stores
from records.collector.fields import NAMES, parse
from records.collector.refusal import Refusal
from records.digest import digest_batch
from records.models import Pending, Record
from records.names import forget
from records.objects import record_object
from records.reading import record_objects
from records.store import LOST, insert_records, store
from records.telemetry_ids import active
from tests.factories import new_event_id, submission, values

IDENTITY = {
    "event_id": new_event_id(),
    "machine_id": "another machine",
    "classification": "org.clearlinux/hello/again",
    "captured_at": 1795334733,
    "payload": "hello\n ",
}
"""What makes a record another one, value by value."""


def ids() -> list[int]:
    return list(Record.objects.order_by("id").values_list("id", flat=True))


def pending() -> list[int]:
    waiting = Pending.objects.order_by("record_id")
    return list(waiting.values_list("record_id", flat=True))


def objects() -> list[dict[str, Any]]:
    """Every record as the API shows it, oldest first."""
    return record_objects(list(Record.objects.oldest(10_000)), payload=True)


# --- Storing ------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_record_is_stored_and_waits_for_the_worker():
    before = datetime.now(UTC)
    sent = submission(payload="größe 🦀\r\n", external=True)
    (stored,) = store([sent])
    assert stored.submission == sent
    assert not stored.duplicate
    assert before <= stored.received_at <= datetime.now(UTC)
    assert ids() == pending() == [stored.id]
    assert objects() == [record_object(stored.id, stored.received_at, sent)]


@pytest.mark.django_db
def test_the_records_of_a_batch_get_ids_in_its_order():
    sent = [submission(payload=str(n)) for n in range(7)]
    stored = store(sent)
    assert [each.submission for each in stored] == sent
    assert [each.id for each in stored] == ids() == pending()
    assert [each["payload"] for each in objects()] == list("0123456")


@pytest.mark.django_db
def test_the_ids_of_later_batches_are_higher():
    first, second = store([submission()]), store([submission()])
    assert first[0].id < second[0].id


@pytest.mark.django_db
def test_a_batch_may_be_larger_than_a_statement():
    stored = store([submission() for _ in range(1201)])
    assert ids() == pending() == [each.id for each in stored]


@pytest.mark.django_db(transaction=True)
def test_a_batch_is_stored_as_a_whole_or_not_at_all(monkeypatch):
    def insert(cursor, rows):
        original(cursor, rows)
        raise KeyError("after the insert")

    original = stores._insert
    monkeypatch.setattr(stores, "_insert", insert)
    with pytest.raises(KeyError):
        store([submission(), submission()])
    assert ids() == pending() == []


@pytest.mark.django_db
def test_inserted_records_keep_their_time_and_are_never_left_out():
    sent = submission()
    moment = datetime(2026, 1, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    made = insert_records([(moment, sent), (moment + timedelta(days=1), sent)])
    assert ids() == pending() == made
    assert [each.received_at for each in Record.objects.order_by("id")] == [
        moment,
        moment + timedelta(days=1),
    ]


@pytest.mark.django_db
def test_nothing_to_store_is_stored():
    assert store([]) == []
    assert insert_records([]) == []


# --- Round trip ---------------------------------------------------------------------

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=40)


@pytest.mark.django_db
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, TEXT)), TEXT)
def test_what_was_accepted_reads_back_as_it_was_answered(changes, payload):
    trimmed = {name: value.strip() for name, value in changes.items()}
    try:
        sent = parse(values(**trimmed), payload, active().popitem()[1], external=True)
    except Refusal:
        sent = submission(
            payload=payload,
            host_type=trimmed.get("host_type") or "N/A",
            machine_id=trimmed.get("machine_id", "x")[:32],
            classification=f"{trimmed.get('classification', '').replace('/', '')}//",
        )
    (stored,) = store([sent])
    (row,) = Record.objects.filter(id=stored.id).newest(1)
    answered = record_object(stored.id, stored.received_at, sent)
    assert record_objects([row], payload=True) == [answered]
    again = stores._read_back(Record.objects.named().get(id=stored.id))
    assert again == stored


# --- Retransmission -----------------------------------------------------------------


@pytest.mark.django_db
def test_a_record_that_is_sent_again_is_stored_once_and_answered_as_before():
    sent = submission()
    (first,) = store([sent])
    (again,) = store([sent])
    assert again == first._replace(duplicate=True)
    assert ids() == pending() == [first.id]


@pytest.mark.django_db
@pytest.mark.parametrize("name", IDENTITY)
def test_a_record_that_differs_in_any_of_five_values_is_another_one(name):
    sent = submission()
    store([sent])
    (other,) = store([sent._replace(**{name: IDENTITY[name]})])
    assert not other.duplicate
    assert len(ids()) == len(pending()) == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "value"), [("severity", 4), ("build", "1"), ("external", True)]
)
def test_other_values_do_not_make_another_record(name, value):
    sent = submission()
    (first,) = store([sent])
    (again,) = store([sent._replace(**{name: value})])
    assert again.duplicate
    assert again.submission == first.submission


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("age", "duplicate"),
    [
        (timedelta(hours=20), True),
        (timedelta(hours=23, minutes=59), True),
        (timedelta(hours=24, minutes=1), False),
        (timedelta(days=30), False),
    ],
)
def test_a_record_is_sent_again_within_a_day_or_is_a_new_one(age, duplicate):
    sent = submission()
    insert_records([(datetime.now(UTC) - age, sent)])
    (again,) = store([sent])
    assert again.duplicate is duplicate
    assert len(ids()) == (1 if duplicate else 2)


@pytest.mark.django_db
def test_a_record_may_be_repeated_within_a_batch():
    one, other = submission(), submission()
    stored = store([one, other, one, other, one])
    assert [each.duplicate for each in stored] == [False, False, True, True, True]
    assert [each.id for each in stored[2:]] == [
        stored[0].id,
        stored[1].id,
        stored[0].id,
    ]
    assert [each.submission for each in stored[2:]] == [one, other, one]
    assert ids() == pending() == [stored[0].id, stored[1].id]


@pytest.mark.django_db
def test_a_batch_may_hold_new_records_and_all_kinds_of_repetitions():
    old, new = submission(payload="old"), submission(payload="new")
    nameless = submission(event_id=None)
    (first,) = store([old])
    stored = store([new, old, nameless, new, nameless, old])
    assert [each.duplicate for each in stored] == [
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert stored[1].id == stored[5].id == first.id
    assert stored[3].id == stored[0].id
    assert len(ids()) == 4


@pytest.mark.django_db
def test_records_without_an_event_id_are_always_stored():
    sent = submission(event_id=None)
    stored = store([sent, sent]) + store([sent])
    assert not any(each.duplicate for each in stored)
    assert len(ids()) == 3


@pytest.mark.django_db
def test_records_of_one_event_that_differ_are_all_stored():
    event = new_event_id()
    sent = [submission(event_id=event, payload=str(n)) for n in range(3)]
    store(sent[:2])
    assert [each.duplicate for each in store(sent)] == [True, True, False]


@pytest.mark.django_db
def test_the_first_of_several_equal_records_is_the_answer(settings):
    sent = submission()
    settings.TELEMETRY_DEDUPLICATE = False
    (first,) = store([sent])
    store([sent])
    settings.TELEMETRY_DEDUPLICATE = True
    (again,) = store([sent])
    assert (again.id, again.duplicate) == (first.id, True)


@pytest.mark.django_db
def test_by_a_setting_every_record_is_stored(settings):
    settings.TELEMETRY_DEDUPLICATE = False
    sent = submission()
    stored = store([sent, sent]) + store([sent])
    assert not any(each.duplicate for each in stored)
    assert len(ids()) == 3


@pytest.mark.parametrize("attempt", range(3))
def test_a_record_sent_to_two_collectors_at_once_is_stored_once(
    in_threads, monkeypatch, attempt
):
    def insert(cursor, rows):
        time.sleep(0.05)  # the other one has looked by now, unless it had to wait
        original(cursor, rows)

    original = stores._insert
    monkeypatch.setattr(stores, "_insert", insert)
    one, other = submission(), submission()
    first, second = in_threads(
        lambda: store([one, submission(), other]), lambda: store([other, one])
    )
    assert len(ids()) == len(pending()) == 3
    assert {first[0].id, first[2].id} == {second[0].id, second[1].id}
    assert sum(each.duplicate for each in (*first, *second)) == 2


@pytest.mark.django_db
def test_repetitions_are_looked_for_from_the_first_id_of_the_window_on(monkeypatch):
    monkeypatch.setattr(stores, "_IN_FLIGHT", 2)
    now = datetime.now(UTC)
    assert stores.Recent().first_id(now) == 0
    rows = [(now - timedelta(hours=hours), submission()) for hours in (50, 40, 23, 1)]
    made = insert_records(rows)
    recent = stores.Recent()
    assert recent.first_id(now) == max(0, made[0] - 2), "all wait for the worker"
    digest_batch(100)
    assert recent.first_id(now) == max(0, made[0] - 2)
    recent._look_at -= 601
    assert recent.first_id(now) == max(0, made[2] - 2)
    monkeypatch.setattr(stores, "_IN_FLIGHT", 0)
    monkeypatch.setattr(stores, "recent", stores.Recent())
    assert [each.duplicate for each in store([rows[2][1], rows[3][1]])] == [True, True]


# --- Lost connections ---------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_on_sqlite_a_failed_transaction_stored_nothing(on_postgres, monkeypatch):
    if on_postgres:
        pytest.skip("runs in the SQLite half")

    def insert(cursor, rows):
        original(cursor, rows)
        raise OperationalError("database is locked")

    original = stores._insert
    monkeypatch.setattr(stores, "_insert", insert)
    with pytest.raises(OperationalError):
        store([submission()])
    assert ids() == pending() == []


def before(name: str, step: Callable[[], None], monkeypatch) -> None:
    """Run ``step`` once, just before the first call of a function of the store."""
    original, steps = getattr(stores, name), [step]

    def wrapped(*args):
        if steps:
            steps.pop()()
        return original(*args)

    monkeypatch.setattr(stores, name, wrapped)


@pytest.mark.parametrize("moment", ["_store", "_plan", "_insert", "_fresh"])
def test_a_connection_lost_before_the_insert_is_made_up_for(
    end_connection, monkeypatch, moment
):
    sent = submission()
    store([submission()])
    before(moment, end_connection, monkeypatch)
    (stored,) = store([sent])
    assert ids()[1:] == pending()[1:] == [stored.id]
    assert objects()[1] == record_object(stored.id, stored.received_at, sent)


def test_a_connection_lost_between_insert_and_commit_is_made_up_for(
    end_connection, monkeypatch
):
    def insert(cursor, rows):
        original(cursor, rows)
        if not lost:
            lost.append(True)
            end_connection()

    original, lost = stores._insert, []
    monkeypatch.setattr(stores, "_insert", insert)
    sent = [submission(), submission(event_id=None)]
    stored = store(sent)
    assert lost
    assert ids() == pending() == [each.id for each in stored]


@pytest.mark.parametrize("error", LOST)
def test_a_commit_whose_answer_is_lost_is_not_repeated(
    end_connection, monkeypatch, error
):
    connection.ensure_connection()
    wrapper = connection._connections[connection._alias]
    original = wrapper._commit

    def commit():
        original()
        monkeypatch.setattr(wrapper, "_commit", original)
        end_connection()
        raise error("server closed the connection unexpectedly")

    before(
        "_insert", lambda: monkeypatch.setattr(wrapper, "_commit", commit), monkeypatch
    )
    sent = [submission(), submission(event_id=None)]
    stored = store(sent)
    assert [each.duplicate for each in stored] == [False, False]
    assert ids() == pending() == [each.id for each in stored]


def test_a_lost_commit_that_arrives_while_it_is_made_up_for_counts_once(
    end_connection, monkeypatch, in_threads
):
    """The server may be about to commit when its client has already given it up."""
    calls = []

    def insert(cursor, rows):
        calls.append(len(rows))
        if len(calls) == 1:
            end_connection()
        elif len(calls) == 2:
            in_threads(lambda: late(rows))
        original(cursor, rows)

    def late(rows):
        with transaction.atomic(), connection.cursor() as cursor:
            original(cursor, rows)

    original = stores._insert
    monkeypatch.setattr(stores, "_insert", insert)
    stored = store([submission(), submission()])
    assert calls == [2, 2]
    assert ids() == pending() == [each.id for each in stored]


def test_repetitions_are_still_answered_when_their_transaction_is_lost(
    end_connection, monkeypatch
):
    sent = submission()
    (first,) = store([sent])
    before("_insert", end_connection, monkeypatch)
    assert store([sent]) == [first._replace(duplicate=True)]
    assert ids() == pending() == [first.id]


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_stays_away_is_given_up_and_nothing_is_stored(
    end_connection, monkeypatch, error
):
    def away():
        raise error("could not connect to server")

    def lose():
        end_connection()
        monkeypatch.setattr(wrapper, "connect", away)

    wrapper = connection._connections[connection._alias]
    monkeypatch.setattr(stores, "_SETTLE_SECONDS", 0.3)
    before("_insert", lose, monkeypatch)
    start = time.monotonic()
    with pytest.raises(error):
        store([submission()])
    assert 0.3 < time.monotonic() - start < 3
    monkeypatch.undo()
    forget()
    assert ids() == pending() == []


def test_a_database_that_is_away_from_the_start_is_given_up_at_once(
    end_connection, monkeypatch
):
    def away():
        raise OperationalError("could not connect to server")

    connection.close()
    wrapper = connection._connections[connection._alias]
    monkeypatch.setattr(wrapper, "connect", away)
    start = time.monotonic()
    with pytest.raises(OperationalError):
        store([submission()])
    assert time.monotonic() - start < 1
    monkeypatch.undo()
    assert ids() == []


def test_a_database_that_comes_back_in_time_stores_the_record_once(
    end_connection, monkeypatch
):
    attempts = []

    def connect():
        attempts.append(True)
        if len(attempts) < 3:
            raise OperationalError("the database system is starting up")
        original()

    def lose():
        end_connection()
        monkeypatch.setattr(wrapper, "connect", connect)

    wrapper = connection._connections[connection._alias]
    original = wrapper.connect
    before("_insert", lose, monkeypatch)
    (stored,) = store([submission()])
    assert len(attempts) == 3
    assert ids() == pending() == [stored.id]
