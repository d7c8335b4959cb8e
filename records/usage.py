"""What this site stores and receives, as `records.capacity` counts it."""

from dataclasses import dataclass

from django.db.models.functions import Length

from records import database, stats
from records.capacity import Class
from records.labels import kinds
from records.models import Record, RetentionRule
from records.retention import Criterion
from records.scope import Scope

DAYS = 7
SAMPLE = 2000
LONG = 1000
"""Characters beyond which a payload is a long one."""


@dataclass(frozen=True)
class Usage:
    """Of the last days, and of the newest records."""

    machines: int
    """Ids that sent a heartbeat on a day, on average."""
    per_day: float
    """Records of each of them on a day."""
    days: int
    """How long the default rule keeps them."""
    short: Class
    long: Class
    bytes_per_record: float | None
    """With indexes and payload; None: the database does not tell."""


def usage() -> Usage | None:
    """None: nothing was received lately."""
    week = Scope.last_days(DAYS)
    days = stats.machine_days(week, "day")
    on, received = days.total(), stats.records(week)
    if not on or not received:
        return None
    short, long = _classes()
    return Usage(
        machines=round(on / len(days)),
        per_day=received / on,
        days=RetentionRule.objects.get(criterion=Criterion.DEFAULT).days,
        short=short,
        long=long,
        bytes_per_record=database.bytes_per_row(Record._meta.db_table),
    )


def _classes() -> tuple[Class, Class]:
    """Short and long payloads among the newest records; heartbeats are the rest."""
    newest = Record.objects.annotate(length=Length("payload"))
    rows = list(newest.newest(SAMPLE, "id", "kind_id", "length"))
    lengths = [n for _, kind_id, n in rows if not kinds.one(kind_id).heartbeat]
    short = [n for n in lengths if n <= LONG]
    long = [n for n in lengths if n > LONG]
    return _class(short, len(rows)), _class(long, len(rows))


def _class(lengths: list[int], of: int) -> Class:
    mean = sum(lengths) / len(lengths) if lengths else 0
    return Class(len(lengths) / of if of else 0, mean)
