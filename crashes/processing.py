"""From a crash record to its report: parse, name, judge, count. Runs in the worker."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, cast

from crashes import backtrace, classes, judging, presence, rollups
from crashes.backtrace import CrashPayload, Kind
from crashes.models import (
    CrashReport,
    Frame,
    Program,
    Trace,
    TraceFrame,
)
from records import database, names
from records.names import NameCache, Values
from records.parsers import PayloadParser, StoredRecord, delete_facts, save_facts

MOST_FRAMES = 500
"""Frames of a trace; clients send up to 64."""

Fact = tuple[StoredRecord, CrashPayload]

programs = NameCache(Program)
frames = NameCache(Frame)


class TraceCache(NameCache):
    """Traces by value; a new one is judged when it is made."""

    def _made(self, wanted: Collection[Values]) -> dict[Values, int]:
        made = super()._made(wanted)
        index = [
            TraceFrame(frame_id=frame, trace_id=made[values])
            for values in wanted
            for frame in sorted(set(cast(tuple[int, ...], values[2])))
        ]
        TraceFrame.objects.bulk_create(index, ignore_conflicts=True)
        return made

    def _rows(self, wanted: Sequence[Values]) -> list[Any]:
        now, later = judging.in_force(), judging.being_applied()
        judged = judging.judge(now, wanted)
        after = judging.judge(later, wanted) if later else []
        chosen = [each.frame_id for each in (*judged, *after) if each.frame_id]
        ids = dict[int | None, int](judging.guilty_ids(chosen))  # type: ignore[arg-type]
        rows: list[Any] = super()._rows(wanted)
        for row, verdict in zip(rows, judged, strict=True):
            row.family, row.version = verdict.family, now.version
            row.guilty_id = ids.get(verdict.frame_id)
        for row, verdict in zip(rows, after, strict=False):
            row.next_guilty_id = ids.get(verdict.frame_id)
            row.next_family = verdict.family
            row.next_version = later.version if later else None
        return rows


traces = TraceCache(Trace)


class CrashParser(PayloadParser):
    """The parser of crashes; which classifications it reads is configuration."""

    def reads(self, classification: str) -> bool:
        return classes.is_crash(classification)


def parse(record: StoredRecord) -> CrashPayload:
    parsed = backtrace.parse(record.payload)
    if classes.has_backtrace(record.classification):
        return parsed
    return replace(parsed, threads=())


def store(facts: Sequence[Fact]) -> None:
    """Save reports, the traces they are of, and their counts."""
    trace_ids = _trace_ids(facts)
    reports = [
        _report(record, payload, trace)
        for (record, payload), trace in zip(facts, trace_ids, strict=True)
    ]
    presence.add(reports)
    save_facts(reports)
    rollups.add(reports)


def forget(record_ids: Sequence[int]) -> None:
    """Take reports back, and their counts with them."""
    reports = CrashReport.objects.filter(record_id__in=record_ids)
    presence.uncount_traces(_traces_of(record_ids))
    rollups.take_back(list(reports))
    reports.delete()


def expire(record_ids: Sequence[int]) -> None:
    """Delete reports whose records are deleted; their counts stay."""
    presence.uncount_traces(_traces_of(record_ids))
    delete_facts(CrashReport, record_ids)


def _traces_of(record_ids: Sequence[int]) -> list[int]:
    among = database.among("record_id", record_ids)
    reports = CrashReport.objects.filter(among).order_by()
    return list(reports.values_list("trace_id", flat=True).distinct())


PARSER = CrashParser(
    name="crashes",
    version=1,
    classifications=(),
    parse=parse,
    store=store,
    forget=forget,
    expire=expire,
)


def _trace_ids(facts: Sequence[Fact]) -> list[int]:
    """The trace of each fact; frames, programs and traces appear when needed."""
    pairs = [
        [(f.function, f.module) for f in payload.frames[:MOST_FRAMES]]
        for _, payload in facts
    ]
    frame_ids = frames.ids({pair for frames_ in pairs for pair in frames_})
    program_ids = programs.ids({(_program(payload),) for _, payload in facts})
    class_ids = names.classifications.ids({(r.classification,) for r, _ in facts})
    values: list[Values] = [
        (
            class_ids[(record.classification,)],
            program_ids[(_program(payload),)],
            tuple(frame_ids[pair] for pair in some),
        )
        for (record, payload), some in zip(facts, pairs, strict=True)
    ]
    ids = traces.ids(set(values))
    return [ids[each] for each in values]


def _program(payload: CrashPayload) -> str:
    if payload.kind is Kind.KERNEL:
        return backtrace.KERNEL_MODULE
    return payload.program


def _report(record: StoredRecord, payload: CrashPayload, trace: int) -> CrashReport:
    return CrashReport(
        record_id=record.id,
        received_at=record.received_at,
        machine_id=record.machine_id,
        build_id=record.build_id,
        external=record.external,
        trace_id=trace,
        signal=payload.signal,
        state=payload.quality.state.value,
    )
