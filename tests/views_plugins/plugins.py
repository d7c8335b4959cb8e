"""Views for tests of the core."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from views_plugins import registry
from views_plugins.charts import Chart, Content, Figure, Kind, Label, Series
from views_plugins.filters import Filters
from views_plugins.registry import Option, Plugin

PER = Option("per", "Count", {"records": "records", "day": "per day"})


def chart(*values: float | None, **changes: Any) -> Chart:
    """A chart of one series with these values."""
    given = {
        "key": "numbers",
        "title": "Numbers",
        "kind": Kind.BAR,
        "categories": tuple(Label(f"c{n}") for n in range(len(values))),
        "series": (Series("n", values),),
    }
    return Chart(**{**given, **changes})


def content(asked: Filters) -> Content:
    return Content((Figure("Sum", 3),), (chart(1, 2),))


def plugin(
    slug: str = "probe",
    shown: Callable[[Filters], Any] | None = content,
    **changes: Any,
) -> Plugin:
    return Plugin(**{"slug": slug, "title": "Probe", "content": shown, **changes})


@contextmanager
def registered(each: Plugin, app: str = "probes") -> Iterator[Plugin]:
    registry.register(each, app)
    try:
        yield each
    finally:
        registry.unregister(each.slug)
