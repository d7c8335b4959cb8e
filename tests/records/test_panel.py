"""The filter panel: filled fields, chips, what can be chosen."""

import pytest
from django.http import QueryDict

from records.filters import RecordFilter
from records.panel import Panel
from tests.factories import stored


def panel(query: str = "", **errors: list[str]) -> Panel:
    return Panel(QueryDict(query), errors)


def test_every_filter_has_a_field():
    paging = {"from_id"}
    assert set(panel().fields) == set(RecordFilter.base_filters) - paging


def test_what_was_asked_stands_in_its_field():
    fields = panel("machine_id=abc&severity=4&classification=").fields
    assert fields["machine_id"].value == "abc"
    assert fields["severity"].value == "4"
    assert fields["classification"].value == ""


@pytest.mark.parametrize(
    ("asked", "shown", "kind"),
    [
        ("", "", "datetime-local"),
        ("2026-01-31T12:30", "2026-01-31T12:30", "datetime-local"),
        ("2026-01-31T12:30:05Z", "2026-01-31T12:30:05", "datetime-local"),
        ("2026-01-31T12:30%2B02:00", "2026-01-31T10:30", "datetime-local"),
        ("1769860800", "2026-01-31T12:00", "datetime-local"),
        ("2026-01-31", "2026-01-31T00:00", "datetime-local"),
        ("yesterday", "yesterday", "text"),  # stays, to be corrected
    ],
)
def test_a_time_is_shown_as_the_browser_s_input_has_it(asked, shown, kind):
    field = panel(f"received_after={asked}").fields["received_after"]
    assert (field.value, field.kind) == (shown, kind)


def test_a_field_carries_what_is_wrong_with_it():
    wrong = panel("severity=9&colour=red", severity=["No."], colour=["What?"])
    assert wrong.fields["severity"].errors == ["No."]
    assert wrong.problems == [("Severity", "No."), ("colour", "What?")]


def test_rare_filters_open_when_one_is_used():
    assert not panel("severity=1").more_used
    assert panel("arch=x86_64").more_used
    assert panel("captured_after=x", captured_after=["No."]).more_used


def test_chips_name_what_is_set_and_lead_to_the_rest():
    chips = panel("severity=4&external=true&machine_id=&from_id=7").chips
    assert chips == [
        ("Severity", "4 critical", "external=true"),
        ("Source", "external", "severity=4"),
    ]


def test_a_query_keeps_filters_and_drops_blanks_and_places():
    assert panel("severity=4&build=&from_id=7&after_id=1").query == "severity=4"
    assert panel("severity=4").query_with(severity=None, from_id=3) == "from_id=3"


@pytest.mark.django_db
def test_versions_are_those_of_the_chosen_system():
    stored(system_name="a", build="1.9")
    stored(system_name="a", build="1.10")
    stored(system_name="b", build="7")
    assert panel("system_name=a").builds == ["1.10", "1.9"]
    assert panel().builds == []
    assert panel("build=1.9").builds == ["1.9"]
    assert panel("system_name=a&build=2").builds == ["2", "1.10", "1.9"]
    assert panel().systems == ["a", "b"]


@pytest.mark.django_db
def test_every_level_of_the_classifications_can_be_chosen():
    stored(classification="org.clearlinux/crash/clr")
    assert [level for level, _ in panel().classifications] == [
        "org.clearlinux/*",
        "org.clearlinux/crash/*",
        "org.clearlinux/crash/clr",
    ]
