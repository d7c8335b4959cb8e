"""What a view is asked for: every parameter, and the links that lead on."""

from datetime import UTC, date, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from records.digest import digest_batch
from records.filters import InvalidParameters, RecordFilter, strict
from records.labels import BuildLabel
from records.scope import Scope
from tests.factories import stored
from tests.records.strategies import in_one_database, rolled_back
from tests.views_plugins.plugins import PER, plugin
from views_plugins.filters import Filters, form_of, parse

TODAY = date(2026, 3, 1)
VIEW = plugin(by_classification=True, options=(PER,), days=7)


def asked(query: str = "", today: date = TODAY, **changes: bool) -> Filters:
    return parse(VIEW, QueryDict(query), today=today, **changes)


def refused(query: str, **changes: bool) -> dict[str, list[str]]:
    with pytest.raises(InvalidParameters) as raised:
        asked(query, **changes)
    return raised.value.errors


# --- Windows --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "today", "start", "end", "preset"),
    [
        ("", TODAY, date(2026, 2, 23), TODAY, "7"),
        ("days=1", TODAY, TODAY, TODAY, "1"),
        ("days=007", TODAY, date(2026, 2, 23), TODAY, "7"),
        ("days=3660", TODAY, TODAY - timedelta(days=3659), TODAY, "3660"),
        ("days=2", date(2026, 1, 1), date(2025, 12, 31), date(2026, 1, 1), "2"),
        ("days=2", date(2028, 3, 1), date(2028, 2, 29), date(2028, 3, 1), "2"),
        ("days=2", date(2027, 3, 1), date(2027, 2, 28), date(2027, 3, 1), "2"),
        ("days=365", date(2028, 12, 31), date(2028, 1, 2), date(2028, 12, 31), "365"),
        (
            "start=2025-12-30&end=2026-01-02",
            TODAY,
            date(2025, 12, 30),
            date(2026, 1, 2),
            "",
        ),
        (
            "start=2028-02-29&end=2028-02-29",
            TODAY,
            date(2028, 2, 29),
            date(2028, 2, 29),
            "",
        ),
        ("start=2026-02-01", TODAY, date(2026, 2, 1), TODAY, ""),
    ],
)
@pytest.mark.django_db
def test_windows_are_whole_days_with_both_ends(query, today, start, end, preset):
    found = asked(query, today)
    assert (found.start, found.end, found.preset) == (start, end, preset)
    assert found.days[0] == start
    assert found.days[-1] == end
    assert len(found.days) == (end - start).days + 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("days=all", date(2025, 12, 31), TODAY),
        ("end=2026-01-05", date(2025, 12, 31), date(2026, 1, 5)),
    ],
)
def test_all_begins_with_the_first_day_that_was_counted(query, start, end):
    stored(datetime(2025, 12, 31, 23, 59, tzinfo=UTC))
    digest_batch(10)
    found = asked(query)
    assert (found.start, found.end) == (start, end)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("query", "day"), [("days=all", TODAY), ("end=2026-01-05", date(2026, 1, 5))]
)
def test_without_records_all_is_one_day(query, day):
    assert asked(query).days == [day]


# --- Other parameters -----------------------------------------------------------------


def test_every_parameter_arrives():
    found = asked(
        "days=1&system_name=fedora&external=true&classification=a/b/*&per=day"
    )
    assert found.scope == Scope(TODAY, TODAY, "fedora", "", True, "a/b/*")
    assert found.options == {"per": "day"}


def test_what_is_not_given_is_everything_and_the_first_choice():
    found = asked()
    assert found.scope == Scope(date(2026, 2, 23), TODAY)
    assert found.options == {"per": "records"}


@pytest.mark.parametrize(("word", "value"), [("true", True), ("0", False), ("1", True)])
def test_the_source_is_a_flag(word, value):
    assert asked(f"external={word}").scope.external is value


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("days=0", "days"),
        ("days=-1", "days"),
        ("days=3661", "days"),
        ("days=99999999999999999999", "days"),
        ("days=7.5", "days"),
        ("days=ALL", "days"),
        ("days=%D9%A7", "days"),
        ("start=2026-02-30", "start"),
        ("start=01.02.2026", "start"),
        ("start=2026-02-02T00:00", "start"),
        ("start=2026-02-02&end=2026-02-01", "end"),
        ("start=2010-01-01&end=2026-01-01", "start"),
        ("start=2026-03-02", "end"),
        ("end=9999-12-31&start=9999-12-31", "end"),
        ("start=0001-01-01&end=0001-01-02", "start"),
        ("days=7&start=2026-02-01", "start"),
        ("days=7&end=2026-02-01", "end"),
        ("external=maybe", "external"),
        ("per=week", "per"),
        ("per=day&per=day", "per"),
        ("system_name=" + "x" * 257, "system_name"),
        ("system_name=%00", "system_name"),
        ("classification=" + "x" * 141, "classification"),
        ("unknown=1", "unknown"),
    ],
)
@pytest.mark.django_db
def test_what_makes_no_sense_is_refused(query, name):
    assert name in refused(query)


@pytest.mark.parametrize("query", ["days=", "start=&end=", "system_name=+", "per="])
@pytest.mark.django_db
def test_empty_values_are_those_of_a_form_unless_they_are_not_wanted(query):
    assert asked(query).scope == asked().scope
    assert refused(query, blanks=False)


def test_a_view_has_no_parameters_but_its_own():
    bare = plugin("bare")
    with pytest.raises(InvalidParameters) as raised:
        parse(bare, QueryDict("classification=a/b/c&per=day"))
    assert set(raised.value.errors) == {"classification", "per"}
    assert set(form_of(VIEW).base_fields) - set(form_of(bare).base_fields) == {
        "classification",
        "per",
    }


# --- Links ----------------------------------------------------------------------------


def test_here_changes_parameters_and_keeps_the_others():
    found = asked("days=1&per=day")
    assert (
        found.here(days=28, system_name="a&b") == "?days=28&per=day&system_name=a%26b"
    )
    assert found.here(per=None) == "?days=1"
    assert found.here(days=None, per=None) == "?"


def test_all_days_of_the_same_question():
    assert asked("start=2026-02-01&per=day").show_all == "?per=day&days=all"


def test_records_behind_a_number_are_those_of_the_same_window_and_place():
    found = asked("days=2&system_name=fedora&external=0&classification=a/b/*")
    assert parse_qs(urlsplit(found.records(severity=4)).query) == {
        "received_after": ["2026-02-28"],
        "received_before": ["2026-03-02"],
        "system_name": ["fedora"],
        "external": ["false"],
        "classification": ["a/b/*"],
        "severity": ["4"],
    }


def test_records_of_a_day_are_of_that_day_alone():
    query = parse_qs(urlsplit(asked("days=7").records(day=date(2026, 2, 28))).query)
    assert query["received_after"] == ["2026-02-28"]
    assert query["received_before"] == ["2026-03-01"]


def test_a_build_is_named_with_its_system_where_several_are_shown():
    label = BuildLabel("fedora", "40")
    assert asked().build(label).text == "fedora 40"
    assert asked("system_name=fedora").build(label).text == "40"
    assert asked("system_name=fedora").build(BuildLabel("fedora", "")).text == "(none)"
    assert "build=40" in asked().build(label).link


names = st.text(min_size=1, max_size=40).filter(
    lambda text: text.strip() == text and "\0" not in text
)
days = st.dates(date(1990, 1, 1), date(2100, 1, 1))


@in_one_database
@given(
    start=days,
    length=st.integers(0, 3659),
    system=st.none() | names,
    external=st.sampled_from([None, "true", "false"]),
    inside=st.booleans(),
    more=st.fixed_dictionaries(
        {},
        optional={
            "severity": st.integers(1, 4),
            "external": st.booleans(),
            "machine_type": names,
        },
    ),
)
def test_records_understands_every_link(
    db, start, length, system, external, inside, more
):
    given = {
        "start": start.isoformat(),
        "end": (start + timedelta(days=length)).isoformat(),
        "system_name": system,
        "external": external,
    }
    query = QueryDict(mutable=True)
    query.update({name: value for name, value in given.items() if value})
    found = parse(VIEW, query, today=date(2120, 1, 1))
    link = found.records(**more, **({"day": start} if inside else {}))
    chosen = strict(RecordFilter, QueryDict(urlsplit(link).query))
    last = start if inside else start + timedelta(days=length)
    midnight = datetime(start.year, start.month, start.day, tzinfo=UTC)
    assert chosen.window == (midnight, midnight + (last - start + timedelta(days=1)))
    for name, value in more.items():
        assert chosen.given[name] == value
    if system:
        assert chosen.given["system_name"] == system


@in_one_database
@given(
    st.lists(
        st.sampled_from([-1, 0, 1]).flatmap(
            lambda near: st.integers(0, 3).map(
                lambda n: (
                    datetime(2025, 12, 31, tzinfo=UTC)
                    + timedelta(days=n, microseconds=near)
                )
            )
        ),
        max_size=8,
    )
)
def test_the_records_behind_a_day_are_those_that_were_counted_on_it(db, moments):
    with rolled_back():
        for moment in moments:
            stored(moment)
        digest_batch(100)
        for day in (date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 2)):
            link = asked("start=2025-12-31&end=2026-01-02").records(day=day)
            found = (
                strict(RecordFilter, QueryDict(urlsplit(link).query))
                .qs.everything()
                .count()
            )
            assert found == sum(moment.date() == day for moment in moments)
