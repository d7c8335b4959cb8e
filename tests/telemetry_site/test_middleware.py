"""Every answer of the site has an id, and its time is noted."""

import pytest
from prometheus_client.registry import REGISTRY

pytestmark = pytest.mark.django_db
COUNT = "telemetry_page_seconds_count"


def test_an_answer_names_the_id_of_its_request(client):
    first, second = (client.get("/login")["X-Request-ID"] for _ in range(2))
    assert len(first) == len(second) == 16
    assert first != second


def test_the_id_of_a_trusted_proxy_is_kept_and_no_other(client, settings):
    given = {"x-request-id": "0123-from-the-proxy"}
    assert client.get("/login", headers=given)["X-Request-ID"] != given["x-request-id"]
    settings.TELEMETRY_TRUSTED_PROXY = True
    assert client.get("/login", headers=given)["X-Request-ID"] == given["x-request-id"]
    for odd in ("short", "a" * 65, "with space here", "line\\break-here"):
        answer = client.get("/login", headers={"x-request-id": odd})
        assert answer["X-Request-ID"] != odd


@pytest.mark.parametrize(
    ("path", "view", "status"),
    [("/login", "login", "200"), ("/no/such/page", "none", "404")],
)
def test_the_time_of_an_answer_is_noted_by_view_and_status(client, path, view, status):
    labels = {"view": view, "status": status}
    before = REGISTRY.get_sample_value(COUNT, labels) or 0
    client.get(path)
    assert REGISTRY.get_sample_value(COUNT, labels) == before + 1
