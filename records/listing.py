"""What the Records page lists: pages by key in both directions, news, counts."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db.models.functions import Left, Length
from django.http import QueryDict

from records import database, labels, standby, stats
from records.filters import INT64, IntegerFilter, RecordFilter, strict
from records.models import Record
from records.querysets import RecordQuerySet
from records.visible import first_line

PAGE_SIZE = 50
SETTLING = timedelta(seconds=1)
"""Ids commit out of order: after this long, no lower one is expected any more."""

_SETTLING_ROWS = 500
_EXCERPT = 300
_MOST_LEVELS = 200
_COLUMNS = ("id", "received_at", "kind_id", "build_id", "machine_id", "shown")
_COUNTED = ("classification", "severity", "external", "system_name")


class PageFilter(RecordFilter):
    """Which records, and from where on: older than `from_id`, newer than `after_id`."""

    after_id = IntegerFilter(
        min_value=0, max_value=INT64, help_text="Only records with an id above this."
    )

    def filter_queryset(self, queryset: RecordQuerySet) -> RecordQuerySet:
        records = super().filter_queryset(queryset)
        if "after_id" in self.given:
            records = records.between_ids(self.given["after_id"] + 1, None)
        return records


class ListedRecord(NamedTuple):
    """A row of the list; without leave to see payloads ``excerpt`` is None."""

    id: int
    received_at: datetime
    machine_id: str
    classification: str
    severity: int
    external: bool
    system_name: str
    build: str
    excerpt: str | None
    length: int | None


@dataclass(frozen=True)
class Page:
    """Rows, newest first. ``older``, ``newer``: the id to go on from, if there is more.

    ``settled``: every record up to this id is in the database or never will be. News of
    this page are above it; 0 on older pages, which have no news.
    """

    rows: list[ListedRecord]
    older: int | None = None
    newer: int | None = None
    settled: int = 0


class News(NamedTuple):
    """New rows; ``more`` when older ones of them were left out."""

    rows: list[ListedRecord]
    settled: int
    more: bool = False


def parse(parameters: QueryDict) -> RecordFilter:
    """The filters that a form sent; raises InvalidParameters."""
    return strict(PageFilter, parameters, blanks=True)


def page(chosen: RecordFilter, *, payload: bool) -> Page:
    """The page that ``chosen`` asks for; raises QueryTimeout."""
    given = chosen.given
    upward = "after_id" in given and "from_id" not in given
    # Before the rows are read: one that commits in between is then sent as news.
    settled = 0 if "from_id" in given else settled_id()
    with database.bounded_in_time(settings.TELEMETRY_QUERY_TIME):
        records = _excerpted(chosen.qs, payload=payload)
        read = records.oldest if upward else records.newest
        # One more than shown tells whether there is another page.
        found = list(read(PAGE_SIZE + 1, *_COLUMNS))
    more = len(found) > PAGE_SIZE
    rows = _listed(found[:PAGE_SIZE], payload=payload)
    if upward:
        rows.reverse()
        older = rows[-1].id if rows else given["after_id"] + 1
        return Page(rows, older, rows[0].id if more else None, settled)
    newer = rows[0].id if rows else given.get("from_id", 1) - 1
    return Page(
        rows,
        older=rows[-1].id if more else None,
        newer=newer if "from_id" in given else None,
        settled=settled,
    )


def news(chosen: RecordFilter, *, payload: bool) -> News:
    """Settled rows above the `after_id` that was given, the newest of them."""
    settled, after = settled_id(), chosen.given.get("after_id", 0)
    if settled <= after:
        return News([], after)
    with database.bounded_in_time(settings.TELEMETRY_QUERY_TIME):
        records = _excerpted(chosen.qs.between_ids(None, settled), payload=payload)
        found = list(records.newest(PAGE_SIZE + 1, *_COLUMNS))
    rows = _listed(found[:PAGE_SIZE], payload=payload)
    return News(rows, settled, len(found) > PAGE_SIZE)


def settled_id() -> int:
    """The id up to which nothing new will appear; read from the newest rows only."""
    edge = standby.complete_until() - SETTLING
    newest = list(Record.objects.newest(_SETTLING_ROWS, "id", "received_at"))
    lowest = newest[-1][0] - 1 if len(newest) == _SETTLING_ROWS else 0
    return next((pk for pk, received_at in newest if received_at < edge), lowest)


def _excerpted(records: RecordQuerySet, *, payload: bool) -> RecordQuerySet:
    shown: Any = Left("payload", _EXCERPT) if payload else Length("payload")
    return records.annotate(shown=shown)


def _listed(rows: Sequence[Iterable[Any]], *, payload: bool) -> list[ListedRecord]:
    found = [tuple(row) for row in rows]
    kinds = labels.kinds.of({row[2] for row in found})
    builds = labels.builds.of({row[3] for row in found})
    return [
        ListedRecord(
            pk,
            received_at,
            machine_id,
            kinds[kind_id].classification,
            kinds[kind_id].severity,
            kinds[kind_id].external,
            builds[build_id].system_name,
            builds[build_id].version,
            first_line(shown) if payload else None,
            None if payload else shown,
        )
        for pk, received_at, kind_id, build_id, machine_id, shown in found
    ]


# --- Counts beside the filters ------------------------------------------------------


def facets(parameters: QueryDict) -> stats.Facets:
    """Counts of each filter's values, under the *other* filters that are set."""
    together = stats.facets(parse(parameters))
    counts: dict[str, Any] = {name: getattr(together, name) for name in _COUNTED}
    for name in _COUNTED:
        if parameters.get(name, "").strip():
            others = parameters.copy()
            del others[name]
            if name == "system_name":
                others.pop("build", None)
            counts[name] = getattr(stats.facets(parse(others)), name)
    return stats.Facets(**counts, total=together.total, exact=together.exact)


def levels(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Levels of classifications with counts, under each level its fullest first."""
    found = dict(stats.classification_levels(counts))

    def place(level: str) -> list[tuple[int, str]]:
        return [(-found.get(above, 0), above) for above in _ancestors(level)]

    return [(level, found[level]) for level in sorted(found, key=place)[:_MOST_LEVELS]]


def _ancestors(level: str) -> list[str]:
    """`a/b/c` and `a/b/*` as the levels that lead there, the widest first."""
    vendor, sender, *rest = level.split("/", 2)
    wide, narrow = f"{vendor}/*", f"{vendor}/{sender}/*"
    if level == wide:
        return [wide]
    return [wide, narrow] if rest == ["*"] else [wide, narrow, level]
