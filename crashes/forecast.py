"""What a change of the rules would do to what people see: for the preview."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from django.db.models import Sum

from crashes import guilty, judging
from crashes.curation import Group, Preview, RuleSet
from crashes.models import CrashDay, Guilty, Trace
from records.scope import Scope

# --- The new top --------------------------------------------------------------------


class Place(NamedTuple):
    """A guilty's place in the top after a change; ``before`` is None where it had none.

    ``guilty`` is None for a frame that never was one.
    """

    frame_id: int
    function: str
    module: str
    guilty: int | None
    crashes: int
    crashes_before: int
    rank: int
    before: int | None

    @property
    def climbed(self) -> int:
        """Places up; less than 0: down."""
        return (self.before or self.rank) - self.rank


def top_after(
    moves: Mapping[int, int | None], scope: Scope, *, limit: int = 10
) -> list[Place]:
    """The top crashes of a scope when these traces get these frames."""
    crashes = _crashes(scope)
    now = _frame_of_traces()
    after = {trace: moves.get(trace, now.get(trace)) for trace in crashes}
    guilties = {row.frame_id: row for row in Guilty.objects.all()}
    target = {row.pk: row.frame_id for row in guilties.values()}
    shown = {
        frame: target[row.merged_into_id] if row.merged_into_id else frame
        for frame, row in guilties.items()
    }
    hidden = {frame for frame, row in guilties.items() if row.hidden}
    before_counts = _ranked(crashes, now, shown, hidden)
    after_counts = _ranked(crashes, after, shown, hidden)
    ranks = {frame: rank for rank, frame in enumerate(before_counts, 1)}
    labels = judging.frames.of(list(after_counts)[:limit])
    return [
        Place(
            frame,
            *labels[frame],
            guilties[frame].pk if frame in guilties else None,
            after_counts[frame],
            before_counts.get(frame, 0),
            rank,
            ranks.get(frame),
        )
        for rank, frame in enumerate(list(after_counts)[:limit], 1)
    ]


def _crashes(scope: Scope) -> dict[int, int]:
    return dict(
        scope.days_of(CrashDay).values_list("trace_id").annotate(n=Sum("crashes"))
    )


def _frame_of_traces() -> dict[int, int | None]:
    traces = Trace.objects.filter(guilty__isnull=False)
    return dict(traces.values_list("id", "guilty__frame_id").iterator())


def _ranked(
    crashes: Mapping[int, int],
    frames: Mapping[int, int | None],
    shown: Mapping[int, int],
    hidden: set[int],
) -> dict[int, int]:
    """Crashes by frame, the greatest first; merged ones with their target."""
    counts: Counter[int] = Counter()
    for trace, n in crashes.items():
        frame = frames.get(trace)
        if frame is not None:
            counts[shown.get(frame, frame)] += n
    visible = [frame for frame in counts if frame not in hidden]
    return {
        frame: counts[frame]
        for frame in sorted(visible, key=lambda each: (-counts[each], each))
    }


# --- Groups -------------------------------------------------------------------------


class Change(NamedTuple):
    """A group with the name of its frame."""

    function: str
    module: str
    group: Group

    @property
    def by(self) -> int:
        return self.group.after - self.group.before


@dataclass(frozen=True)
class Groups:
    """The groups of a preview, by what happens to them."""

    appear: list[Change]
    grow: list[Change]
    shrink: list[Change]
    vanish: list[Change]
    told: list[Change]
    """Those that vanish and have a comment or are hidden: these stay behind."""


def groups(preview: Preview) -> Groups:
    labels = judging.frames.of(group.frame_id for group in preview.groups)
    named = [Change(*labels[each.frame_id], each) for each in preview.groups]
    staying = [each for each in named if each.group.before and each.group.after]
    vanishing = [each for each in named if not each.group.after]
    return Groups(
        appear=[each for each in named if not each.group.before and each.group.after],
        grow=[each for each in staying if each.by > 0],
        shrink=[each for each in staying if each.by < 0],
        vanish=vanishing,
        told=[
            each
            for each in named
            if each.by < 0 and (each.group.comment or each.group.hidden)
        ],
    )


# --- Rules --------------------------------------------------------------------------


class Difference(NamedTuple):
    """What happens to a rule: it is added, removed, or switched."""

    word: str
    rule: guilty.Rule


def differences(before: RuleSet, after: RuleSet) -> list[Difference]:
    """The rules that differ between two sets."""
    old, new = _by_identity(before), _by_identity(after)
    found = [Difference("added", new[key]) for key in new if key not in old]
    found += [Difference("removed", old[key]) for key in old if key not in new]
    for key in old.keys() & new.keys():
        if old[key].active != new[key].active:
            word = "switched on" if new[key].active else "switched off"
            found.append(Difference(word, new[key]))
        elif old[key].reason != new[key].reason:
            found.append(Difference("given another reason", new[key]))
    return found


def _by_identity(rules: Iterable[guilty.Rule]) -> dict[guilty.Rule, guilty.Rule]:
    """Rules by what they say, apart from their id, reason and whether they are on."""
    return {replace(rule, id=0, active=True, reason=""): rule for rule in rules}
