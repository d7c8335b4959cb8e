"""Thermal: how often processors got too hot, by week, build and machine."""

from records import addresses
from views_plugins.charts import Chart, Content, Figure, Kind, Label, Series
from views_plugins.events import PER, TOP, Events, Top, only
from views_plugins.filters import Filters
from views_plugins.registry import Plugin
from views_plugins.thermal.counts import events_by, events_of, of_machines
from views_plugins.thermal.processing import PARSER
from views_plugins.thermal.reading import READING

ABOVE, OTHER = "above threshold", "below, or not said"


def content(asked: Filters) -> Content:
    events = Events(asked, "*/mce/thermal")
    days = events_by(asked.scope, "day")
    top = events.top(of_machines(asked.scope))
    above = {(day, ABOVE): n for (day,), n in days.above.items()}
    other = {(day, OTHER): n - days.above[day,] for (day,), n in days.events.items()}
    return Content(
        figures=(
            *events.figures(days.events.total(), top.total),
            Figure("Above threshold", days.above.total()),
        ),
        parts=(
            events.by_week(above | other, (ABOVE, OTHER)),
            events.by_build(only(events_by(asked.scope, "build_id").events, 0)),
            _machines(events, top),
        ),
        notes=(
            "Old clients send thermal events as mce/corrected: they are counted here, "
            "and not as machine checks.",
        ),
    )


def _machines(events: Events, top: Top) -> Chart:
    """The machines with most events first."""
    all_, above = events_of(events.asked.scope, top.machines)
    return Chart(
        key="machines",
        title="By machine",
        kind=Kind.STACKED,
        categories=tuple(Label(each, addresses.machine(each)) for each in top.machines),
        series=(
            Series(
                ABOVE,
                tuple(above[each,] for each in top.machines),
                tuple(events.records(machine_id=each) for each in top.machines),
            ),
            Series(OTHER, tuple(all_[each,] - above[each,] for each in top.machines)),
        ),
        x="Machine",
        y="Events",
        note=top.note,
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
