"""Machine checks of a scope: how many, and the latest."""

from collections import Counter
from typing import Any

from django.db.models import QuerySet, Sum

from records.scope import Scope
from views_plugins.mce.models import MceEvent, MceMachineDay, MceSpan


def events_by(scope: Scope, *columns: str) -> Counter[tuple[Any, ...]]:
    """Events by the values of these columns of `MceDay`; where one is `week`, of some
    day of each week, or several.
    """
    found: Counter[tuple[Any, ...]] = Counter()
    names = ["day" if each == "week" else each for each in columns]
    for rows in scope.counts_of(MceSpan, *columns):
        for *key, n in rows.order_by().values_list(*names).annotate(n=Sum("events")):
            found[tuple(key)] += n
    return found


def of_machines(scope: Scope) -> QuerySet[MceMachineDay]:
    return scope.days_of(MceMachineDay)


def memory_errors(scope: Scope) -> Counter[str]:
    """Uncorrected errors of memory, by machine."""
    rows = of_machines(scope).filter(memory__gt=0).values_list("machine_id")
    return Counter(dict(rows.annotate(n=Sum("memory")).order_by()))


def latest(scope: Scope, limit: int) -> list[MceEvent]:
    events = scope.facts_of(MceEvent).order_by("-received_at", "-record_id")
    return list(events[:limit])
