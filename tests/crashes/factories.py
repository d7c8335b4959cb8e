"""Crashes of tests: payloads, records of them, and what became of those."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from crashes import backtrace, curation, guilty, judging, presence
from crashes.guilty import Rule, Rules
from crashes.models import (
    CrashDay,
    CrashReport,
    Frame,
    Guilty,
    RulesVersion,
    Trace,
)
from crashes.models import Rule as RuleRow
from records.digest import digest_batch
from records.models import Record
from records.store import insert_records
from records.submission import Submission
from tests.factories import stored, submission

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
CLR = "org.clearlinux/crash/clr"
ELSEWHERE = "org.example/crash/clr"

Named = tuple[str, str]
"""Function and module of a frame."""


def payload(*frames: Named, program: str = "/usr/bin/app", signal: int = 11) -> str:
    lines = [f"#{n} {name} - [{module}]\n" for n, (name, module) in enumerate(frames)]
    return (
        f"Process: {program}\nPID: 1\nSignal: {signal}\n\n"
        f"Backtrace (TID 1):\n{''.join(lines)}\n"
    )


def crashing(
    *frames: Named, program: str = "/usr/bin/app", signal: int = 11, **changes: Any
) -> Submission:
    """A record of a crash, not stored."""
    text = payload(*frames, program=program, signal=signal)
    return submission(**{"classification": CLR, "payload": text, **changes})


def crashed(
    *frames: Named,
    at: datetime = NOON,
    program: str = "/usr/bin/app",
    signal: int = 11,
    **changes: Any,
) -> Record:
    """A record of a crash, waiting for the worker."""
    sent = crashing(*frames, program=program, signal=signal, **changes)
    return stored(at, **sent._asdict())


def sent(*crashes: Submission, at: datetime = NOON) -> list[int]:
    return insert_records([(at, crash) for crash in crashes])


def digest() -> None:
    while digest_batch(1000):
        pass


def rule(function: str, module: str = "m.so", **changes: Any) -> Rule:
    return Rule(0, function, module, **{"reason": "of a test", **changes})


def judge_everything(limit: int = 1000) -> None:
    """What the worker does after a change of the rules."""
    while curation.judge_again(limit):
        pass


def in_force(*rules: Rule) -> None:
    """These are the rules, and every trace is judged by them."""
    curation.apply(rules, note="of a test")
    judge_everything()


def empty_first_version() -> None:
    """Without the hundreds of rules that the project starts with."""
    RuleRow.objects.all().delete()
    RulesVersion.objects.update(rules=[])


def count_again() -> None:
    """Every guilty is counted, as the worker has them when it is idle."""
    while presence.count_again():
        pass


def merge(source: Guilty, target: Guilty | None) -> None:
    """As the admin does it."""
    presence.uncount([source.pk, target.pk if target else None])
    Guilty.objects.filter(pk=source.pk).update(merged_into=target)


# --- What there is ------------------------------------------------------------------


class Verdict(NamedTuple):
    """Who is guilty, and the family; the rest says whether a change is under way."""

    guilty: Named | None
    family: str
    next_guilty: int | None = None
    next_family: str = ""
    next_version: int | None = None


def verdicts() -> dict[int, Verdict]:
    """Every trace as it is judged now."""
    rows = Trace.objects.values_list(
        "id",
        "guilty__frame__function",
        "guilty__frame__module",
        "family",
        "next_guilty",
        "next_family",
        "next_version",
    )
    return {
        row[0]: Verdict(None if row[1] is None else (row[1], row[2]), *row[3:])
        for row in rows
    }


def guilty_of(record: Record) -> Named | None:
    report = CrashReport.objects.get(record_id=record.pk)
    return verdicts()[report.trace_id].guilty


def guilty_row(function: str, module: str = "m.so") -> Guilty:
    return Guilty.objects.get(frame__function=function, frame__module=module)


def frame_row(function: str, module: str = "m.so") -> Frame:
    return Frame.objects.get(function=function, module=module)


def groups() -> Counter[Named | None]:
    """Crashes per guilty."""
    found = verdicts()
    traces = CrashReport.objects.values_list("trace_id", flat=True)
    return Counter(found[each].guilty for each in traces)


def judged_from_payloads(rules: Iterable[Rule]) -> dict[int, Verdict]:
    """What every trace has to be by these rules: from the payloads themselves."""
    compiled = Rules(rules)
    traces = dict(CrashReport.objects.values_list("record_id", "trace_id"))
    found: dict[int, Verdict] = {}
    for record in Record.objects.select_related("kind__classification"):
        classification = record.kind.classification.name
        parsed = backtrace.parse(record.payload)
        program = "kernel" if parsed.kind == "kernel" else parsed.program
        frames = () if classification.endswith("/error") else parsed.frames
        judged = guilty.judge(frames, compiled.of(classification, program))
        who = None if judged.guilty is None else tuple(judged.guilty)
        family = guilty.family(frames, judged.notes)
        found[traces[record.pk]] = Verdict(who, family)
    return found


def by_rules_in_force() -> dict[int, Verdict]:
    """What every trace has to be by the rules in force: from its stored frames."""
    traces = list(Trace.objects.all())
    values = [(t.classification_id, t.program_id, tuple(t.frames)) for t in traces]
    judged = judging.judge(judging.in_force(), values)
    names = {row.pk: (row.function, row.module) for row in Frame.objects.all()}
    return {
        trace.pk: Verdict(
            None if each.frame_id is None else names[each.frame_id], each.family
        )
        for trace, each in zip(traces, judged, strict=True)
    }


Days = list[tuple[date, int, int, bool, int]]


def days() -> Days:
    """The counts, as they are."""
    rows = CrashDay.objects.values_list(
        "day", "trace_id", "build_id", "external", "crashes"
    )
    return sorted(rows)


def recounted_days() -> Days:
    """The counts, as the records and their reports say they have to be."""
    traces = dict(CrashReport.objects.values_list("record_id", "trace_id"))
    counts = Counter(
        (each.received_at.date(), traces[each.pk], each.build_id, each.kind.external)
        for each in Record.objects.select_related("kind")
        if each.pk in traces
    )
    return sorted((*key, n) for key, n in counts.items())


def reports() -> list[tuple[Any, ...]]:
    """Every report, with the value of its trace instead of its id."""
    names = {row.pk: (row.function, row.module) for row in Frame.objects.all()}
    traces = {
        each.pk: (
            each.classification.name,
            each.program.name,
            tuple(names[frame] for frame in each.frames),
        )
        for each in Trace.objects.select_related("classification", "program")
    }
    return [
        (
            report.record_id,
            report.received_at,
            report.machine_id,
            report.build_id,
            report.external,
            traces[report.trace_id],
            report.signal,
            report.state,
        )
        for report in CrashReport.objects.order_by("record_id")
    ]


def frames_of(record: Record) -> Sequence[Named]:
    """The stored frames of a record's crash."""
    (found,) = [row[5][2] for row in reports() if row[0] == record.pk]
    return found
