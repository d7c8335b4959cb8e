"""Machine checks of a scope: how many, and the latest."""

from collections import Counter
from typing import Any

from django.db.models import Sum

from records.scope import Scope
from views_plugins.mce.models import MceDay, MceEvent


def events_by(scope: Scope, *columns: str) -> Counter[tuple[Any, ...]]:
    """Events by the values of these columns of `MceDay`."""
    rows = scope.days_of(MceDay).values_list(*columns).annotate(n=Sum("events"))
    return Counter({row[:-1]: row[-1] for row in rows.order_by()})


def latest(scope: Scope, limit: int) -> list[MceEvent]:
    events = scope.facts_of(MceEvent).order_by("-received_at", "-record_id")
    return list(events[:limit])
