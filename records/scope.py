"""What a page counts: whole UTC days of reception, and where it came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from django.db import models

from records import spans
from records.filters import kind_ids
from records.models import Build, Span
from records.windows import midnight

Row = TypeVar("Row", bound=models.Model)


@dataclass(frozen=True)
class Scope:
    """UTC days from ``start`` to ``end`` (both included, None is open), and where.

    ``classification`` may have a `*` at the end of a component. An empty text and None
    stand for all.
    """

    start: date | None = None
    end: date | None = None
    system_name: str = ""
    version: str = ""
    external: bool | None = None
    classification: str = ""

    @classmethod
    def last_days(cls, days: int, today: date | None = None) -> "Scope":
        last = today or datetime.now(UTC).date()
        return cls(start=last - timedelta(days=days - 1), end=last)

    @property
    def build_ids(self) -> set[int] | None:
        """Builds it is limited to; None: all."""
        wanted = {"system_name": self.system_name, "version": self.version}
        given = {name: value for name, value in wanted.items() if value}
        if not given:
            return None
        return set(Build.objects.filter(**given).values_list("id", flat=True))

    @property
    def kind_ids(self) -> set[int] | None:
        """Kinds that its source and classification leave; None: all."""
        given: dict[str, object] = {}
        if self.external is not None:
            given["external"] = self.external
        if self.classification:
            given["classification"] = self.classification
        return kind_ids(given) if given else None

    def days_of(self, model: type[Row]) -> models.QuerySet[Row]:
        """Rows of a table of counts, by its `day`, `build_id` and `external`."""
        return model._default_manager.filter(**self.of_days(), **self._place())

    def counts_of(
        self, model: type[Span], *dimensions: str, whole: str = ""
    ) -> list[models.QuerySet[Any]]:
        """Rows of a table of counts per day, and of its sums: each count in one of
        them. By `day` or `week`, sums are not of more; for ``whole``, see
        `records.spans.counts`.
        """
        place, longest = self._place(), spans.longest(dimensions)
        rows = spans.counts(model, self.start, self.end, longest=longest, whole=whole)
        return [each.filter(**place) for each in rows]

    def facts_of(self, model: type[Row]) -> models.QuerySet[Row]:
        """Rows of a table of facts, by `received_at`, `build_id` and `external`."""
        limits = {
            "received_at__gte": self.start and midnight(self.start),
            "received_at__lt": self.end and midnight(self.end + timedelta(days=1)),
        }
        return model._default_manager.filter(**_given(limits), **self._place())

    def of_days(self) -> dict[str, object]:
        """The conditions on a column `day`."""
        return _given({"day__gte": self.start, "day__lte": self.end})

    def _place(self) -> dict[str, object]:
        return _given({"external": self.external, "build_id__in": self.build_ids})


def _given(conditions: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in conditions.items() if value is not None}
