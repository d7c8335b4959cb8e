"""Updates of a scope as the view needs them, from the counts and the newest events."""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from django.db.models import Sum

from records.scope import Scope
from records.stats import build_labels
from records.versions import version_key
from views_plugins.updates.models import UpdateDay, UpdateEvent
from views_plugins.updates.parser import Outcome


class Place(NamedTuple):
    """A version of an operating system; an empty one was not said."""

    system_name: str
    version: str

    @property
    def order(self) -> tuple[str, str, str]:
        return self.system_name, version_key(self.version), self.version


class Count(NamedTuple):
    """Updates that are alike; ``build`` is what their senders were then."""

    build: Place
    before: Place
    after: Place
    outcome: Outcome
    result: int | None
    updates: int
    timed: int
    seconds: int
    bytes: int


class Event(NamedTuple):
    """One update, and what sent it."""

    update: UpdateEvent
    build: Place


_ALIKE = ("build_id", "from_version", "to_version", "outcome", "result")
_SUMMED = ("updates", "timed", "seconds", "bytes")
_OUTCOMES = {each.value: each for each in Outcome}


def counts(scope: Scope) -> list[Count]:
    """Updates of a scope, those that are alike together."""
    rows = scope.days_of(UpdateDay).values_list(*_ALIKE)
    found = list(rows.annotate(*map(Sum, _SUMMED)).order_by(*_ALIKE))
    labels = build_labels({row[0] for row in found})
    return [_count(Place(*labels[row[0]]), *row[1:]) for row in found]


def _count(
    build: Place, before: str, after: str, outcome: str, result: int, *sums: int
) -> Count:
    return Count(
        build,
        Place(build.system_name, before),
        Place(build.system_name, after),
        _OUTCOMES[outcome],
        None if result == UpdateDay.NO_RESULT else result,
        *sums,
    )


def by_day(scope: Scope) -> dict[tuple[date, Outcome], int]:
    """Updates by UTC day and outcome."""
    rows = scope.days_of(UpdateDay).values_list("day", "outcome")
    found = rows.annotate(n=Sum("updates")).order_by("day", "outcome")
    return {(day, Outcome(outcome)): n for day, outcome, n in found}


def failures(scope: Scope, limit: int) -> list[Event]:
    """The newest updates that failed."""
    rows = scope.facts_of(UpdateEvent).filter(outcome=Outcome.FAILED.value)
    found = list(rows.order_by("-received_at", "-record_id")[:limit])
    labels = build_labels({row.build_id for row in found})
    return [Event(row, Place(*labels[row.build_id])) for row in found]


def in_order(places: Iterable[Place]) -> list[Place]:
    """As versions, the oldest first; one that was not said before them."""
    return sorted(set(places), key=lambda each: each.order)
