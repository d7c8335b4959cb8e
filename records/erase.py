"""Everything of one machine id, deleted everywhere; counts that name no machine stay.

What belongs to a machine is found by the column `machine_id`, in the tables of every
app; facts without one are deleted by their parser, with their records.
"""

import json
import re
from collections.abc import Iterator

from django.apps import apps
from django.contrib.admin.models import LogEntry
from django.db import connection, models, transaction
from django.utils.crypto import salted_hmac

from records import database
from records.models import Erasure, Pending, Record, Refused, RetentionRule
from records.purge import expire
from records.retention import Criterion

_BATCH = 2000
_ERASED = b"(erased)"
_LONGEST_NAME = 200  # of an object in the admin's log


class FactsLeftOver(Exception):
    """A parser failed to delete its facts: nothing of this batch was deleted."""


def erase(machine_id: str, by: str) -> Erasure:
    """Delete everything of a machine, and note who did."""
    return erase_rest(machine_id, by, sum(erase_records(machine_id)))


def erase_records(machine_id: str) -> Iterator[int]:
    """Delete its records and their facts, batch by batch; yields how many."""
    records = Record.objects.filter(machine_id=machine_id).order_by("id")
    while True:
        with transaction.atomic():
            database.own_digest()  # nothing is made of these records meanwhile
            ids = list(records.values_list("id", flat=True)[:_BATCH])
            _delete(ids)
        if not ids:
            return
        yield len(ids)


def _delete(record_ids: list[int]) -> None:
    Pending.objects.filter(record_id__in=record_ids).delete()
    Record.objects.filter(id__in=record_ids).delete()
    failed = expire(record_ids)
    if failed:
        raise FactsLeftOver(", ".join(failed))


def erase_rest(machine_id: str, by: str, records: int) -> Erasure:
    """Delete what else names the machine, and note that this was done."""
    with transaction.atomic():
        database.own_digest()
        rows = sum(_delete_rows(model, machine_id) for model in _about_machines())
        rows += _delete_refused(machine_id)
        rule = RetentionRule.objects.filter(criterion=Criterion.MACHINE)
        rows += rule.filter(value=machine_id).delete()[0]
        _clean_log(machine_id)
        return Erasure.objects.create(
            erased_by=by[:200],
            machine_hash=machine_hash(machine_id),
            records=records,
            other_rows=rows,
        )


def machine_hash(machine_id: str) -> str:
    """What an `Erasure` remembers: who knows an id and the secret key can compare."""
    return salted_hmac("records.erase", machine_id, algorithm="sha256").hexdigest()


def _about_machines() -> Iterator[type[models.Model]]:
    """Models of any app whose rows name a machine; a broken plugin has no tables."""
    tables = set(connection.introspection.table_names())
    for model in apps.get_models():
        names = {
            field.name
            for field in model._meta.concrete_fields
            if isinstance(field, models.CharField | models.TextField)
        }
        if "machine_id" in names and model._meta.db_table in tables:
            yield model


def _delete_rows(model: type[models.Model], machine_id: str) -> int:
    rows = model._default_manager.filter(machine_id=machine_id)
    return rows.delete()[0]


# --- Text that mentions it ----------------------------------------------------------


def _mention(machine_id: str) -> re.Pattern[bytes]:
    """The id as a word of its own, in every encoding that senders use for it."""
    sent = machine_id.encode()
    ways = {
        sent,
        sent.decode("latin-1").encode(),  # as WSGI gives a header
        machine_id.encode("latin-1", "replace"),
        json.dumps(machine_id)[1:-1].encode(),
    }
    either = b"|".join(map(re.escape, sorted(ways)))
    return re.compile(b"(?<![0-9A-Za-z])(?:" + either + b")(?![0-9A-Za-z])")


def _delete_refused(machine_id: str) -> int:
    mentioned = _mention(machine_id).search
    rows = Refused.objects.order_by("id").values_list(
        "id", "headers", "message", "sender", "path", "body"
    )
    found = [
        pk
        for pk, headers, *texts, body in rows.iterator(chunk_size=100)
        if mentioned(bytes(body))
        or any(mentioned(text.encode()) for text in (*headers.values(), *texts))
    ]
    return Refused.objects.filter(id__in=found).delete()[0]


def _clean_log(machine_id: str) -> None:
    """The admin's log: entries stay, without the id."""
    mention = _mention(machine_id)
    mentions = models.Q(object_repr__contains=machine_id)
    mentions |= models.Q(change_message__contains=machine_id)
    for entry in LogEntry.objects.filter(mentions):
        shown, message = (
            mention.sub(_ERASED, text.encode()).decode()
            for text in (entry.object_repr, entry.change_message)
        )
        entry.object_repr, entry.change_message = shown[:_LONGEST_NAME], message
        entry.save()
