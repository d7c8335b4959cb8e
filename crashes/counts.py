"""Crashes and machines by guilty, as pages ask for them.

Where a guilty is counted (see `crashes.presence`) from its counts, whose number does
not grow with crashes; where it is not from `CrashDay` and reports. Both say the same.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, TypeVar

from django.db import models
from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from crashes.models import (
    ALL_DAYS,
    BuildDay,
    CountedGuilty,
    CrashDay,
    CrashReport,
    Guilty,
    GuiltyDay,
    GuiltyPresence,
    Source,
    Trace,
)
from crashes.presence import OWNER, Place
from records.chains import NEVER
from records.scope import Scope

Row = TypeVar("Row", bound=models.Model)


def traces_of(guilty_id: int) -> list[int]:
    """Traces that this guilty, or one merged into it, is guilty of."""
    merged = Guilty.objects.filter(merged_into=guilty_id).values_list("id", flat=True)
    traces = Trace.objects.filter(guilty_id__in=[guilty_id, *merged])
    return list(traces.values_list("id", flat=True))


def days_of(scope: Scope, model: type[Row], *, apart: bool = False) -> QuerySet[Row]:
    """Rows of a scope in a table that also has `ALL_DAYS`: those where they suffice.

    ``apart``: a row for each day all the same.
    """
    if apart or not _is_ever(scope):
        return scope.days_of(model).filter(day__gt=ALL_DAYS)
    return replace(scope, start=None, end=None).days_of(model).filter(day=ALL_DAYS)


def _is_ever(scope: Scope) -> bool:
    """Whether no crash was received on other days."""
    days = BuildDay.objects.all()
    before = scope.start and days.filter(day__lt=scope.start).exists()
    return not before and not (scope.end and days.filter(day__gt=scope.end).exists())


# --- Crashes ------------------------------------------------------------------------


def crashes(
    scope: Scope,
    *columns: str,
    guilty_ids: Collection[int] | None = None,
    **only: object,
) -> Counter[tuple[Any, ...]]:
    """Crashes by guilty and these columns, of all guilties or of some.

    One that is merged into another counts for that one.
    """
    uncounted = _uncounted()
    kept = days_of(scope, GuiltyDay).filter(**only).exclude(guilty__in=uncounted)
    others = {pk for pk, target in uncounted.items() if target is None}
    if guilty_ids is not None:
        kept = kept.filter(guilty__in=guilty_ids)
        others &= set(guilty_ids)
    rows = list(kept.values_list("guilty_id", *columns).annotate(n=Sum("crashes")))
    if others:
        days = scope.days_of(CrashDay).filter(**only).annotate(owner=OWNER)
        of_others = days.filter(owner__in=others).values_list("owner", *columns)
        rows += of_others.annotate(n=Sum("crashes"))
    return Counter({tuple(key): n for *key, n in rows})


def _uncounted() -> dict[int, int | None]:
    """Guilties that are not counted, and what they are merged into.

    It is asked for first: one that becomes counted afterwards is found in `CrashDay`.
    """
    rows = Guilty.objects.filter(counted__isnull=True)
    return dict(rows.values_list("id", "merged_into_id"))


def crashed_before(day: date, guilty_ids: Collection[int]) -> set[int]:
    """Which of these guilties, or of those merged into them, did."""
    others = {pk for pk, to in _uncounted().items() if to is None} & set(guilty_ids)
    earlier = days_of(Scope(end=day - timedelta(days=1)), GuiltyDay, apart=True)
    days = earlier.filter(guilty=OuterRef("pk"))
    kept = Guilty.objects.filter(Exists(days), id__in=set(guilty_ids) - others)
    found = set(kept.values_list("id", flat=True))
    if others:
        counts = CrashDay.objects.filter(day__lt=day).annotate(owner=OWNER)
        owners = counts.filter(owner__in=others).order_by()
        found.update(owners.values_list("owner", flat=True).distinct())
    return found


def of_guilty(guilty_id: int, scope: Scope, column: str) -> dict[Any, int]:
    """Crashes by a column, of this guilty and those merged into it."""
    kept = days_of(scope, GuiltyDay, apart=column == "day")
    days: QuerySet[Any] = kept.filter(guilty=guilty_id)
    if not _counted([guilty_id]):
        days = scope.days_of(CrashDay).filter(trace__in=traces_of(guilty_id))
    return dict(days.values_list(column).annotate(n=Sum("crashes")).order_by(column))


# --- Machines -----------------------------------------------------------------------


def machines(scope: Scope, guilty_ids: Collection[int]) -> Counter[int]:
    """Distinct machine ids per guilty."""
    place = _place(scope)
    counted = _counted(guilty_ids) if place else set()
    found = Counter[int]()
    if place and counted:
        kept = _presence(scope, counted).filter(**place._asdict())
        found.update(dict(kept.values_list("guilty_id").annotate(n=Sum("ids"))))
    if others := set(guilty_ids) - counted:
        reports = scope.facts_of(CrashReport).annotate(owner=OWNER)
        pairs = reports.filter(owner__in=others).order_by()
        distinct = pairs.values_list("owner", "machine_id").distinct()
        found.update(owner for owner, _ in distinct)
    return found


def machines_by_build(scope: Scope, guilty_id: int) -> Counter[int]:
    """Distinct machine ids of a guilty and those merged into it, on each build."""
    if _counted([guilty_id]):
        kept = _presence(scope, [guilty_id]).filter(
            system_name="", build_id__gt=0, source=Source.of(scope.external)
        )
        return Counter(dict(kept.values_list("build_id").annotate(n=Sum("ids"))))
    reports = scope.facts_of(CrashReport).filter(trace__in=traces_of(guilty_id))
    distinct = Count("machine_id", distinct=True)
    rows = reports.order_by().values_list("build_id").annotate(n=distinct)
    return Counter(dict(rows))


def _place(scope: Scope) -> Place | None:
    """Where a scope counts; None: on builds of several systems."""
    source = Source.of(scope.external)
    if not scope.version:
        return Place(scope.system_name, 0, source)
    builds = list(scope.build_ids or ())
    return Place("", builds[0], source) if len(builds) == 1 else None


def _presence(scope: Scope, guilty_ids: Collection[int]) -> QuerySet[GuiltyPresence]:
    """Links whose ids are distinct on the days of the scope."""
    before = {"previous__lt": scope.start} if scope.start else {"previous": NEVER}
    rows = GuiltyPresence.objects.filter(guilty__in=guilty_ids, **before)
    return rows.filter(**scope.of_days())


def _counted(guilty_ids: Collection[int]) -> set[int]:
    rows = CountedGuilty.objects.filter(guilty__in=guilty_ids)
    return set(rows.values_list("guilty_id", flat=True))
