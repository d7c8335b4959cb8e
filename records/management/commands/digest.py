import signal
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from math import inf
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand
from django.db import connection

from records import refused, steps
from records.digest import digest_batch
from records.models import Pending
from records.progress import progress
from records.store import LOST

TRIM_SECONDS = 600.0
RETRY_SECONDS = 1.0


class Command(BaseCommand):
    help = "The worker: digest stored records as they come, until SIGTERM."

    stopping = False
    trimmed = -inf

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--once", action="store_true", help="Stop when the queue is empty."
        )
        parser.add_argument("--batch", type=int, default=2000, help="Records a commit.")
        parser.add_argument(
            "--idle", type=float, default=0.5, help="Seconds between looks, when idle."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        while not self.stopping:
            try:
                self._backlog(options["batch"])
                if options["once"]:
                    return
                self._serve(options["batch"], options["idle"])
            except LOST as error:
                if options["once"]:
                    raise
                self._wait_for_store(error)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _backlog(self, batch: int) -> None:
        """Digest what is there, showing how much of it is done."""
        with progress(total=Pending.objects.count(), desc="Digest", unit="rec") as bar:
            while not self.stopping and (done := digest_batch(batch) + steps.run()):
                bar.update(done)

    def _serve(self, batch: int, idle: float) -> None:
        while not self.stopping:
            done = digest_batch(batch) + steps.run()
            if time.monotonic() - self.trimmed > TRIM_SECONDS:
                self.trimmed = time.monotonic()
                refused.trim(datetime.now(UTC))
            if done < batch and not self.stopping:
                time.sleep(idle)

    def _wait_for_store(self, error: Exception) -> None:
        """A database that is away is waited for, not died of."""
        connection.close()
        self.stderr.write(f"The store is down: {type(error).__name__}")
        time.sleep(RETRY_SECONDS)
