"""Builds: how many records each build of an operating system sent."""

from collections import Counter

from records import stats
from views_plugins.charts import Chart, Content, Figure, Kind, Label, Series
from views_plugins.filters import Filters
from views_plugins.registry import Option, Plugin

PER = Option("per", "Count", {"records": "records", "machine-day": "per machine-day"})
TOP = 7
"""So many builds have a line of their own in the chart over time."""


def content(asked: Filters) -> Content:
    counts = stats.records_by(asked.scope, "build", "external")
    builds = stats.in_version_order({build for build, _ in counts})
    labels = stats.build_labels(builds)
    total = counts.total()
    figures = (
        Figure("Records", total, link=asked.records()),
        Figure("Builds", len(builds)),
    )
    categories = tuple(asked.build(labels[build]) for build in builds)
    chart = _chart(asked, counts, builds, categories)
    return Content(figures, (chart, _over_time(asked, builds)))


def _chart(
    asked: Filters,
    counts: Counter[tuple[int, bool]],
    builds: list[int],
    categories: tuple[Label, ...],
) -> Chart:
    sources = [s for s in (False, True) if asked.scope.external in (None, s)]
    rate = asked.options["per"] == "machine-day"
    days = stats.machine_days(asked.scope, "build", "external") if rate else Counter()
    series = tuple(
        Series(
            "external" if source else "internal",
            tuple(
                _value(counts[build, source], days[build, source] if rate else None)
                for build in builds
            ),
        )
        for source in sources
    )
    return Chart(
        key="builds",
        title="Records by build",
        kind=Kind.BAR if rate else Kind.STACKED,
        categories=categories,
        series=series,
        x="Build",
        y="Records per machine-day" if rate else "Records",
        unit="per machine and day with a heartbeat" if rate else "",
    )


def _value(records: int, machine_days: int | None) -> float | None:
    if machine_days is None:
        return records
    return records / machine_days if machine_days else None


def _over_time(asked: Filters, builds: list[int]) -> Chart:
    """The builds with most records, day by day or week by week."""
    counts = stats.records_by(asked.scope, asked.time, "build")
    totals: Counter[int] = Counter()
    for (_, build), n in counts.items():
        totals[build] += n
    labels = stats.build_labels(builds)
    greatest = {build for build, _ in totals.most_common(TOP)}
    shown = [build for build in builds if build in greatest]
    return Chart(
        key="days",
        title=f"Records by {asked.time}",
        kind=Kind.AREA,
        categories=asked.over_time(),
        series=(
            *(
                Series(
                    named.text,
                    tuple(counts[each.key, build] for each in asked.times),
                    link=named.link,
                )
                for build in shown
                for named in (asked.build(labels[build]),)
            ),
            *_rest(asked, counts, [b for b in builds if b not in greatest]),
        ),
        x=asked.time_axis,
        y="Records",
    )


def _rest(
    asked: Filters, counts: Counter[tuple[object, int]], builds: list[int]
) -> list[Series]:
    if not builds:
        return []
    sums = tuple(
        sum(counts[each.key, build] for build in builds) for each in asked.times
    )
    return [Series(f"other ({len(builds):,})", sums)]


PLUGIN = Plugin(
    slug="builds",
    title="Builds",
    order=30,
    content=content,
    options=(PER,),
    by_classification=True,
    days=28,
    about="Records of each build, ordered as versions.",
)
