"""What a view shows, as values: figures, charts, tables (pure).

A view makes them, and everything else comes from them: the picture, the table under it,
the CSV file and the JSON twin.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

from records.visible import visible
from views_plugins import shapes

Number = int | float
Value = str | int | float | None
Link = Annotated[str, shapes.address]

_KEY = re.compile(r"[a-z][a-z0-9-]*")


class Kind(StrEnum):
    """How a chart is drawn. A heat chart is a table whose cells are shaded; a doughnut
    draws the first series, and its table has them all.
    """

    BAR = "bar"
    STACKED = "stacked"
    LINE = "line"
    AREA = "area"
    DOUGHNUT = "doughnut"
    HEAT = "heat"


OVER_TIME = {Kind.LINE, Kind.AREA}
MOST_SLICES = 9
MOST_SERIES = 8
"""A picture has colours for so many; what is beyond is summed up as `other`."""


@dataclass(frozen=True, slots=True)
class Label:
    """A name on an axis, and the address of what is behind it."""

    text: str
    link: Link = ""


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers, one for each category; ``links`` lead to what is behind each of them."""

    name: str
    values: tuple[Number | None, ...]
    links: tuple[Link, ...] = ()
    link: Link = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture and a table of the same numbers.

    ``x`` says what the categories are, ``y`` what the numbers are, in ``unit``. A
    picture of more than ``most`` categories shows the greatest and sums up the rest;
    the table has them all. ``sums`` adds totals to the table's ends.
    """

    key: str
    title: str
    kind: Kind
    categories: tuple[Label, ...]
    series: tuple[Series, ...]
    x: str = ""
    y: str = ""
    unit: str = ""
    note: str = ""
    most: int = 40
    sums: bool = False

    def __post_init__(self) -> None:
        _check_key(self.key)
        for each in self.series:
            if len(each.values) != len(self.categories):
                raise ValueError(f"{self.key}: a value for each category is needed")
            if each.links and len(each.links) != len(self.categories):
                raise ValueError(f"{self.key}: a link for each category is needed")

    @property
    def empty(self) -> bool:
        """Nothing but zeros."""
        return not any(value for each in self.series for value in each.values)

    @property
    def picture_id(self) -> str:
        """Where the page keeps what is drawn."""
        return f"{self.key}-data"

    def table(self, most: int | None = None) -> "Table":
        """The numbers of the chart: all of them, or of the first ``most`` categories.
        Its foot is of all.
        """
        columns = [Column(self.x), *(_column(each) for each in self.series)]
        rows = [
            (Cell(label.text, label.link), *(_cell(each, n) for each in self.series))
            for n, label in enumerate(self.categories[:most])
        ]
        if self.sums:
            columns.append(Column("Sum", numeric=True))
            rows = [(*row, Cell(self._across(n))) for n, row in enumerate(rows)]
        return Table(
            key=self.key,
            title=self.title,
            columns=tuple(columns),
            rows=tuple(rows),
            foot=self._foot() if self.sums and rows else (),
            heat=self.kind is Kind.HEAT,
        )

    def _across(self, n: int) -> Number:
        return _sum(each.values[n] for each in self.series)

    def _foot(self) -> tuple["Cell", ...]:
        sums = [_sum(each.values) for each in self.series]
        return (Cell("Sum"), *map(Cell, sums), Cell(_sum(sums)))

    def picture(self) -> dict[str, Any]:
        """What the browser draws: few enough categories and series to be seen."""
        shown, most = self, self.most
        if self.kind is Kind.DOUGHNUT:
            shown, most = replace(self, series=self.series[:1]), MOST_SLICES
        if self.kind not in OVER_TIME:
            shown = _fewer_categories(shown, most)
        shown = _fewer_series(shown)
        return {
            "kind": shown.kind.value,
            "title": visible(shown.title),
            "x": visible(shown.x),
            "y": visible(shown.y),
            "unit": visible(shown.unit),
            "labels": [visible(label.text) for label in shown.categories],
            "links": [label.link for label in shown.categories],
            "series": [
                {
                    "name": visible(each.name),
                    "values": each.values,
                    "links": each.links,
                }
                for each in shown.series
            ],
        }


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    numeric: bool = False
    link: Link = ""


@dataclass(frozen=True, slots=True)
class Cell:
    value: Value
    link: Link = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; ``foot`` is a last row of sums, ``heat`` shades the numbers."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    foot: tuple[Cell, ...] = ()
    heat: bool = False

    def __post_init__(self) -> None:
        _check_key(self.key)
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.key}: a cell for each column is needed")

    @property
    def greatest(self) -> Number:
        """The greatest number, sums apart: what the shade of a cell is measured by."""
        end = -1 if self.heat and self.foot else None
        return max((n for row in self.rows for n in _numbers(row[:end])), default=0)

    def lines(self) -> list[tuple[Value, ...]]:
        """Head, rows and foot, as a file has them."""
        head = tuple(column.title for column in self.columns)
        body = (*self.rows, self.foot) if self.foot else self.rows
        return [head, *(tuple(cell.value for cell in row) for row in body)]


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that stands for itself; ``low`` and ``high`` are its interval."""

    label: str
    value: Value
    unit: str = ""
    note: str = ""
    low: Number | None = None
    high: Number | None = None
    link: Link = ""


Part = Chart | Table


@dataclass(frozen=True, slots=True)
class Content:
    """What a view shows, in this order: figures, notes, charts and tables."""

    figures: tuple[Figure, ...] = ()
    parts: tuple[Part, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        keys = [part.key for part in self.parts]
        if len(set(keys)) != len(keys):
            raise ValueError(f"Two parts have the same key: {sorted(keys)}")

    @property
    def empty(self) -> bool:
        """No part has anything to show."""
        return all(
            part.empty if isinstance(part, Chart) else not part.rows
            for part in self.parts
        )

    def part(self, key: str) -> Part | None:
        return next((part for part in self.parts if part.key == key), None)

    def as_data(self) -> dict[str, Any]:
        """The JSON twin."""
        return {
            "figures": [asdict(each) for each in self.figures],
            "notes": list(self.notes),
            "charts": [asdict(each) for each in self.parts if isinstance(each, Chart)],
            "tables": [asdict(each) for each in self.parts if isinstance(each, Table)],
        }


def _check_key(key: str) -> None:
    if not _KEY.fullmatch(key):
        raise ValueError(f"Not a key of lower-case letters, digits and '-': {key!r}")


# --- Tables -------------------------------------------------------------------------


def _column(series: Series) -> Column:
    return Column(series.name, numeric=True, link=series.link)


def _cell(series: Series, n: int) -> Cell:
    return Cell(series.values[n], series.links[n] if series.links else "")


def _numbers(row: Iterable[Cell]) -> list[Number]:
    return [each.value for each in row if isinstance(each.value, int | float)]


def _sum(values: Iterable[Number | None]) -> Number:
    return sum(filter(None, values))


# --- Fewer of what a picture cannot show --------------------------------------------


def _fewer_categories(chart: Chart, most: int) -> Chart:
    """The greatest categories in their order, and one that sums up the others."""
    count = len(chart.categories)
    if count <= most:
        return chart
    totals = [chart._across(n) for n in range(count)]
    ranked = sorted(range(count), key=lambda n: (-totals[n], n))
    kept, rest = sorted(ranked[: most - 1]), ranked[most - 1 :]
    other = Label(f"other ({len(rest):,})")
    return replace(
        chart,
        categories=(*(chart.categories[n] for n in kept), other),
        series=tuple(_only(each, kept, rest) for each in chart.series),
    )


def _only(series: Series, kept: Sequence[int], rest: Sequence[int]) -> Series:
    values = (
        *(series.values[n] for n in kept),
        _sum(series.values[n] for n in rest),
    )
    links = (*(series.links[n] for n in kept), "") if series.links else ()
    return replace(series, values=values, links=links)


def _fewer_series(chart: Chart) -> Chart:
    """The greatest series in their order, and one that sums up the others."""
    if len(chart.series) <= MOST_SERIES or chart.kind is Kind.HEAT:
        return chart
    totals = [_sum(each.values) for each in chart.series]
    ranked = sorted(range(len(totals)), key=lambda n: (-totals[n], n))
    kept, rest = sorted(ranked[: MOST_SERIES - 1]), ranked[MOST_SERIES - 1 :]
    values = zip(*(chart.series[n].values for n in rest), strict=True)
    other = Series(f"other ({len(rest):,})", tuple(map(_sum, values)))
    return replace(chart, series=(*(chart.series[n] for n in kept), other))
