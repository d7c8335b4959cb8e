"""Questions to the table of records, by name; they chain."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from uuid import UUID

from django.db import connections, models
from django.db.models import F, OuterRef

from records import database

if TYPE_CHECKING:
    from records.models import Record  # noqa: F401

_FEW = 16
"""So many names are looked up in all records at once."""
_NEAR = range(10_000, 200_000)
"""How many ids are looked through first, at least and at most."""
_NEAR_SHARE = 100
"""Times the limit: what is not rarer than this is found among them."""
_MIDDLE = 1_000_000
"""Ids that are asked by index before all others: of two partitions, mostly."""

_FEW_WANTED = 200
"""Of a time with an open side, more than so many are walked for: an index of block
ranges gives up its use where nearly every range has one."""

Rows = list[tuple[Any, ...]]


class Listed(NamedTuple):
    """Where ids of records are listed: ``entries`` have an index on ``column`` and
    `record_id`, and ``rows`` have the values of ``column`` for keys.
    """

    entries: "models.QuerySet[Any]"
    column: str
    rows: "models.QuerySet[Any]"

    def along(self, order: str, low: float, high: float) -> "models.QuerySet[Any, Any]":
        """Those of a row, by `OuterRef`, along the index."""
        entries = self.entries.filter(**_from_to(self.column, OuterRef("pk")))
        if low > 0:
            entries = entries.filter(record_id__gte=low)
        if high < inf:
            entries = entries.filter(record_id__lte=high)
        ordered = entries.order_by(
            order.replace("id", self.column), order.replace("id", "record_id")
        )
        return ordered.values("record_id")

    def condition(self) -> "models.QuerySet[Any, Any]":
        wanted = self.entries.filter(**{f"{self.column}__in": self.rows.values("pk")})
        return wanted.values("record_id")


_Way = Callable[["RecordQuerySet", str, int, tuple[str, ...]], Rows]


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
        self._gap: tuple[int, int] | None = None
        self._indexed = False
        self._until: int | None = None
        self._open = False
        self._listed: Listed | None = None

    def _clone(self) -> Self:
        clone = super()._clone()  # type: ignore[misc]
        clone._names = dict(self._names)
        clone._ids = self._ids
        clone._gap = self._gap
        clone._indexed = self._indexed
        clone._until = self._until
        clone._open = self._open
        clone._listed = self._listed
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

    def of_machine(self, machine_id: str) -> Self:
        """That this machine id was sent with."""
        return self._by_index(machine_id=machine_id)

    def captured(self, first: int | None, last: int | None, until: int | None) -> Self:
        """Captured from and until these seconds; None is an open side.

        Mostly with ids up to ``until``, it is thought.
        """
        limits = {"captured_at__gte": first, "captured_at__lte": last}
        conditions = {name: n for name, n in limits.items() if n is not None}
        if len(conditions) < 2 and (self._names or self.query.has_filters()):
            return self.filter(**conditions)  # that leave fewer records
        records = self._by_index(**conditions)
        records._until, records._open = until, len(conditions) < 2
        return records

    def listed(self, where: Listed) -> Self:
        """With an id that is listed in another table."""
        records = self._chain()  # type: ignore[attr-defined]
        records._listed = where
        return records  # type: ignore[no-any-return]

    def _by_index(self, **conditions: Any) -> Self:
        """With conditions that an index of their own finds, but in another order."""
        records = self.filter(**conditions)
        records._indexed = True
        return records

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

    def but_ids(self, first: int, last: int) -> Self:
        """None of which is known to have an id of ``first`` to ``last``."""
        records = self._chain()  # type: ignore[attr-defined]
        records._gap = (first, last) if first <= last else None
        return records  # type: ignore[no-any-return]

    def everything(self) -> Self:
        """What is asked for as plain conditions: for counts and other orders."""
        conditions: dict[str, Any] = {
            f"{column}__in": ids for column, ids in self._names.items()
        }
        if self._listed:
            conditions["id__in"] = self._listed.condition()
        return self.filter(**conditions)

    def newest(self, limit: int, *columns: str) -> Rows:
        """Up to ``limit`` records, newest first, as values of ``columns`` (of `Row`).

        Left alone, PostgreSQL walks back through all ids for what it believes to be
        frequent, or sorts all there is of it. So the newest records are looked through
        first, where most questions end, and others by an index on what is asked for.
        """
        return self._read("-id", limit, columns or Row._fields)

    def oldest(self, limit: int, *columns: str) -> Rows:
        """The other end of `newest`: oldest first."""
        return self._read("id", limit, columns or Row._fields)

    def _read(self, order: str, limit: int, columns: tuple[str, ...]) -> Rows:
        found: Rows = []
        pieces = (each._parts(order, limit) for each in self._pieces(order))
        for records, way in chain.from_iterable(pieces):
            if len(found) >= limit:
                break
            found += way(records, order, limit - len(found), columns)
        return found

    def _pieces(self, order: str) -> "Iterable[Self]":
        """Around the gap in their ids."""
        if not self._gap:
            return [self]
        first, last = self._gap
        below, above = (
            self.between_ids(None, first - 1),
            self.between_ids(last + 1, None),
        )
        pieces = (below, above) if order == "id" else (above, below)
        return [each for each in pieces if each._can_be]

    def _parts(self, order: str, limit: int) -> "Iterable[tuple[Self, _Way]]":
        """Records that follow each other by id, and how each part of them is read."""
        walk, look_up = type(self)._walk, type(self)._look_up
        if not all(self._names.values()):
            return []
        if self._listed and self._has_arrays:
            return [(self, type(self)._merge)]
        many = self._open and limit > _FEW_WANTED
        if many or (not self._names and not self._indexed):
            return [(self, walk)]
        if self._are_few:
            return [(self, look_up)]
        edges, ways = self._spread(order, limit)
        parts = zip(self._cut(order, edges), ways, strict=True)
        return [pair for pair in parts if pair[0]._can_be]

    def _spread(self, order: str, limit: int) -> "tuple[list[int], list[_Way]]":
        """The ids at which ways of reading change."""
        walk, look_up = type(self)._walk, type(self)._look_up
        # Clocks that are wrong tell any time, at any time, so an open side has some.
        near = _NEAR.stop
        if not self._open:
            near = min(max(limit * _NEAR_SHARE, _NEAR.start), _NEAR.stop)
        if self._until is None or order == "id":
            edges = self._edges(order, near, near + _MIDDLE)
            return edges, [walk, look_up, look_up]
        start = int(min(self._until, self._ids[1]))
        if not self._open:
            return [start, start - near], [look_up, walk, look_up]
        (newest,) = self._edges(order, near)
        start = min(start, newest)
        return [newest, start, start - near], [walk, look_up, walk, look_up]

    @property
    def _are_few(self) -> bool:
        """Of few names of one kind, each of which is one look into the index."""
        few = all(len(ids) <= _FEW for ids in self._names.values())
        return few and len(self._names) == 1 and not self._indexed

    @property
    def _can_be(self) -> bool:
        low, high = self._ids
        return low <= high

    def _edges(self, order: str, *distances: int) -> list[int]:
        """The ids at these distances from where reading begins."""
        low, high = self._ids
        if order == "id":
            return [int(low) + distance for distance in distances]
        top = self._last_id() if high == inf else int(high)
        return [top - distance for distance in distances]

    def _cut(self, order: str, edges: Sequence[int]) -> list[Self]:
        """The records up to the first of these ids, up to the next one, …, and on."""
        if order == "id":
            firsts, lasts = [None, *(each + 1 for each in edges)], [*edges, None]
        else:
            firsts, lasts = [*edges, None], [None, *(each - 1 for each in edges)]
        return [self.between_ids(*each) for each in zip(firsts, lasts, strict=True)]

    def _last_id(self) -> int:
        newest = self.model._base_manager.using(self.db).order_by("-id")
        return newest.values_list("id", flat=True).first() or 0

    def _walk(self, order: str, limit: int, columns: tuple[str, ...]) -> Rows:
        """One after the other, as far as it takes."""
        return list(self.everything().order_by(order).values_list(*columns)[:limit])

    def _look_up(self, order: str, limit: int, columns: tuple[str, ...]) -> Rows:
        """By the index of a column, or of the names that are the fewest."""
        column, ids = min(self._names.items(), key=_count, default=("", frozenset()))
        if self._indexed:
            # A sum is in no index that PostgreSQL could walk along instead.
            by_id = (F("id") + 0).desc() if order == "-id" else (F("id") + 0).asc()
            found = self.everything().order_by(by_id)
        elif len(ids) == 1 == len(self._names):
            found = self._along(column, next(iter(ids)), order)
        elif len(ids) == 1 or not self._has_arrays:
            return self._walk(order, limit, columns)
        else:
            return self._merge(order, limit, columns)
        return list(found.values_list(*columns)[:limit])

    def _along(self, column: str, name_id: Any, order: str) -> Self:
        """Those of one name along the index on it."""
        others = self._chain()  # type: ignore[attr-defined]
        del others._names[column]
        ordered = others.everything().filter(**_from_to(column, name_id))
        return ordered.order_by(order.replace("id", column), order)  # type: ignore[no-any-return]

    def _merge(self, order: str, limit: int, columns: tuple[str, ...]) -> Rows:
        """Those among the first ones of each name, or of each row that lists some."""
        found: Rows = []
        records, most = self, limit
        while len(found) < limit:
            ids = records._candidates(order, most)
            found += records._among(ids, order, columns)
            if len(ids) < most:
                break
            # Other conditions left too few, or some were deleted in between.
            records, most = records._after(ids[-1], order), most * 4
        return found[:limit]

    def _candidates(self, order: str, most: int) -> list[int]:
        if self._listed:
            rows, each = self._listed.rows, self._listed.along(order, *self._ids)
        else:
            column, ids = min(self._names.items(), key=_count)
            model: Any = self.model._meta.get_field(column).related_model
            rows = model.objects.filter(pk__in=ids)
            each = self._along(column, OuterRef("pk"), order).values("id")
        found = database.of_each(rows.using(self.db), each[:most], order)
        return list(found[:most])

    def _among(self, ids: list[int], order: str, columns: tuple[str, ...]) -> Rows:
        if not ids or (columns == ("id",) and not self._listed):
            return [(pk,) for pk in ids]
        records = self._chain()  # type: ignore[attr-defined]
        records._listed = None
        rows = records.everything().filter(database.among("records_record.id", ids))
        return list(rows.order_by(order).values_list(*columns))

    def _after(self, pk: int, order: str) -> Self:
        low, high = (pk + 1, None) if order == "id" else (None, pk - 1)
        return self.between_ids(low, high)

    @property
    def _has_arrays(self) -> bool:
        """SQLite sorts what its index finds, which is less there."""
        return connections[self.db].vendor != "sqlite"


def _count(item: tuple[str, frozenset[int]]) -> int:
    return len(item[1])


def _from_to(column: str, value: Any) -> dict[str, Any]:
    """By an equation, PostgreSQL might walk along the primary key after all."""
    return {f"{column}__gte": value, f"{column}__lte": value}
