"""The history of a machine id as a chart and tables, each leading to what is behind."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from urllib.parse import urlencode

from django.urls import reverse

from records import addresses
from views_plugins.charts import (
    Cell,
    Chart,
    Column,
    Kind,
    Label,
    Part,
    Series,
    Table,
    Value,
)
from views_plugins.machines.history import History

CHARTED = 90
"""Days that the chart has."""

_SEVERITIES = {1: "1 low", 2: "2 medium", 3: "3 high", 4: "4 critical"}

Row = tuple[Cell, ...]


def parts(history: History) -> list[Part]:
    """Everything that there is to show of a machine id."""
    every: tuple[Chart | Table, ...] = (
        days(history),
        _builds(history),
        _classifications(history),
        _severities(history),
        _guilties(history),
        _platforms(history),
    )
    return [part for part in every if not _empty(part)]


def _empty(part: Part) -> bool:
    return part.empty if isinstance(part, Chart) else not part.rows


def days(history: History) -> Chart:
    """Heartbeats and other records of each day, up to the last one."""
    records: Counter[date] = Counter()
    heartbeats: Counter[date] = Counter()
    for each in history.days:
        records[each.day] += each.records
        heartbeats[each.day] += each.heartbeats
    shown = _span(history)
    return Chart(
        key="days",
        title="Records by day",
        kind=Kind.STACKED,
        categories=tuple(Label(day.isoformat(), _of(history, day)) for day in shown),
        series=(
            Series("heartbeats", tuple(heartbeats[day] for day in shown)),
            Series("others", tuple(records[day] - heartbeats[day] for day in shown)),
        ),
        x="Day (UTC)",
        y="Records",
        note=f"Its last {CHARTED} days." if len(shown) == CHARTED else "",
        most=CHARTED,
    )


def _span(history: History) -> list[date]:
    first, last = history.first, history.last
    if first is None or last is None:
        return []
    count = min((last - first).days + 1, CHARTED)
    return [last - timedelta(days=n) for n in range(count - 1, -1, -1)]


def _of(history: History, day: date) -> str:
    end = day + timedelta(days=1)
    return _records(history, received_after=day, received_before=end)


def _records(history: History, **more: object) -> str:
    """The id's records with these parameters of `/records`."""
    address = addresses.machine_records(history.machine_id)
    return f"{address}&{urlencode(more)}"


def _table(
    key: str, title: str, columns: str, rows: Iterable[Row], note: str = ""
) -> Table:
    """``columns`` are separated by `|`; numbers stand in those that end with `#`."""
    heads = tuple(
        Column(each.removesuffix("#"), numeric=each.endswith("#"))
        for each in columns.split("|")
    )
    return Table(key, title, heads, tuple(rows), note=note)


def _cells(*values: Value) -> Row:
    return tuple(map(Cell, values))


def _read(history: History) -> str:
    """How many records a table is of, when it is not of all."""
    sent = history.sent
    return f"Of its newest {len(sent.ids):,} records." if sent.cut else ""


def _builds(history: History) -> Table:
    rows = (
        (
            Cell(
                f"{each.label.system_name} {each.label.version}",
                _records(
                    history,
                    system_name=each.label.system_name,
                    build=each.label.version,
                ),
            ),
            *_cells(each.first.isoformat(), each.last.isoformat()),
            *_cells(each.records, each.heartbeats),
        )
        for each in history.builds
    )
    columns = "Build|First day|Last day|Records#|Heartbeats#"
    return _table("builds", "Builds", columns, rows)


def _classifications(history: History) -> Table:
    rows = (
        (Cell(name, _records(history, classification=name)), Cell(n))
        for name, n in history.sent.classifications.items()
    )
    columns = "Classification|Records#"
    return _table("sent", "What it sent", columns, rows, _read(history))


def _severities(history: History) -> Table:
    rows = (
        (Cell(_SEVERITIES[each], _records(history, severity=each)), Cell(n))
        for each, n in history.sent.severities.items()
    )
    columns = "Severity|Records#"
    return _table("severities", "By severity", columns, rows, _read(history))


def _guilties(history: History) -> Table:
    query = urlencode({"machine_id": history.machine_id})
    rows = (
        (
            Cell(each.function, reverse("guilty", args=[each.guilty])),
            Cell(each.module),
            Cell(
                each.crashes,
                f"{reverse('guilty-backtraces', args=[each.guilty])}?{query}",
            ),
            Cell(str(each.last_record), reverse("record", args=[each.last_record])),
        )
        for each in history.guilties
    )
    columns = "Function|Module|Crashes#|Last record"
    title = "Guilty of its crashes"
    return _table("guilties", title, columns, rows, _read(history))


def _platforms(history: History) -> Table:
    rows = (
        (
            *_cells(each.hardware.host_type, each.hardware.board_name),
            *_cells(each.hardware.cpu_model, each.hardware.bios_version),
            *_cells(f"{each.kernel} {each.hardware.arch}"),
            *_cells(f"{each.first:%Y-%m-%d}", f"{each.last:%Y-%m-%d}", each.records),
        )
        for each in history.sent.platforms
    )
    columns = "Host type|Board|CPU|BIOS|Kernel|First|Last|Records#"
    title = "Hardware and kernels"
    return _table("platforms", title, columns, rows, _read(history))
