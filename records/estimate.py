"""How many machines there are, when each takes a new id every three days (pure).

A machine sends one heartbeat on each day on which it is on, so a day's ids are its
machines. Over several days a machine has several ids. How often machines are on shows
in new ids: a client makes one when it is on and the last one is older than `LIFE` days,
so the machine behind a new id has that id on the two days that follow, if it is on.

Assumed of machines: some are on every day, the others on each day with one chance.
See docs/adr/0005-machines.md for what that is worth.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile
from math import sqrt
from typing import NamedTuple

LIFE = 3
_WEEK = 7


class Active(NamedTuple):
    """Ids with a heartbeat on a day: ``new`` for the first time, ``after_one`` and
    ``after_two`` for the second time, so many days after the first.
    """

    ids: int = 0
    new: int = 0
    after_one: int = 0
    after_two: int = 0


@dataclass(frozen=True)
class Estimate:
    """Machines that were on in so many ``days``: at least ``low``, the most ids of one
    day, and about ``machines``.

    ``ids`` is the count of distinct ids, ``active`` the mean of a day. ``presence`` is
    the chance that a machine with a new id is on the next day; None when no day says.
    """

    machines: int = 0
    low: int = 0
    ids: int = 0
    active: float = 0
    presence: float | None = None
    days: int = 0


class _Group(NamedTuple):
    """Machines that are on with this chance, and their share of new ids."""

    share: float
    presence: float

    def machines(self, days: int) -> float:
        """How many are on at least once in so many days, per new id a day."""
        if not self.presence:
            return self.share * days
        some_day = 1 - (1 - self.presence) ** days
        return self.share * some_day * (LIFE - 1 + 1 / self.presence)


def estimate(days: Sequence[Active], ids: int, *, partial: bool = False) -> Estimate:
    """Machines on these consecutive days, which had so many distinct ids.

    ``partial``: the last day is not over. Its count is a lower bound like any other,
    but no mean is taken of it; the estimate is of the days before.
    """
    low = max((day.ids for day in days), default=0)
    whole = _used(days[:-1] if partial else days)
    if not whole:
        return Estimate(machines=low, low=low, ids=ids, days=int(low > 0))
    mean = sum(day.ids for day in whole) / len(whole)
    groups = _groups(whole)
    # Ids are never fewer than machines; they are as many when none was seen again.
    machines = _in_window(whole, mean, groups) if groups else ids
    presence = sum(each.share * each.presence for each in groups) if groups else None
    return Estimate(
        machines=max(low, min(ids, round(machines))),
        low=low,
        ids=ids,
        active=mean,
        presence=presence,
        days=len(whole),
    )


def _used(days: Sequence[Active]) -> list[Active]:
    """Without the days before the first id and after the last one."""
    started = list(dropwhile(lambda day: not day.ids, days))
    return list(dropwhile(lambda day: not day.ids, reversed(started)))[::-1]


# --- How often machines are on ------------------------------------------------------


def _groups(days: Sequence[Active]) -> tuple[_Group, ...]:
    """Those who are on every day, and the others; nothing when no id came again."""
    told = days[_first_told(days) :]
    new = sum(day.new for day in told[:-1])
    off = 1 - sum(day.after_one for day in told[1:]) / new if new else 1.0
    if off >= 1:
        return ()
    if off <= 0:
        return (_Group(1, 1.0),)
    unlike = min(max(1.0, _unlike(told)), 1 / off)
    return _Group(1 - 1 / unlike, 1.0), _Group(1 / unlike, 1 - off * unlike)


def _first_told(days: Sequence[Active]) -> int:
    """The first day whose new ids are known to be new.

    When there was nobody before, ids may have been in use unseen until `LIFE` is over.
    """
    unseen = days[0].new == days[0].ids and len(days) > LIFE + 1
    return LIFE if unseen else 0


def _unlike(days: Sequence[Active]) -> float:
    """How many times more ids were off on both days after their first than would be
    if all machines were on with the chance of that day. 1: machines are alike.
    """
    seen = expected = 0.0
    for first, second, third in zip(days, days[1:], days[2:], strict=False):
        if first.new and second.new:
            seen += first.new - second.after_one - third.after_two
            expected += (first.new - second.after_one) * (
                1 - third.after_one / second.new
            )
    return seen / expected if expected > 0 else 1.0


# --- How many machines that makes ---------------------------------------------------


def _in_window(days: Sequence[Active], mean: float, groups: Sequence[_Group]) -> float:
    """Machines that were on at least once, also when their number grew or shrank."""
    growth = _growth(days, mean)
    per_active = [_per_active(groups, n) for n in range(1, len(days) + 1)]
    throughout = mean - growth * (len(days) - 1) / 2
    return throughout * per_active[-1] + growth * sum(per_active[:-1])


def _per_active(groups: Sequence[_Group], days: int) -> float:
    """Machines on in so many days for each one that is on on a day."""
    return sum(each.machines(days) for each in groups) / sum(
        each.machines(1) for each in groups
    )


def _growth(days: Sequence[Active], mean: float) -> float:
    """By how much the count of a day changes from day to day, if beyond chance.

    Told from whole weeks, since days of the week differ.
    """
    if len(days) < 2 * _WEEK:
        return 0.0
    first, last = (
        sum(day.ids for day in week) for week in (days[:_WEEK], days[-_WEEK:])
    )
    chance = sqrt(2 * mean / _WEEK)
    return max(0.0, abs(last - first) / _WEEK - chance) / (len(days) - _WEEK)
