"""Views in a browser: pictures, tables, filters; wide and narrow, with no scripts."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from records.visible import visible
from tests.browser import pictures
from tests.browser.conftest import REPORT_CSP, watch
from tests.conftest import IN_CI, ROOT
from tests.server import GunicornServer
from views_plugins import registry
from views_plugins.markup import number

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("views")]

VIEWS = [plugin for plugin in registry.plugins() if plugin.content]
SLUGS = [plugin.slug for plugin in VIEWS]
WIDTHS = (390, 820, 1280)
SCHEMES = ("light", "dark")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SITE = {
    "DJANGO_SETTINGS_MODULE": "tests.browser.site",
    "DEBUG": "true",
    "TELEMETRY_ANONYMOUS_READ": "true",
}
FLEET = ("--machines", "40", "--days", "20")
SEED = (sys.executable, "manage.py", "seed_demo", *FLEET)


@pytest.fixture(scope="module")
def fleet(_migrated_template, tmp_path_factory) -> Iterator[str]:
    """The address of a site with a demo fleet, which the tests only look at."""
    log = tmp_path_factory.mktemp("site") / "server.log"
    with _migrated_template.copy() as url:
        environment = SITE | {"DATABASE_URL": url}
        subprocess.run(SEED, cwd=ROOT, env=os.environ | environment, check=True)
        with GunicornServer("telemetry_site.wsgi", environment, log_file=log) as server:
            yield server.url


@pytest.fixture
def at(fleet: str) -> Callable[[str], str]:
    return lambda path: f"{fleet}{path}"


@pytest.fixture
def page(browser_page: Page) -> Page:
    browser_page.emulate_media(reduced_motion="reduce")  # drawn at once
    return browser_page


def is_drawn(page: Page) -> None:
    """Every picture of the page is there, and none is an empty canvas."""
    expect(page.locator("[data-chart][aria-busy]")).to_have_count(0)
    assert page.locator("[data-chart][hidden]").count() == 0
    assert page.evaluate(EMPTY_CANVASES) == []


def choice(page: Page, name: str) -> Locator:
    return page.get_by_role("combobox", name=name, exact=True)


EMPTY_CANVASES = """
[...document.querySelectorAll("canvas")].filter((canvas) => {
  const empty = document.createElement("canvas");
  [empty.width, empty.height] = [canvas.width, canvas.height];
  return canvas.toDataURL() === empty.toDataURL();
}).map((canvas) => canvas.ariaLabel)
"""
PICTURES = '[...document.querySelectorAll("canvas")].map((each) => each.toDataURL())'
OVERFLOW = """
document.documentElement.scrollWidth - document.documentElement.clientWidth
"""


# --- Every view ----------------------------------------------------------------------


@pytest.mark.parametrize("slug", SLUGS)
def test_a_view_is_drawn_and_fits_at_every_width_in_both_themes(page, at, slug):
    assert page.goto(at(f"/{slug}?days=28")).ok
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        drawn = []
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
            is_drawn(page)
            assert page.evaluate(OVERFLOW) <= 0, (width, scheme)
            drawn.append(page.evaluate(PICTURES))
        assert all(a != b for a, b in zip(*drawn, strict=True)), "one kept its colours"


@pytest.mark.parametrize("slug", SLUGS)
def test_a_view_s_tables_are_its_json_twin(page, at, slug):
    plugin = next(each for each in VIEWS if each.slug == slug)
    last = {each.name: [*each.choices][-1] for each in plugin.options}
    query = "&".join(f"{name}={value}" for name, value in last.items())
    for address in (f"/{slug}?days=28", f"/{slug}?days=7&external=false&{query}"):
        page.goto(at(address))
        twin = page.request.get(at(f"/api/views{address}")).json()
        shown = page.evaluate(TABLES)
        assert shown == {
            part["key"]: rows_of(part)
            for part in (*twin["charts"], *twin["tables"])
            if rows_of(part)
        }
        assert shown or page.get_by_text("Nothing here yet").count() == 1


TABLES = """
Object.fromEntries([...document.querySelectorAll(".part")].map((part) => [
  part.id.slice("part-".length),
  [...part.querySelectorAll("tbody tr")].map((row) => [...row.cells].map(
    (cell) => cell.dataset.value ?? cell.textContent,
  )),
]).filter(([, rows]) => rows.length))
"""


def rows_of(part: dict[str, Any]) -> list[list[str]]:
    """A chart or table of a twin as the page shows it."""
    if "rows" in part:
        rows = [[cell["value"] for cell in row] for row in part["rows"]]
    else:
        columns = [series["values"] for series in part["series"]]
        names = [category["text"] for category in part["categories"]]
        rows = [list(row) for row in zip(names, *columns, strict=True)]
        if part["sums"]:
            rows = [[*row, sum(n or 0 for n in row[1:])] for row in rows]
    return [[number(row[0]), *map(shown_value, row[1:])] for row in rows]


def shown_value(value: str | float | None) -> str:
    return str(value) if isinstance(value, int | float) else number(value)


@pytest.mark.parametrize("slug", SLUGS)
def test_a_view_answers_as_soon_as_a_filter_is_chosen(page, at, slug):
    page.goto(at(f"/{slug}"))
    choice(page, "OS").select_option("clear-linux-os")
    page.wait_for_url(f"**/{slug}?**")
    choice(page, "Received").select_option("all")
    page.wait_for_url("**days=all**")
    query = parse_qs(urlsplit(page.url).query)
    assert query.items() >= {"days": ["all"], "system_name": ["clear-linux-os"]}.items()
    assert "start" not in query
    for name, value in (("OS", "clear-linux-os"), ("Received", "all")):
        expect(choice(page, name)).to_have_value(value)
    is_drawn(page)


# --- Accessibility -------------------------------------------------------------------


@pytest.fixture(scope="session")
def axe() -> str:
    if AXE.is_file():
        return AXE.read_text()
    if IN_CI:
        pytest.fail("CI needs axe-core: npm ci")
    pytest.skip("axe-core is not installed; `make install-js` does it")


FAULTS = """
axe.run({resultTypes: ["violations"], iframes: false}).then(({violations}) => violations
  .filter(({impact}) => impact === "serious" || impact === "critical")
  .map(({id, nodes}) => [id, ...nodes.slice(0, 3).map((node) => node.html)]))
"""
OTHERS = ("records", "health", "machines/{machine_id}", "crashes")


@pytest.mark.parametrize("path", [*SLUGS, *OTHERS])
def test_a_page_has_no_serious_fault_of_accessibility(page, at, path, axe):
    newest = page.request.get(at("/api/records?limit=1")).json()["records"][0]
    query = "?days=7" if path in SLUGS else ""
    assert page.goto(at(f"/{path.format_map(newest)}{query}")).ok
    page.evaluate(axe)
    for width, scheme in ((390, "light"), (1280, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        assert page.evaluate(FAULTS) == [], (width, scheme)


# --- Filters -------------------------------------------------------------------------


def figure(page: Page, name: str) -> Locator:
    return page.locator(".figure", has_text=name).locator(".figure-value")


def test_filters_change_the_numbers(page, at):
    page.goto(at("/builds?days=all"))
    everything = figure(page, "Records").inner_text()
    choice(page, "Source").select_option("external")
    page.wait_for_url("**external=true**")
    assert figure(page, "Records").inner_text() != everything
    choice(page, "Count").select_option("per machine-day")
    page.wait_for_url("**per=machine-day**")
    expect(page.locator("#part-builds h2")).to_contain_text("per machine and day")


def test_dates_are_asked_for_when_they_are_wanted(page, at):
    page.goto(at("/stats"))
    first, last = (
        page.get_by_label("from", exact=True),
        page.get_by_label("to", exact=True),
    )
    expect(first).to_be_hidden()
    choice(page, "Received").select_option("dates…")
    expect(first).to_be_focused()
    expect(page.get_by_role("button", name="Show")).to_be_in_viewport()
    today = datetime.now(UTC).date()
    start = today - timedelta(days=3)
    first.fill(start.isoformat())
    assert urlsplit(page.url).query == ""  # there is no last day yet
    last.fill(today.isoformat())
    last.blur()
    page.wait_for_url(f"**/stats?start={start}&end={today}")
    expect(page.locator(".view-window")).to_contain_text(f"{start} to {today}")
    expect(first).to_have_value(start.isoformat())
    choice(page, "Received").select_option("7 days")
    page.wait_for_url("**/stats?days=7")
    expect(page.get_by_label("from", exact=True)).to_be_hidden()


def test_a_year_that_is_still_typed_is_not_asked_for(page, at):
    page.goto(at("/builds"))
    choice(page, "Received").select_option("dates…")
    page.get_by_label("to", exact=True).fill("2026-01-02")
    page.get_by_label("from", exact=True).fill("0202-01-01")
    page.get_by_label("from", exact=True).blur()
    page.wait_for_timeout(100)
    assert urlsplit(page.url).query == ""


def test_a_page_shows_that_the_next_one_is_awaited(page, at):
    page.goto(at("/builds"))
    page.evaluate(
        """addEventListener("pagehide", () => {
          sessionStorage.busy = document.querySelector("main").ariaBusy;
        })"""
    )
    choice(page, "Source").select_option("internal")
    page.wait_for_url("**external=false**")
    assert page.evaluate("sessionStorage.busy") == "true"
    page.go_back()
    expect(page.locator("main")).not_to_have_attribute("aria-busy", "true")


def test_a_wrong_question_is_answered_with_what_is_wrong(page, at, page_problems):
    page.goto(at("/builds?days=0"))
    expect(page.get_by_role("alert")).to_contain_text("Say a number from 1")
    assert len(page_problems) == 1
    page_problems.clear()  # the browser tells of the 400


# --- Pictures ------------------------------------------------------------------------

PLACE = """
(canvas, [series, n]) => {
  const { x, y } = Chart.getChart(canvas).getDatasetMeta(series).data[n]
    .getCenterPoint();
  return { x, y };
}
"""
PICTURE = "id => JSON.parse(document.getElementById(id).textContent)"


def test_a_click_on_a_bar_opens_the_records_behind_it(page, at):
    page.goto(at("/builds?days=28&system_name=clear-linux-os"))
    canvas = page.locator("#part-builds canvas")
    picture = page.evaluate(PICTURE, "builds-data")
    n = max(
        range(len(picture["labels"])), key=picture["series"][0]["values"].__getitem__
    )
    place = canvas.evaluate(PLACE, [0, n])
    canvas.hover(position=place)
    expect(canvas).to_have_class(re.compile("leads-on"))
    with page.context.expect_page() as aside:
        canvas.click(position=place, modifiers=["ControlOrMeta"])
    aside.value.close()
    assert urlsplit(page.url).path == "/builds"
    with page.context.expect_page() as aside:
        canvas.click(position=place, button="middle")
    aside.value.close()
    canvas.click(position=place)
    page.wait_for_url("**/records?**")
    query = parse_qs(urlsplit(page.url).query)
    assert query["build"] == [picture["labels"][n]]
    assert query["system_name"] == ["clear-linux-os"]
    assert "received_after" in query
    expect(page.locator("#rows [data-record]")).not_to_have_count(0)


def test_a_click_on_a_slice_opens_the_records_behind_it(page, at):
    page.goto(at("/stats?days=28"))
    canvas = page.locator("#part-systems canvas")
    picture = page.evaluate(PICTURE, "systems-data")
    canvas.click(position=canvas.evaluate(PLACE, [0, 1]))
    page.wait_for_url("**/records?**")
    query = parse_qs(urlsplit(page.url).query)
    assert query["system_name"] == [picture["labels"][1]]


def test_the_chosen_theme_recolours_pictures_at_once(page, at):
    page.goto(at("/stats?days=28"))
    is_drawn(page)
    before = page.evaluate(PICTURES)
    page.locator("#theme").select_option("dark")
    page.wait_for_function(f"{PICTURES}[0] !== {json.dumps(before[0])}")
    assert all(a != b for a, b in zip(before, page.evaluate(PICTURES), strict=True))


def test_dark_pictures_are_printed_light(page, at):
    page.emulate_media(color_scheme="dark")
    page.goto(at("/stats?days=28"))
    is_drawn(page)
    dark = page.evaluate(PICTURES)
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    printed = page.evaluate(PICTURES)
    assert printed != dark
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.evaluate(PICTURES) == dark
    page.emulate_media(color_scheme="light")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
    assert page.evaluate(PICTURES) == printed


def test_a_series_is_left_out_by_its_name(page, at):
    page.goto(at("/builds?days=28"))
    is_drawn(page)
    before = page.evaluate(PICTURES)
    name = page.locator("#part-builds .legend").get_by_role("button", name="external")
    name.press("Enter")
    expect(name).to_have_attribute("aria-pressed", "false")
    assert page.evaluate(PICTURES)[0] != before[0]
    name.click()
    expect(name).to_have_attribute("aria-pressed", "true")
    page.mouse.move(0, 0)
    page.wait_for_function(f"{PICTURES}[0] === {json.dumps(before[0])}")


def test_the_rows_of_a_ring_have_the_colours_of_its_slices(page, at):
    page.goto(at("/stats?days=28"))
    is_drawn(page)
    colours = page.evaluate(
        """() => {
          const part = document.querySelector("#part-classifications");
          const { data } = Chart.getChart(part.querySelector("canvas"))
            .getDatasetMeta(0);
          const marks = [...part.querySelectorAll("tbody .swatch")]
            .map((mark) => getComputedStyle(mark).backgroundColor);
          return [data.map((slice) => slice.options.backgroundColor), marks];
        }"""
    )
    slices, marks = colours
    assert len(set(slices)) == len(slices)
    assert marks[: len(slices)] == slices
    assert set(marks[len(slices) - 1 :]) == {slices[-1]}  # what is summed up


def test_without_the_library_the_table_stays(page, at):
    page.route(
        "**/chart.umd.min.js",
        lambda route: route.fulfill(content_type="text/javascript"),
    )
    page.goto(at("/builds?days=28"))
    expect(page.locator("#part-builds .canvas-box")).to_be_hidden()
    expect(page.locator("#part-builds tbody tr").first).to_be_visible()


# --- Tables --------------------------------------------------------------------------


def column(page: Page, key: str, n: int) -> list[str]:
    return page.locator(f"#part-{key} tbody tr").evaluate_all(
        "(rows, n) => rows.map(({cells}) => cells[n].dataset.value "
        "?? cells[n].textContent)",
        n,
    )


def test_a_table_sorts_by_a_click_and_by_keyboard(page, at):
    page.goto(at("/builds?days=28&system_name=clear-linux-os"))
    table = page.locator("#part-builds table")
    heads = table.get_by_role("columnheader")
    before = column(page, "builds", 1)
    heads.nth(1).get_by_role("button").click()
    expect(heads.nth(1)).to_have_attribute("aria-sort", "descending")
    numbers = [float(value) for value in column(page, "builds", 1)]
    assert numbers == sorted(map(float, before), reverse=True)
    assert [str(int(n)) for n in numbers] != before
    page.keyboard.press("Enter")
    expect(heads.nth(1)).to_have_attribute("aria-sort", "ascending")
    assert [float(value) for value in column(page, "builds", 1)] == numbers[::-1]
    heads.first.get_by_role("button").click()
    expect(heads.first).to_have_attribute("aria-sort", "ascending")
    assert heads.nth(1).get_attribute("aria-sort") is None
    names = column(page, "builds", 0)
    assert names == sorted(names, key=int)


# --- What is hard to draw ------------------------------------------------------------


@pytest.fixture(scope="module")
def hard(chromium_browser: Browser, fleet: str) -> Iterator[Page]:
    """One page for all tests: it takes a while."""
    context = chromium_browser.new_context(reduced_motion="reduce")
    context.add_init_script(REPORT_CSP)
    page, problems = context.new_page(), []
    watch(page, problems)
    page.goto(f"{fleet}/pictures")
    yield page
    context.close()
    assert problems == []


def test_what_is_hard_to_draw_is_drawn(hard):
    for width in WIDTHS:
        hard.set_viewport_size({"width": width, "height": 900})
        is_drawn(hard)
        assert hard.evaluate(OVERFLOW) <= 0, width
    assert hard.locator("canvas").count() == len(pictures.DRAWN)
    assert hard.locator("main img").count() == 0
    assert hard.title() != "owned"


def test_names_of_machines_are_neither_obeyed_nor_endless(hard):
    words = hard.evaluate(
        """() => [...document.querySelectorAll("canvas")].flatMap((canvas) =>
          Object.values(Chart.getChart(canvas).scales).flatMap(({ ticks, options }) =>
            [...ticks.map(({ label }) => label), options.title.text]))"""
    )
    assert any("\u27e8U+202E\u27e9" in each for each in words)
    for each in words:
        inside = each.removeprefix("\u2068").removesuffix("\u2069")
        assert visible(inside) == inside
        assert len(inside) <= 60


def test_a_picture_sums_up_what_is_too_much(hard):
    drawn = hard.evaluate(
        """() => Object.fromEntries([...document.querySelectorAll("[data-chart]")]
          .map((box) => {
            const { data } = Chart.getChart(box.querySelector("canvas"));
            return [box.dataset.chart, [data.labels.length, data.datasets.length]];
          }))"""
    )
    assert drawn["bar-many-data"] == [40, 2]
    assert drawn["line-many-data"] == [600, 2]
    assert drawn["doughnut-sixty-data"] == [9, 1]
    assert drawn["stacked-wide-data"] == [12, 8]
    names = hard.locator("#part-stacked-wide .legend li")
    expect(names.last).to_have_text("other (13)")
    grey = names.last.locator(".swatch").evaluate(
        "mark => getComputedStyle(mark).backgroundColor"
    )
    assert grey == hard.locator("#part-stacked-wide canvas").evaluate(
        "canvas => Chart.getChart(canvas).getDatasetMeta(7).data[0]"
        ".options.backgroundColor"
    )
    assert len(hard.locator("#part-bar-many tbody tr").all()) == 600


def test_a_table_keeps_its_sums_at_the_end_and_gaps_after_numbers(hard):
    part = hard.locator("#part-heat-hostile")
    part.get_by_role("columnheader").nth(1).get_by_role("button").click()
    values = column(hard, "heat-hostile", 1)
    assert values[-1] == "\N{EN DASH}"
    assert [float(n) for n in values[:-1]] == sorted(
        (n for n in pictures.VALUES if n is not None), reverse=True
    )
    expect(part.locator("tr").last).to_contain_text("Sum")


def test_a_missing_value_is_a_gap(hard):
    points = hard.locator("#part-line-hostile canvas").evaluate(
        "canvas => Chart.getChart(canvas).getDatasetMeta(0).data.map(p => p.skip)"
    )
    assert points == [value is None for value in pictures.VALUES]


# --- Without scripts -----------------------------------------------------------------


def test_without_scripts_there_are_tables_and_a_form(chromium_browser: Browser, at):
    context = chromium_browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(at("/builds?days=28"))
    expect(page.locator("canvas").first).to_be_hidden()
    expect(page.locator("#part-builds tbody tr").first).to_be_visible()
    expect(page.get_by_label("from", exact=True)).to_be_visible()
    choice(page, "OS").select_option("clear-linux-os")
    page.get_by_role("button", name="Show").click()
    assert "system_name=clear-linux-os" in page.url
    expect(choice(page, "OS")).to_have_value("clear-linux-os")
    with page.expect_download() as download:
        page.locator("#part-builds .part-csv").click()
    rows = Path(download.value.path()).read_text().splitlines()
    assert len(rows) == 1 + page.locator("#part-builds tbody tr").count()
    context.close()
