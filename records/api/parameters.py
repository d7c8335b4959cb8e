"""The parameters of `/api/records`, and their OpenAPI description from one source."""

from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from drf_spectacular.utils import OpenApiParameter

from records.filters import (
    FlagField,
    InstantField,
    IntegerFilter,
    RecordFilter,
)
from records.objects import FIELDS

MAX_LIMIT = 10_000
MAX_EXPORT = 9_223_372_036_854_775_807


class FieldsField(forms.CharField):
    """A comma list of keys of the record object."""

    def clean(self, value: Any) -> list[str]:
        text = super().clean(value)
        names = [name.strip() for name in text.split(",") if name.strip()]
        if text and not names:
            raise ValidationError("Name at least one key.")
        unknown = sorted(set(names) - set(FIELDS))
        if unknown:
            raise ValidationError(f"Not keys of a record: {', '.join(unknown)}")
        return list(dict.fromkeys(names))


class FieldsFilter(django_filters.Filter):
    field_class = FieldsField


class RecordParameters(RecordFilter):
    """Which records, how many, and in which shape."""

    limit = IntegerFilter(
        min_value=0,
        max_value=MAX_EXPORT,
        help_text="At most this many, up to 10000 (the default).",
    )
    format = django_filters.ChoiceFilter(
        choices=(("json", "json"), ("ndjson", "ndjson"), ("csv", "csv")),
        help_text="`json` (default); `ndjson` and `csv` stream.",
    )
    fields = FieldsFilter(help_text="Comma list: only these keys.")


def openapi() -> list[OpenApiParameter]:
    """The parameters as OpenAPI describes them."""
    return [
        OpenApiParameter(
            name,
            openapi_type(each.field),
            description=str(each.extra.get("help_text", "")),
            enum=[key for key, _ in each.extra.get("choices", ())] or None,
        )
        for name, each in RecordParameters.base_filters.items()
    ]


def openapi_type(field: forms.Field) -> Any:
    """The type of a field's values, as OpenApiParameter takes it."""
    if isinstance(field, forms.IntegerField):
        return int
    if isinstance(field, FlagField):
        return bool
    if isinstance(field, InstantField):
        return {"type": "string", "examples": ["2026-01-31T12:00:00Z", "1769860800"]}
    return str
