"""Which rule decides how long a record is kept, and the predecessor's settings."""

from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.retention import (
    DEFAULT_RULE,
    BadSettings,
    Criterion,
    Policy,
    Rule,
    from_predecessor,
    problem,
)

MACHINE, CLASS, SEVERITY, DEFAULT = Criterion


def rule(criterion: Criterion, value: str, days: int = 1) -> Rule:
    return Rule(criterion, value, days)


EVERY_KIND = [
    rule(DEFAULT, "", 35),
    rule(SEVERITY, "4", 0),
    rule(SEVERITY, "1", 5),
    rule(CLASS, "*", 6),
    rule(CLASS, "org.clearlinux/*", 7),
    rule(CLASS, "org.clearlinux/mce/*", 0),
    rule(CLASS, "*/hello/world", 9),
    rule(CLASS, "org.clearlinux/hello/world", 10),
    rule(MACHINE, "a" * 32, 11),
]


@pytest.mark.parametrize(
    ("machine", "classification", "severity", "days"),
    [
        ("a" * 32, "org.clearlinux/hello/world", 4, 11),
        ("b", "org.clearlinux/hello/world", 4, 10),
        ("b", "org.clearlinux/hello/worlds", 4, 7),
        ("b", "org.clearlinux/mce/corrected", 1, 0),
        ("b", "org.clearlinux/crash/clr", 1, 7),
        ("b", "org.example/hello/world", 1, 9),
        ("b", "org.example/crash/clr", 1, 6),
    ],
)
def test_the_most_specific_rule_decides(machine, classification, severity, days):
    assert Policy(EVERY_KIND).of(machine, classification, severity).days == days


@pytest.mark.parametrize(
    ("rules", "severity", "days"),
    [
        ([], 1, 35),
        ([rule(DEFAULT, "", 0)], 1, 0),
        ([rule(DEFAULT, "", 12)], 1, 12),
        ([rule(DEFAULT, "", 12), rule(SEVERITY, "1", 5)], 1, 5),
        ([rule(DEFAULT, "", 12), rule(SEVERITY, "1", 5)], 2, 12),
        ([rule(MACHINE, "other", 3)], 2, 35),
    ],
)
def test_without_a_more_specific_rule_severity_decides_then_the_default(
    rules, severity, days
):
    assert Policy(rules).of("m", "a/b/c", severity).days == days


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("a/b/*", ["a/b/c", "a/b/", "a/b/c d"], ["a/bb/c", "xa/b/c", "a/b"]),
        ("*/b/c", ["a/b/c", "/b/c"], ["a/b/cc", "b/c"]),
        ("a*c", ["a/b/c", "ac", "acc"], ["a", "c", "ab/"]),
        ("ab*bc", ["abbc", "ab/bc"], ["abc"]),
        ("*a*a*", ["aa", "xaxax"], ["a", "xax"]),
        ("**", ["", "a/b/c"], []),
        ("a.c/*", ["a.c/d"], ["abc/d"]),
        ("a/b\n*", ["a/b\nc\nd"], ["a/b"]),
    ],
)
def test_a_star_stands_for_any_text(pattern, meant, not_meant):
    policy = Policy([rule(CLASS, pattern)])
    for each in meant:
        assert policy.of_kind(each, 1).value == pattern
    for each in not_meant:
        assert policy.of_kind(each, 1) == DEFAULT_RULE


def test_a_pattern_stays_one_for_the_classification_that_is_written_so():
    longer = rule(CLASS, "a/b*/*", 1)
    assert Policy([longer, rule(CLASS, "a/*/*", 2)]).of_kind("a/*/*", 1).days == 2
    assert Policy([rule(CLASS, "a**", 1), rule(CLASS, "a*", 2)]).of_kind("a*", 1) == (
        rule(CLASS, "a**", 1)
    )


def test_many_stars_take_no_time():
    policy = Policy([rule(CLASS, "*a" * 70)])
    assert policy.of_kind("a" * 69 + "b" * 71, 1) == DEFAULT_RULE


letters = st.text("ab/", max_size=4)
rules = st.lists(
    st.one_of(
        st.builds(rule, st.just(CLASS), st.text("ab/*", min_size=1, max_size=4)),
        st.builds(rule, st.just(MACHINE), st.sampled_from(["m", "n", "a"])),
        st.builds(rule, st.just(SEVERITY), st.sampled_from(["1", "2", "3", "4"])),
        st.just(rule(DEFAULT, "", 8)),
    ),
    unique_by=lambda each: (each.criterion, each.value),
    max_size=12,
)
records = st.tuples(st.sampled_from(["m", "n", "o"]), letters, st.integers(1, 4))


def applies(rule: Rule, machine: str, classification: str, severity: int) -> bool:
    value = {MACHINE: machine, CLASS: classification, SEVERITY: str(severity)}
    if rule.criterion is DEFAULT:
        return True
    return fnmatchcase(value[rule.criterion], rule.value)


def specific(rule: Rule) -> tuple[int, bool, int]:
    return (-list(Criterion).index(rule.criterion), not rule.pattern, len(rule.value))


@given(rules, records)
def test_one_rule_decides_that_applies_and_none_that_applies_is_more_specific(
    given_rules, record
):
    decision = Policy(given_rules).of(*record)
    candidates = [each for each in given_rules if applies(each, *record)]
    assert decision.rule in (candidates or [DEFAULT_RULE])
    assert decision.days == decision.rule.days
    assert specific(decision.rule) >= max(map(specific, candidates), default=(-9,))


@given(rules, records, st.randoms())
def test_the_order_in_which_rules_are_written_means_nothing(
    given_rules, record, random
):
    shuffled = random.sample(given_rules, len(given_rules))
    assert Policy(given_rules).of(*record) == Policy(shuffled).of(*record)
    assert Policy(given_rules).rules == Policy(shuffled).rules


def test_rules_are_listed_as_they_are_asked_and_the_default_last():
    days = [each.days for each in Policy(EVERY_KIND).rules]
    assert days == [11, 10, 0, 7, 9, 6, 5, 0, 35]
    assert Policy().rules == [DEFAULT_RULE]


def test_a_rule_of_no_days_makes_nothing_too_old():
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert rule(DEFAULT, "", 0).cutoff(now) is None
    assert rule(DEFAULT, "", 3).cutoff(now) == now - timedelta(days=3)


@pytest.mark.parametrize(
    ("criterion", "value", "fine"),
    [
        (MACHINE, "m" * 32, True),
        (MACHINE, "m" * 33, False),
        (MACHINE, "", False),
        (CLASS, "a/b/*", True),
        (CLASS, "c" * 141, False),
        (CLASS, "", False),
        (SEVERITY, "4", True),
        (SEVERITY, "-1", True),
        (SEVERITY, "04", False),
        (SEVERITY, "²", False),
        (SEVERITY, "", False),
        (SEVERITY, "high", False),
        (SEVERITY, "9" * 5000, False),
        (DEFAULT, "", True),
        (DEFAULT, "x", False),
    ],
)
def test_a_value_fits_its_criterion(criterion, value, fine):
    assert (problem(criterion, value) is None) is fine


# --- The predecessor's settings -----------------------------------------------------

SETTINGS = """
import os
class Config(object):
    SECRET = os.environ["NOT_SET"] + undefined
    MAX_DAYS_KEEP_UNFILTERED_RECORDS = 36
    PURGE_FILTERED_RECORDS: dict = {
        "severity": {1: 5, 4: 0},
        "classification": {"org.clearlinux/mce/*": 0, "org.clearlinux/hello/world": 1},
        "machine_id": {"abc": 2},
    }
"""


def test_settings_become_rules():
    assert from_predecessor(SETTINGS) == [
        rule(DEFAULT, "", 36),
        rule(SEVERITY, "1", 5),
        rule(SEVERITY, "4", 0),
        rule(CLASS, "org.clearlinux/mce/*", 0),
        rule(CLASS, "org.clearlinux/hello/world", 1),
        rule(MACHINE, "abc", 2),
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("MAX_DAYS_KEEP_UNFILTERED_RECORDS = 0", [rule(DEFAULT, "", 0)]),
        ("PURGE_FILTERED_RECORDS = {'severity': {'2': 3}}", [rule(SEVERITY, "2", 3)]),
        (
            "MAX_DAYS_KEEP_UNFILTERED_RECORDS = 5\n"
            * 2
            + "class C: MAX_DAYS_KEEP_UNFILTERED_RECORDS = 6\n"
            "MAX_DAYS_KEEP_UNFILTERED_RECORDS = x = 7",
            [rule(DEFAULT, "", 7)],
        ),
    ],
)
def test_what_is_set_is_read(source, found):
    assert from_predecessor(source) == found


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("", "Neither"),
        ("PURGE_FILTERED_RECORDS = {}", "Neither"),
        ("MAX_DAYS_KEEP_UNFILTERED_RECORDS: int", "Neither"),
        ("def", "not Python"),
        ("x = '\0'", "not Python"),
        ("\nMAX_DAYS_KEEP_UNFILTERED_RECORDS = days()", "Line 2: .*no plain value"),
        ("PURGE_FILTERED_RECORDS = {[]: 1}", "no plain value"),
        ("PURGE_FILTERED_RECORDS = 5", "no dictionary"),
        ("PURGE_FILTERED_RECORDS = {'build': {}}", "no rule by 'build'"),
        ("PURGE_FILTERED_RECORDS = {'default': {'': 1}}", "no rule by 'default'"),
        ("PURGE_FILTERED_RECORDS = {'severity': 1}", "not a dictionary"),
        ("PURGE_FILTERED_RECORDS = {'severity': {'high': 1}}", "severity 'high'"),
        ("MAX_DAYS_KEEP_UNFILTERED_RECORDS = 1.5", "whole number"),
        ("MAX_DAYS_KEEP_UNFILTERED_RECORDS = True", "whole number"),
        ("MAX_DAYS_KEEP_UNFILTERED_RECORDS = -1", "from 0 to"),
        ("MAX_DAYS_KEEP_UNFILTERED_RECORDS = " + "(" * 5000, "not Python"),
    ],
)
def test_what_holds_no_settings_is_refused(source, why):
    with pytest.raises(BadSettings, match=why):
        from_predecessor(source)


def test_a_file_of_settings_is_never_run(tmp_path: Path):
    trap = tmp_path / "trap"
    source = f"open({str(trap)!r}, 'w')\nMAX_DAYS_KEEP_UNFILTERED_RECORDS = 1\n"
    assert from_predecessor(source) == [rule(DEFAULT, "", 1)]
    with pytest.raises(BadSettings):
        from_predecessor(f"PURGE_FILTERED_RECORDS = open({str(trap)!r}, 'w')")
    assert not trap.exists()
