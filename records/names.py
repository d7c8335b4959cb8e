"""Small tables by value: ids of names, kept in memory by each process."""

from collections import ChainMap
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

from django.db import transaction

from records.models import Build, Classification, Hardware, Kernel, Kind, Name
from records.submission import Submission

_LIMIT = 100_000  # names kept per table; hostile senders could invent any number


class NameIds(NamedTuple):
    """The small-table rows of one record."""

    kind: int
    build: int
    hardware: int
    kernel: int


Values = tuple[Hashable, ...]


class NameCache:
    """Ids of one small table by the values of its ``KEY``; rows appear when needed."""

    all: ClassVar[list["NameCache"]] = []

    def __init__(self, model: type[Name]) -> None:
        self.model = model
        self._ids: dict[Values, int] = {}
        self.all.append(self)

    def ids(self, wanted: Collection[Values]) -> Mapping[Values, int]:
        """Ids of at least these values; rows that were missing are made.

        What a transaction made is remembered when it commits.
        """
        known = self._ids
        if len(known) > _LIMIT:
            known = self._ids = {}
        missing = {values for values in wanted if values not in known}
        if not missing:
            return known
        made = self._made(missing)
        transaction.on_commit(partial(known.update, made))
        return ChainMap(made, known)

    def forget(self) -> None:
        self._ids = {}

    def _made(self, wanted: Collection[Values]) -> dict[Values, int]:
        """Make the rows for ``wanted`` exist; their ids."""
        keys = {self.model.key_of(values): values for values in wanted}
        found = dict(self.model.objects.in_bulk(list(keys), field_name="key"))
        # In one order everywhere, so that two transactions never wait for each other.
        absent = sorted(keys.keys() - found.keys())
        new = self._rows([keys[key] for key in absent])
        if new:
            with transaction.atomic():
                self.model.objects.bulk_create(new, ignore_conflicts=True)
            found = self.model.objects.in_bulk(list(keys), field_name="key")
        return {keys[key]: row.pk for key, row in found.items()}

    def _rows(self, wanted: Sequence[Values]) -> list[Name]:
        """Unsaved rows with these values, in order."""
        return [self._row(values) for values in wanted]

    def _row(self, values: Values) -> Name:
        columns = dict(zip(self.model.KEY, values, strict=True))
        derived = self.model.derived(values)
        return self.model(key=self.model.key_of(values), **columns, **derived)


classifications = NameCache(Classification)
kinds = NameCache(Kind)
builds = NameCache(Build)
hardware = NameCache(Hardware)
kernels = NameCache(Kernel)


def forget() -> None:
    """Drop what is remembered, for a process whose database was replaced."""
    for cache in NameCache.all:
        cache.forget()


def resolve(submissions: Collection[Submission]) -> list[NameIds]:
    """The ids of the names of each submission, creating and committing new names.

    Call it outside the transaction that stores the records: a name that another process
    is inserting at the same moment must not wait for that transaction.
    """
    if not submissions:
        return []
    classes = classifications.ids({(s.classification,) for s in submissions})
    values = [_values(s, classes[(s.classification,)]) for s in submissions]
    columns: Iterable[tuple[Values, ...]] = zip(*values, strict=True)
    caches = (kinds, builds, hardware, kernels)
    ids = [
        cache.ids(set(column)) for cache, column in zip(caches, columns, strict=True)
    ]
    return [
        NameIds(ids[0][row[0]], ids[1][row[1]], ids[2][row[2]], ids[3][row[3]])
        for row in values
    ]


def _values(
    s: Submission, classification: int
) -> tuple[Values, Values, Values, Values]:
    return (
        (
            classification,
            s.telemetry_id,
            s.severity,
            s.external,
            s.record_format_version,
            s.payload_format_version,
        ),
        (s.system_name, s.build),
        (s.host_type, s.board_name, s.cpu_model, s.bios_version, s.arch),
        (s.kernel_version,),
    )
