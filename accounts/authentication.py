"""`Authorization: Bearer …` for the API, and how its schema describes that."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from accounts import tokens
from accounts.models import TokenUser


class BearerAuthentication(BaseAuthentication):
    """A bad token is refused also where no token is needed: its script has a fault."""

    def authenticate(self, request: Request) -> tuple[TokenUser, None] | None:
        secret = tokens.bearer(request.headers.get("Authorization", ""))
        if secret is None:
            return None
        user = tokens.holder(secret)
        if user is None:
            raise AuthenticationFailed("This token is wrong, expired or revoked.")
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, made in the admin; its scopes limit it.",
        }
