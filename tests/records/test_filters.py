"""The filters of records: what they understand, and what they refuse."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.http import QueryDict

from records.filters import (
    FlagField,
    InstantField,
    InvalidParameters,
    PatternField,
    RecordFilter,
    strict,
)

INSTANTS = [
    ("0", datetime(1970, 1, 1, tzinfo=UTC)),
    ("1769860800", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
    ("2026-01-31T12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ("2026-01-31T12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ("2026-01-31 12:00:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
    ("2026-01-31T14:00:00+02:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    ("2026-01-31T07:00:00-05:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    # A plus sign that was not escaped.
    ("2026-01-31T14:00:00 02:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
    (" 2026-01-31 ", datetime(2026, 1, 31, tzinfo=UTC)),
    ("", None),
]
NO_INSTANTS = [
    *("yesterday", "2026-02-30", "31.1.2026", "2026-01-31T25:00", "-1", "1.5", "1e9"),
    *("9" * 12, "9" * 30, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
]


@pytest.mark.parametrize(("text", "moment"), INSTANTS)
def test_a_time_is_iso_8601_or_unix_seconds(text, moment):
    found = InstantField(required=False).clean(text)
    assert found == moment
    assert found is None or found.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", NO_INSTANTS)
def test_anything_else_is_no_time(text):
    with pytest.raises(ValidationError, match="ISO 8601 or in Unix seconds"):
        InstantField(required=False).clean(text)


@pytest.mark.parametrize(
    ("text", "flag"),
    [("true", True), ("TRUE", True), ("1", True), ("false", False), ("0", False)],
)
def test_a_flag_is_true_or_false(text, flag):
    assert FlagField(required=False).clean(text) is flag


@pytest.mark.parametrize("text", ["yes", "no", "2", "tru", "on"])
def test_anything_else_is_no_flag(text):
    with pytest.raises(ValidationError, match="Say true or false"):
        FlagField(required=False).clean(text)


@pytest.mark.django_db
def test_a_pattern_that_cannot_be_matched_in_linear_time_is_refused_with_its_reason():
    assert PatternField(required=False).clean("a+b") == "a+b"
    with pytest.raises(ValidationError, match="Not a regular expression: "):
        PatternField(required=False).clean(r"(a)\1")


# --- Strictness ---------------------------------------------------------------------


def errors(query: str, **kwargs) -> dict[str, list[str]]:
    with pytest.raises(InvalidParameters) as caught:
        strict(RecordFilter, QueryDict(query), **kwargs)
    return caught.value.errors


@pytest.mark.parametrize(
    ("query", "name", "message"),
    [
        ("sevrity=1", "sevrity", "There is no such parameter."),
        ("severity=1&severity=2", "severity", "Given more than once."),
        ("severity=", "severity", "Empty."),
        ("machine_id=%20", "machine_id", "Empty."),
        ("machine_id=a%00b", "machine_id", "Null characters are not allowed."),
        ("received_after=a%00b", "received_after", "Null characters are not allowed."),
        ("payload=a%00b", "payload", "Null characters are not allowed."),
        ("event_id=%00", "event_id", "Enter a valid UUID."),
        ("severity=1%00", "severity", "Enter a whole number."),
        ("severity=high", "severity", "Enter a whole number."),
    ],
)
def test_what_cannot_be_understood_is_refused_by_name(query, name, message):
    assert errors(query) == {name: [message]}


def test_every_error_is_named_at_once():
    assert errors("severity=9&x=1&build=").keys() == {"severity", "x", "build"}


def test_a_form_may_send_empty_fields():
    chosen = strict(RecordFilter, QueryDict("severity=2&build=&x="), blanks=True)
    assert chosen.given == {"severity": 2}
    assert errors("severity=&x=1", blanks=True) == {
        "x": ["There is no such parameter."]
    }
    assert errors("severity=1&severity=2", blanks=True).keys() == {"severity"}


@pytest.mark.parametrize(
    ("query", "given"),
    [
        ("", {}),
        ("external=false", {"external": False}),
        ("created_in_sec=0", {"created_in_sec": 0}),
        ("build=%2232130%27", {"build": "32130"}),
        ("machine_id=%20x%20", {"machine_id": "x"}),
    ],
)
def test_what_was_given_is_typed(query, given):
    assert strict(RecordFilter, QueryDict(query)).given == given


def test_a_build_of_quotes_only_is_empty_and_not_ignored():
    assert errors("build=%22%22").keys() == {"build"}


# --- Windows ------------------------------------------------------------------------


def window(query: str) -> tuple[datetime | None, datetime | None]:
    return strict(RecordFilter, QueryDict(query)).window


@pytest.mark.parametrize(
    ("query", "span"),
    [
        ("created_in_days=7", timedelta(days=7)),
        ("created_in_sec=90", timedelta(seconds=90)),
        ("created_in_days=0", timedelta(0)),
        ("created_in_days=1&created_in_sec=5", timedelta(days=1)),
        ("created_in_days=9223372036854775807", timedelta(days=36_500)),
        ("created_in_sec=9223372036854775807", timedelta(days=36_500)),
    ],
)
def test_an_interval_ends_now(query, span):
    start, end = window(query)
    assert start is not None
    assert abs(datetime.now(UTC) - span - start) < timedelta(seconds=5)
    assert end is None


def test_the_narrower_of_two_beginnings_counts():
    start, end = window("created_in_days=1&received_after=2001-01-01")
    assert start is not None
    assert start > datetime(2025, 1, 1, tzinfo=UTC)
    start, end = window("created_in_days=36500&received_after=2026-01-01")
    assert start == datetime(2026, 1, 1, tzinfo=UTC)
    assert end is None
    assert window("received_before=1769860800") == (
        None,
        datetime(2026, 1, 31, 12, tzinfo=UTC),
    )


def test_without_times_there_is_no_window():
    assert window("severity=1") == (None, None)
