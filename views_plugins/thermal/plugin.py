"""Thermal: how often processors got too hot, by week, build and machine."""

from records import addresses
from views_plugins.charts import Chart, Content, Figure, Kind, Label, Series
from views_plugins.events import PER, TOP, Events, only
from views_plugins.filters import Filters
from views_plugins.registry import Plugin
from views_plugins.thermal.counts import Counts, events_by
from views_plugins.thermal.processing import PARSER
from views_plugins.thermal.reading import READING

ABOVE, OTHER = "above threshold", "below, or not said"


def content(asked: Filters) -> Content:
    events = Events(asked, "*/mce/thermal")
    days = events_by(asked.scope, "day")
    machines = events_by(asked.scope, "machine_id", "build_id")
    above = {(day, ABOVE): n for (day,), n in days.above.items()}
    other = {(day, OTHER): n - days.above[day,] for (day,), n in days.events.items()}
    return Content(
        figures=(
            *events.figures(days.events.total(), len(only(machines.events, 0))),
            Figure("Above threshold", days.above.total()),
        ),
        parts=(
            events.by_week(above | other, (ABOVE, OTHER)),
            events.by_build(only(machines.events, 1)),
            _machines(events, machines),
        ),
        notes=(
            "Old clients send thermal events as mce/corrected: they are counted here, "
            "and not as machine checks.",
        ),
    )


def _machines(events: Events, counts: Counts) -> Chart:
    """The machines with most events first."""
    totals, above = only(counts.events, 0), only(counts.above, 0)
    machines = events.top(totals)
    return Chart(
        key="machines",
        title="By machine",
        kind=Kind.STACKED,
        categories=tuple(Label(each, addresses.machine(each)) for each in machines),
        series=(
            Series(
                ABOVE,
                tuple(above[each] for each in machines),
                tuple(events.records(machine_id=each) for each in machines),
            ),
            Series(OTHER, tuple(totals[each] - above[each] for each in machines)),
        ),
        x="Machine",
        y="Events",
        note=f"{len(machines):,} of {len(totals):,} machines.",
        sums=True,
    )


PLUGIN = Plugin(
    slug="thermal",
    title="Thermal",
    order=70,
    content=content,
    options=(PER, TOP),
    days=28,
    about="How often processors got too hot and were slowed down.",
    empty="No thermal event was received in this window. Clients with mcelog send them "
    "as org.clearlinux/mce/thermal.",
    parsers=(PARSER,),
    readings=(READING,),
)
