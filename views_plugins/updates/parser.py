"""What software updaters report (pure): swupd's `name=value` lines, ACRN's sentence.

Values are found by name, since lines came and went between versions of swupd, and none
of them is believed: numbers have limits, and text that is no version stands for none.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

LONGEST_VERSION = 64
LONGEST_SECONDS = 30 * 24 * 3600.0
MOST_BYTES = 2**40
"""Longer, or more, than any update takes: such numbers are not believed."""

_MOST_VALUES = 60
_LONGEST_VALUE = 1000

_LINE = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]{0,39})=(.*)")
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_AMOUNT = re.compile(r"[0-9]{1,18}")
# The decimal point is the one of the machine's language.
_SECONDS = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,9})?")
_ACRN = re.compile(r"\s*system update to:(.*)")

_FROM = ("current_version", "version_current")
_TO = ("server_version", "version_server")
_RESULT = ("result", "ret")
_UNNAMED = "unknown"
"""The event of swupd before 3.8, which names what it did in `action=`."""


class Outcome(StrEnum):
    UPDATED = "updated"
    FAILED = "failed"
    NONE = "none"


class Update(NamedTuple):
    """An update, or an attempt at one; an empty version is not known."""

    from_version: str
    to_version: str
    outcome: Outcome
    result: int | None = None
    seconds: float | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class SwupdReport:
    """Any report of swupd; ``ok`` is None when it says neither success nor failure."""

    action: str
    values: Mapping[str, str]
    ok: bool | None

    @property
    def result(self) -> int | None:
        return _integer(self._first(_RESULT))

    @property
    def before(self) -> str:
        return version(self._first(_FROM))

    @property
    def after(self) -> str:
        return version(self._first(_TO))

    @property
    def unreachable(self) -> bool:
        """Whether the updater says that it did not learn what version there is."""
        return self._first(_TO).strip().startswith("-")

    def _first(self, names: tuple[str, ...]) -> str:
        return next((self.values[each] for each in names if each in self.values), "")


def version(text: str) -> str:
    """``text`` if it can be a version; numbers below zero stand for none."""
    text = text.strip()
    if text.startswith("-") or not text.isprintable():
        return ""
    return text if len(text) <= LONGEST_VERSION else ""


def report(classification: str, payload: str) -> SwupdReport:
    """Whatever swupd says; never raises."""
    values = _values(payload)
    event = classification.rpartition("/")[2]
    action = values.get("action", event).strip() if event == _UNNAMED else event
    found = SwupdReport(action, values, None)
    return SwupdReport(action, values, _ok(found))


def update(classification: str, payload: str) -> Update | None:
    """The update that a record reports, if it reports one; never raises."""
    if classification.split("/")[1:2] == ["swupdate"]:
        return _acrn(payload)
    found = report(classification, payload)
    outcome = _outcome(found) if found.action.startswith("update") else None
    if outcome is None:
        return None
    return Update(
        found.before,
        found.after,
        outcome,
        found.result,
        _seconds(found.values.get("time", "")),
        _bytes(found.values.get("bytes", "")),
    )


def _outcome(found: SwupdReport) -> Outcome | None:
    """How an update ended; None when it does not say, as in a payload that was cut."""
    if found.unreachable or found.result:
        return Outcome.FAILED
    said = found.result == 0 or found.action.endswith("completed")
    if not said or not found.after:
        return None
    newer = not _not_newer(found.before, found.after)
    return Outcome.UPDATED if newer else Outcome.NONE


def _not_newer(before: str, after: str) -> bool:
    """swupd leaves a system alone that is as new as the server, or newer."""
    old, new = _integer(before), _integer(after)
    return before == after or (old is not None and new is not None and new < old)


def _acrn(payload: str) -> Update | None:
    """ACRN tells after the start of another build which one it is, not which it was."""
    found = _ACRN.match(payload)
    after = version(found[1]) if found else ""
    return Update("", after, Outcome.UPDATED) if after else None


def _ok(found: SwupdReport) -> bool | None:
    if found.action == "check":  # its result is 1 when there is nothing newer
        return False if found.unreachable else found.result in (0, 1)
    if found.unreachable:
        return False
    return None if found.result is None else found.result == 0


def _values(payload: str) -> dict[str, str]:
    """Values by name; of several with one name the first counts."""
    values: dict[str, str] = {}
    for line in payload.split("\n"):
        found = _LINE.match(line)
        if found and len(values) < _MOST_VALUES:
            values.setdefault(found[1], found[2][:_LONGEST_VALUE])
    return values


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text := text.strip()) else None


def _seconds(text: str) -> float | None:
    if not _SECONDS.fullmatch(text := text.strip()):
        return None
    seconds = float(text.replace(",", "."))
    return seconds if seconds <= LONGEST_SECONDS else None


def _bytes(text: str) -> int | None:
    if not _AMOUNT.fullmatch(text := text.strip()):
        return None
    amount = int(text)
    return amount if amount <= MOST_BYTES else None
