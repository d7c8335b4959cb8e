"""Questions to the table of records, by name; they chain."""

from collections.abc import Collection, Iterator
from datetime import datetime
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import UUID

from django.db import connections, models

from records import partitions

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
        self._ids: tuple[float, float] = (0, inf)

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._names = dict(self._names)
        clone._ids = self._ids
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
        records = records if last is None else records.filter(id__lte=last)
        records = records._chain()  # type: ignore[attr-defined]
        low, high = self._ids
        records._ids = (
            low if first is None else max(low, first),
            high if last is None else min(high, last),
        )
        return records

    def everything(self) -> Self:
        """The names asked for as plain conditions: for counts and other orders."""
        conditions = {f"{column}__in": ids for column, ids in self._names.items()}
        return self.filter(**conditions)

    def newest(self, limit: int, *columns: str) -> list[tuple[Any, ...]]:
        """Up to ``limit`` records, newest first, as values of ``columns`` (of `Row`).

        Several names of one kind (all crash classifications, say) are read as a merge
        of one ordered index scan each: a single scan would have to choose between
        sorting them all and passing over everything else. Each partition has an index
        of its own, so that the merge begins with the newest two.
        """
        return self._read("-id", limit, columns or Row._fields)

    def oldest(self, limit: int, *columns: str) -> list[tuple[Any, ...]]:
        """The other end of `newest`: oldest first."""
        return self._read("id", limit, columns or Row._fields)

    def _read(
        self, order: str, limit: int, columns: tuple[str, ...]
    ) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for records in self._stretches(order) if self._merged else [self]:
            found += records.in_order(order, limit - len(found), columns)
            if len(found) >= limit:
                break
        return found

    def _stretches(self, order: str) -> Iterator[Self]:
        """These records in stretches of ids, one after the other."""
        low, high = self._ids
        for first, last in partitions.stretches(self.db, newest_first=order == "-id"):
            if (first or 0) <= high and (last or inf) >= low:
                yield self.between_ids(first, last)

    @property
    def _fewest(self) -> tuple[str, frozenset[int]]:
        """The names asked for that are the fewest of one kind."""
        none = ("", frozenset[int]())
        return min(self._names.items(), key=lambda item: len(item[1]), default=none)

    @property
    def _merged(self) -> bool:
        return 1 < len(self._fewest[1]) <= _MAX_BRANCHES

    def in_order(
        self, order: str, limit: int, columns: tuple[str, ...] = Row._fields
    ) -> "models.QuerySet[Record, tuple[Any, ...]]":
        """What `newest` and `oldest` read, as one query."""
        column, ids = self._fewest
        if column and not ids:
            return self.none().values_list(*columns)
        if not self._merged:
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
