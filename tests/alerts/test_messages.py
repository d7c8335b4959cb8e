"""What receivers are told: nothing of a machine's text gets out of its place."""

import hmac
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import messages
from alerts.messages import Message, one_line, plain, signature, slack, webhook
from records.visible import visible

MESSAGE = Message(
    change="fired",
    at="2026-03-10T12:00:00Z",
    rule="Crashes",
    condition="new-guilty",
    subject="7",
    title="crash_here [libm.so]",
    value=3,
    threshold=2,
    unit="machine ids",
    text="Never before: 9 crashes.",
    link="https://telemetry.example/crashes/7",
)


def test_an_email_says_what_and_where():
    assert MESSAGE.headline == "Firing: Crashes: crash_here [libm.so]"
    assert plain(MESSAGE) == (
        "Firing: Crashes: crash_here [libm.so]\n\n"
        "Never before: 9 crashes.\n"
        "Value: 3 machine ids (threshold 2)\n"
        "At: 2026-03-10T12:00:00Z\n"
        "https://telemetry.example/crashes/7\n"
    )


def test_a_webhook_gets_every_value_and_the_event():
    sent = json.loads(webhook(MESSAGE, "an-event"))
    assert sent == {"event": "an-event", **MESSAGE.as_json()}
    assert Message.from_json(MESSAGE.as_json()) == MESSAGE


def test_slack_gets_one_text():
    assert json.loads(slack(MESSAGE)) == {
        "text": "Firing: `Crashes`\n"
        "`crash_here [libm.so]`: `Never before: 9 crashes.`\n"
        "https://telemetry.example/crashes/7"
    }


HOSTILE = "<!channel> `@all` [x](http://evil.example) &amp; *b*"


@pytest.mark.parametrize("place", ["rule", "title", "text"])
def test_nothing_gets_out_of_a_code_span(place):
    text = json.loads(slack(replace(MESSAGE, **{place: HOSTILE})))["text"]
    assert "<" not in text
    assert "&lt;!channel&gt; '@all' [x](http://evil.example) &amp;amp; *b*" in text
    assert text.count("`") == 6


@given(st.text(max_size=400), st.integers(1, 300))
def test_text_of_anybody_is_one_short_line(text, longest):
    line = one_line(text, longest)
    assert len(line) <= longest
    assert visible(line) == line
    assert "\n" not in line
    assert "\t" not in line


@given(st.text(max_size=400), st.text(max_size=100))
def test_a_headline_is_one_line_whatever_the_title(title, rule):
    headline = replace(MESSAGE, title=title, rule=rule).headline
    assert len(headline.splitlines()) == 1
    assert len(headline) <= 200


def test_a_signature_is_of_time_and_body():
    found = signature("secret", b'{"a": 1}', 1700000000)
    digest = hmac.new(b"secret", b'1700000000.{"a": 1}', "sha256").hexdigest()
    assert found == f"t=1700000000,v1={digest}"


def test_every_change_has_a_word():
    assert messages.WORDS.keys() == {"fired", "resolved", "test"}
