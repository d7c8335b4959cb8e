"""Who may read what: one place for pages, API and exports."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

_SEARCHES = ("payload", "not_payload")

Reader = User | AnonymousUser


def _may(user: Reader, permission: str) -> bool:
    if settings.TELEMETRY_ANONYMOUS_READ:
        return True
    return bool(user.is_active and user.has_perm(permission))


def may_read(user: Reader) -> bool:
    return _may(user, "records.view_record")


def may_see_payload(user: Reader) -> bool:
    return _may(user, "records.view_payload")


def check_search(user: Reader, parameters: Mapping[str, Any]) -> None:
    """Who may not see payloads may not search them: the answers would tell."""
    asked = any(parameters.get(name) for name in _SEARCHES)
    if asked and not may_see_payload(user):
        raise PermissionDenied("Searching payloads needs the right to see them.")


def may_export(user: Reader) -> bool:
    return _may(user, "records.export_record")


class MayReadRecords(BasePermission):
    """DRF: reading is one permission, or open to all by a setting."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_read(request.user)
