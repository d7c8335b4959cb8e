from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand

from records.progress import progress
from records.rebuild import days, rebuild_day, rebuild_facts


class Command(BaseCommand):
    help = (
        "Make counts and facts again from the stored records, for a period of UTC "
        "days. Safe while collectors and workers run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--from",
            dest="start",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="First day; without it, the first one with records.",
        )
        parser.add_argument(
            "--to",
            dest="end",
            type=date.fromisoformat,
            metavar="YYYY-MM-DD",
            help="Last day; without it, the last one with records.",
        )
        parser.add_argument(
            "--force",
            action="store_true",
            help="Also count days again whose records were deleted since.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        period = days(options["start"], options["end"])
        if not period:
            self.stdout.write("There are no records.")
            return
        self._counts(period, options["force"])
        with progress(total=None, desc="Facts", unit="rec") as bar:
            for done in rebuild_facts(period[0], period[-1]):
                bar.update(done)

    def _counts(self, period: list[date], force: bool) -> None:
        results = []
        with progress(total=len(period), desc="Counts", unit="day") as bar:
            for day in period:
                results.append(rebuild_day(day, force=force))
                bar.update(1)
        for result in results:
            if result.kept:
                self.stdout.write(
                    f"{result.day}: kept the counts of {result.counted_before} "
                    f"records; {result.records} are still stored (--force overrides)"
                )
        done = sum(result.records for result in results if not result.kept)
        self.stdout.write(f"Counted {done} records of {len(period)} days again.")
