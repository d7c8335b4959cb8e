"""Thermal events of a scope, by the columns of their counts."""

from collections import Counter
from typing import Any, NamedTuple

from django.db.models import Sum

from records.scope import Scope
from views_plugins.thermal.models import ThermalDay


class Counts(NamedTuple):
    """Events by some columns, and those of them that are of getting too hot."""

    events: Counter[tuple[Any, ...]]
    above: Counter[tuple[Any, ...]]


def events_by(scope: Scope, *columns: str) -> Counts:
    """Events by the values of these columns of `ThermalDay`."""
    rows = scope.days_of(ThermalDay).values_list(*columns)
    found = list(rows.annotate(Sum("events"), Sum("above")).order_by())
    return Counts(
        Counter({row[:-2]: row[-2] for row in found}),
        Counter({row[:-2]: row[-1] for row in found}),
    )
