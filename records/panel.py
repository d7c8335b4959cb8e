"""The filter panel: its fields as they were filled in, what is wrong, what is set."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from django.core.exceptions import ValidationError
from django.http import QueryDict

from records import stats
from records.filters import InstantField, RecordFilter, registered_labels
from records.visible import visible

PAGING = ("from_id", "after_id")
SEVERITIES = {1: "low", 2: "medium", 3: "high", 4: "critical"}

_LABELS = {
    "system_name": "OS",
    "build": "Version",
    "classification": "Classification",
    "severity": "Severity",
    "external": "Source",
    "machine_id": "Machine id",
    "payload": "Payload matches",
    "not_payload": "Payload does not match",
    "received_after": "Received from (UTC)",
    "received_before": "Received before (UTC)",
    "created_in_days": "Received in the last … days",
    "created_in_sec": "Received in the last … seconds",
    "severity_min": "Severity at least",
    "arch": "Architecture",
    "kernel_version": "Kernel",
    "machine_type": "Host type",
    "board_name": "Board",
    "cpu_model": "CPU",
    "bios_version": "BIOS",
    "event_id": "Event id",
    "captured_after": "Captured from (UTC)",
    "captured_before": "Captured before (UTC)",
    "ts_capture": "Captured at (Unix seconds)",
    "record_format_version": "Record format",
    "payload_format_version": "Payload format",
}
_ALWAYS_SHOWN = 10
_WORDS = {
    "severity": {
        str(number): f"{number} {word}" for number, word in SEVERITIES.items()
    },
    "external": {
        "true": "external",
        "1": "external",
        "false": "internal",
        "0": "internal",
    },
}


class Chip(NamedTuple):
    """A filter that is set, and the query that is left without it."""

    label: str
    value: str
    without: str


@dataclass(frozen=True)
class FilledField:
    """A field of the form with what the URL says about it."""

    name: str
    label: str
    hint: str
    value: str
    kind: str = "text"
    errors: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Panel:
    """The form for these parameters; ``errors`` are messages by parameter."""

    parameters: QueryDict
    errors: Mapping[str, list[str]] = field(default_factory=dict)

    @cached_property
    def given(self) -> QueryDict:
        """The filters that are set: no blanks, no place to page from."""
        kept = QueryDict(mutable=True)
        for name, values in self.parameters.lists():
            filled = [value for value in values if value.strip()]
            if filled and name not in PAGING:
                kept.setlist(name, filled)
        return kept

    @property
    def query(self) -> str:
        return self.given.urlencode()

    def query_with(self, **changes: object) -> str:
        """The query with these parameters instead; None removes one."""
        changed = self.given.copy()
        for name, value in changes.items():
            changed.pop(name, None)
            if value is not None:
                changed[name] = str(value)
        return changed.urlencode()

    @cached_property
    def fields(self) -> dict[str, FilledField]:
        return {name: self._filled(name, label) for name, label in _labels().items()}

    @property
    def more(self) -> list[FilledField]:
        """Fields that are rarely needed."""
        return list(self.fields.values())[_ALWAYS_SHOWN:]

    @property
    def more_used(self) -> bool:
        return any(each.value or each.errors for each in self.more)

    @property
    def chips(self) -> list[Chip]:
        labels = _labels()
        return [
            Chip(
                labels.get(name, name).removesuffix(" (UTC)"),
                ", ".join(_WORDS.get(name, {}).get(value, value) for value in values),
                self.query_with(**{name: None}),
            )
            for name, values in self.given.lists()
        ]

    @property
    def problems(self) -> list[tuple[str, str]]:
        """What is wrong, with the label of the field or the name of the parameter."""
        labels = _labels()
        return [
            (labels.get(name, name), visible(" ".join(messages)))
            for name, messages in self.errors.items()
        ]

    # What can be chosen: small tables only.

    @cached_property
    def systems(self) -> list[str]:
        return stats.system_names()

    @cached_property
    def builds(self) -> list[str]:
        """Versions of the chosen OS; one that was chosen without an OS stays."""
        system, build = self.given.get("system_name"), self.given.get("build")
        known = stats.builds_of(system) if system else []
        return known if not build or build in known else [build, *known]

    @cached_property
    def classifications(self) -> list[tuple[str, int]]:
        """Every level of what was ever sent, for those who type."""
        zero = dict.fromkeys(stats.classifications(), 0)
        return stats.classification_levels(zero)

    def _filled(self, name: str, label: str) -> FilledField:
        extra = RecordFilter.base_filters[name].extra
        value = self.given.get(name, "")
        errors = [visible(message) for message in self.errors.get(name, [])]
        kind = "text"
        if RecordFilter.base_filters[name].field_class is InstantField:
            moment = _moment(value)
            if moment or not value:
                kind, value = "datetime-local", _local(moment)
        hint = extra.get("help_text", "").replace("`", "")
        return FilledField(name, label, hint, value, kind, errors)


def _labels() -> dict[str, str]:
    return _LABELS | registered_labels()


def _moment(text: str) -> datetime | None:
    try:
        return InstantField(required=False).clean(text)
    except ValidationError:
        return None


def _local(moment: datetime | None) -> str:
    """As the browser's date and time input has it; the time zone is always UTC."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}".removesuffix(":00") if moment else ""
