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


def update_of(
    before: object, after: object, result: object = 0, *more: str, **changes: Any
) -> dict[str, Any]:
    """What a record of an update is made of."""
    text = payload(before, after, result, *more)
    return {"classification": UPDATE, "payload": text, **changes}


def updated(*told: Any, at: datetime = NOON, **changes: Any) -> Record:
    """A record of an update, waiting for the worker."""
    return stored(at, **update_of(*told, **changes))


def digest() -> None:
    while digest_batch(1000):
        pass


def sum_up() -> None:
    """Days that are over."""
    fold(NOON + timedelta(days=9))
