"""How numbers, shades, colours and widths of views are told."""

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from views_plugins.charts import Cell, Chart, Column, Kind, Label, Series, Table
from views_plugins.templatetags import views

HOSTILE = "<b onclick='x'>\u202egnp\x00"
SEEN = "&lt;b onclick=&#x27;x&#x27;&gt;\u27e8U+202E\u27e9gnp\u27e8NUL\u27e9"


def chart(kind: Kind, categories: int = 3, series: int = 1, **more) -> Chart:
    names = [Label(f"c{n}", f"/records?n={n}") for n in range(categories)]
    values = tuple(n + 1 for n in range(categories))
    lines = [Series(f"s{n}", values) for n in range(series)]
    return Chart("key", "Title", kind, tuple(names), tuple(lines), **more)


def table(columns: int, *rows: tuple[Cell, ...], **more) -> Table:
    return Table("key", "Title", (Column("Name"),) * columns, rows, **more)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0"),
        (1234567, "1,234,567"),
        (-1234, "-1,234"),
        (1234.56, "1,235"),
        (99.95, "100.0"),
        (1.25, "1.2"),
        (0.12345, "0.123"),
        (0.0, "0"),
        (None, "\N{EN DASH}"),
        ("", "(none)"),
        (" \n", "(none)"),
        ("43210", "43210"),
        ("\u202egnp", "\u27e8U+202E\u27e9gnp"),
    ],
)
def test_a_value_is_told_as_its_size_deserves(value, told):
    assert views.number(value) == told


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9))
def test_more_is_never_lighter_and_something_is_never_blank(a, b, greatest):
    few, many = sorted((min(a, greatest), min(b, greatest)))
    light, dark = (views.shade(Cell(n), greatest) for n in (few, many))
    assert 0 <= light <= dark <= 8
    assert (light > 0) == (few > 0)
    assert views.shade(Cell(greatest), greatest) == 8


@pytest.mark.parametrize("value", [None, "12", -3, 0])
def test_what_is_no_amount_has_no_shade(value):
    assert views.shade(Cell(value), 10) == 0


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


# --- The table -----------------------------------------------------------------------


def html(shown: Table) -> str:
    return render_to_string("views_plugins/_table.html", {"shown": shown})


def test_a_table_has_numbers_to_sort_by_and_links():
    page = html(chart(Kind.BAR, 2, sums=True).table())
    assert '<th scope="row" class="hostile"><a href="/records?n=0">c0</a></th>' in page
    assert '<td class="n" data-value="2">2</td>' in page
    assert '<tfoot><tr><th scope="row">Sum</th><td class="n">3</td>' in page


def test_nothing_in_a_table_is_markup_or_hidden():
    row = (Cell(HOSTILE, f"/?x={HOSTILE}"), Cell(HOSTILE))
    page = html(table(2, row))
    assert page.count(SEEN) == 2
    assert "<b " not in page


def test_the_sums_of_a_heat_map_have_no_shade():
    page = html(chart(Kind.HEAT, 2, 2, sums=True).table())
    assert page.count("shade-8") == 2  # 2 is the greatest, not its sum 4
    assert page.count("shade-") == 4


def test_a_table_without_rows_says_so():
    assert "Nothing here in this window" in html(table(2))
