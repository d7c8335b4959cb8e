import signal
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand

from records.models import RetentionRun
from records.progress import progress
from records.purge import BATCH, Busy, Share, batches, preview


class Command(BaseCommand):
    help = (
        "Delete records that are older than their retention rule allows. Counts stay. "
        "Safe while collectors and workers run; SIGTERM ends it between two batches."
    )

    stopping = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Only print what would be deleted."
        )
        parser.add_argument(
            "--batch",
            type=_positive,
            default=BATCH,
            metavar="N",
            help=f"Most records a commit ({BATCH:,}).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        now = datetime.now(UTC)
        shares = preview(now)
        if options["dry_run"]:
            for line in _table(shares):
                self.stdout.write(line)
            return
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        run = RetentionRun.objects.create(started=now)
        try:
            self._purge(run, options["batch"], sum(share.due for share in shares))
        except Busy:
            self.stdout.write("Another purge is at work: this one leaves it to that.")
        self._tell(run, shares)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _purge(self, run: RetentionRun, batch: int, due: int) -> None:
        with progress(total=due, desc="Purge", unit="rec") as bar:
            for deleted in batches(run, batch):
                bar.update(deleted)
                if self.stopping:
                    return

    def _tell(self, run: RetentionRun, shares: Iterable[Share]) -> None:
        run.refresh_from_db()
        for share in shares:
            if deleted := run.by_rule.get(str(share.rule.id), 0):
                self.stdout.write(f"{share.rule}: {deleted:,}")
        self.stdout.write(f"Deleted {run.deleted:,} records.")
        if run.error:
            self.stderr.write(run.error)


def _table(shares: Iterable[Share]) -> Iterator[str]:
    yield f"{'rule':50} {'days':>10} {'stored':>14} {'to delete':>14}"
    stored = due = 0
    for share in shares:
        days = f"{share.rule.days:,}" if share.rule.days else "for ever"
        yield f"{share.rule!s:50} {days:>10} {share.stored:>14,} {share.due:>14,}"
        stored += share.stored
        due += share.due
    yield f"{'all':50} {'':>10} {stored:>14,} {due:>14,}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError("at least 1")
    return number
