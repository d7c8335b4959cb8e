"""Refused requests: kept within bounds, counted always, taken in again on demand."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction

from records import metrics, rollups
from records.collector.refusal import Code, Refusal
from records.collector.requests import submissions
from records.models import RefusalPolicy, Refused
from records.store import Stored, store
from records.submission import Submission

KEPT_PER_MINUTE = 600
"""A flood of bad requests is counted, not kept: at most so many per process."""

_TRIM_EVERY = 500
_UNREAD = (Code.TOO_LARGE, Code.ENCODING, Code.BODY)  # reasons to leave a body unread
_TRANSPORT = ("CONTENT_TYPE", "CONTENT_LENGTH")


class RefusedRequest(NamedTuple):
    """A request as it came (a WSGI environ and the body's bytes), and what is wrong."""

    environ: Mapping[str, Any]
    body: bytes
    refusal: Refusal


class Keeper:
    """Keeps the refused requests of one process; used from one thread."""

    def __init__(self) -> None:
        self._minute = 0
        self._kept_this_minute = 0
        self._until_trim = 0

    def keep(self, requests: Sequence[RefusedRequest]) -> list[bool]:
        """Count the requests and keep them as far as bounds allow, in one commit.

        For each: whether it is in quarantine, so that its sender may forget it.
        """
        now = datetime.now(UTC)
        quarantine = set(
            RefusalPolicy.objects.filter(quarantine=True).values_list("code", flat=True)
        )
        rows = [self._row(request, now, quarantine) for request in requests]
        counts = Counter(
            (now.date(), request.refusal.code.value) for request in requests
        )
        with transaction.atomic():
            Refused.objects.bulk_create([row for row in rows if row])
            rollups.add(rollups.REFUSED_DAY, counts)
        for (_, code), n in counts.items():
            metrics.REFUSED.labels(code).inc(n)
        self._trim_sometimes(now, len(requests))
        return [bool(row and row.quarantined) for row in rows]

    def _row(
        self, request: RefusedRequest, now: datetime, quarantine: set[str]
    ) -> Refused | None:
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._kept_this_minute = minute, 0
        if self._kept_this_minute >= KEPT_PER_MINUTE:
            return None
        self._kept_this_minute += 1
        return _row(request, now, request.refusal.code.value in quarantine)

    def _trim_sometimes(self, now: datetime, kept: int) -> None:
        self._until_trim -= kept
        if self._until_trim <= 0:
            self._until_trim = _TRIM_EVERY
            trim(now)


def trim(now: datetime) -> int:
    """Delete refused requests beyond the bounds in number and age; how many."""
    newest = Refused.objects.order_by("-id").values_list("id", flat=True).first() or 0
    too_many = Refused.objects.filter(id__lte=newest - settings.TELEMETRY_REFUSED_MAX)
    too_old = Refused.objects.filter(
        received_at__lt=now - settings.TELEMETRY_REFUSED_AGE
    )
    return too_many.delete()[0] + too_old.delete()[0]


def _row(request: RefusedRequest, now: datetime, quarantined: bool) -> Refused:
    environ, body, refusal = request
    headers = {
        name: _clean(str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_") or name in _TRANSPORT
    }
    return Refused(
        received_at=now,
        code=refusal.code.value,
        field=refusal.field,
        message=refusal.message[:300],
        sender=_sender(environ),
        path=_clean(environ.get("PATH_INFO", ""))[:200],
        headers=headers,
        body=body,
        quarantined=quarantined,
    )


def _sender(environ: Mapping[str, Any]) -> str:
    version = environ.get("HTTP_RECORD_FORMAT_VERSION", "?")
    agent = environ.get("HTTP_USER_AGENT", "")
    return _clean(f"format {version} {agent}".strip())[:200]


def _clean(text: str) -> str:
    """Text that every database stores."""
    return text.replace("\x00", "�").encode("utf-8", "replace").decode()


def take_in(refused: Refused, known_id: Callable[[str], int | None]) -> Stored:
    """Parse a refused request again, under the rules of today, and store its record.

    Raises Refusal when it is still refused. ``known_id`` as for `submissions`.
    """
    if not refused.body and refused.code in _UNREAD:
        raise Refusal(Code(refused.code), "The body of this request was not read")
    environ = {**refused.headers, "PATH_INFO": refused.path}
    limit = settings.TELEMETRY_MAX_PAYLOAD
    parsed = submissions(environ, bytes(refused.body), known_id, limit)
    still_refused = next((each for each in parsed if isinstance(each, Refusal)), None)
    if still_refused:
        raise still_refused
    stored = store([each for each in parsed if isinstance(each, Submission)])
    refused.record_id = stored[0].id
    refused.save(update_fields=["record_id"])
    return stored[0]
