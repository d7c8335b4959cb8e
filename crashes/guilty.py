"""Who is guilty of a crash: a pure function of its frames and the rules.

From the top of the crashing thread down, the first frame that no rule ignores and that
has a name is guilty; else the first without a name; else the last one ignored.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from crashes.backtrace import UNKNOWN, Frame, comparable, normalise
from records.patterns import matches

FAMILY_FRAMES = 5

_MOST_REMEMBERED = 8192  # frames, and programs, per set of rules


class RuleKind(StrEnum):
    IGNORE = "ignore"
    IGNORE_WITH_ABOVE = "ignore_with_above"
    SENTINEL = "sentinel"


# Of several rules for one frame, the one that does most counts.
_STRENGTH = {
    RuleKind.IGNORE: 0,
    RuleKind.IGNORE_WITH_ABOVE: 1,
    RuleKind.SENTINEL: 2,
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A frame that is never guilty.

    With ``glob``, every `*` in function and module stands for any text; without, they
    are names. ``classification`` limits the rule to a classification, what is below it
    and what its `*` say; ``program`` to a program, by its path or its bare name.
    """

    id: int
    function: str
    module: str
    kind: RuleKind = RuleKind.IGNORE
    glob: bool = False
    classification: str = ""
    program: str = ""
    active: bool = True
    reason: str = ""


DEFAULT_RULES = (
    Rule(-1, "_start()", "*", glob=True, reason="Every program starts here."),
    Rule(
        -2,
        "__libc_start_main()",
        "libc.so.6",
        reason="Every program's main function is called from here.",
    ),
)
"""Always in force, and below every backtrace: nothing to mark there."""


class NoteKind(StrEnum):
    """What a frame meant for the verdict."""

    CHOSEN = "chosen"
    IGNORED = "ignored"
    ABOVE = "above"  # above a frame whose rule ignores what is above it
    SENTINEL = "sentinel"
    UNKNOWN = "unknown"
    BELOW = "below"  # below the chosen frame


class Note(NamedTuple):
    """Why a frame was chosen or not; ``rule`` is the id of the rule that says so.

    Below the chosen frame, ``rule`` is the one that would have ignored the frame.
    """

    kind: NoteKind
    rule: int | None = None


class Reason(StrEnum):
    NAMED = "named"  # the first frame with a name that is not ignored
    UNKNOWN = "unknown"  # none has a name: the first that is not ignored
    IGNORED = "ignored"  # all are ignored: the last one
    NO_FRAMES = "no-frames"


class Guilty(NamedTuple):
    function: str
    module: str


class Verdict(NamedTuple):
    guilty: Guilty | None
    index: int | None
    reason: Reason
    notes: tuple[Note, ...]


class Rules:
    """Rules, compiled once and asked for many crashes."""

    def __init__(
        self, rules: Iterable[Rule] = (), defaults: Iterable[Rule] = DEFAULT_RULES
    ) -> None:
        active = [rule for rule in (*defaults, *rules) if rule.active]
        self._rules = sorted(active, key=lambda rule: -_STRENGTH[rule.kind])
        self._scopes = {_scope(rule) for rule in active} - {_EVERYWHERE}
        self._by_scopes: dict[frozenset[_Scope], Matcher] = {}
        self._by_crash: dict[_Scope, Matcher] = {}

    def of(self, classification: str, program: str) -> "Matcher":
        """The rules for crashes of ``program`` in records of ``classification``."""
        crash = _Scope(classification, program) if self._scopes else _EVERYWHERE
        matcher = self._by_crash.get(crash)
        if matcher is None:
            matcher = self._compiled(crash)
            _remember(self._by_crash, crash, matcher)
        return matcher

    def _compiled(self, crash: "_Scope") -> "Matcher":
        scopes = frozenset(scope for scope in self._scopes if scope.has(crash))
        matcher = self._by_scopes.get(scopes)
        if matcher is None:
            inside = scopes | {_EVERYWHERE}
            matcher = Matcher(rule for rule in self._rules if _scope(rule) in inside)
            _remember(self._by_scopes, scopes, matcher)
        return matcher


class Matcher:
    """Rules by the frames they match, the strongest first."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._named: dict[str, list[_Compiled]] = {}
        self._patterns: list[_Compiled] = []
        self._known: dict[tuple[str, str], Rule | None] = {}
        for rank, rule in enumerate(rules):
            compiled = _compile(rank, rule)
            name = compiled.function.name
            if name is None:
                self._patterns.append(compiled)
            else:
                self._named.setdefault(name, []).append(compiled)

    def rule_for(self, function: str, module: str) -> Rule | None:
        """The rule that counts for a frame; ``function`` is normalised."""
        frame = (function, module)
        try:
            return self._known[frame]
        except KeyError:
            rule = self._find(function, module)
            _remember(self._known, frame, rule)
            return rule

    def _find(self, function: str, module: str) -> Rule | None:
        name = comparable(function)
        named = self._named.get(name, ())
        found = _first(named, function, module)
        pattern = _first(self._patterns, function, module)
        ...
