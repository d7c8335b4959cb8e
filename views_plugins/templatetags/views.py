"""How numbers, charts and tables look in templates."""

import math
import re

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

from records.visible import visible
from views_plugins.charts import Cell, Chart, Kind, Part, Table, Value

register = template.Library()

_SHADES = 8
_LARGE = 100
_COLOURS = 9
_OTHER = re.compile(r"other \([\d,]+\)")
_FEW_BARS = 8
_FEW_COLUMNS = 4


@register.filter
def number(value: Value) -> str:
    """A number with its thousands, and as many decimals as its size deserves; a text
    so that it is seen.
    """
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, str):
        return visible(value) if value.strip() else "(none)"
    if isinstance(value, int) or abs(value) >= _LARGE:
        return intcomma(round(value))
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.3g}"


@register.filter
def is_number(value: Value) -> bool:
    return isinstance(value, int | float)


@register.filter
def is_chart(part: Part) -> bool:
    return isinstance(part, Chart)


@register.filter
def is_picture(part: Part) -> bool:
    """Whether there is something for the browser to draw."""
    return isinstance(part, Chart) and part.kind is not Kind.HEAT and not part.empty


@register.filter
def is_ring(part: Part) -> bool:
    return isinstance(part, Chart) and part.kind is Kind.DOUGHNUT


@register.filter
def has_legend(chart: Chart) -> bool:
    """Whether its colours need names; those of a ring are named by its table."""
    return chart.kind is not Kind.DOUGHNUT and len(chart.series) > 1


@register.filter
def swatch(name: str, place: int) -> str:
    """The colour of a series, as static/js/charts.js draws it."""
    return "other" if _OTHER.fullmatch(name) else str(place % _COLOURS + 1)


@register.filter
def has_few_columns(chart: Chart) -> bool:
    """Whether its table finds room beside the picture."""
    return len(chart.series) < _FEW_COLUMNS


@register.filter
def is_narrow(part: Part) -> bool:
    """Whether half a page is wide enough."""
    if isinstance(part, Table):
        return len(part.columns) < _FEW_COLUMNS
    few = part.kind in (Kind.BAR, Kind.STACKED) and len(part.categories) <= _FEW_BARS
    return part.kind is Kind.DOUGHNUT or few


@register.filter
def table(part: Part) -> Table:
    return part.table() if isinstance(part, Chart) else part


@register.filter
def shade(cell: Cell, greatest: float) -> int:
    """How dark a cell is, from 0 to 8; by the logarithm, so that small ones show."""
    value = cell.value
    if not isinstance(value, int | float) or value <= 0 or greatest <= 0:
        return 0
    return max(1, round(_SHADES * math.log1p(value) / math.log1p(greatest)))
