"""Rules are evaluated once a minute, and each change becomes one message."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts import conditions, evaluation
from alerts.conditions import Condition, Reading
from alerts.evaluation import (
    MOST_KEPT,
    NoReadings,
    evaluate_due,
    judged,
    queue_test,
    read,
    trim,
)
from alerts.models import Alert, Channel, Delivery, Rule
from records import database
from records.erase import erase
from records.scope import Scope

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def told() -> list[tuple[str, str]]:
    """Changes and subjects, in the order of their messages."""
    rows = Delivery.objects.order_by("id").values_list("change", "alert__subject")
    return list(rows)


def open_alerts() -> set[str]:
    return set(Alert.objects.filter(ended_at=None).values_list("subject", flat=True))


def minutes(count: int):
    return [NOW + n * MINUTE for n in range(count)]


def test_a_beginning_and_an_end_are_told_once(rule, source):
    for now, value in zip(minutes(8), [9, 10, 12, 9, 8, 7, 7, 11], strict=True):
        source.say(a=value)
        assert evaluate_due(now) == 1
    assert told() == [("fired", "a"), ("resolved", "a"), ("fired", "a")]
    alerts = Alert.objects.order_by("id").values_list("began_at", "ended_at", "value")
    assert list(alerts) == [
        (NOW + MINUTE, NOW + 5 * MINUTE, 8),
        (NOW + 7 * MINUTE, None, 11),
    ]


def test_a_message_says_what_was_read(rule, source, channel, settings):
    settings.TELEMETRY_PUBLIC_URL = "https://telemetry.example/"
    source.say(a=12)
    evaluate_due(NOW)
    delivery = Delivery.objects.get()
    assert (delivery.channel, delivery.state) == (channel, "queued")
    assert delivery.next_try == delivery.created_at == NOW
    assert delivery.message == {
        "change": "fired",
        "at": "2026-03-10T12:00:00Z",
        "rule": "r",
        "condition": "said",
        "subject": "a",
        "title": "Title a",
        "value": 12,
        "threshold": 10,
        "unit": "things",
        "text": "12 of it",
        "link": "https://telemetry.example/x",
    }


def test_a_rule_is_not_evaluated_again_within_its_minute(rule, source):
    assert evaluate_due(NOW) == 1
    assert evaluate_due(NOW + timedelta(seconds=59)) == 0
    assert evaluate_due(NOW + MINUTE) == 1
    assert len(source.watches) == 2


def test_a_rule_looks_at_its_days_and_its_operating_system(rule, source):
    Rule.objects.update(days=3, system_name="clear", minimum=4)
    evaluate_due(NOW)
    (watch,) = source.watches
    assert watch.scope == Scope(date(2026, 3, 8), date(2026, 3, 10), "clear")
    assert (watch.minimum, watch.now) == (4, NOW)


def test_every_active_channel_of_the_rule_is_told(rule, source, channel):
    others = [
        Channel.objects.create(name=name, kind="slack", target="https://x.example")
        for name in ("b", "off", "not of the rule")
    ]
    rule.channels.add(*others[:2])
    Channel.objects.filter(name="off").update(active=False)
    source.say(a=10)
    evaluate_due(NOW)
    names = Delivery.objects.values_list("channel__name", flat=True)
    assert set(names) == {"ops", "b"}


def test_an_end_is_not_told_when_the_rule_says_so(rule, source):
    Rule.objects.update(tell_over=False)
    for now, value in zip(minutes(3), [10, 0, 10], strict=True):
        source.say(a=value)
        evaluate_due(now)
    assert told() == [("fired", "a"), ("fired", "a")]


def test_a_muted_rule_tells_afterwards_what_still_lasts(rule, source):
    Rule.objects.update(muted_until=NOW + 3 * MINUTE)
    source.say(lasting=10, short=10)
    evaluate_due(NOW)
    source.say(lasting=10)
    evaluate_due(NOW + MINUTE)
    assert told() == []
    assert open_alerts() == {"lasting"}
    evaluate_due(NOW + 3 * MINUTE)
    assert told() == [("fired", "lasting")]


def test_a_rule_that_is_switched_off_has_no_alerts_and_tells_nobody(rule, source):
    source.say(a=10)
    evaluate_due(NOW)
    Rule.objects.update(active=False)
    assert evaluate_due(NOW + MINUTE) == 0
    assert open_alerts() == set()
    assert told() == [("fired", "a")]


def test_a_flood_of_subjects_causes_a_bounded_number_of_messages(rule, source):
    source.say(**{f"s{n}": 10 + n for n in range(500)})
    for now in minutes(3):
        evaluate_due(now)
    assert len(told()) == 20
    assert open_alerts() == {f"s{n}" for n in range(480, 500)}
    rule.refresh_from_db()
    assert rule.problem.startswith("Too many alerts: 480 more")
    source.say(s1=11)
    evaluate_due(NOW + 3 * MINUTE)
    rule.refresh_from_db()
    assert rule.problem == ""


def test_text_of_machines_is_made_visible_and_cut(rule, source):
    source.readings = [Reading("a", 10, "\x1b[31m\nfunction" + "x" * 500, "y\u202ez")]
    evaluate_due(NOW)
    alert = Alert.objects.get()
    assert alert.title.startswith("⟨ESC⟩[31m function")
    assert len(alert.title) == 200
    assert alert.text == "y⟨U+202E⟩z"


def test_a_link_that_is_too_long_is_left_out(rule, source):
    source.readings = [Reading(f"{n}", 10, "A", link="/" * n) for n in (1000, 1001)]
    evaluate_due(NOW)
    assert dict(Alert.objects.values_list("subject", "link")) == {
        "1000": "/" * 1000,
        "1001": "",
    }


def test_the_greatest_is_told_first(rule, source):
    source.say(a=11, b=30, c=20)
    evaluate_due(NOW)
    assert [subject for _, subject in told()] == ["b", "c", "a"]


def test_an_erased_machine_is_in_no_alert_and_no_message(rule, source):
    source.readings = [
        Reading("m1", 10, "Machine m1", machine_id="m1"),
        Reading("m2", 10, "Machine m2", machine_id="m2"),
    ]
    evaluate_due(NOW)
    erase("m1", by="somebody")
    assert told() == [("fired", "m2")]
    assert open_alerts() == {"m2"}


# --- What conditions do wrong -------------------------------------------------------


class Strange:
    """No reading."""


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (RuntimeError("no\nluck"), "RuntimeError: no luck"),
        (SystemExit(3), "SystemExit: 3"),
        (OperationalError("no such table"), "OperationalError: no such table"),
        (database.QueryTimeout(), "It took too long"),
        (ZeroDivisionError("x" * 5000), f"ZeroDivisionError: {'x' * 280}…"),
    ],
)
def test_a_condition_that_fails_is_noted_and_stops_no_other_rule(
    rule, source, error, problem
):
    other = Rule.objects.create(name="z", condition="fine", threshold=1, days=1)
    conditions.register(
        Condition("fine", "Fine", "", "", lambda watch: [Reading("b", 1, "B")])
    )
    source.say(a=10)
    evaluate_due(NOW)
    source.error = error
    try:
        assert evaluate_due(NOW + MINUTE) == 2
    finally:
        conditions.unregister("fine")
    rule.refresh_from_db()
    assert rule.problem == problem
    assert open_alerts() == {"a", "b"}
    other.refresh_from_db()
    assert other.problem == ""
    source.error = None
    evaluate_due(NOW + 2 * MINUTE)
    rule.refresh_from_db()
    assert rule.problem == ""
    assert told() == [("fired", "a")]


@pytest.mark.parametrize(
    "readings",
    [[Strange()], [None], 7, None],
    ids=["strange", "none in it", "number", "none"],
)
def test_what_is_no_reading_is_noted(rule, source, readings):
    source.readings = readings
    evaluate_due(NOW)
    rule.refresh_from_db()
    assert rule.problem.startswith("TypeError")


def test_too_many_readings_are_noted(rule, source):
    source.readings = (Reading(f"{n}", 1, "") for n in range(100_000))
    evaluate_due(NOW)
    rule.refresh_from_db()
    assert "too many" in rule.problem


def test_a_condition_that_is_gone_is_noted(rule):
    Rule.objects.update(condition="of-a-plugin")
    evaluate_due(NOW)
    rule.refresh_from_db()
    assert rule.problem == "There is no condition of-a-plugin"


def test_a_query_without_end_is_cut_off(rule, source, monkeypatch):
    monkeypatch.setattr(evaluation, "LONGEST", timedelta(seconds=0.2))
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT count(*) FROM n"
    )

    def query() -> None:
        with connection.cursor() as cursor:
            cursor.execute(endless)

    source.before = query
    evaluate_due(NOW)
    rule.refresh_from_db()
    assert rule.problem == "It took too long"


# --- Several workers ----------------------------------------------------------------


def test_of_two_workers_one_evaluates(rule, source):
    """The second looks while the first is reading."""
    others = []
    source.before = lambda: others.append(evaluate_due(NOW))
    source.say(a=10)
    assert evaluate_due(NOW) == 1
    assert others == [0]
    assert told() == [("fired", "a")]


def test_a_rule_that_another_worker_took_meanwhile_is_left_to_it(rule, source):
    """Both found two rules due; the second is evaluated while the first one is."""
    Rule.objects.create(name="second", condition="said", threshold=10, days=1)
    others = []

    def look() -> None:
        source.before = lambda: None
        others.append(evaluate_due(NOW))

    source.before = look
    assert evaluate_due(NOW) == 1
    assert others == [1]
    assert len(source.watches) == 2


def test_readings_that_another_worker_overtook_change_nothing(rule, source):
    """One reads for longer than a minute; meanwhile, what it read is over."""

    def overtake() -> None:
        source.before = lambda: None
        source.say(b=10)
        evaluate_due(NOW + MINUTE)
        source.say(a=10)

    source.before = overtake
    evaluate_due(NOW)
    assert told() == [("fired", "b")]
    assert open_alerts() == {"b"}


def test_a_rule_that_was_switched_off_meanwhile_tells_nobody(rule, source):
    source.before = lambda: Rule.objects.update(active=False) and None
    source.say(a=10)
    evaluate_due(NOW)
    assert told() == []


STEPS = st.lists(
    st.tuples(
        st.integers(1, 3),  # minutes until then
        st.dictionaries(st.sampled_from("abc"), st.sampled_from([0, 8, 9, 10, 30])),
        st.booleans(),  # a second worker looks at the same moment
        st.booleans(),  # the condition fails
    ),
    max_size=8,
)


@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(STEPS)
def test_each_change_is_told_exactly_once_whatever_happens(rule, source, steps):
    Alert.objects.all().delete()
    Rule.objects.update(evaluated_at=None)
    now = NOW
    expected: list[tuple[str, str]] = []
    firing: set[str] = set()
    for pause, values, twice, fails in steps:
        now += pause * MINUTE
        source.say(**values)
        source.error = RuntimeError() if fails else None
        for _ in range(1 + twice):
            evaluate_due(now)
        if fails:
            continue
        begun = {each for each, n in values.items() if n >= 10} - firing
        over = {each for each in firing if values.get(each, 0) < 8}
        expected += [("fired", each) for each in begun]
        expected += [("resolved", each) for each in over]
        firing = (firing | begun) - over
        assert open_alerts() == firing
    assert Counter(told()) == Counter(expected)


# --- What would fire now, tests, history --------------------------------------------


def test_what_a_rule_would_do_is_said_of_each_reading(rule, source):
    source.say(on=10, ends=10)
    evaluate_due(NOW)
    source.readings = [
        Reading("on", 9, "On"),
        Reading("ends", 7, "Ends"),
        Reading("new", 11, "New"),
        Reading("few", 12, "Few", sure=False),
        Reading("below", 9.5, "Below"),
    ]
    found = judged(rule, read(rule, NOW))
    assert [(each.subject, verdict) for each, verdict in found] == [
        ("few", "too little to judge by"),
        ("new", "begins"),
        ("below", "below the threshold"),
        ("on", "goes on"),
        ("ends", "ends"),
    ]
    assert len(told()) == 2


def test_what_cannot_be_read_is_raised_to_who_asks(rule, source):
    source.error = RuntimeError("no luck")
    with pytest.raises(NoReadings, match="RuntimeError: no luck"):
        read(rule, NOW)


def test_a_test_is_a_message_of_no_alert(channel):
    assert queue_test([channel], "r", NOW) == 1
    delivery = Delivery.objects.get()
    assert (delivery.alert, delivery.change, delivery.next_try) == (None, "test", NOW)
    assert queue_test([channel], "r", NOW) == 1


def test_history_is_kept_for_a_time(rule, source):
    for days, value in ((0, 10), (1, 0), (50, 10), (100, 10)):
        source.say(a=value)
        evaluate_due(NOW + timedelta(days=days))
    trim(NOW + timedelta(days=90))
    assert len(told()) == 3
    trim(NOW + timedelta(days=92))
    assert told() == [("fired", "a")]
    assert Alert.objects.count() == 1
    trim(NOW + timedelta(days=1000))
    assert open_alerts() == {"a"}


def test_history_is_kept_up_to_a_number(channel, monkeypatch):
    assert MOST_KEPT >= 1000
    monkeypatch.setattr(evaluation, "MOST_KEPT", 5)
    queue_test([channel] * 8, "r", NOW)
    newest = list(Delivery.objects.values_list("pk", flat=True)[:5])
    trim(NOW)
    assert list(Delivery.objects.values_list("pk", flat=True)) == newest
    trim(NOW)
    assert Delivery.objects.count() == 5


def test_a_look_at_rules_that_are_not_due_is_cheap(rule):
    evaluate_due(NOW)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        evaluate_due(NOW)
    assert len(queries) == 2  # alerts of inactive rules; rules that are due
