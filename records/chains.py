"""Days on which an id was there, as links that can be counted (pure).

A chain is the days of one id, in order. Each of its days is a link to the day before
it in the chain. A day more, or less, changes few links, all of them near it.
"""

from collections.abc import Collection, Iterable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

NEVER = date.min
"""What stands for the day before the first."""


class Link(NamedTuple):
    day: date
    previous: date
    second: bool


Links = frozenset[Link]


def links(days: Iterable[date]) -> Links:
    """The links of a chain with these days."""
    ordered = sorted(days)
    pairs = zip(ordered, (NEVER, *ordered), strict=False)
    return frozenset(
        Link(day, previous, n == 1) for n, (day, previous) in enumerate(pairs)
    )


def joined(days: Collection[date], new: Collection[date]) -> tuple[Links, Links]:
    """Links that come, and links that go, when ``new`` days join a chain.

    Of the chain it needs two days before the new ones, two after, and any between.
    """
    return _joined(frozenset(days), frozenset(new))


@lru_cache(maxsize=10_000)  # the chains of most ids are alike
def _joined(days: frozenset[date], new: frozenset[date]) -> tuple[Links, Links]:
    near = _near(days, min(new), max(new))
    before, after = (
        links(near),
        links((*near, *(day for day in new if day not in near))),
    )
    return after - before, before - after


def _near(days: Collection[date], first: date, last: date) -> list[date]:
    ordered = sorted(days)
    start = sum(day < first for day in ordered)
    end = sum(day <= last for day in ordered)
    return ordered[max(0, start - 2) : end + 2]
