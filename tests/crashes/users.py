"""Users of tests, by what they may do."""

from django.contrib.auth.models import Permission, User
from django.test import Client


def user_with(*permissions: str, staff: bool = False) -> User:
    """A user with these permissions, as in `crashes.change_rule`."""
    name = "+".join(permissions) or "nobody"
    user = User.objects.create_user(name[:150], is_staff=staff)
    for permission in permissions:
        app, codename = permission.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def logged_in(user: User, *, csrf: bool = False) -> Client:
    client = Client(enforce_csrf_checks=csrf)
    client.force_login(user)
    return client
