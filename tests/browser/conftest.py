"""Pages in the distribution's Chromium; anything the browser complains about fails."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Error,
    Page,
    Request,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from tests.conftest import IN_CI

# The first makes no window around a page, which takes longer than most pages.
CHROMIUM_NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
)
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A window makes two pages of its own for each of ours.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup",
]
REPORT_CSP = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`CSP: ${event.violatedDirective} blocks ${event.blockedURI}`);
});
"""
LOCAL_HOSTS = {"localhost", "127.0.0.1"}

expect.set_options(timeout=30_000)  # a machine with other work is slow, not wrong


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of the installed Chromium."""
    for path in map(shutil.which, CHROMIUM_NAMES):
        if path:
            return path
    if IN_CI:
        pytest.fail("CI needs Chromium for the browser tests")
    pytest.skip("Chromium is not installed")


@pytest.fixture(scope="module")  # a browser that is only open costs half a processor
def chromium_browser(chromium: str) -> Iterator[Browser]:
    # Playwright keeps an event loop in this thread, where Django would then refuse to
    # touch the database.
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(
            executable_path=chromium, args=CHROMIUM_ARGUMENTS
        )
        yield browser
        browser.close()


@pytest.fixture
def page_problems() -> list[str]:
    """What the browser complained about so far; a test that expects it clears it."""
    return []


@pytest.fixture
def browser_page(chromium_browser: Browser, page_problems: list[str]) -> Iterator[Page]:
    """A page in a fresh context, watched until the end of the test."""
    context = chromium_browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(REPORT_CSP)
    page = context.new_page()
    watch(page, page_problems)
    yield page
    with suppress(Error):
        page.wait_for_timeout(50)  # lets the last events arrive
    context.close()
    assert not page_problems, "\n".join(page_problems)


@pytest.fixture
def sign_in(
    browser_page: Page, live_server: LiveServer, client: Client
) -> Callable[[User], None]:
    """Gives the browser a session of this user."""

    def sign_in(user: User) -> None:
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        browser_page.context.add_cookies(
            [
                {
                    "name": name,
                    "value": client.cookies[name].value,
                    "url": live_server.url,
                }
            ]
        )

    return sign_in


def watch(page: Page, problems: list[str]) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            problems.append(f"console {message.type}: {message.text}")

    def on_request(request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme.startswith("http") and address.hostname not in LOCAL_HOSTS:
            problems.append(f"request to another host: {request.url}")

    def on_request_failed(request: Request) -> None:
        # A page that is left aborts what it was still loading.
        if request.failure != "net::ERR_ABORTED":
            problems.append(f"request failed: {request.url} ({request.failure})")

    page.on("console", on_console)
    page.on("pageerror", lambda error: problems.append(f"page error: {error}"))
    page.on("request", on_request)
    page.on("requestfailed", on_request_failed)
