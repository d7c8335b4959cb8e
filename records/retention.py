"""How long a record is kept: rules with an age each, of which one decides (pure).

The most specific rule decides alone: one for the machine id, then one for the whole
classification, then the longest with a `*`, then one for the severity, then the
default. What another rule says does not matter then.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

DEFAULT_DAYS = 35
MOST_DAYS = 36_500
LONGEST_MACHINE_ID = 32
LONGEST_CLASSIFICATION = 140
_SEVERITIES = range(-32_768, 32_768)

_DEFAULT_NAME = "MAX_DAYS_KEEP_UNFILTERED_RECORDS"
_RULES_NAME = "PURGE_FILTERED_RECORDS"
_ASSIGNMENTS = (ast.Assign, ast.AnnAssign)


class Criterion(StrEnum):
    """What a rule looks at."""

    MACHINE = "machine_id"
    CLASSIFICATION = "classification"
    SEVERITY = "severity"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Rule:
    """Records with this value are kept for so many days; 0: for ever.

    In a classification, `*` stands for any text. The default has no value.
    """

    criterion: Criterion
    value: str
    days: int
    id: int = 0

    @property
    def pattern(self) -> bool:
        return self.criterion is Criterion.CLASSIFICATION and "*" in self.value

    def cutoff(self, now: datetime) -> datetime | None:
        """What was received before this moment is too old; None: nothing is."""
        return now - timedelta(days=self.days) if self.days else None

    def __str__(self) -> str:
        return f"{self.criterion} {self.value}".strip()


DEFAULT_RULE = Rule(Criterion.DEFAULT, "", DEFAULT_DAYS)


class Decision(NamedTuple):
    """The rule that decides, and for how many days it keeps; 0: for ever."""

    rule: Rule
    days: int


class Policy:
    """Rules, in whatever order; one criterion and value has one rule."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        found = sorted(rules, key=_precedence)
        given = {(rule.criterion, rule.value): rule for rule in reversed(found)}
        self._given: Mapping[tuple[Criterion, str], Rule] = given
        self._patterns = [rule for rule in found if rule.pattern]
        self.default = given.get((Criterion.DEFAULT, ""), DEFAULT_RULE)

    @property
    def rules(self) -> list[Rule]:
        """Every rule, those that are asked first in front; the default comes last."""
        others = {r for r in self._given.values() if r.criterion != Criterion.DEFAULT}
        return [*sorted(others, key=_precedence), self.default]

    @property
    def machines(self) -> dict[str, Rule]:
        """Rules for single machines, by machine id."""
        return {
            value: rule
            for (criterion, value), rule in self._given.items()
            if criterion is Criterion.MACHINE
        }

    def of(self, machine_id: str, classification: str, severity: int) -> Decision:
        """What is decided about a record."""
        own = self._given.get((Criterion.MACHINE, machine_id))
        rule = own or self.of_kind(classification, severity)
        return Decision(rule, rule.days)

    def of_kind(self, classification: str, severity: int) -> Rule:
        """What decides unless the machine has a rule of its own."""
        return (
            self._exact(Criterion.CLASSIFICATION, classification)
            or next((r for r in self._patterns if _fits(r, classification)), None)
            or self._exact(Criterion.SEVERITY, str(severity))
            or self.default
        )

    def _exact(self, criterion: Criterion, value: str) -> Rule | None:
        rule = self._given.get((criterion, value))
        return None if rule is None or rule.pattern else rule


_ORDER = list(Criterion)


def _precedence(rule: Rule) -> tuple[Any, ...]:
    """Sorts as rules are asked; patterns of one length by what they say."""
    return (
        _ORDER.index(rule.criterion),
        rule.pattern,
        -len(rule.value),
        rule.value,
        rule.days,
        rule.id,
    )


def _fits(rule: Rule, classification: str) -> bool:
    first, *inner, last = rule.value.split("*")
    if not (classification.startswith(first) and classification.endswith(last)):
        return False
    rest = classification[len(first) : len(classification) - len(last)]
    for part in filter(None, inner):
        _, found, rest = rest.partition(part)
        if not found:
            return False
    return len(classification) >= len(first) + len(last)


def problem(criterion: str, value: str) -> str | None:
    """Why a rule cannot have this value; None when it can."""
    match Criterion(criterion):
        case Criterion.DEFAULT:
            return "The default has no value." if value else None
        case Criterion.SEVERITY:
            return None if _is_severity(value) else "A severity is a number: 1 to 4."
        case Criterion.MACHINE:
            longest = LONGEST_MACHINE_ID
        case Criterion.CLASSIFICATION:
            longest = LONGEST_CLASSIFICATION
    if not value:
        return "Give a value."
    return None if len(value) <= longest else f"At most {longest} characters."


def _is_severity(text: str) -> bool:
    digits = text.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and len(digits) <= 5
    return plain and int(text) in _SEVERITIES and str(int(text)) == text


# --- The predecessor's settings -----------------------------------------------------


class BadSettings(ValueError):
    """Why a file holds no retention settings."""


def from_predecessor(source: str) -> list[Rule]:
    """The rules of a Python file with the predecessor's settings, which is not run.

    Raises BadSettings. What the file does not set, there is no rule for.
    """
    found = dict(_assignments(source))
    rules = []
    if _DEFAULT_NAME in found:
        days = _days(_DEFAULT_NAME, found[_DEFAULT_NAME])
        rules.append(Rule(Criterion.DEFAULT, "", days))
    filtered = found.get(_RULES_NAME, {})
    if not isinstance(filtered, dict):
        raise BadSettings(f"{_RULES_NAME} is no dictionary.")
    for criterion, ages in filtered.items():
        rules += _rules(criterion, ages)
    if not rules:
        raise BadSettings(f"Neither {_DEFAULT_NAME} nor {_RULES_NAME} is set in it.")
    return rules


def _assignments(source: str) -> Iterator[tuple[str, Any]]:
    """The two settings, wherever in the file they are, in its order."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadSettings("The file is not Python.") from error
    nodes = [each for each in ast.walk(tree) if isinstance(each, _ASSIGNMENTS)]
    for node in sorted(nodes, key=lambda each: each.lineno):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for name in (each.id for each in targets if isinstance(each, ast.Name)):
            if node.value and name in (_DEFAULT_NAME, _RULES_NAME):
                yield name, _literal(name, node.value)


def _literal(name: str, value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, RecursionError, MemoryError) as error:
        message = f"Line {value.lineno}: {name} is no plain value."
        raise BadSettings(message) from error


def _rules(criterion: object, ages: object) -> Iterator[Rule]:
    known = (Criterion.MACHINE, Criterion.CLASSIFICATION, Criterion.SEVERITY)
    if criterion not in known:
        raise BadSettings(f"There is no rule by {criterion!r}.")
    if not isinstance(ages, dict):
        raise BadSettings(f"{criterion}: not a dictionary of days.")
    for given, days in ages.items():
        value, place = str(given).strip(), f"{criterion} {given!r}"
        if why := problem(str(criterion), value):
            raise BadSettings(f"{place}: {why}")
        yield Rule(Criterion(str(criterion)), value, _days(place, days))


def _days(place: str, days: object) -> int:
    if isinstance(days, bool) or not isinstance(days, int):
        raise BadSettings(f"{place}: days are a whole number.")
    if not 0 <= days <= MOST_DAYS:
        raise BadSettings(f"{place}: days are from 0 to {MOST_DAYS}.")
    return days
