"""An OpenID Connect provider, as the environment describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Provider:
    """Who vouches for people, and what their groups are called here."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    scopes: str = "openid profile email"
    groups_claim: str = "groups"
    groups: Mapping[str, str] = field(default_factory=dict)
