"""The Crashes pages in a browser: from the top to a new rule, and back."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Permission, User
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from crashes import classes, curation, views
from crashes.models import CrashClassification, Guilty, Rule
from tests.browser.test_records_pages import expect_contrast
from tests.crashes.factories import (
    crashed,
    digest,
    guilty_of,
    guilty_row,
    in_force,
    judge_everything,
    rule,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HELPER = ("helper()", "libhelp.so.1")
LONG = (
    "ns::Outer<std::map<std::string, std::vector<int> > >::Inner::"
    + "a_very_long_name" * 12
    + "(std::function<void (std::string const&, int)>)"
)
HOSTILE = "<img src=x onerror=\"alert('owned')\">:|,\u202egnp"


@pytest.fixture(autouse=True)
def _start_afresh() -> Iterator[None]:
    cache.clear()
    # A database that a test before this one emptied has lost what it starts with.
    CrashClassification.objects.get_or_create(pattern="*/crash/clr")
    classes.forget()
    in_force(rule("abort()", "libc.so.6", reason="It only ends programs."))
    yield
    cache.clear()


@pytest.fixture
def at(live_server: LiveServer) -> Callable[[str], str]:
    return lambda path: f"{live_server.url}{path}"


@pytest.fixture
def crash():
    """Crashes of today; the one of the helper has two different backtraces."""
    now = datetime.now(UTC)
    for caller in ("first()", "second()"):
        found = crashed(
            ("abort()", "libc.so.6"), HELPER, (caller, "app"), at=now, signal=6
        )
    crashed((LONG, "app"), at=now)
    crashed((HOSTILE, "<b>.so"), at=now, build="2.10.0-rc1")
    digest()
    return found


def account(name: str, *more: str) -> User:
    user = User.objects.create_user(name, password="secret")
    wanted = ("view_record", "view_payload", *more)
    user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
    return user


@pytest.fixture
def as_curator(browser_page: Page, sign_in) -> Page:
    sign_in(account("curator", "change_rule", "change_guilty"))
    return browser_page


@pytest.fixture
def as_viewer(browser_page: Page, sign_in) -> Page:
    sign_in(account("viewer"))
    return browser_page


def addresses() -> list[str]:
    guilty = guilty_row(*HELPER).pk
    return [
        "/crashes",
        "/crashes/overall",
        "/crashes/2.10.0-rc1",
        f"/crashes/guilty_details/{guilty}",
        f"/crashes/guilty_details/{guilty}/backtraces",
        f"/crashes/guilty_details/{Guilty.objects.get(frame__function=LONG).pk}",
        "/crashes/rules",
        "/crashes/rules/suggestions",
        "/crashes/rules/versions",
    ]


def preview_address() -> str:
    frame = guilty_row(*HELPER).frame_id
    return f"/crashes/guilty_edit/preview?action=mark&frame={frame}&reason=why"


def test_from_the_top_to_a_new_rule_and_back(as_curator, at, crash):
    page = as_curator
    page.goto(at("/crashes"))
    page.get_by_role("link", name="helper() libhelp.so.1").click()
    page.get_by_role("link", name="Backtraces", exact=True).click()
    expect(page.locator(".backtrace")).to_have_count(2)
    guilty = page.locator(".frame-chosen").first
    expect(guilty).to_contain_text(
        "#1 helper() libhelp.so.1 guilty", use_inner_text=True
    )
    expect(page.locator(".frame-ignored").first).to_contain_text(
        "It only ends programs."
    )
    guilty.get_by_role("checkbox").check()
    # The same frame is checked in every backtrace, and counted once.
    expect(page.locator("input[name=frame]:checked")).to_have_count(2)
    expect(page.locator("#marked")).to_have_text("1 frame is checked.")
    page.get_by_label("Where").select_option(label="in any version of this library")
    page.get_by_label("Reason").fill("It only helps.")
    page.get_by_role("button", name="Preview").click()

    expect(page.get_by_role("heading", name="nothing is changed yet")).to_be_visible()
    expect(page.locator(".figures")).to_contain_text("2 crashes move")
    for group in ("Appear 2", "Vanish 1"):
        expect(page.get_by_role("heading", name=group)).to_be_visible()
    assert guilty_of(crash) == HELPER
    page.get_by_role("button", name="Apply").click()

    progress = page.locator("#progress")
    expect(progress).to_contain_text("0 of 2 backtraces are judged")
    assert curation.judge_again(1) == 1
    expect(progress).to_contain_text("1 of 2 backtraces are judged")
    judge_everything()
    expect(progress).to_contain_text("Pages answer by these rules")
    assert guilty_of(crash) == ("second()", "app")
    made = Rule.objects.get(author__username="curator")
    assert (made.module, made.reason) == ("libhelp.so*", "It only helps.")

    page.get_by_role("button", name="Undo").click()
    expect(progress).to_contain_text("0 of 2 backtraces are judged")
    judge_everything()
    expect(progress).to_contain_text("Pages answer by these rules")
    assert guilty_of(crash) == HELPER


def test_progress_says_when_no_worker_runs(as_curator, at, crash, monkeypatch):
    page = as_curator
    monkeypatch.setattr(views, "STUCK_POLLS", 2)
    page.goto(at(preview_address()))
    page.get_by_role("button", name="Apply").click()
    notice = page.get_by_text("Nothing moves: is the worker running?")
    expect(notice).to_be_visible()
    judge_everything()
    expect(notice).to_be_hidden()


def test_a_viewer_reads_and_changes_nothing(as_viewer, at, crash, page_problems):
    page = as_viewer
    for path in addresses():
        page.goto(at(path))
        expect(page.locator("main form[method=post]")).to_have_count(0)
    expect(page.locator("main button", has_text="Undo")).to_have_count(0)
    page.goto(at("/crashes"))
    guilty = f"/crashes/guilty_edit/{guilty_row(*HELPER).pk}"
    for path in ("/crashes/guilty_edit/apply", guilty, "/crashes/guilty_edit/undo"):
        status = page.evaluate(
            "path => fetch(path, {method: 'POST'}).then(answer => answer.status)", path
        )
        assert status == 403
    page_problems.clear()  # the browser tells of each refusal


def test_a_curator_comments_and_hides(as_curator, at, crash):
    page = as_curator
    guilty = guilty_row(*HELPER).pk
    page.goto(at(f"/crashes/guilty_details/{guilty}"))
    page.get_by_label("Comment").fill("See <b>bug</b> 12")
    page.get_by_role("button", name="Save comment").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.get_by_role("button", name="Hide").click()
    expect(page.get_by_role("button", name="Show again")).to_be_visible()
    page.goto(at("/crashes"))
    row = page.get_by_role("row", name="helper()")
    expect(row).to_have_count(0)
    page.get_by_label("hidden ones too").check()
    expect(row).to_contain_text("See <b>bug</b> 12")


def test_the_window_is_chosen_with_one_click(as_viewer, at, crash):
    page = as_viewer
    page.goto(at("/crashes"))
    page.get_by_label("Received").select_option("30 days")
    page.wait_for_url("**/crashes?days=30")
    expect(page.get_by_label("Received")).to_have_value("30")


def test_nothing_hostile_is_obeyed_and_everything_fits(as_curator, at, crash):
    page = as_curator
    for path in (*addresses(), preview_address()):
        page.goto(at(path))
        assert page.locator("main img, main b").count() == 0
        for width in (1280, 390):
            page.set_viewport_size({"width": width, "height": 844})
            assert page.evaluate(
                "document.documentElement.scrollWidth <= "
                "document.documentElement.clientWidth"
            ), (path, width)


def test_text_stands_out_from_what_is_behind_it(as_curator, at, crash):
    page = as_curator
    Guilty.objects.filter(frame__function=LONG).update(hidden=True, comment="Known")
    for path in (*addresses(), "/crashes?hidden=on", preview_address()):
        page.goto(at(path))
        expect_contrast(page)


def test_one_reaches_and_marks_frames_by_keyboard(as_curator, at, crash):
    page = as_curator
    page.goto(at(f"/crashes/guilty_details/{guilty_row(*HELPER).pk}/backtraces"))
    page.locator(".frame-chosen input").first.focus()
    page.keyboard.press("Space")
    expect(page.locator("input[name=frame]:checked")).to_have_count(2)
    page.get_by_label("Reason").focus()
    page.keyboard.type("By keyboard.")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="nothing is changed yet")).to_be_visible()


def test_without_scripts_one_curates_as_well(
    chromium_browser: Browser, at, client, crash
):
    account("curator", "change_rule", "change_guilty")
    context = chromium_browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(at("/crashes"))
    page.get_by_label("User name").fill("curator")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()
    page.get_by_label("Received").select_option("30 days")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("link", name="helper() libhelp.so.1").click()
    page.get_by_role("link", name="Backtraces", exact=True).click()
    page.locator(".frame-chosen input").first.check()
    page.get_by_label("Reason").fill("It only helps.")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Apply").click()
    judge_everything()
    page.get_by_role("link", name="Look again").click()
    expect(page.locator("#progress")).to_contain_text("Pages answer by these rules")
    assert guilty_of(crash) == ("second()", "app")
    context.close()
