"""The view of thermal events: every number equals a recount of the records."""

from collections import Counter

import pytest

from records import addresses
from tests.views_plugins.mcelogs import (
    WINDOWS,
    asked,
    by_version,
    digested,
    figures,
    machine_days,
    mixed,
    numbers,
    part,
    ranked,
    rate,
    thermal,
)
from views_plugins.thermal.plugin import PLUGIN, content

pytestmark = pytest.mark.django_db


def test_nothing_received_is_an_empty_view():
    assert content(asked(PLUGIN)).empty


@pytest.fixture(scope="module")
def sent(module_db: None) -> None:
    """Stored once for the tests below."""
    digested(mixed())


def test_every_number_equals_a_recount(sent):
    for query in WINDOWS:
        filters = asked(PLUGIN, query)
        found, events = content(filters), thermal(filters)
        assert figures(found) == {
            "Events": len(events),
            "Machines": len({each.machine for each in events}),
            "Above threshold": sum(each.above for each in events),
            "Events per 1,000 machine-days": rate(
                len(events), len(machine_days(filters))
            ),
        }
        weeks = Counter((str(each.monday), each.above) for each in events)
        shown = numbers(part(found, "weeks"))
        assert {text[:10]: row for text, row in shown.items() if any(row)} == {
            monday: (weeks[monday, True], weeks[monday, False]) for monday, _ in weeks
        }
        builds = Counter(each.build for each in events)
        one = filters.scope.system_name
        assert list(numbers(part(found, "builds")).items()) == [
            (build[1] if one else " ".join(build), (builds[build],))
            for build in by_version(builds)
        ]


def test_machines_equal_a_recount_and_are_ranked(sent):
    for query in WINDOWS:
        filters = asked(PLUGIN, query)
        chart, events = part(content(filters), "machines"), thermal(filters)
        counts = Counter(each.machine for each in events)
        above = Counter(each.machine for each in events if each.above)
        assert list(numbers(chart).items()) == [
            (machine, (above[machine], n - above[machine]))
            for machine, n in ranked(counts)
        ]
        links = [label.link for label in chart.categories]
        assert links == [addresses.machine(label.text) for label in chart.categories]


def test_rates_are_events_per_thousand_machine_days(sent):
    filters = asked(PLUGIN, "per=machine-day")
    events, days = thermal(filters), machine_days(filters)
    counts = Counter((str(each.monday), each.above) for each in events)
    there = Counter(day.isocalendar()[:2] for day, *_ in days)
    weeks = numbers(part(content(filters), "weeks"))
    assert weeks
    for text, row in weeks.items():
        week = type(filters.start).fromisoformat(text[:10]).isocalendar()[:2]
        assert row == tuple(
            rate(counts[text[:10], above], there[week]) for above in (True, False)
        )


def test_the_page_is_shown_to_readers(sent, client, settings):
    settings.TELEMETRY_ANONYMOUS_READ = True
    response = client.get("/thermal?start=2025-12-20&end=2026-01-06")
    assert response.status_code == 200
    page = response.content.decode()
    assert "2025-12-29" in page
    assert "above threshold" in page
