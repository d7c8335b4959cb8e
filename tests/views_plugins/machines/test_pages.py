"""The page of a machine id: everything it sent, and ways to it and from it."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from records import addresses, machine
from records.digest import digest_batch
from records.models import Record
from records.store import insert_records
from tests.crashes.factories import crashed, crashing, guilty_row
from tests.factories import stored, submission
from views_plugins.machines import history, parts

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
HEARTBEAT = "org.clearlinux/heartbeat/ping"
CRASH = "org.clearlinux/crash/error"
ODD = [
    "a machine",
    "50%",
    "a/b",
    "/",
    ".",
    "..",
    "../records",
    "a//b",
    "a\\b",
    "\"'<b>&",
    "a?b#c",
    "größe \u202e x",
    "a\tb",
    "overall",
    "?machine_id=x",
]


@pytest.fixture
def reader(client: Client, settings) -> Client:
    settings.TELEMETRY_ANONYMOUS_READ = True
    return client


def digest() -> None:
    while digest_batch(1000):
        pass


def page(client: Client, machine_id: str = "m", query: str = "") -> str:
    address = addresses.machine(machine_id) + query
    response = client.get(address)
    assert response.status_code == 200, address
    return response.content.decode()


def words(html: str) -> str:
    main = html.partition('id="content"')[2] or html
    plain = re.sub(r"<[^>]*>", " ", main.replace("<wbr>", ""))
    return " ".join(unescape(plain).split())


# --- What it shows ------------------------------------------------------------------


def test_a_machine_shows_what_it_sent_when_and_from_where(reader):
    for days, build, kind in [
        (0, "1", HEARTBEAT),
        (0, "1", "org.clearlinux/hello/world"),
        (1, "2", HEARTBEAT),
        (2, "2", CRASH),
    ]:
        stored(
            NOON + timedelta(days=days),
            machine_id="m",
            build=build,
            classification=kind,
            severity=4 if kind == CRASH else 1,
            kernel_version=f"6.{build}",
            host_type="Some|Machine",
        )
    stored(NOON, machine_id="another", build="9")
    digest()
    text = words(page(reader))
    assert "internal seen from 2026-03-10 to 2026-03-12 4 records" in text
    assert "2 heartbeats among them, on 3 days" in text
    second = "clear-linux-os 2 2026-03-11 2026-03-12 2 1"
    assert f"{second} clear-linux-os 1 2026-03-10 2026-03-10 2 1" in text
    assert "1 low 3 4 critical 1" in text
    assert f"{HEARTBEAT} 2" in text
    assert "Some|Machine" in text
    assert "6.2 x86_64 2026-03-11 2026-03-12 2" in text
    assert "change their id every 3 days" in text
    assert "another" not in text
    assert "clear-linux-os 9" not in text


def test_its_crashes_name_their_guilties(reader):
    helper, main = ("help()", "m.so"), ("main()", "<app>")
    for frame in (helper, helper, main):
        last = crashed(frame, machine_id="m", at=NOON)
    crashed(main, machine_id="another", at=NOON)
    digest()
    html = page(reader)
    assert re.search(r"help\(\) m.so 2 \d+ main\(\) <app> 1 ", words(html))
    pk = guilty_row(*main).pk
    assert f'href="/crashes/guilty_details/{pk}/backtraces?machine_id=m"' in html
    assert f'href="/records/record_details/{last.pk}"' in html


def test_records_that_are_not_counted_yet_are_shown(reader):
    record = stored(NOON, machine_id="m")
    text = page(reader)
    assert "not counted yet" in text
    assert f"/records/record_details/{record.pk}" in text


def test_counts_outlive_the_records_they_are_of(reader):
    stored(NOON, machine_id="m", classification=HEARTBEAT)
    digest()
    Record.objects.all().delete()
    text = words(page(reader))
    assert "1 record and 1 heartbeat among them, on 1 day" in text
    assert "None of its records is kept any more" in text
    assert "There is no record of it any more" in text


@pytest.mark.parametrize(("days", "kept"), [(0, False), (6, False), (7, True)])
def test_an_id_that_does_not_change_is_pointed_out(reader, days, kept):
    for each in (0, days):
        stored(NOON + timedelta(days=each), machine_id="m")
    digest()
    assert ("This id has lasted longer" in page(reader)) == kept


def test_only_the_newest_records_are_looked_at(reader, monkeypatch):
    monkeypatch.setattr(machine, "NEWEST", 3)
    stored(NOON, machine_id="m", classification=CRASH)
    for _ in range(3):
        stored(NOON, machine_id="m", classification=HEARTBEAT)
    digest()
    html = page(reader)
    assert "Of its newest 3 records" in words(html)
    assert f"{HEARTBEAT} 3" in words(html)
    assert f"{CRASH} 1" not in words(html)
    assert "4 records" in words(html)  # counts know them all


# --- Pages of its records -----------------------------------------------------------


def listed(html: str) -> list[int]:
    return [int(each) for each in re.findall(r'data-record="(\d+)"', html)]


@pytest.mark.parametrize("machine_id", ["m", "a/b"])
def test_its_records_are_paged_in_both_directions(reader, machine_id):
    sent = [(NOON, submission(machine_id=machine_id)) for _ in range(120)]
    ids = insert_records(sent)[::-1]
    stored(NOON, machine_id="another")
    seen, address = [], addresses.machine(machine_id)
    pages = []
    while address:
        html = reader.get(address).content.decode()
        pages.append(address)
        seen += listed(html)
        found = re.search(r'rel="next" href="([^"#]*)', html)
        address = unescape(found[1]) if found else ""
    assert seen == ids
    assert len(pages) == 3
    back = re.search(r'rel="prev" href="([^"#]*)', html)
    assert listed(reader.get(unescape(back[1])).content.decode()) == ids[50:100]


@pytest.mark.parametrize("query", ["from_id=x", "after_id=-1", f"from_id={2**70}"])
def test_a_page_that_makes_no_sense_is_refused(reader, query):
    stored(machine_id="m")
    assert reader.get(f"/machines/m?{query}").status_code == 400


# --- Addresses ----------------------------------------------------------------------


@pytest.mark.parametrize("machine_id", ODD)
def test_an_odd_id_has_a_page_that_shows_it_harmlessly(reader, machine_id):
    record = stored(NOON, machine_id=machine_id)
    stored(NOON, machine_id="another")
    html = page(reader, machine_id)
    assert listed(html) == [record.pk]
    assert "<b>&" not in html
    assert "\u202e" not in html


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(
    st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=32)
    .map(lambda text: text.replace("\x00", "").strip())
    .filter(bool)
)
def test_any_id_leads_to_its_page_and_records(reader, machine_id):
    record = stored(NOON, machine_id=machine_id)
    assert record.pk in listed(page(reader, machine_id))
    records = reader.get(addresses.machine_records(machine_id))
    assert record.pk in listed(records.content.decode())


@pytest.mark.parametrize(
    "address",
    [
        "/machines/none",
        "/machines/a%00b",
        "/machines/?machine_id=a%00b",
        "/machines/?machine_id=..",
        f"/machines/{'x' * 33}",
        "/machines/%20m",
        "/machines/a/b",
        "/machines/%3Cscript%3E",
    ],
)
def test_an_unknown_id_is_not_found_and_the_page_helps(reader, address):
    stored(machine_id="m")
    response = reader.get(address)
    assert response.status_code == 404
    assert "No such machine id" in response.content.decode()
    assert "<script>" not in response.content.decode()


def test_one_finds_a_machine_by_its_id(reader):
    stored(machine_id="a b")
    assert 'name="machine_id"' in reader.get("/machines/").content.decode()
    response = reader.get("/machines/?machine_id=+a+b+")
    assert (response.status_code, response.url) == (302, "/machines/a%20b")


def test_lists_and_records_lead_to_the_machine_and_back(reader):
    record = stored(machine_id="a/b")
    link = 'href="/machines/?machine_id=a%2Fb"'
    assert link in reader.get("/records").content.decode()
    detail = reader.get(f"/records/record_details/{record.pk}").content.decode()
    assert link in detail
    assert 'href="/records?machine_id=a%2Fb"' in detail
    assert 'href="/records?machine_id=a%2Fb"' in page(reader, "a/b")


def test_the_page_of_a_guilty_leads_to_its_machines(reader):
    crashed(("f()", "m.so"), machine_id="a/b", at=datetime.now(UTC))
    digest()
    pk = guilty_row("f()", "m.so").pk
    html = reader.get(f"/crashes/guilty_details/{pk}").content.decode()
    assert 'href="/machines/?machine_id=a%2Fb"' in html
    assert 'href="/records?machine_id=a%2Fb"' in html


# --- Who may ------------------------------------------------------------------------


def test_strangers_are_sent_to_the_login(client):
    stored(machine_id="m")
    for address in ("/machines/m", "/machines/", "/machines/none"):
        response = client.get(address)
        assert response.status_code == 302
        assert response.url.startswith("/login?next=/machines/")


@pytest.mark.parametrize(("held", "seen"), [((), False), (("view_payload",), True)])
def test_payloads_are_shown_to_those_who_may_see_them(client, held, seen):
    user = User.objects.create_user("somebody")
    names = ("view_record", *held)
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(user)
    stored(machine_id="m", payload="a secret payload")
    assert ("a secret payload" in page(client)) == seen


def test_an_account_without_the_right_to_read_is_refused(client):
    client.force_login(User.objects.create_user("somebody"))
    assert client.get("/machines/m").status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_machines_are_only_read(reader, method):
    assert getattr(reader, method)("/machines/m").status_code == 405


# --- Counts -------------------------------------------------------------------------


def test_the_counts_are_those_of_the_records(reader):
    sent = [
        submission(
            machine_id="m" if n % 3 else "another",
            build=str(n % 4),
            external=n % 5 == 0,
            classification=HEARTBEAT if n % 2 else CRASH,
        )
        for n in range(40)
    ]
    insert_records([(NOON + timedelta(hours=7 * n), r) for n, r in enumerate(sent)])
    digest()
    found = history.find("m")
    assert found is not None
    records = list(
        Record.objects.filter(machine_id="m").select_related(
            "kind__classification", "build"
        )
    )
    classes = Counter(each.kind.classification.name for each in records)
    assert found.records == len(records)
    assert found.heartbeats == classes[HEARTBEAT]
    assert found.sent.classifications == classes
    assert found.active_days == len({each.received_at.date() for each in records})
    assert {each.label.version: each.records for each in found.builds} == Counter(
        each.build.version for each in records
    )
    chart = parts.days(found)
    charted = {
        label.text: sum(each.values[n] or 0 for each in chart.series)
        for n, label in enumerate(chart.categories)
    }
    by_day = Counter(each.received_at.date().isoformat() for each in records)
    assert {day: n for day, n in charted.items() if n} == by_day


def test_a_long_life_is_charted_by_its_last_days():
    for days in (0, 200):
        stored(NOON + timedelta(days=days), machine_id="m")
    digest()
    found = history.find("m")
    assert found is not None
    chart = parts.days(found)
    assert len(chart.categories) == parts.CHARTED
    assert chart.categories[-1].text == "2026-09-26"
    assert chart.note


def test_a_busy_machine_costs_no_more_questions(reader, django_assert_max_num_queries):
    sent = [
        submission(machine_id="m", build=str(n % 7), kernel_version=f"6.{n}")
        if n % 3
        else crashing((f"f{n}()", "m.so"), machine_id="m", build=str(n % 7))
        for n in range(60)
    ]
    insert_records([(NOON + timedelta(hours=5 * n), r) for n, r in enumerate(sent)])
    digest()
    page(reader)  # names are remembered
    # Its days; its newest records, which are looked for from the last id on, further
    # back and in all others; guilties and their frames and what they are merged into;
    # the newest records of all, and a page; PostgreSQL bounds that one in time.
    with django_assert_max_num_queries(12):
        page(reader)
