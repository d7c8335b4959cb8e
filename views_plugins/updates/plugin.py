"""Updates: from which build to which, how they ended, and why they failed."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from records import addresses
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
from views_plugins.filters import Filters
from views_plugins.registry import Plugin
from views_plugins.updates import counts
from views_plugins.updates.counts import Count, Place
from views_plugins.updates.parser import Outcome
from views_plugins.updates.processing import PARSER
from views_plugins.updates.reading import READING

Key = TypeVar("Key")

MOST_VERSIONS = 60
"""Rows and columns of the matrix; what is beyond is summed up."""
LATEST = 25

SWUPD = "*/swupd-client/*"
_ACRN = "*/swupdate/*"
_NOT_SAID = "not said"
_OUTCOMES = {
    Outcome.UPDATED: "updated",
    Outcome.FAILED: "failed",
    Outcome.NONE: "nothing to do",
}
_MEGABYTE = 1_000_000


def content(asked: Filters) -> Content:
    found = counts.counts(asked.scope)
    updated = [each for each in found if each.outcome is Outcome.UPDATED]
    failed = [each for each in found if each.outcome is Outcome.FAILED]
    names = _Names(found)
    return Content(
        figures=_figures(asked, found),
        parts=(
            _matrix(asked, updated, names),
            _over_time(asked),
            _failures_by_build(asked, failed, names),
            _failures_by_result(asked),
            _targets(asked, found, names),
            _latest(asked.scope, names),
        ),
    )


class _Names:
    """What versions are called; with their system where there are several."""

    def __init__(self, found: Iterable[Count]) -> None:
        self._several = len({each.build.system_name for each in found}) > 1

    def of(self, place: Place) -> str:
        version = place.version or _NOT_SAID
        return f"{place.system_name} {version}" if self._several else version


def _figures(asked: Filters, found: Sequence[Count]) -> tuple[Figure, ...]:
    n = Counter[Outcome]()
    for each in found:
        n[each.outcome] += each.updates
    tried = n[Outcome.UPDATED] + n[Outcome.FAILED]
    return (
        Figure("Updates", n[Outcome.UPDATED], link=_records(asked)),
        Figure("Failed", n[Outcome.FAILED], link=_records(asked)),
        Figure("Success rate", _share(n[Outcome.UPDATED], tried), "%"),
        Figure("Nothing to do", n[Outcome.NONE], note="The machine was up to date."),
        Figure("Mean duration", _mean_seconds(_only(found, Outcome.UPDATED)), "s"),
    )


def _share(part: int, whole: int) -> float | None:
    return round(100 * part / whole, 1) if whole else None


def _mean_seconds(found: Iterable[Count]) -> float | None:
    """Of the updates that told how long they took."""
    rows = list(found)
    timed = sum(each.timed for each in rows)
    return round(sum(each.seconds for each in rows) / timed, 1) if timed else None


def _only(found: Iterable[Count], outcome: Outcome) -> list[Count]:
    return [each for each in found if each.outcome is outcome]


def _records(asked: Filters, found: Iterable[Count] = ()) -> str:
    """Records of updates: those of the build that sent all of ``found``, if it is one.

    The build of a record is the one that the machine had when it reported.
    """
    rows = list(found)
    builds = {each.build for each in rows}
    sender = _sender(*builds) if len(builds) == 1 else {}
    acrn = rows and all(map(_of_acrn, rows))
    return asked.records(classification=_ACRN if acrn else SWUPD, **sender)


def _sender(build: Place) -> dict[str, object]:
    """The parameters of a build's records."""
    return {"system_name": build.system_name, "build": build.version}


def _of_acrn(found: Count) -> bool:
    """Whether only ACRN reports so: the build after, and no result."""
    silent = found.silent == found.updates and not found.before.version
    return silent and found.outcome is Outcome.UPDATED


# --- Parts --------------------------------------------------------------------------


def _matrix(asked: Filters, updated: Sequence[Count], names: _Names) -> Chart:
    """Successful updates, from a build in the rows to one in the columns."""
    rows, row_of = _axis(updated, lambda each: each.before)
    columns, column_of = _axis(updated, lambda each: each.after)
    cells: dict[tuple[Place | None, Place | None], list[Count]] = {}
    for each in updated:
        place = row_of(each.before), column_of(each.after)
        cells.setdefault(place, []).append(each)

    def series(to: Place | None) -> Series:
        behind = [cells.get((before, to), []) for before in rows]
        return Series(
            _label(to, names),
            tuple(sum(each.updates for each in some) or None for some in behind),
            links=tuple(_records(asked, some) if some else "" for some in behind),
        )

    return Chart(
        key="matrix",
        title="Successful updates, from build to build",
        kind=Kind.HEAT,
        categories=tuple(Label(_label(each, names)) for each in rows),
        series=tuple(map(series, columns)),
        x="From",
        y="Updates",
        note="Rows: the build before. Columns: the build after. A link leads to what "
        "the machines reported from the build they had then.",
        sums=True,
    )


def _axis(
    found: Iterable[Count], version: Callable[[Count], Place]
) -> tuple[list[Place | None], Callable[[Place], Place | None]]:
    """Versions in order, at last None for those with the fewest updates; and where
    each of them belongs.
    """
    sums = Counter[Place]()
    for each in found:
        sums[version(each)] += each.updates
    ranked = sorted(sums, key=lambda each: (-sums[each], each.order))
    shown = set(ranked[:MOST_VERSIONS])
    axis: list[Place | None] = [*counts.in_order(shown)]
    if len(ranked) > MOST_VERSIONS:
        axis.append(None)
    return axis, lambda place: place if place in shown else None


def _label(place: Place | None, names: _Names) -> str:
    return names.of(place) if place else "others"


def _over_time(asked: Filters) -> Chart:
    found = counts.by_time(asked.scope, asked.time)
    return Chart(
        key="days",
        title=f"Updates by {asked.time}",
        kind=Kind.STACKED,
        categories=asked.over_time(classification=SWUPD),
        series=tuple(
            Series(name, tuple(found[each.key, outcome] for each in asked.times))
            for outcome, name in _OUTCOMES.items()
        ),
        x=asked.time_axis,
        y="Updates",
    )


def _failures_by_build(asked: Filters, failed: Sequence[Count], names: _Names) -> Chart:
    groups = _grouped(failed, lambda each: each.before)
    places = counts.in_order(groups)
    return Chart(
        key="failures-by-build",
        title="Failed updates by the build before",
        kind=Kind.BAR,
        categories=tuple(
            Label(names.of(each), _records(asked, groups[each])) for each in places
        ),
        series=(Series("Failed", tuple(_sum(groups[each]) for each in places)),),
        x="From",
        y="Failed updates",
    )


def _failures_by_result(asked: Filters) -> Chart:
    found = counts.results(asked.scope)
    return Chart(
        key="failures-by-result",
        title="Failed updates by result",
        kind=Kind.BAR,
        categories=tuple(
            Label(
                _NOT_SAID if each.code is None else str(each.code),
                asked.records(
                    classification=SWUPD, **(_sender(each.build) if each.build else {})
                ),
            )
            for each in found
        ),
        series=(Series("Failed", tuple(each.updates for each in found)),),
        x="Result",
        y="Failed updates",
        note="The updater's exit code.",
    )


def _grouped(
    found: Iterable[Count], key: Callable[[Count], Key]
) -> dict[Key, list[Count]]:
    groups: dict[Key, list[Count]] = {}
    for each in found:
        groups.setdefault(key(each), []).append(each)
    return groups


def _sum(found: Collection[Count]) -> int:
    return sum(each.updates for each in found)


def _targets(asked: Filters, found: Sequence[Count], names: _Names) -> Table:
    """How updates to each build went."""
    tried = [each for each in found if each.outcome is not Outcome.NONE]
    groups = _grouped(tried, lambda each: each.after)
    columns = ("Updated", "Failed", "Success %", "Mean seconds", "Mean MB")
    return Table(
        key="targets",
        title="Updates by the build after",
        columns=(Column("To"), *(Column(each, numeric=True) for each in columns)),
        rows=tuple(
            _target(asked, names.of(each), groups[each])
            for each in reversed(counts.in_order(groups))
        ),
        note="Durations and amounts are of successful updates.",
    )


def _target(asked: Filters, name: str, found: Sequence[Count]) -> tuple[Cell, ...]:
    updated, failed = _only(found, Outcome.UPDATED), _only(found, Outcome.FAILED)
    timed = sum(each.timed for each in updated)
    amount = sum(each.bytes for each in updated)
    return (
        Cell(name),
        Cell(_sum(updated), _records(asked, updated) if updated else ""),
        Cell(_sum(failed), _records(asked, failed) if failed else ""),
        Cell(_share(_sum(updated), _sum(found))),
        Cell(_mean_seconds(updated)),
        Cell(round(amount / timed / _MEGABYTE, 1) if amount and timed else None),
    )


def _latest(scope: Scope, names: _Names) -> Table:
    """The newest failures, each with its record and machine."""
    columns = ("Received (UTC)", "Machine", "From", "To", "Result")
    rows = []
    for event, build in counts.failures(scope, LATEST):
        record = f"/records/record_details/{event.record_id}"
        rows.append(
            (
                Cell(f"{event.received_at:%Y-%m-%d %H:%M:%S}", record),
                Cell(event.machine_id, addresses.machine(event.machine_id)),
                Cell(names.of(build._replace(version=event.from_version))),
                Cell(names.of(build._replace(version=event.to_version))),
                Cell(_NOT_SAID if event.result is None else str(event.result)),
            )
        )
    return Table(
        key="latest-failures",
        title=f"The {LATEST} latest failed updates",
        columns=tuple(map(Column, columns)),
        rows=tuple(rows),
    )


PLUGIN = Plugin(
    slug="updates",
    title="Updates",
    order=80,
    content=content,
    parsers=(PARSER,),
    readings=(READING,),
    days=7,
    about="Software updates that machines reported. One that found nothing newer is "
    "counted apart: it is neither a success nor a failure.",
    empty="No machine reported an update in this window: swupd reports to "
    "swupd-client/update, ACRN to swupdate.",
)
