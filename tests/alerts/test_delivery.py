"""Messages are delivered once, tried again later, and given up after a day."""

import hmac
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string
from email.policy import default as modern

import pytest
from django.core import mail

from alerts import delivery as module
from alerts.delivery import LEASE, RETRIES, deliver_next, retry_after
from alerts.evaluation import queue_test
from alerts.messages import Message
from alerts.models import Channel, Delivery
from alerts.posting import Undelivered
from tests.alerts.receivers import Receiver, mail_server, receiver

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "a secret of some length"


@pytest.fixture
def there(settings):
    with receiver() as found:
        settings.TELEMETRY_ALERT_ALLOW = found.allowed
        yield found


def channel_to(url: str, kind: str = "webhook", name: str = "there") -> Channel:
    return Channel.objects.create(name=name, kind=kind, target=url, secret=SECRET)


def queued(channel: Channel, count: int = 1, **changes: object) -> Delivery:
    queue_test([channel] * count, "rule", NOW)
    row = Delivery.objects.first()
    row.message = replace(Message.from_json(row.message), **changes).as_json()
    row.save()
    return row


def outcome(row: Delivery) -> tuple[str, int, str]:
    row.refresh_from_db()
    return row.state, row.attempts, row.problem


# --- Webhooks -----------------------------------------------------------------------


def test_a_webhook_is_sent_signed_with_its_event(there: Receiver):
    row = queued(channel_to(there.url), title="f [m.so]")
    before = int(time.time())
    assert deliver_next(NOW) == 1
    (sent,) = there.posts
    body = json.loads(sent.body)
    assert body == {"event": str(row.event), **row.message}
    stamp, signature = (
        part.partition("=")[2]
        for part in sent.headers["X-Telemetry-Signature"].split(",")
    )
    assert before <= int(stamp) <= time.time()
    signed = stamp.encode() + b"." + sent.body
    assert signature == hmac.new(SECRET.encode(), signed, "sha256").hexdigest()
    assert sent.headers["X-Telemetry-Event"] == row.event.hex
    assert outcome(row) == ("delivered", 1, "")
    assert (row.finished_at, row.next_try) == (NOW, None)
    assert deliver_next(NOW) == 0


def test_slack_gets_its_text_and_no_signature(there: Receiver):
    row = queued(channel_to(there.url, "slack"), title="<!channel>")
    deliver_next(NOW)
    (sent,) = there.posts
    assert "&lt;!channel&gt;" in json.loads(sent.body)["text"]
    assert "X-Telemetry-Signature" not in sent.headers
    assert outcome(row) == ("delivered", 1, "")


def test_addresses_inside_are_not_reached_unless_allowed(there: Receiver, settings):
    settings.TELEMETRY_ALERT_ALLOW = type(there.allowed)()
    row = queued(channel_to(there.url))
    deliver_next(NOW)
    assert there.posts == []
    state, attempts, problem = outcome(row)
    assert (state, attempts) == ("queued", 1)
    assert "TELEMETRY_ALERT_ALLOW" in problem


# --- Trying again -------------------------------------------------------------------


def test_retries_wait_longer_and_longer_for_a_day():
    waits = [retry_after(n) for n in range(1, len(RETRIES) + 1)]
    assert waits == sorted(waits)
    assert timedelta(hours=20) < sum(waits, timedelta()) < timedelta(hours=30)
    assert retry_after(len(RETRIES) + 1) is None


def test_a_message_is_tried_again_and_every_attempt_says_the_same(there: Receiver):
    there.statuses = [500, 429, 200]
    row = queued(channel_to(there.url))
    now = NOW
    for wait in (RETRIES[0], RETRIES[1]):
        assert deliver_next(now) == 1
        row.refresh_from_db()
        assert row.next_try == now + wait
        assert deliver_next(now + wait - timedelta(seconds=1)) == 0
        now += wait
    assert deliver_next(now) == 1
    assert outcome(row) == ("delivered", 3, "")
    assert len({sent.body for sent in there.posts}) == 1
    assert len(there.posts) == 3


def test_a_message_is_given_up_at_last(there: Receiver):
    there.statuses = [503]
    row = queued(channel_to(there.url))
    now = NOW
    while deliver_next(now):
        row.refresh_from_db()
        now = row.next_try or now
    assert outcome(row) == ("failed", len(RETRIES) + 1, "The answer was 503")
    assert row.finished_at == now
    assert len(there.posts) == len(RETRIES) + 1


def test_a_channel_that_fails_is_left_alone_and_holds_up_no_other(there: Receiver):
    there.statuses = [500, 200]
    bad, good = channel_to(there.url), channel_to(there.url, name="good")
    first = queued(bad, 5)
    other = queued(good)
    assert [deliver_next(NOW) for _ in range(3)] == [1, 1, 0]
    assert outcome(other)[0] == "delivered"
    waiting = Delivery.objects.filter(channel=bad)
    assert set(waiting.values_list("next_try", flat=True)) == {NOW + RETRIES[0]}
    assert deliver_next(NOW + RETRIES[0]) == 1
    assert first.pk > waiting.order_by("id")[0].pk
    assert waiting.order_by("id")[0].state == "delivered"  # the oldest first


def test_what_waits_for_a_channel_that_is_switched_off_is_given_up(there: Receiver):
    channel = channel_to(there.url)
    row = queued(channel)
    Channel.objects.update(active=False)
    deliver_next(NOW)
    assert outcome(row) == ("failed", 1, "The channel is switched off")
    assert there.posts == []


def test_a_message_that_cannot_even_be_written_is_given_up_at_last(there: Receiver):
    row = queued(channel_to(there.url))
    Delivery.objects.update(message={"of": "another version"})
    now = NOW
    while deliver_next(now):
        row.refresh_from_db()
        now = row.next_try or now
    assert outcome(row) == ("failed", len(RETRIES) + 1, "TypeError")


# --- Several workers ----------------------------------------------------------------


def test_two_workers_do_not_send_a_message_twice(there: Receiver, monkeypatch):
    """The second looks while the first is sending."""
    others = []
    original = module.post

    def post(*args: object) -> None:
        others.append(deliver_next(NOW))
        original(*args)

    monkeypatch.setattr(module, "post", post)
    queued(channel_to(there.url))
    assert deliver_next(NOW) == 1
    assert others == [0]
    assert len(there.posts) == 1


def test_of_two_workers_that_saw_the_same_message_one_gets_it(there, monkeypatch):
    """The second claims between the first one's look and its claim."""
    row = queued(channel_to(there.url))
    taken = Delivery.objects.filter(pk=row.pk)
    original = module.LEASE
    looks = []

    class Late:
        def __radd__(self, now: datetime) -> datetime:
            if not looks:
                looks.append(taken.update(attempts=1, next_try=now + original))
            return now + original

    monkeypatch.setattr(module, "LEASE", Late())
    assert deliver_next(NOW) == 0
    assert looks == [1]
    assert there.posts == []


def test_the_attempt_of_a_worker_that_was_killed_is_repeated(there, monkeypatch):
    def killed(*args: object) -> None:
        raise KeyboardInterrupt

    row = queued(channel_to(there.url))
    with monkeypatch.context() as patch:
        patch.setattr(module, "post", killed)
        with pytest.raises(KeyboardInterrupt):
            deliver_next(NOW)
    assert deliver_next(NOW + LEASE - timedelta(seconds=1)) == 0
    assert deliver_next(NOW + LEASE) == 1
    assert outcome(row) == ("delivered", 2, "")
    assert there.posts[0].headers["X-Telemetry-Event"] == row.event.hex


def test_an_attempt_that_was_taken_over_changes_nothing(there, monkeypatch):
    row = queued(channel_to(there.url))

    def slow(*args: object) -> None:
        Delivery.objects.filter(pk=row.pk).update(attempts=2, state="delivered")
        raise Undelivered("too late")

    monkeypatch.setattr(module, "post", slow)
    deliver_next(NOW)
    assert outcome(row) == ("delivered", 2, "")


# --- E-mail -------------------------------------------------------------------------


@pytest.fixture
def by_mail(settings):
    settings.TELEMETRY_EMAIL = True
    settings.DEFAULT_FROM_EMAIL = "Telemetry <telemetry@here.example>"
    return channel_to("a@example.org, b@example.org", "email")


@pytest.fixture
def over_smtp(settings, by_mail):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST = "127.0.0.1"
    return by_mail


def test_a_mail_server_gets_the_message(over_smtp, settings):
    row = queued(over_smtp, title="naïve [m.so]", text="Text of it.")
    with mail_server() as (port, taken):
        settings.EMAIL_PORT = port
        deliver_next(NOW)
    assert outcome(row) == ("delivered", 1, "")
    (text,) = taken
    sent = message_from_string(text, policy=modern)
    assert sent["Subject"] == "Test: rule: naïve [m.so]"
    assert sent["From"] == "Telemetry <telemetry@here.example>"
    assert sent["To"] == "a@example.org, b@example.org"
    assert sent["Message-ID"] == f"<{row.event.hex}@here.example>"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert "Text of it." in sent.get_content()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("550 <b>no</b> such sender", "The mail server answered 550"),
        ("451 later", "The mail server answered 451"),
    ],
)
def test_what_a_mail_server_refuses_is_tried_again(
    over_smtp, settings, answer, problem
):
    row = queued(over_smtp)
    with mail_server(refuse=answer) as (port, _):
        settings.EMAIL_PORT = port
        deliver_next(NOW)
    assert outcome(row) == ("queued", 1, problem)


def test_a_mail_server_that_is_away_is_tried_again(over_smtp, settings):
    row = queued(over_smtp)
    with mail_server() as (port, _):
        settings.EMAIL_PORT = port
    deliver_next(NOW)
    assert outcome(row) == ("queued", 1, "Mail: ConnectionRefusedError")


def test_without_a_mail_server_the_problem_names_the_setting(by_mail, settings):
    settings.TELEMETRY_EMAIL = False
    row = queued(by_mail)
    deliver_next(NOW)
    assert outcome(row) == ("queued", 1, "TELEMETRY_EMAIL_URL names no mail server")
    assert mail.outbox == []


@pytest.mark.parametrize("place", ["title", "rule"])
@pytest.mark.parametrize(
    "text", ["x\nBcc: evil@x.example", "x\r\n\r\nbody", "\x85\u2028y"]
)
def test_no_text_adds_a_header(by_mail, place, text):
    row = queued(by_mail, **{place: text})
    deliver_next(NOW)
    assert outcome(row)[0] == "delivered"
    (sent,) = mail.outbox
    message = sent.message()
    assert set(message.keys()) - {"Date"} == {
        *("Content-Type", "MIME-Version", "Content-Transfer-Encoding", "Subject"),
        *("From", "To", "Message-ID", "Auto-Submitted"),
    }
    assert len(sent.subject.splitlines()) == 1
    assert sent.recipients() == ["a@example.org", "b@example.org"]
