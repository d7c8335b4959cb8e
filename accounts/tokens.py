"""API tokens: issued, and recognised."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_urlsafe

from django.db.models import Q

from accounts.models import ApiToken, TokenUser

BEGINNING = "tlm_"  # by which a secret that leaked into a file is found
SHOWN = 10
NOTED_EVERY = timedelta(minutes=1)


def issue(token: ApiToken) -> str:
    """Save a new token and return its secret, which nothing can tell again."""
    secret = BEGINNING + token_urlsafe(32)
    token.digest, token.prefix = _digest(secret), secret[:SHOWN]
    token.save()
    return secret


def bearer(authorization: str) -> str | None:
    """The secret in an Authorization header; None when it has another scheme."""
    scheme, _, secret = authorization.strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def holder(secret: str) -> TokenUser | None:
    """Who a secret speaks for, or None when it is not, or no longer, good."""
    now = datetime.now(UTC)
    token = ApiToken.objects.filter(
        digest=_digest(secret),
        revoked=False,
        expires_at__gt=now,
        owner__is_active=True,
    ).first()
    if token is None:
        return None
    _note_use(token, now)
    user = TokenUser.objects.get(pk=token.owner_id)
    user.scopes = token.scopes
    return user


def _digest(secret: str) -> str:
    # 256 random bits need no slow hash, and the index compares digests.
    return sha256(secret.encode()).hexdigest()


def _note_use(token: ApiToken, now: datetime) -> None:
    """Write down that a token was used, once a minute at most."""
    before = now - NOTED_EVERY
    if token.last_used_at and token.last_used_at > before:
        return
    unnoted = Q(last_used_at=None) | Q(last_used_at__lte=before)
    ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
