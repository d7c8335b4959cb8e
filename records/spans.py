"""Counts of many days together: a long window costs no row for each of its days.

A span is a day, or one, four or sixteen weeks from a Monday. When it is over, the
worker sums up its days. Who adds to one of them later makes it unfolded, in the same
transaction: pages then read its days, until they are summed up again. So what they say
is exact at any time.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache, reduce
from itertools import islice
from operator import or_
from typing import Any, NamedTuple

from django.apps import apps
from django.db import connection, models, transaction
from django.db.models import Min, Q, QuerySet, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Least

from records import database
from records.models import Folded, KindDay, Pending, Record, Span

__all__ = ["Span", "counts", "fold", "longest", "monday", "unfold"]

DAY, WEEK = 1, 7
LONG = (16 * WEEK, 4 * WEEK, WEEK)
SIZES = (*LONG, DAY)
"""Days of a span: each is as long as several of the next."""

_ONE = timedelta(days=1)
_LATE = timedelta(hours=1)
_AT_ONCE = 8
_LOOK_SECONDS = 60.0


def begin(day: date, days: int) -> date:
    """The first day of the span that has this day."""
    past = day.toordinal() - 1  # the first of all days was a Monday
    return date.fromordinal(past - past % days + 1)


def monday(day: date) -> date:
    return begin(day, WEEK)


# --- Which spans have the counts of a window (pure) ---------------------------------


class Piece(NamedTuple):
    """A span that is summed up; ``first`` is the first of its days with counts."""

    days: int
    day: date
    first: date

    @property
    def last(self) -> date:
        return self.day + timedelta(days=self.days - 1)

    def fits(self, start: date | None, end: date | None) -> bool:
        """Whether none of its counts is of a day outside."""
        begins = start is None or self.first >= start
        return begins and (end is None or self.last <= end)


def pieces(
    folded: Iterable[Piece], start: date | None, end: date | None
) -> list[Piece]:
    """The fewest of these spans for the days from ``start`` to ``end``, in order."""
    chosen: dict[tuple[int, date], Piece] = {}
    for each in sorted(folded, reverse=True):
        longer = ((days, begin(each.day, days)) for days in SIZES if days > each.days)
        if each.fits(start, end) and not any(span in chosen for span in longer):
            chosen[each.days, each.day] = each
    return sorted(chosen.values(), key=lambda each: each.day)


Stretch = tuple[date | None, date | None]


def gaps(
    chosen: Sequence[Piece], start: date | None, end: date | None
) -> Iterator[Stretch]:
    """The days between spans, before and after them; None is open."""
    firsts = [start, *(each.last + _ONE for each in chosen)]
    lasts = [*(each.day - _ONE for each in chosen), end]
    for first, last in zip(firsts, lasts, strict=True):
        if first is None or last is None or first <= last:
            yield first, last


# --- Reading ------------------------------------------------------------------------


def longest(dimensions: Collection[str]) -> int:
    """Days of the longest span of which counts by these dimensions can be told."""
    if "day" in dimensions:
        return DAY
    return WEEK if "week" in dimensions else SIZES[0]


def counts(
    model: type[Span],
    start: date | None,
    end: date | None,
    *,
    longest: int = SIZES[0],
    whole: str = "",
) -> list[QuerySet[Any]]:
    """Rows of days, and rows of spans, that have each count of a window once.

    ``longest``: the most days of a span. ``whole``: a column that is not asked by.
    """
    sizes = [each for each in (SIZES if whole else LONG) if each <= longest]
    chosen = pieces(_folded(start, end, sizes), start, end)
    days = _any(_between(*each) for each in gaps(chosen, start, end))
    part = {whole: 0} if whole else {f"{column}__gt": 0 for column in model.WHOLE}
    return [
        model.BY_DAY._default_manager.filter(days),
        model._default_manager.filter(_are(chosen), **part),
    ]


def _folded(
    start: date | None, end: date | None, sizes: Collection[int]
) -> Iterator[Piece]:
    rows = Folded.objects.filter(days__in=sizes)
    if start:
        rows = rows.filter(day__gt=start - timedelta(days=SIZES[0]))
    if end:
        rows = rows.filter(day__lte=end)
    return map(Piece._make, rows.values_list("days", "day", "first"))


def _are(chosen: Iterable[Piece]) -> Q:
    by_size: defaultdict[int, list[date]] = defaultdict(list)
    for each in chosen:
        by_size[each.days].append(each.day)
    return _any(Q(days=days, day__in=begun) for days, begun in by_size.items())


def _between(first: date | None, last: date | None) -> Q:
    return Q(day__gte=first or date.min, day__lte=last or date.max)


def _any(conditions: Iterable[Q]) -> Q:
    return reduce(or_, conditions, Q(day__in=()))


# --- Summing up ---------------------------------------------------------------------


def unfold(days: Collection[date]) -> None:
    """Call it in the transaction that changes counts of these days."""
    told = connection.ops.adapt_datefield_value
    has = {(size, begin(day, size)) for day in days for size in SIZES}
    values = [part for size, day in has for part in (size, told(day))]
    if has:
        with connection.cursor() as cursor:
            cursor.execute(  # by hand: every batch does it
                "DELETE FROM records_folded WHERE (days, day) IN "  # noqa: S608
                f"(VALUES {', '.join(['(%s, %s)'] * len(has))})",
                values,
            )


@cache
def has(model: type[models.Model]) -> bool:
    """Whether its days are summed up."""
    return any(each.BY_DAY is model for each in _models())


_looked = 0.0


def step() -> int:
    """The worker's step: sum up some spans that are over; how many."""
    global _looked  # noqa: PLW0603 - when this process looked for them last
    if time.monotonic() - _looked < _LOOK_SECONDS:
        return 0
    done = fold(datetime.now(UTC) - _LATE, _AT_ONCE)
    if not done:
        _looked = time.monotonic()
    return done


def fold(now: datetime, most: int | None = None) -> int:
    """Sum up spans that are over, ``most`` of them; how many.

    Those for which records wait are left alone: they would be unfolded at once.
    """
    due = list(islice(_due(min(now, _waiting_since() or now).date()), most))
    for days, day in due:
        _fold(days, day)
    return len(due)


def _waiting_since() -> datetime | None:
    oldest = Pending.objects.order_by("record_id").values_list("record_id", flat=True)
    records = Record.objects.filter(id__in=list(oldest[:1]))
    return records.values_list("received_at", flat=True).first()


def _due(today: date) -> Iterator[tuple[int, date]]:
    first = KindDay.objects.aggregate(day=Min("day"))["day"]
    folded = set(Folded.objects.values_list("days", "day"))
    for size in SIZES if first else ():
        day = begin(first, size)
        while (end := day + timedelta(days=size)) <= today:
            if (size, day) not in folded:
                yield size, day
            day = end


def _fold(days: int, day: date) -> None:
    after = day + timedelta(days=days)
    with transaction.atomic():
        database.own_digest()
        counted = KindDay.objects.filter(day__gte=day, day__lt=after)
        first = counted.aggregate(first=Min("day"))["first"] or after
        piece = Piece(days, day, first)
        for model in _models():
            parts = model.WHOLE if days == DAY else ("", *model.WHOLE)
            if parts:
                model._default_manager.filter(days=days, day=day).delete()
            for whole in parts if first < after else ():
                _sum_up(model, piece, whole)
        Folded.objects.filter(days=days, day=day).delete()
        Folded.objects.create(**piece._asdict())


def _models() -> Iterator[type[Span]]:
    """Models of any app; a broken plugin has no tables."""
    return (each for each in apps.get_models() if issubclass(each, Span))


def _sum_up(model: type[Span], piece: Piece, whole: str) -> None:
    """Insert the sums of days; ``whole``: of all values of that column."""
    keys = [each.attname for each in model._meta.pk_fields[2:]]
    sums = [
        each.attname
        for each in model._meta.concrete_fields
        if each.attname not in {"pk", "days", "day", *keys}
    ]

    def told(key: str) -> str | Combinable:
        if key == whole:
            return Value(0)
        return Least(key, Value(piece.first)) if key in model.EARLIER else key

    rows = model.BY_DAY._default_manager.filter(_between(piece.day, piece.last))
    found = rows.order_by().values_list(*map(told, keys)).annotate(*map(Sum, sums))
    sql, given = found.query.sql_with_params()
    columns = ", ".join((*keys, *sums, "days", "day"))
    day = connection.ops.adapt_datefield_value(piece.day)
    with connection.cursor() as cursor:
        cursor.execute(  # every name here is one of our own
            f"INSERT INTO {model._meta.db_table} ({columns}) "  # noqa: S608
            f"SELECT found.*, %s, %s FROM ({sql}) found",
            [piece.days, day, *given],
        )
