"""`manage.py create_token`."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from accounts import tokens
from accounts.models import ApiToken
from tests.accounts.people import member

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> str:
    out = StringIO()
    call_command("create_token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_it_prints_the_secret_and_nothing_else():
    owner = member("viewer")
    secret = create(
        "nightly",
        *("--scope", "read", "--scope", "export"),
        *("--days", "7", "--user", "viewer"),
    )
    assert tokens.holder(secret) == owner
    token = ApiToken.objects.get()
    assert (token.name, token.scopes) == ("nightly", ["read", "export"])
    left = token.expires_at - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < left <= timedelta(days=7)


def test_it_reads_for_ninety_days_as_the_only_superuser():
    boss = User.objects.create_superuser("boss")
    member("viewer")
    assert tokens.holder(create("x")) == boss
    token = ApiToken.objects.get()
    assert token.scopes == ["read"]
    assert token.expires_at > datetime.now(UTC) + timedelta(days=89)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["x"], "--user"),
        (["x", "--user", "absent"], "no active user absent"),
        (["x", "--user", "closed"], "no active user closed"),
        (["x", "--user", "viewer", "--days", "0"], "--days"),
        (["x", "--user", "viewer", "--days", "99999999"], "--days"),
        (["x", "--user", "viewer", "--scope", "root"], "invalid choice"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, said):
    member("viewer")
    User.objects.create_user("closed", is_active=False)
    for name in ("one", "two"):
        User.objects.create_superuser(name)
    with pytest.raises(CommandError, match=said):
        create(*arguments)
    assert not ApiToken.objects.exists()
