"""What a view is asked for: one form for all views, and the address carries it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import starmap
from typing import Any, Literal, cast
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.http import QueryDict

from records import addresses
from records.filters import FlagField, InvalidParameters, read_form, without_blanks
from records.labels import BuildLabel
from records.scope import Scope
from records.stats import first_day
from views_plugins import weeks
from views_plugins.charts import Label
from views_plugins.registry import LONGEST, Plugin
from views_plugins.weeks import Time

ALL = "all"
MOST_DAYS = 92
"""A chart over more days, a quarter of a year, has a point for each week."""
MEAN = "The mean of the days of a week."
PRESETS = {
    "1": "today",
    "7": "7 days",
    "14": "14 days",
    "28": "4 weeks",
    "90": "90 days",
    "365": "a year",
    ALL: "all",
}


class DaysField(forms.CharField):
    """A number of UTC days, today included, or `all`."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if text in ("", ALL):
            return text
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= LONGEST):
            raise ValidationError(f"Say a number from 1 to {LONGEST}, or all.")
        return str(int(text))


class DayField(forms.DateField):
    """A UTC day, with days before and after it in the calendar."""

    input_formats = ("%Y-%m-%d",)
    default_validators = [
        MinValueValidator(date(1970, 1, 1)),
        MaxValueValidator(date(9000, 1, 1)),
    ]


class FiltersForm(forms.Form):
    """The parameters of every view."""

    days = DaysField(
        required=False, help_text="So many UTC days, today included; or `all`."
    )
    start = DayField(required=False, help_text="First day, YYYY-MM-DD.")
    end = DayField(required=False, help_text="Last day, YYYY-MM-DD.")
    system_name = forms.CharField(
        required=False, max_length=256, help_text="Operating system."
    )
    external = FlagField(
        required=False, help_text="`true`: from outside the organisation."
    )


def form_of(plugin: Plugin) -> type[forms.Form]:
    """The form of a view: the common parameters, and its own options."""
    fields: dict[str, Any] = {}
    if plugin.by_classification:
        fields["classification"] = forms.CharField(
            required=False,
            max_length=140,
            help_text="Exact, or with `*` at the end of a component.",
        )
    for option in plugin.options:
        fields[option.name] = forms.ChoiceField(
            required=False,
            choices=list(option.choices.items()),
            help_text=f"{option.label}; default `{option.default}`.",
        )
    return type("ViewForm", (FiltersForm,), fields)


@dataclass(frozen=True)
class Filters:
    """Which days and machines a view is asked for, and its options.

    ``scope`` has both a first and a last day. ``given`` are the parameters of the
    address.
    """

    scope: Scope
    options: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    preset: str = ""

    @property
    def start(self) -> date:
        return cast(date, self.scope.start)

    @property
    def end(self) -> date:
        return cast(date, self.scope.end)

    @property
    def days(self) -> list[date]:
        """Every day of the window."""
        count = (self.end - self.start).days + 1
        return [self.start + timedelta(days=n) for n in range(count)]

    @property
    def time(self) -> Literal["day", "week"]:
        """What a chart over time has a point for; so a dimension of counts."""
        return "week" if (self.end - self.start).days >= MOST_DAYS else "day"

    @property
    def time_axis(self) -> str:
        return "Week from Monday" if self.time == "week" else "Day (UTC)"

    @property
    def times(self) -> tuple[Time, ...]:
        """The points of a chart over time."""
        return self._times

    @cached_property
    def _times(self) -> tuple[Time, ...]:
        if self.time == "day":
            return tuple(Time(day, day, day, day.isoformat()) for day in self.days)
        found = weeks.between(self.start, self.end)
        return tuple(Time(each.monday, *each, str(each)) for each in found)

    def by_time(self, by_day: Mapping[date, int]) -> Counter[date]:
        """Numbers of days as those of these points."""
        if self.time == "day":
            return Counter(by_day)
        found: Counter[date] = Counter()
        for day, n in by_day.items():
            found[weeks.monday(day)] += n
        return found

    def over_time(self, **more: object) -> tuple[Label, ...]:
        """The names of these points, with the records of each."""
        return tuple(
            Label(each.text, self.records(**more, **_received(each.first, each.last)))
            for each in self.times
        )

    def here(self, **changes: object) -> str:
        """The query of this view with other parameters; None takes one away."""
        changed = {**self.given, **changes}
        kept = {name: value for name, value in changed.items() if value is not None}
        return f"?{urlencode(kept)}"

    @property
    def show_all(self) -> str:
        """The query of the same view over all days."""
        return self.here(days=ALL, start=None, end=None)

    def records(self, **more: object) -> str:
        """The address of the records behind a number: of the window and place, and with
        these parameters of `/records` (a ``day`` stands for that day alone).
        """
        query = {**self._behind, **more}
        day = query.pop("day", None)
        if isinstance(day, date):
            query |= _received(day, day)
        given = (item for item in query.items() if item[1] not in (None, ""))
        return f"{addresses.RECORDS}?{'&'.join(starmap(_pair, given))}"

    @cached_property
    def _behind(self) -> dict[str, object]:
        """Parameters of `/records` for the window and place."""
        return {
            **_received(self.start, self.end),
            "system_name": self.scope.system_name,
            "external": self.scope.external,
            "classification": self.scope.classification,
        }

    def build(self, label: BuildLabel, **more: object) -> Label:
        """A build's name, with its system where several are shown, and its records."""
        system_name, version = label
        shown = version or "(none)"
        text = shown if self.scope.system_name else f"{system_name} {shown}"
        link = {"system_name": system_name, "build": version, **more}
        return Label(text, self.records(**link))


def _received(first: date, last: date) -> dict[str, object]:
    return {"received_after": first, "received_before": last + timedelta(days=1)}


@lru_cache(4096, typed=True)
def _pair(name: str, value: object) -> str:
    """A parameter of an address; a page has thousands that repeat."""
    word = str(value).lower() if isinstance(value, bool) else value
    return urlencode({name: word})


def parse(
    plugin: Plugin,
    parameters: QueryDict,
    *,
    blanks: bool = True,
    today: date | None = None,
) -> Filters:
    """The filters for these parameters; raises InvalidParameters.

    ``blanks``: empty values stand for absent ones, as an HTML form sends them.
    """
    if blanks:
        parameters = without_blanks(parameters)
    given = read_form(form_of(plugin), parameters)
    last = today or datetime.now(UTC).date()
    preset, scope = _window(plugin, given, last)
    scope = replace(
        scope,
        system_name=given.get("system_name", ""),
        external=given.get("external"),
        classification=given.get("classification", ""),
    )
    options = {each.name: given.get(each.name, each.default) for each in plugin.options}
    address = {name: str(value) for name, value in parameters.items()}
    return Filters(scope, options, address, preset)


def _window(plugin: Plugin, given: Mapping[str, Any], today: date) -> tuple[str, Scope]:
    dates = {name for name in ("start", "end") if name in given}
    if not dates:
        preset = given.get("days", str(plugin.days))
        if preset != ALL:
            return preset, Scope.last_days(int(preset), today)
        start = min(first_day() or today, today)
        return preset, Scope(max(start, today - timedelta(days=LONGEST)), today)
    if "days" in given:
        problem = ["Give either a number of days or dates."]
        raise InvalidParameters(dict.fromkeys(dates, problem))
    end = given.get("end", today)
    start = given.get("start") or min(first_day() or end, end)
    if start > end:
        raise InvalidParameters({"end": ["The last day is before the first one."]})
    if (end - start).days >= LONGEST:
        raise InvalidParameters({"start": [f"At most {LONGEST} days."]})
    return "", Scope(start, end)
