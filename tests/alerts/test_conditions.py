"""Which conditions there are, and what they may say."""

import math
from dataclasses import replace

import pytest

from alerts import conditions
from alerts.builtin import CONDITIONS
from alerts.conditions import Condition, Reading

CONDITION = Condition("test", "A test", "Nothing.", "things", lambda watch: [])


def test_a_condition_is_registered_under_its_name_once():
    conditions.register(CONDITION)
    try:
        conditions.register(CONDITION)
        assert conditions.get("test") is CONDITION
        assert CONDITION in conditions.registered()
        with pytest.raises(ValueError, match="already"):
            conditions.register(replace(CONDITION, label="Another"))
    finally:
        conditions.unregister("test")
    assert conditions.get("test") is None


def test_the_built_in_ones_are_there():
    assert set(CONDITIONS) <= set(conditions.registered())


@pytest.mark.parametrize("name", ["", "A", "1a", "a b", "a/b", "x" * 61])
def test_a_condition_needs_a_plain_name(name):
    with pytest.raises(ValueError, match="cannot be called"):
        replace(CONDITION, name=name)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ""},
        {"subject": "x" * 201},
        {"subject": "a\0b"},
        {"subject": "half \ud800"},
        {"value": math.nan},
        {"value": math.inf},
        {"machine_id": "m" * 33},
    ],
    ids=str,
)
def test_what_cannot_be_stored_is_no_reading(changes):
    with pytest.raises(ValueError, match=r"."):
        replace(Reading("a", 1, "A"), **changes)
