"""Sets of rules as text: what was exported is read again, what is no set is refused."""

import csv
import io
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashes import exchange
from crashes.exchange import BadRules, NoRule
from crashes.guilty import Rule, RuleKind
from crashes.starter_rules import STARTER_RULES

printable = st.characters(exclude_categories=("C", "Z"), include_characters=" ,:|<>\"'")
texts = st.text(printable, max_size=30).map(str.strip)
names = texts.filter(bool)
reasons = st.text(
    st.characters(exclude_categories=("C", "Z"), include_characters=" \n\t"),
    max_size=60,
).map(str.strip)
rules = st.builds(
    Rule,
    id=st.just(0),
    function=names,
    module=texts,
    kind=st.sampled_from(RuleKind),
    glob=st.booleans(),
    classification=texts,
    program=texts,
    active=st.booleans(),
    reason=reasons,
)


def different(found: list[Rule]) -> tuple[Rule, ...]:
    """Of several rules for the same, the last."""
    return exchange.merged((), found)


def problems(text: str) -> list[str]:
    with pytest.raises(BadRules) as refused:
        exchange.read(text)
    return refused.value.problems


@given(st.lists(rules, min_size=1, max_size=8).map(different))
def test_what_was_exported_is_read_as_it_was(found):
    text = exchange.export(found)
    assert exchange.read(text) == found
    assert exchange.export(exchange.read(text)) == text


def test_the_set_that_ships_with_the_project_is_read_as_it_was():
    assert exchange.read(exchange.export(STARTER_RULES)) == tuple(
        Rule(0, *[getattr(rule, n) for n in ("function", "module", "kind", "glob")],
             reason=rule.reason)
        for rule in STARTER_RULES
    )  # fmt: skip


def test_an_export_names_its_format_and_no_ids():
    rule = Rule(7, "f()", "m.so", reason="Größe <T>")
    assert json.loads(exchange.export([rule])) == {
        "format": "never-guilty rules",
        "version": 1,
        "rules": [
            {
                "kind": "ignore",
                "function": "f()",
                "module": "m.so",
                "classification": "",
                "program": "",
                "reason": "Größe <T>",
                "glob": False,
                "active": True,
            }
        ],
    }
    assert "Größe" in exchange.export([rule])


pairs = st.lists(st.tuples(names, texts), min_size=1, max_size=8, unique=True).filter(
    lambda found: found[0] != ("function", "module")
)


@given(pairs)
def test_the_predecessor_s_pairs_are_read_from_json_and_csv(found):
    expected = tuple(Rule(0, f, m, reason=exchange.FROM_A_LIST) for f, m in found)
    assert exchange.read(json.dumps(found)) == expected
    text = io.StringIO()
    csv.writer(text).writerows(found)
    if text.getvalue().lstrip()[:1] not in ("[", "{"):
        assert exchange.read(text.getvalue()) == expected


def test_a_heading_blank_lines_and_a_mark_are_no_rules():
    text = '\ufefffunction,module\r\nf(),m.so\r\n\r\n , \r\n"g(int, int)",m.so\r\n'
    assert [(r.function, r.module) for r in exchange.read(text)] == [
        ("f()", "m.so"),
        ("g(int, int)", "m.so"),
    ]


def test_objects_and_pairs_may_be_mixed():
    text = '[["f()", "m.so"], {"function": "g()", "module": "", "kind": "sentinel"}]'
    first, second = exchange.read(text)
    assert (first.kind, second.kind) == (RuleKind.IGNORE, RuleKind.SENTINEL)
    assert second.reason == exchange.FROM_A_LIST


def test_of_two_rules_for_the_same_the_last_counts():
    both = [Rule(0, "f()", "m.so", reason="a"), Rule(0, "f()", "m.so", reason="b")]
    assert exchange.read(exchange.export(both)) == (both[1],)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "There are no rules in it."),
        ("\n \n", "There are no rules in it."),
        ("[]", "There are no rules in it."),
        ("[", "Not JSON: "),
        ("[" * 100_000, "Not JSON: "),
        ("{}", "Not an export: "),
        (
            '{"format": "never-guilty rules", "version": 2, "rules": []}',
            "Not an export",
        ),
        ('{"rules": [["f()", "m.so"]]}', "Not an export: "),
        ('{"format": "never-guilty rules", "version": 1}', "Give a list of rules."),
        (
            '{"format": "never-guilty rules", "version": 1, "rules": [], "x": 1}',
            "There is no such key: x",
        ),
        ("f()", "Entry 1: rule: Give an object, or a pair"),
        ("f(),m.so,c", "Entry 1: rule: Give an object, or a pair"),
        ('"f()', "Neither JSON nor CSV: "),
        ('[["f()", "m.so"], ["", "m.so"]]', "Entry 2: function: Empty."),
        ('[["f()", "m.so"], 3]', "Entry 2: rule: Give an object, or a pair"),
        ('[["f()\\ud800", "m.so"]]', "Entry 1: function: Has characters"),
        ('[{"function": "f()", "modul": "m.so"}]', "Entry 1: modul: There is no such"),
    ],
)
def test_what_is_no_set_of_rules_is_refused_with_the_entry(text, problem):
    found = problems(text)
    assert any(each.startswith(problem) for each in found), found


def test_every_bad_entry_is_named_up_to_a_number():
    found = problems(json.dumps([["", "m.so"]] * 50))
    assert found[0].startswith("Entry 1:")
    assert found[-1] == "… and 30 more."


def test_too_many_rules_are_refused(monkeypatch):
    monkeypatch.setattr(exchange, "MOST_RULES", 2)
    assert problems(json.dumps([["f()", "m"]] * 3)) == ["At most 2 rules at a time."]


@given(
    st.dictionaries(
        st.sampled_from([*exchange.KEYS, "id", "other"]),
        st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.none()),
    )
)
def test_whatever_is_given_is_a_rule_or_refused(values):
    with suppress(NoRule):
        rule = exchange.read_rule(values)
        again = exchange.values(rule)
        assert values.keys() <= again.keys()
        assert exchange.read_rule(again) == rule


@given(st.text())
def test_whatever_the_text_it_is_read_or_refused(text):
    with suppress(BadRules):
        found = exchange.read(text)
        assert exchange.read(exchange.export(found)) == found
