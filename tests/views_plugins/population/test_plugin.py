"""The population: every number equals a recount of the heartbeats themselves."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from random import Random

import pytest
from django.http import QueryDict

from records import stats
from records.digest import digest_batch
from records.models import Record
from records.spans import fold
from records.store import insert_records
from records.versions import version_key
from tests.factories import submission
from tests.records.strategies import rolled_back
from tests.views_plugins.recount import time_of
from views_plugins import filters
from views_plugins.charts import Chart
from views_plugins.population.plugin import PLUGIN, TOP, content

pytestmark = pytest.mark.django_db

FIRST = date(2025, 12, 24)
"""Sixteen days around a change of year, which is in the middle of a week."""
DAYS = 16
TICK = timedelta(microseconds=1)
SYSTEMS = ("clear-linux-os", "other")
WINDOWS = (
    "start=2025-12-24&end=2026-01-08",
    "start=2025-12-24&end=2026-01-08&external=true",
    "start=2025-12-31&end=2025-12-31",
    "start=2025-12-29&end=2026-01-04&system_name=clear-linux-os",
    "start=2026-01-01&end=2026-01-03&system_name=other&external=false",
    "start=2026-01-03&end=2026-03-01",
    "start=2024-01-01&end=2024-02-01",
    "start=2025-12-24&end=2026-04-01",
    "start=2025-12-01&end=2026-03-31&system_name=other",
)
"""The last ones are shown by weeks."""


def fleet(seed: int):
    """Machines with builds that follow each other, by day; some at the last moment."""
    random = Random(seed)
    for number in range(40):
        system, external = random.choice(SYSTEMS), random.random() < 0.2
        presence, static = random.choice((1, 0.6, 0.2)), random.random() < 0.2
        build = random.randrange(9, 12)
        for day in range(DAYS):
            build += random.random() < 0.3
            if random.random() >= presence:
                continue
            midnight = datetime.combine(FIRST, time.min, UTC) + timedelta(days=day)
            moment = random.choice((0, 1, 1439)) * timedelta(minutes=1)
            if random.random() < 0.2:
                moment = timedelta(days=1) - TICK
            life = 0 if static else (day + number) // 3
            yield (
                midnight + moment,
                submission(
                    classification=random.choice(
                        ["org.clearlinux/heartbeat/ping"] * 4
                        + ["org.example/heartbeat/pong", "org.clearlinux/hello/world"]
                    ),
                    machine_id=f"{number}-{life}",
                    build=str(build),
                    system_name=system,
                    external=external,
                ),
            )


def digested(seed: int) -> None:
    """In no order, records of several days at once."""
    rows = list(fleet(seed))
    Random(seed).shuffle(rows)
    for some in (rows[::2], rows[1::2]):
        insert_records(some)
        while digest_batch(100):
            pass
        fold(datetime(2026, 1, 13, tzinfo=UTC), most=20 + seed)


def asked(query: str):
    return filters.parse(PLUGIN, QueryDict(query))


def heartbeats(wanted=None):
    """(day, machine, system, version, external) of each heartbeat that is asked for."""
    rows = Record.objects.filter(kind__classification__name__contains="/heartbeat/")
    found = rows.values_list(
        "received_at",
        "machine_id",
        "build__system_name",
        "build__version",
        "kind__external",
    )
    for received_at, machine, system, version, external in found:
        day = received_at.astimezone(UTC).date()
        scope = wanted.scope if wanted else None
        if scope is None or (
            scope.start <= day <= scope.end
            and scope.system_name in ("", system)
            and scope.external in (None, external)
        ):
            yield day, machine, system, version, external


def by_build(builds):
    return sorted(builds, key=lambda each: (each[0], version_key(each[1])))


def name(wanted, build):
    return build[1] if wanted.scope.system_name else " ".join(build)


def rows(chart: Chart):
    """The numbers of a chart by the text of their category."""
    values = zip(*(each.values for each in chart.series), strict=True)
    names = (label.text for label in chart.categories)
    return dict(zip(names, values, strict=True))


def test_the_default_is_two_weeks_of_all_systems():
    found = asked("")
    assert len(found.days) == 14
    assert found.scope.system_name == ""
    assert content(found).empty


def test_today_is_not_over():
    """It has a point in the chart; the mean and the estimate are of the days before."""
    now = datetime.now(UTC)
    for day in range(4):
        moment = now - timedelta(days=day)
        machines = range(1 if day == 0 else 4)
        sent = [
            (moment, submission(classification="a/heartbeat/b", machine_id=str(n)))
            for n in machines
        ]
        insert_records(sent)
    digest_batch(100)
    found = content(asked("days=4"))
    assert [n for (n,) in rows(found.part("active")).values()] == [4, 4, 4, 1]
    machines, ids, mean = found.figures
    assert (machines.value, ids.value, mean.value) == (4, 4, 4)
    assert "3 whole days" in machines.note


@pytest.fixture(scope="module", params=[1, 2, 3])
def sent(request, module_db: None) -> Iterator[None]:
    """Stored once for the tests below, and rolled back."""
    with rolled_back():
        digested(request.param)
        yield


sent_once = pytest.mark.parametrize("sent", [1], indirect=True, scope="module")


def test_ids_of_builds_equal_a_recount(sent):
    for wanted in map(asked, WINDOWS):
        found = {each[1:] for each in heartbeats(wanted)}
        counts = Counter(
            (system, version, external) for _, system, version, external in found
        )
        sources = [s for s in (False, True) if wanted.scope.external in (None, s)]
        builds = by_build({(system, version) for _, system, version, _ in found})
        chart = content(wanted).part("builds")
        assert list(rows(chart).items()) == [
            (name(wanted, build), tuple(counts[*build, source] for source in sources))
            for build in builds
        ]
        assert [each.name for each in chart.series] == [
            "external" if source else "internal" for source in sources
        ]


def test_days_and_weeks_equal_a_recount(sent):
    for wanted in map(asked, WINDOWS):
        ids = {
            (day, machine, sys, ext) for day, machine, sys, _, ext in heartbeats(wanted)
        }
        first: dict[tuple, date] = {}
        for day, machine, system, _, external in sorted(heartbeats()):
            first.setdefault((machine, system, external), day)
        active = Counter(time_of(wanted, day) for day, *_ in ids)
        new = Counter(
            time_of(wanted, day) for day, *id_ in ids if first[tuple(id_)] == day
        )
        found = content(wanted)
        assert rows(found.part("active")) == {
            each.text: (each.mean(active[each.text]),) for each in wanted.times
        }
        assert rows(found.part("new-ids")) == {
            each.text: (new[each.text],) for each in wanted.times
        }


def test_shares_equal_a_recount(sent):
    for wanted in map(asked, WINDOWS):
        counts = Counter(
            (time_of(wanted, day), (system, version))
            for day, _, system, version, _ in set(heartbeats(wanted))
        )
        totals = Counter(build for _, build in counts.elements())
        of_time = Counter(time for time, _ in counts.elements())
        chart = content(wanted).part("adoption")
        named = {name(wanted, build): build for build in totals}
        shown = [named[each.name] for each in chart.series if each.name in named]
        rest = totals.keys() - set(shown)
        assert len(shown) == min(TOP, len(totals))
        assert shown == by_build(shown)
        assert min((totals[each] for each in shown), default=0) >= max(
            (totals[each] for each in rest), default=0
        )
        for each in chart.series:
            some = {named[each.name]} if each.name in named else rest
            assert each.values == tuple(
                round(100 * sum(counts[time, build] for build in some) / n, 2)
                if n
                else None
                for _, _, _, time in wanted.times
                for n in (of_time[time],)
            )
        assert [each.name for each in chart.series[len(shown) :]] == (
            [f"other ({len(rest)})"] if rest else []
        )


def test_figures_equal_a_recount(sent):
    for wanted in map(asked, WINDOWS):
        ids = {
            (day, machine, sys, ext) for day, machine, sys, _, ext in heartbeats(wanted)
        }
        days = Counter(day for day, *_ in ids)
        figures = {each.label: each for each in content(wanted).figures}
        naive = figures["Distinct ids (naive)"]
        assert naive.value == len({id_ for _, *rest in ids for id_ in [tuple(rest)]})
        estimate = figures["Machines (estimate)"]
        assert estimate.low == max(days.values(), default=0)
        assert estimate.low <= estimate.value == estimate.high <= naive.value
        assert estimate.value == stats.machines(wanted.scope).machines
        with_ids = [day for day in wanted.days if days[day]]
        length = (with_ids[-1] - with_ids[0]).days + 1 if with_ids else 1
        mean = figures["Machines on a day"].value
        assert mean == round(sum(days.values()) / length, 1)


@sent_once
def test_the_assumption_is_named(sent):
    machines, ids, _ = content(asked(WINDOWS[0])).figures
    assert "new id every three days" in machines.note
    assert "%" in machines.note
    assert "not machines" in ids.note


@sent_once
def test_numbers_lead_to_their_heartbeats(sent):
    wanted = asked("start=2025-12-24&end=2026-01-08&system_name=other")
    found = content(wanted)
    for chart in found.parts:
        assert all("classification=%2A%2Fheartbeat" in c.link for c in chart.categories)
    external = found.part("builds").series[1]
    assert all("external=true" in link for link in external.links)
    assert all("system_name=other" in link for link in external.links)
    shown = found.part("adoption").series
    assert all(
        ("build=" in each.link) == ("other (" not in each.name) for each in shown
    )


@sent_once
def test_queries_do_not_depend_on_days_or_builds(sent, django_assert_max_num_queries):
    """Days and ids, and again for the estimate; builds, and what is summed up, twice;
    and the order of builds.
    """
    for query in (WINDOWS[0], WINDOWS[3]):
        wanted = asked(query)
        content(wanted)
        with django_assert_max_num_queries(11):
            content(wanted)


@sent_once
def test_the_page_shows_both_numbers(admin_client, sent):
    page = admin_client.get(f"/population?{WINDOWS[0]}")
    text = page.content.decode()
    assert page.status_code == 200
    assert "Machines (estimate)" in text
    assert "Distinct ids (naive)" in text
