"""Several connections at once, as in the tests of the store; a new configuration."""

from importlib import import_module

import pytest
from django.apps import apps

from crashes.models import CrashClassification
from tests.records.conftest import end_connection, in_threads

__all__ = ["end_connection", "in_threads"]


@pytest.fixture
def configured(transactional_db: None) -> None:
    """What migrations put into a new database, also after a test that emptied it."""
    if not CrashClassification.objects.exists():
        import_module("crashes.migrations.0002_configuration").forward(apps, None)
