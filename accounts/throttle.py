"""How often a login may fail before it is answered 429 for a while.

By user and address against guessing; by address against trying many users; by user
against many addresses, so high that a stranger hardly locks anybody out.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db.models import Count, Q
from django.utils.crypto import salted_hmac

from accounts.addresses import household
from accounts.models import LoginAttempt

PERIOD = timedelta(minutes=15)


class Failures(NamedTuple):
    """Logins that failed lately; or how many may."""

    of_both: int
    of_address: int
    of_user: int


MOST = Failures(of_both=5, of_address=30, of_user=100)


def too_many(failures: Failures) -> bool:
    return any(count >= most for count, most in zip(failures, MOST, strict=True))


def begin(username: str, address: str) -> LoginAttempt | None:
    """Note an attempt before its password is looked at; None when it may not be made.

    Noted first, so that attempts made all at once do not pass together.
    """
    now = datetime.now(UTC)
    LoginAttempt.objects.filter(made_at__lt=now - PERIOD).delete()
    attempt = LoginAttempt.objects.create(
        made_at=now, user=_keyed(username), address=household(address)
    )
    if too_many(_before(attempt)):
        attempt.delete()
        return None
    return attempt


def succeeded(attempt: LoginAttempt) -> None:
    """Forget what this user failed at from this address."""
    LoginAttempt.objects.filter(user=attempt.user, address=attempt.address).delete()


def _before(attempt: LoginAttempt) -> Failures:
    user, address = Q(user=attempt.user), Q(address=attempt.address)
    earlier = LoginAttempt.objects.filter(user | address, pk__lt=attempt.pk)
    return Failures(
        **earlier.aggregate(
            of_both=Count("pk", filter=user & address),
            of_address=Count("pk", filter=address),
            of_user=Count("pk", filter=user),
        )
    )


def _keyed(username: str) -> str:
    return salted_hmac(
        "accounts.throttle", username.casefold(), algorithm="sha256"
    ).hexdigest()
