"""What views of events share: charts by week and build, as counts or as rates."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from django.db.models import Count, QuerySet, Sum, Window

from records import stats
from records.labels import BuildLabel
from views_plugins import weeks
from views_plugins.charts import Chart, Figure, Kind, Label, Number, Series
from views_plugins.filters import Filters
from views_plugins.registry import Option

PER = Option(
    "per", "Count", {"events": "events", "machine-day": "per 1,000 machine-days"}
)
TOP = Option("top", "Machines", {each: f"top {each}" for each in ("10", "100", "1000")})

CUT = "Of a week with, say, (3/7), the window has only three days."


def only(counts: Mapping[tuple[Any, ...], int], place: int) -> Counter[Any]:
    """Counts by one part of their keys."""
    found: Counter[Any] = Counter()
    for key, n in counts.items():
        found[key[place]] += n
    return found


def ranked(counts: Mapping[str, int]) -> list[str]:
    """The most frequent first."""
    return sorted(counts, key=lambda each: (-counts[each], each))


def rate(events: int, machine_days: int) -> float | None:
    """Events per 1,000 days on which a machine was there."""
    return round(1000 * events / machine_days, 2) if machine_days else None


class Top(NamedTuple):
    """Machines with most events, the first of so many ``total``."""

    machines: list[str]
    total: int

    @property
    def note(self) -> str:
        return f"{len(self.machines):,} of {self.total:,} machines."


@dataclass(frozen=True)
class Events:
    """Events of one ``classification``, for a view with the options `PER` and `TOP`."""

    asked: Filters
    classification: str

    @cached_property
    def days(self) -> Counter[date]:
        """Machine-days of each day."""
        return only(stats.machine_days(self.asked.scope, "day"), 0)

    @property
    def rates(self) -> bool:
        return self.asked.options["per"] == "machine-day"

    @property
    def unit(self) -> str:
        return "Events per 1,000 machine-days" if self.rates else "Events"

    def value(self, events: int, machine_days: int) -> Number | None:
        return rate(events, machine_days) if self.rates else events

    def top(self, machines: QuerySet[Any]) -> Top:
        """The machines with most events, as many as are asked for; of the rows of a
        rollup by machine.
        """
        rows = machines.order_by().values_list("machine_id").annotate(n=Sum("events"))
        ranked = rows.annotate(all=Window(Count("*"))).order_by("-n", "machine_id")
        found = list(ranked[: int(self.asked.options["top"])])
        return Top([row[0] for row in found], found[0][2] if found else 0)

    def figures(self, total: int, machines: int) -> tuple[Figure, ...]:
        return (
            Figure("Events", total, link=self.records()),
            Figure("Machines", machines),
            Figure("Events per 1,000 machine-days", rate(total, self.days.total())),
        )

    # --- Addresses and names --------------------------------------------------------

    def records(self, **more: object) -> str:
        return self.asked.records(**{"classification": self.classification, **more})

    def build(self, label: BuildLabel, **more: object) -> Label:
        """A build's name, and its events."""
        return self.asked.build(label, classification=self.classification, **more)

    # --- Charts ---------------------------------------------------------------------

    def by_week(
        self, counts: Mapping[tuple[date, str], int], names: Sequence[str]
    ) -> Chart:
        """Counts of days by ISO week, and by name."""
        events = weeks.by_week(counts)
        machine_days = weeks.by_week({(day, ""): n for day, n in self.days.items()})
        shown = weeks.between(self.asked.start, self.asked.end)

        def value(week: weeks.Week, name: str) -> Number | None:
            key = week.monday
            return self.value(events[key, name], machine_days[key, ""])

        return Chart(
            key="weeks",
            title="By week",
            kind=Kind.STACKED,
            categories=tuple(Label(str(week), self._week(week)) for week in shown),
            series=tuple(
                Series(name, tuple(value(week, name) for week in shown))
                for name in names
            ),
            x="Week from Monday",
            y=self.unit,
            note=CUT if any(week.cut for week in shown) else "",
        )

    def _week(self, week: weeks.Week) -> str:
        end = week.last + timedelta(days=1)
        return self.records(received_after=week.first, received_before=end)

    def by_build(self, counts: Counter[int]) -> Chart:
        """In the order of versions."""
        builds = stats.in_version_order(counts)
        labels = stats.build_labels(builds)
        days = stats.machine_days(self.asked.scope, "build") if self.rates else {}
        return Chart(
            key="builds",
            title="By build",
            kind=Kind.BAR,
            categories=tuple(self.build(labels[build]) for build in builds),
            series=(
                Series(
                    self.unit,
                    tuple(
                        self.value(counts[build], days.get((build,), 0))
                        for build in builds
                    ),
                ),
            ),
            x="Build",
            y=self.unit,
        )
