"""Sets of rules as text: JSON as exported here, and the predecessor's list of pairs.

What is no rule is refused with the entry and the reason; nothing is read by halves.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crashes.backtrace import LONGEST_NAME
from crashes.curation import RuleSet, merged
from crashes.guilty import Rule, RuleKind

FORMAT = "never-guilty rules"
VERSION = 1
LONGEST_REASON = 4000
MOST_RULES = 20_000
FROM_A_LIST = "From an imported list."

_TEXTS = {
    "function": LONGEST_NAME,
    "module": LONGEST_NAME,
    "classification": 140,
    "program": LONGEST_NAME,
    "reason": LONGEST_REASON,
}
_FLAGS = {"glob": False, "active": True}
_REQUIRED = ("function", "module")
_MOST_PROBLEMS = 20

KEYS = ("kind", *_TEXTS, *_FLAGS)
"""Keys of a rule, as exported."""


class NoRule(ValueError):
    """Why these values are no rule: messages by key."""

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("; ".join(f"{k}: {' '.join(v)}" for k, v in errors.items()))
        self.errors = dict(errors)


class BadRules(ValueError):
    """Why a text or a list holds no set of rules: one message per problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


# --- Out ----------------------------------------------------------------------------


def export(rules: Iterable[Rule]) -> str:
    """The rules as JSON that `read` reads."""
    exported = {"format": FORMAT, "version": VERSION, "rules": list(map(values, rules))}
    return json.dumps(exported, ensure_ascii=False, indent=1) + "\n"


def values(rule: Rule) -> dict[str, Any]:
    """A rule key by key, without its id."""
    return {name: getattr(rule, name) for name in KEYS} | {"kind": rule.kind.value}


# --- In -----------------------------------------------------------------------------


def read(text: str) -> RuleSet:
    """The rules of an export or a list of pairs; raises BadRules."""
    text = text.removeprefix("\ufeff")
    entries = _json(text) if text.lstrip()[:1] in ("[", "{") else _csv(text)
    rules = read_list(entries, reason=FROM_A_LIST)
    if not rules:
        raise BadRules(["There are no rules in it."])
    return rules


def read_list(entries: Any, *, reason: str = "") -> RuleSet:
    """Rules from parsed JSON: objects, or pairs of function and module.

    ``reason`` is that of rules that bring none. Raises BadRules.
    """
    if not isinstance(entries, list):
        raise BadRules(["Give a list of rules."])
    if len(entries) > MOST_RULES:
        raise BadRules([f"At most {MOST_RULES} rules at a time."])
    rules, problems = [], []
    for number, entry in enumerate(entries, 1):
        try:
            rules.append(read_rule(_as_values(entry), reason=reason))
        except NoRule as error:
            problems.append(f"Entry {number}: {error}")
    if problems:
        raise BadRules(_shortened(problems))
    return merged((), rules)


def read_rule(entry: Mapping[str, Any], *, reason: str = "") -> Rule:
    """One rule from its values by key; raises NoRule."""
    errors = {
        name: ["There is no such key."] for name in map(str, entry) if name not in KEYS
    }
    found: dict[str, Any] = {"reason": reason}
    for name in KEYS:
        if name in entry:
            found[name], wrong = _read_value(name, entry[name])
            errors |= {name: [wrong]} if wrong else {}
        elif name in _REQUIRED:
            errors[name] = ["Missing."]
    if errors:
        raise NoRule(errors)
    return Rule(0, **found)


def _as_values(entry: Any) -> Mapping[str, Any]:
    if isinstance(entry, Mapping):
        return entry
    if isinstance(entry, list) and len(entry) == 2:
        return dict(zip(_REQUIRED, entry, strict=True))
    raise NoRule({"rule": ["Give an object, or a pair of function and module."]})


def _read_value(name: str, value: Any) -> tuple[Any, str]:
    """A value as a rule has it, and what is wrong with it."""
    if name == "kind":
        return _read_kind(value)
    if name in _FLAGS:
        return value, "" if isinstance(value, bool) else "Say true or false."
    if not isinstance(value, str):
        return value, "Give a text."
    return value.strip(), _wrong_text(name, value.strip())


def _read_kind(value: Any) -> tuple[Any, str]:
    kinds = [kind.value for kind in RuleKind]
    if value not in kinds:
        return value, f"One of {', '.join(kinds)}."
    return RuleKind(value), ""


def _wrong_text(name: str, text: str) -> str:
    shown = "".join(text.split()) if name == "reason" else text
    if len(text) > _TEXTS[name]:
        return f"At most {_TEXTS[name]} characters."
    if not shown.isprintable():
        return "Has characters that cannot be printed."
    if name == "function" and not text:
        return "Empty."
    return ""


def _json(text: str) -> Any:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRules([f"Not JSON: {error}"]) from error
    if isinstance(found, list):
        return found
    if found.get("format") != FORMAT or found.get("version") != VERSION:
        raise BadRules([f'Not an export: no "format": "{FORMAT}", version {VERSION}.'])
    unknown = sorted(found.keys() - {"format", "version", "rules"})
    if unknown:
        raise BadRules([f"There is no such key: {', '.join(unknown)}"])
    return found.get("rules")


def _csv(text: str) -> list[list[str]]:
    """Rows of `function,module`; a first row that says so is no rule."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error as error:
        raise BadRules([f"Neither JSON nor CSV: {error}"]) from error
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    return filled[1:] if filled[:1] == [list(_REQUIRED)] else filled


def _shortened(problems: Sequence[str]) -> list[str]:
    more = len(problems) - _MOST_PROBLEMS
    if more <= 0:
        return list(problems)
    return [*problems[:_MOST_PROBLEMS], f"… and {more} more."]
