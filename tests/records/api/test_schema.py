"""The OpenAPI description says what the API does."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from jsonschema import Draft202012Validator

from records.api.parameters import RecordParameters
from records.objects import FIELDS
from tests.factories import stored

pytestmark = pytest.mark.django_db

LIST, ONE = "/api/records", "/api/records/{record_id}"


@pytest.fixture
def schema(anyone: None, client: Client) -> dict[str, Any]:
    response = client.get("/api/schema", headers={"Accept": "application/json"})
    assert response.status_code == 200
    described: dict[str, Any] = response.json()
    return described


def nodes(part: Any) -> Iterator[dict[str, Any]]:
    """Every object inside a part of the description."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from nodes(each)


def content(schema: dict[str, Any], path: str, status: str) -> dict[str, Any]:
    answers = schema["paths"][path]["get"]["responses"]
    described: dict[str, Any] = answers[status]["content"]["application/json"]["schema"]
    return described


def test_it_is_openapi_3_1_with_every_address_once(schema):
    assert schema["openapi"].startswith("3.1")
    assert schema["info"]["title"]
    assert schema["info"]["version"]
    assert {LIST, ONE} <= schema["paths"].keys()
    assert not [path for path in schema["paths"] if path.endswith("/")]


def test_every_operation_has_an_id_of_its_own_and_answers(schema):
    operations = [
        operation
        for path in schema["paths"].values()
        for method, operation in path.items()
        if method in {"get", "post", "put", "patch", "delete"}
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["responses"]
        for parameter in operation.get("parameters", []):
            assert parameter["in"] in {"query", "path", "header"}
            assert parameter["schema"]
            assert parameter.get("required", False) is (parameter["in"] == "path")


def test_every_reference_leads_somewhere(schema):
    for node in nodes(schema):
        if "$ref" in node:
            target: Any = schema
            for step in node["$ref"].removeprefix("#/").split("/"):
                target = target[step]


def test_every_schema_is_a_json_schema(schema):
    for node in nodes(schema["paths"]):
        if isinstance(node.get("schema"), dict):
            Draft202012Validator.check_schema(node["schema"])


def test_every_parameter_is_described(schema):
    described = {
        each["name"]: each for each in schema["paths"][LIST]["get"]["parameters"]
    }
    assert described.keys() == RecordParameters.base_filters.keys()
    for name, parameter in described.items():
        assert parameter["description"], name
    assert described["severity"]["schema"]["type"] == "integer"
    assert described["external"]["schema"]["type"] == "boolean"
    assert set(described["format"]["schema"]["enum"]) == {"json", "ndjson", "csv"}
    assert described["received_after"]["schema"]["type"] == "string"


def test_a_record_is_described_key_by_key(schema):
    (record,) = content(schema, LIST, "200")["properties"].values()
    assert tuple(record["items"]["properties"]) == FIELDS
    assert tuple(content(schema, ONE, "200")["properties"]) == FIELDS


@pytest.mark.parametrize(
    "changes",
    [{}, {"event_id": None, "payload_format_version": None, "external": True}],
)
def test_the_answers_are_as_described(schema, client, changes):
    record = stored(**changes)
    page, one = client.get("/api/records"), client.get(f"/api/records/{record.pk}")
    Draft202012Validator(content(schema, LIST, "200")).validate(page.json())
    Draft202012Validator(content(schema, ONE, "200")).validate(one.json())


def test_the_refusals_are_as_described(schema, client):
    refused, absent = client.get("/api/records?x=1"), client.get("/api/records/0")
    Draft202012Validator(content(schema, LIST, "400")).validate(refused.json())
    Draft202012Validator(content(schema, ONE, "404")).validate(absent.json())


def test_the_rendered_description_is_served_from_here(anyone, client):
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert b"//cdn" not in page.content
    assert b"<script>" not in page.content
