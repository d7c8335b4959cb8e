"""The page of top crashes: which rows, columns and charts a question gives."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from crashes import stats
from crashes.stats import TopCrash
from records.labels import BuildLabel
from records.labels import builds as build_labels
from records.scope import Scope

COLUMNS = 5
"""So many of the newest builds are columns."""

CHARTED = 12
"""So many of the newest builds are bars of the chart."""


class Bar(NamedTuple):
    """A line of a chart; ``build`` where it is one."""

    label: str
    crashes: int
    build: BuildLabel | None = None


@dataclass(frozen=True)
class Line:
    crash: TopCrash
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Board:
    """``systems`` have crashes in the window; ``charted`` is the one with columns."""

    lines: Sequence[Line] = ()
    more: bool = False
    columns: Sequence[BuildLabel] = ()
    charted: str = ""
    systems: Sequence[str] = ()
    by_build: Sequence[Bar] = ()
    builds: int = 0
    by_classification: Sequence[Bar] = ()
    total: int = 0

    # What bars are measured by.

    @property
    def most(self) -> int:
        return max((line.crash.crashes for line in self.lines), default=0)

    @property
    def most_in_cell(self) -> int:
        return max((n for line in self.lines for n in line.cells), default=0)

    @property
    def most_in_build(self) -> int:
        return max((bar.crashes for bar in self.by_build), default=0)


def board(scope: Scope, *, shown: int, hidden: bool, columns: bool = True) -> Board:
    """Top crashes of a scope; columns are builds of one system."""
    counts = dict(stats.by_build(scope))
    labels = build_labels.of(counts)
    everywhere = replace(scope, system_name="", version="")
    all_counts = counts if everywhere == scope else dict(stats.by_build(everywhere))
    charted = scope.system_name or _greatest(counts, labels)
    newest = [each for each in reversed(counts) if labels[each].system_name == charted]
    chosen = newest[:COLUMNS] if columns else []
    found = stats.top(scope, limit=shown + 1, hidden=hidden, builds=chosen)
    lines = [
        Line(crash, tuple(crash.builds.get(each, 0) for each in chosen))
        for crash in found[:shown]
    ]
    return Board(
        lines=lines,
        more=len(found) > shown,
        columns=[labels[each] for each in chosen],
        charted=charted,
        systems=_systems(all_counts),
        by_build=[
            Bar(labels[each].version, counts[each], labels[each])
            for each in newest[:CHARTED]
        ],
        builds=len(newest),
        by_classification=[Bar(*each) for each in stats.by_classification(scope)],
        total=sum(counts.values()),
    )


def _systems(builds: Collection[int]) -> list[str]:
    labels = build_labels.of(builds)
    return sorted({labels[each].system_name for each in builds})


def _greatest(counts: Mapping[int, int], labels: Mapping[int, BuildLabel]) -> str:
    """The operating system with most crashes."""
    systems: Counter[str] = Counter()
    for build, crashes in counts.items():
        systems[labels[build].system_name] += crashes
    return max(systems, key=lambda name: (systems[name], name), default="")
