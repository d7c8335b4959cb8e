"""Requests made from the OpenAPI description: none makes the API fail."""

import os
from collections.abc import Iterator

import pytest
import schemathesis
from django.core import signals
from django.db import close_old_connections
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode

from accounts.scopes import Scope
from telemetry_site.wsgi import site
from tests.accounts.people import bearer, member, token_of
from tests.factories import stored

pytestmark = [pytest.mark.django_db, pytest.mark.once]

EXAMPLES = int(os.environ.get("SCHEMA_EXAMPLES", "8"))


@pytest.fixture(autouse=True)
def _one_connection() -> Iterator[None]:
    """Requests share the transaction of their test, as those of Django's client do."""
    ends = (signals.request_started, signals.request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.fixture
def credentials() -> dict[str, str]:
    """Those of somebody who may do everything that the API can."""
    owner = member("viewer", "curator", "admin", is_superuser=True)
    return bearer(token_of(owner, *map(str, Scope))[1])


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_no_operation_fails_whatever_it_is_asked(credentials, mode):
    stored()
    headers = {**credentials, "Accept": "application/json"}
    described = schemathesis.openapi.from_wsgi("/api/schema", site, headers=headers)
    operations = [each.ok() for each in described.get_all_operations()]
    assert len(operations) > 10

    for operation in operations:

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Case) -> None:
            answer = case.call(headers=credentials)
            assert answer.status_code < 500, case.as_curl_command()
            assert answer.status_code != 401, "the credentials are good"

        ask()
