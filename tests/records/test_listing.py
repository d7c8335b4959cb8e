"""Pages of records by key, what is new, and the counts beside the filters."""

from datetime import UTC, datetime, timedelta

import pytest
from django.http import QueryDict

from records import listing
from records.database import QueryTimeout
from records.digest import digest_batch
from records.filters import InvalidParameters
from records.store import insert_records
from tests.factories import submission

pytestmark = pytest.mark.django_db


def store(count: int = 1, *, seconds_ago: float = 60, **changes) -> list[int]:
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return insert_records([(moment, submission(**changes)) for _ in range(count)])


def page(query: str = "", *, payload: bool = True) -> listing.Page:
    return listing.page(listing.parse(QueryDict(query)), payload=payload)


def news(query: str, *, payload: bool = True) -> listing.News:
    return listing.news(listing.parse(QueryDict(query)), payload=payload)


def ids(rows: list[listing.ListedRecord]) -> list[int]:
    return [row.id for row in rows]


# --- Pages --------------------------------------------------------------------------


def test_a_page_has_the_newest_rows_first():
    stored = store(3)
    assert ids(page().rows) == stored[::-1]


def test_pages_lead_to_the_end_and_back_without_gap_or_repetition():
    stored = store(130)[::-1]
    first = page()
    second = page(f"from_id={first.older}")
    third = page(f"from_id={second.older}")
    assert ids(first.rows + second.rows + third.rows) == stored
    assert (first.newer, third.older) == (None, None)
    back = page(f"after_id={third.newer}")
    assert ids(back.rows) == ids(second.rows)
    assert (back.older, back.newer) == (second.older, second.newer)
    newest = page(f"after_id={back.newer}")
    assert ids(newest.rows) == ids(first.rows)
    assert newest.newer is None


def test_a_page_that_is_exactly_full_has_no_next_one():
    store(listing.PAGE_SIZE)
    assert page().older is None


def test_pages_of_several_kinds_are_one_list():
    one = store(30, classification="org.clearlinux/crash/clr")
    store(5)
    other = store(30, classification="org.clearlinux/crash/unknown")
    first = page("classification=org.clearlinux/crash/*")
    assert ids(first.rows) == (one + other)[:-51:-1]
    last = page(f"classification=org.clearlinux/crash/*&from_id={first.older}")
    assert ids(first.rows + last.rows) == (one + other)[::-1]


def test_behind_either_end_there_is_still_a_way_back():
    first, last = store(2)
    below = page(f"from_id={first}")
    assert (below.rows, below.older) == ([], None)
    assert ids(page(f"after_id={below.newer}").rows) == [last, first]
    above = page(f"after_id={last}")
    assert (above.rows, above.newer) == ([], None)
    assert ids(page(f"from_id={above.older}").rows) == [last, first]


def test_a_row_shows_the_first_line_of_the_payload_and_no_more():
    store(payload="\n  first \x1bline\nsecond" + "x" * 300_000)
    (row,) = page().rows
    assert (row.excerpt, row.length) == ("first ⟨ESC⟩line", None)


def test_without_leave_a_row_has_the_payload_s_length_only():
    store(payload="12345")
    (row,) = page(payload=False).rows
    assert (row.excerpt, row.length) == (None, 5)


def test_an_unknown_filter_is_refused():
    with pytest.raises(InvalidParameters):
        page("colour=red")


def test_a_search_that_takes_too_long_is_stopped(settings):
    store(6_000, payload="a" * 300)  # SQLite looks at the clock every so many steps
    settings.TELEMETRY_QUERY_TIME = timedelta(milliseconds=1)
    with pytest.raises(QueryTimeout):
        page("payload=b(a%2B)$")


# --- News ---------------------------------------------------------------------------


def test_news_are_the_rows_above_an_id():
    first, second, third = store(3)
    assert ids(news(f"after_id={first}").rows) == [third, second]
    assert news(f"after_id={first}").settled == third


def test_there_is_no_news_when_nothing_came():
    (last,) = store()
    assert news(f"after_id={last}") == listing.News([], last)


def test_rows_wait_for_those_that_may_still_commit_below_them():
    (old,) = store()
    store(seconds_ago=0)
    assert page().settled == old
    assert news(f"after_id={old}") == listing.News([], old)


def test_rows_that_do_not_match_move_the_place_to_ask_from():
    (first,) = store(severity=4)
    (last,) = store(severity=1)
    assert news(f"after_id={first}&severity=4") == listing.News([], last)


def test_of_many_new_rows_the_newest_are_shown_and_the_rest_is_said():
    (first,) = store()
    many = store(listing.PAGE_SIZE + 1)
    found = news(f"after_id={first}")
    assert ids(found.rows) == many[:0:-1]
    assert found.more


def test_without_records_nothing_is_settled():
    assert listing.settled_id() == 0


def test_a_flood_settles_below_what_was_looked_at(monkeypatch):
    monkeypatch.setattr(listing, "_SETTLING_ROWS", 3)
    stored = store(5, seconds_ago=-10)
    assert listing.settled_id() == stored[1]


# --- Counts -------------------------------------------------------------------------


def counted(query: str = ""):
    digest_batch(1000)
    return listing.facets(QueryDict(query))


def test_counts_of_a_filter_are_under_the_others_and_not_itself():
    store(2, severity=1)
    store(3, severity=4, system_name="ubuntu", build="24.04")
    found = counted("severity=4")
    assert found.severity == {1: 2, 4: 3}
    assert found.system_name == {"ubuntu": 3}
    assert (found.total, found.exact) == (3, True)


def test_counts_of_systems_are_not_narrowed_by_a_version():
    store(2)
    store(1, system_name="ubuntu", build="24.04")
    found = counted("system_name=ubuntu&build=24.04")
    assert found.system_name == {"clear-linux-os": 2, "ubuntu": 1}


def test_counts_say_when_a_filter_is_not_in_them():
    store()
    assert not counted("machine_id=none").exact


def test_levels_stand_under_each_other_the_fullest_first():
    counts = {"a/b/c": 1, "z/y/x": 5, "z/y/w": 7, "z/a/a": 2}
    assert listing.levels(counts) == [
        ("z/*", 14),
        ("z/y/*", 12),
        ("z/y/w", 7),
        ("z/y/x", 5),
        ("z/a/*", 2),
        ("z/a/a", 2),
        ("a/*", 1),
        ("a/b/*", 1),
        ("a/b/c", 1),
    ]


def test_levels_of_odd_names_stand_in_order_too():
    assert [level for level, _ in listing.levels({"//": 1, "a//": 1, "*/b/*": 1})] == [
        "*/*",
        "*/b/*",
        "/*",
        "//*",
        "//",
        "a/*",
        "a//*",
        "a//",
    ]
