"""Frames that look never guilty: found guilty in many programs, for many callers.

A function that breaks in many programs, called from many places, is usually where the
mistake of its callers shows. A person decides: a suggestion leads to a preview.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.core.cache import cache

from crashes import guilty, judging
from crashes.guilty import NoteKind, RuleKind
from crashes.hits import recent_traces
from crashes.models import Guilty, RulesVersion, Trace

MOST_TRACES = 5000
FEWEST_PROGRAMS = 2
FEWEST_CALLERS = 3
_REMEMBERED_SECONDS = 120
_MOSTLY = 0.5


@dataclass
class Evidence:
    """What is known of a frame that was found guilty."""

    crashes: int = 0
    ending: int = 0
    programs: set[int] = field(default_factory=set)
    callers: set[int] = field(default_factory=set)

    @property
    def ends(self) -> bool:
        """Whether programs mostly end themselves right above it."""
        return self.ending > self.crashes * _MOSTLY

    @property
    def is_enough(self) -> bool:
        """In several programs, for several callers: fewer where it ends programs."""
        callers = FEWEST_CALLERS - 1 if self.ends else FEWEST_CALLERS
        return len(self.programs) >= FEWEST_PROGRAMS and len(self.callers) >= callers


@dataclass(frozen=True)
class Suggestion:
    """``ending``: crashes where the program ended itself right above the frame."""

    frame_id: int
    guilty: int | None
    function: str
    module: str
    crashes: int
    programs: int
    callers: int
    ending: int

    @property
    def kind(self) -> RuleKind:
        """A frame that ends programs is ignored with everything above it."""
        ends = self.ending > self.crashes * _MOSTLY
        return RuleKind.IGNORE_WITH_ABOVE if ends else RuleKind.IGNORE

    @property
    def reason(self) -> str:
        return (
            f"Guilty in {self.programs} programs, called from {self.callers} "
            "different functions: the mistake is its callers'."
        )

    @property
    def score(self) -> int:
        return self.programs * self.callers


def suggestions(limit: int = 20) -> list[Suggestion]:
    """Frames to look at, the likeliest first; remembered for a while."""
    key = f"crashes-suggestions-{judging.in_force().version}"
    found: list[Suggestion] | None = cache.get(key)
    if found is None:
        found = ranked(gather(recent_traces(MOST_TRACES)))
        cache.set(key, found, _REMEMBERED_SECONDS)
    return found[:limit]


def gather(traces: Iterable[tuple[Trace, int]]) -> dict[int, Evidence]:
    """Evidence by frame, of traces with their number of crashes."""
    found: dict[int, Evidence] = {}
    above = _rules_that_end()
    rules = judging.in_force().rules
    for trace, crashes in traces:
        frames = judging.frames_of(trace.frames)
        matcher = rules.of(
            judging.classifications.one(trace.classification_id),
            judging.programs.one(trace.program_id),
        )
        verdict = guilty.judge(frames, matcher)
        if verdict.index is None or verdict.reason is not guilty.Reason.NAMED:
            continue
        index, frame_ids = verdict.index, trace.frames
        evidence = found.setdefault(frame_ids[index], Evidence())
        evidence.crashes += crashes
        evidence.programs.add(trace.program_id)
        evidence.callers.update(frame_ids[index + 1 : index + 2])
        note = verdict.notes[index - 1] if index else None
        if note and note.kind is NoteKind.IGNORED and note.rule in above:
            evidence.ending += crashes
    return found


def ranked(evidence: dict[int, Evidence]) -> list[Suggestion]:
    enough = {frame: each for frame, each in evidence.items() if each.is_enough}
    known = Guilty.objects.filter(frame_id__in=enough)
    guilties = dict(known.values_list("frame_id", "id"))
    labels = judging.frames.of(enough)
    found = [
        Suggestion(
            frame_id=frame,
            guilty=guilties.get(frame),
            function=labels[frame][0],
            module=labels[frame][1],
            crashes=each.crashes,
            programs=len(each.programs),
            callers=len(each.callers),
            ending=each.ending,
        )
        for frame, each in enough.items()
    ]
    return sorted(found, key=lambda each: (-each.score, -each.crashes, each.frame_id))


def _rules_that_end() -> set[int]:
    """The rules in force that ignore what is above, too: of abort, assert, raise."""
    versions = RulesVersion.objects.filter(state=RulesVersion.State.CURRENT)
    exported = versions.values_list("rules", flat=True).first() or []
    return {
        rule["id"]
        for rule in exported
        if rule["kind"] == RuleKind.IGNORE_WITH_ABOVE.value
    }
