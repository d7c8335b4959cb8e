"""The records that are queried: the demo fleet, with values that are rare or gone."""

from collections.abc import Iterator
from datetime import UTC, datetime

from records import demo
from records.submission import Submission

DAYS = 35
HEARTBEAT = "org.clearlinux/heartbeat/ping"
RETIRED_MACHINE = "0123456789abcdef0123456789abcdef"

Placed = tuple[datetime, Submission]


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


def fleet(records: int) -> Iterator[Placed]:
    """About ``records`` records of the last `DAYS` days.

    Only the oldest hundredth holds external records, and retired names: one record in
    fifty there. A filter on one of these passes over everything else, or must not.
    """
    machines = demo.machines_for(records=records, days=DAYS)
    for number, (received_at, submission) in enumerate(_demo(machines)):
        if number >= records // 100:
            yield received_at, submission._replace(external=False)
        elif number % 50 == 25:
            yield received_at, retired(submission)
        else:
            yield received_at, submission


def heartbeats(records: int) -> Iterator[Placed]:
    """About so many daily heartbeats and nothing else; machine ids live three days."""
    for received_at, submission in _demo(max(1, records // DAYS)):
        if submission.classification == HEARTBEAT:
            yield received_at, submission


def _demo(machines: int) -> Iterator[Placed]:
    return demo.fleet_records(
        machines=machines, days=DAYS, until=datetime.now(UTC), seed=1
    )
