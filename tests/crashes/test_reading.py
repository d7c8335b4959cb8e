"""A crash on the page of its record."""

import re
from html import unescape

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from crashes.models import Frame
from records.models import Record
from tests.crashes import OOPS, THREADED
from tests.crashes.factories import NOON, crashed, digest, guilty_row, in_force, rule
from tests.factories import stored

pytestmark = pytest.mark.django_db

ABORT, HELPER, MAIN = ("abort()", "libc.so"), ("help()", "m.so"), ("main()", "app")


@pytest.fixture
def viewer() -> Client:
    return signed_in()


@pytest.fixture
def curator() -> Client:
    return signed_in("change_rule")


def signed_in(*more: str) -> Client:
    user = User.objects.create_user("somebody")
    held = ("view_record", "view_payload", *more)
    user.user_permissions.set(Permission.objects.filter(codename__in=held))
    client = Client()
    client.force_login(user)
    return client


def reading(client: Client, record: Record) -> str:
    """The part of the page above the raw text."""
    response = client.get(f"/records/record_details/{record.pk}")
    assert response.status_code == 200
    found = re.search(
        r'<div class="reading">(.*?)</div>\s*<details open',
        response.content.decode(),
        re.S,
    )
    return found[1] if found else ""


def words(html: str) -> str:
    plain = re.sub(r"<[^>]*>", " ", html.replace("<wbr>", ""))
    return " ".join(unescape(plain).split())


def test_a_crash_shows_its_guilty_and_every_verdict(viewer):
    in_force(rule(*ABORT))
    record = crashed(ABORT, HELPER, MAIN, program="/usr/bin/app", signal=6)
    digest()
    page = reading(viewer, record)
    assert words(page).startswith("/usr/bin/app SIGABRT process 1 Guilty: help() m.so")
    assert f'href="/crashes/guilty_details/{guilty_row(*HELPER).pk}"' in page
    assert f'href="/records?guilty={guilty_row(*HELPER).pk}"' in page
    verdicts = re.findall(r'class="frame frame-(\w+)"', page)
    assert verdicts == ["ignored", "chosen", "below"]
    assert "never guilty rule" in words(page)


def test_only_a_curator_can_mark_frames_from_it(viewer):
    record = crashed(HELPER, MAIN)
    digest()
    assert "<form" not in reading(viewer, record)
    User.objects.all().delete()
    page = reading(signed_in("change_rule"), record)
    frame = Frame.objects.get(function="help()")
    assert 'action="/crashes/guilty_edit/preview"' in page
    assert f'name="frame" value="{frame.pk}"' in page


def test_what_is_marked_on_it_is_previewed(curator):
    record = crashed(HELPER, MAIN)
    digest()
    page = reading(curator, record)
    data = {
        **dict(re.findall(r'<input type="hidden" name="(\w+)" value="(\w+)"', page)),
        "frame": str(Frame.objects.get(function="help()").pk),
        "kind": re.findall(r'name="kind">\s*<option value="(\w*)"', page)[0],
        "where": re.findall(r'name="where">\s*<option value="(\w*)"', page)[0],
        "reason": "only helps",
    }
    response = curator.post("/crashes/guilty_edit/preview", data)
    assert response.status_code == 200
    assert "main()" in words(response.content.decode())


def test_a_merged_guilty_leads_to_the_one_it_counts_with(viewer):
    first, other = crashed(HELPER), crashed(MAIN)
    digest()
    merged = guilty_row(*HELPER)
    merged.merged_into = guilty_row(*MAIN)
    merged.save()
    for record in (first, other):
        assert "Guilty: main() app" in words(reading(viewer, record))


def test_a_crash_that_is_not_digested_yet_says_so(viewer):
    record = crashed(HELPER)
    shown = words(reading(viewer, record))
    assert shown.startswith("/usr/bin/app SIGSEGV")
    assert "not judged" in shown
    digest()
    assert "not judged" not in words(reading(viewer, record))


def test_a_kernel_crash_shows_its_reason(viewer):
    record = stored(NOON, classification="org.clearlinux/kernel/bug", payload=OOPS)
    digest()
    shown = words(reading(viewer, record))
    assert shown.startswith("kernel")
    assert "Reason" in shown
    assert "Guilty:" in shown


def test_other_threads_are_left_to_the_raw_text(viewer):
    record = stored(NOON, classification="org.clearlinux/crash/clr", payload=THREADED)
    digest()
    assert re.search(
        r"\d more threads? in the raw text", words(reading(viewer, record))
    )


@pytest.mark.parametrize("payload", ["", "no crash", "\x01<b>"])
def test_a_crash_without_frames_says_so(viewer, payload):
    record = stored(
        NOON, classification="org.clearlinux/crash/error", payload=payload or "\n"
    )
    digest()
    assert "It has no frames" in words(reading(viewer, record))


def test_hostile_text_is_shown_not_obeyed(viewer):
    record = crashed(("<b>f()", "<i>\u202e.so"), program="<script>alert(1)</script>")
    digest()
    page = reading(viewer, record)
    assert "<script" not in page
    assert "<b>" not in page
    assert "&lt;script&gt;alert" in page.replace("<wbr>", "")
    assert "\u202e" not in page


def test_what_is_no_crash_has_no_reading(viewer):
    assert reading(viewer, stored(NOON)) == ""
