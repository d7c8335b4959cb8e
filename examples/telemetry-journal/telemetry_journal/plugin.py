"""The view “Services”: which services fail, and how."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.db.models import Sum

from records import stats
from records.parsers import StoredRecord
from records.readings import PayloadReading
from telemetry_journal.models import ServiceDay
from telemetry_journal.parser import failure
from telemetry_journal.processing import CLASSES, PARSER
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
from views_plugins.filters import Filters
from views_plugins.registry import Plugin

_PER = 1000
_WAYS = ("service", "code", "status")


def content(asked: Filters) -> Content:
    days = asked.scope.days_of(ServiceDay)
    ways = Counter(dict(_sums(days.values_list(*_WAYS))))
    by_day = Counter(dict(_sums(days.values_list("day"))))
    records = asked.records(classification=CLASSES)
    total = ways.total()
    machine_days = stats.machine_days(asked.scope).total()
    figures = (
        Figure("Failures", total, link=records),
        Figure("Services", len({service for service, _, _ in ways})),
        Figure(
            "Rate",
            total * _PER / machine_days if machine_days else None,
            unit=f"failures per {_PER:,} machine-days",
            note="A machine-day is a day on which a machine sent a heartbeat.",
        ),
    )
    return Content(figures, (_services(ways), _over_time(asked, by_day), _ways(ways)))


def _sums(rows: Any) -> list[tuple[Any, int]]:
    counted = rows.annotate(n=Sum("failures")).order_by()
    return [(row[:-1] if len(row) > 2 else row[0], row[-1]) for row in counted]


def _services(ways: Counter[tuple[str, str, str]]) -> Chart:
    counts: Counter[str] = Counter()
    for (service, _, _), n in ways.items():
        counts[service] += n
    ranked = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    return Chart(
        key="services",
        title="Services that fail",
        kind=Kind.BAR,
        categories=tuple(Label(service) for service, _ in ranked),
        series=(Series("Failures", tuple(n for _, n in ranked)),),
        x="Service",
        y="Failures",
    )


def _over_time(asked: Filters, by_day: Counter[Any]) -> Chart:
    return Chart(
        key="days",
        title="Failures by day",
        kind=Kind.LINE,
        categories=tuple(
            Label(day.isoformat(), asked.records(day=day, classification=CLASSES))
            for day in asked.days
        ),
        series=(Series("Failures", tuple(by_day[day] for day in asked.days)),),
        x="Day (UTC)",
        y="Failures",
    )


def _ways(ways: Counter[tuple[str, str, str]]) -> Table:
    ranked = sorted(ways.items(), key=lambda each: (-each[1], each[0]))
    return Table(
        key="ways",
        title="How they fail",
        columns=(*map(Column, ("Service", "Code", "Status")), Column("Failures", True)),
        rows=tuple((*map(Cell, way), Cell(n)) for way, n in ranked),
    )


def read(record: StoredRecord) -> Mapping[str, Any] | None:
    """How the payload is shown on the page of its record."""
    found = failure(record.payload)
    if found is None:
        return None
    return {
        "title": f"{found.service} failed",
        "facts": [
            ("Process", found.process),
            ("Ended by", found.code),
            ("Status", found.status),
        ],
    }


PLUGIN = Plugin(
    slug="services",
    title="Services",
    content=content,
    parsers=(PARSER,),
    readings=(PayloadReading("telemetry_journal", (CLASSES,), read),),
    days=28,
    about="Services whose processes ended with an error, as journalprobe reports them.",
    empty="No machine reported a failing service in this window.",
)
