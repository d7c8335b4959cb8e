"""How numbers, charts and tables look in templates."""

import re

from django import template

from views_plugins import markup
from views_plugins.charts import Chart, Kind, Part, Table

register = template.Library()

_COLOURS = 9
_OTHER = re.compile(r"other \([\d,]+\)")
_FEW_BARS = 8
_FEW_COLUMNS = 4


register.filter("number", markup.number)
register.filter("table", markup.table)
register.filter("rows", markup.rows)
register.filter("body", markup.body)


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
