"""What a token may be used for: scopes, as permissions."""

from collections.abc import Collection
from enum import StrEnum

PAYLOAD = "records.view_payload"
EXPORT = "records.export_record"
CURATE = frozenset({"crashes.change_rule", "crashes.change_guilty"})


class Scope(StrEnum):
    """Each includes reading; the order is that of forms and help."""

    READ = "read"
    READ_PAYLOAD = "read-payload"
    CURATE = "curate"
    EXPORT = "export"


MEANINGS = {
    Scope.READ: "Read records, crashes and views; of a payload only its length",
    Scope.READ_PAYLOAD: "Read and search payloads",
    Scope.CURATE: "Change never-guilty rules",
    Scope.EXPORT: "Export records without limit",
}


def permits(scopes: Collection[str], permission: str) -> bool:
    """Whether one of the scopes covers a permission, as in `records.view_record`."""
    if permission == PAYLOAD:
        return Scope.READ_PAYLOAD in scopes
    if permission == EXPORT:
        return Scope.EXPORT in scopes
    if permission in CURATE:
        return Scope.CURATE in scopes
    # Any known scope reads, also what a view of its own permission shows.
    views = permission.partition(".")[2].startswith("view_")
    return views and any(scope in scopes for scope in Scope)
