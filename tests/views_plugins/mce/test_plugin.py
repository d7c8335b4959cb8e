"""The view of machine checks: every number equals a recount of the records."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from records import addresses
from records.models import Record
from tests.factories import submission
from tests.views_plugins.mcelogs import (
    BUILDS,
    HEARTBEAT,
    MOMENTS,
    WINDOWS,
    asked,
    by_version,
    check,
    checks,
    digested,
    figures,
    machine_days,
    mixed,
    numbers,
    part,
    ranked,
    rate,
)
from views_plugins.mce.plugin import KNOWN, PLUGIN, content

pytestmark = pytest.mark.django_db


def test_nothing_received_is_an_empty_view():
    assert content(asked(PLUGIN)).empty


def test_the_top_machines_are_those_with_most_events():
    broken = check("Corrected error", "9c00004001010091")
    digested(
        (
            MOMENTS[0],
            submission(
                classification="org.clearlinux/mce/corrected",
                payload=broken,
                machine_id=f"m{n:02}",
                build=f"{n}",
            ),
        )
        for n in range(14)
        for _ in range(n + 1)
    )
    chart = part(content(asked(PLUGIN)), "machines")
    texts = [label.text for label in chart.categories]
    assert texts == [f"m{n:02}" for n in range(13, 3, -1)]
    names = [each.name.split()[-1] for each in chart.series]
    assert names == [str(n) for n in range(4, 14)]
    assert chart.note == "10 of 14 machines."
    everything = part(content(asked(PLUGIN, "top=1000")), "machines")
    assert len(everything.categories) == len(everything.series) == 14


def test_rates_of_builds_use_the_days_of_that_build():
    broken = check("Corrected error", "9c00004001010091")
    rows = [("a", "10", HEARTBEAT), ("b", "10", HEARTBEAT), ("a", "20", HEARTBEAT)]
    mce = "org.clearlinux/mce/corrected"
    rows += [("a", "10", mce), ("a", "20", mce), ("a", "30", mce)]
    digested(
        (
            MOMENTS[0],
            submission(
                classification=name, payload=broken, machine_id=machine, build=build
            ),
        )
        for machine, build, name in rows
    )
    filters = asked(PLUGIN, "per=machine-day&system_name=clear-linux-os")
    assert numbers(part(content(filters), "builds")) == {
        "10": (500.0,),
        "20": (1000.0,),
        "30": (None,),
    }


@pytest.mark.parametrize(
    ("query", "cut"),
    [
        ("start=2025-12-22&end=2026-01-04", False),
        ("start=2025-12-23&end=2026-01-04", True),
        ("start=2025-12-22&end=2026-01-03", True),
    ],
)
def test_a_chart_says_when_its_window_cuts_a_week(query, cut):
    assert bool(part(content(asked(PLUGIN, query)), "weeks").note) is cut


@pytest.fixture(scope="module")
def sent(module_db: None) -> None:
    """Stored once for the tests below."""
    digested(mixed())


def test_every_number_equals_a_recount(sent):
    for query in WINDOWS:
        filters = asked(PLUGIN, query)
        found, events = content(filters), checks(filters)
        assert figures(found) == {
            "Events": len(events),
            "Machines": len({each.machine for each in events}),
            "Uncorrected": sum(each.uncorrected for each in events),
            "Events per 1,000 machine-days": rate(
                len(events), len(machine_days(filters))
            ),
        }
        for key, counts in {
            "classes": Counter(each.event for each in events),
            "status": Counter(each.word or "(not said)" for each in events),
            "errors": Counter(each.error for each in events),
            "places": Counter(each.place for each in events),
        }.items():
            assert sorted(numbers(part(found, key)).items()) == [
                (name, (n,)) for name, n in sorted(counts.items())
            ]
            values = [n for (n,) in numbers(part(found, key)).values()]
            assert values == sorted(values, reverse=True)


def test_weeks_equal_a_recount(sent):
    for query in WINDOWS:
        filters = asked(PLUGIN, query)
        chart, events = part(content(filters), "weeks"), checks(filters)
        names = [each.name for each in chart.series]
        assert names == [name for name in KNOWN if name in {e.event for e in events}]
        counts = Counter((str(each.monday), each.event) for each in events)
        shown = {
            (text[:10], name): n
            for text, row in numbers(chart).items()
            for name, n in zip(names, row, strict=True)
            if n
        }
        assert shown == counts


def test_builds_equal_a_recount_in_the_order_of_versions(sent):
    for query in WINDOWS:
        filters = asked(PLUGIN, query)
        chart, events = part(content(filters), "builds"), checks(filters)
        counts = Counter(each.build for each in events)
        one = filters.scope.system_name
        assert list(numbers(chart).items()) == [
            (build[1] if one else " ".join(build), (counts[build],))
            for build in by_version(counts)
        ]


def test_machines_equal_a_recount_and_are_ranked(sent):
    for query in WINDOWS:
        filters = asked(PLUGIN, query)
        chart, events = part(content(filters), "machines"), checks(filters)
        counts = Counter(each.machine for each in events)
        pairs = Counter((each.machine, each.build) for each in events)
        builds = by_version(each.build for each in events)
        assert list(numbers(chart).items()) == [
            (machine, tuple(pairs[machine, build] for build in builds))
            for machine, _ in ranked(counts)
        ]
        sums = [row[-1].value for row in chart.table().rows]
        assert sums == [n for _, n in ranked(counts)]


def test_rates_are_events_per_thousand_machine_days(sent):
    filters = asked(PLUGIN, "per=machine-day")
    found, events, days = content(filters), checks(filters), machine_days(filters)
    weeks = numbers(part(found, "weeks"))
    names = [each.name for each in part(found, "weeks").series]
    counts = Counter((str(each.monday), each.event) for each in events)
    for text, row in weeks.items():
        there = sum(1 for day, *_ in days if day.isocalendar() == _iso(text, day))
        assert row == tuple(rate(counts[text[:10], name], there) for name in names)
    assert any(n for row in weeks.values() for n in row)
    assert part(found, "weeks").y == "Events per 1,000 machine-days"


def _iso(text: str, day):
    """The ISO calendar of ``day``, if it were in the week that a label names."""
    monday = type(day).fromisoformat(text[:10])
    return (*monday.isocalendar()[:2], day.isoweekday())


def test_the_latest_events_are_shown_decoded_with_their_records(sent):
    filters = asked(PLUGIN)
    table = part(content(filters), "latest")
    received = dict(Record.objects.values_list("id", "received_at"))
    newest = sorted(checks(filters), key=lambda each: (received[each.id], each.id))
    newest = newest[::-1][:20]
    assert [row[0].link for row in table.rows] == [
        reverse("record", args=[each.id]) for each in newest
    ]
    assert [[cell.value for cell in row[1:5]] for row in table.rows] == [
        [each.machine, " ".join(each.build), each.event, each.error] for each in newest
    ]
    assert {row[7].value for row in table.rows} == {3}


def test_numbers_lead_to_their_machines_and_records(sent):
    filters = asked(PLUGIN, "days=28&external=true")
    found = content(filters)
    machines = part(found, "machines")
    assert all(
        each.link == addresses.machine(each.text) for each in machines.categories
    )
    first, series = machines.categories[0].text, machines.series[0]
    at = next(n for n, value in enumerate(series.values) if value)
    link = series.links[at]
    assert f"machine_id={machines.categories[at].text}" in link
    assert "classification=%2A%2Fmce%2F%2A" in link
    assert "external=true" in link
    assert first in {each.machine for each in checks(filters)}
    assert all(
        bool(link) == bool(n)
        for each in machines.series
        for n, link in zip(each.values, each.links, strict=True)
    )
    week = part(found, "weeks").categories[-1].link
    assert "received_after=2026-01-05" in week
    assert "received_before=2026-01-07" in week


def test_the_number_of_queries_does_not_grow_with_the_events(
    sent, django_assert_num_queries
):
    filters = asked(PLUGIN, "per=machine-day&top=1000")
    content(filters)  # remembers the names of builds
    with CaptureQueriesContext(connection) as before:
        content(filters)
    digested(mixed(seed=8))
    with django_assert_num_queries(len(before)):
        content(filters)


def test_the_page_is_shown_to_readers(sent, client, settings):
    settings.TELEMETRY_ANONYMOUS_READ = True
    response = client.get("/mce?start=2025-12-20&end=2026-01-06")
    assert response.status_code == 200
    page = response.content.decode()
    assert "Machines by build" in page
    assert BUILDS[0][1] in page
