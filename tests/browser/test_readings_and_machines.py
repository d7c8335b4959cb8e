"""Records that are read, and pages of machines, in a browser."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from records import addresses
from tests.browser.test_crash_pages import _start_afresh
from tests.crashes.factories import crashed, digest
from tests.factories import stored
from tests.views_plugins.updates.factories import updated

__all__ = ["_start_afresh"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HELPER, MAIN = ("help_out()", "libhelp.so"), ("main()", "/usr/bin/app")
ODD = "<img src=x onerror=alert(1)>/.."


@pytest.fixture
def at(live_server: LiveServer) -> Callable[[str], str]:
    return lambda path: f"{live_server.url}{path}"


@pytest.fixture
def page(browser_page: Page, settings) -> Page:
    settings.TELEMETRY_ANONYMOUS_READ = True
    return browser_page


@pytest.fixture
def plain_page(chromium_browser: Browser, settings) -> Iterator[Page]:
    """A browser that runs no scripts."""
    settings.TELEMETRY_ANONYMOUS_READ = True
    context = chromium_browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


def now() -> datetime:
    return datetime.now(UTC)


def test_a_curator_marks_a_frame_in_the_dialog_of_a_record(browser_page, at, sign_in):
    user = User.objects.create_user("curator", password="secret")
    held = ("view_record", "view_payload", "change_rule")
    user.user_permissions.set(Permission.objects.filter(codename__in=held))
    sign_in(user)
    record = crashed(HELPER, MAIN, at=now())
    digest()
    page = browser_page
    page.goto(at("/records"))
    page.locator(f"#record-{record.pk} .row-link").click()
    dialog = page.locator("#record-dialog")
    expect(dialog.locator(".frame-chosen")).to_contain_text("help_out")
    expect(dialog.locator("pre.payload")).to_contain_text(
        "#0 help_out() - [libhelp.so]"
    )
    dialog.get_by_label(re.compile("Never guilty: frame 0")).check()
    dialog.get_by_text("Some of these frames are never guilty").click()
    dialog.get_by_label("Reason").fill("It only helps.")
    dialog.get_by_role("button", name="Preview").click()
    expect(page).to_have_url(at("/crashes/guilty_edit/preview"))
    expect(page.locator("#content")).to_contain_text("main()")


def test_without_scripts_a_record_is_read_too(plain_page, at):
    record = updated(43920, 43960, 18, "time= 57.7", at=now())
    plain_page.goto(at(f"/records/record_details/{record.pk}"))
    reading = plain_page.locator(".reading")
    expect(reading).to_contain_text("Update from 43920 to 43960")
    expect(plain_page.locator("pre.payload")).to_contain_text("result=18")
    plain_page.get_by_text("Raw text").click()
    expect(plain_page.locator("pre.payload")).to_be_hidden()
    expect(reading).to_be_visible()


@pytest.mark.parametrize("machine_id", ["lab rack 7", ODD])
def test_from_the_list_to_the_machine_and_back(page, at, machine_id):
    for _ in range(60):
        stored(now(), machine_id=machine_id)
    crashed(HELPER, MAIN, at=now(), machine_id=machine_id)
    digest()
    page.goto(at("/records"))
    page.locator("#rows .c-machine a").first.click()
    expect(page).to_have_url(at(addresses.machine(machine_id)))
    expect(page.get_by_role("heading", level=1)).to_have_text(machine_id)
    expect(page.locator("#content")).to_contain_text("help_out()")
    expect(page.locator("canvas")).to_be_visible()
    expect(page.locator("[data-record]")).to_have_count(50)
    page.get_by_role("link", name="Older →").click()
    expect(page.locator("[data-record]")).to_have_count(11)
    page.get_by_role("link", name="← Newer").click()
    expect(page.locator("[data-record]")).to_have_count(50)
    page.get_by_role("link", name="Filter its records").click()
    expect(page.locator(".chip-value")).to_have_text(machine_id)


def test_machines_and_updates_fit_the_screen(page, at):
    updated("1" * 64, "2" * 64, at=now(), machine_id=ODD, build="3" * 200)
    updated("1" * 64, -1, 11, at=now(), machine_id=ODD)
    crashed(("f" * 900, "m" * 900), at=now(), machine_id=ODD)
    digest()
    fits = "document.documentElement.scrollWidth <= innerWidth"
    for path in (addresses.machine(ODD), "/updates", "/machines/"):
        page.goto(at(path))
        for width in (1300, 390):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate(fits), (path, width)
