"""What the parts of a run share: its sizes, its database server, what was found."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.load import Generator
from benchmarks.postgres import Postgres
from benchmarks.project import inside
from benchmarks.results import Spread

_COUNTS = "SELECT sum(records), max(day) - min(day) + 1 FROM records_kindday"
_started = time.monotonic()


@dataclass(frozen=True)
class Sizes:
    """How much is done; every number can be given on the command line."""

    records: int
    compared: int
    """Of the smaller database that growth is measured from, when it is one."""
    rounds: int
    repeats: int
    """Of a request to a page or the API."""
    seconds: int
    """Of each load on a server."""
    backlog: int
    heartbeats: int
    exported: int
    requests: int
    """To a collector whose memory is watched."""


@dataclass(frozen=True)
class Best:
    """The collector at its best: what later parts are compared with."""

    workers: int
    per_second: Spread


@dataclass(frozen=True)
class Fleet:
    """A database that is queried; ``given``: it is somebody's, and stays as it is."""

    url: str
    records: int
    days: int
    name: str = ""
    machines: int = 0
    seconds: float = 0.0

    @property
    def given(self) -> bool:
        return not self.name


@dataclass
class Bench:
    sizes: Sizes
    postgres: Postgres
    generator: Generator
    folder: Path
    given: str = ""
    """The address of a filled database, instead of one that is made."""
    best: Best | None = None
    _fleets: dict[int, Fleet] = field(default_factory=dict, init=False)

    def fleet(self) -> Fleet:
        """The database with `Sizes.records` records, made when it is needed."""
        if self.given:
            return self._fleets.setdefault(0, self._counted(self.given))
        return self.own_fleet(self.sizes.records)

    def smaller(self) -> Fleet | None:
        """The database that growth is measured from."""
        compared = self.sizes.compared
        return self.own_fleet(compared) if compared < self.fleet().records / 2 else None

    def own_fleet(self, records: int) -> Fleet:
        """A database with about so many records, made once."""
        if records not in self._fleets:
            name = f"fleet_{records}"
            self._fleets[records] = self.filled(name, records=records, queue=False)
        return self._fleets[records]

    def filled(self, name: str, *, records: int, queue: bool) -> Fleet:
        """A new database with what `benchmarks.inside.fill` makes."""
        say(f"filling a database: {name}, {records:,} records")
        url = self.postgres.copy(name)
        started = time.monotonic()
        found = inside("fill", url, records=records, queue=queue)
        seconds = time.monotonic() - started
        say(f"filled: {found['records']:,} records in {seconds:,.0f} s")
        return Fleet(url, name=name, seconds=seconds, **found)

    def _counted(self, url: str) -> Fleet:
        ((records, days),) = self.postgres.query(url, _COUNTS)
        return Fleet(url, records=int(records), days=int(days))


def say(text: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"[{time.monotonic() - _started:5.0f} s] {text}", file=sys.stderr, flush=True)
