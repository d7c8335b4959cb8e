"""From a database of the predecessor into this one, once each, and resumable.

How far it came is written in the transaction that writes the rows.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from crashes import curation, exchange, judging, processing
from crashes.guilty import Rule
from crashes.models import Guilty, TakenOver
from crashes.predecessor import (
    OldGuilty,
    OldRecord,
    OldRule,
    Predecessor,
    frame,
    submission,
)
from records import names
from records.store import insert_records

REASON = "imported"


class Overtaken(Exception):
    """Another import of the same database is at work."""


def state_of(old: Predecessor) -> TakenOver:
    """How far this database has been imported."""
    return TakenOver.objects.get_or_create(source=old.identity)[0]


# --- Records ------------------------------------------------------------------------


def take_records(old: Predecessor, state: TakenOver, size: int) -> Iterator[int]:
    """Import what is new there, batch by batch; yields how many each had."""
    first_id = None
    for rows in old.records(state.last_record, size):
        ids = _take(state, rows, first_id)
        first_id = first_id or ids[0]
        yield len(ids)


def _take(
    state: TakenOver, rows: Sequence[OldRecord], first_id: int | None
) -> list[int]:
    """Store these; ``first_id``: the first one since this import went on."""
    converted = list(map(submission, rows))
    names.resolve([each for _, each in converted])  # committed before the records
    with transaction.atomic():
        ids = insert_records(converted)
        before = state.ranges if first_id is None else state.ranges[:-1]
        ranges = [*before, [first_id or ids[0], ids[-1]]]
        here = TakenOver.objects.filter(pk=state.pk, last_record=state.last_record)
        changed = here.update(
            last_record=rows[-1].id, records=F("records") + len(ids), ranges=ranges
        )
        if not changed:
            raise Overtaken
    state.refresh_from_db()
    return ids


# --- What people said of guilties ---------------------------------------------------


class Said(NamedTuple):
    comments: list[str]
    hidden: list[bool]


@transaction.atomic
def take_guilties(old: Predecessor, state: TakenOver) -> int:
    """Comments and hidden guilties onto the frames they are about; how many frames.

    A frame has its row before any crash with it is digested: when one is found guilty,
    what was said is there already. What was said here is not touched.
    """
    found = old.guilties(state.last_guilty)
    said = _said(found)
    frame_ids = processing.frames.ids(said.keys()) if said else {}
    ids = judging.guilty_ids(frame_ids[each] for each in said)
    rows = Guilty.objects.in_bulk(ids.values())
    for each, (comments, hidden) in said.items():
        row = rows[ids[frame_ids[each]]]
        row.comment = row.comment or "\n".join(dict.fromkeys(comments))
        row.hidden = row.hidden or all(hidden)
        row.save(update_fields=["comment", "hidden"])
    _remember(state, "last_guilty", found)
    return len(said)


def _said(found: Sequence[OldGuilty]) -> dict[tuple[str, str], Said]:
    """By frame; names that differ there may be one name here."""
    said: defaultdict[tuple[str, str], Said] = defaultdict(lambda: Said([], []))
    for each in found:
        comments, hidden = said[frame(each.function, each.module)]
        comments.extend(filter(None, [each.comment.strip()]))
        hidden.append(each.hide)
    return {
        key: each for key, each in said.items() if each.comments or all(each.hidden)
    }


# --- Never guilty -------------------------------------------------------------------


class TakenRules(NamedTuple):
    """Rules that are new here, and entries that are no rules with the reason."""

    new: int
    left_out: list[str]


def take_rules(old: Predecessor, state: TakenOver) -> TakenRules:
    """The list of frames that are never guilty, beside the rules there are."""
    found = old.rules(state.last_rule)
    rules, left_out = _rules(found)
    with transaction.atomic():
        before = curation.rules()
        after = curation.merged(tuple(rules), before)
        new = len(after) - len(before)
        if new:
            curation.change(
                lambda: curation.merged(tuple(rules), curation.rules()),
                note="Import from telemetrics-backend",
            )
        _remember(state, "last_rule", found)
    return TakenRules(new, left_out)


def _rules(found: Sequence[OldRule]) -> tuple[list[Rule], list[str]]:
    rules, left_out = [], []
    for each in found:
        values = {"function": each.function, "module": each.module}
        try:
            rules.append(exchange.read_rule(values, reason=REASON))
        except exchange.NoRule as error:
            left_out.append(f"Entry {each.id}: {error}")
    return rules, left_out


def _remember(
    state: TakenOver, column: str, found: Sequence[OldGuilty | OldRule]
) -> None:
    if found:
        setattr(state, column, found[-1].id)
        state.save(update_fields=[column])
