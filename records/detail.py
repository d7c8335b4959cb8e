"""One record with everything a page says about it, and its machine's records around."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from records import durations, labels
from records.models import Record
from records.parsers import StoredRecord
from records.querysets import Row
from records.reading import record_objects
from records.submission import NOT_CARRIED

AROUND = timedelta(hours=24)
SIDE = 50
"""Most records shown on either side of one."""

_LATE, _EARLY = timedelta(hours=24), timedelta(minutes=5)


class Fact(NamedTuple):
    """A field of a record; ``query`` finds the records that share its value."""

    label: str
    value: str
    query: str = ""


class Neighbour(NamedTuple):
    """A record of the same machine; ``offset`` says how long before or after."""

    id: int
    received_at: datetime
    offset: str
    classification: str
    severity: int
    build: str
    current: bool = False


@dataclass(frozen=True)
class Detail:
    """``stored`` and ``payload`` are None for those who may not see the payload.

    ``older`` and ``newer`` are the machine's records before and after this one, however
    long ago; ``timeline`` has those within a day, newest first, and ``cut`` says that
    there are more of them than shown.
    """

    id: int
    received_at: datetime
    classification: str
    severity: int
    external: bool
    machine_id: str
    stored: StoredRecord | None
    payload: str | None
    length: int
    captured: Fact
    clock_note: str
    machine: list[Fact]
    system: list[Fact]
    formats: list[Fact]
    timeline: list[Neighbour]
    cut: bool
    older: int | None
    newer: int | None

    @property
    def classification_query(self) -> str:
        return urlencode({"classification": self.classification})


def find(record_id: int, *, payload: bool) -> Detail | None:
    """The record, or None when there is no such record."""
    found = next(iter(Record.objects.filter(id=record_id).newest(1)), None)
    if found is None:
        return None
    row = Row._make(found)
    (values,) = record_objects([row], payload=True)
    before, after = _around(row)
    same = {"machine_id": row.machine_id}
    return Detail(
        id=row.id,
        received_at=row.received_at,
        classification=values["classification"],
        severity=values["severity"],
        external=values["external"],
        machine_id=row.machine_id,
        stored=_stored(row, values) if payload else None,
        payload=row.payload if payload else None,
        length=len(row.payload),
        captured=Fact(
            "Captured", values["ts_capture"], f"ts_capture={row.captured_at}"
        ),
        clock_note=_clock_note(row),
        machine=[
            Fact("Machine id", row.machine_id, urlencode(same)),
            *_machine(values),
        ],
        system=_system(values),
        formats=_formats(values),
        timeline=_timeline(row, before, after),
        cut=len(_within(row, before)) > SIDE or len(_within(row, after)) > SIDE,
        older=before[0][0] if before else None,
        newer=after[0][0] if after else None,
    )


def _stored(row: Row, values: dict[str, Any]) -> StoredRecord:
    """The record as parsers and readings are given it."""
    return StoredRecord(
        id=row.id,
        received_at=row.received_at,
        captured_at=row.captured_at,
        machine_id=row.machine_id,
        classification=values["classification"],
        severity=values["severity"],
        external=values["external"],
        build_id=row.build_id,
        system_name=values["system_name"],
        build=values["build"],
        payload=row.payload,
    )


def _machine(values: dict[str, Any]) -> list[Fact]:
    return _facts(
        values,
        ("Host type", "machine_type"),
        ("Board", "board_name"),
        ("CPU", "cpu_model"),
        ("BIOS", "bios_version"),
        ("Architecture", "arch"),
    )


def _system(values: dict[str, Any]) -> list[Fact]:
    system, build = values["system_name"], values["build"]
    return [
        *_facts(values, ("OS", "system_name")),
        Fact("Version", build, urlencode({"system_name": system, "build": build})),
        *_facts(values, ("Kernel", "kernel_version")),
    ]


def _formats(values: dict[str, Any]) -> list[Fact]:
    return _facts(
        values,
        ("Event id", "event_id"),
        ("Record format", "record_format_version"),
        ("Payload format", "payload_format_version"),
    )


def _facts(values: dict[str, Any], *names: tuple[str, str]) -> list[Fact]:
    return [_fact(label, name, str(values[name])) for label, name in names]


def _fact(label: str, name: str, value: str) -> Fact:
    return Fact(label, value, "" if value == NOT_CARRIED else urlencode({name: value}))


def _clock_note(row: Row) -> str:
    """What is odd about the client's clock, or how long the record was on its way."""
    late = row.received_at.timestamp() - row.captured_at
    if -_EARLY.total_seconds() <= late <= _LATE.total_seconds():
        return f"{durations.span(max(0, late))} before it was received"
    side = "behind" if late > 0 else "ahead"
    return f"the machine's clock seems to be {durations.span(late)} {side}"


# --- The machine around a record ----------------------------------------------------

_Found = Sequence[tuple[Any, ...]]


def _around(row: Row) -> tuple[_Found, _Found]:
    """The machine's nearest records: older ones, and newer ones, nearest first."""
    of_machine = Record.objects.of_machine(row.machine_id)
    columns = ("id", "received_at", "kind_id", "build_id")
    older = of_machine.filter(id__lt=row.id).newest(SIDE + 1, *columns)
    newer = of_machine.filter(id__gt=row.id).oldest(SIDE + 1, *columns)
    return list(older), list(newer)


def _within(row: Row, found: _Found) -> _Found:
    return [each for each in found if abs(each[1] - row.received_at) <= AROUND]


def _timeline(row: Row, before: _Found, after: _Found) -> list[Neighbour]:
    own = (row.id, row.received_at, row.kind_id, row.build_id)
    newer = list(_within(row, after)[:SIDE])
    shown = [*reversed(newer), own, *_within(row, before)[:SIDE]]
    kinds = labels.kinds.of({each[2] for each in shown})
    builds = labels.builds.of({each[3] for each in shown})
    return [
        Neighbour(
            pk,
            received_at,
            durations.offset((received_at - row.received_at).total_seconds()),
            kinds[kind_id].classification,
            kinds[kind_id].severity,
            builds[build_id].version,
            pk == row.id,
        )
        for pk, received_at, kind_id, build_id in shown
    ]
