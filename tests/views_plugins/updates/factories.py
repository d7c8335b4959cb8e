"""Records of updaters, stored and digested."""

from datetime import UTC, datetime, timedelta
from typing import Any

from records.digest import digest_batch
from records.models import Record
from records.spans import fold
from tests.factories import stored

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
UPDATE = "org.clearlinux/swupd-client/update"
ACRN = "clearlinux/swupdate/-"


def payload(before: object, after: object, result: object = 0, *more: str) -> str:
    lines = (
        "PACKAGE_NAME=swupd-client",
        "PACKAGE_VERSION=5.0.6",
        f"current_version={before}",
        f"server_version={after}",
        f"result={result}",
        *more,
    )
    return "\n".join(lines) + "\n"


def updated(
    before: object,
    after: object,
    result: object = 0,
    *more: str,
    at: datetime = NOON,
    **changes: Any,
) -> Record:
    """A record of an update, waiting for the worker."""
    text = payload(before, after, result, *more)
    return stored(at, **{"classification": UPDATE, "payload": text, **changes})


def digest() -> None:
    """With days that are over summed up."""
    while digest_batch(1000):
        pass
    fold(NOON + timedelta(days=9))
