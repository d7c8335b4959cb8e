"""What a view shows, to be compared with the records that were sent."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from django.http import QueryDict
from hypothesis import strategies as st

from records import patterns
from records.digest import digest_batch
from records.spans import fold
from records.store import insert_records
from records.submission import Submission
from tests.records.strategies import START
from views_plugins import filters
from views_plugins.charts import Chart, Content
from views_plugins.filters import Filters
from views_plugins.registry import Plugin

FIRST = START.date()
Sent = list[tuple[datetime, Submission]]


LENGTHS = st.sampled_from([0, 1, 2, 3, 100]).map(lambda n: timedelta(days=n))
"""Some are told by days, and one by weeks."""


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """Filters of a view over the days of `tests.records.strategies.received`."""
    start = FIRST + timedelta(days=draw(st.integers(-1, 2)))
    asked = {"start": start, "end": start + draw(LENGTHS)}
    system = draw(st.sampled_from(["", "fedora", "clear-linux-os"]))
    external = draw(st.sampled_from(["", "true", "false"]))
    if system:
        asked["system_name"] = system
    if external:
        asked["external"] = external
    asked["classification"] = draw(st.sampled_from(["*", "a/b/c", "org.clearlinux/*"]))
    return asked


def of_all_classifications(asked: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in asked.items() if name != "classification"}


def store(sent: Sent) -> None:
    """Some of it before days are summed up, some after."""
    for some in (sent[::2], sent[1::2]):
        insert_records(some)
        digest_batch(1000)
        fold(START + timedelta(days=3), most=3)


def parsed(plugin: Plugin, asked: dict[str, Any]) -> Filters:
    query = QueryDict(mutable=True)
    query.update({name: str(value) for name, value in asked.items()})
    return filters.parse(plugin, query, today=date(2026, 3, 1))


def time_of(asked: Filters, day: date) -> str:
    """The name of a day, or of its week, in a chart over time."""
    (found,) = (each for each in asked.times if each.first <= day <= each.last)
    return found.text


def show(plugin: Plugin, asked: dict[str, Any], **more: str) -> Content:
    assert plugin.content is not None
    shown = plugin.content(parsed(plugin, {**asked, **more}))
    assert isinstance(shown, Content)
    return shown


def meant(sent: Sent, asked: dict[str, Any]) -> Sent:
    """The records that a question is about."""
    return [
        (moment, each)
        for moment, each in sent
        if asked["start"] <= moment.date() <= asked["end"]
        and asked.get("system_name", each.system_name) == each.system_name
        and asked.get("external", str(each.external).lower())
        == str(each.external).lower()
        and patterns.matches(asked.get("classification", "*"), each.classification)
    ]


def rows(content: Content, key: str) -> list[tuple[Any, ...]]:
    """The table of a chart, without its head."""
    part = content.part(key)
    assert isinstance(part, Chart)
    return part.table().lines()[1:]


def numbers(content: Content) -> dict[str, Any]:
    return {figure.label: figure.value for figure in content.figures}


def links(content: Content, key: str) -> Iterable[str]:
    part = content.part(key)
    assert isinstance(part, Chart)
    return [label.link for label in part.categories]
