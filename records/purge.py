"""Deleting what is older than its rule allows, while records arrive and are digested.

A batch is a short transaction of its own: records, their facts, and what was deleted so
far. Counts stay. What still waits for the worker is left alone.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Max, Q

from records import database, partitions
from records.models import (
    Kind,
    ParserFailure,
    Pending,
    ReceivedHour,
    Record,
    RetentionRule,
    RetentionRun,
)
from records.parsers import delete_facts, registered
from records.querysets import RecordQuerySet
from records.retention import Criterion, Policy, Rule
from records.store import LOST

log = logging.getLogger(__name__)

BATCH = 10_000
EVERY = timedelta(days=1)
_LOOK_SECONDS = 60.0
_ERROR_LENGTH = 200
_DROP_TRIES, _DROP_PAUSE = 8, 0.25


class Busy(Exception):
    """Another purge is at work."""


class _RulesChanged(Exception):
    """Somebody changed the rules since the plan was made."""


def policy() -> Policy:
    """The rules that are active now."""
    return Policy(row.rule for row in RetentionRule.objects.filter(active=True))


@dataclass(frozen=True)
class Plan:
    """Which records each rule decides about, and which of them are too old."""

    policy: Policy
    now: datetime
    kinds: Mapping[Rule, set[int]]

    @classmethod
    def of(cls, policy: Policy, now: datetime) -> "Plan":
        kinds: defaultdict[Rule, set[int]] = defaultdict(set)
        rows = Kind.objects.values_list("id", "classification__name", "severity")
        for pk, classification, severity in rows:
            kinds[policy.of_kind(classification, severity)].add(pk)
        return cls(policy, now, kinds)

    def governed(self, rule: Rule) -> RecordQuerySet:
        """Records that this rule decides about."""
        if rule.criterion is Criterion.MACHINE:
            return Record.objects.of_machine(rule.value)
        others = Record.objects.exclude(machine_id__in=list(self.policy.machines))
        return others.with_name("kind_id", self.kinds.get(rule, set()))

    def too_old(self, rule: Rule) -> "TooOld | None":
        """What is true of records that are too old; None: of none."""
        cutoff = rule.cutoff(self.now)
        if cutoff is None:
            return None
        hours = ReceivedHour.objects.filter(hour__lt=cutoff)
        last = hours.aggregate(n=Max("last_id"))["n"]
        return None if last is None else TooOld(cutoff, last)

    def keeps(self, ids: range) -> bool:
        """Whether a record with one of these ids has to stay, or is not counted."""
        waiting = Pending.objects.filter(record_id__range=(ids[0], ids[-1]))
        stay = map(self._staying, self.policy.rules)
        return waiting.exists() or any(_within(rows, ids).exists() for rows in stay)

    def _staying(self, rule: Rule) -> RecordQuerySet:
        """Records that this rule keeps."""
        records, too_old = self.governed(rule), self.too_old(rule)
        return records.filter(too_old.otherwise) if too_old else records

    def count(self, ids: range) -> dict[Rule, int]:
        """How many records with these ids each rule decides about."""
        found = {r: _within(self.governed(r), ids).count() for r in self.policy.rules}
        return {rule: records for rule, records in found.items() if records}


def _within(records: RecordQuerySet, ids: range) -> RecordQuerySet:
    return records.between_ids(ids[0], ids[-1]).everything().order_by()


class TooOld(NamedTuple):
    """Received before the cutoff, and therefore with an id up to ``last``.

    That holds for records that are counted; no others are deleted.
    """

    cutoff: datetime
    last: int

    @property
    def condition(self) -> Q:
        return Q(received_at__lt=self.cutoff, id__lte=self.last)

    @property
    def otherwise(self) -> Q:
        return Q(received_at__gte=self.cutoff) | Q(id__gt=self.last)


# --- What a purge would do ----------------------------------------------------------


class Share(NamedTuple):
    """Of the stored records: those a rule decides about, and those it would delete."""

    rule: Rule
    stored: int
    due: int


def preview(now: datetime) -> list[Share]:
    """What every rule means for the records that are stored; reads all of them."""
    plan = Plan.of(policy(), now)
    return [_share(plan, rule) for rule in plan.policy.rules]


def _share(plan: Plan, rule: Rule) -> Share:
    records = plan.governed(rule).everything().order_by()
    too_old = plan.too_old(rule)
    if too_old is None:
        return Share(rule, records.count(), 0)
    waiting = Q(id__in=Pending.objects.values("record_id"))
    due = Count("id", filter=too_old.condition & ~waiting)
    found = records.aggregate(stored=Count("id"), due=due)
    return Share(rule, found["stored"], found["due"])


# --- Purging ------------------------------------------------------------------------


def batches(run: RetentionRun, limit: int = BATCH) -> Iterator[int]:
    """Delete what is too old, up to ``limit`` at a time; yields how many each time.

    Raises Busy when another purge is at work. Rules that change meanwhile count from
    the next batch on.
    """
    while run.finished is None:
        plan = Plan.of(policy(), run.started)
        try:
            yield from _whole_partitions(plan, run)
            for rule in plan.policy.rules:
                yield from _of_rule(plan, run, rule, limit)
        except _RulesChanged:
            continue
        run.finished = datetime.now(UTC)
        run.save(update_fields=["finished"])


def _of_rule(plan: Plan, run: RetentionRun, rule: Rule, limit: int) -> Iterator[int]:
    """One stretch of ids after the other, past those that have nothing of the rule."""
    too_old = plan.too_old(rule)
    if too_old is None:
        return
    records = plan.governed(rule).between_ids(None, too_old.last)
    start = _first(records, 1)
    while start is not None:
        stretch = too_old.condition & Q(id__range=(start, start + limit - 1))
        with transaction.atomic():
            _check(plan)
            found = records.filter(stretch).everything().order_by("id")
            ids = list(found.values_list("id", flat=True))
            deleted = _delete(run, rule, ids)
        start += limit
        if not ids:
            start = _first(records, start)
        yield deleted


def _first(records: RecordQuerySet, start: int) -> int | None:
    """The first id from ``start`` on, found by one look into the index per kind."""
    return next(
        (pk for (pk,) in records.between_ids(start, None).oldest(1, "id")), None
    )


def _check(plan: Plan) -> None:
    if not database.try_purge():
        raise Busy
    database.share_digest()  # facts are not made again meanwhile
    if policy().rules != plan.policy.rules:
        raise _RulesChanged


def _delete(run: RetentionRun, rule: Rule, record_ids: Sequence[int]) -> int:
    """Delete those that are counted, and note it; how many."""
    if not record_ids:
        return 0
    queue = Pending.objects.filter(record_id__range=(record_ids[0], record_ids[-1]))
    waiting = set(queue.values_list("record_id", flat=True))
    ids = [pk for pk in record_ids if pk not in waiting]
    deleted = database.delete_ids(Record, "id", ids)
    _note(run, {rule: deleted} if deleted else {}, expire(ids))
    return deleted


def _note(
    run: RetentionRun, deleted: Mapping[Rule, int], failed: Sequence[str]
) -> None:
    """Add to what a run has deleted by each rule, and who failed to."""
    row = RetentionRun.objects.select_for_update().get(pk=run.pk)
    row.deleted += sum(deleted.values())
    for rule, records in deleted.items():
        row.by_rule[str(rule.id)] = row.by_rule.get(str(rule.id), 0) + records
    if failed:
        row.error = f"Facts were left over by: {', '.join(failed)}"[:_ERROR_LENGTH]
    row.save(update_fields=["deleted", "by_rule", "error"])


def expire(record_ids: Sequence[int]) -> list[str]:
    """Delete what was made of records that go; parsers that failed to, by name.

    The ids of a whole partition are a `range`, in which some may be of no record.
    """
    failed = []
    for parser in registered():
        try:
            with transaction.atomic():
                parser.expire(record_ids)
        except (Exception, SystemExit):  # noqa: BLE001
            log.warning("Parser %s failed to delete facts", parser.name)
            failed.append(parser.name)
    delete_facts(ParserFailure, record_ids)
    return failed


# --- Whole partitions ---------------------------------------------------------------


def _whole_partitions(plan: Plan, run: RetentionRun) -> Iterator[int]:
    """Drop those in which nothing has to stay; yields how many records each had."""
    counted = [each.last for each in map(plan.too_old, plan.policy.rules) if each]
    last = max(counted, default=0)
    for ids in partitions.spans():
        if ids[-1] <= last and not plan.keeps(ids):
            yield _drop_soon(plan, run, ids)


def _drop_soon(plan: Plan, run: RetentionRun, ids: range) -> int:
    """Try a few times; what others are using all the while is left to the batches."""
    for _ in range(_DROP_TRIES):
        with suppress(partitions.InUse):
            return _drop(plan, run, ids)
        time.sleep(_DROP_PAUSE)
    return 0


def _drop(plan: Plan, run: RetentionRun, ids: range) -> int:
    """Everything of it, or nothing: nobody sees facts without records, or less."""
    with transaction.atomic():
        _check(plan)
        partitions.freeze(ids)
        if plan.keeps(ids):  # since somebody has stored something there
            return 0
        found = plan.count(ids)
        _note(run, found, expire(ids))
        partitions.drop(ids)
    return sum(found.values())


# --- Every day ----------------------------------------------------------------------


class Daily:
    """The worker's step: one batch of the purge of the day."""

    def __init__(self) -> None:
        self._run: RetentionRun | None = None
        self._batches: Iterator[int] = iter(())
        self.look_at = time.monotonic() + _LOOK_SECONDS
        """When to look whether a purge is due; not before what waits is digested."""

    def __call__(self) -> int:
        run = self._run or self._begin()
        if run is None:
            return 0
        self._run = None  # unless this batch succeeds
        try:
            deleted = next(self._batches, None)
        except LOST:
            raise
        except Busy:
            return 0
        except Exception as error:  # noqa: BLE001
            _fail(run, error)
            return 0
        self._run = None if deleted is None else run
        return deleted or 0

    def _begin(self) -> RetentionRun | None:
        if time.monotonic() < self.look_at:
            return None
        self.look_at = time.monotonic() + _LOOK_SECONDS
        run = _due(datetime.now(UTC))
        if run:
            self._batches = batches(run)
        return run

    def stop(self) -> None:
        """Nothing is due any more in this process."""
        self._run, self.look_at = None, inf


daily = Daily()


def _due(now: datetime) -> RetentionRun | None:
    """The run of the day, when it is not done: begun now, or by another process."""
    with transaction.atomic():
        if not database.try_purge():
            return None
        last = RetentionRun.objects.first()
        if last is None or last.started <= now - EVERY:
            return RetentionRun.objects.create(started=now)
        return None if last.finished else last


def _fail(run: RetentionRun, error: Exception) -> None:
    """Not again before tomorrow. What went wrong is told without what it was about."""
    log.error("The purge failed: %s", type(error).__name__)
    run.error, run.finished = type(error).__name__, datetime.now(UTC)
    run.save(update_fields=["error", "finished"])
