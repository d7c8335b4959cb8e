"""Who may read what: one place for pages, API and exports."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

User = AbstractBaseUser | AnonymousUser


def _may(user: User, permission: str) -> bool:
    if settings.TELEMETRY_ANONYMOUS_READ:
        return True
    return bool(user.is_active and user.has_perm(permission))  # type: ignore[union-attr]


def may_read(user: User) -> bool:
    return _may(user, "records.view_record")


def may_see_payload(user: User) -> bool:
    return _may(user, "records.view_payload")


def may_export(user: User) -> bool:
    return _may(user, "records.export_record")


class MayReadRecords(BasePermission):
    """DRF: reading is one permission, or open to all by a setting."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return may_read(request.user)
