"""Accounts of people whom an OpenID Connect provider vouches for."""

from collections.abc import Mapping
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction

from accounts.models import ExternalIdentity
from accounts.oidc import Claims, LoginRefused
from accounts.provider import Provider

LONGEST_NAME = 150


def user_of(provider: Provider, claims: Claims) -> User:
    """The account of the person the claims are about; made at the first login.

    Found by the provider's subject alone: names and addresses can change hands.
    """
    known = ExternalIdentity.objects.filter(
        issuer=provider.issuer, subject=claims["sub"]
    ).select_related("user")
    identity = known.first()
    user = identity.user if identity else _made(provider, claims)
    if not user.is_active:
        raise LoginRefused("Your account here is closed.")
    if provider.groups:
        _place(user, groups_of(claims.get(provider.groups_claim), provider.groups))
    return user


def groups_of(claimed: Any, names: Mapping[str, str]) -> dict[str, bool]:
    """Which of our groups somebody is in, among those that the provider decides."""
    theirs = claimed if isinstance(claimed, list) else [claimed]
    member = {names[each] for each in map(str, theirs) if each in names}
    return {ours: ours in member for ours in names.values()}


def _made(provider: Provider, claims: Claims) -> User:
    name = str(claims.get("preferred_username") or claims["sub"])[:LONGEST_NAME]
    try:
        with transaction.atomic():
            user = User.objects.create_user(name)
            ExternalIdentity.objects.create(
                user=user, issuer=provider.issuer, subject=claims["sub"]
            )
    except IntegrityError as error:
        raise LoginRefused(
            "There is an account of your name already. An administrator can connect "
            "the two under External identities."
        ) from error
    return user


def _place(user: User, membership: Mapping[str, bool]) -> None:
    """Into the groups the provider decides, and out of them; admins see the admin."""
    for name, member in membership.items():
        group = Group.objects.get_or_create(name=name)[0]
        (user.groups.add if member else user.groups.remove)(group)
    if "admin" in membership and user.is_staff != membership["admin"]:
        user.is_staff = membership["admin"]
        user.save(update_fields=["is_staff"])
