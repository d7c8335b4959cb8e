"""What begins, goes on and ends when a rule is evaluated."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.changes import decide
from alerts.conditions import Reading


def reading(subject: str, value: float, *, sure: bool = True) -> Reading:
    return Reading(subject, value, title=subject, sure=sure)


@pytest.mark.parametrize(
    ("known", "value", "sure", "outcome"),
    [
        (None, 10, True, "begins"),
        (None, 11, True, "begins"),
        (None, 9.99, True, ""),
        (None, 0, True, ""),
        (None, 11, False, ""),
        (True, 10, True, "goes on"),
        (True, 8, True, "goes on"),
        (True, 8, False, "goes on"),
        (True, 7.99, True, "over, told"),
        (False, 7.99, True, "over"),
        (False, 8, True, "goes on, told"),
        (False, 50, False, "goes on, told"),
        (True, None, True, "over, told"),
        (False, None, True, "over"),
    ],
)
def test_one_subject_at_a_threshold_of_ten(known, value, sure, outcome):
    before = {} if known is None else {"a": known}
    readings = [] if value is None else [reading("a", value, sure=sure)]
    found = decide(before, readings, 10)
    said = {
        "begins": found.begun and found.tell == {"a"},
        "goes on": found.going_on and not found.tell,
        "goes on, told": found.going_on and found.tell == {"a"},
        "over": found.over == {"a"} and not found.tell_over,
        "over, told": found.over == {"a"} and found.tell_over == {"a"},
    }
    assert [word for word, holds in said.items() if holds] == [outcome] * bool(outcome)


def test_nobody_is_told_while_a_rule_is_quiet():
    readings = [reading("new", 10), reading("untold", 10)]
    known = {"untold": False, "over": True}
    found = decide(known, readings, 10, quiet=True)
    assert not found.tell
    assert not found.tell_over
    assert found.over == {"over"}
    assert [each.subject for each in found.begun] == ["new"]


def test_no_more_alerts_than_the_bound_begin_the_greatest_first():
    readings = [reading(f"{n}", 10 + n) for n in range(8)]
    found = decide({"0": True, "gone": True}, readings, 10, most=4)
    assert [each.subject for each in found.begun] == ["7", "6", "5"]
    assert found.left_out == 4
    assert found.over == {"gone"}


def test_of_two_readings_of_a_subject_the_greater_counts():
    found = decide({}, [reading("a", 12), reading("a", 3)], 10)
    assert [each.value for each in found.begun] == [12]


SUBJECTS = "abcde"
# One evaluation: values by subject, and whether the rule is quiet meanwhile.
EVALUATIONS = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(SUBJECTS), st.integers(0, 20), max_size=5),
        st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@given(EVALUATIONS, st.integers(1, 5))
def test_beginnings_and_ends_are_told_in_turn_once_each(evaluations, most):
    """Whatever the order of evaluations; what is known is all that is remembered."""
    known: dict[str, bool] = {}
    told: dict[str, list[str]] = {subject: [] for subject in SUBJECTS}
    for values, quiet, sure in evaluations:
        readings = [reading(each, n, sure=sure) for each, n in values.items()]
        found = decide(known, readings, 10, quiet=quiet, most=most)
        begun = {each.subject for each in found.begun}
        going_on = {each.subject for each in found.going_on}
        assert Counter([*begun, *going_on]).keys().isdisjoint(found.over)
        assert begun.isdisjoint(known)
        assert going_on | found.over == known.keys()
        known = {
            each: known.get(each, False) or each in found.tell
            for each in begun | going_on
        }
        assert len(known) <= most
        for subject in found.tell:
            told[subject].append("begins")
        for subject in found.tell_over:
            told[subject].append("ends")
        if not quiet:
            assert all(known.values())
            full = len(known) == most
            loud = {each for each, n in values.items() if n >= 10 and sure}
            assert full or loud <= known.keys()
        # To decide again from the same readings changes nothing.
        again = decide(known, readings, 10, quiet=quiet, most=most)
        assert not again.begun
        assert not again.over
        assert not again.tell
    for words in told.values():
        doubled = [a for a, b in pairwise(words) if a == b]
        assert "ends" not in doubled
        assert words[:1] != ["ends"]
