"""ISO weeks of a window, over New Year too."""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from views_plugins import weeks

DAYS = st.dates(date(1990, 1, 1), date(2060, 1, 1))


@pytest.mark.parametrize(
    ("start", "end", "labels"),
    [
        ("2025-12-22", "2025-12-28", ["2025-12-22"]),
        ("2025-12-29", "2026-01-04", ["2025-12-29"]),
        ("2025-12-31", "2025-12-31", ["2025-12-29 (1/7)"]),
        (
            "2025-12-28",
            "2026-01-05",
            ["2025-12-22 (1/7)", "2025-12-29", "2026-01-05 (1/7)"],
        ),
        (  # a year of 53 weeks
            "2020-12-28",
            "2021-01-08",
            ["2020-12-28", "2021-01-04 (5/7)"],
        ),
    ],
)
def test_weeks_are_named_by_their_mondays_and_say_when_they_are_cut(start, end, labels):
    found = weeks.between(date.fromisoformat(start), date.fromisoformat(end))
    assert [str(week) for week in found] == labels


@given(DAYS, st.integers(0, 800))
def test_the_weeks_of_a_window_have_each_of_its_days_once(start, length):
    end = start + timedelta(days=length)
    found = weeks.between(start, end)
    days = [
        week.first + timedelta(days=n)
        for week in found
        for n in range((week.last - week.first).days + 1)
    ]
    assert days == [start + timedelta(days=n) for n in range(length + 1)]
    for week in found:
        iso = {day.isocalendar()[:2] for day in (week.first, week.last, week.monday)}
        assert len(iso) == 1
        assert week.monday.isoweekday() == 1
    assert len({week.monday for week in found}) == len(found)


@given(st.dictionaries(st.tuples(DAYS, st.sampled_from("ab")), st.integers(1, 9)))
def test_counts_of_weeks_are_those_of_their_iso_weeks(counts):
    expected = Counter()
    for (day, name), n in counts.items():
        year, week, _ = day.isocalendar()
        expected[date.fromisocalendar(year, week, 1), name] += n
    assert weeks.by_week(counts) == expected
