"""Evaluating rules: readings, decided about in one transaction with its messages."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from alerts import conditions
from alerts.changes import CALM, Changes, decide
from alerts.conditions import (
    LONGEST_LINK,
    LONGEST_TEXT,
    LONGEST_TITLE,
    Reading,
    Watch,
)
from alerts.messages import FIRED, RESOLVED, TEST, Message, one_line
from alerts.models import Alert, Channel, Delivery, Rule
from records import database
from records.scope import Scope

log = logging.getLogger(__name__)

EVERY = timedelta(minutes=1)
LONGEST = timedelta(seconds=30)
"""What the queries of a rule may take together."""
KEPT = timedelta(days=90)
MOST_KEPT = 10_000
_MOST_READINGS = 10_000
_LONGEST_PROBLEM = 300


class NoReadings(Exception):
    """A condition could not be read; the text says why."""


def evaluate_due(now: datetime | None = None) -> int:
    """Evaluate the rules whose minute has passed; how many there were."""
    now = now or datetime.now(UTC)
    _end_inactive(now)
    due = Rule.objects.filter(_due(now), active=True).order_by("evaluated_at", "id")
    return sum(_evaluate(rule, now) for rule in due)


def _due(now: datetime) -> Q:
    return Q(evaluated_at=None) | Q(evaluated_at__lte=now - EVERY)


def _end_inactive(now: datetime) -> None:
    """A rule that is switched off has no alerts; nobody needs to be told."""
    left = Alert.objects.filter(rule__active=False, ended_at=None)
    if left.exists():  # on SQLite, an update waits for the writer
        left.update(ended_at=now)


def _evaluate(rule: Rule, now: datetime) -> bool:
    """Evaluate a rule, unless another worker just did."""
    mine = Rule.objects.filter(_due(now), pk=rule.pk, active=True)
    if not mine.update(evaluated_at=now):
        return False
    try:
        readings = read(rule, now)
    except NoReadings as error:
        problem = one_line(str(error), _LONGEST_PROBLEM)
        Rule.objects.filter(pk=rule.pk).update(problem=problem)
    else:
        _apply(rule.pk, now, readings)
    return True


def read(rule: Rule, now: datetime) -> list[Reading]:
    """What there is of a rule's condition; whatever it raises becomes NoReadings."""
    condition = conditions.get(rule.condition)
    if condition is None:
        raise NoReadings(f"There is no condition {rule.condition}")
    scope = Scope.last_days(rule.days, now.date())
    scope = Scope(scope.start, scope.end, rule.system_name)
    watch = Watch(scope, rule.minimum, now)
    try:
        with database.bounded_in_time(LONGEST):
            return _checked(condition.read(watch))
    except database.QueryTimeout as error:
        raise NoReadings("It took too long") from error
    except (Exception, SystemExit) as error:
        log.warning("Condition %s failed: %s", condition.name, type(error).__name__)
        raise NoReadings(f"{type(error).__name__}: {error}") from error


def _checked(readings: Iterable[Reading]) -> list[Reading]:
    found = []
    for each in readings:
        if not isinstance(each, Reading):
            raise TypeError("A condition reads no Reading")
        found.append(each)
        if len(found) > _MOST_READINGS:
            raise ValueError("A condition reads too many subjects")
    return found


# --- Applying -----------------------------------------------------------------------


def _apply(rule_id: int, stamp: datetime, readings: Iterable[Reading]) -> None:
    """Save what changes, with the messages of it.

    Not when the rule was changed, or evaluated again, since these readings were begun.
    """
    with transaction.atomic():
        rules = Rule.objects.select_for_update().filter(evaluated_at=stamp, active=True)
        rule = rules.filter(pk=rule_id).first()
        if rule is None:
            return
        alerts = {each.subject: each for each in rule.alerts.filter(ended_at=None)}
        known = {subject: alert.told for subject, alert in alerts.items()}
        quiet = rule.muted_until is not None and rule.muted_until > stamp
        changes = decide(known, readings, rule.threshold, quiet=quiet)
        _go_on(alerts, changes)
        told = _begin(rule, alerts, changes, stamp)
        over = _end(rule, alerts, changes, stamp)
        _queue(rule, told, over, stamp)
        rule.problem = _too_many(changes)
        rule.save(update_fields=["problem"])


def _go_on(alerts: dict[str, Alert], changes: Changes) -> None:
    """Alerts show what was read last."""
    for reading in changes.going_on:
        alert = alerts[reading.subject]
        before = (alert.value, alert.title, alert.text, alert.link)
        _fill(alert, reading)
        if before != (alert.value, alert.title, alert.text, alert.link):
            alert.save(update_fields=["value", "title", "text", "link"])


def _fill(alert: Alert, reading: Reading) -> None:
    alert.value = reading.value
    alert.title = one_line(reading.title, LONGEST_TITLE) or reading.subject
    alert.text = one_line(reading.text, LONGEST_TEXT)
    alert.link = reading.link if len(reading.link) <= LONGEST_LINK else ""


def _begin(
    rule: Rule, alerts: dict[str, Alert], changes: Changes, now: datetime
) -> list[Alert]:
    """Make alerts of what begins; those whose beginning is to be told."""
    for reading in changes.begun:
        alert = Alert(rule=rule, subject=reading.subject, began_at=now)
        alert.machine_id = reading.machine_id
        _fill(alert, reading)
        alert.save()
        alerts[reading.subject] = alert
    told = [each for subject, each in alerts.items() if subject in changes.tell]
    Alert.objects.filter(pk__in=[each.pk for each in told]).update(told=True)
    return told


def _end(
    rule: Rule, alerts: dict[str, Alert], changes: Changes, now: datetime
) -> list[Alert]:
    """End alerts that are over; those whose end is to be told."""
    ended = [alerts[subject].pk for subject in changes.over]
    Alert.objects.filter(pk__in=ended).update(ended_at=now)
    told = changes.tell_over if rule.tell_over else ()
    return [alerts[subject] for subject in sorted(told)]


def _queue(rule: Rule, began: list[Alert], over: list[Alert], now: datetime) -> None:
    told = [(each, FIRED) for each in began] + [(each, RESOLVED) for each in over]
    Delivery.objects.bulk_create(
        Delivery(
            alert=alert,
            channel=channel,
            change=change,
            message=_message(rule, alert, change, now).as_json(),
            created_at=now,
            next_try=now,
        )
        for alert, change in told
        for channel in rule.channels.filter(active=True)
    )


def _message(rule: Rule, alert: Alert, change: str, now: datetime) -> Message:
    condition = conditions.get(rule.condition)
    return Message(
        change=change,
        at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        rule=rule.name,
        condition=rule.condition,
        subject=alert.subject,
        title=alert.title,
        value=alert.value,
        threshold=rule.threshold,
        unit=condition.unit if condition else "",
        text=alert.text,
        link=_absolute(alert.link),
    )


def _absolute(link: str) -> str:
    base: str = settings.TELEMETRY_PUBLIC_URL
    return f"{base.rstrip('/')}{link}" if link.startswith("/") else link


def _too_many(changes: Changes) -> str:
    if not changes.left_out:
        return ""
    return f"Too many alerts: {changes.left_out} more begin when some of them are over"


# --- Tests and history --------------------------------------------------------------


def queue_test(channels: Iterable[Channel], rule_name: str, now: datetime) -> int:
    """Put a test message on its way to each of these channels; how many."""
    message = Message(
        change=TEST,
        at=f"{now:%Y-%m-%dT%H:%M:%SZ}",
        rule=rule_name,
        condition="test",
        subject="test",
        title="Nothing is wrong",
        value=0,
        threshold=0,
        unit="",
        text="Somebody asked for this message in the admin.",
        link=_absolute("/admin/alerts/"),
    )
    made = Delivery.objects.bulk_create(
        Delivery(
            channel=channel,
            change=TEST,
            message=message.as_json(),
            created_at=now,
            next_try=now,
        )
        for channel in channels
    )
    return len(made)


def trim(now: datetime | None = None) -> int:
    """Keep history within bounds: 90 days, and some thousands of messages."""
    old = (now or datetime.now(UTC)) - KEPT
    beyond = Delivery.objects.values_list("pk", flat=True)[MOST_KEPT : MOST_KEPT + 1]
    surplus = Q(created_at__lt=old) | Q(pk__lte=beyond.first() or 0)
    deleted, _ = Delivery.objects.filter(surplus).delete()
    ended, _ = Alert.objects.filter(ended_at__lt=old).delete()
    return deleted + ended


def judged(rule: Rule, readings: Iterable[Reading]) -> list[tuple[Reading, str]]:
    """What a rule would do about each reading now, greatest first."""
    known = set(rule.alerts.filter(ended_at=None).values_list("subject", flat=True))
    ordered = sorted(readings, key=lambda each: (-each.value, each.subject))
    return [(each, _verdict(each, rule.threshold, known)) for each in ordered]


def _verdict(reading: Reading, threshold: float, known: set[str]) -> str:
    if reading.subject in known:
        return "goes on" if reading.value >= threshold * CALM else "ends"
    if reading.value < threshold:
        return "below the threshold"
    return "begins" if reading.sure else "too little to judge by"
