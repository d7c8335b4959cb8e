"""The overview: every number equals a recount of the records."""

from collections import Counter
from datetime import datetime, timedelta
from random import Random

import pytest

from crashes.models import Guilty
from records.models import Pending, Record, RefusedDay
from records.submission import Submission
from tests.crashes.factories import CLR, crashing, in_force
from tests.factories import stored, submission
from tests.views_plugins.mcelogs import (
    BUILDS,
    HEARTBEAT,
    MOMENTS,
    WINDOWS,
    asked,
    digested,
    figures,
    inside,
    machine_days,
    numbers,
    part,
)
from tests.views_plugins.recount import time_of
from views_plugins.filters import Filters
from views_plugins.overview.plugin import NEWEST, PER, PLUGIN, content

pytestmark = pytest.mark.django_db
LONG = (
    "start=2025-11-01&end=2026-02-28",
    "start=2025-12-23&end=2026-04-01&system_name=clear",
    "start=2025-12-31&end=2026-04-30&external=true",
)
"""They are shown by weeks."""
CRASHES = {CLR, "org.example/crash/unknown"}


def crashes(filters: Filters) -> list[object]:
    """With a backtrace or without."""
    return [each for each in inside(filters) if each.classification in CRASHES]


def rate(n: int, days: int) -> float | None:
    return round(PER * n / days, 2) if days else None


def test_new_guilties_are_those_of_the_window_alone():
    in_force()
    digested(
        [
            (MOMENTS[0], crashing(("old()", "m.so"))),
            (MOMENTS[3], crashing(("old()", "m.so"))),
            (MOMENTS[3], crashing(("new()", "m.so"))),
        ]
    )
    filters = asked(PLUGIN, f"start={MOMENTS[3].date()}")
    (row,) = part(content(filters), "guilties").rows
    assert [cell.value for cell in row] == ["new()", "m.so", 1, 1]
    guilty = Guilty.objects.get(frame__function="new()")
    assert row[0].link.endswith(f"/{guilty.pk}")
    everything = part(content(asked(PLUGIN, "days=all")), "guilties").rows
    assert {row[0].value for row in everything} == {"old()", "new()"}


@pytest.fixture(scope="module")
def sent(module_db: None) -> None:
    """Stored once for the tests below."""
    in_force()
    digested(fleet())


def fleet() -> list[tuple[datetime, Submission]]:
    """Heartbeats, crashes and others, from several builds and over a New Year."""
    random = Random(11)
    rows = []
    for _ in range(250):
        build = random.choice(BUILDS)
        of_all = {
            "system_name": build[0],
            "build": build[1],
            "machine_id": random.choice("stuvwxyz"),
            "external": random.random() < 0.3,
        }
        record = random.choice(
            [
                submission(classification=HEARTBEAT, **of_all),
                submission(classification="org.example/crash/unknown", **of_all),
                crashing((random.choice(["a()", "b()", "c()"]), "m.so"), **of_all),
                submission(classification="org.example/other/thing", **of_all),
            ]
        )
        rows.append((random.choice(MOMENTS), record))
    return rows


def test_figures_and_charts_equal_a_recount(sent):
    for query in (*WINDOWS, *LONG):
        filters = asked(PLUGIN, query)
        found, records = content(filters), inside(filters)
        days, crashed = machine_days(filters), crashes(filters)
        per_day = Counter(day for day, *_ in days)
        per_time = Counter(time_of(filters, day) for day, *_ in days)
        whole = [n for day, n in per_day.items() if day != filters.end]
        assert figures(found)["Records"] == len(records)
        assert figures(found)["Crashes"] == len(crashed)
        assert figures(found)["Machines a day"] == (
            round(sum(whole) / len(whole)) if whole else 0
        )
        by_sender = Counter(
            (time_of(filters, r.day), r.classification.split("/")[1]) for r in records
        )
        chart = part(found, "records")
        names = [each.name for each in chart.series]
        assert {
            (day, name): n
            for day, row in numbers(chart).items()
            for name, n in zip(names, row, strict=True)
            if n
        } == by_sender
        assert list(numbers(part(found, "machines")).items()) == [
            (each.text, (each.mean(per_time[each.text]),)) for each in filters.times
        ]
        crashes_in = Counter(time_of(filters, each.day) for each in crashed)
        assert list(numbers(part(found, "crashes")).items()) == [
            (each.text, (rate(crashes_in[each.text], per_time[each.text]),))
            for each in filters.times
        ]


def test_newest_builds_equal_a_recount(sent):
    first = {}
    for record in Record.objects.order_by("id").select_related("build"):
        build = record.build
        first.setdefault((build.system_name, build.version), build.pk)
    for query in WINDOWS:
        filters = asked(PLUGIN, query)
        records, crashed = inside(filters), crashes(filters)
        # By build, an id counts once on each: unlike what machine_days() recounts.
        beats = {
            (each.day, each.machine, each.build, each.external)
            for each in records
            if each.classification == HEARTBEAT
        }
        days = Counter(build for _, _, build, _ in beats)
        counts = Counter(each.build for each in records)
        crashes_of = Counter(each.build for each in crashed)
        newest = sorted(counts, key=lambda each: -first[each])[:NEWEST]
        one = filters.scope.system_name
        assert [
            tuple(cell.value for cell in row)
            for row in part(content(filters), "builds").rows
        ] == [
            (
                build[1] if one else " ".join(build),
                counts[build],
                days[build],
                crashes_of[build],
                rate(crashes_of[build], days[build]),
            )
            for build in newest
        ]


def test_the_pipeline_is_told(sent):
    stored()
    stored()
    assert Pending.objects.count() == 2
    today = MOMENTS[0].date()
    RefusedDay.objects.create(day=today, code="severity", refused=3)
    RefusedDay.objects.create(day=today, code="json", refused=2)
    yesterday = today - timedelta(days=1)
    RefusedDay.objects.create(day=yesterday, code="json", refused=7)
    found = content(asked(PLUGIN, f"start={today}&end={today}"))
    assert figures(found)["Waiting for the worker"] == 2
    assert figures(found)["Refused requests"] == 5
    assert next(f.note for f in found.figures if f.label == "Refused requests") == (
        "severity 3, json 2"
    )


def test_the_number_of_queries_does_not_grow(sent, django_assert_max_num_queries):
    content(asked(PLUGIN, "days=28"))
    # Two more where guilties are not counted, which is asked twice, as is whether the
    # window is all there was; and what is summed up, of six counts, and its sums.
    with django_assert_max_num_queries(34):
        content(asked(PLUGIN, "days=all"))
