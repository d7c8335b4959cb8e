"""The form above a view."""

from datetime import date

import pytest
from django.http import QueryDict

from records.filters import InvalidParameters
from tests.factories import stored
from tests.views_plugins.plugins import PER, plugin
from views_plugins.filters import parse
from views_plugins.panel import Panel

VIEW = plugin(by_classification=True, options=(PER,))


def panel(query: str = "") -> Panel:
    parameters = QueryDict(query)
    try:
        asked = parse(VIEW, parameters, today=date(2026, 3, 1))
    except InvalidParameters as error:
        return Panel(VIEW, parameters, None, error.errors)
    return Panel(VIEW, parameters, asked)


def test_the_window_of_the_view_is_chosen():
    shown = panel()
    assert shown.preset == "7"
    assert list(shown.presets) == ["1", "7", "14", "28", "90", "365", "all"]
    assert (shown.start, shown.end) == ("2026-02-23", "2026-03-01")


@pytest.mark.parametrize(
    ("days", "place"), [("2", 1), ("30", 4), ("3000", 6), ("28", 3), ("1", 0)]
)
def test_a_window_that_is_not_offered_is_offered_in_its_place(days, place):
    assert list(panel(f"days={days}").presets)[place] == days


def test_dates_are_chosen_where_they_are_given():
    shown = panel("start=2026-01-01&end=2026-01-31")
    assert shown.preset == ""
    assert (shown.start, shown.end) == ("2026-01-01", "2026-01-31")


def test_what_makes_no_sense_stays_in_the_form_and_is_said():
    shown = panel("start=yesterday&end=2026-01-31&per=week")
    assert (shown.start, shown.end) == ("yesterday", "2026-01-31")
    assert [name for name, _ in shown.problems] == ["From", "Count"]


def test_an_unknown_parameter_is_named_visibly():
    assert panel("a%E2%80%AEb=1").problems == [
        ("a⟨U+202E⟩b", "There is no such parameter.")
    ]


@pytest.mark.django_db
def test_systems_to_choose_from_are_those_that_sent_something_and_the_chosen_one():
    stored(system_name="fedora")
    stored(system_name="debian")
    assert panel().systems == ["debian", "fedora"]
    assert panel("system_name=fedora").systems == ["debian", "fedora"]
    assert panel("system_name=none").systems == ["none", "debian", "fedora"]


@pytest.mark.django_db
def test_classifications_come_with_every_level_above_them():
    stored(classification="org.example/hello/world")
    assert panel().classifications == [
        "org.example/*",
        "org.example/hello/*",
        "org.example/hello/world",
    ]


@pytest.mark.parametrize(
    ("query", "chosen"), [("", ""), ("external=1", "true"), ("external=false", "false")]
)
def test_the_source_is_chosen(query, chosen):
    assert panel(query).external == chosen


@pytest.mark.parametrize(
    ("query", "chosen"), [("", "records"), ("per=day", "day"), ("per=", "records")]
)
def test_options_show_what_is_chosen(query, chosen):
    (choice,) = panel(query).choices
    assert (choice.option, choice.chosen) == (PER, chosen)


def test_downloads_ask_the_same_question():
    assert panel("days=1&system_name=a%26b").query == "?days=1&system_name=a%26b"
    assert panel().query == ""
