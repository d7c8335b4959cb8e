"""The seam between the two databases."""

import time
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from records import database
from records.database import QueryTimeout, bounded_in_time, regex_error
from records.models import Pending, Record
from tests.factories import stored

MATCHES = [
    ("hello", "say hello", True),
    ("^hello", "say hello", False),
    ("^say.*hello$", "say hello", True),
    ("HELLO", "say hello", False),
    ("(?i)HELLO", "say hello", True),
    (r"Process: /usr/s?bin/\w+", "Process: /usr/bin/demo\n", True),
    (r"[0-9]{3,5}", "22", False),
    ("größe|🦀", "a 🦀", True),
    (r"a\.b", "axb", False),
    ("one.two", "one\ntwo", True),
    ("one$", "one\ntwo", False),
    (r"a|b|(c(d|e)*)+$", "xxcded", True),
    ("", "anything", True),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("pattern", "payload", "matching"), MATCHES)
def test_expressions_mean_the_same_on_both_databases(pattern, payload, matching):
    stored(payload=payload)
    assert Record.objects.filter(payload__regex=pattern).exists() is matching


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", ["hello", "(a|b)*c", "[[:digit:]]+", r"\d\w\s", ""])
def test_an_expression_of_linear_time_is_accepted(pattern):
    assert regex_error(pattern) is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "pattern",
    ["(", "[a", "*", "a**", r"(a)\1", "(?=a)", "(?<!a)b", "\\", "a{9999}"],
)
def test_any_other_expression_is_refused_with_a_reason(pattern):
    assert regex_error(pattern)


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", [r"(?P<name>a)", r"\pL", r"\Aa\z", "a{500}"])
def test_what_only_one_database_understands_never_fails_in_the_query(pattern):
    stored(payload="a")
    if regex_error(pattern) is None:
        Record.objects.filter(payload__regex=pattern).exists()


@pytest.mark.django_db
def test_a_query_that_takes_too_long_is_stopped(on_postgres):
    slow = (
        "SELECT pg_sleep(5)"
        if on_postgres
        else "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n "
        "LIMIT 1000000000) SELECT max(x) FROM n"
    )
    start = time.monotonic()
    with (
        pytest.raises(QueryTimeout),
        bounded_in_time(timedelta(milliseconds=100)),
        connection.cursor() as cursor,
    ):
        cursor.execute(slow)
    assert time.monotonic() - start < 2
    assert not Record.objects.exists()


@pytest.mark.django_db
def test_another_error_is_not_taken_for_a_timeout(on_postgres):
    with (
        pytest.raises(OperationalError, match="away"),
        bounded_in_time(timedelta(seconds=1)),
    ):
        raise OperationalError("away")


@pytest.mark.django_db(transaction=True)
def test_a_bound_ends_with_its_block(on_postgres):
    with bounded_in_time(timedelta(milliseconds=50)):
        pass
    time.sleep(0.1)
    if on_postgres:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(0.1)")
    assert list(Record.objects.filter(payload__regex="a" * 100)) == []


@pytest.mark.django_db
def test_drawn_ids_are_new_and_in_order():
    last = stored().pk
    with connection.cursor() as cursor:
        drawn = database.draw_ids(cursor, 5)
        assert database.draw_ids(cursor, 0) == []
    assert drawn == list(range(last + 1, last + 6))


@pytest.mark.django_db
def test_ids_are_never_given_out_twice_even_after_the_newest_record_was_deleted():
    gone = stored()
    gone_id = gone.pk
    gone.delete()
    assert stored().pk > gone_id


NEAR = [1, 2, 4, 5, 9]
FAR = [1, 2, 1000]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "ids",
    [[], [3], [2, 3, 4], [4, 3, 2], [2, 2, 4], NEAR, NEAR[::-1], FAR, range(2, 5)],
)
def test_a_condition_on_many_ids_is_true_of_these_alone(ids):
    Pending.objects.bulk_create(Pending(pk) for pk in [*range(1, 11), 1000])
    there = set(Pending.objects.values_list("pk", flat=True))
    chosen = Pending.objects.filter(database.among("record_id", ids))
    assert set(chosen.values_list("pk", flat=True)) == set(ids)
    assert database.delete_ids(Pending, "record_id", ids) == len(set(ids))
    assert set(Pending.objects.values_list("pk", flat=True)) == there - set(ids)


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([4, 3, 2], "n BETWEEN %s AND %s"),
        (NEAR, "n BETWEEN %s AND %s AND n + 0 = ANY(%s::bigint[])"),
        (FAR, "n = ANY(%s::bigint[])"),
    ],
)
def test_ids_near_each_other_are_read_as_a_stretch(monkeypatch, ids, found):
    monkeypatch.setattr(database, "is_postgres", lambda: True)
    assert database.among("n", ids).sql == found
