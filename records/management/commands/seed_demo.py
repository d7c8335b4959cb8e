from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from django.core.management.base import BaseCommand, CommandError

from records import demo
from records.digest import digest_batch
from records.models import Pending, Record
from records.progress import progress
from records.store import insert_records

CHUNK = 2000

T = TypeVar("T")


class Command(BaseCommand):
    help = "Store what a made-up fleet would have sent until now, and digest it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--machines", type=int, help="Default: 150.")
        parser.add_argument(
            "--days", type=int, default=demo.DEFAULT_DAYS, help="Back from now."
        )
        parser.add_argument(
            "--records", type=int, help="About how many, instead of --machines."
        )
        parser.add_argument(
            "--seed", type=int, default=1, help="Another number, another fleet."
        )
        parser.add_argument(
            "--if-empty", action="store_true", help="Only into an empty database."
        )
        parser.add_argument(
            "--no-digest", action="store_true", help="Leave that to the worker."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        machines, days = _machines(options), options["days"]
        if options["if_empty"] and Record.objects.exists():
            self.stdout.write("There are records already: no demo fleet was made.")
            return
        made = _store(machines, days, options["seed"])
        if not options["no_digest"]:
            _digest()
        later = "the worker will digest them" if options["no_digest"] else "digested"
        self.stdout.write(
            f"Made {made:,} records of {machines:,} machines in {days} days; {later}."
        )


def _machines(options: dict[str, Any]) -> int:
    """How many machines the options ask for, directly or by a number of records."""
    for name in ("machines", "days", "records"):
        if options[name] is not None and options[name] < 1:
            raise CommandError(f"--{name} must be at least 1.")
    if options["records"] is None:
        return options["machines"] or demo.DEFAULT_MACHINES
    if options["machines"] is not None:
        raise CommandError("--machines and --records exclude each other.")
    return demo.machines_for(records=options["records"], days=options["days"])


def _store(machines: int, days: int, seed: int) -> int:
    records = demo.fleet_records(
        machines=machines, days=days, until=datetime.now(UTC), seed=seed
    )
    expected = demo.expected_records(machines=machines, days=days)
    made = 0
    with progress(total=expected, desc="Demo fleet", unit="records") as bar:
        for chunk in _chunks(records, CHUNK):
            insert_records(chunk)
            made += len(chunk)
            bar.update(len(chunk))
    return made


def _digest() -> None:
    with progress(total=Pending.objects.count(), desc="Digest", unit="records") as bar:
        while done := digest_batch(CHUNK):
            bar.update(done)


def _chunks(things: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(things)
    while chunk := list(islice(rest, size)):
        yield chunk
