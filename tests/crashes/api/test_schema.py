"""The OpenAPI description says what the crash API does."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from crashes.api import parameters
from crashes.models import Rule
from tests.crashes.factories import crashed, digest, guilty_row

pytestmark = pytest.mark.django_db

PARAMETERS = {
    "/api/crashes/top": parameters.TopParameters,
    "/api/guilties": parameters.GuiltyParameters,
    "/api/guilties/{guilty_id}/backtraces": parameters.BacktraceParameters,
    "/api/guilties/{guilty_id}": parameters.NoParameters,
    "/api/rules": parameters.NoParameters,
}
POSTS = {"/api/rules", "/api/rules/preview", "/api/rules/undo"}


@pytest.fixture
def schema(viewer) -> dict[str, Any]:
    response = viewer.get("/api/schema", headers={"Accept": "application/json"})
    assert response.status_code == 200
    described: dict[str, Any] = response.json()
    return described


def shape(schema: dict[str, Any], path: str, status: str, method: str = "get") -> Any:
    answers = schema["paths"][path][method]["responses"]
    return answers[status]["content"]["application/json"]["schema"]


@pytest.mark.parametrize("path", PARAMETERS)
def test_every_parameter_is_described(schema, path):
    described = schema["paths"][path]["get"].get("parameters", [])
    queries = {each["name"]: each for each in described if each["in"] == "query"}
    assert queries.keys() == PARAMETERS[path].base_fields.keys()
    assert all(each["description"] for each in queries.values())


@pytest.mark.parametrize("path", PARAMETERS)
def test_the_answers_are_as_described(schema, viewer, path):
    crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    address = path.format(guilty_id=guilty_row("f()").pk)
    Draft202012Validator(shape(schema, path, "200")).validate(
        viewer.get(address).json()
    )
    Draft202012Validator(shape(schema, path, "400")).validate(
        viewer.get(f"{address}?x=1").json()
    )


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/rules", {"add": [["f()", "m.so"]], "reason": "Why."}, "202"),
        ("/api/rules/preview", {"add": [{"function": "f()", "module": "m.so"}]}, "200"),
        ("/api/rules/preview", {"remove": "id"}, "200"),
        ("/api/rules/undo", {}, "409"),
    ],
)
def test_the_answers_to_changes_are_as_described(schema, curator, path, body, status):
    crashed(("f()", "m.so"), ("g()", "m.so"))
    digest()
    if "remove" in body:
        body = {"remove": list(Rule.objects.values_list("id", flat=True)[:2])}
    operation = schema["paths"][path]["post"]
    asked = operation["requestBody"]["content"]["application/json"]["schema"]
    Draft202012Validator(asked).validate(body)
    response = curator.post(path, body, content_type="application/json")
    assert response.status_code == int(status)
    Draft202012Validator(shape(schema, path, status, "post")).validate(response.json())


def test_every_change_says_who_is_refused(schema):
    for path in POSTS:
        assert {"400", "403"} <= schema["paths"][path]["post"]["responses"].keys()


def test_records_are_described_with_their_guilty(schema):
    described = schema["paths"]["/api/records"]["get"]["parameters"]
    (guilty,) = [each for each in described if each["name"] == "guilty"]
    assert guilty["schema"]["type"] == "integer"
    assert guilty["description"]
