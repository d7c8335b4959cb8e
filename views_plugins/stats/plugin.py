"""Stats: what was received, by classification, platform, severity and system."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from records import stats
from views_plugins.charts import Chart, Content, Figure, Kind, Label, Series
from views_plugins.filters import Filters
from views_plugins.registry import Plugin

SEVERITIES = {1: "1 low", 2: "2 medium", 3: "3 high", 4: "4 critical"}
SOURCES = {False: "internal", True: "external"}
UNCOUNTED = "Of all classifications: platforms are not counted by classification."

Link = Callable[[Any], str]


def content(asked: Filters) -> Content:
    counts = stats.records_by(asked.scope, "classification", "severity", "external")
    classes, severities, sources = (_only(counts, n) for n in range(3))
    systems = _only(stats.records_by(asked.scope, "system_name"), 0)
    return Content(
        figures=(
            Figure("Records", counts.total(), link=asked.records()),
            Figure("Classifications", len(classes)),
            Figure("Operating systems", len(systems)),
        ),
        parts=(
            _shares(
                "classifications",
                "Classification",
                classes,
                lambda name: asked.records(classification=name),
            ),
            _shares(
                "platforms",
                "Platform",
                stats.hardware(asked.scope),
                lambda name: asked.records(machine_type=name),
                note=UNCOUNTED if asked.scope.classification else "",
            ),
            _severities(asked, severities),
            _shares(
                "systems",
                "Operating system",
                systems,
                lambda name: asked.records(system_name=name),
            ),
            _shares(
                "sources",
                "Source",
                sources,
                lambda external: asked.records(external=external),
                names=SOURCES,
            ),
        ),
    )


def _only(counts: Counter[stats.Row], place: int) -> Counter[Any]:
    found: Counter[Any] = Counter()
    for key, n in counts.items():
        found[key[place]] += n
    return found


def _shares(
    key: str,
    what: str,
    counts: Counter[Any],
    link: Link,
    *,
    names: Mapping[Any, str] | None = None,
    note: str = "",
) -> Chart:
    """A doughnut, the greatest first."""
    ranked = sorted(counts.items(), key=lambda each: (-each[1], str(each[0])))
    total = counts.total()
    return Chart(
        key=key,
        title=f"By {what.lower()}",
        kind=Kind.DOUGHNUT,
        categories=tuple(
            Label(names[each] if names else str(each), link(each)) for each, _ in ranked
        ),
        series=(
            Series("Records", tuple(n for _, n in ranked)),
            Series("%", tuple(round(100 * n / total, 1) for _, n in ranked)),
        ),
        x=what,
        y="Records",
        note=note,
    )


def _severities(asked: Filters, counts: Counter[int]) -> Chart:
    return Chart(
        key="severities",
        title="By severity",
        kind=Kind.BAR,
        categories=tuple(
            Label(name, asked.records(severity=severity))
            for severity, name in SEVERITIES.items()
        ),
        series=(Series("Records", tuple(counts[each] for each in SEVERITIES)),),
        x="Severity",
        y="Records",
    )


PLUGIN = Plugin(
    slug="stats",
    title="Stats",
    order=40,
    content=content,
    by_classification=True,
    days=28,
    about="What was received: shares of classifications, platforms and systems.",
)
