"""Callers of the crash API, by what they may do."""

import pytest
from django.test import Client
from pytest_django import Settings

from tests.crashes.users import logged_in, user_with


@pytest.fixture
def anyone(settings: Settings) -> None:
    """Anonymous callers may read everything."""
    settings.TELEMETRY_ANONYMOUS_READ = True


@pytest.fixture
def viewer(db: None) -> Client:
    return logged_in(user_with("records.view_record"))


@pytest.fixture
def curator(db: None) -> Client:
    return logged_in(user_with("records.view_record", "crashes.change_rule"))
