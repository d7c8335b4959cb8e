"""The plugin in `examples`, installed and removed again as a site would."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.environment import Environment
from tests.server import ROOT

EXAMPLE = ROOT / "examples" / "telemetry-journal"
LIFECYCLE = ("-m", "tests.plugins.lifecycle")
LEFT_OUT = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*")

pytestmark = [pytest.mark.slow, pytest.mark.once]


@pytest.fixture(scope="module")
def moment() -> str:
    return (datetime.now(UTC) - timedelta(days=2)).isoformat()


@pytest.fixture(scope="module")
def untouched(
    _migrated_template: Any, moment: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """A site that never had the plugin: its tables and pages."""
    folder = tmp_path_factory.mktemp("untouched")
    with _migrated_template.copy() as database:
        site = Environment(folder, {"DATABASE_URL": database})
        return json.loads(site.run(*LIFECYCLE, "store", moment, "state"))


@pytest.fixture(scope="module")
def site(
    _migrated_template: Any, moment: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Environment]:
    """A site with the plugin, which has read the same records."""
    folder = tmp_path_factory.mktemp("site")
    source = Path(shutil.copytree(EXAMPLE, folder / "source", ignore=LEFT_OUT))
    with _migrated_template.copy() as database:
        site = Environment(folder / "venv", {"DATABASE_URL": database})
        site.install(source)
        site.manage("migrate", "--verbosity", "0")
        site.run(*LIFECYCLE, "store", moment)
        yield site


@pytest.fixture(scope="module")
def pages(site: Environment) -> dict[str, Any]:
    asked = (
        *("/services", "/api/views/services", "/services/ways.csv", "/health"),
        *("/records/record_details/3", "/records/record_details/4", "/readyz"),
    )
    return json.loads(site.run(*LIFECYCLE, "pages", *asked))


def test_its_tab_is_there_and_its_page_shows_what_was_sent(pages):
    status, page = pages["/services"]
    assert status == 200
    assert '<a href="/services" aria-current="page">Services</a>' in page
    assert "foo.service" in page


def test_its_numbers_are_json_and_csv(pages):
    status, answer = pages["/api/views/services"]
    assert status == 200
    assert [each["value"] for each in json.loads(answer)["figures"]] == [1, 1, 1000.0]
    lines = pages["/services/ways.csv"][1].split("\n")
    assert lines[1] == "foo.service,exited,1/FAILURE,1"


def test_its_payloads_are_shown_on_the_pages_of_their_records(pages):
    assert "foo.service failed" in pages["/records/record_details/3"][1]
    assert "telemetry_journal" in pages["/records/record_details/4"][1]


def test_a_payload_that_it_cannot_read_is_counted(pages):
    assert "telemetry_journal 1" in pages["/health"][1]


def test_it_leaves_nothing_behind(site, pages, untouched):
    site.manage("migrate", "telemetry_journal", "zero", "--verbosity", "0")
    site.uninstall("telemetry-journal")
    after = json.loads(site.run(*LIFECYCLE, "state"))
    assert after["tables"] == untouched["tables"]
    for path, (status, body) in untouched["pages"].items():
        assert after["pages"][path][0] == status
        assert after["pages"][path][1].split("\n") == body.split("\n")
    assert after["pages"]["/services"][0] == 404


def test_its_own_tests_pass(site, tmp_path):
    folder = shutil.copytree(EXAMPLE, tmp_path / "example", ignore=LEFT_OUT)
    quiet = {"DATABASE_URL": "sqlite:///:memory:", "PYTHONPATH": str(ROOT)}
    assert "passed" in site.run("-m", "pytest", "-q", cwd=Path(folder), **quiet)
