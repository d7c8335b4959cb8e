"""System checks of the configuration: what would start, but should not.

What must not start at all is refused by env.py.
"""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error


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
