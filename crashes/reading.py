"""How a crash is shown on the page of its record: backtrace, verdict, way to curate."""

from collections.abc import Iterator, Mapping
from typing import Any

from crashes import backtrace, classes, judging, stats
from crashes.backtrace import CrashPayload, Kind
from crashes.forms import KINDS, PLACES
from crashes.models import CrashReport
from records.parsers import StoredRecord
from records.readings import PayloadReading


class CrashReading(PayloadReading):
    """The reading of crashes; which classifications these are is configuration."""

    def reads(self, classification: str) -> bool:
        return classes.is_crash(classification)


def read(record: StoredRecord) -> Mapping[str, Any]:
    payload = backtrace.parse(record.payload)
    report = _report(record.id)
    context = {
        "crash": payload,
        "kernel": payload.kind is Kind.KERNEL,
        "facts": list(_facts(payload)),
        "other_threads": max(len(payload.threads) - 1, 0),
        "report": report,
    }
    if report is None:
        return context
    owner = report.trace.guilty
    return context | {
        "guilty": owner.merged_into or owner if owner else None,
        "frames": stats.noted_frames(report.trace),
        "rules": judging.rules_in_force(),
        "kinds": KINDS,
        "places": PLACES,
    }


READING = CrashReading(
    name="crash", classifications=(), read=read, template="crashes/_reading.html"
)


def _report(record_id: int) -> CrashReport | None:
    """The report of a record; None until the worker came to it."""
    reports = CrashReport.objects.select_related(
        "trace__program",
        "trace__classification",
        "trace__guilty__frame",
        "trace__guilty__merged_into__frame",
    )
    return reports.filter(record_id=record_id).first()


def _facts(payload: CrashPayload) -> Iterator[tuple[str, str]]:
    named = {
        "Reason": payload.reason,
        "Kernel": payload.kernel_version,
        "Tainted": payload.tainted,
        "Error": payload.error,
    }
    yield from ((label, value) for label, value in named.items() if value)
