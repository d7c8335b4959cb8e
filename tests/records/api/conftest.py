"""Callers of the API, by what they may do."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

Get = Callable[..., Any]


@pytest.fixture
def anyone(settings: Settings) -> None:
    """Anonymous callers may read everything."""
    settings.TELEMETRY_ANONYMOUS_READ = True


@pytest.fixture
def user_with(db: None) -> Callable[..., Client]:
    """A client that is logged in as a user with these permissions."""

    def user_with(*codenames: str) -> Client:
        user = User.objects.create_user("+".join(codenames) or "nobody")
        permissions = Permission.objects.filter(
            content_type__app_label="records", codename__in=codenames
        )
        assert len(permissions) == len(codenames)
        user.user_permissions.set(permissions)
        client = Client()
        client.force_login(user)
        return client

    return user_with
