"""Plugins that are broken, all at once: each shows so in its tab, and nothing else."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.plugins import write
from tests.plugins.broken import ABSENT, CONTENT, LEFT_OUT, SECRET, WORKING
from tests.server import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.once]

CORE = ["/", "/records", "/records/record_details/1", "/crashes", "/api/records"]
BUILT_IN = ["/builds", "/stats"]


class Site:
    """A site with every broken plugin, in processes of its own."""

    def __init__(self, folder: Path, database: str) -> None:
        for name, (files, _, _) in LEFT_OUT.items():
            write(folder, name, files)
        for name, files in WORKING.items():
            write(folder, name, files)
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
            "DATABASE_URL": database,
            "PYTHONPATH": f"{folder}:{ROOT}",
            "TELEMETRY_ANONYMOUS_READ": "true",
            "TELEMETRY_PLUGINS": ",".join([*LEFT_OUT, *WORKING, ABSENT]),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def site(
    _migrated_template: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with _migrated_template.copy() as database:
        yield Site(tmp_path_factory.mktemp("plugins"), database)


@pytest.fixture(scope="module")
def migrated(site: Site) -> subprocess.CompletedProcess[str]:
    return site.run("manage.py", "migrate", "--no-color")


@pytest.fixture(scope="module")
def tour(site: Site, migrated: object) -> dict[str, Any]:
    """What was met; the log is under `log`."""
    pages = [*CORE, *BUILT_IN, *(f"/bad-views/{each}" for each in [*VIEWS, "absent"])]
    done = site.run("-m", "tests.plugins.tour", *pages)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "log": done.stderr}


VIEWS = {
    "": "ValueError: SECRET",
    "nothing": "returned NoneType",
    "template": "TemplateDoesNotExist",
    "later": "TemplateDoesNotExist",
    "ends": "SystemExit",
}


# --- When a process starts ------------------------------------------------------------


@pytest.mark.parametrize("name", LEFT_OUT)
def test_a_plugin_that_cannot_be_loaded_is_left_out_with_the_reason(tour, name):
    _, stage, says = LEFT_OUT[name]
    assert tour["failures"][name][0] == stage
    assert says in tour["failures"][name][1]
    if stage != "urls":
        assert name not in tour["apps"]


def test_nothing_else_is_left_out(tour):
    assert set(tour["failures"]) == {*LEFT_OUT, ABSENT}
    assert set(WORKING) <= set(tour["apps"])


def test_a_plugin_that_is_not_there_is_told_from_one_whose_own_import_fails(tour):
    assert "is the plugin installed?" in tour["failures"][ABSENT][1]
    assert tour["failures"]["bad_import"][1] == (
        "ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    )


@pytest.mark.parametrize("name", [*LEFT_OUT, ABSENT])
def test_its_tab_shows_the_error_to_the_staff_and_that_it_is_broken_to_all(tour, name):
    slugs = {name.replace("_", "-"), f"{name}-broken"}
    address = next(f"/{slug}" for slug, _ in tour["tabs"] if slug in slugs)
    status, page = tour["reader"][address]
    assert status == 500
    assert "This view is broken, and only this one." in page
    assert "<pre" not in page
    assert "<pre" in tour["staff"][address][1]
    assert f'href="{address}"' in tour["reader"]["/records"][1]
    assert f"<code>{name}</code>" in tour["reader"]["/health"][1]


def test_a_plugin_whose_addresses_are_broken_keeps_its_title(tour):
    assert ["bad-urls", "Title of bad_urls"] in tour["tabs"]


# --- When it is asked for something ---------------------------------------------------


@pytest.mark.parametrize("name", CONTENT)
def test_content_that_is_none_is_an_error_box_in_page_json_and_csv(tour, name):
    slug = name.replace("_", "-")
    status, page = tour["reader"][f"/{slug}"]
    assert status == 500
    assert "This view is broken" in page
    assert CONTENT[name] not in page
    assert CONTENT[name] in tour["staff"][f"/{slug}"][1].replace("&#x27;", "'")
    status, answer = tour["reader"][f"/api/views/{slug}"]
    assert (status, json.loads(answer)) == (
        500,
        {"message": f"The view {slug} failed."},
    )
    assert tour["reader"][f"/{slug}/numbers.csv"][0] == 500


@pytest.mark.parametrize("path", VIEWS)
def test_a_view_of_its_own_that_fails_is_an_error_box(tour, path):
    status, page = tour["staff"][f"/bad-views/{path}"]
    assert status == 500
    assert "This view is broken" in page
    assert VIEWS[path] in page


def test_what_a_view_raises_on_purpose_is_answered(tour):
    assert tour["reader"]["/bad-views/absent"][0] == 404


def test_parsers_that_fail_are_counted_and_others_read_the_record(tour):
    assert tour["digested"][:2] == [1, 0]
    failures = tour["parsers"]
    for name in ("bad_parse", "bad_parse_exit", "bad_store"):
        assert failures[name] == 1
    assert failures["good_parser"] == 0


def test_a_reading_that_fails_is_named_on_the_page_of_its_record(tour):
    status, page = tour["staff"]["/records/record_details/1"]
    assert status == 200
    assert "bad_reading" in page
    assert "missing" in page


# --- Everything else ------------------------------------------------------------------


@pytest.mark.parametrize("path", [*CORE, *BUILT_IN, "/good", "/good-table"])
def test_every_other_page_works(tour, path):
    assert tour["reader"][path][0] == 200


@pytest.mark.parametrize("path", ["/health", "/admin/", "/api/schema", "/api/views"])
def test_pages_about_everything_work(tour, path):
    assert tour["staff"][path][0] == 200


def test_the_schema_describes_the_views_that_work(tour):
    assert "/api/views/good:" in tour["staff"]["/api/schema"][1]


def test_records_are_received(tour):
    assert tour["collected"] == "201 Created"


def test_the_site_is_ready_and_lists_what_plugins_lack(tour):
    status, answer = tour["ready"]
    state = json.loads(answer)
    assert (status, state["status"]) == ("200 OK", "ok")
    assert state["migrations_missing"] == []
    assert set(state["plugin_migrations_missing"]) == {
        "bad_statement.0001_initial",
        "bad_table.0001_initial",
        "bad_needs.0001_initial",
    }
    assert "bad_models" in state["plugins_left_out"]


def test_health_lists_views_that_fail_and_migrations_that_are_missing(tour):
    page = tour["staff"]["/health"][1]
    assert "migrations missing: 0001_initial" in page
    for name in CONTENT:
        row = page.partition(f"<code>{name}</code>")[2].partition("</tr>")[0]
        assert "broken" in row
    row = page.partition("<code>good</code>")[2].partition("</tr>")[0]
    assert "works" in row


def test_nothing_of_a_payload_is_in_the_log(tour):
    assert "Plugin bad_models is left out" in tour["log"]
    assert "View bad-content failed: ValueError" in tour["log"]
    assert SECRET not in tour["log"]
    assert SECRET not in json.dumps(tour["commands"])


# --- Commands -------------------------------------------------------------------------


def test_a_migration_that_fails_is_reported_and_the_others_are_applied(site, migrated):
    assert migrated.returncode == 0
    assert "plugin bad_table is not migrated" in migrated.stderr
    assert "RuntimeError: this migration fails" in migrated.stderr
    assert "plugin bad_statement is not migrated" in migrated.stderr
    assert "bad_needs.0001_initial needs a migration that failed" in migrated.stderr
    assert "Applying good_table.0001_initial... OK" in migrated.stdout


def test_nothing_of_a_migration_that_failed_is_left(tour):
    assert (
        "RuntimeError: this migration fails" in tour["commands"]["migrate --no-color"]
    )


def test_a_migration_that_is_asked_for_by_name_fails_as_usual(tour):
    said = tour["commands"]["migrate bad_table"]
    assert said == "RuntimeError: this migration fails"


@pytest.mark.parametrize(
    "command",
    [
        "check",
        "makemigrations --check --dry-run",
        "digest --once",
        "rebuild",
        "showmigrations",
        "findstatic css/site.css",
        "migrate --no-color",
    ],
)
def test_commands_work(tour, command):
    assert tour["commands"][command].startswith("done ")


def test_a_check_warns_of_files_and_models_that_cannot_live_beside_others(tour):
    said = tour["commands"]["check"]
    assert "(telemetry.W002)" in said
    assert "bad_places has templates outside a folder of its own: elsewhere" in said
    assert "(telemetry.W003)" in said
    assert "bad_places has static outside a folder of its own: css" in said
    assert "(telemetry.W004)" in said


def test_the_collector_starts_alone(site, migrated):
    done = site.run("-c", "import telemetry_site.wsgi_collector as w; w.application")
    assert done.returncode == 0, done.stderr
