"""Several connections at once, as in the tests of the store; no rules."""

import pytest

from crashes.models import Rule, RulesVersion
from tests.records.conftest import end_connection, in_threads

__all__ = ["end_connection", "in_threads"]


@pytest.fixture(scope="module")
def no_starter_rules(module_db: None) -> None:
    """The first version is empty, for tests that would each take its rules away."""
    Rule.objects.all().delete()
    RulesVersion.objects.update(rules=[])
