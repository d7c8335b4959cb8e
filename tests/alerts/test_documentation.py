"""docs/alerts.md says what the code does."""

import json
import re
import time
from typing import Any

import pytest

from alerts import conditions, delivery
from alerts.changes import MOST_OPEN
from alerts.conditions import Watch
from alerts.messages import signature, webhook
from records.scope import Scope
from telemetry_site.env import BASE_DIR
from tests.alerts.test_messages import MESSAGE

TEXT = (BASE_DIR / "docs/alerts.md").read_text()
SECRET = "0123456789abcdef"


def code(name: str) -> Any:
    """What the code block that defines ``name`` makes of it."""
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    found: dict[str, Any] = {}
    exec(next(block for block in blocks if name in block), found)
    return found[name]


def test_the_example_accepts_what_is_sent_and_nothing_else():
    is_genuine = code("is_genuine")
    body, now = webhook(MESSAGE, "e"), int(time.time())
    header = signature(SECRET, body, now)
    assert is_genuine(SECRET, header, body)
    assert not is_genuine(SECRET, header, body + b" ")
    assert not is_genuine("another secret", header, body)
    assert not is_genuine(SECRET, header.replace(f"t={now}", f"t={now - 1}"), body)
    assert not is_genuine(SECRET, signature(SECRET, body, now - 3600), body)


def test_the_example_of_a_condition_is_one():
    condition = code("CONDITION")
    watch = Watch(Scope(), 0, None)  # type: ignore[arg-type]
    assert [each.value for each in condition.read(watch)] == [3, 9]


def test_every_key_of_a_webhook_is_explained():
    keys = json.loads(webhook(MESSAGE, "e"))
    named = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    assert {key for row in named for key in re.findall(r"\w+", row)} == set(keys)


@pytest.mark.django_db
def test_every_condition_is_listed_with_what_it_begins_with():
    rows = dict(re.findall(r"^\| ([A-Z][\w ]+) \|.*\| ([^|]+) \|$", TEXT, re.MULTILINE))
    for each in conditions.registered():
        words = [f"{each.threshold:g}"]
        if each.name != "silence":
            words.append(f"{each.days} days")
        if each.minimum_unit:
            words.append(f"{each.minimum:g} {each.minimum_unit}")
        assert rows[each.label] == ", ".join(words)
        assert f"`{each.name}`" in TEXT


def test_numbers_are_those_of_the_code():
    assert f"at most {MOST_OPEN} alerts" in TEXT
    minutes = [each.total_seconds() / 60 for each in delivery.RETRIES]
    assert minutes == [0.5, 2, 10, 60, 180, 480, 720]
    assert "30 seconds, 2 and 10 minutes, 1, 3, 8 and 12 hours" in TEXT
