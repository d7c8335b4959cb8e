import time
from argparse import ArgumentParser
from datetime import date
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from crashes import curation
from crashes.counts import traces_of
from crashes.models import CrashReport, Guilty, RulesVersion
from records.progress import progress
from records.scope import Scope

BATCH = 500
PATIENCE = 0.2  # seconds; another worker has the last traces
NOTE = "All crashes judged again"


class Command(BaseCommand):
    help = (
        "Judge crashes again by the rules in force: all of them, as a new version of "
        "the same rules, or some at once. Safe while collectors and workers run."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--guilty", type=int, metavar="ID", help="Only crashes of this guilty."
        )
        for name, dest, meaning in (
            ("--from", "start", "Only backtraces reported on or after this UTC day."),
            ("--to", "end", "Only backtraces reported on or before this UTC day."),
        ):
            parser.add_argument(
                name,
                dest=dest,
                type=date.fromisoformat,
                metavar="YYYY-MM-DD",
                help=meaning,
            )

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = [options[name] for name in ("guilty", "start", "end")]
        if all(each is None for each in wanted):
            self._all()
        else:
            self._some(sorted(_traces(*wanted)))

    def _all(self) -> None:
        version = curation.change(curation.rules, note=NOTE, everything=True)
        with progress(total=version.affected, desc="Judge", unit="traces") as bar:
            while _is_applied(version):
                done = curation.judge_again(BATCH)
                bar.update(done)
                if not done:
                    time.sleep(PATIENCE)
        version.refresh_from_db()
        if version.state == RulesVersion.State.PAST:
            raise CommandError("The rules were changed meanwhile: the worker goes on.")
        self.stdout.write(
            f"Judged {version.affected:,} traces again, as version {version.pk}."
        )

    def _some(self, traces: list[int]) -> None:
        moved, rest = 0, iter(traces)
        with progress(total=len(traces), desc="Judge", unit="traces") as bar:
            while ids := list(islice(rest, BATCH)):
                moved += curation.judge_now(ids)
                bar.update(len(ids))
        self.stdout.write(
            f"Judged {len(traces):,} traces again; {moved:,} have another guilty."
        )


def _is_applied(version: RulesVersion) -> bool:
    """Whether it is still being applied."""
    judging = RulesVersion.objects.filter(state=RulesVersion.State.JUDGING)
    return judging.filter(pk=version.pk).exists()


def _traces(guilty_id: int | None, start: date | None, end: date | None) -> set[int]:
    """Traces of this guilty that were reported in these days; None: of any."""
    if guilty_id is not None and not Guilty.objects.filter(pk=guilty_id).exists():
        raise CommandError(f"There is no guilty {guilty_id}.")
    if start and end and end < start:
        raise CommandError("--to is before --from.")
    traces = traces_of(guilty_id) if guilty_id is not None else None
    if start is None and end is None:
        return set(traces or ())
    reports = Scope(start=start, end=end).facts_of(CrashReport)
    found = set(reports.values_list("trace_id", flat=True).distinct())
    return found if traces is None else found & set(traces)
