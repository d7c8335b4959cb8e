"""The question of the page on capacity: a fleet, as a form gives it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django import forms
from django.http import QueryDict

from records.capacity import Class, Fleet, Need
from records.filters import InvalidParameters, read_form
from records.usage import Usage

_NUMBER = {"class": "form-control form-control-sm"}


def _whole(label: str, low: int, high: int, about: str) -> forms.IntegerField:
    widget = forms.NumberInput(attrs=_NUMBER)
    return forms.IntegerField(
        min_value=low, max_value=high, label=label, help_text=about, widget=widget
    )


def _decimal(label: str, low: float, high: float, about: str) -> forms.FloatField:
    widget = forms.NumberInput(attrs={**_NUMBER, "step": "any"})
    return forms.FloatField(
        min_value=low, max_value=high, label=label, help_text=about, widget=widget
    )


class FleetForm(forms.Form):
    machines = _whole("Machines", 1, 1_000_000_000, "that are on, on a day")
    per_day = _decimal("Records a day", 0.01, 100_000, "of each machine")
    days = _whole("Days kept", 0, 36_500, "0: for ever, and a year is shown")
    peak = _decimal("Peak factor", 1, 1000, "busiest minutes, times the mean")
    short_share = _decimal("Short payloads", 0, 100, "percent of the records")
    short_payload = _decimal("Length of short ones", 0, 1000, "bytes, on average")
    long_share = _decimal("Long payloads", 0, 100, "percent, such as crashes")
    long_payload = _decimal("Length of long ones", 0, 5_000_000, "bytes, on average")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        shares = given.get("short_share", 0) + given.get("long_share", 0)
        if shares > 100:
            self.add_error("long_share", "With the short ones, more than 100 percent.")
        return given


# The fleet of `manage.py seed_demo`, in thousands.
TYPICAL: Mapping[str, float] = {
    "machines": 1000,
    "per_day": 1.7,
    "days": 35,
    "peak": 4,
    "short_share": 40,
    "short_payload": 270,
    "long_share": 6,
    "long_payload": 2300,
}


class Row(NamedTuple):
    """A line of the answer, as text: for the fleet asked for, and for this site."""

    what: str
    asked: str
    own: str = ""


def _size(size: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{_number(size)} {unit}"


def _number(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:,.3g}"


_ROWS: Mapping[str, Callable[[Need], str]] = {
    "Records a day": lambda need: _number(need.fleet.records_per_day),
    "Records a second, on average": lambda need: _number(need.rate),
    "Records a second, at the peak": lambda need: _number(need.peak),
    "Network at the peak, a second": lambda need: _size(need.network),
    "Records kept": lambda need: _number(need.stored),
    "Bytes per record": lambda need: _number(need.bytes_per_record),
    "Disk for records": lambda need: _size(need.records_bytes),
    "Disk for the counts of a year": lambda need: _size(need.counts_bytes),
    "Cores for collectors": lambda need: str(need.collector_cores),
    "Cores for workers": lambda need: str(need.worker_cores),
    "Cores for PostgreSQL": lambda need: str(need.database_cores),
    "Memory for PostgreSQL": lambda need: _size(need.database_memory),
}
_MAIN: Mapping[str, Callable[[Need], str]] = {
    "Records a second": lambda need: _number(need.peak),
    "Disk": lambda need: _size(need.disk),
    "Processor cores": lambda need: str(need.cores),
    "Memory": lambda need: _size(need.memory),
}


@dataclass(frozen=True)
class Question:
    """What was asked, and the answer, or what is wrong with the question."""

    form: FleetForm
    usage: Usage | None
    need: Need | None = None
    own: Need | None = None
    """What this site takes itself, by the same figures."""
    errors: Mapping[str, list[str]] | None = None

    @property
    def main(self) -> dict[str, str]:
        """What is to be bought."""
        return {what: tell(self.need) for what, tell in _MAIN.items() if self.need}

    @property
    def rows(self) -> list[Row]:
        """How it is made up."""
        return [
            Row(what, tell(self.need), tell(self.own) if self.own else "")
            for what, tell in _ROWS.items()
            if self.need
        ]


def ask(parameters: QueryDict, usage: Usage | None) -> Question:
    """The fleet of these parameters; this site's own, or a typical one, otherwise."""
    usual = values_of(usage) if usage else dict(TYPICAL)
    own = Need(_fleet(usual)) if usage else None
    asked = QueryDict(mutable=True)
    asked.update({name: str(value) for name, value in usual.items()})
    for name, values in parameters.lists():
        asked.setlist(name, values)
    form = FleetForm(asked)
    try:
        given = read_form(FleetForm, asked)
    except InvalidParameters as error:
        for name in error.errors.keys() & form.fields.keys() - form.errors.keys():
            form.add_error(name, error.errors[name])
        return Question(form, usage, own=own, errors=error.errors)
    return Question(form, usage, need=Need(_fleet(given)), own=own)


def values_of(usage: Usage) -> dict[str, float]:
    """The form filled in with what this site does."""
    return {
        **TYPICAL,
        "machines": max(usage.machines, 1),
        "per_day": round(max(usage.per_day, 0.01), 2),
        "days": usage.days,
        "short_share": int(1000 * usage.short.share) / 10,
        "short_payload": round(usage.short.payload),
        "long_share": int(1000 * usage.long.share) / 10,
        "long_payload": round(usage.long.payload),
    }


def _fleet(given: Mapping[str, float]) -> Fleet:
    return Fleet(
        machines=int(given["machines"]),
        per_day=given["per_day"],
        days=int(given["days"]),
        short=Class(given["short_share"] / 100, given["short_payload"]),
        long=Class(given["long_share"] / 100, given["long_payload"]),
        peak=given["peak"],
    )
