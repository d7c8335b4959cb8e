"""The Records pages: who may see them, what they answer, how little they ask."""

import csv
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import NoReturn
from urllib.request import urlopen

import orjson
import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from records import labels
from records.database import QueryTimeout
from records.digest import digest_batch
from records.models import Record
from records.store import insert_records
from tests.factories import stored, submission
from tests.server import GunicornServer

pytestmark = pytest.mark.django_db

LONG_AGO = datetime(2026, 3, 1, 12, tzinfo=UTC)
PART = {"HX-Request": "true"}


@pytest.fixture
def reader(client: Client, settings) -> Client:
    """Anybody, where reading is open to all."""
    settings.TELEMETRY_ANONYMOUS_READ = True
    return client


@pytest.fixture
def record() -> Record:
    return stored(LONG_AGO)


def user(*permissions: str) -> User:
    account = User.objects.create_user("somebody", password="secret")
    account.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    return account


def addresses(record: Record) -> dict[str, str]:
    """Every page and part there is."""
    return {
        "list": "/records",
        "front": "/",
        "more": "/records/more",
        "live": "/records/live?after_id=0",
        "builds": "/records/builds?system_name=clear-linux-os",
        "facets": "/records/facets",
        "record": f"/records/record_details/{record.pk}",
        "csv": "/records/export/records-1580000000.5.csv",
        "ndjson": "/records/export/records-20260301.ndjson",
    }


EVERY = ["list", "front", "more", "live", "builds", "facets", "record", "csv", "ndjson"]


@contextmanager
def selects(number: int) -> Iterator[None]:
    """As many questions to the database, apart from what bounds them in time."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        yield
    asked = [q["sql"] for q in captured if q["sql"].startswith(("SELECT", "(SELECT"))]
    assert len(asked) == number, "\n".join(asked)


# --- Who may -------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_everybody_reads_where_that_is_allowed(reader, record, name):
    assert reader.get(addresses(record)[name]).status_code == 200


@pytest.mark.parametrize("name", EVERY)
def test_strangers_are_sent_to_the_login(client, record, name):
    address = addresses(record)[name]
    response = client.get(address)
    assert response.status_code == 302
    assert response.url.startswith("/login?next=/")
    assert client.get(response.url).status_code == 200


@pytest.mark.parametrize("name", EVERY)
def test_a_user_without_the_permission_is_refused(client, record, name):
    client.force_login(user())
    response = client.get(addresses(record)[name])
    assert response.status_code == 403
    assert b"no permission to read records" in response.content


@pytest.mark.parametrize("name", EVERY)
def test_a_user_with_the_permission_reads(client, record, name):
    client.force_login(user("view_record"))
    assert client.get(addresses(record)[name]).status_code == 200


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(client, record):
    headers = {**PART, "HX-Current-URL": "http://testserver/records?severity=4"}
    response = client.get("/records/more", headers=headers)
    assert response.status_code == 204
    assert response["HX-Redirect"] == "/login?next=/records%3Fseverity%3D4"


def test_the_way_to_the_login_never_leads_elsewhere(client, record):
    headers = {**PART, "HX-Current-URL": "https://evil.example//x.example/a"}
    login = client.get("/records/more", headers=headers)["HX-Redirect"]
    user("view_record")
    done = client.post(login, {"username": "somebody", "password": "secret"})
    assert done.status_code == 302
    assert done.url.startswith("/records")


@pytest.mark.parametrize("name", EVERY)
def test_pages_are_only_read(reader, record, name):
    address = addresses(record)[name]
    # POST to the front page is the collector's, where that is mounted.
    for method in ("post", "put", "patch", "delete"):
        assert getattr(reader, method)(address).status_code == 405
    assert reader.head(address).status_code == 200


@pytest.mark.parametrize("name", EVERY)
def test_no_shared_cache_keeps_what_a_reader_may_see(reader, record, name):
    response = reader.get(addresses(record)[name])
    assert "private" in response["Cache-Control"]
    assert "Cookie" in response["Vary"]
    assert "HX-Request" in response["Vary"]


# --- Payloads ------------------------------------------------------------------------


def test_payloads_are_hidden_without_the_permission(client):
    secret = stored(LONG_AGO, payload="a secret" * 200)
    client.force_login(user("view_record"))
    for address in addresses(secret).values():
        body = b"".join(client.get(address, headers=PART))
        assert b"a secret" not in body, address
    assert b"1,600 characters" in client.get("/records").content
    details = client.get(f"/records/record_details/{secret.pk}").content
    assert b"1,600 characters" in details
    assert b"may not see payloads" in details


def test_payloads_are_shown_with_the_permission(client):
    secret = stored(LONG_AGO, payload="a secret")
    client.force_login(user("view_record", "view_payload"))
    assert b"a secret" in client.get("/records").content
    assert b"a secret" in client.get(f"/records/record_details/{secret.pk}").content


def test_hostile_text_is_escaped_everywhere(reader):
    nasty = "<script>alert(1)</script>\u202e\x1b[31m"
    hostile = stored(
        LONG_AGO,
        payload=nasty,
        classification=f"{nasty}/{nasty}/{nasty}",
        system_name=nasty,
        build=nasty,
        machine_id="<script>\u202e\x1b",
        board_name=nasty,
    )
    digest_batch(10)
    query = {"classification": "<script>*", "system_name": nasty, "machine_id": ""}
    pages = [name for name in EVERY if name not in ("csv", "ndjson")]
    for name in pages:
        address = addresses(hostile)[name]
        body = reader.get(address, headers=PART).content.decode()
        body += reader.get("/records", query).content.decode()
        assert "<script>" not in body, name
        # Only what a form sends back is kept as it is.
        shown = re.sub(r' value="[^"]*"', "", body)
        assert not re.search("[\u202e\x1b]", shown), name


# --- The list ------------------------------------------------------------------------


def test_a_row_says_what_a_record_is(reader):
    row = stored(
        datetime.now(UTC) - timedelta(minutes=3, seconds=5),
        severity=4,
        external=True,
        payload="first line\nsecond line",
    )
    body = reader.get("/records").content.decode()
    text = re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))
    said = (
        "external fa0ed320862fbeb654b075df03d2e806 3 min ago critical org.clearlinux/"
    )
    assert said in text
    assert "hello/world clear-linux-os 32130 first line" in text
    assert "second line" not in text
    assert f'href="/records/record_details/{row.pk}"' in body
    moment = f"{row.received_at:%Y-%m-%dT%H:%M:%SZ}"
    assert f'<time datetime="{moment}"' in body


def test_filters_narrow_the_list(reader):
    kept = stored(LONG_AGO, severity=4)
    stored(LONG_AGO, severity=1)
    page = reader.get("/records", {"severity": "4", "machine_id": ""}).context["page"]
    assert [row.id for row in page.rows] == [kept.pk]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("severity=9", "less than or equal to 4"),
        ("payload=(", "Not a regular expression"),
        ("received_after=yesterday", "Give a time as ISO 8601"),
        ("external=perhaps", "Say true or false"),
        ("severity=1&severity=2", "Given more than once"),
        ("from_id=first", "Enter a whole number"),
        ("colour=red", "There is no such parameter"),
    ],
)
def test_a_filter_that_makes_no_sense_shows_no_rows(reader, record, query, message):
    response = reader.get(f"/records?{query}")
    assert response.status_code == 400
    body = response.content.decode()
    assert message in body
    assert "data-record" not in body
    part = reader.get(f"/records/more?{query}", headers=PART)
    assert part.status_code == 400
    assert part["Content-Type"].startswith("text/plain")
    assert message in part.content.decode()


@pytest.mark.parametrize("name", ["builds", "facets", "csv", "live"])
def test_no_other_address_answers_an_unknown_parameter(reader, record, name):
    address = addresses(record)[name].partition("?")[0]
    assert reader.get(address, {"colour": "red"}).status_code == 400


def test_a_message_stands_beside_its_field(reader):
    body = reader.get("/records?payload=(").content.decode()
    field = re.search(r'<input[^>]* id="f-payload"[^>]*>', body)
    assert field is not None
    assert 'aria-invalid="true"' in field[0]
    assert 'aria-describedby="e-payload"' in field[0]
    assert 'id="e-payload">Not a regular' in body


def test_a_search_that_takes_too_long_says_so(reader, record, monkeypatch):
    def out_of_time(limit: timedelta) -> NoReturn:
        raise QueryTimeout

    monkeypatch.setattr("records.database.bounded_in_time", out_of_time)
    response = reader.get("/records?payload=x")
    assert response.status_code == 400
    assert b"took too long" in response.content
    assert b"data-record" not in response.content


def test_the_list_leads_on_and_back(reader):
    ids = insert_records([(LONG_AGO, submission()) for _ in range(60)])
    first = reader.get("/records?severity=1").content.decode()
    older = f"/records?severity=1&amp;from_id={ids[10]}"
    assert f'rel="next" href="{older}"' in first
    second = reader.get(unescape(older)).content.decode()
    assert second.count("data-record=") == 10
    newer = f"/records?severity=1&amp;after_id={ids[9]}"
    assert f'rel="prev" href="{newer}"' in second
    third = reader.get(unescape(newer)).content.decode()
    assert third.count("data-record=") == 50
    assert 'rel="prev"' not in third


def test_loading_more_gives_the_rows_below_and_the_way_on(reader):
    ids = insert_records([(LONG_AGO, submission()) for _ in range(60)])
    part = reader.get(f"/records/more?from_id={ids[55]}", headers=PART).content.decode()
    assert part.lstrip().startswith("<tr")
    assert part.count("data-record=") == 50
    assert f"from_id={ids[5]}" in part


def test_without_any_record_the_page_says_how_to_send_one(reader, settings):
    body = unescape(reader.get("/records").content.decode())
    assert "No records yet" in body
    assert "curl -i http://testserver/v2/collector" in body
    assert f"X-Telemetry-TID: {settings.TELEMETRY_ID}" in body


def test_the_telemetry_id_is_shown_to_readers_only(client, settings):
    client.force_login(user())
    assert settings.TELEMETRY_ID not in client.get("/records").content.decode()


def test_without_a_match_the_page_says_so(reader, record):
    body = reader.get("/records?machine_id=none").content.decode()
    assert "No record matches" in body
    assert "No records yet" not in body


def test_the_list_asks_little_and_counts_nothing(reader):
    insert_records([(LONG_AGO, submission()) for _ in range(60)])
    labels.forget()
    # 1 newest ids (what is settled), 2 the rows, 3 kinds and 4 builds that the process
    # has not seen, 5 classifications and 6 systems for the form.
    with selects(6):
        reader.get("/records")
    with selects(4):  # the names are remembered
        reader.get("/records")


def test_filters_add_a_look_at_a_small_table_each(reader):
    insert_records([(LONG_AGO, submission()) for _ in range(60)])
    query = {
        "classification": "org.clearlinux/*",
        "system_name": "clear-linux-os",
        "arch": "x86_64",
        "kernel_version": "5.4.8-888.native",
    }
    reader.get("/records")
    # Beside the four above: classifications and kinds, builds, hardware, kernels and
    # the last id for the question; the versions of the system for the form.
    with selects(11):
        reader.get("/records", query)


def test_a_logged_in_reader_costs_session_user_and_permissions(client):
    stored(LONG_AGO)
    client.force_login(user("view_record", "view_payload"))
    client.get("/records")
    with selects(4 + 4):  # of the user and of its groups, permissions are two questions
        client.get("/records")


def test_loading_more_asks_once(reader):
    insert_records([(LONG_AGO, submission()) for _ in range(60)])
    reader.get("/records")
    with selects(1):  # the names of these rows are remembered
        reader.get("/records/more?from_id=50", headers=PART)


# --- Live ----------------------------------------------------------------------------


def test_live_gives_new_rows_and_where_to_ask_from_next(reader):
    first, second = stored(LONG_AGO), stored(LONG_AGO)
    response = reader.get(f"/records/live?after_id={first.pk}", headers=PART)
    assert response.content.count(b"data-record=") == 1
    assert response["ETag"] == f'"{second.pk}"'


def test_live_answers_304_while_nothing_came(reader, record):
    headers = {**PART, "If-None-Match": f'"{record.pk}"'}
    response = reader.get(f"/records/live?after_id={record.pk}", headers=headers)
    assert (response.status_code, response.content) == (304, b"")
    assert response["ETag"] == f'"{record.pk}"'


def test_live_answers_204_when_only_other_rows_came(reader, record):
    other = stored(LONG_AGO, severity=2)
    headers = {**PART, "If-None-Match": f'"{record.pk}"'}
    address = f"/records/live?after_id={record.pk}&severity=4"
    response = reader.get(address, headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert response["ETag"] == f'"{other.pk}"'


def test_live_asks_once_while_nothing_came(reader, record):
    with selects(1):  # the newest ids; the rows themselves are not asked for
        reader.get(f"/records/live?after_id={record.pk}", headers=PART)


def test_live_says_when_more_came_than_it_shows(reader):
    ids = insert_records([(LONG_AGO, submission()) for _ in range(60)])
    body = reader.get("/records/live?after_id=1", headers=PART).content.decode()
    assert body.count("data-record=") == 50
    assert f"from_id={ids[10]}" in body


# --- One record ----------------------------------------------------------------------


def test_a_record_is_a_page_and_a_part(reader, record):
    address = f"/records/record_details/{record.pk}"
    page = reader.get(address).content.decode()
    part = reader.get(address, headers=PART).content.decode()
    assert page.startswith("<!doctype html>")
    assert part.strip().startswith("<article")
    assert part.strip()[:200] in page


def test_a_record_shows_every_field(reader):
    found = stored(LONG_AGO, payload="the payload", external=True)
    address = f"/records/record_details/{found.pk}"
    body = unescape(reader.get(address).content.decode())
    values = orjson.loads(reader.get(f"/api/records/{found.pk}").content)
    words = {"external": "external", "severity": "low"}
    for name, value in values.items():
        assert words.get(name, str(value)) in body, name
    assert f'href="/api/records/{found.pk}"' in body


@pytest.mark.parametrize("record_id", ["0", "999999", "9" * 30])
def test_a_record_that_is_not_there_is_404(reader, record_id):
    response = reader.get(f"/records/record_details/{record_id}")
    assert response.status_code == 404
    assert b"There is nothing here" in response.content


def test_a_record_costs_a_few_questions(reader, record):
    labels.forget()
    # 1 the record, 2 kinds, 3 builds, 4 hardware, 5 kernels, 6 the last id, and the
    # machine's records 7 before and 8 to 10 after it, which are looked for near it,
    # further on and in all others; 11 which classifications are crashes.
    with selects(11):
        reader.get(f"/records/record_details/{record.pk}")
    with selects(6):
        reader.get(f"/records/record_details/{record.pk}")


# --- Parts ---------------------------------------------------------------------------


def test_builds_are_those_of_the_system_newest_first(reader):
    stored(LONG_AGO, system_name="a", build="1.9")
    stored(LONG_AGO, system_name="a", build="1.10")
    stored(LONG_AGO, system_name="b", build="7")
    body = reader.get("/records/builds?system_name=a").content.decode()
    assert re.findall(r'value="([^"]*)"', body) == ["", "1.10", "1.9"]
    body = reader.get("/records/builds?system_name=").content.decode()
    assert re.findall(r'value="([^"]*)"', body) == [""]


def test_facets_count_beside_the_filters(reader):
    stored(LONG_AGO, severity=4)
    stored(LONG_AGO, severity=4, external=True)
    digest_batch(10)
    body = reader.get("/records/facets?external=true").content.decode()
    assert 'id="count-severity-4" hx-swap-oob="true">1<' in body
    assert 'id="count-external-true" hx-swap-oob="true">1<' in body
    assert 'id="count-external-false" hx-swap-oob="true">1<' in body
    assert "org.clearlinux%2Fhello%2F%2A" in body
    assert "Not exact" not in body
    assert b"Not exact" in reader.get("/records/facets?payload=x").content


def test_facets_do_not_read_records(reader):
    insert_records([(LONG_AGO, submission()) for _ in range(60)])
    digest_batch(100)
    reader.get("/records/facets")
    with CaptureQueriesContext(connection) as captured:
        reader.get("/records/facets?severity=1")
    # The kinds of the filter, the sums of days that there are, and the counts; both
    # again without the filter.
    assert len(captured) == 5
    assert not any("records_record" in query["sql"] for query in captured)


# --- Exports -------------------------------------------------------------------------


def test_exports_are_filtered_like_the_list(reader):
    kept = stored(LONG_AGO, severity=4)
    stored(LONG_AGO, severity=1)
    body = b"".join(reader.get("/records/export/records-1.csv?severity=4&build="))
    lines = csv.reader(body.decode().splitlines(keepends=True))
    assert [line[0] for line in lines] == ["id", str(kept.pk)]
    response = reader.get("/records/export/records-1.ndjson?severity=4")
    assert [orjson.loads(each)["id"] for each in response] == [kept.pk]
    assert response["Content-Disposition"].startswith('attachment; filename="records-')


def test_exports_end_at_a_limit_without_the_permission(client, monkeypatch):
    monkeypatch.setattr("records.views.EXPORT_WITHOUT_LEAVE", 3)
    insert_records([(LONG_AGO, submission()) for _ in range(5)])
    account = user("view_record")
    client.force_login(account)
    address = "/records/export/records-1.ndjson"
    assert len(b"".join(client.get(address)).splitlines()) == 3
    allowed = Permission.objects.get(codename="export_record")
    account.user_permissions.add(allowed)
    assert len(b"".join(client.get(address)).splitlines()) == 5


def test_the_list_offers_both_exports_of_what_is_filtered(reader, record):
    body = reader.get("/records?severity=1").content.decode()
    for kind in ("csv", "ndjson"):
        found = re.search(rf'href="(/records/export/records-\d+\.{kind}\?[^"]*)"', body)
        assert found is not None
        assert found[1].endswith("?severity=1")
        assert reader.get(found[1]).status_code == 200


# --- Old addresses -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/telemetryui", "/"),
        ("/telemetryui/", "/"),
        ("/telemetryui/records", "/records"),
        ("/telemetryui/records?severity=4", "/records?severity=4"),
        (
            "/telemetryui/records/2?classification=a%2Fb%2F%25&data_source=external",
            "/records?classification=a%2Fb%2F%2A&external=true",
        ),
        ("/records/3?severity=4", "/records?severity=4"),
        ("/records?os_name=a&page=1", "/records?system_name=a"),
        ("/telemetryui/records/record_details/7", "/records/record_details/7"),
        ("/telemetryui/crashes/overall?a=b%20c", "/crashes/overall?a=b%20c"),
        (
            "/records/export/records-1580000000.5.csv?page=1&format_type=attach",
            "/records/export/records-1580000000.5.csv",
        ),
        ("/telemetryui//evil.example/x", "/evil.example/x"),
        ("/telemetryui/%5Cevil.example", "/evil.example"),
    ],
)
def test_old_addresses_lead_to_todays(reader, old, new):
    response = reader.get(old)
    assert (response.status_code, response.url) == (301, new)


def test_old_addresses_are_only_read(reader):
    assert reader.post("/telemetryui/records").status_code == 405


# --- Frame ---------------------------------------------------------------------------


def test_names_of_the_pages_are_those_of_the_tabs(reader):
    assert reverse("records") == "/records"
    assert reverse("record", args=[7]) == "/records/record_details/7"
    body = reader.get("/").content.decode()
    assert '<a href="/records" aria-current="page">Records</a>' in body


def test_nothing_in_a_page_needs_a_weaker_policy(reader, record):
    for name in ("list", "facets", "record"):
        body = reader.get(addresses(record)[name]).content.decode()
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", body)


def test_the_frame_knows_who_looks(client):
    admin = User.objects.create_superuser("root", password="secret")
    client.force_login(admin)
    body = client.get("/records").content.decode()
    assert 'href="/admin/"' in body
    assert '<form method="post" action="/logout">' in body
    assert client.post("/logout").status_code == 302
    assert 'href="/admin/"' not in client.get("/login").content.decode()


def test_a_wrong_password_is_told(client):
    response = client.post("/login", {"username": "root", "password": "wrong"})
    assert b"Please enter a correct username and password" in response.content


def test_an_error_page_needs_neither_database_nor_user(client, monkeypatch, settings):
    settings.TELEMETRY_ANONYMOUS_READ = True
    client.raise_request_exception = False
    monkeypatch.setattr("records.listing.page", lambda *_args, **_options: 1 / 0)
    response = client.get("/records")
    assert response.status_code == 500
    assert b"Something broke" in response.content


# --- From the outside ----------------------------------------------------------------


@pytest.mark.slow
def test_the_command_of_the_empty_page_sends_a_first_record(server_database, tmp_path):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    environment = {
        "DATABASE_URL": server_database,
        "TELEMETRY_ANONYMOUS_READ": "true",
        "DEBUG": "true",  # static files without collectstatic
    }
    log = tmp_path / "log"
    with GunicornServer("telemetry_site.wsgi", environment, log_file=log) as server:
        before = _text(f"{server.url}/records")
        command = re.search(r'<pre id="first-command"[^>]*>(.*?)</pre>', before, re.S)
        assert command is not None
        sent = subprocess.run(
            ["bash", "-c", unescape(command[1])],
            capture_output=True,
            text=True,
            check=False,
        )
        assert " 201 " in sent.stdout.splitlines()[0], sent.stdout
        assert "data-record=" in _text(f"{server.url}/records")


def _text(address: str) -> str:
    with urlopen(address) as response:
        return str(response.read().decode())
