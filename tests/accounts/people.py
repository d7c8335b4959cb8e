"""Somebody of each role, and tokens."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import Group, User
from django.test import Client

from accounts import tokens
from accounts.models import ApiToken


def member(*groups: str, **fields) -> User:
    """A user of these groups; an admin comes into the admin site."""
    name = "+".join(groups) or "nobody"
    user = User.objects.create_user(name, is_staff="admin" in groups, **fields)
    user.groups.set(Group.objects.filter(name__in=groups))
    return user


def token_of(
    owner: User, *scopes: str, days: float = 1, **fields
) -> tuple[ApiToken, str]:
    """A token, and its secret."""
    token = ApiToken(
        name="script",
        owner=owner,
        scopes=list(scopes),
        expires_at=datetime.now(UTC) + timedelta(days=days),
        **fields,
    )
    return token, tokens.issue(token)


def with_token(owner: User, *scopes: str, **fields) -> Client:
    return Client(headers=bearer(token_of(owner, *scopes, **fields)[1]))


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def everybody(roles: Iterable[str]) -> dict[str, Client]:
    """A client for each column of the table of roles."""
    owner = member("admin", "viewer")
    people = {
        "anonymous": None,
        "open": None,
        "nobody": member(),
        "viewer": member("viewer"),
        "curator": member("curator"),
        "admin": member("admin"),
    }
    return {
        role: _client(number, people[role])
        if role in people
        else with_token(owner, role)
        for number, role in enumerate(roles, start=1)
    }


def _client(number: int, user: User | None) -> Client:
    client = Client(REMOTE_ADDR=f"192.0.2.{number}")
    if user:
        client.force_login(user)
    return client
