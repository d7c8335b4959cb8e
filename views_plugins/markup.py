"""Numbers and tables as HTML (pure).

Rows are written here and not by a template, which takes ten times as long a cell.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from html import escape
from itertools import chain

from django.utils.safestring import SafeString, mark_safe

from records.visible import visible
from views_plugins.charts import Cell, Chart, Number, Part, Table, Value

MOST_CELLS = 3_000
"""So many cells of a table are in a page; its file has them all."""
FEWEST_ROWS = 50
SHADES = 8
_LARGE = 100

Row = tuple[Cell, ...]


def number(value: Value) -> str:
    """A number with its thousands, and as many decimals as its size deserves; a text
    so that it is seen.
    """
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, str):
        return visible(value) if value.strip() else "(none)"
    if isinstance(value, int) or abs(value) >= _LARGE:
        return f"{round(value):,}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.3g}"


def table(part: Part) -> Table:
    """The table of a part, with as many rows as a page has room for."""
    if isinstance(part, Chart):
        return part.table(_room(len(part.series)))
    return replace(part, rows=part.rows[: _room(len(part.columns))])


def rows(part: Part) -> int:
    """How many rows the table of a part has in full."""
    return len(part.categories if isinstance(part, Chart) else part.rows)


def _room(columns: int) -> int:
    return max(FEWEST_ROWS, MOST_CELLS // max(1, columns))


def body(table: Table) -> SafeString:
    """The rows of a table."""
    write = _shaded(table) if table.heat else _plain
    return mark_safe("\n".join(map(write, table.rows)))  # noqa: S308 - escaped below


def shade(value: Value, greatest: Number) -> int:
    """How dark a cell is, from 0 to `SHADES`; by the logarithm, so that small ones
    show.
    """
    if not isinstance(value, int | float) or value <= 0 or greatest <= 0:
        return 0
    return max(1, round(SHADES * math.log1p(value) / math.log1p(greatest)))


def _plain(row: Row) -> str:
    return f"<tr>{_head(row[0])}{''.join(map(_cell, row[1:]))}</tr>"


def _shaded(table: Table) -> Callable[[Row], str]:
    """Writes rows of numbers; a sum at the end has no shade."""
    greatest, end = table.greatest, len(table.columns) - bool(table.foot)

    def write(row: Row) -> str:
        shades = (f" shade-{shade(cell.value, greatest)}" for cell in row[1:end])
        cells = chain(map(_cell, row[1:end], shades), map(_cell, row[end:]))
        return f"<tr>{_head(row[0])}{''.join(cells)}</tr>"

    return write


def _head(cell: Cell) -> str:
    return f'<th scope="row" class="hostile">{_told(cell)}</th>'


def _cell(cell: Cell, shading: str = "") -> str:
    value = cell.value
    if isinstance(value, int | float):
        return f'<td class="n{shading}" data-value="{value}">{_told(cell)}</td>'
    kind = "n" if value is None else "hostile"
    return f'<td class="{kind}{shading}">{_told(cell)}</td>'


def _told(cell: Cell) -> str:
    text = escape(number(cell.value))
    return f'<a href="{escape(cell.link)}">{text}</a>' if cell.link else text
