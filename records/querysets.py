"""Questions to the table of records, by name; they chain."""

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import UUID

from django.db import connections, models

if TYPE_CHECKING:
    from records.models import Record

_MAX_BRANCHES = 300
"""With more names than this, one scan with a list is better than a merge."""


class Row(NamedTuple):
    """A record as it is stored: names are ids of the small tables."""

    id: int
    received_at: datetime
    captured_at: int
    event_id: UUID | None
    kind_id: int
    build_id: int
    hardware_id: int
    kernel_id: int
    machine_id: str
    payload: str


class RecordQuerySet(models.QuerySet["Record"]):
    """Records; `newest` reads them in the order in which they were received."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._names: dict[str, frozenset[int]] = {}

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._names = dict(self._names)
        return clone  # type: ignore[no-any-return]

    def named(self) -> Self:
        """With everything from the small tables, in the same query."""
        return self.select_related(
            "kind__classification", "build", "hardware", "kernel"
        )

    def with_name(self, column: str, ids: Collection[int]) -> Self:
        """Whose ``column`` (`kind_id`, `build_id`, …) is one of ``ids``."""
        records = self._chain()  # type: ignore[attr-defined]
        known = records._names.get(column)
        wanted = frozenset(ids)
        records._names[column] = wanted & known if known is not None else wanted
        return records  # type: ignore[no-any-return]

    def received_between(self, start: datetime | None, end: datetime | None) -> Self:
        """Received at or after ``start`` and before ``end``."""
        records = self
        if start:
            records = records.filter(received_at__gte=start)
        if end:
            records = records.filter(received_at__lt=end)
        return records

    def between_ids(self, first: int | None, last: int | None) -> Self:
        """With an id of ``first`` to ``last``; None is an open side."""
        records = self if first is None else self.filter(id__gte=first)
        return records if last is None else records.filter(id__lte=last)

    def everything(self) -> Self:
        """The names asked for as plain conditions: for counts and other orders."""
        conditions = {f"{column}__in": ids for column, ids in self._names.items()}
        return self.filter(**conditions)

    def newest(
        self, limit: int, *columns: str
    ) -> "models.QuerySet[Record, tuple[Any, ...]]":
        """Up to ``limit`` records, newest first, as values of ``columns`` (of `Row`).

        Several names of one kind (all crash classifications, say) are read as a merge
        of one ordered index scan each: a single scan would have to choose between
        sorting them all and passing over everything else.
        """
        return self._in_order("-id", limit, columns or Row._fields)

    def oldest(
        self, limit: int, *columns: str
    ) -> "models.QuerySet[Record, tuple[Any, ...]]":
        """The other end of `newest`: oldest first."""
        return self._in_order("id", limit, columns or Row._fields)

    def _in_order(
        self, order: str, limit: int, columns: tuple[str, ...]
    ) -> "models.QuerySet[Record, tuple[Any, ...]]":
        if any(not ids for ids in self._names.values()):
            return self.none().values_list(*columns)
        column, ids = min(
            self._names.items(),
            key=lambda item: len(item[1]),
            default=("", frozenset()),
        )
        if not 1 < len(ids) <= _MAX_BRANCHES:
            return self.everything().values_list(*columns).order_by(order)[:limit]
        branches = [
            self._only(column, each).order_by().values_list(*columns)
            for each in sorted(ids)
        ]
        if connections[self.db].features.supports_slicing_ordering_in_compound:
            # PostgreSQL merges branches only when each of them is in order itself.
            branches = [branch.order_by(order)[:limit] for branch in branches]
        first, *others = branches
        return first.union(*others, all=True).order_by(order)[:limit]

    def _only(self, column: str, name_id: int) -> Self:
        return self.with_name(column, {name_id}).everything()
