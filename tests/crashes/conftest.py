"""Several connections at once, as in the tests of the store; no rules."""

import pytest

from tests.crashes.factories import empty_first_version
from tests.records.conftest import end_connection, in_threads

__all__ = ["end_connection", "in_threads"]


@pytest.fixture(scope="module")
def no_starter_rules(module_db: None) -> None:
    """The first version is empty, for tests that would each take its rules away."""
    empty_first_version()
