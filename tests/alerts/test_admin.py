"""Rules, channels and history in the admin, by what people may do."""

from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry

from alerts import conditions
from alerts.builtin import CONDITIONS
from alerts.evaluation import evaluate_due, queue_test
from alerts.models import Alert, Channel, Delivery, Rule
from tests.crashes.users import logged_in, user_with

pytestmark = pytest.mark.django_db

RULES = "/admin/alerts/rule/"
CHANNELS = "/admin/alerts/channel/"
ALERTS = "/admin/alerts/alert/"
DELIVERIES = "/admin/alerts/delivery/"
NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SECRET = "0123456789abcdef"


def operator(*rights: str):
    return logged_in(user_with(*(f"alerts.{each}" for each in rights), staff=True))


def manager(model: str):
    return operator(*(f"{do}_{model}" for do in ("view", "add", "change", "delete")))


def filled_channel(**changes: object) -> dict[str, object]:
    values = {"name": "ops", "kind": "webhook", "target": "https://hooks.example/1"}
    return {**values, "secret": SECRET, "active": "on", **changes}


def filled_rule(**changes: object) -> dict[str, object]:
    values = {"name": "r", "condition": "crash-rate", "tell_over": "on", "active": "on"}
    empty = dict.fromkeys(("threshold", "minimum", "days", "system_name"), "")
    mute = {"muted_until_0": "", "muted_until_1": ""}
    return {**values, **empty, **mute, **changes}


# --- Channels -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"kind": "slack", "secret": ""},
        {"kind": "email", "target": "a@b.example, c@d.example", "secret": ""},
        {"target": "http://10.0.0.1:8080/"},  # the worker decides what it may reach
    ],
    ids=str,
)
def test_a_channel_is_added_and_the_log_tells_no_secret(changes):
    answer = manager("channel").post(f"{CHANNELS}add/", filled_channel(**changes))
    assert answer.status_code == 302
    channel = Channel.objects.get()
    assert channel.secret == changes.get("secret", SECRET)
    assert SECRET not in LogEntry.objects.get().change_message


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"target": "ftp://hooks.example/"}, "target"),
        ({"target": "https://user@hooks.example/"}, "target"),
        ({"target": "https://hooks.example/\r\nX: y"}, "target"),
        ({"target": "a@b.example"}, "target"),
        ({"kind": "email"}, "target"),
        ({"kind": "email", "target": "a@b.example\nBcc: c@d.example"}, "target"),
        ({"kind": "email", "target": "a@b.example, nobody"}, "target"),
        ({"kind": "email", "target": " , "}, "target"),
        ({"kind": "email", "target": "a@b.example," * 21}, "target"),
        ({"secret": "too short"}, "secret"),
        ({"secret": ""}, "secret"),
        ({"kind": "pigeon"}, "kind"),
    ],
    ids=str,
)
def test_what_is_no_channel_is_refused(changes, field):
    answer = manager("channel").post(f"{CHANNELS}add/", filled_channel(**changes))
    assert answer.status_code == 200
    assert set(answer.context["adminform"].form.errors) == {field}


def test_a_secret_is_never_shown_and_stays_when_it_is_left_empty():
    client = manager("channel")
    client.post(f"{CHANNELS}add/", filled_channel())
    address = f"{CHANNELS}{Channel.objects.get().pk}/change/"
    assert SECRET not in client.get(address).text
    client.post(address, filled_channel(secret="", name="renamed"))
    channel = Channel.objects.get()
    assert (channel.name, channel.secret) == ("renamed", SECRET)
    client.post(address, filled_channel(secret="fedcba9876543210", name="renamed"))
    assert Channel.objects.get().secret == "fedcba9876543210"
    reader = operator("view_channel")
    page = reader.get(address)
    assert page.status_code == 200
    assert "fedcba9876543210" not in page.text


def test_the_button_saves_and_sends_a_test(channel):
    client = manager("channel")
    address = f"{CHANNELS}{channel.pk}/change/"
    page = client.get(address).text
    assert 0 < page.index('name="_save"') < page.index('name="_test"')  # for Enter
    sent = filled_channel(name="renamed", _test="yes")
    page = client.post(address, sent, follow=True)
    assert page.redirect_chain == [(address, 302)]
    assert "The worker sends a test message" in page.text
    delivery = Delivery.objects.get()
    assert (delivery.change, delivery.message["rule"]) == ("test", "renamed")


def test_a_channel_that_is_switched_off_is_sent_no_test(channel):
    sent = filled_channel(_test="yes", active="")
    address = f"{CHANNELS}{channel.pk}/change/"
    page = manager("channel").post(address, sent, follow=True)
    assert "There is no active channel" in page.text
    assert not Delivery.objects.exists()


def test_tests_are_sent_from_the_list(channel):
    chosen = {"action": "send_test", "_selected_action": [channel.pk]}
    operator("view_channel").post(CHANNELS, chosen)
    assert not Delivery.objects.exists()
    manager("channel").post(CHANNELS, chosen)
    assert Delivery.objects.get().channel == channel


def test_the_list_says_what_waits_and_what_was_given_up(channel):
    queue_test([channel] * 3, "x", NOW)
    Delivery.objects.filter(pk=Delivery.objects.first().pk).update(state="failed")
    page = operator("view_channel").get(CHANNELS)
    assert '<td class="field-waiting">2</td>' in page.text
    assert '<td class="field-given_up">1</td>' in page.text


def test_who_may_only_look_changes_nothing_and_sends_nothing(channel):
    client = operator("view_channel", "view_rule")
    address = f"{CHANNELS}{channel.pk}/change/"
    assert "_test" not in client.get(address).text
    assert client.post(address, filled_channel(_test="yes")).status_code == 403
    assert not Delivery.objects.exists()


# --- Rules --------------------------------------------------------------------------


def test_what_is_left_empty_is_what_the_condition_begins_with(channel):
    client = manager("rule")
    for condition in CONDITIONS:
        sent = filled_rule(
            name=condition.name, condition=condition.name, channels=[channel.pk]
        )
        assert client.post(f"{RULES}add/", sent).status_code == 302
        rule = Rule.objects.get(name=condition.name)
        assert (rule.threshold, rule.minimum, rule.days) == (
            condition.threshold,
            condition.minimum,
            condition.days,
        )
        assert list(rule.channels.all()) == [channel]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"threshold": "0"}, "threshold"),
        ({"threshold": "-1"}, "threshold"),
        ({"threshold": "many"}, "threshold"),
        ({"threshold": "nan"}, "threshold"),
        ({"minimum": "-1"}, "minimum"),
        ({"days": "0"}, "days"),
        ({"days": "367"}, "days"),
        ({"condition": "nothing"}, "condition"),
        ({"condition": "refused", "system_name": "clear"}, "system_name"),
        ({"name": ""}, "name"),
    ],
    ids=str,
)
def test_what_is_no_rule_is_refused(changes, field):
    answer = manager("rule").post(f"{RULES}add/", filled_rule(**changes))
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Rule.objects.exists()


def test_a_rule_is_changed_but_not_what_it_looks_for(rule):
    sent = filled_rule(threshold="20", minimum="3", days="9", condition="silence")
    address = f"{RULES}{rule.pk}/change/"
    assert manager("rule").post(address, sent).status_code == 302
    rule.refresh_from_db()
    assert (rule.condition, rule.threshold, rule.days) == ("said", 20, 9)


def test_the_page_of_a_rule_explains_the_conditions(rule):
    page = manager("rule").get(f"{RULES}{rule.pk}/change/").text
    assert '<div class="readonly">What is said</div>' in page
    for condition in conditions.registered():
        assert f'<th scope="row">{condition.label}</th>' in page
    assert f"{RULES}{rule.pk}/now/" in page


def test_a_rule_whose_condition_is_gone_is_shown_and_can_be_changed(rule):
    Rule.objects.update(condition="<b>of-a-plugin")
    client = manager("rule")
    assert "&lt;b&gt;of-a-plugin (there is none)" in client.get(RULES).text
    address = f"{RULES}{rule.pk}/change/"
    assert client.get(address).status_code == 200
    sent = filled_rule(threshold="1", minimum="0", days="1")
    del sent["active"]
    assert client.post(address, sent).status_code == 302
    assert not Rule.objects.get().active


def test_the_button_of_a_rule_tests_its_channels(rule, channel):
    off = Channel.objects.create(name="off", kind="slack", target="x", active=False)
    rule.channels.add(off)
    sent = filled_rule(
        threshold="1", minimum="0", days="1", channels=[channel.pk, off.pk], _test="yes"
    )
    manager("rule").post(f"{RULES}{rule.pk}/change/", sent)
    assert Delivery.objects.get().channel == channel


def test_a_page_says_what_a_rule_reads_now(rule, source):
    source.say(a=12, b=3)
    source.readings[0] = conditions.Reading("a", 12, "<b>a</b>", link="/x?y=1&z=2")
    page = operator("view_rule").get(f"{RULES}{rule.pk}/now/")
    assert page.context["readings"][0][1] == "begins"
    assert '<a href="/x?y=1&amp;z=2">&lt;b&gt;a&lt;/b&gt;</a>' in page.text
    assert "below the threshold" in page.text
    assert not Alert.objects.exists()
    assert not Delivery.objects.exists()


def test_the_page_says_when_a_condition_fails(rule, source):
    source.error = RuntimeError("<i>no luck")
    page = operator("view_rule").get(f"{RULES}{rule.pk}/now/")
    assert page.status_code == 200
    assert "RuntimeError: &lt;i&gt;no luck" in page.text


def test_the_page_needs_permission_and_a_rule(rule, source):
    assert operator("view_alert").get(f"{RULES}{rule.pk}/now/").status_code == 403
    assert operator("view_rule").get(f"{RULES}{rule.pk + 1}/now/").status_code == 404
    assert source.watches == []


def test_a_problem_is_in_the_list_of_rules(rule, source):
    source.error = RuntimeError("<i>no luck")
    evaluate_due(NOW)
    page = operator("view_rule").get(RULES).text
    assert "RuntimeError: &lt;i&gt;no luck" in page


# --- History ------------------------------------------------------------------------


@pytest.fixture
def fired(rule, source) -> Alert:
    source.readings = [conditions.Reading("a", 10, "<b>title", "<i>text", "/x")]
    evaluate_due(NOW)
    return Alert.objects.get()


def test_alerts_are_listed_and_cannot_be_changed(fired):
    client = manager("alert")
    page = client.get(ALERTS).text
    assert "&lt;b&gt;title" in page
    assert (
        '<td class="field-open_alerts">1</td>' in operator("view_rule").get(RULES).text
    )
    assert "&lt;i&gt;text" in client.get(f"{ALERTS}{fired.pk}/change/").text
    assert client.get(f"{ALERTS}add/").status_code == 403
    assert (
        client.post(f"{ALERTS}{fired.pk}/delete/", {"post": "yes"}).status_code == 403
    )


@pytest.mark.parametrize(("state", "shown"), [("yes", 1), ("no", 0), ("x", 1)])
def test_alerts_are_filtered_by_whether_they_go_on(fired, state, shown):
    page = operator("view_alert").get(f"{ALERTS}?open={state}")
    assert page.context["cl"].result_count == shown


def test_what_was_given_up_is_tried_again_by_who_may(fired):
    row = Delivery.objects.get()
    Delivery.objects.update(state="failed", attempts=8, next_try=None)
    chosen = {"action": "try_again", "_selected_action": [row.pk]}
    operator("view_delivery").post(DELIVERIES, chosen)
    row.refresh_from_db()
    assert row.state == "failed"
    operator("view_delivery", "change_delivery").post(DELIVERIES, chosen)
    row.refresh_from_db()
    assert (row.state, row.attempts) == ("queued", 0)
    assert row.next_try is not None


def test_what_was_delivered_is_not_tried_again(fired):
    Delivery.objects.update(state="delivered", next_try=None)
    chosen = {"action": "try_again", "_selected_action": [Delivery.objects.get().pk]}
    operator("view_delivery", "change_delivery").post(DELIVERIES, chosen)
    assert Delivery.objects.get().state == "delivered"


@pytest.mark.parametrize("model", ["rule", "channel"])
def test_with_a_rule_or_channel_goes_its_history(fired, model):
    row = {"rule": Rule, "channel": Channel}[model].objects.get()
    client = manager(model)
    address = f"/admin/alerts/{model}/{row.pk}/delete/"
    assert client.get(address).status_code == 200
    assert client.post(address, {"post": "yes"}).status_code == 302
    assert not Delivery.objects.exists()
    assert Alert.objects.exists() == (model == "channel")


@pytest.mark.parametrize("address", [RULES, CHANNELS, ALERTS, DELIVERIES])
def test_every_page_needs_its_permission(address):
    client = logged_in(user_with("records.view_record", staff=True))
    assert client.get(address).status_code == 403


def test_pages_hold_no_inline_code(fired, channel):
    client = logged_in(
        user_with(
            *(
                f"alerts.{do}_{model}"
                for do in ("view", "change")
                for model in ("rule", "channel", "alert", "delivery")
            ),
            staff=True,
        )
    )
    rule = Rule.objects.get()
    for address in (
        *(RULES, CHANNELS, ALERTS, DELIVERIES),
        f"{RULES}{rule.pk}/change/",
        f"{RULES}{rule.pk}/now/",
        f"{CHANNELS}{channel.pk}/change/",
    ):
        page = client.get(address)
        assert page.status_code == 200
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        for inline in ("<style", " style=", " onclick=", "javascript:"):
            assert inline not in page.text
