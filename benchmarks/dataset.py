"""The records that are queried: the demo fleet, with values that are rare or gone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from records.demo import DEFAULT_DAYS, Day, Placed, Size, fleet_records
from records.seeding import Plan
from records.submission import Submission

HEARTBEAT = "org.clearlinux/heartbeat/ping"
RETIRED_MACHINE = "0123456789abcdef0123456789abcdef"


def named(submission: Submission, word: str) -> Submission:
    """The same with names that begin with ``word``, in every small table."""
    return submission._replace(
        classification=f"org.example/{word}/probe",
        payload_format_version=format_version(word),
        build=f"{word} build",
        system_name=f"{word} system",
        kernel_version=f"{word} kernel",
        arch=f"{word} arch",
        host_type=f"{word} machine",
        board_name=f"{word} board",
        cpu_model=f"{word} processor",
        bios_version=f"{word} firmware",
    )


def format_version(word: str) -> int:
    return len(word) * 1000


def retired(submission: Submission) -> Submission:
    """As only some of the oldest records are."""
    return named(submission, "retired")._replace(machine_id=RETIRED_MACHINE)


def fleet(records: int, *, digest: bool = True) -> Plan:
    """About ``records`` records of the days until now.

    Only the oldest hundredth holds external records, and retired names: one record in
    fifty there. A filter on one of these passes over everything else, or must not.
    """
    made = partial(_of_day, records // 100)
    return Plan(Size.of(records), datetime.now(UTC), digest=digest, made=made)


def _of_day(oldest: int, day: Day) -> Iterator[Placed]:
    for number, (received_at, submission) in enumerate(day.records(), day.first):
        if number >= oldest:
            yield received_at, submission._replace(external=False)
        elif number % 50 == 25:
            yield received_at, retired(submission)
        else:
            yield received_at, submission


def heartbeats(records: int) -> Iterator[Placed]:
    """About so many daily heartbeats and nothing else; machine ids live three days."""
    machines = max(1, records // DEFAULT_DAYS)
    now = datetime.now(UTC)
    for placed in fleet_records(
        machines=machines, days=DEFAULT_DAYS, until=now, seed=1
    ):
        if placed[1].classification == HEARTBEAT:
            yield placed
