"""Colours and widths of views."""

import pytest

from views_plugins.charts import Cell, Chart, Column, Kind, Label, Series, Table
from views_plugins.templatetags import views


def chart(kind: Kind, categories: int = 3, series: int = 1, **more) -> Chart:
    names = [Label(f"c{n}", f"/records?n={n}") for n in range(categories)]
    values = tuple(n + 1 for n in range(categories))
    lines = [Series(f"s{n}", values) for n in range(series)]
    return Chart("key", "Title", kind, tuple(names), tuple(lines), **more)


def table(columns: int, *rows: tuple[Cell, ...], **more) -> Table:
    return Table("key", "Title", (Column("Name"),) * columns, rows, **more)


@pytest.mark.parametrize(
    ("name", "place", "colour"),
    [
        ("a", 0, "1"),
        ("a", 8, "9"),
        ("a", 9, "1"),
        ("other (1,234)", 0, "other"),
        ("other (x)", 1, "2"),
        ("another (3)", 1, "2"),
    ],
)
def test_what_is_summed_up_is_grey_and_others_have_colours(name, place, colour):
    assert views.swatch(name, place) == colour


@pytest.mark.parametrize(
    ("part", "narrow"),
    [
        (chart(Kind.DOUGHNUT, 30, 2), True),
        (chart(Kind.BAR, 8), True),
        (chart(Kind.STACKED, 8, 3), True),
        (chart(Kind.BAR, 9), False),
        (chart(Kind.LINE, 3), False),
        (chart(Kind.HEAT, 3), False),
        (table(3), True),
        (table(4), False),
    ],
)
def test_half_a_page_is_wide_enough_for_few_things(part, narrow):
    assert views.is_narrow(part) is narrow


@pytest.mark.parametrize(
    ("kind", "series", "named"),
    [(Kind.BAR, 1, False), (Kind.BAR, 2, True), (Kind.DOUGHNUT, 2, False)],
)
def test_colours_are_named_where_there_are_several(kind, series, named):
    assert views.has_legend(chart(kind, series=series)) is named


@pytest.mark.parametrize(
    ("part", "drawn"),
    [
        (chart(Kind.BAR), True),
        (chart(Kind.BAR, 0), False),
        (chart(Kind.HEAT), False),
        (table(2), False),
    ],
)
def test_a_picture_needs_something_to_draw(part, drawn):
    assert views.is_picture(part) is drawn
