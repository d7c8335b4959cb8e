"""Server time of an address: the first request, and later ones."""

from collections.abc import Iterable
from statistics import median
from typing import Any, NamedTuple

from benchmarks.inside import plans, site
from records import labels

_LEAST = 3
_PATIENCE = 4.0  # seconds for one address, after which a median of fewer must do
_EXPLAINED = 5


class Timed(NamedTuple):
    """Seconds of requests; ``what``: that is special about this one."""

    address: str
    what: str
    status: str
    queries: int
    first: float
    seconds: list[float]


def timed(address: str, repeats: int, what: str = "") -> Timed:
    """The first request finds no names of small tables in memory."""
    labels.forget()
    with plans.queries() as made:
        first = site.get(address)
    seconds: list[float] = []
    while len(seconds) < repeats and (
        len(seconds) < _LEAST or sum(seconds) < _PATIENCE
    ):
        seconds.append(site.get(address).seconds)
    return Timed(address, what, first.status, len(made), first.seconds, seconds)


def told(found: Iterable[Timed]) -> list[dict[str, Any]]:
    return [each._asdict() for each in found]


def explained(found: Iterable[Timed]) -> list[dict[str, str]]:
    """The slowest of them, each with the plan of its longest query."""
    slowest = sorted(found, key=lambda each: -median(each.seconds))[:_EXPLAINED]
    return [plans.explained(each.address) for each in slowest]
