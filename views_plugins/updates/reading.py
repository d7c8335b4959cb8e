"""What an updater's payload says, in words (pure)."""

from collections.abc import Iterator, Mapping
from typing import Any

from records.parsers import StoredRecord
from records.readings import PayloadReading
from views_plugins.updates import parser
from views_plugins.updates.parser import Outcome, SwupdReport, Update

Fact = tuple[str, str]

_OUTCOMES = {
    Outcome.UPDATED: "updated",
    Outcome.FAILED: "failed",
    Outcome.NONE: "nothing to do",
}
_OF_AN_UPDATE = {
    "action",
    "bytes",
    "current_version",
    "result",
    "server_version",
    "time",
    "version_current",
    "version_server",
}
_PACKAGE = ("PACKAGE_NAME", "PACKAGE_VERSION")
_MEGABYTE = 1_000_000


def read(record: StoredRecord) -> Mapping[str, Any] | None:
    """Title and facts of a report; None when there is no value in it."""
    report = parser.report(record.classification, record.payload)
    update = parser.update(record.classification, record.payload)
    if update:
        title = f"Update {_way(update)}"
        return {
            "title": title,
            "facts": [*_of_update(update), *_of_report(report, update)],
        }
    if not report.values:
        return None
    return {"title": f"Updater: {report.action}", "facts": [*_of_report(report)]}


READING = PayloadReading(
    name="updates", classifications=("*/swupd-client/*", "*/swupdate/*"), read=read
)


def _way(update: Update) -> str:
    before = f"from {update.from_version} " if update.from_version else ""
    after = f"to {update.to_version}" if update.to_version else "to an unknown version"
    return before + after


def _of_update(update: Update) -> Iterator[Fact]:
    yield "Outcome", _OUTCOMES[update.outcome]
    yield "From", update.from_version or "not said"
    yield "To", update.to_version or "not said"
    if update.result is not None:
        yield "Result", str(update.result)
    if update.seconds is not None:
        yield "Took", f"{update.seconds:,.1f} s"
    if update.bytes is not None:
        yield "Downloaded", f"{update.bytes / _MEGABYTE:,.1f} MB"


def _of_report(report: SwupdReport, update: Update | None = None) -> Iterator[Fact]:
    """Every value that is not told yet, by its name."""
    if update is None and report.ok is not None:
        yield "Outcome", "succeeded" if report.ok else "failed"
    for name, value in report.values.items():
        if name not in _PACKAGE and not (update and name in _OF_AN_UPDATE):
            yield name.replace("_", " ").capitalize(), value.strip()
    package = " ".join(
        report.values[each] for each in _PACKAGE if each in report.values
    )
    if package:
        yield "Sent by", package
