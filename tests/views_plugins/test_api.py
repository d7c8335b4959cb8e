"""`/api/views`: the same numbers as JSON, and what the schema says of them."""

import json
from datetime import UTC, datetime

import pytest
import yaml
from django.test import Client

from tests.crashes.users import logged_in, user_with
from tests.views_plugins.plugins import PER, chart, plugin
from views_plugins import registry
from views_plugins.charts import Cell, Column, Content, Figure, Table

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client, settings) -> Client:
    settings.TELEMETRY_ANONYMOUS_READ = True
    return client


def answer(client: Client, address: str, status: int = 200) -> dict:
    response = client.get(address)
    assert response.status_code == status
    return json.loads(response.content)


def test_the_twin_has_what_the_page_shows(reader, mount):
    table = Table("cells", "Cells", (Column("a"),), ((Cell("x", "/x"),),))
    figure = Figure("Sum", 3, low=1, high=5)
    shown = Content((figure,), (chart(1, None), table), ("A note.",))
    mount(plugin(shown=lambda asked: shown, options=(PER,)))
    found = answer(reader, "/api/views/probe?start=2026-01-01&end=2026-01-31&per=day")
    assert found["view"] == "probe"
    assert (found["start"], found["end"]) == ("2026-01-01", "2026-01-31")
    assert found["options"] == {"per": "day"}
    assert found["notes"] == ["A note."]
    assert found["figures"][0]["value"] == 3
    assert found["figures"][0]["high"] == 5
    assert found["charts"][0]["series"][0]["values"] == [1, None]
    assert found["charts"][0]["categories"][1]["text"] == "c1"
    assert found["tables"][0]["rows"] == [[{"value": "x", "link": "/x"}]]


def test_the_default_window_is_that_of_the_page(reader, mount):
    mount(plugin(days=1))
    found = answer(reader, "/api/views/probe")
    assert found["start"] == found["end"] == datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("unknown=1", "unknown"),
        ("days=x", "days"),
        ("days=", "days"),
        ("days=1&days=2", "days"),
        ("classification=a/b/c", "classification"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(reader, mount, query, name):
    mount(plugin())
    found = answer(reader, f"/api/views/probe?{query}", 400)
    assert list(found["errors"]) == [name]
    assert name in found["message"]


def test_a_view_that_fails_says_so_and_no_more(reader, mount):
    def raises(asked):
        raise ValueError("what a payload says")

    mount(plugin(shown=raises))
    assert answer(reader, "/api/views/probe", 500) == {
        "message": "The view probe failed."
    }


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_views_are_only_read(mount, method):
    mount(plugin())
    client = logged_in(user_with("records.view_record"))
    for address in ("/api/views", "/api/views/probe"):
        assert getattr(client, method)(address).status_code in (403, 405)


def test_the_list_has_the_views_that_its_reader_may_see(mount):
    mount(plugin("plain"), plugin("special", permission="crashes.change_rule"))
    client = logged_in(user_with("records.view_record"))
    found = {each["slug"]: each for each in answer(client, "/api/views")["views"]}
    assert found["plain"] == {
        "slug": "plain",
        "title": "Probe",
        "address": "/api/views/plain",
    }
    assert "special" not in found
    assert {"builds", "stats"} <= set(found)


def test_the_schema_has_every_view_with_its_parameters(reader):
    schema = yaml.safe_load(reader.get("/api/schema").content)
    for view in registry.plugins():
        if not view.content:
            continue
        described = schema["paths"][f"/api/views/{view.slug}"]["get"]
        names = {each["name"] for each in described["parameters"]}
        assert {"days", "start", "end", "system_name", "external"} <= names
        assert {each.name for each in view.options} <= names
        assert ("classification" in names) is view.by_classification
        assert set(described["responses"]) == {"200", "400", "500"}


def test_the_schema_says_which_choices_an_option_has(reader):
    schema = yaml.safe_load(reader.get("/api/schema").content)
    parameters = schema["paths"]["/api/views/builds"]["get"]["parameters"]
    per = next(each for each in parameters if each["name"] == "per")
    assert set(per["schema"]["enum"]) == {"records", "machine-day"}
