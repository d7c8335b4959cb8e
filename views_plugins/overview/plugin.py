"""Overview: the fleet at a glance."""

from collections import Counter
from datetime import date
from typing import Any

from django.urls import reverse

from crashes import stats as crashes
from records import stats
from records.scope import Scope
from views_plugins.charts import (
    Cell,
    Chart,
    Column,
    Content,
    Figure,
    Kind,
    Label,
    Series,
    Table,
)
from views_plugins.filters import MEAN, Filters
from views_plugins.registry import Plugin

NEWEST = 8
"""So many builds and guilties are listed."""

PER = 100
"""Crashes are told per so many machine-days."""


def content(asked: Filters) -> Content:
    scope = asked.scope
    by_day = stats.machine_days(scope, "day")
    active = Counter({day: n for (day,), n in by_day.items()})
    crashed = crashes.by_time(scope, asked.time)
    received = stats.records_by(scope, asked.time, "classification")
    machine_days = asked.by_time(active)
    return Content(
        figures=(
            Figure("Records", received.total(), link=asked.records()),
            *_figures(asked, active, crashed),
            *_ingest(scope),
        ),
        parts=(
            _received(asked, received),
            _machines(asked, machine_days),
            _rates(asked, machine_days, crashed),
            _builds(asked),
            _guilties(scope),
        ),
    )


# --- Figures ------------------------------------------------------------------------


def _figures(
    asked: Filters, active: Counter[date], crashed: Counter[date]
) -> tuple[Figure, ...]:
    whole = [day for day in asked.days[:-1] if active[day]]
    typical = round(sum(active[day] for day in whole) / len(whole)) if whole else 0
    return (
        Figure(
            "Machines a day",
            typical,
            note="with a heartbeat; the mean of days before the last one",
            link=reverse("view-population"),
        ),
        Figure(
            "Crashes",
            crashed.total(),
            note=_per(crashed.total(), active.total()),
            link=reverse("crashes"),
        ),
    )


def _per(n: int, machine_days: int) -> str:
    if not machine_days:
        return "no heartbeats to compare with"
    return f"{PER * n / machine_days:.2g} per {PER} machine-days"


def _ingest(scope: Scope) -> tuple[Figure, ...]:
    found = stats.ingest(scope)
    waiting = f"the oldest for {found.lag.total_seconds():.0f} s"
    refused = ", ".join(f"{code} {n:,}" for code, n in found.refused.items())
    return (
        Figure(
            "Waiting for the worker",
            found.pending,
            note=waiting if found.pending else "every record is counted",
            link=reverse("health"),
        ),
        Figure("Refused requests", sum(found.refused.values()), note=refused),
    )


# --- Charts over time ---------------------------------------------------------------


def _received(asked: Filters, received: Counter[tuple[Any, ...]]) -> Chart:
    """Records by time and sender: the second part of the classification."""
    counts: Counter[tuple[date, str]] = Counter()
    totals: Counter[str] = Counter()
    for (time, classification), n in received.items():
        sender = classification.split("/")[1]
        counts[time, sender] += n
        totals[sender] += n
    return Chart(
        key="records",
        title="Records by sender",
        kind=Kind.AREA,
        categories=asked.over_time(),
        series=tuple(
            Series(
                sender,
                tuple(counts[each.key, sender] for each in asked.times),
                link=asked.records(classification=f"*/{sender}/*"),
            )
            for sender in sorted(totals, key=lambda each: (-totals[each], each))
        ),
        x=asked.time_axis,
        y="Records",
    )


def _machines(asked: Filters, machine_days: Counter[date]) -> Chart:
    """How many there are a day."""
    values = tuple(each.mean(machine_days[each.key]) for each in asked.times)
    return Chart(
        key="machines",
        title="Active machines",
        kind=Kind.LINE,
        categories=asked.over_time(),
        series=(Series("Machines", values),),
        x=asked.time_axis,
        y="Machines",
        note="" if asked.time == "day" else MEAN,
    )


def _rates(
    asked: Filters, machine_days: Counter[date], crashed: Counter[date]
) -> Chart:
    values = tuple(
        round(PER * crashed[each.key] / days, 2) if days else None
        for each in asked.times
        for days in (machine_days[each.key],)
    )
    return Chart(
        key="crashes",
        title="Crash rate",
        kind=Kind.LINE,
        categories=asked.over_time(),
        series=(Series("Crashes", values),),
        x=asked.time_axis,
        y="Crashes",
        unit=f"per {PER} machine-days",
    )


# --- Tables -------------------------------------------------------------------------


def _builds(asked: Filters) -> Table:
    """Builds by when they were first seen, the newest first."""
    received = stats.records_by(asked.scope, "build")
    newest = sorted((build for (build,) in received), reverse=True)[:NEWEST]
    labels = stats.build_labels(newest)
    days = stats.machine_days(asked.scope, "build")
    crashed = dict(crashes.by_build(asked.scope))
    numbers = ("Records", "Machine-days", "Crashes", f"Crashes per {PER}")
    return Table(
        key="builds",
        title="Newest builds",
        columns=(Column("Build"), *(Column(each, numeric=True) for each in numbers)),
        rows=tuple(
            _build(
                asked.build(labels[build]),
                received[build,],
                days[build,],
                crashed.get(build, 0),
            )
            for build in newest
        ),
        note=f"Crashes are also told per {PER} machine-days.",
    )


def _build(
    named: Label, received: int, machine_days: int, crashed: int
) -> tuple[Cell, ...]:
    rate = round(PER * crashed / machine_days, 2) if machine_days else None
    numbers = (received, machine_days, crashed, rate)
    return (Cell(named.text, named.link), *map(Cell, numbers))


def _guilties(scope: Scope) -> Table:
    """Guilties whose first crash is in the window."""
    rows = tuple(
        (
            Cell(each.function, reverse("guilty", args=[each.guilty])),
            Cell(each.module),
            Cell(each.crashes),
            Cell(each.machines),
        )
        for each in crashes.new(scope, limit=NEWEST)
    )
    return Table(
        key="guilties",
        title="New guilties",
        columns=(
            Column("Function"),
            Column("Module"),
            Column("Crashes", numeric=True),
            Column("Machines", numeric=True),
        ),
        rows=rows,
        note="They never crashed before this window.",
    )


PLUGIN = Plugin(
    slug="overview",
    title="Overview",
    order=5,
    content=content,
    days=14,
    about="The fleet at a glance.",
)
