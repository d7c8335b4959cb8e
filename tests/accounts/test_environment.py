"""What the environment says about logins."""

from datetime import timedelta

import pytest

from telemetry_site.env import InvalidEnvironment, read

KEY = {"SECRET_KEY": "6d86a1b7" * 8}
OIDC = {
    "TELEMETRY_OIDC_ISSUER": "https://id.example/realms/x",
    "TELEMETRY_OIDC_CLIENT_ID": "telemetry",
    "TELEMETRY_OIDC_CLIENT_SECRET": "secret",
}


def test_a_session_lasts_as_long_as_is_said():
    assert read(KEY).session_age == timedelta(hours=12)
    assert read({**KEY, "TELEMETRY_SESSION_HOURS": "2"}).session_age.seconds == 7200


def test_single_sign_on_is_off_unless_a_provider_is_named():
    assert read(KEY).oidc is None


def test_a_provider_is_described_by_its_address_and_our_name_there():
    found = read({**KEY, **OIDC}).oidc
    assert found is not None
    assert (found.issuer, found.client_id, found.client_secret) == tuple(OIDC.values())
    assert (found.scopes, found.groups_claim) == ("openid profile email", "groups")
    assert found.groups == {}


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("ops=admin", {"ops": "admin"}),
        (" ops = admin ; staff=viewer;", {"ops": "admin", "staff": "viewer"}),
        ("cn=ops,dc=example=admin", {"cn=ops,dc=example": "admin"}),
        ("/a/b=curator", {"/a/b": "curator"}),
    ],
)
def test_groups_of_the_provider_are_ours_by_name(text, groups):
    found = read({**KEY, **OIDC, "TELEMETRY_OIDC_GROUPS": text}).oidc
    assert found is not None
    assert found.groups == groups


@pytest.mark.parametrize("text", ["ops", "=admin", "ops=", "a=b;c"])
def test_other_words_about_groups_are_refused(text):
    with pytest.raises(InvalidEnvironment, match="TELEMETRY_OIDC_GROUPS must be like"):
        read({**KEY, **OIDC, "TELEMETRY_OIDC_GROUPS": text})


@pytest.mark.parametrize("name", list(OIDC)[1:])
def test_half_a_provider_is_refused_by_name(name):
    with pytest.raises(InvalidEnvironment, match=f"needs {name}"):
        read({**KEY, **OIDC, name: ""})


@pytest.mark.parametrize(
    "issuer",
    ["http://id.example", "file:///etc/passwd", "id.example", "https://", "ftp://x"],
)
def test_a_provider_is_reached_safely_or_not_at_all(issuer):
    with pytest.raises(InvalidEnvironment, match="https://"):
        read({**KEY, **OIDC, "TELEMETRY_OIDC_ISSUER": issuer})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_a_provider_on_this_machine_needs_no_tls(host):
    issuer = f"http://{host}:8080"
    found = read({**KEY, **OIDC, "TELEMETRY_OIDC_ISSUER": issuer}).oidc
    assert found is not None
    assert found.issuer == issuer
