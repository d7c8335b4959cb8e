"""The page on capacity in a browser: wide and narrow, in both themes."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.test_records_pages import expect_contrast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _open(settings):
    settings.TELEMETRY_ANONYMOUS_READ = True


@pytest.mark.parametrize("width", [390, 1280])
def test_a_fleet_is_computed_on_any_screen(
    browser_page: Page, live_server: LiveServer, width
):
    page = browser_page
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(f"{live_server.url}/capacity")
    page.get_by_label("Machines").fill("1000000")
    page.get_by_label("Peak factor").fill("100")
    page.get_by_role("button", name="Compute").click()
    row = page.get_by_role("row", name="Records a day")
    expect(row).to_contain_text("1,700,000")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    expect_contrast(page)


def test_what_makes_no_sense_is_said_beside_its_field(
    browser_page: Page, live_server: LiveServer, page_problems: list[str]
):
    page = browser_page
    page.goto(f"{live_server.url}/capacity?short_share=70&long_share=40")
    expect(page.get_by_role("alert")).to_contain_text("cannot be computed")
    expect(page.get_by_text("more than 100 percent")).to_be_visible()
    expect_contrast(page)
    page_problems.clear()  # the status 400
