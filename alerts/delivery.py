"""Delivering messages: claimed one at a time, tried again later, given up after a day.

A claim is a conditional update, and holds until long after an attempt has ended: two
workers send nothing twice. A worker that is killed in the middle of an attempt leaves
it to be repeated, with the same event id.
"""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from smtplib import SMTPException, SMTPResponseException

from django.conf import settings
from django.core.mail import EmailMessage

from alerts import messages
from alerts.messages import Message
from alerts.models import Channel, Delivery
from alerts.posting import Undelivered, post

log = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""How long an attempt is left alone; none takes nearly as long."""
RETRIES = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=12),
)
_CANDIDATES = 10
_LONGEST_PROBLEM = 200

State = Delivery.State


def retry_after(attempts: int) -> timedelta | None:
    """How long to wait after so many attempts; None: give up."""
    return RETRIES[attempts - 1] if attempts <= len(RETRIES) else None


def deliver_next(now: datetime | None = None) -> int:
    """Try to deliver one message that is due; 0: there is none."""
    delivery = _claim(now or datetime.now(UTC))
    if delivery is None:
        return 0
    try:
        _send(delivery)
    except Undelivered as error:
        _failed(delivery, str(error), now or datetime.now(UTC))
    except Exception as error:  # noqa: BLE001
        problem = type(error).__name__
        log.warning("A message cannot be sent: %s", problem)
        _failed(delivery, problem, now or datetime.now(UTC))
    else:
        _settle(delivery, State.DELIVERED, "", now or datetime.now(UTC))
    return 1


def _claim(now: datetime) -> Delivery | None:
    due = Delivery.objects.filter(state=State.QUEUED, next_try__lte=now)
    found = due.select_related("channel").order_by("next_try", "id")[:_CANDIDATES]
    for delivery in found:
        mine = due.filter(pk=delivery.pk, attempts=delivery.attempts)
        delivery.attempts += 1
        if mine.update(attempts=delivery.attempts, next_try=now + LEASE):
            return delivery
    return None


def _settle(delivery: Delivery, state: str, problem: str, now: datetime) -> None:
    mine = Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts)
    mine.update(state=state, problem=problem, next_try=None, finished_at=now)


def _failed(delivery: Delivery, problem: str, now: datetime) -> None:
    """Try again later, and leave the channel alone until then."""
    problem = problem[:_LONGEST_PROBLEM]
    delay = retry_after(delivery.attempts)
    if delay is None or not delivery.channel.active:
        _settle(delivery, State.FAILED, problem, now)
        return
    later = now + delay
    mine = Delivery.objects.filter(pk=delivery.pk, attempts=delivery.attempts)
    mine.update(problem=problem, next_try=later)
    waiting = Delivery.objects.filter(channel=delivery.channel, state=State.QUEUED)
    waiting.filter(next_try__lt=later).update(next_try=later)


# --- Kinds of channels --------------------------------------------------------------


def _send(delivery: Delivery) -> None:
    if not delivery.channel.active:
        raise Undelivered("The channel is switched off")
    _SENDERS[delivery.channel.kind](delivery, Message.from_json(delivery.message))


def _webhook(delivery: Delivery, message: Message) -> None:
    body = messages.webhook(message, str(delivery.event))
    signed = messages.signature(delivery.channel.secret, body, int(time.time()))
    headers = {"X-Telemetry-Signature": signed, "X-Telemetry-Event": delivery.event.hex}
    post(delivery.channel.target, body, headers, settings.TELEMETRY_ALERT_ALLOW)


def _slack(delivery: Delivery, message: Message) -> None:
    allowed = settings.TELEMETRY_ALERT_ALLOW
    post(delivery.channel.target, messages.slack(message), {}, allowed)


def _email(delivery: Delivery, message: Message) -> None:
    if not settings.TELEMETRY_EMAIL:
        raise Undelivered("TELEMETRY_EMAIL_URL names no mail server")
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    email = EmailMessage(
        message.headline,
        messages.plain(message),
        to=recipients(delivery.channel.target),
        headers={
            "Message-ID": f"<{delivery.event.hex}@{domain}>",
            "Auto-Submitted": "auto-generated",
        },
    )
    try:
        email.send()
    except SMTPResponseException as error:
        raise Undelivered(f"The mail server answered {error.smtp_code}") from error
    except (SMTPException, OSError) as error:
        raise Undelivered(f"Mail: {type(error).__name__}") from error


def recipients(target: str) -> list[str]:
    return [each.strip() for each in target.split(",") if each.strip()]


_SENDERS: Mapping[str, Callable[[Delivery, Message], None]] = {
    Channel.Kind.EMAIL: _email,
    Channel.Kind.WEBHOOK: _webhook,
    Channel.Kind.SLACK: _slack,
}
