"""System checks of the configuration: what would start, but should not."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning

SAMPLE_PASSWORDS = {"postgres", "password", "changeme", "change-me", "telemetry"}


def production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Outside DEBUG: a database password that is not empty nor a sample."""
    database = settings.DATABASES["default"]
    remote = bool(database.get("HOST")) and not database["HOST"].startswith("/")
    if settings.DEBUG or not remote:
        return []
    password = database.get("PASSWORD", "")
    if password and password.lower() not in SAMPLE_PASSWORDS:
        return []
    return [
        Warning(
            "The database password is empty or a sample one.",
            hint="Set a password of its own in DATABASE_URL.",
            id="telemetry.W001",
        )
    ]


def telemetry_id(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    if settings.TELEMETRY_ID:
        return []
    return [
        Error(
            "TELEMETRY_ID is empty: no client could be told from a stranger.",
            hint="Leave it unset for the id that telemetrics-client ships with.",
            id="telemetry.E001",
        )
    ]
