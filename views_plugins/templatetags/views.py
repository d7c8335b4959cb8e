"""How numbers, charts and tables look in templates."""

import math

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma

from records.visible import visible
from views_plugins.charts import Cell, Chart, Part, Table, Value

register = template.Library()

_SHADES = 8
_LARGE = 100


@register.filter
def number(value: Value) -> str:
    """A number with its thousands, and as many decimals as its size deserves."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, str):
        return visible(value)
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
    return isinstance(part, Chart) and part.kind.value != "heat" and not part.empty


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
