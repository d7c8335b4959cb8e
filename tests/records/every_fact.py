"""A record for each parser there is, and the facts that are made of them."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models

from records.digest import digest_batch
from tests.crashes.factories import crashed
from tests.factories import stored
from tests.views_plugins import mcelogs
from tests.views_plugins.updates.factories import updated

FACTS = ("CrashReport", "MceEvent", "ThermalEvent", "UpdateEvent")
DAYS = (
    *("CrashDay", "MceDay", "MceMachineDay"),
    *("ThermalDay", "ThermalMachineDay", "UpdateDay"),
)


def sent_and_digested(at: datetime, **changes: Any) -> list[int]:
    """One of each, and a heartbeat; their ids."""
    mce = mcelogs.check("Corrected error", "9c00004001010091")
    records = [
        crashed(("a()", "m.so"), at=at, **changes),
        stored(at, classification="a/mce/corrected", payload=mce, **changes),
        stored(at, classification="a/mce/thermal", payload=mcelogs.hot(), **changes),
        updated(1, 2, at=at, **changes),
        stored(at, classification="a/heartbeat/ping", **changes),
    ]
    while digest_batch(1000):
        pass
    return [record.pk for record in records]


def rows(*names: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of the models with these names."""
    return {name: _rows(name) for name in names}


def _rows(name: str) -> list[dict[str, Any]]:
    (model,) = (each for each in apps.get_models() if each.__name__ == name)
    manager: models.Manager[Any] = model._default_manager
    return sorted(manager.values(), key=repr)


def fact_ids() -> dict[str, list[int]]:
    found = rows(*FACTS)
    return {name: [row["record_id"] for row in found[name]] for name in FACTS}
