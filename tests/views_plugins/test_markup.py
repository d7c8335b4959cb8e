"""How numbers, shades and tables are written as HTML."""

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from tests.views_plugins.test_templatetags import chart, table
from views_plugins import markup
from views_plugins.charts import Cell, Chart, Kind, Table

HOSTILE = "<b onclick='x'>\u202egnp\x00"
SEEN = "&lt;b onclick=&#x27;x&#x27;&gt;\u27e8U+202E\u27e9gnp\u27e8NUL\u27e9"


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
    assert markup.number(value) == told


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9))
def test_more_is_never_lighter_and_something_is_never_blank(a, b, greatest):
    few, many = sorted((min(a, greatest), min(b, greatest)))
    light, dark = (markup.shade(n, greatest) for n in (few, many))
    assert 0 <= light <= dark <= 8
    assert (light > 0) == (few > 0)
    assert markup.shade(greatest, greatest) == 8


@pytest.mark.parametrize("value", [None, "12", -3, 0])
def test_what_is_no_amount_has_no_shade(value):
    assert markup.shade(value, 10) == 0


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


@pytest.mark.parametrize("kind", [Kind.BAR, Kind.HEAT])
def test_a_page_has_room_for_some_rows_and_sums_of_all(monkeypatch, kind):
    monkeypatch.setattr(markup, "FEWEST_ROWS", 1)
    monkeypatch.setattr(markup, "MOST_CELLS", 6)
    whole = chart(kind, 9, 3, sums=True)
    shown = markup.table(whole)
    assert shown.rows == whole.table().rows[:2]
    assert shown.foot == whole.table().foot
    assert markup.rows(whole) == 9
    lines = whole.table()
    assert markup.table(lines).rows == lines.rows[:1]
    assert markup.rows(lines) == 9


def test_the_page_says_how_many_rows_it_leaves_out(monkeypatch):
    monkeypatch.setattr(markup, "FEWEST_ROWS", 1)
    monkeypatch.setattr(markup, "MOST_CELLS", 1500)

    def page(part: Chart | Table) -> str:
        return render_to_string("views_plugins/_part.html", {"part": part})

    assert "The first 1,500 of 1,501 rows" in page(chart(Kind.BAR, 1501))
    assert "rows;" not in page(chart(Kind.BAR, 1500))
