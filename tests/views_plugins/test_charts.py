"""Charts and tables: the picture, the table and the twin say the same."""

import math
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from views_plugins import shapes
from views_plugins.charts import (
    MOST_SERIES,
    MOST_SLICES,
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

OVER_TIME = (Kind.LINE, Kind.AREA)


def chart(*values: tuple[float | None, ...], kind: Kind = Kind.BAR, **more) -> Chart:
    """A chart with these series, whose categories are numbered."""
    count = len(values[0]) if values else 0
    return Chart(
        key="numbers",
        title="Numbers",
        kind=kind,
        categories=tuple(Label(f"c{n}", f"/c{n}") for n in range(count)),
        series=tuple(Series(f"s{n}", row) for n, row in enumerate(values)),
        **more,
    )


@st.composite
def charts(draw: st.DrawFn) -> Chart:
    kind = draw(st.sampled_from(Kind))
    count = draw(st.integers(0, 12))
    number = st.none() | st.integers(0, 1000)
    row = st.lists(number, min_size=count, max_size=count).map(tuple)
    rows = draw(st.lists(row, max_size=10))
    links = draw(st.booleans())
    made = chart(
        *rows, kind=kind, most=draw(st.integers(1, 12)), sums=draw(st.booleans())
    )
    if links:
        addresses = tuple(f"/v{n}" for n in range(count if rows else 0))
        series = tuple(replace(each, links=addresses) for each in made.series)
        made = replace(made, series=series)
    return made


def total(values) -> float:
    return sum(each for each in values if each is not None)


@given(charts())
def test_a_picture_shows_the_sum_of_everything(made: Chart):
    drawn = made.series[:1] if made.kind is Kind.DOUGHNUT else made.series
    wanted = sum(total(each.values) for each in drawn)
    assert sum(total(each["values"]) for each in made.picture()["series"]) == wanted


@given(charts())
def test_a_picture_has_no_more_than_can_be_seen(made: Chart):
    picture = made.picture()
    if made.kind not in OVER_TIME:
        most = MOST_SLICES if made.kind is Kind.DOUGHNUT else made.most
        assert len(picture["labels"]) <= max(most, 1)
    if made.kind is not Kind.HEAT:
        assert len(picture["series"]) <= MOST_SERIES
    for each in picture["series"]:
        assert len(each["values"]) == len(picture["labels"]) == len(picture["links"])
        assert len(each["links"]) in (0, len(picture["labels"]))


@given(charts())
def test_a_table_has_every_number(made: Chart):
    _, *rows = made.table().lines()
    if made.sums and rows:
        *rows, foot = rows
        assert foot[-1] == sum(total(each.values) for each in made.series)
        rows = [row[:-1] for row in rows]
    assert rows == [
        (label.text, *(each.values[n] for each in made.series))
        for n, label in enumerate(made.categories)
    ]


@given(charts())
def test_everything_can_be_written_as_json(made: Chart):
    content = Content(parts=(made, replace(made.table(), key="other")))
    shapes.require(content, Content)
    data = orjson.loads(orjson.dumps(content.as_data()))
    assert [each["key"] for each in data["charts"] + data["tables"]] == [
        "numbers",
        "other",
    ]
    orjson.dumps(made.picture())


def test_the_greatest_categories_stay_in_their_order():
    picture = chart((5, 1, 9, 2, 7), most=3).picture()
    assert picture["labels"] == ["c2", "c4", "other (3)"]
    assert picture["links"] == ["/c2", "/c4", ""]
    assert picture["series"][0]["values"] == (9, 7, 8)


def test_over_time_no_day_is_left_out():
    days = tuple(range(100))
    for kind in OVER_TIME:
        assert chart(days, kind=kind).picture()["series"][0]["values"] == days


def test_series_that_are_alike_are_each_counted():
    picture = chart(*[(1,)] * 10).picture()
    assert [each["name"] for each in picture["series"]] == [
        *(f"s{n}" for n in range(7)),
        "other (3)",
    ]
    alike = replace(chart((1,)), series=(Series("same", (1,)),) * 10)
    assert sum(each["values"][0] for each in alike.picture()["series"]) == 10


def test_a_doughnut_draws_the_first_series_and_its_table_has_all():
    made = chart((3, 1), (75, 25), kind=Kind.DOUGHNUT)
    assert [each["name"] for each in made.picture()["series"]] == ["s0"]
    assert made.table().lines()[1] == ("c0", 3, 75)


def test_sums_are_at_both_ends_of_a_table():
    lines = chart((1, 2), (3, None), sums=True, x="Name").table().lines()
    assert lines == [
        ("Name", "s0", "s1", "Sum"),
        ("c0", 1, 3, 4),
        ("c1", 2, None, 2),
        ("Sum", 3, 3, 6),
    ]


def test_characters_that_hide_are_shown_in_a_picture():
    made = replace(chart((1,)), categories=(Label("a\u202eb"),))
    assert made.picture()["labels"] == ["a⟨U+202E⟩b"]


@pytest.mark.parametrize(
    ("values", "empty"), [((0, None, 0.0), True), ((), True), ((0, 1), False)]
)
def test_a_chart_of_zeros_is_empty(values, empty):
    assert chart(values).empty is empty
    assert Content(parts=(chart(values),)).empty is empty


@pytest.mark.parametrize("key", ["", "A", "1a", "a b", "a/b", "-a", "a\n", "é"])
def test_a_key_that_cannot_be_an_address_is_refused(key):
    with pytest.raises(ValueError, match="Not a key"):
        replace(chart((1,)), key=key)
    with pytest.raises(ValueError, match="Not a key"):
        Table(key, "", (), ())


def test_a_value_for_each_category_is_needed():
    with pytest.raises(ValueError, match="a value for each category"):
        replace(chart((1, 2)), series=(Series("short", (1,)),))


def test_a_link_for_each_category_is_needed():
    with pytest.raises(ValueError, match="a link for each category"):
        replace(chart((1, 2)), series=(Series("short", (1, 2), links=("/",)),))


def test_a_cell_for_each_column_is_needed():
    with pytest.raises(ValueError, match="a cell for each column"):
        Table("t", "T", (Column("a"), Column("b")), ((Cell(1),),))


def test_two_parts_cannot_have_the_same_key():
    with pytest.raises(ValueError, match="the same key"):
        Content(parts=(chart((1,)), chart((2,))))


def test_a_part_is_found_by_its_key():
    content = Content((Figure("a", 1),), (chart((1,)),))
    assert content.part("numbers") is content.parts[0]
    assert content.part("none") is None


def test_the_greatest_number_of_a_heat_table_is_not_a_sum():
    assert chart((1, 2), (3, 4), kind=Kind.HEAT, sums=True).table().greatest == 4
    assert chart((1, 2)).table().greatest == 2
    assert chart().table().greatest == 0


def test_what_is_not_finite_does_not_pass():
    with pytest.raises(TypeError, match="not finite"):
        shapes.require(Content(parts=(chart((math.nan,)),)), Content)
