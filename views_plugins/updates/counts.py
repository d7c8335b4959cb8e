"""Updates of a scope as the view needs them, from the counts and the newest events."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import date
from operator import add
from typing import Any, Literal, NamedTuple

from django.db.models import Max, Min, Sum

from records.scope import Scope
from records.stats import build_labels
from records.versions import version_key
from views_plugins.updates.models import (
    OutcomeSpan,
    ResultSpan,
    UpdateDay,
    UpdateEvent,
    VersionSpan,
)
from views_plugins.updates.parser import Outcome
from views_plugins.weeks import monday


class Place(NamedTuple):
    """A version of an operating system; an empty one was not said."""

    system_name: str
    version: str

    @property
    def order(self) -> tuple[str, str, str]:
        return self.system_name, version_key(self.version), self.version


class Count(NamedTuple):
    """Updates that are alike; ``build`` is what their senders were then.

    So many of them were ``silent`` on their result, or told in ``timed`` how long they
    took.
    """

    build: Place
    before: Place
    after: Place
    outcome: Outcome
    updates: int
    silent: int
    timed: int
    seconds: int
    bytes: int


class Result(NamedTuple):
    """Failed updates with an exit code; ``build``: of their senders, if it is one."""

    code: int | None
    updates: int
    build: Place | None


class Event(NamedTuple):
    """One update, and what sent it."""

    update: UpdateEvent
    build: Place


_ALIKE = ("build_id", "from_version", "to_version", "outcome")
_SUMMED = ("updates", "silent", "timed", "seconds", "bytes")
_OUTCOMES = {each.value: each for each in Outcome}


def counts(scope: Scope) -> list[Count]:
    """Updates of a scope, those that are alike together."""
    sums: dict[tuple[Any, ...], tuple[int, ...]] = {}
    for rows in scope.counts_of(VersionSpan):
        alike = rows.order_by().values_list(*_ALIKE)
        for row in alike.annotate(*map(Sum, _SUMMED)):
            key, new = row[:4], row[4:]
            sums[key] = tuple(map(add, sums[key], new)) if key in sums else new
    labels = build_labels({key[0] for key in sums})
    return [
        _count(Place(*labels[key[0]]), *key[1:], *sums[key]) for key in sorted(sums)
    ]


def _count(build: Place, before: str, after: str, outcome: str, *sums: int) -> Count:
    return Count(
        build,
        Place(build.system_name, before),
        Place(build.system_name, after),
        _OUTCOMES[outcome],
        *sums,
    )


def by_time(
    scope: Scope, time: Literal["day", "week"]
) -> Counter[tuple[date, Outcome]]:
    """Updates by UTC day, or by the Monday of a week, and by outcome."""
    found: Counter[tuple[date, Outcome]] = Counter()
    for rows in scope.counts_of(OutcomeSpan, time):
        days = rows.order_by().values_list("day", "outcome")
        for day, outcome, n in days.annotate(n=Sum("updates")):
            found[monday(day) if time == "week" else day, _OUTCOMES[outcome]] += n
    return found


def results(scope: Scope) -> list[Result]:
    """Failed updates by their exit codes, the most frequent first."""
    updates: Counter[int] = Counter()
    builds: defaultdict[int, set[int]] = defaultdict(set)
    for rows in scope.counts_of(ResultSpan):
        failed = rows.filter(outcome=Outcome.FAILED.value).order_by()
        codes = failed.values_list("result").annotate(
            Sum("updates"), Min("build_id"), Max("build_id")
        )
        for code, n, *some in codes:
            updates[code] += n
            builds[code].update(some)
    labels = build_labels(set().union(*builds.values()))
    ranked = sorted(updates, key=lambda code: (-updates[code], code))
    return [
        Result(
            None if code == UpdateDay.NO_RESULT else code,
            updates[code],
            Place(*labels[min(builds[code])]) if len(builds[code]) == 1 else None,
        )
        for code in ranked
    ]


def failures(scope: Scope, limit: int) -> list[Event]:
    """The newest updates that failed."""
    rows = scope.facts_of(UpdateEvent).filter(outcome=Outcome.FAILED.value)
    found = list(rows.order_by("-received_at", "-record_id")[:limit])
    labels = build_labels({row.build_id for row in found})
    return [Event(row, Place(*labels[row.build_id])) for row in found]


def in_order(places: Iterable[Place]) -> list[Place]:
    """As versions, the oldest first; one that was not said before them."""
    return sorted(set(places), key=lambda each: each.order)
