"""Who may come in besides Django's users and groups, and who tried."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import models

from accounts.scopes import permits


class Grant(models.Model):
    """A permission that a group was given by default, once, whatever became of it."""

    role = models.CharField(max_length=150)
    permission = models.CharField(max_length=201)

    class Meta:
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=("role", "permission"), name="grant_once"),
        )


class ApiToken(models.Model):
    """What a script shows instead of a password. Its secret is not stored."""

    name = models.CharField(max_length=100, help_text="What it is for.")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="api_tokens",
        help_text="Whose rights it has, as far as its scopes allow.",
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField("begins with", max_length=12, editable=False)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked = models.BooleanField(default=False, help_text="Accepted no more.")

    class Meta:
        verbose_name = "API token"
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.name

    @property
    def expired(self) -> bool:
        return self.expires_at <= datetime.now(UTC)


class TokenUser(User):
    """The owner of a token, who may do what both owner and scopes allow."""

    scopes: Collection[str] = ()

    class Meta:
        proxy = True
        default_permissions = ()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return permits(self.scopes, perm) and super().has_perm(perm, obj)


class LoginAttempt(models.Model):
    """A login that did not succeed, or not yet; kept as long as limits look back."""

    made_at = models.DateTimeField(db_index=True)
    # A keyed hash: what people type there by mistake may be a password.
    user = models.CharField(max_length=64)
    address = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        indexes = (
            models.Index(fields=("user", "made_at"), name="attempt_user"),
            models.Index(fields=("address", "made_at"), name="attempt_address"),
        )


class ExternalIdentity(models.Model):
    """Somebody that an OpenID Connect provider knows, and their account here."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities"
    )
    issuer = models.CharField(max_length=255)
    subject = models.CharField(max_length=255)

    class Meta:
        verbose_name_plural = "external identities"
        constraints = (
            models.UniqueConstraint(
                fields=("issuer", "subject"), name="identity_is_one_person"
            ),
        )

    def __str__(self) -> str:
        return f"{self.subject} of {self.issuer}"
