"""The Records pages in a browser: with scripts, without, wide, narrow, by keyboard."""

import csv
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from records import listing
from records.digest import digest_batch
from records.store import insert_records
from tests.factories import submission

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS = "#rows [data-record]"
HOSTILE = (
    "<script>document.title = 'owned'</script><img src=x onerror=\"alert('owned')\">"
    "\n\x1b[2J\x1b[31mred\x07 \u202egnp.exe\u202c\u2066 end\n"
)


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


@pytest.fixture
def at(live_server: LiveServer) -> Callable[[str], str]:
    return lambda path: f"{live_server.url}{path}"


def store(count: int = 1, *, seconds_ago: float = 60, **changes) -> list[int]:
    moment = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    ids = insert_records([(moment, submission(**changes)) for _ in range(count)])
    digest_batch(1000)
    return ids


def row(page: Page, record_id: int):
    return page.locator(f"#record-{record_id}")


# --- Filters -------------------------------------------------------------------------


def test_filters_are_applied_shown_and_taken_back(page, at):
    store(2)
    (kept,) = store(severity=4, classification="org.clearlinux/crash/clr")
    page.goto(at("/records"))
    expect(page.locator(ROWS)).to_have_count(3)
    page.get_by_role("radio", name="critical").check()
    page.get_by_label("Classification").fill("org.clearlinux/crash/*")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(row(page, kept)).to_be_visible()
    # What was left empty is not in the address.
    assert page.url == at(
        "/records?classification=org.clearlinux%2Fcrash%2F*&severity=4"
    )
    page.get_by_role("link", name="Severity 4 critical").click()
    assert page.url == at("/records?classification=org.clearlinux%2Fcrash%2F%2A")
    page.get_by_role("link", name="Clear", exact=True).click()
    expect(page.locator(ROWS)).to_have_count(3)


def test_versions_follow_the_operating_system(page, at):
    store(build="43210")
    store(system_name="ubuntu", build="22.04")
    store(system_name="ubuntu", build="24.04")
    page.goto(at("/records"))
    versions = page.get_by_label("Version").locator("option")
    expect(versions).to_have_text(["any"])
    page.get_by_label("OS", exact=True).select_option("ubuntu")
    expect(versions).to_have_text(["any", "24.04", "22.04"])
    page.get_by_label("Version").select_option("22.04")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(ROWS)).to_have_count(1)
    expect(page.get_by_label("Version")).to_have_value("22.04")


def test_counts_appear_beside_the_filters_and_lead_on(page, at):
    store(2)
    store(3, classification="org.clearlinux/crash/clr", severity=3)
    store(4, system_name="ubuntu", build="24.04", external=True)
    page.goto(at("/records"))
    facets = page.locator("#facets")
    expect(facets).to_contain_text("9 received")
    expect(page.locator("#count-severity-3")).to_have_text("3")
    expect(page.locator("#count-external-true")).to_have_text("4")
    system = page.get_by_label("OS", exact=True)
    expect(system.locator("option")).to_have_text(
        ["any", "clear-linux-os (5)", "ubuntu (4)"]
    )
    before = page.locator("#f-machine_id").bounding_box()
    facets.get_by_role("link", name="crash/* 3").click()
    expect(page.locator(ROWS)).to_have_count(3)
    expect(facets.locator("[aria-current]")).to_have_text(re.compile(r"crash/\*\s*3"))
    assert page.locator("#f-machine_id").bounding_box() == before  # nothing jumped


def test_a_wrong_filter_is_explained_beside_its_field(page, at, page_problems):
    store()
    page.goto(at("/records"))
    page.get_by_label("Payload matches").fill("(")
    page.get_by_role("button", name="Apply").click()
    field = page.get_by_label("Payload matches")
    expect(field).to_have_accessible_description(re.compile("Not a regular expression"))
    expect(page.get_by_role("alert")).to_contain_text("could not be answered")
    expect(page.locator(ROWS)).to_have_count(0)
    assert len(page_problems) == 1
    assert "400 (Bad Request)" in page_problems[0]
    page_problems.clear()


# --- Pages ---------------------------------------------------------------------------


def test_load_more_appends_older_rows_and_keeps_the_focus(page, at):
    ids = store(120)
    page.goto(at("/records"))
    more = page.get_by_role("link", name="Load more")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(100)
    expect(row(page, ids[69]).locator(".row-link")).to_be_focused()
    more.click()
    expect(page.locator(ROWS)).to_have_count(120)
    expect(more).to_be_hidden()
    shown = page.locator(ROWS).evaluate_all("rows => rows.map(r => r.dataset.record)")
    assert shown == [str(each) for each in ids[::-1]]
    assert page.url == at("/records")


def test_an_older_page_leads_back_to_newer_ones(page, at):
    ids = store(120)
    page.goto(at(f"/records?from_id={ids[20]}"))
    expect(page.locator(ROWS)).to_have_count(20)
    expect(page.locator("#live")).to_have_count(0)
    page.get_by_role("link", name="← Newer").click()
    expect(page.locator(ROWS)).to_have_count(50)
    expect(row(page, ids[20])).to_be_visible()
    page.get_by_role("link", name="Newest").click()
    expect(row(page, ids[-1])).to_be_visible()


def test_a_refusal_while_loading_more_is_told(page, at, page_problems):
    store(60)
    page.goto(at("/records"))
    page.route("**/records/more*", lambda route: route.fulfill(status=503, body="no"))
    page.get_by_role("link", name="Load more").click()
    expect(page.locator("#notice")).to_have_text("The server answered 503.")
    expect(page.locator(ROWS)).to_have_count(50)
    page_problems.clear()


# --- Live ----------------------------------------------------------------------------


def test_live_prepends_only_new_rows_and_announces_them(page, at):
    (first,) = store()
    page.clock.install()
    page.goto(at("/records"))
    asked: list[tuple[str, str | None]] = []

    def watch(route: Route) -> None:
        headers = route.request.headers
        asked.append((route.request.url, headers.get("if-none-match")))
        route.continue_()

    page.route("**/records/live*", watch)
    page.locator("#live").check()
    new = store(2)
    page.clock.run_for(6_000)
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.get_by_role("status").filter(has_text="2 new")).to_have_count(1)
    assert page.locator(ROWS).first.get_attribute("id") == f"record-{new[-1]}"
    expect(row(page, new[0])).to_have_class("fresh")
    with page.expect_response("**/records/live*") as answered:
        page.clock.run_for(6_000)
    assert answered.value.status == 304
    address, tag = asked[-1]
    assert f"after_id={new[-1]}" in address
    assert tag == f'"{new[-1]}"'
    assert f"after_id={first}" in asked[0][0]


def test_live_keeps_to_the_filters(page, at):
    store(severity=4)
    page.clock.install()
    page.goto(at("/records?severity=4"))
    page.locator("#live").check()
    store(severity=1)
    (new,) = store(severity=4)
    page.clock.run_for(6_000)
    expect(row(page, new)).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(2)


def test_live_fills_a_list_that_was_empty(page, at):
    store(severity=1)
    page.clock.install()
    page.goto(at("/records?severity=4"))
    expect(page.get_by_role("heading", name="No record matches")).to_be_visible()
    page.locator("#live").check()
    (new,) = store(severity=4)
    page.clock.run_for(6_000)
    expect(row(page, new)).to_be_visible()
    expect(page.get_by_role("heading", name="No record matches")).to_have_count(0)


def test_live_rests_while_a_dialog_is_open_and_is_remembered(page, at):
    (first,) = store()
    asked: list[str] = []
    page.clock.install()
    page.goto(at("/records"))
    page.locator("#live").check()
    page.on("request", lambda request: asked.append(request.url))
    row(page, first).click()
    expect(page.locator("#record-dialog article")).to_be_visible()
    (new,) = store()
    asked.clear()
    _let_time_pass(page)
    assert asked == []
    page.keyboard.press("Escape")
    expect(row(page, new)).to_be_visible()  # at once, not after another five seconds
    page.reload()
    expect(page.locator("#live")).to_be_checked()
    page.locator("#live").uncheck()
    page.wait_for_load_state("networkidle")
    asked.clear()
    _let_time_pass(page)
    assert asked == []


def _let_time_pass(page: Page) -> None:
    """Long enough for live rows to be asked for, and for the question to be seen."""
    page.clock.run_for(12_000)
    page.wait_for_timeout(200)


def test_live_shows_a_row_once_that_was_not_settled_when_the_page_was_made(
    page, at, monkeypatch
):
    ids = store(2)
    monkeypatch.setattr(listing, "SETTLING", timedelta(hours=1))
    page.clock.install()
    page.goto(at("/records"))
    with page.expect_response("**/records/live?after_id=0") as answered:
        page.locator("#live").check()
    assert answered.value.status == 304
    monkeypatch.setattr(listing, "SETTLING", timedelta(seconds=1))
    with page.expect_response("**/records/live?after_id=0") as answered:
        page.clock.run_for(6_000)
    assert answered.value.text().count("data-record=") == 2
    with page.expect_response(f"**/records/live?after_id={ids[-1]}"):
        page.clock.run_for(6_000)
    expect(page.locator(ROWS)).to_have_count(2)


def test_a_long_open_list_forgets_its_end_and_finds_it_again(page, at):
    ids = store(520)
    page.clock.install()
    page.goto(at("/records"))
    more = page.get_by_role("link", name="Load more")
    for pages in range(2, 11):
        more.click()
        expect(page.locator(ROWS)).to_have_count(50 * pages)
    ids += store(10)
    page.locator("#live").check()
    expect(row(page, ids[-1])).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(500)
    more.click()
    expect(more).to_be_hidden()
    shown = page.locator(ROWS).evaluate_all("rows => rows.map(r => r.dataset.record)")
    assert shown == [str(each) for each in ids[::-1]]


def test_a_flood_leaves_a_gap_that_can_be_read(page, at):
    (first,) = store()
    page.clock.install()
    page.goto(at("/records"))
    ids = store(60)
    page.locator("#live").check()
    page.get_by_role("link", name="Show the records in between").click()
    expect(page.locator(ROWS)).to_have_count(11)
    expect(row(page, ids[9])).to_be_visible()
    expect(row(page, first)).to_be_visible()


# --- Details -------------------------------------------------------------------------


def test_a_click_opens_the_details_in_a_dialog(page, at):
    store()
    (wanted,) = store(payload="the whole payload", machine_id="m1")
    page.goto(at("/records"))
    row(page, wanted).locator(".c-severity").click()
    dialog = page.get_by_role("dialog", name="Record")
    expect(dialog).to_contain_text("the whole payload")
    expect(dialog.get_by_role("link", name="Open as page")).to_have_attribute(
        "href", at(f"/records/record_details/{wanted}")
    )
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert page.url == at("/records")


def test_the_focus_comes_back_when_the_dialog_closes(page, at):
    _, wanted, _ = store(3)
    page.goto(at("/records"))
    link = row(page, wanted).locator(".row-link")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#record-dialog article")).to_be_visible()
    page.keyboard.press("Escape")
    expect(link).to_be_focused()


def test_the_dialog_walks_along_the_machine(page, at):
    older, newer = store(2, machine_id="m1")
    store(machine_id="m2")
    page.goto(at("/records"))
    row(page, newer).click()
    dialog = page.get_by_role("dialog", name="Record")
    expect(dialog.locator(".timeline li")).to_have_count(2)
    dialog.get_by_role("link", name="← Older").click()
    expect(dialog.locator(f"#record-title-{older}")).to_be_visible()
    dialog.locator(".timeline").get_by_role("link").click()
    expect(dialog.locator(f"#record-title-{newer}")).to_be_visible()
    dialog.get_by_role("link", name="m1").click()
    expect(page.locator(ROWS)).to_have_count(2)


def test_a_click_with_a_modifier_is_the_browser_s(page, at):
    (wanted,) = store()
    page.goto(at("/records"))
    with page.context.expect_page() as opened:
        row(page, wanted).locator(".row-link").click(modifiers=["Control"])
    expect(opened.value).to_have_url(at(f"/records/record_details/{wanted}"))
    expect(page.locator("#record-dialog")).to_be_hidden()


def test_the_record_page_copies_json(page, at):
    (wanted,) = store(payload="to be copied")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(at(f"/records/record_details/{wanted}"))
    page.get_by_role("button", name="Copy as JSON").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert (copied["id"], copied["payload"]) == (wanted, "to be copied")


def test_the_record_page_leads_to_its_like(page, at):
    (wanted,) = store(severity=4)
    store(severity=1)
    page.goto(at(f"/records/record_details/{wanted}"))
    page.get_by_role("link", name="critical").click()
    expect(page.locator(ROWS)).to_have_count(1)


def test_times_tell_the_reader_s_own_zone(page, at):
    store()
    page.goto(at("/records"))
    time = page.locator(f"{ROWS} time")
    expect(time).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d .* UTC$"))
    time.hover()
    expect(time).to_have_attribute("title", re.compile(r"\n\d{4}-\d\d-\d\d .* UTC$"))


def test_ages_grow_while_the_page_is_open(page, at):
    store(seconds_ago=50)
    page.clock.install()
    page.goto(at("/records"))
    page.clock.run_for(75_000)
    expect(page.locator(f"{ROWS} time")).to_have_text("2 min ago")


# --- Hostile payloads ----------------------------------------------------------------


def test_a_hostile_record_does_nothing(page, at):
    (bad,) = store(
        payload=HOSTILE,
        classification="org.example/<script>alert(1)</script>/\u202eexe",
        machine_id="<b>\u202emachine",
        system_name='"><script>alert(1)</script>',
        build="<img src=x onerror=alert(1)>",
    )
    page.goto(at("/records"))
    expect(page.locator(f"{ROWS} script, {ROWS} img, {ROWS} b")).to_have_count(0)
    expect(page.locator("#facets")).to_contain_text("received")
    row(page, bad).click()
    payload = page.locator("#record-dialog pre.payload")
    expect(payload).to_contain_text("<script>document.title = 'owned'</script>")
    shown = payload.text_content()
    assert "⟨ESC⟩[31mred⟨BEL⟩ ⟨U+202E⟩gnp.exe⟨U+202C⟩⟨U+2066⟩ end" in shown
    page.goto(at(f"/records/record_details/{bad}"))
    body = page.locator("body").text_content()
    assert "⟨U+202E⟩machine" in body
    assert not set(body) & set("\x1b\x07\u202e\u202c\u2066")
    assert "owned" not in page.title()


def test_a_very_long_line_stays_inside_the_page(page, at):
    (long,) = store(payload="x" * 300_000)
    page.goto(at(f"/records/record_details/{long}"))
    assert len(page.locator("pre.payload").text_content().strip()) == 300_000
    _expect_no_sideways_scrolling(page)
    page.set_viewport_size({"width": 390, "height": 844})
    _expect_no_sideways_scrolling(page)


def _expect_no_sideways_scrolling(page: Page) -> None:
    assert page.evaluate(
        "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    )


# --- Export --------------------------------------------------------------------------


def test_the_export_is_what_is_filtered(page, at, tmp_path):
    store(severity=1)
    kept = store(2, severity=4)
    page.goto(at("/records?severity=4"))
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    file = Path(tmp_path) / "records.csv"
    download.value.save_as(file)
    assert re.fullmatch(r"records-\d{14}\.csv", download.value.suggested_filename)
    with file.open(newline="") as text:
        assert [int(each["id"]) for each in csv.DictReader(text)] == kept[::-1]


# --- Frame ---------------------------------------------------------------------------


def test_the_theme_is_chosen_kept_and_set_before_anything_is_painted(page, at):
    store()
    page.emulate_media(color_scheme="dark")
    page.goto(at("/records"))
    html = page.locator("html")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.get_by_label("Theme").select_option("light")
    expect(html).to_have_attribute("data-bs-theme", "light")
    page.reload()
    expect(page.get_by_label("Theme")).to_have_value("light")
    # The script stands before the style sheets, and waits for nothing.
    first = page.locator("head script").first
    expect(first).to_have_attribute("src", re.compile(r"/js/theme\b"))
    assert not first.evaluate("script => script.defer || script.async")
    page.get_by_label("Theme").select_option("auto")
    expect(html).to_have_attribute("data-bs-theme", "dark")
    page.emulate_media(color_scheme="light")
    expect(html).to_have_attribute("data-bs-theme", "light")


def test_text_stands_out_from_what_is_behind_it(page, at):
    for severity in (1, 2, 3, 4):
        (one,) = store(severity=severity, external=severity == 4)
    for path in ("/records?severity=4", f"/records/record_details/{one}", "/login"):
        page.goto(at(path))
        page.wait_for_load_state("networkidle")
        expect_contrast(page)


def expect_contrast(page: Page) -> None:
    """Text stands out from what is behind it, in both themes."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        assert page.evaluate(CONTRAST) == [], (page.url, scheme)


CONTRAST = r"""() => {
  // Relative luminance as WCAG has it; a canvas resolves any colour to sRGB.
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 1;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const mix = (below, colour) => {
    pen.fillStyle = below;
    pen.fillRect(0, 0, 1, 1);
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
    return `rgb(${r}, ${g}, ${b})`;
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.match(/\d+/g).map((n) => n / 255)
      .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => element === null ? "white"
    : mix(behind(element.parentElement), getComputedStyle(element).backgroundColor);
  const faint = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.textContent.trim();
    if (!text || !element.checkVisibility()) continue;
    if (element.closest(".disabled, option")) continue;
    const ground = behind(element);
    const ink = mix(ground, getComputedStyle(element).color);
    const [high, low] = [luminance(ink), luminance(ground)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push(`${text}: ${ink} on ${ground}, ${ratio.toFixed(2)}`);
  }
  return faint;
}"""


def test_keys_move_open_and_find(page, at):
    ids = store(3)
    page.goto(at("/records"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(row(page, ids[1]).locator(".row-link")).to_be_focused()
    page.keyboard.press("k")
    expect(row(page, ids[2]).locator(".row-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#record-dialog article")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Classification")).to_be_focused()
    page.keyboard.type("j/k?")
    expect(page.get_by_label("Classification")).to_have_value("j/k?")
    expect(page.locator("#keys")).to_be_hidden()
    page.locator("h1").click()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")  # the browser's own
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()


def test_everything_fits_a_narrow_screen(page, at):
    ids = store(
        3, payload="x" * 200, classification="org.example/" + "long/" + "n" * 90
    )
    page.set_viewport_size({"width": 390, "height": 844})
    for path in ("/records", f"/records/record_details/{ids[0]}", "/login"):
        page.goto(at(path))
        _expect_no_sideways_scrolling(page)
    page.goto(at("/records"))
    form = page.locator("#filter-form")
    expect(form).to_be_hidden()
    page.get_by_role("link", name="Filters").click()
    expect(form).to_be_visible()
    page.get_by_label("Machine id").fill("none")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("heading", name="No record matches")).to_be_visible()
    expect(form).to_be_hidden()
    page.keyboard.press("/")
    expect(page.get_by_label("Classification")).to_be_focused()
    page.get_by_role("link", name="Close the filters").click()
    expect(form).to_be_hidden()


def test_the_empty_page_offers_its_command(page, at):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(at("/"))
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith(f"curl -i {at('/v2/collector')} \\\n")


# --- Without scripts -----------------------------------------------------------------


def test_without_scripts_one_reads_filters_pages_and_exports(plain_page, at):
    page = plain_page
    ids = store(55)
    store(5, severity=4, system_name="ubuntu", build="24.04")
    page.goto(at("/records"))
    for hidden in ("Load more", "Live", "Theme", "Keyboard"):
        expect(page.get_by_text(hidden, exact=True)).to_be_hidden()
    page.get_by_role("link", name="Older →").click()
    expect(page.locator(ROWS)).to_have_count(10)
    page.get_by_role("link", name="← Newer").click()
    expect(page.locator(ROWS)).to_have_count(50)
    page.get_by_label("OS", exact=True).select_option("ubuntu")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(ROWS)).to_have_count(5)
    versions = page.get_by_label("Version").locator("option")
    expect(versions).to_have_text(["any", "24.04"])
    page.goto(at("/records"))
    with page.expect_download() as download:
        page.get_by_role("link", name="NDJSON").click()
    assert len(Path(download.value.path()).read_text().splitlines()) == 60
    page.goto(at(f"/records?machine_id=&from_id={ids[3]}"))
    row(page, ids[2]).locator(".row-link").click()
    assert page.url == at(f"/records/record_details/{ids[2]}")
    expect(page.locator("pre.payload")).to_contain_text("hello")
    expect(page.get_by_role("button", name="Copy as JSON")).to_be_hidden()


def test_without_scripts_the_system_s_theme_is_followed(plain_page, at):
    ground = "getComputedStyle(document.body).backgroundColor"
    plain_page.goto(at("/login"))
    shades = []
    for scheme in ("light", "dark"):
        plain_page.emulate_media(color_scheme=scheme)
        shades.append(plain_page.evaluate(ground))
    assert shades == ["rgb(245, 246, 248)", "rgb(15, 19, 24)"]


# --- Who may -------------------------------------------------------------------------


@pytest.fixture
def viewer() -> User:
    account = User.objects.create_user("viewer", password="secret")
    account.user_permissions.add(Permission.objects.get(codename="view_record"))
    return account


def test_one_logs_in_reads_and_logs_out(browser_page, at, viewer):
    page = browser_page
    store(payload="12345")
    page.goto(at("/records?severity=1"))
    page.get_by_label("User name").fill("viewer")
    page.get_by_label("Password").fill("secret")
    page.get_by_role("button", name="Log in").click()
    assert page.url == at("/records?severity=1")
    expect(page.locator(f"{ROWS} .c-payload")).to_have_text("5 characters")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_session_that_ended_leads_to_the_login(browser_page, at, viewer, sign_in):
    page = browser_page
    store(60)
    sign_in(viewer)
    page.goto(at("/records?severity=1"))
    page.context.clear_cookies()
    page.get_by_role("link", name="Load more").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    assert page.url == at("/login?next=/records%3Fseverity%3D1")
