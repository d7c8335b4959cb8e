"""Fleets whose machines are known, and the ids that a server sees of them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from records.estimate import LIFE, Active


class Heartbeat(NamedTuple):
    day: int
    machine: int
    machine_id: str


@dataclass(frozen=True)
class Fleet:
    """``presence``: the chance that a machine is on on a day, by its number and chance.

    At weekends it is so many times that. A machine joins on a day of its own; a part
    of them, ``static``, keep their first id.
    """

    presence: Callable[[int, Random], float]
    static: float = 0
    at_weekends: float = 1
    joins: Callable[[int], int] = lambda number: -10

    def heartbeats(self, machines: int, days: int, seed: int) -> list[Heartbeat]:
        """Of the days from 0 to before ``days``; most machines were there before."""
        rng = Random(seed)
        return [
            each
            for number in range(machines)
            for each in self._machine(number, days, rng)
            if each.day >= 0
        ]

    def _machine(self, number: int, days: int, rng: Random) -> Iterable[Heartbeat]:
        presence = self.presence(number, rng)
        keeps, time = rng.random() < self.static, rng.random()
        made, generation = -10 - rng.random() * LIFE, 0
        for day in range(self.joins(number), days):
            usual = day % 7 < 5
            if rng.random() < (presence if usual else presence * self.at_weekends):
                # A client looks every hour whether its id is too old.
                if not keeps and day + time - made > LIFE:
                    made = day + max(0, time - rng.random() / 24)
                    generation += 1
                yield Heartbeat(day, number, f"{number}-{generation}")


def counted(beats: Iterable[Heartbeat], start: int, end: int) -> list[Active]:
    """What is counted of the days from ``start`` to before ``end``."""
    days: defaultdict[str, set[int]] = defaultdict(set)
    for each in beats:
        days[each.machine_id].add(each.day)
    counts: Counter[tuple[str, int]] = Counter()
    for seen in days.values():
        first, *later = sorted(seen)
        counts["new", first] += 1
        counts.update(("ids", day) for day in seen)
        if later:
            counts[f"after {later[0] - first}", later[0]] += 1
    names = ("ids", "new", "after 1", "after 2")
    return [Active(*(counts[name, day] for name in names)) for day in range(start, end)]


def distinct(beats: Iterable[Heartbeat], name: str, start: int, end: int) -> int:
    """Different machines, or ids, on these days."""
    return len({getattr(each, name) for each in beats if start <= each.day < end})


FLEETS = {
    "always on": Fleet(lambda n, rng: 1),
    "on 60 % of days": Fleet(lambda n, rng: 0.6),
    "on 30 % of days": Fleet(lambda n, rng: 0.3),
    "servers and laptops": Fleet(lambda n, rng: 1 if n % 2 else 0.3),
    "servers and workstations": Fleet(lambda n, rng: 1 if n % 2 else 0.6),
    "as different as can be": Fleet(lambda n, rng: 0.1 + 0.9 * rng.random()),
    "20 % static ids, on 60 % of days": Fleet(lambda n, rng: 0.6, static=0.2),
    "20 % static ids, mixed": Fleet(lambda n, rng: 1 if n % 3 else 0.5, static=0.2),
    "mostly off at weekends": Fleet(lambda n, rng: 1, at_weekends=0.3),
    "less on at weekends": Fleet(lambda n, rng: 0.9 if n % 2 else 0.6, at_weekends=0.5),
    "all static ids": Fleet(lambda n, rng: 0.7, static=1),
}
