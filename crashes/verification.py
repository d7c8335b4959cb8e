"""What an import brought, counted on both sides.

A difference is explained by what happened since: retention and erasures here, deletions
there, records that wait for the worker. Who is guilty is judged anew, by other rules.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from django.db.models import Count, Q, Sum

from crashes import judging
from crashes.models import CrashReport, TakenOver, Trace
from crashes.predecessor import (
    OldCount,
    Predecessor,
    classification,
    frame,
    received_at,
    severity,
    text,
    unquoted,
)
from records.labels import builds, kinds
from records.models import Erasure, Pending, Record, RetentionRun
from records.purge import policy
from records.querysets import RecordQuerySet

UNEXPLAINED = "NOT EXPLAINED"
_SECONDS_OF_DAY = 86_400


class Compared(NamedTuple):
    """A value with its records there and here, and why they differ."""

    value: str
    there: int
    here: int
    note: str = ""


@dataclass(frozen=True)
class Comparison:
    """By one property of records."""

    name: str
    rows: list[Compared]

    @property
    def unexplained(self) -> list[Compared]:
        return [row for row in self.rows if row.note == UNEXPLAINED]


def imported(state: TakenOver) -> RecordQuerySet:
    """The records that came from this database and are still here.

    Those that clients sent meanwhile have a telemetry id.
    """
    spans = Q(pk__in=())
    for first, last in state.ranges:
        spans |= Q(id__range=(first, last))
    return Record.objects.filter(spans, kind__telemetry_id=None)


def compare(old: Predecessor, state: TakenOver) -> list[Comparison]:
    """Per classification, build, severity, source and guilty."""
    there = _there(old, state)
    here = _here(state)
    allowed = _allowed(old, state)
    found = [
        Comparison(name, _rows(there[name], here[name], allowed))
        for name in _PROPERTIES
    ]
    return [*found, Comparison("guilty", _guilties(old, state))]


# --- Counts -------------------------------------------------------------------------


@dataclass
class Counts:
    """Records by value; ``expired``: those that retention may have deleted here."""

    records: Counter[str]
    expired: Counter[str]


_PROPERTIES = ("classification", "build", "severity", "source")
_Values = dict[str, str]


def _values(
    classification: str, system_name: str, build: str, severity: int, external: bool
) -> _Values:
    return {
        "classification": classification,
        "build": f"{system_name} {build}",
        "severity": str(severity),
        "source": "external" if external else "internal",
    }


def _there(old: Predecessor, state: TakenOver) -> dict[str, Counts]:
    rules, now = policy(), datetime.now(UTC)
    found = defaultdict[str, Counts](lambda: Counts(Counter(), Counter()))
    for each in old.counts(state.last_record, rules.machines):
        values = _old_values(each)
        machine = text(each.machine_id, 32)
        name, level = values["classification"], int(values["severity"])
        cutoff = rules.of(machine, name, level).rule.cutoff(now)
        day = received_at(each.day * _SECONDS_OF_DAY)
        for property_, value in values.items():
            counts = found[property_]
            counts.records[value] += each.records
            if cutoff and day < cutoff:
                counts.expired[value] += each.records
    return found


def _old_values(old: OldCount) -> _Values:
    return _values(
        classification(old.classification),
        unquoted(old.system_name),
        unquoted(old.build),
        severity(old.severity),
        bool(old.external),
    )


def _here(state: TakenOver) -> dict[str, Counter[str]]:
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    rows = imported(state).order_by().values_list("kind_id", "build_id")
    for kind_id, build_id, n in rows.annotate(n=Count("id")):
        kind, build = kinds.one(kind_id), builds.one(build_id)
        values = _values(
            kind.classification, *build, kind.severity, external=kind.external
        )
        for property_, value in values.items():
            found[property_][value] += n
    return found


# --- Differences --------------------------------------------------------------------


class Allowed(NamedTuple):
    """What may differ: retention was at work, records erased here, deleted there."""

    purged: bool
    erased: int
    deleted_there: int


def _allowed(old: Predecessor, state: TakenOver) -> Allowed:
    runs = RetentionRun.objects.filter(deleted__gt=0)
    since = runs.filter(Q(finished=None) | Q(finished__gte=state.started))
    erasures = Erasure.objects.filter(erased_at__gte=state.started)
    return Allowed(
        purged=since.exists(),
        erased=erasures.aggregate(n=Sum("records"))["n"] or 0,
        deleted_there=max(0, state.records - old.count(until=state.last_record)),
    )


def _rows(there: Counts, here: Counter[str], allowed: Allowed) -> list[Compared]:
    """The greatest first."""
    rows = []
    for value in there.records.keys() | here.keys():
        counted, found = there.records[value], here[value]
        expired = there.expired[value] if allowed.purged else 0
        note = _note(counted - found, expired, allowed)
        rows.append(Compared(value, counted, found, note))
    return sorted(rows, key=lambda row: (-max(row.there, row.here), row.value))


def _note(missing: int, expired: int, allowed: Allowed) -> str:
    if missing == 0:
        return ""
    if 0 < missing <= expired:
        return "deleted by retention"
    if 0 < missing <= expired + allowed.erased:
        return "deleted by retention or erased" if expired else "erased"
    if missing < 0 and -missing <= allowed.deleted_there:
        return "deleted there since"
    return UNEXPLAINED


def _guilties(old: Predecessor, state: TakenOver) -> list[Compared]:
    there: Counter[str] = Counter()
    for function, module, n in old.crashes(state.last_record):
        there[_shown(*frame(function, module))] += n
    here = Counter(dict(_judged(state)))
    waiting = _waiting(state)
    rows = []
    for value in there.keys() | here.keys():
        same = there[value] == here[value]
        note = "" if same else f"{waiting:,} wait" if waiting else "judged anew"
        rows.append(Compared(value, there[value], here[value], note))
    return sorted(rows, key=lambda row: (-max(row.there, row.here), row.value))


def _judged(state: TakenOver) -> Iterator[tuple[str, int]]:
    """Crashes of imported records, by who is guilty of them here."""
    reports = CrashReport.objects.filter(record_id__in=imported(state).values("id"))
    traces = dict(reports.order_by().values_list("trace_id").annotate(n=Count("pk")))
    guilty = Trace.objects.filter(id__in=traces, guilty__isnull=False)
    crashes: Counter[int] = Counter()
    for trace_id, frame_id in guilty.values_list("id", "guilty__frame_id"):
        crashes[frame_id] += traces[trace_id]
    labels = judging.frames.of(crashes)
    for frame_id, n in crashes.items():
        yield _shown(*labels[frame_id]), n


def _shown(function: str, module: str) -> str:
    return f"{function} [{module}]"


def _waiting(state: TakenOver) -> int:
    """Imported records that the worker has not seen yet."""
    waiting = Pending.objects.values("record_id")
    return imported(state).filter(id__in=waiting).count()
