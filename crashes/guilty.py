"""Who is guilty of a crash: a pure function of its frames and the rules.

From the top of the crashing thread down, the first frame that no rule ignores and that
has a name is guilty; else the first without a name; else the last one ignored.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple, TypeVar

from crashes.backtrace import GUESS, Frame, comparable, normalise
from records.patterns import matches

K = TypeVar("K")
V = TypeVar("V")

FAMILY_FRAMES = 5
"""So many frames tell one family of backtraces from another."""

_MOST_REMEMBERED = 32_768  # frames, and programs, per set of rules


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """``index`` is the place of the guilty one among the frames."""

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

    def of(self, classification: str = "", program: str = "") -> "Matcher":
        """The rules for crashes of ``program`` in records of ``classification``."""
        crash = _Scope(classification, program) if self._scopes else _EVERYWHERE
        matcher = self._by_crash.get(crash)
        if matcher is None:
            matcher = self._compiled(crash)
            _remember(self._by_crash, crash, matcher)
        return matcher

    def _compiled(self, crash: "_Scope") -> "Matcher":
        scopes = frozenset(scope for scope in self._scopes if scope.holds(crash))
        matcher = self._by_scopes.get(scopes)
        if matcher is None:
            inside = scopes | {_EVERYWHERE}
            matcher = Matcher(rule for rule in self._rules if _scope(rule) in inside)
            _remember(self._by_scopes, scopes, matcher)
        return matcher


class Matcher:
    """Finds the rule of a frame: names first, patterns after, and remembers it.

    Of several rules, the first given counts.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._named: dict[str, list[_Compiled]] = {}
        self._patterns: dict[tuple[str, ...], list[_Compiled]] = {}
        self._known: dict[tuple[str, str], Rule | None] = {}
        for rank, rule in enumerate(rules):
            compiled = _compile(rank, rule)
            if len(compiled.function) == 1:
                self._named.setdefault(compiled.function[0], []).append(compiled)
            else:
                self._patterns.setdefault(compiled.module, []).append(compiled)

    def rule_for(self, function: str, module: str) -> Rule | None:
        """The rule that counts for a frame; ``function`` is normalised."""
        frame = (function, module)
        if frame in self._known:
            return self._known[frame]
        rule = self._find(function, module)
        _remember(self._known, frame, rule)
        return rule

    def _find(self, function: str, module: str) -> Rule | None:
        guess = function.startswith(GUESS)
        found = [*self._by_name(function, module), *self._by_pattern(function, module)]
        fitting = [rule for rule in found if guess or not rule.guesses_only]
        return min(fitting).rule if fitting else None

    def _by_name(self, function: str, module: str) -> Iterator["_Compiled"]:
        for rule in self._named.get(comparable(function), ()):
            if fits(rule.module, module):
                yield rule

    def _by_pattern(self, function: str, module: str) -> Iterator["_Compiled"]:
        names = (comparable(function), function)
        for where, rules in self._patterns.items():
            if fits(where, module):
                for rule in rules:
                    if any(fits(rule.function, name) for name in names):
                        yield rule


class _Compiled(NamedTuple):
    rank: int
    rule: Rule
    function: tuple[str, ...]  # the texts between the `*`
    module: tuple[str, ...]
    guesses_only: bool


def _compile(rank: int, rule: Rule) -> _Compiled:
    """A function without `*` is known by its comparable name."""
    function = rule.function.strip()
    if rule.glob and "*" in function:
        parts = tuple(function.removeprefix(GUESS).split("*"))
    else:
        parts = (_name_of(function),)
    module = rule.module.strip()
    where = tuple(module.split("*")) if rule.glob else (module,)
    return _Compiled(rank, rule, parts, where, function.startswith(GUESS))


@lru_cache(maxsize=4096)  # a change of one rule compiles them all
def _name_of(function: str) -> str:
    return comparable(normalise(function))


def fits(parts: Sequence[str], text: str) -> bool:
    """Whether ``text`` is ``parts`` in order with any text between them.

    Takes the leftmost place for each part, so it never goes back.
    """
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    start, end = len(first), len(text) - len(last)
    if start > end or not (text.startswith(first) and text.endswith(last)):
        return False
    for part in middle:
        found = text.find(part, start, end)
        if found < 0:
            return False
        start = found + len(part)
    return True


class _Scope(NamedTuple):
    """Where a rule applies, or what crash it is asked for."""

    classification: str
    program: str

    def holds(self, crash: "_Scope") -> bool:
        return self._of_classification(crash) and self._of_program(crash)

    def _of_classification(self, crash: "_Scope") -> bool:
        above = f"{self.classification.rstrip('/')}/"
        return (
            not self.classification
            or crash.classification.startswith(above)
            or matches(self.classification, crash.classification)
        )

    def _of_program(self, crash: "_Scope") -> bool:
        names = ("", crash.program, crash.program.rpartition("/")[2])
        return self.program in names


_EVERYWHERE = _Scope("", "")


def _scope(rule: Rule) -> _Scope:
    return _Scope(rule.classification, rule.program)


def _remember(memory: dict[K, V], key: K, value: V) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        memory.clear()
    memory[key] = value


def is_markable(function: str, module: str) -> bool:
    """Whether a person is offered to mark this frame as never guilty."""
    return _defaults.rule_for(normalise(function), module) is None


_defaults = Matcher(DEFAULT_RULES)


def judge(frames: Sequence[Frame], matcher: Matcher) -> Verdict:
    """Who is guilty, and one note per frame that says why."""
    rule_for = matcher.rule_for
    found = [rule_for(frame.function, frame.module) for frame in frames]
    start, cause = _start(frames, found)
    index, reason = _choose(frames, found, start)
    if index is None:
        return Verdict(None, None, reason, ())
    notes = _notes_above(found[:start], cause)
    looked_at = index + 1 if reason is Reason.NAMED else len(frames)
    notes += [_ignored(rule) if rule else _UNKNOWN for rule in found[start:looked_at]]
    notes += [_below(rule) if rule else _BELOW for rule in found[looked_at:]]
    notes[index] = Note(NoteKind.CHOSEN, notes[index].rule)
    chosen = frames[index]
    return Verdict(Guilty(chosen.function, chosen.module), index, reason, tuple(notes))


def _start(
    frames: Sequence[Frame], found: Sequence[Rule | None]
) -> tuple[int, Rule | None]:
    """The first frame to look at, and the rule that said so.

    That is below the lowest frame that is ignored with what is above it, and below the
    highest sentinel if anything is left there. A frame that is only a guess does not
    take others with it.
    """
    start, cause = 0, None
    looking = True
    for index, rule in enumerate(found):
        if rule is None or rule.kind is RuleKind.IGNORE or frames[index].guess:
            continue
        if rule.kind is RuleKind.SENTINEL:
            below = found[index + 1 :] if looking else ()
            looking = False
            if None not in below:
                continue
        start, cause = index + 1, rule
    return start, cause


def _choose(
    frames: Sequence[Frame], found: Sequence[Rule | None], start: int
) -> tuple[int | None, Reason]:
    """Which frame is guilty."""
    unknown = None
    for index in range(start, len(frames)):
        if found[index] is not None:
            continue
        if not frames[index].unknown:
            return index, Reason.NAMED
        if unknown is None:
            unknown = index
    if unknown is not None:
        return unknown, Reason.UNKNOWN
    return (len(frames) - 1, Reason.IGNORED) if frames else (None, Reason.NO_FRAMES)


def _notes_above(found: Sequence[Rule | None], cause: Rule | None) -> list[Note]:
    """Notes of the frames that were not looked at, the cause's the last of them."""
    if cause is None:
        return []
    above = Note(NoteKind.ABOVE, cause.id)
    sentinel = cause.kind is RuleKind.SENTINEL
    last = Note(NoteKind.SENTINEL if sentinel else NoteKind.IGNORED, cause.id)
    return [*(_ignored(rule) if rule else above for rule in found[:-1]), last]


def _ignored(rule: Rule) -> Note:
    return Note(NoteKind.IGNORED, rule.id)


def _below(rule: Rule) -> Note:
    return Note(NoteKind.BELOW, rule.id)


_UNKNOWN = Note(NoteKind.UNKNOWN)
_BELOW = Note(NoteKind.BELOW)


def family(frames: Sequence[Frame], notes: Sequence[Note]) -> str:
    """A hash that similar backtraces share: of the first frames that matter.

    These are the frames that no rule ignores, without the kernel's guesses; a frame
    that repeats counts once. Where there are none, all frames matter.
    """
    left = [
        frame for frame, note in zip(frames, notes, strict=False) if note.rule is None
    ]
    sure = [frame for frame in left if not frame.guess]
    names = [(frame.function, frame.module) for frame in sure or left or frames]
    different = [name for name, _ in groupby(names)]
    return _hash(different[:FAMILY_FRAMES])


def fingerprint(frames: Sequence[Frame]) -> str:
    """A hash that equal backtraces share: of all functions and modules, in order."""
    return _hash((frame.function, frame.module) for frame in frames)


def _hash(names: Iterable[tuple[str, str]]) -> str:
    text = "\n".join(f"{function}\t{module}" for function, module in names)
    if not text:
        return ""
    content = text.encode(errors="surrogatepass")
    return hashlib.blake2b(content, digest_size=16).hexdigest()
