"""The filters of records: one strict set for pages, API and exports.

What cannot be understood is refused (`InvalidParameters`), never ignored: an unknown
name, a name given twice, an empty or invalid value.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.functional import cached_property

from records import database, patterns, windows
from records.models import Build, Classification, Hardware, Kernel, Kind, Name, Record
from records.querysets import RecordQuerySet

INT64 = 9_223_372_036_854_775_807
UINT32 = 4_294_967_295
_LONGEST_WINDOW = timedelta(days=36_500)
_MAX_PATTERN = 500


class InvalidParameters(ValueError):
    """Parameters that cannot be understood: messages by name."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("Invalid parameters: " + ", ".join(sorted(errors)))
        self.errors = dict(errors)


# --- Kinds of values ----------------------------------------------------------------


class InstantField(forms.CharField):
    """ISO 8601 (UTC unless it says otherwise) or Unix seconds, as an aware datetime."""

    def clean(self, value: Any) -> datetime | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            moment = _instant(text)
        except (ValueError, OverflowError):
            moment = None
        if moment is None:
            raise ValidationError("Give a time as ISO 8601 or in Unix seconds.")
        return moment


def _instant(text: str) -> datetime | None:
    if text.isascii() and text.isdigit():
        return datetime.fromtimestamp(int(text), UTC)
    # A plus sign that was not escaped in a URL arrives as a space.
    moment = parse_datetime(text) or parse_datetime("+".join(text.rsplit(" ", 1)))
    if moment is None:
        day = parse_date(text)
        moment = datetime.combine(day, datetime.min.time()) if day else None
    if moment and moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC) if moment else None


class FlagField(forms.CharField):
    """`true` or `false`."""

    _WORDS = {"true": True, "1": True, "false": False, "0": False}

    def clean(self, value: Any) -> bool | None:
        text = super().clean(value).lower()
        if text and text not in self._WORDS:
            raise ValidationError("Say true or false.")
        return self._WORDS.get(text)


class PatternField(forms.CharField):
    """A regular expression that can be matched in linear time."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        reason = database.regex_error(text) if text else None
        if reason:
            raise ValidationError(f"Not a regular expression: {reason}")
        return text


class InstantFilter(django_filters.Filter):
    field_class = InstantField


class FlagFilter(django_filters.Filter):
    field_class = FlagField


class PatternFilter(django_filters.Filter):
    field_class = PatternField


class IntegerFilter(django_filters.Filter):
    field_class = forms.IntegerField


def _text(longest: int, help_text: str) -> django_filters.CharFilter:
    return django_filters.CharFilter(max_length=longest, help_text=help_text)


def _integer(low: int, high: int, help_text: str) -> IntegerFilter:
    return IntegerFilter(min_value=low, max_value=high, help_text=help_text)


# --- The filters --------------------------------------------------------------------

_KIND = {
    "severity": "severity",
    "severity_min": "severity__gte",
    "external": "external",
    "record_format_version": "record_format_version",
    "payload_format_version": "payload_format_version",
}
_BUILD = {"build": "version", "system_name": "system_name"}
_HARDWARE = {
    "arch": "arch",
    "board_name": "board_name",
    "cpu_model": "cpu_model",
    "bios_version": "bios_version",
    "machine_type": "host_type",
}
_KERNEL = {"kernel_version": "version"}
_DIMENSIONS: tuple[tuple[str, type[Name], dict[str, str]], ...] = (
    ("build_id", Build, _BUILD),
    ("hardware_id", Hardware, _HARDWARE),
    ("kernel_id", Kernel, _KERNEL),
)
_PLAIN = {
    "event_id": "event_id",
    "payload": "payload__regex",
}


Apply = Callable[[RecordQuerySet, Any], RecordQuerySet]
"""Restricts records to those that a parameter's value asks for."""

_registered: dict[str, Apply] = {}


class RecordFilter(django_filters.FilterSet):
    """Which records: the documented parameters of `/api/records`."""

    base_filters: dict[str, django_filters.Filter]

    classification = _text(
        140, "Exact, or with `*` at the end of a component: `org.clearlinux/crash/*`."
    )
    severity = _integer(1, 4, "1 (low) to 4 (high).")
    severity_min = _integer(1, 4, "At least this severity.")
    machine_id = _text(32, "Machine id, exact.")
    build = _text(256, "Build (version of the operating system); quotes are stripped.")
    system_name = _text(256, "Operating system.")
    created_in_days = _integer(0, INT64, "Received in the last N days.")
    created_in_sec = _integer(
        0, INT64, "Received in the last N seconds; ignored beside `created_in_days`."
    )
    received_after = InstantFilter(help_text="Received at or after this time.")
    received_before = InstantFilter(help_text="Received before this time.")
    captured_after = InstantFilter(help_text="Captured at or after (client's clock).")
    captured_before = InstantFilter(help_text="Captured before (client's clock).")
    ts_capture = _integer(0, INT64, "Captured at this Unix second.")
    from_id = _integer(0, INT64, "Only records with an id below this one.")
    arch = _text(32, "Architecture.")
    kernel_version = _text(256, "Kernel version, exact.")
    board_name = _text(256, "Board name, exact.")
    cpu_model = _text(256, "CPU model, exact.")
    bios_version = _text(256, "BIOS version, exact.")
    machine_type = _text(256, "The client's host_type, exact.")
    event_id = django_filters.UUIDFilter(
        help_text="32 hex digits; records of one event share it."
    )
    external = FlagFilter(help_text="`true`: from outside the organisation.")
    record_format_version = _integer(1, 4, "Version of the record format.")
    payload_format_version = _integer(0, UINT32, "Version of the payload format.")
    payload = PatternFilter(
        max_length=_MAX_PATTERN, help_text="Regular expression on the payload."
    )
    not_payload = PatternFilter(
        max_length=_MAX_PATTERN, help_text="The payload does not match this."
    )

    class Meta:
        model = Record
        fields: tuple[str, ...] = ()

    def __init__(self, data: QueryDict, **kwargs: Any) -> None:
        # Each request has copies of its fields: only of those that were given.
        declared = type(self).base_filters
        self.base_filters = {n: each for n, each in declared.items() if n in data}
        super().__init__(data, **kwargs)

    def filter_queryset(self, queryset: RecordQuerySet) -> RecordQuerySet:
        given = self.given
        for column, ids in self.names.items():
            queryset = queryset.with_name(column, ids)
        for name, condition in _PLAIN.items():
            if name in given:
                queryset = queryset.filter(**{condition: given[name]})
        if "machine_id" in given:
            queryset = queryset.of_machine(given["machine_id"])
        if "not_payload" in given:
            queryset = queryset.exclude(payload__regex=given["not_payload"])
        if "from_id" in given:
            queryset = queryset.between_ids(None, given["from_id"] - 1)
        for name, apply in _registered.items():
            if name in given:
                queryset = apply(queryset, given[name])
        return _captured(_received(queryset, *self.window), given)

    @property
    def given(self) -> dict[str, Any]:
        """The parameters that were given, typed."""
        data = self.form.cleaned_data
        return {name: value for name, value in data.items() if value not in (None, "")}

    @property
    def window(self) -> tuple[datetime | None, datetime | None]:
        """When the records were received: from, and until."""
        given = self.given
        start: datetime | None = given.get("received_after")
        span = _span(given)
        if span is not None:
            recent = datetime.now(UTC) - span
            start = max(start, recent) if start else recent
        return start, given.get("received_before")

    @cached_property
    def names(self) -> dict[str, set[int]]:
        """Ids of the small tables that the filters leave, by column of a record."""
        given, names = self.given, {}
        if given.keys() & {*_KIND, "classification"}:
            names["kind_id"] = kind_ids(given)
        for column, model, fields in _DIMENSIONS:
            wanted = {fields[n]: given[n] for n in fields if n in given}
            if wanted:
                names[column] = set(
                    model.objects.filter(**wanted).values_list("id", flat=True)
                )
        return names


def kind_ids(given: Mapping[str, Any]) -> set[int]:
    """Kinds with the classification, severity, source and formats that were given."""
    kinds = Kind.objects.filter(**{_KIND[n]: given[n] for n in _KIND if n in given})
    if "classification" in given:
        kinds = kinds.filter(
            classification_id__in=_classification_ids(given["classification"])
        )
    return set(kinds.values_list("id", flat=True))


def _classification_ids(wanted: str) -> list[int]:
    if not patterns.is_pattern(wanted):
        names = Classification.objects.filter(name=wanted)
        return list(names.values_list("id", flat=True))
    start = wanted.partition("*")[0]
    rows = Classification.objects.filter(name__startswith=start)
    return [
        pk
        for pk, name in rows.values_list("id", "name")
        if patterns.matches(wanted, name)
    ]


def _span(given: Mapping[str, Any]) -> timedelta | None:
    if "created_in_days" in given:
        return timedelta(days=min(given["created_in_days"], _LONGEST_WINDOW.days))
    if "created_in_sec" in given:
        longest = int(_LONGEST_WINDOW.total_seconds())
        return timedelta(seconds=min(given["created_in_sec"], longest))
    return None


def _received(
    queryset: RecordQuerySet, start: datetime | None, end: datetime | None
) -> RecordQuerySet:
    if not start and not end:
        return queryset
    first, last, gap = windows.id_window(start, end)
    records = queryset.received_between(start, end).between_ids(first, last)
    return records.but_ids(*gap) if gap else records


def _captured(queryset: RecordQuerySet, given: Mapping[str, Any]) -> RecordQuerySet:
    second: int | None = given.get("ts_capture")
    firsts = lasts = [] if second is None else [second]
    if "captured_after" in given:
        firsts = [*firsts, int(given["captured_after"].timestamp())]
    if "captured_before" in given:
        lasts = [*lasts, int(given["captured_before"].timestamp()) - 1]
    if not firsts and not lasts:
        return queryset
    first, last = max(firsts, default=None), min(lasts, default=None)
    until = None if last is None else windows.last_id_captured(last)
    return queryset.captured(first, last, until)


# --- Filters of other apps ----------------------------------------------------------


def register_filter(name: str, parameter: django_filters.Filter, apply: Apply) -> None:
    """Add a parameter wherever records are filtered: pages, API, exports.

    Call it from ``AppConfig.ready``. ``parameter`` has a label and a help text; its
    value, when one is given, is handed to ``apply``.
    """
    parameter.field_name = name
    for each in _filter_classes(RecordFilter):
        each.declared_filters[name] = each.base_filters[name] = parameter
    _registered[name] = apply


def registered_labels() -> dict[str, str]:
    """What people call the parameters of other apps."""
    return {name: RecordFilter.base_filters[name].label for name in _registered}


def _filter_classes(above: type[RecordFilter]) -> list[type[RecordFilter]]:
    below = [each for sub in above.__subclasses__() for each in _filter_classes(sub)]
    return [above, *below]


# --- Strictness ---------------------------------------------------------------------


def strict(
    filter_class: type[RecordFilter], parameters: QueryDict, *, blanks: bool = False
) -> RecordFilter:
    """The filter for these parameters; raises InvalidParameters.

    ``blanks``: empty values stand for absent ones, as an HTML form sends them.
    """
    parameters = _unquoted(parameters)
    if blanks:
        parameters = without_blanks(parameters)
    errors = misunderstood(filter_class.base_filters, parameters)
    chosen = filter_class(parameters, queryset=Record.objects.all())
    if not chosen.is_valid():
        invalid = {
            name: [str(message) for message in messages]
            for name, messages in chosen.errors.items()
        }
        errors = invalid | errors
    if errors:
        raise InvalidParameters(errors)
    return chosen


def misunderstood(
    names: Collection[str], parameters: QueryDict
) -> dict[str, list[str]]:
    """What is wrong with parameters whatever their values: messages by name."""
    errors = {}
    for name, values in parameters.lists():
        if name not in names:
            errors[name] = ["There is no such parameter."]
        elif len(values) > 1:
            errors[name] = ["Given more than once."]
        elif not values[0].strip():
            errors[name] = ["Empty."]
    return errors


def read_form(form_class: type[forms.Form], parameters: QueryDict) -> dict[str, Any]:
    """The parameters that were given, typed; raises InvalidParameters."""
    errors = misunderstood(form_class.base_fields, parameters)
    form = form_class(parameters)
    if not form.is_valid():
        errors = {name: [str(m) for m in form.errors[name]] for name in form.errors} | (
            errors
        )
    if errors:
        raise InvalidParameters(errors)
    cleaned = form.cleaned_data
    return {name: value for name, value in cleaned.items() if value not in (None, "")}


def without_blanks(parameters: QueryDict) -> QueryDict:
    """Without empty values, as an HTML form sends them for what is not filled in."""
    kept = QueryDict(mutable=True)
    for name, values in parameters.lists():
        filled = [value for value in values if value.strip()]
        if filled:
            kept.setlist(name, filled)
    return kept


def _unquoted(parameters: QueryDict) -> QueryDict:
    changed = parameters.copy()
    builds = [str(build) for build in parameters.getlist("build")]
    if builds:
        unquoted = [build.replace('"', "").replace("'", "") for build in builds]
        changed.setlist("build", unquoted)
    return changed
