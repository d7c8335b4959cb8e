"""Logging in, changing a password and making a token, in a browser."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.accounts.people import bearer, member
from tests.browser.test_records_pages import expect_contrast

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

OLD, NEW = "until now 1", "from now on 2"


def log_in(page: Page, name: str, password: str) -> None:
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_person_logs_in_and_changes_the_password(
    browser_page: Page, live_server: LiveServer
):
    member("curator", password=OLD)
    page = browser_page
    page.goto(f"{live_server.url}/account")
    log_in(page, "curator", OLD)
    expect(page.get_by_role("heading", name="curator")).to_be_visible()
    expect_contrast(page)
    page.get_by_role("link", name="Change password").click()
    page.get_by_label("Current password").fill(OLD)
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password again").fill(NEW)
    page.get_by_role("button", name="Change password").click()
    expect(page.get_by_role("status")).to_have_text("Your password was changed.")
    page.get_by_role("button", name="Log out").click()
    log_in(page, "curator", OLD)
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    log_in(page, "curator", NEW)
    page.wait_for_url("**/records")


def test_an_admin_makes_a_token_that_works(browser_page: Page, live_server: LiveServer):
    member("admin", password=OLD)
    page = browser_page
    page.goto(f"{live_server.url}/admin/accounts/apitoken/add/")
    log_in(page, "admin", OLD)
    page.get_by_label("Name:").fill("nightly")
    page.get_by_role("button", name="Save", exact=True).click()
    secret = page.locator("#secret").inner_text()
    answer = page.context.browser.new_context().request.get(
        f"{live_server.url}/api/records", headers=bearer(secret)
    )
    assert answer.json() == {"records": []}
