"""Rows by COPY: every value comes back as it went."""

from datetime import UTC, datetime
from enum import Enum
from uuid import UUID

import pytest
from django.db import IntegrityError, connection
from hypothesis import given
from hypothesis import strategies as st

from records.copying import array, copy, copy_objects, line
from records.models import ParserFailure, Record
from tests.records.strategies import in_one_database, rolled_back

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
records = st.builds(
    Record,
    id=st.integers(1, 999_999),
    received_at=st.datetimes(timezones=st.just(UTC)),
    captured_at=st.integers(-(2**63), 2**63 - 1),
    event_id=st.none() | st.uuids(),
    **dict.fromkeys(
        ["kind_id", "build_id", "hardware_id", "kernel_id"], st.integers(0, 2**31 - 1)
    ),
    machine_id=st.text(st.sampled_from("aß\t\n\r\\N"), max_size=32),
    payload=texts | st.sampled_from([r"\N", r"\.", "\\", "a\r\nb\tc\\n"]),
)


class Word(str, Enum):  # noqa: UP042 - as Django's TextChoices are
    YES = "y\n"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ((1, None, True, False), "1\t\\N\tTrue\tFalse\n"),
        (("\\N", "a\tb\r\n"), "\\\\N\ta\\tb\\r\\n\n"),
        ((0.1, Word.YES), "0.1\ty\\n\n"),
        ((datetime(2026, 1, 31, tzinfo=UTC),), "2026-01-31 00:00:00+00:00\n"),
        ((UUID(int=7),), "00000000-0000-0000-0000-000000000007\n"),
    ],
)
def test_a_row_is_a_line_of_escaped_columns(values, text):
    assert line(values) == text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1, None, True], "{1,NULL,True}"),
        (["NULL", "a, b", r"\""], r'{"NULL","a, b","\\\""}'),
        ([datetime(2026, 1, 31, tzinfo=UTC)], "{2026-01-31 00:00:00+00:00}"),
        ([], "{}"),
    ],
)
def test_values_are_an_array(values, text):
    assert array(values) == text


@pytest.mark.django_db
@pytest.mark.usefixtures("_on_postgres")
@in_one_database
@given(st.lists(st.none() | texts))
def test_texts_of_an_array_are_read_as_they_were(values):
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::text[]", [array(values)])
        assert cursor.fetchone()[0] == values


def test_what_has_no_text_is_refused():
    with pytest.raises(TypeError, match="dict"):
        line([{}])


@pytest.fixture
def _on_postgres(on_postgres: bool) -> None:
    if not on_postgres:
        pytest.skip("COPY is PostgreSQL's")


@pytest.mark.django_db
@pytest.mark.usefixtures("_on_postgres")
@in_one_database
@given(records)
def test_a_record_is_read_back_as_it_was(record):
    with rolled_back():
        copy_objects([record])
        (stored,) = Record.objects.values()
    assert stored == {name: getattr(record, name) for name in stored}


@pytest.mark.django_db
@pytest.mark.usefixtures("_on_postgres")
def test_columns_that_are_left_out_have_their_defaults():
    now = datetime.now(UTC)
    columns = ("record_id", "parser", "version", "error", "failed_at")
    copy("records_parserfailure", columns, ((n, "p", 1, "", now) for n in range(3)))
    assert ParserFailure.objects.values("id").distinct().count() == 3


@pytest.mark.django_db
@pytest.mark.usefixtures("_on_postgres")
def test_what_the_database_refuses_is_an_error_of_django():
    with pytest.raises(IntegrityError):
        copy("records_pending", ("record_id",), [(1,), (1,)])
