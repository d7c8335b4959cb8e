"""Thermal events of a scope, by the columns of their counts."""

from collections import Counter
from typing import Any, NamedTuple

from django.db.models import QuerySet, Sum

from records.scope import Scope
from views_plugins.thermal.models import ThermalDay, ThermalMachineDay


class Counts(NamedTuple):
    """Events by some columns, and those of them that are of getting too hot."""

    events: Counter[tuple[Any, ...]]
    above: Counter[tuple[Any, ...]]


def events_by(scope: Scope, *columns: str) -> Counts:
    """Events by the values of these columns of `ThermalDay`."""
    return _summed(scope.days_of(ThermalDay), *columns)


def of_machines(scope: Scope) -> QuerySet[ThermalMachineDay]:
    return scope.days_of(ThermalMachineDay)


def events_of(scope: Scope, machines: list[str]) -> Counts:
    """Events of these machines, by machine."""
    return _summed(of_machines(scope).filter(machine_id__in=machines), "machine_id")


def _summed(rows: QuerySet[Any], *columns: str) -> Counts:
    sums = rows.values_list(*columns).annotate(Sum("events"), Sum("above"))
    found = list(sums.order_by())
    return Counts(
        Counter({row[:-2]: row[-2] for row in found}),
        Counter({row[:-2]: row[-1] for row in found}),
    )
