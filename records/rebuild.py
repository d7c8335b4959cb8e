"""Counts and facts made again from the records, for a period; equal to the first time.

Counts outlive the records they counted: a day whose records were deleted since is left
as it is, unless forced.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import models, transaction
from django.db.models import Sum

from records import database, presence, spans
from records.digest import counted, run_parser, stored_records
from records.models import (
    BuildPresence,
    Classification,
    HardwareDay,
    KindDay,
    MachineDay,
    ParserFailure,
    Pending,
    ReceivedHour,
    Record,
    SystemPresence,
)
from records.parsers import PayloadParser, registered
from records.querysets import RecordQuerySet
from records.tally import Tally
from records.windows import midnight

_FACTS_BATCH = 1000
_DAY = timedelta(days=1)
_OF_DAY = (KindDay, HardwareDay, MachineDay, SystemPresence, BuildPresence)

Choose = Callable[[list[datetime]], datetime]


log = logging.getLogger(__name__)


class NotForgotten(Exception):
    """A parser could not delete its facts: making them again would double them."""


class RebuiltDay(NamedTuple):
    """What happened to a day: records found, and counted before."""

    day: date
    records: int
    counted_before: int
    kept: bool


def days(start: date | None, end: date | None) -> list[date]:
    """The days from ``start`` to ``end``; None: the first or last day with records."""
    first = start or _edge("id", "hour", min)
    last = end or _edge("-id", "-hour", max)
    if first is None or last is None:
        return []
    return [first + n * _DAY for n in range((last - first).days + 1)]


def rebuild_day(day: date, *, force: bool = False) -> RebuiltDay:
    """Count the day again. No batch is digested meanwhile."""
    start = midnight(day)
    hours = ReceivedHour.objects.filter(hour__gte=start, hour__lt=start + _DAY)
    with transaction.atomic():
        database.own_digest()
        records = Record.objects.received_between(start, start + _DAY)
        # One query for both: records keep arriving, each with its place in the queue.
        digested = records.exclude(id__in=Pending.objects.values("record_id"))
        tally = Tally().count(counted(digested))
        found = tally.kinds.total()
        before = hours.aggregate(n=Sum("records"))["n"] or 0
        kept = found < before and not force
        if not kept:
            spans.unfold({day})
            presence.leave_out(day)
            hours.delete()
            for model in _OF_DAY:
                _of_day(model, day).delete()
            tally.save()
    return RebuiltDay(day, found, before, kept)


def rebuild_facts(start: date, end: date) -> Iterator[int]:
    """Run every parser again over the period; yields how many records each step had.

    A record that still waits for the worker is left to it. A parser that cannot forget
    is left out from there on, and the log says so.
    """
    first = midnight(start)
    after = midnight(end + _DAY)
    for parser in registered():
        records = Record.objects.received_between(first, after).filter(
            kind__classification__in=_read_by(parser)
        )
        try:
            yield from _rebuild_facts(parser, records)
        except NotForgotten as error:
            kind = type(error.__cause__).__name__
            log.error("Parser %s cannot forget its facts: %s", parser.name, kind)


def _rebuild_facts(parser: PayloadParser, records: RecordQuerySet) -> Iterator[int]:
    ids: list[int] = [0]
    while ids:
        later = records.filter(id__gt=ids[-1]).order_by("id")
        ids = list(later.values_list("id", flat=True)[:_FACTS_BATCH])
        with transaction.atomic():
            database.own_digest()
            waiting = Pending.objects.filter(record_id__in=ids)
            skipped = set(waiting.values_list("record_id", flat=True))
            ready = [pk for pk in ids if pk not in skipped]
            if ready:
                _forget(parser, ready)
                run_parser(parser, stored_records(ready))
        yield len(ids)


def _forget(parser: PayloadParser, record_ids: list[int]) -> None:
    failures = ParserFailure.objects.filter(parser=parser.name)
    failures.filter(record_id__in=record_ids).delete()
    try:
        parser.forget(record_ids)
    except (Exception, SystemExit) as error:
        raise NotForgotten(parser.name) from error


def _read_by(parser: PayloadParser) -> list[int]:
    names = Classification.objects.values_list("id", "name")
    return [pk for pk, name in names if parser.reads(name)]


def _of_day(model: type[models.Model], day: date) -> models.QuerySet[models.Model]:
    return model._default_manager.filter(day=day)


def _edge(
    record_order: str, hour_order: str, choose: Callable[[list[datetime]], datetime]
) -> date | None:
    """The first or last day that has records, or counts of records."""
    record = Record.objects.order_by(record_order).values_list("received_at", flat=True)
    hour = ReceivedHour.objects.order_by(hour_order).values_list("hour", flat=True)
    found = [each for each in (record.first(), hour.first()) if each]
    if not found:
        return None
    chosen = choose(found)
    return chosen.astimezone(UTC).date()
