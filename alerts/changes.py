"""What changes for a rule when it is evaluated: the decision (pure).

An alert begins when a reading reaches the threshold, and ends when it falls to less
than four fifths of it, or is no longer there: a value that wavers about the threshold
is one alert.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from alerts.conditions import Reading

CALM = 0.8
MOST_OPEN = 20
"""Alerts that a rule has at a time: whoever invents subjects causes no more."""


@dataclass(frozen=True)
class Changes:
    """Alerts that begin, go on and end, by subject.

    ``tell`` names those whose beginning is to be told now, ``tell_over`` those whose
    end is. ``left_out`` counts what would begin if there was room.
    """

    begun: tuple[Reading, ...] = ()
    going_on: tuple[Reading, ...] = ()
    over: frozenset[str] = frozenset()
    tell: frozenset[str] = frozenset()
    tell_over: frozenset[str] = frozenset()
    left_out: int = 0


def decide(
    known: Mapping[str, bool],
    readings: Iterable[Reading],
    threshold: float,
    *,
    quiet: bool = False,
    most: int = MOST_OPEN,
) -> Changes:
    """What changes; ``known`` are alerts that did not end, and whether they are told.

    Nothing is told while ``quiet``; a beginning is told afterwards, if it still lasts.
    """
    found = _by_subject(readings)
    going_on = [
        each
        for each in found.values()
        if each.subject in known and each.value >= threshold * CALM
    ]
    over = known.keys() - {each.subject for each in going_on}
    fresh = [each for each in found.values() if _begins(each, known, threshold)]
    begun = sorted(fresh, key=lambda each: (-each.value, each.subject))
    room = max(most - len(going_on), 0)
    untold = {each.subject for each in going_on if not known[each.subject]}
    tell = untold | {each.subject for each in begun[:room]}
    return Changes(
        begun=tuple(begun[:room]),
        going_on=tuple(going_on),
        over=frozenset(over),
        tell=frozenset() if quiet else frozenset(tell),
        tell_over=frozenset(each for each in over if known[each] and not quiet),
        left_out=len(begun[room:]),
    )


def _by_subject(readings: Iterable[Reading]) -> dict[str, Reading]:
    """One reading of each subject: the greatest."""
    ordered = sorted(readings, key=lambda each: each.value)
    return {each.subject: each for each in ordered}


def _begins(reading: Reading, known: Mapping[str, bool], threshold: float) -> bool:
    is_known = reading.subject in known
    return reading.sure and not is_known and reading.value >= threshold
