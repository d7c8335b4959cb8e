"""What the parts of a run share: its sizes, its database server, what was found."""

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.load import Generator
from benchmarks.postgres import Postgres
from benchmarks.project import inside
from benchmarks.results import Spread

_started = time.monotonic()


@dataclass(frozen=True)
class Sizes:
    """How much is done; every number can be given on the command line."""

    records: int
    rounds: int
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


@dataclass
class Bench:
    sizes: Sizes
    postgres: Postgres
    generator: Generator
    folder: Path
    best: Best | None = None
    _fleet: str = field(default="", init=False)

    def fleet(self) -> str:
        """The address of a database with `Sizes.records` records, made when needed."""
        if not self._fleet:
            records = self.sizes.records
            self._fleet = self.filled("fleet", records=records, queue=False)
        return self._fleet

    def filled(self, name: str, **arguments: Any) -> str:
        """The address of a new database with what `benchmarks.inside.fill` makes."""
        say(f"filling a database: {name}, {arguments['records']:,} records")
        url = self.postgres.copy(name)
        inside("fill", url, **arguments)
        return url


def say(text: str) -> None:
    """Progress, with the seconds since the start."""
    print(f"[{time.monotonic() - _started:5.0f} s] {text}", file=sys.stderr, flush=True)
