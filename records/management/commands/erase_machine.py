import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from records.erase import FactsLeftOver, erase_records, erase_rest
from records.models import Record
from records.progress import progress


class Command(BaseCommand):
    help = (
        "Delete everything of one machine id: records, facts, counts that name it, "
        "refused requests. Counts that name no machine stay. Cannot be undone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("machine_id")
        parser.add_argument(
            "--yes", action="store_true", help="Do not ask before it is done."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        machine_id = options["machine_id"]
        records = Record.objects.filter(machine_id=machine_id).count()
        if not options["yes"] and not self._confirmed(records):
            raise CommandError("Nothing was erased.")
        erased = 0
        try:
            with progress(total=records, desc="Erase", unit="rec") as bar:
                for deleted in erase_records(machine_id):
                    erased += deleted
                    bar.update(deleted)
        except FactsLeftOver as error:
            raise CommandError(f"Facts could not be deleted by: {error}") from error
        done = erase_rest(machine_id, _operator(), erased)
        self.stdout.write(
            f"Erased {done.records:,} records and {done.other_rows:,} other rows "
            f"(erasure {done.pk})."
        )

    def _confirmed(self, records: int) -> bool:
        if not sys.stdin.isatty():
            raise CommandError("Without a terminal, --yes has to be given.")
        question = f"Erase {records:,} records and all else of this machine? [yes/no] "
        return input(question).strip().lower() == "yes"


def _operator() -> str:
    """Who runs the command, as the operating system knows."""
    try:
        return f"{getpass.getuser()}, on the command line"
    except (KeyError, OSError, ImportError):
        return "The command line"
