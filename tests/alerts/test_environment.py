"""What the environment says of alerts."""

import pytest

from alerts.mail import MailServer, is_sender, parse
from alerts.targets import Allowed
from telemetry_site.env import InvalidEnvironment, read

KEY = {"SECRET_KEY": "6d86a1b7" * 8}


def test_without_settings_nothing_inside_is_reached_and_no_mail_is_sent():
    values = read(KEY)
    assert values.alert_allow == Allowed()
    assert values.email is None
    assert values.public_url == ""


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", MailServer("mail.example", 25, "", "", False, False)),
        (
            "smtps://me:p%40ss@mail.example",
            MailServer("mail.example", 465, "me", "p@ss", False, True),
        ),
        (
            "smtp+tls://me%40x:y@mail.example:2525/",
            MailServer("mail.example", 2525, "me@x", "y", True, False),
        ),
    ],
)
def test_a_mail_server_is_named_by_its_address(url, server):
    assert parse(url) == server
    assert read({**KEY, "TELEMETRY_EMAIL_URL": url}).email == server


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEMETRY_EMAIL_URL", "mail.example"),
        ("TELEMETRY_EMAIL_URL", "imap://me:hunter2@mail.example"),
        ("TELEMETRY_EMAIL_URL", "smtp://me:hunter2@"),
        ("TELEMETRY_EMAIL_URL", "smtp://me:hunter2@mail.example:x"),
        ("TELEMETRY_EMAIL_URL", "smtp://me:hunter2@mail.example/path"),
        ("TELEMETRY_EMAIL_FROM", ""),
        ("TELEMETRY_EMAIL_FROM", "nobody"),
        ("TELEMETRY_EMAIL_FROM", "a@b.example\nBcc: c@d.example"),
        ("TELEMETRY_PUBLIC_URL", "telemetry.example"),
        ("TELEMETRY_PUBLIC_URL", "https://telemetry.example/path"),
        ("TELEMETRY_PUBLIC_URL", "javascript://x"),
        ("TELEMETRY_ALERT_ALLOW", "10.0.0.1/8"),
        ("TELEMETRY_ALERT_ALLOW", "chat.internal, a b"),
    ],
)
def test_what_cannot_be_understood_is_named_but_not_quoted(name, value):
    with pytest.raises(InvalidEnvironment, match=name) as raised:
        read({**KEY, name: value})
    assert "hunter2" not in str(raised.value)
    assert raised.value.__cause__ is None or "hunter2" not in str(
        raised.value.__cause__
    )


def test_hosts_and_networks_are_allowed_by_name():
    values = read({**KEY, "TELEMETRY_ALERT_ALLOW": "chat.internal:8065, 10.1.0.0/16"})
    assert values.alert_allow == Allowed.of(["10.1.0.0/16", "chat.internal:8065"])


@pytest.mark.parametrize("sender", ["a@b.example", "Telemetry of us <a@b.example>"])
def test_a_sender_is_an_address_with_or_without_a_name(sender):
    assert is_sender(sender)
    assert read({**KEY, "TELEMETRY_EMAIL_FROM": sender}).email_from == sender
