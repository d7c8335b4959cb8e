import os
import signal
from argparse import ArgumentParser
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from records import seeding
from records.demo import DEFAULT_DAYS, DEFAULT_MACHINES, Size
from records.digest import digest_batch
from records.models import Pending, Record
from records.progress import progress
from records.seeding import Filling, Plan
from records.store import insert_records

CHUNK = 2000


class Command(BaseCommand):
    help = (
        "Store what a made-up fleet would have sent until now, and digest it. An empty "
        "PostgreSQL database takes ten million records in minutes."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--machines", type=int, help=f"Default: {DEFAULT_MACHINES}."
        )
        parser.add_argument(
            "--days",
            type=int,
            help=f"Back from now. Default: {DEFAULT_DAYS}, or more for very many "
            "--records.",
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
        parser.add_argument(
            "--processes",
            type=int,
            help="That fill an empty PostgreSQL database. Default: one, or for very "
            "many records one per processor.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        size = _size(options)
        if options["if_empty"] and Record.objects.exists():
            self.stdout.write("There are records already: no demo fleet was made.")
            return
        plan = Plan(
            size, datetime.now(UTC), options["seed"], digest=not options["no_digest"]
        )
        filled = seeding.is_possible()
        steps = _filled(plan, options["processes"]) if filled else _inserted(plan)
        made = 0
        with (
            closing(steps),
            progress(total=size.records, desc="Demo fleet", unit="records") as bar,
        ):
            for done in steps:
                made += done
                bar.update(done)
        if plan.digest and not filled:
            _digest()
        later = "digested" if plan.digest else "the worker will digest them"
        self.stdout.write(
            f"Made {made:,} records of {size.machines:,} machines in {size.days} days; "
            f"{later}."
        )


def _size(options: dict[str, Any]) -> Size:
    """How large a fleet the options ask for, directly or by a number of records."""
    for name in ("machines", "days", "records", "processes"):
        if options[name] is not None and options[name] < 1:
            raise CommandError(f"--{name} must be at least 1.")
    if options["records"] is None:
        machines = options["machines"] or DEFAULT_MACHINES
        return Size(machines, options["days"] or DEFAULT_DAYS)
    if options["machines"] is not None:
        raise CommandError("--machines and --records exclude each other.")
    return Size.of(options["records"], options["days"])


def _filled(plan: Plan, processes: int | None) -> Generator[int, None, None]:
    """When this is stopped, the table has its indexes again before it ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    usual = os.cpu_count() or 1 if plan.is_large else 1
    with Filling(plan, processes or usual) as filling:
        yield from filling.store(plan.numbers)


def _inserted(plan: Plan) -> Generator[int, None, None]:
    """Beside other records, or into SQLite."""
    for day in plan.days():
        for chunk in seeding.chunks(plan.made(day), CHUNK):
            insert_records(chunk)
            yield len(chunk)


def _digest() -> None:
    with progress(total=Pending.objects.count(), desc="Digest", unit="records") as bar:
        while done := digest_batch(CHUNK):
            bar.update(done)
