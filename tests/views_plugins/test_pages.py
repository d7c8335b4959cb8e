"""Pages of views: who may see them, what they answer, and their downloads."""

import csv
import io
import re

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import Client

from tests.crashes.users import logged_in, user_with
from tests.factories import stored
from tests.views_plugins.plugins import PER, chart, content, plugin
from views_plugins import registry
from views_plugins.access import may_see
from views_plugins.charts import Cell, Column, Content, Figure, Kind, Label, Table

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>\u202e&'\""


@pytest.fixture
def reader(client: Client, settings) -> Client:
    settings.TELEMETRY_ANONYMOUS_READ = True
    return client


def body(client: Client, address: str, status: int = 200) -> str:
    response = client.get(address)
    assert response.status_code == status
    return response.content.decode()


# --- Who may see them -----------------------------------------------------------------


def test_every_view_is_for_readers(client):
    for view in registry.plugins():
        response = client.get(f"/{view.slug}", follow=True)
        assert response.redirect_chain[-1][0].startswith("/login?next=/")


@pytest.mark.parametrize(
    ("permissions", "plain", "special"),
    [
        ((), 403, 403),
        (("records.view_record",), 200, 403),
        (("crashes.change_rule",), 403, 403),
        (("records.view_record", "crashes.change_rule"), 200, 200),
    ],
)
def test_a_view_is_for_readers_and_perhaps_for_those_with_more(
    mount, permissions, plain, special
):
    mount(plugin("plain"), plugin("special", permission="crashes.change_rule"))
    client = logged_in(user_with(*permissions))
    for slug, status in (("plain", plain), ("special", special)):
        for address in (f"/{slug}", f"/{slug}/numbers.csv", f"/api/views/{slug}"):
            assert client.get(address).status_code == status, address


@pytest.mark.parametrize("path", ["/special", "/special/numbers.csv"])
def test_the_setting_opens_what_needs_no_more_than_reading(reader, mount, path):
    mount(plugin("plain"), plugin("special", permission="crashes.change_rule"))
    assert reader.get("/plain").status_code == 200
    assert reader.get(path).headers["Location"].startswith("/login?next=/special")


def test_a_tab_is_shown_to_those_who_may_see_its_view(mount):
    mount(plugin("plain"), plugin("special", permission="crashes.change_rule"))
    page = body(logged_in(user_with("records.view_record")), "/records")
    assert 'href="/plain"' in page
    assert 'href="/special"' not in page


def test_who_is_not_active_sees_nothing(settings):
    user = User.objects.create_superuser("admin", is_active=False)
    assert not may_see(user, plugin())
    settings.TELEMETRY_ANONYMOUS_READ = True
    assert may_see(AnonymousUser(), plugin())
    assert not may_see(user, plugin(permission="crashes.change_rule"))


# --- What they answer -----------------------------------------------------------------


def test_a_page_shows_figures_charts_and_a_table_of_the_same_numbers(reader, mount):
    mount(plugin(about="About probes.", options=(PER,)))
    page = body(reader, "/probe?per=day")
    assert "About probes." in page
    assert '<option value="day" selected>per day</option>' in page
    assert 'data-chart="numbers-data"' in page
    assert 'id="numbers-data" type="application/json"' in page
    assert '<th scope="row" class="hostile">c1</th>' in page
    assert 'href="/probe/numbers.csv?per=day"' in page
    assert "/api/views/probe?per=day" in page


def test_texts_are_never_markup(reader, mount):
    made = chart(
        1,
        title=HOSTILE,
        categories=(Label(HOSTILE),),
        x=HOSTILE,
        y=HOSTILE,
        note=HOSTILE,
        unit=HOSTILE,
    )
    table = Table("cells", HOSTILE, (Column(HOSTILE),), ((Cell(HOSTILE),),), HOSTILE)
    figure = Figure(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    shown = Content((figure,), (made, table), (HOSTILE,))
    mount(plugin(shown=lambda asked: shown))
    page = body(reader, "/probe")
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8


def test_nothing_on_a_page_needs_what_the_policy_forbids(reader, mount):
    mount(plugin())
    page = body(reader, "/probe")
    assert not re.search(r"<[^>]+\s(?:on\w+|style)\s*=", page)
    inline = re.findall(r"<script(?![^>]*\ssrc=)([^>]*)>", page)
    assert all('type="application/json"' in each for each in inline)


def test_an_empty_view_says_so_and_offers_all_days(reader, mount):
    mount(plugin(shown=lambda asked: chart(0, 0), empty="No probe was received."))
    page = body(reader, "/probe")
    assert "No probe was received." in page
    assert 'href="?days=all"' in page
    assert (
        "days=all"
        not in body(reader, "/probe?days=all")
        .partition("<main")[2]
        .split('class="nothing"')[1]
    )


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("days=x", "Received: Say a number"),
        ("unknown=1", "unknown: There is no such parameter."),
        ("start=2026-02-02&end=2026-02-01", "To: The last day is before"),
        ("per=week", "Count: Select a valid choice"),
        ("%3Cb%3E=1", "&lt;b&gt;: There is no such parameter."),
    ],
)
def test_a_question_that_makes_no_sense_is_400_with_the_reason(
    reader, mount, query, says
):
    mount(plugin(options=(PER,)))
    page = body(reader, f"/probe?{query}", 400)
    assert says in page
    assert 'id="numbers"' not in page
    assert reader.get(f"/probe/numbers.csv?{query}").status_code == 400


def test_head_is_get_without_a_body(reader, mount):
    mount(plugin())
    response = reader.head("/probe")
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("path", ["/probe", "/probe/numbers.csv"])
def test_other_methods_are_refused(reader, mount, method, path):
    mount(plugin())
    assert getattr(reader, method)(path).status_code == 405


def test_answers_are_kept_for_nobody_else(reader, mount):
    mount(plugin())
    headers = reader.get("/probe").headers
    assert headers["Cache-Control"] == "private, no-cache"
    assert "Cookie" in headers["Vary"]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Http404, 404),
        (PermissionDenied, 403),
        (BadRequest, 400),
        (SuspiciousOperation, 400),
        (ValueError, 500),
        (SystemExit, 500),
    ],
)
def test_what_a_view_raises_on_purpose_is_no_fault(reader, mount, error, status):
    def raises(asked):
        raise error("on purpose")

    mount(plugin(shown=raises))
    page = body(reader, "/probe", status)
    assert ("This view is broken" in page) is (status == 500)


def test_a_broken_view_does_not_tell_what_a_payload_says(reader, mount, caplog):
    def raises(asked):
        raise ValueError("what a payload says")

    mount(plugin(shown=raises))
    page = body(reader, "/probe", 500)
    assert "what a payload says" not in page
    assert "what a payload says" not in caplog.text
    assert "View probe failed: ValueError" in caplog.text
    staff = logged_in(User.objects.create_superuser("staff"))
    assert "what a payload says" in body(staff, "/probe", 500)


# --- Downloads ------------------------------------------------------------------------


def lines(client: Client, address: str) -> list[list[str]]:
    response = client.get(address)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(response.content.decode())))


def test_a_download_has_the_numbers_of_the_table(reader, mount):
    made = chart(1, None, 2.5, kind=Kind.BAR, x="Name", sums=True)
    mount(plugin(shown=lambda asked: made))
    assert lines(reader, "/probe/numbers.csv") == [
        ["Name", "n", "Sum"],
        ["c0", "1", "1"],
        ["c1", "", "0"],
        ["c2", "2.5", "2.5"],
        ["Sum", "3.5", "3.5"],
    ]


def test_a_download_is_named_after_view_and_part(reader, mount):
    mount(plugin())
    headers = reader.get("/probe/numbers.csv").headers
    assert headers["Content-Disposition"] == 'attachment; filename="probe-numbers.csv"'


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_download_is_a_formula(reader, mount, start):
    text = f'{start}cmd|"/c calc"!A1'
    made = chart(1, categories=(Label(text),), x=text)
    mount(plugin(shown=lambda asked: made))
    assert [row[0] for row in lines(reader, "/probe/numbers.csv")] == [f"'{text}"] * 2


@pytest.mark.parametrize("key", ["none", "Numbers", "numbers.csv", "%00", "a%2Fb"])
def test_a_part_that_is_not_there_is_404(reader, mount, key):
    mount(plugin())
    assert reader.get(f"/probe/{key}.csv").status_code == 404


# --- Of all views ---------------------------------------------------------------------


@pytest.mark.parametrize("days", ["1", "7", "all"])
def test_every_built_in_view_answers_with_and_without_records(reader, days):
    for _ in range(2):
        for view in registry.plugins():
            if view.content:
                assert reader.get(f"/{view.slug}?days={days}").status_code == 200
        stored()


def test_the_probe_of_this_file_is_content():
    assert content(None).part("numbers")  # type: ignore[arg-type]
