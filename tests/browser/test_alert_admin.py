"""Channels and rules of alerts, made by hand in the admin."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from alerts.models import Channel, Delivery, Rule
from tests.crashes.factories import crashed, digest
from tests.crashes.users import user_with

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SHOTS = os.environ.get("SHOTS", "")
RIGHTS = [
    f"alerts.{do}_{m}" for do in ("view", "add", "change") for m in ("rule", "channel")
]


@pytest.fixture
def page(browser_page: Page, sign_in) -> Page:
    sign_in(user_with(*RIGHTS, "alerts.view_delivery", staff=True))
    return browser_page


def picture(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def test_a_channel_is_added_and_tested(page: Page, live_server: LiveServer):
    page.goto(f"{live_server.url}/admin/alerts/channel/add/")
    page.get_by_label("Name").fill("ops")
    page.get_by_label("Kind").select_option("webhook")
    page.get_by_label("Target").fill("https://hooks.example/1")
    page.get_by_label("Secret").fill("0123456789abcdef")
    page.get_by_role("button", name="Save and continue editing").click()
    assert page.get_by_label("Secret").input_value() == ""
    picture(page, "channel")
    page.get_by_role("button", name="Save and send a test message").click()
    page.get_by_role("link", name="what becomes of it").click()
    assert "on its way" in page.locator("#result_list").inner_text()
    picture(page, "deliveries")
    assert Delivery.objects.get().channel == Channel.objects.get()


def test_a_rule_is_added_and_shows_what_it_reads(page: Page, live_server: LiveServer):
    crashed(("<b>f", "m.so"), at=None)
    digest()
    Channel.objects.create(name="ops", kind="slack", target="https://hooks.example/1")
    page.goto(f"{live_server.url}/admin/alerts/rule/add/")
    page.get_by_label("Name", exact=False).first.fill("crashes")
    page.get_by_label("Condition").select_option("new-guilty")
    page.get_by_label("Threshold").fill("1")
    page.get_by_role("button", name="Save and continue editing").click()
    picture(page, "rule")
    rule = Rule.objects.get()
    assert (rule.threshold, rule.days) == (1, 7)
    page.get_by_role("link", name="What it reads now").click()
    row = page.locator("#content").get_by_role("row").nth(1).inner_text()
    assert "<b>f [m.so]" in row
    assert "begins" in row
    picture(page, "now")
