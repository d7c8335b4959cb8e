"""The conditions that are always there: crashes, silence, refused requests."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from alerts.conditions import Condition, Reading, Watch
from crashes import stats as crashes
from records import stats

_MOST_GUILTIES = 100
_MACHINE_DAYS = 100  # that rates are told per


def new_guilties(watch: Watch) -> Iterator[Reading]:
    for found in crashes.new(watch.scope, limit=_MOST_GUILTIES):
        yield Reading(
            subject=str(found.guilty),
            value=found.machines,
            title=f"{found.function} [{found.module}]",
            text=f"Never crashed before {watch.scope.start}: {found.crashes} crashes "
            f"of {found.machines} machine ids.",
            link=reverse("guilty", args=[found.guilty]),
        )


def crash_rates(watch: Watch) -> Iterator[Reading]:
    machine_days = stats.machine_days(watch.scope, "build")
    counts = dict(crashes.by_build(watch.scope))
    labels = stats.build_labels(counts)
    for build, n in counts.items():
        days = machine_days[build,]
        if not days:
            continue
        rate = round(_MACHINE_DAYS * n / days, 2)
        label = labels[build]
        place = {"system_name": label.system_name, "build": label.version}
        yield Reading(
            subject=str(build),
            value=rate,
            title=f"{label.system_name} {label.version}",
            text=f"{n} crashes in {days} machine-days since {watch.scope.start}: "
            f"{rate:g} in {_MACHINE_DAYS}.",
            link=f"{reverse('crashes-overall')}?{urlencode(place)}",
            sure=days >= watch.minimum,
        )


def silence(watch: Watch) -> Iterator[Reading]:
    """Of an operating system if the rule names one, or else of each fleet."""
    system_name = watch.scope.system_name
    heard = stats.last_received(system_name)
    for fleet, last in heard.items():
        hours = round((watch.now - last) / timedelta(hours=1), 1)
        yield Reading(
            subject=fleet or system_name[:200],
            value=max(hours, 0),
            title=f"Fleet {fleet}" if fleet else system_name,
            text=f"The last record was received at {last:%Y-%m-%d %H:%M} UTC.",
            link=f"/records?{urlencode({'system_name': system_name})}",
        )


def refused_spikes(watch: Watch) -> Iterator[Reading]:
    """The greater of today's and yesterday's, against the mean of the days before.

    So one spike is one alert, although counts begin anew at midnight.
    """
    today = watch.now.date()
    days = (today, today - timedelta(days=1))
    by_code: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for (day, code), n in stats.refused_by_day(watch.scope).items():
        by_code[code][day] = n
    for code, counts in by_code.items():
        n = max(counts[day] for day in days)
        earlier = sum(counts.values()) - sum(counts[day] for day in days)
        mean = earlier / max(_days(watch) - len(days), 1)
        yield Reading(
            subject=code,
            value=round(n / max(mean, 1), 1),
            title=f"Refused: {code}",
            text=f"{n} requests in a day; {mean:.1f} on a usual one.",
            link="/health",
            sure=n >= watch.minimum,
        )


def _days(watch: Watch) -> int:
    start, end = watch.scope.start, watch.scope.end
    return (end - start).days + 1 if start and end else 1


CONDITIONS = (
    Condition(
        name="new-guilty",
        label="New guilty",
        about="A function and module that is guilty of crashes in these days, and "
        "never was before, on that many machine ids (a machine takes a new id every "
        "three days).",
        unit="machine ids",
        read=new_guilties,
        threshold=3,
    ),
    Condition(
        name="crash-rate",
        label="Crash rate of a build",
        about="Crashes of a build in 100 days on which a machine with it was on.",
        unit="crashes per 100 machine-days",
        read=crash_rates,
        threshold=5,
        minimum=100,
        minimum_unit="machine-days",
    ),
    Condition(
        name="silence",
        label="Silence",
        about="No record of a fleet (an active telemetry id), or of the operating "
        "system that the rule names, for that many hours.",
        unit="hours",
        read=silence,
        threshold=24,
    ),
    Condition(
        name="refused",
        label="Refused requests",
        about="Requests refused today or yesterday for one reason, compared with the "
        "mean of the days before.",
        unit="times the usual",
        read=refused_spikes,
        threshold=5,
        days=14,
        minimum=100,
        minimum_unit="requests",
        by_system=False,
    ),
)
