"""Population: how many machines there are, on which builds; from heartbeats only."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from records import stats
from views_plugins.charts import Chart, Content, Figure, Kind, Label, Number, Series
from views_plugins.filters import MEAN, Filters
from views_plugins.registry import Plugin

HEARTBEATS = "*/heartbeat/*"
TOP = 7
"""So many builds have a share of their own in the chart over time."""

_DAILY = "A machine sends one heartbeat on a day, whatever its id."
_NAIVE = "Ids, not machines: a machine takes a new id every three days."


def content(asked: Filters) -> Content:
    days = stats.active_by_day(asked.scope)
    active = asked.by_time({day: each.ids for day, each in days.items()})
    new = asked.by_time({day: each.new for day, each in days.items()})
    return Content(
        figures=_figures(asked),
        parts=(
            _builds(asked),
            _over_time(
                asked,
                key="active",
                title=f"Machines by {asked.time}",
                series="machines",
                values=[each.mean(active[each.key]) for each in asked.times],
                note=f"{_DAILY} {MEAN}" if asked.time == "week" else _DAILY,
            ),
            _adoption(asked),
            _over_time(
                asked,
                key="new-ids",
                title=f"New ids by {asked.time}",
                series="new ids",
                values=[new[each.key] for each in asked.times],
                note=_NAIVE,
            ),
        ),
    )


# --- Numbers ------------------------------------------------------------------------


def _figures(asked: Filters) -> tuple[Figure, ...]:
    found = stats.machines(asked.scope)
    return (
        Figure(
            "Machines (estimate)",
            found.machines,
            note=_assumption(found.days, found.presence),
            low=found.low,
            high=found.machines,
        ),
        Figure(
            "Distinct ids (naive)",
            found.ids,
            note=_NAIVE,
            link=asked.records(classification=HEARTBEATS),
        ),
        Figure(
            "Machines on a day",
            round(found.active, 1),
            note="Mean of the days that are over.",
        ),
    )


def _assumption(days: int, presence: float | None) -> str:
    """What the estimate is made of, and what it takes for granted."""
    interval = "From the most ids of one day up to the estimate"
    if presence is None:
        return f"{interval}, for which no id came again on the next day to tell."
    return (
        f"{interval} for {days:,} whole {'days' if days > 1 else 'day'}. Assumed: a "
        "machine takes a new id every three days, and those with a new id are on as "
        f"often as all others: {presence:.0%} were on the next day."
    )


# --- Builds -------------------------------------------------------------------------


def _builds(asked: Filters) -> Chart:
    counts = stats.distinct_by_build(asked.scope)
    builds = stats.in_version_order({build for build, _ in counts})
    sources = [s for s in (False, True) if asked.scope.external in (None, s)]
    return Chart(
        key="builds",
        title="Distinct ids by build (naive)",
        kind=Kind.STACKED,
        categories=_named(asked, builds),
        series=tuple(_source(asked, counts, builds, source) for source in sources),
        x="Build",
        y="Distinct ids",
        note=f"{_NAIVE} An id counts on each build that it had.",
    )


def _source(
    asked: Filters,
    counts: Counter[tuple[int, bool]],
    builds: Sequence[int],
    source: bool,
) -> Series:
    labels = stats.build_labels(builds)
    return Series(
        "external" if source else "internal",
        tuple(counts[build, source] for build in builds),
        tuple(
            asked.build(labels[build], external=source, classification=HEARTBEATS).link
            for build in builds
        ),
    )


def _named(asked: Filters, builds: Iterable[int]) -> tuple[Label, ...]:
    labels = stats.build_labels(builds)
    return tuple(
        asked.build(labels[build], classification=HEARTBEATS) for build in builds
    )


class _Part(NamedTuple):
    """Builds that share a line."""

    name: Label
    builds: tuple[int, ...]


def _adoption(asked: Filters) -> Chart:
    counts = stats.machine_days(asked.scope, asked.time, "build")
    sums: Counter[date] = Counter()
    builds: Counter[int] = Counter()
    for (time, build), n in counts.items():
        sums[time] += n
        builds[build] += n
    return Chart(
        key="adoption",
        title=f"Share of builds by {asked.time}",
        kind=Kind.AREA,
        categories=asked.over_time(classification=HEARTBEATS),
        series=tuple(
            Series(
                part.name.text,
                tuple(
                    _share(sum(counts[time, each] for each in part.builds), sums[time])
                    for time, *_ in asked.times
                ),
                link=part.name.link,
            )
            for part in _parts(asked, builds)
        ),
        x=asked.time_axis,
        y=f"Share of the {asked.time}'s machines",
        unit="%",
        note="A machine that changed its build on a day may count on both.",
    )


def _parts(asked: Filters, builds: Counter[int]) -> list[_Part]:
    """The builds with most machine-days, and one part for the others."""
    ranked = sorted(builds, key=lambda build: (-builds[build], build))
    shown, rest = stats.in_version_order(ranked[:TOP]), tuple(ranked[TOP:])
    names = _named(asked, shown)
    parts = [_Part(name, (build,)) for name, build in zip(names, shown, strict=True)]
    return [*parts, _Part(Label(f"other ({len(rest):,})"), rest)] if rest else parts


def _share(n: int, total: int) -> float | None:
    """In per cent; a day without machines has no shares."""
    return round(100 * n / total, 2) if total else None


# --- Time ---------------------------------------------------------------------------


def _over_time(
    asked: Filters,
    *,
    key: str,
    title: str,
    series: str,
    values: Sequence[Number],
    note: str,
) -> Chart:
    return Chart(
        key=key,
        title=title,
        kind=Kind.LINE,
        categories=asked.over_time(classification=HEARTBEATS),
        series=(Series(series, tuple(values)),),
        x=asked.time_axis,
        y=series.capitalize(),
        note=note,
    )


PLUGIN = Plugin(
    slug="population",
    title="Population",
    order=50,
    content=content,
    days=14,
    about="How many machines there are and which builds they run, by their heartbeats.",
    empty="No heartbeat was received in this window. Clients send one a day, as "
    "org.clearlinux/heartbeat/ping.",
)
