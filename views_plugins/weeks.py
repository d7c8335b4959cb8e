"""ISO weeks of a window, named by the dates of their Mondays (pure)."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import NamedTuple

_DAYS = 7


class Week(NamedTuple):
    """The days of an ISO week that a window has, ``first`` to ``last``."""

    first: date
    last: date

    @property
    def monday(self) -> date:
        return monday(self.first)

    @property
    def cut(self) -> bool:
        return self._days < _DAYS

    @property
    def _days(self) -> int:
        return (self.last - self.first).days + 1

    def __str__(self) -> str:
        """The date of its Monday, and how many of its days are there when not all."""
        return f"{self.monday} ({self._days}/{_DAYS})" if self.cut else f"{self.monday}"


class Time(NamedTuple):
    """A day, or the part of a week that a window has; ``key``: its day, or Monday."""

    key: date
    first: date
    last: date
    text: str

    def mean(self, n: int) -> float:
        """Of a number of this many days, how much it is a day."""
        days = (self.last - self.first).days + 1
        return n if days == 1 else round(n / days, 1)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def between(start: date, end: date) -> list[Week]:
    """The weeks of the days from ``start`` to ``end``, both included."""
    count = (monday(end) - monday(start)).days // _DAYS + 1
    mondays = [monday(start) + timedelta(weeks=n) for n in range(count)]
    return [
        Week(max(start, each), min(end, each + timedelta(days=_DAYS - 1)))
        for each in mondays
    ]


def by_week(days: Mapping[tuple[date, str], int]) -> Counter[tuple[date, str]]:
    """Counts by day and name, as counts by Monday and name."""
    found: Counter[tuple[date, str]] = Counter()
    for (day, name), n in days.items():
        found[monday(day), name] += n
    return found
