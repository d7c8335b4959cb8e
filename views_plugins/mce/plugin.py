"""MCE: machine checks by week, build, kind and machine."""

from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import repeat

from django.db.models import Sum
from django.urls import reverse

from records import addresses, stats
from records.labels import BuildLabel
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
from views_plugins.events import PER, TOP, Events, Top, only, ranked
from views_plugins.filters import Filters
from views_plugins.mce.condition import CONDITION
from views_plugins.mce.counts import events_by, latest, of_machines
from views_plugins.mce.models import MceEvent
from views_plugins.mce.processing import CLASSIFICATIONS, PARSER
from views_plugins.mce.reading import READING
from views_plugins.registry import Plugin

LATEST = 20
NOT_SAID = "(not said)"
KNOWN = ("corrected", "UCNA", "SRAO", "SRAR", "AR")
"""Classes from harmless to worst; others follow by name."""

_COLUMNS = (
    *(Column(name) for name in ("Received (UTC)", "Machine", "Build", "Class")),
    *(Column(name) for name in ("Error", "Status", "Address")),
    *(Column(name, numeric=True) for name in ("CPU", "Bank", "Socket", "Channel")),
)


def content(asked: Filters) -> Content:
    events = Events(asked, CLASSIFICATIONS[0])
    classes = events_by(asked.scope, "event_class", "uncorrected")
    top = events.top(of_machines(asked.scope))
    uncorrected = sum(n for (_, bad), n in classes.items() if bad)
    names = sorted(only(classes, 0), key=_order)
    return Content(
        figures=(
            *events.figures(classes.total(), top.total),
            Figure("Uncorrected", uncorrected),
        ),
        parts=(
            events.by_week(events_by(asked.scope, "week", "event_class"), names),
            _bars("status", "STATUS word", _by(asked, "status_word")),
            events.by_build(only(events_by(asked.scope, "build_id"), 0)),
            _bars("classes", "class", only(classes, 0), _of_class(events)),
            _bars("errors", "error code", _by(asked, "error_class")),
            _bars("places", "socket and channel", _by(asked, "place")),
            _machines(events, top),
            _latest(events),
        ),
    )


def _by(asked: Filters, column: str) -> Counter[str]:
    return only(events_by(asked.scope, column), 0)


def _order(name: str) -> tuple[int, str]:
    return KNOWN.index(name) if name in KNOWN else len(KNOWN), name


def _of_class(events: Events) -> Callable[[str], str]:
    return lambda name: events.records(classification=f"*/mce/{name}")


def _bars(
    key: str,
    what: str,
    counts: Counter[str],
    link: Callable[[str], str] = lambda _: "",
) -> Chart:
    """Events by a name, the most frequent first."""
    names = ranked(counts)
    return Chart(
        key=key,
        title=f"By {what}",
        kind=Kind.BAR,
        categories=tuple(Label(name or NOT_SAID, link(name)) for name in names),
        series=(Series("Events", tuple(counts[name] for name in names)),),
        x=what[0].upper() + what[1:],
        y="Events",
    )


def _machines(events: Events, top: Top) -> Chart:
    """Machine by build, the machines with most events first."""
    rows = of_machines(events.asked.scope).filter(machine_id__in=top.machines)
    counts: defaultdict[int, dict[str, int]] = defaultdict(dict)
    sums = rows.values_list("build_id", "machine_id").annotate(n=Sum("events"))
    for build, machine, n in sums.order_by():
        counts[build][machine] = n
    labels = stats.build_labels(counts)

    def series(build: int) -> Series:
        found, label = counts[build], labels[build]
        links = {
            machine: events.build(label, machine_id=machine).link for machine in found
        }
        named = events.build(label)
        return Series(
            named.text,
            tuple(map(found.get, top.machines, repeat(0))),
            tuple(map(links.get, top.machines, repeat(""))),
            named.link,
        )

    return Chart(
        key="machines",
        title="Machines by build",
        kind=Kind.HEAT,
        categories=tuple(Label(each, addresses.machine(each)) for each in top.machines),
        series=tuple(map(series, stats.in_version_order(counts))),
        x="Machine",
        y="Events",
        note=top.note,
        sums=True,
    )


def _latest(events: Events) -> Table:
    found = latest(events.asked.scope, LATEST)
    labels = stats.build_labels({each.build_id for each in found})
    return Table(
        key="latest",
        title="Latest events",
        columns=_COLUMNS,
        rows=tuple(_row(events, each, labels[each.build_id]) for each in found),
    )


def _row(events: Events, event: MceEvent, label: BuildLabel) -> tuple[Cell, ...]:
    build = events.build(label)
    return (
        Cell(
            f"{event.received_at:%Y-%m-%d %H:%M:%S}",
            reverse("record", args=[event.record_id]),
        ),
        Cell(event.machine_id, addresses.machine(event.machine_id)),
        Cell(build.text, build.link),
        Cell(event.event_class),
        Cell(event.error_class),
        Cell(event.status or None),
        Cell(event.addr or None),
        *map(Cell, (event.cpu, event.bank, event.socket, event.channel)),
    )


PLUGIN = Plugin(
    slug="mce",
    title="MCE",
    order=60,
    content=content,
    options=(PER, TOP),
    days=28,
    about="Machine checks: errors that processors found in themselves and in memory.",
    empty="No machine check was received in this window. Clients with mcelog send them "
    "as org.clearlinux/mce/corrected, …/SRAO, …/SRAR and …/UCNA.",
    parsers=(PARSER,),
    readings=(READING,),
    conditions=(CONDITION,),
)
