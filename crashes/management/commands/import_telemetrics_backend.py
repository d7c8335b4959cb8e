from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crashes.models import TakenOver
from crashes.predecessor import NoPredecessor, Predecessor, connected
from crashes.takeover import (
    Overtaken,
    state_of,
    take_guilties,
    take_records,
    take_rules,
)
from crashes.verification import Compared, Comparison, compare
from records.progress import progress
from records.visible import first_line

_BATCH = 2000
_SHOWN = 20
_WIDTH = 60


class Command(BaseCommand):
    help = (
        "Take over a database of telemetrics-backend: records, comments, hidden "
        "guilties, frames that are never guilty. Can be interrupted and repeated: it "
        "goes on where it was. Ends with a comparison of both sides."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "database_url", help="postgres://user:password@host:port/telemetry"
        )
        parser.add_argument(
            "--batch",
            type=int,
            default=_BATCH,
            metavar="N",
            help=f"Records a commit ({_BATCH:,}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["batch"] < 1:
            raise CommandError("A batch has at least one record.")
        try:
            with connected(options["database_url"]) as old:
                self._import(old, options["batch"])
        except NoPredecessor as error:
            raise CommandError(str(error)) from error
        except Overtaken as error:
            raise CommandError("Another import of it is at work.") from error

    def _import(self, old: Predecessor, batch: int) -> None:
        state = state_of(old)
        self._configuration(old, state)
        total = old.count(after=state.last_record)
        with progress(total=total, desc="Records", unit="rec") as bar:
            for taken in take_records(old, state, batch):
                bar.update(taken)
        self._compare(compare(old, state))

    def _configuration(self, old: Predecessor, state: TakenOver) -> None:
        said = take_guilties(old, state)
        rules = take_rules(old, state)
        self.stdout.write(f"Guilties with a comment or hidden: {said:,}")
        self.stdout.write(f"New rules: {rules.new:,}")
        for each in rules.left_out:
            self.stdout.write(f"No rule: {first_line(each)}")

    def _compare(self, found: list[Comparison]) -> None:
        for comparison in found:
            for line in _table(comparison):
                self.stdout.write(line)
        if any(comparison.unexplained for comparison in found):
            raise CommandError("There are differences that are not explained.")
        self.stdout.write("Everything is here, or its absence is explained.")


def _table(comparison: Comparison) -> Iterator[str]:
    """The greatest values, and whatever differs."""
    yield ""
    yield f"{comparison.name:{_WIDTH}} {'there':>12} {'here':>12}"
    shown = [
        row
        for n, row in enumerate(comparison.rows)
        if n < _SHOWN or row in comparison.unexplained
    ]
    yield from map(_line, shown)
    hidden = len(comparison.rows) - len(shown)
    if hidden:
        yield f"… and {hidden:,} more."
    there = sum(row.there for row in comparison.rows)
    here = sum(row.here for row in comparison.rows)
    yield f"{'all':{_WIDTH}} {there:>12,} {here:>12,}"


def _line(row: Compared) -> str:
    value = first_line(row.value)[:_WIDTH]
    return f"{value:{_WIDTH}} {row.there:>12,} {row.here:>12,}  {row.note}".rstrip()
