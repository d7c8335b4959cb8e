"""OpenID Connect: the authorization code flow with PKCE, as far as a login needs it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

import jwt

from accounts.provider import Provider

TIMEOUT = 10
CLOCKS = 60  # seconds by which theirs and ours may differ
# Only signatures that the provider alone can make.
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]
ALGORITHMS += ["ES256", "ES384", "ES512", "EdDSA"]
BASIC = "client_secret_basic"
NEEDED = {"authorization_endpoint", "token_endpoint", "jwks_uri"}
REQUIRED = ["iss", "sub", "aud", "exp", "iat"]

Claims = Mapping[str, Any]


class LoginRefused(Exception):
    """Nobody is logged in, and why: a text for the person who tried."""


class ProviderFailed(Exception):
    """The provider cannot be reached, or answers nonsense."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What has to come back from the provider unchanged, and where to go then."""

    state: str
    nonce: str
    verifier: str
    next: str


def begin(next_page: str) -> Flow:
    return Flow(token_urlsafe(24), token_urlsafe(24), token_urlsafe(48), next_page)


def address_of_login(provider: Provider, flow: Flow, back: str) -> str:
    """Where a person logs in at the provider, who sends them to ``back``."""
    challenge = base64.urlsafe_b64encode(sha256(flow.verifier.encode()).digest())
    query = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": back,
        "scope": provider.scopes,
        "state": flow.state,
        "nonce": flow.nonce,
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    endpoint = str(_endpoints(provider.issuer)["authorization_endpoint"])
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def claims_of(provider: Provider, flow: Flow, code: str, back: str) -> Claims:
    """What the provider says about the person it sent back with ``code``."""
    endpoints = _endpoints(provider.issuer)
    answer = _tokens(provider, endpoints, flow, code, back)
    claims = _verified(provider, endpoints, str(answer.get("id_token", "")))
    if claims.get("nonce") != flow.nonce:
        raise LoginRefused("The answer belongs to another login.")
    wanted = {"preferred_username", provider.groups_claim}
    if wanted <= claims.keys() or "userinfo_endpoint" not in endpoints:
        return claims
    more = _fetch(
        endpoints["userinfo_endpoint"],
        headers={"Authorization": f"Bearer {answer.get('access_token', '')}"},
    )
    if more.get("sub") != claims["sub"]:
        raise LoginRefused("The provider spoke of somebody else.")
    return {**more, **claims}


def _tokens(
    provider: Provider, endpoints: Claims, flow: Flow, code: str, back: str
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": back,
        "code_verifier": flow.verifier,
    }
    headers = {}
    ways = endpoints.get("token_endpoint_auth_methods_supported", [BASIC])
    if BASIC in ways:
        pair = f"{quote(provider.client_id, '')}:{quote(provider.client_secret, '')}"
        encoded = base64.b64encode(pair.encode()).decode()
        headers["Authorization"] = f"Basic {encoded}"
    else:
        form["client_id"] = provider.client_id
        form["client_secret"] = provider.client_secret
    return _fetch(endpoints["token_endpoint"], urlencode(form).encode(), headers)


def _verified(provider: Provider, endpoints: Claims, id_token: str) -> dict[str, Any]:
    """The claims of a token that the provider signed for us, and not long ago."""
    try:
        key = _keys(endpoints["jwks_uri"]).get_signing_key_from_jwt(id_token)
        claims: dict[str, Any] = jwt.decode(
            id_token,
            key,
            algorithms=ALGORITHMS,
            audience=provider.client_id,
            issuer=provider.issuer,
            leeway=CLOCKS,
            options={"require": REQUIRED},
        )
    except jwt.PyJWKClientConnectionError as error:
        raise ProviderFailed from error
    except jwt.PyJWTError as error:
        raise LoginRefused("The provider's answer is not valid.") from error
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise LoginRefused("The provider's answer is for somebody else.")
    return claims


@cache
def _endpoints(issuer: str) -> dict[str, Any]:
    found = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if found.get("issuer") != issuer:
        raise ProviderFailed("It has another name than TELEMETRY_OIDC_ISSUER.")
    if not found.keys() >= NEEDED:
        raise ProviderFailed("It does not say where to log in.")
    return found


@cache
def _keys(address: str) -> jwt.PyJWKClient:
    return jwt.PyJWKClient(address, timeout=TIMEOUT)


def _fetch(
    url: str, data: bytes | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The JSON object behind an address that the operator or the provider gave."""
    request = Request(  # noqa: S310 - see env.py: http and https only
        url, data, {"Accept": "application/json", **(headers or {})}
    )
    try:
        with urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
            found = json.load(answer)
    except HTTPError as error:
        error.close()
        if data is not None and error.code in (400, 401):
            raise LoginRefused("The provider did not accept this login.") from error
        raise ProviderFailed from error
    except (OSError, ValueError) as error:
        raise ProviderFailed from error
    if not isinstance(found, dict):
        raise ProviderFailed("It answers something else than an object.")
    return found
