"""The groups that a new database has, and what each may do.

Each permission is given once. What an operator takes away or deletes stays away; what a
later version or another app adds is given when it appears.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django.apps import apps as installed
from django.db import DEFAULT_DB_ALIAS

VIEWER = frozenset({"records.view_record"})
CURATOR = VIEWER | {
    "records.view_payload",
    "crashes.view_guilty",
    "crashes.change_guilty",
    "crashes.view_rule",
    "crashes.change_rule",
    "crashes.view_rulesversion",
}

ROLES: Mapping[str, Callable[[str], bool]] = {
    "viewer": VIEWER.__contains__,
    "curator": CURATOR.__contains__,
    "admin": lambda permission: True,
}


def give(apps: Any = installed, using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """After migrations: make the groups, and give what was never given before."""
    try:
        grants = apps.get_model("accounts", "Grant").objects.using(using)
    except LookupError:  # migrated back to before there were any
        return
    permissions = _permissions(apps, using)
    given = set(grants.values_list("role", "permission"))
    for role, wanted in ROLES.items():
        new = [
            name for name in permissions if wanted(name) and (role, name) not in given
        ]
        if not new:
            continue
        made = any(role == known for known, _ in given)
        group = _group(apps, using, role, make=not made)
        if group:
            group.permissions.add(*(permissions[name] for name in new))
        grants.bulk_create(
            [grants.model(role=role, permission=name) for name in new],
            ignore_conflicts=True,
        )


def _permissions(apps: Any, using: str) -> dict[str, int]:
    rows = apps.get_model("auth", "Permission").objects.using(using)
    named = rows.values_list("content_type__app_label", "codename", "id")
    return {f"{app}.{codename}": pk for app, codename, pk in named}


def _group(apps: Any, using: str, role: str, *, make: bool) -> Any:
    """The group of a role, or None when it was deleted or has another name now."""
    groups = apps.get_model("auth", "Group").objects.using(using)
    return (
        groups.get_or_create(name=role)[0] if make else groups.filter(name=role).first()
    )
