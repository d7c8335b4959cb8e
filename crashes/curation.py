"""Changing the rules: what would change, changing it, and taking it back.

A change is a whole set of rules. `preview` and the worker's `judge_again` ask the same
function about the same traces, so what is predicted is what happens. Reports and counts
are never touched: a trace changes its guilty, and everything on it goes along.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, Sum

from crashes import guilty, judging, presence
from crashes.backtrace import comparable, normalise
from crashes.judging import Judged, Ruling
from crashes.models import (
    CrashDay,
    CrashReport,
    Frame,
    Guilty,
    Rejudge,
    Rule,
    RulesVersion,
    Trace,
    TraceFrame,
)
from records import database
from records.names import Values

T = TypeVar("T")
RuleSet = tuple[guilty.Rule, ...]

_BATCH = 2000
_COMPARED = ("kind", "function", "module", "glob", "classification", "program")


# --- Sets of rules ------------------------------------------------------------------


def rules() -> RuleSet:
    """The rules as people see and change them: those of the newest version."""
    return tuple(map(_rule, Rule.objects.all()))


def _rule(row: Rule) -> guilty.Rule:
    return guilty.Rule(
        id=row.pk,
        function=row.function,
        module=row.module,
        kind=guilty.RuleKind(row.kind),
        glob=row.glob,
        classification=row.classification,
        program=row.program,
        active=row.active,
        reason=row.reason,
    )


def ignoring(frame_ids: Collection[int], reason: str) -> RuleSet:
    """Today's rules, and that these frames are never guilty."""
    labels = judging.frames.of(frame_ids)
    new = [
        guilty.Rule(0, *labels[frame_id], reason=reason)
        for frame_id in sorted(set(frame_ids))
    ]
    return merged(rules(), new)


def without(rule_ids: Collection[int]) -> RuleSet:
    """Today's rules but these."""
    return tuple(rule for rule in rules() if rule.id not in rule_ids)


def changed(add: Iterable[guilty.Rule] = (), remove: Collection[int] = ()) -> RuleSet:
    """Today's rules without some, by id, and with others."""
    return merged(without(remove), add)


def merged(first: RuleSet, second: Iterable[guilty.Rule]) -> RuleSet:
    """Both; where they have a rule for the same, the second's."""
    by_frame = {_identity(rule): rule for rule in first}
    for rule in second:
        old = by_frame.get(_identity(rule))
        by_frame[_identity(rule)] = replace(rule, id=old.id if old else 0)
    return tuple(by_frame.values())


def _identity(rule: guilty.Rule) -> tuple[Any, ...]:
    return tuple(getattr(rule, name) for name in _COMPARED)


# --- What can change ----------------------------------------------------------------


def affected(before: RuleSet, after: RuleSet) -> set[int]:
    """Traces that a change from one set to the other may judge differently.

    Ignoring a frame can change only traces that contain the frame.
    """
    ways = {rule: _identity(rule) for rule in (*before, *after) if rule.active}
    old = {ways[rule] for rule in before if rule.active}
    new = {ways[rule] for rule in after if rule.active}
    differing = [rule for rule, way in ways.items() if way in old ^ new]
    traces: set[int] = set()
    for frames in _chunks(_frames_of(differing)):
        found = TraceFrame.objects.filter(frame_id__in=frames)
        traces.update(found.values_list("trace_id", flat=True).distinct())
    return traces


def _frames_of(changed: Sequence[guilty.Rule]) -> list[int]:
    """Frames that one of these rules matches, wherever it is limited to."""
    anywhere = [replace(r, classification="", program="") for r in changed]
    matcher = guilty.Rules(anywhere, defaults=()).of("", "")
    candidates = Frame.objects.all()
    if not any(rule.glob for rule in changed):
        names = {comparable(normalise(rule.function)) for rule in changed}
        written = [f"{m}{n}{c}" for n in names for m in ("", "? ") for c in ("", "()")]
        candidates = candidates.filter(function__in=written)
    rows = candidates.values_list("id", "function", "module")
    return [
        pk for pk, name, module in rows.iterator() if matcher.rule_for(name, module)
    ]


def _judged(ruling: Ruling, traces: Iterable[Trace]) -> list[tuple[Trace, Judged]]:
    found = list(traces)
    values: list[Values] = [
        (t.classification_id, t.program_id, t.frames) for t in found
    ]
    return list(zip(found, judging.judge(ruling, values), strict=True))


# --- Preview ------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """A guilty as it is, and as it would be. ``guilty`` is None for a new one."""

    frame_id: int
    guilty: int | None
    before: int
    after: int
    comment: str = ""
    hidden: bool = False


@dataclass(frozen=True)
class Preview:
    """What a change would do, counted over all crashes ever reported."""

    affected_traces: int
    moved_traces: int
    moved_crashes: int
    machines: int
    groups: tuple[Group, ...]
    moves: dict[int, int | None] = field(default_factory=dict, repr=False)
    """The frame that each moved trace gets, by the id of the trace."""

    @property
    def appearing(self) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if not group.before)

    @property
    def vanishing(self) -> tuple[Group, ...]:
        return tuple(group for group in self.groups if not group.after)


def preview(after: RuleSet) -> Preview:
    """What applying these rules would change; changes nothing."""
    ruling = Ruling(-1, guilty.Rules(after))
    trace_ids = affected(_in_force(), after)
    moved: dict[int, tuple[int | None, int | None]] = {}
    for ids in _chunks(sorted(trace_ids)):
        traces = Trace.objects.filter(id__in=ids).select_related("guilty")
        for trace, judged in _judged(ruling, traces):
            now = trace.guilty.frame_id if trace.guilty else None
            if now != judged.frame_id:
                moved[trace.pk] = (now, judged.frame_id)
    return _counted(len(trace_ids), moved)


def _counted(
    affected_traces: int, moved: dict[int, tuple[int | None, int | None]]
) -> Preview:
    crashes = _crashes(moved)
    change: Counter[int] = Counter()
    for trace_id, n in crashes.items():
        old, new = moved[trace_id]
        if old is not None:
            change[old] -= n
        if new is not None:
            change[new] += n
    return Preview(
        affected_traces=affected_traces,
        moved_traces=len(moved),
        moved_crashes=crashes.total(),
        machines=_machines(moved),
        groups=tuple(_groups(change)),
        moves={trace_id: new for trace_id, (_, new) in moved.items()},
    )


def _crashes(trace_ids: Collection[int]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for ids in _chunks(sorted(trace_ids)):
        days = CrashDay.objects.filter(trace_id__in=ids).values_list("trace_id")
        counts.update(dict(days.annotate(n=Sum("crashes"))))
    return counts


def _machines(trace_ids: Collection[int]) -> int:
    machines: set[str] = set()
    for ids in _chunks(sorted(trace_ids)):
        reports = CrashReport.objects.filter(trace_id__in=ids).order_by()
        machines.update(reports.values_list("machine_id", flat=True).distinct())
    return len(machines)


def _groups(change: Counter[int]) -> Iterator[Group]:
    """Groups that change, the greatest first."""
    known = {row.frame_id: row for row in Guilty.objects.filter(frame_id__in=change)}
    before = _crashes_of_guilties([row.pk for row in known.values()])
    for frame_id, n in sorted(
        change.items(), key=lambda item: (-abs(item[1]), item[0])
    ):
        row = known.get(frame_id)
        now = before[row.pk] if row else 0
        yield Group(
            frame_id,
            row.pk if row else None,
            now,
            now + n,
            row.comment if row else "",
            row.hidden if row else False,
        )


def _crashes_of_guilties(guilty_ids: Sequence[int]) -> Counter[int]:
    counts: Counter[int] = Counter()
    traces = Trace.objects.filter(guilty_id__in=guilty_ids)
    owner = dict(traces.values_list("id", "guilty_id"))
    for trace_id, n in _crashes(owner).items():
        counts[owner[trace_id]] += n
    return counts


def _chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


# --- Apply --------------------------------------------------------------------------


def apply(
    after: RuleSet, *, note: str, author: User | None = None, everything: bool = False
) -> RulesVersion:
    """Save the rules as a new version; the worker judges what they may change.

    Pages answer from the version in force until all is judged. A version that was still
    being applied is given up: this one contains its changes. ``everything``: judge all
    traces, not only those that can change.
    """
    with transaction.atomic():
        database.own_digest()
        _save(after, author)
        RulesVersion.objects.filter(state=RulesVersion.State.JUDGING).update(
            state=RulesVersion.State.PAST
        )
        Rejudge.objects.all().delete()
        every = Trace.objects.values_list("id", flat=True)
        trace_ids = sorted(every if everything else affected(_in_force(), after))
        version = RulesVersion.objects.create(
            rules=[judging.as_json(rule) for rule in rules()],
            note=note,
            author=author,
            affected=len(trace_ids),
        )
        Rejudge.objects.bulk_create(
            [Rejudge(trace_id=trace_id) for trace_id in trace_ids], batch_size=_BATCH
        )
        if not trace_ids:
            _switch(version)
    return version


def change(
    make: Callable[[], RuleSet],
    *,
    note: str,
    author: User | None = None,
    everything: bool = False,
) -> RulesVersion:
    """Apply what ``make`` makes of today's rules; no other change comes between."""
    with transaction.atomic():
        database.own_digest()
        return apply(make(), note=note, author=author, everything=everything)


def undo(*, author: User | None = None) -> RulesVersion | None:
    """Apply again the rules before the newest version; None: there are none.

    The first version, the set that the project starts with, is no change.
    """
    with transaction.atomic():
        database.own_digest()
        versions = list(RulesVersion.objects.all()[:2])
        if len(versions) < 2:
            return None
        newest, before = versions
        restored = tuple(map(judging.from_json, before.rules))
        return apply(restored, note=f"Undo of version {newest.pk}", author=author)


def judge_again(limit: int = _BATCH) -> int:
    """The worker's step of a change: judge some traces, and switch after the last.

    Returns how many were judged; 0 when there is nothing to do.
    """
    with transaction.atomic():
        database.share_digest()
        ruling = judging.being_applied()
        if not ruling:
            return 0
        queue = Rejudge.objects.order_by("trace_id").select_for_update(skip_locked=True)
        ids = list(queue.values_list("trace_id", flat=True)[:limit])
        _stage(ruling, ids)
        Rejudge.objects.filter(trace_id__in=ids).delete()
    if not Rejudge.objects.exists():
        finish()
    return len(ids)


def judge_now(trace_ids: Collection[int]) -> int:
    """Judge some traces by the rules in force, at once; how many had another guilty."""
    with transaction.atomic():
        database.share_digest()
        ruling = judging.in_force()
        database.own_presence()  # whose traces are counted stays as it is meanwhile
        judged = list(_judged(ruling, Trace.objects.filter(id__in=trace_ids)))
        return _set_judged(judged, ruling.version)


def _set_judged(judged: Sequence[tuple[Trace, Judged]], version: int) -> int:
    ids = judging.guilty_ids(j.frame_id for _, j in judged if j.frame_id is not None)
    moved, changed = 0, set[int | None]()
    for trace, verdict in judged:
        found = None if verdict.frame_id is None else ids[verdict.frame_id]
        if found != trace.guilty_id:
            moved += 1
            changed |= {found, trace.guilty_id}
        trace.guilty_id, trace.family = found, verdict.family
        trace.version = version
    presence.uncount(changed)
    Trace.objects.bulk_update(
        [trace for trace, _ in judged], ["guilty", "family", "version"], batch_size=500
    )
    return moved


def finish() -> None:
    """Switch to the version being applied if all its traces are judged."""
    with transaction.atomic():
        database.own_digest()
        states = RulesVersion.objects.filter(state=RulesVersion.State.JUDGING)
        version = states.select_for_update().first()
        if version and not Rejudge.objects.exists():
            _switch(version)


def _stage(ruling: Ruling, trace_ids: Sequence[int]) -> None:
    judged = _judged(ruling, Trace.objects.filter(id__in=trace_ids))
    ids = judging.guilty_ids(j.frame_id for _, j in judged if j.frame_id is not None)
    rows = [
        (trace.pk, None if j.frame_id is None else ids[j.frame_id], j.family)
        for trace, j in judged
    ]
    with connection.cursor() as cursor:
        for some in _chunks(rows):
            values = [value for row in some for value in row]
            cursor.execute(_staging(len(some)), [ruling.version, *values])


def _staging(rows: int) -> str:
    """SQL that notes verdicts; `bulk_update` would need many times as long."""
    values = ", ".join(["(%s, %s, %s)"] * rows)
    table = Trace._meta.db_table
    return (  # every name here is one of our own
        f"UPDATE {table} SET next_version = %s, next_family = judged.column3, "  # noqa: S608
        "next_guilty_id = CAST(judged.column2 AS integer) "
        f"FROM (VALUES {values}) AS judged WHERE {table}.id = judged.column1"
    )


def _switch(version: RulesVersion) -> None:
    """From one moment to the next, everything is as the new version judged it."""
    nothing = {"next_guilty": None, "next_family": "", "next_version": None}
    judged = Trace.objects.filter(next_version=version.pk)
    pairs = judged.values_list("guilty_id", "next_guilty_id").distinct()
    presence.uncount(each for pair in pairs if pair[0] != pair[1] for each in pair)
    judged.update(
        guilty=F("next_guilty"), family=F("next_family"), version=version.pk, **nothing
    )
    # Those of a version that was given up.
    Trace.objects.filter(next_version__isnull=False).update(**nothing)
    in_force = RulesVersion.objects.filter(state=RulesVersion.State.CURRENT)
    in_force.update(state=RulesVersion.State.PAST)
    version.state = RulesVersion.State.CURRENT
    version.save(update_fields=["state"])


def _in_force() -> RuleSet:
    """The rules that traces are judged by now."""
    current = RulesVersion.objects.filter(state=RulesVersion.State.CURRENT).first()
    return tuple(map(judging.from_json, current.rules)) if current else ()


def _save(after: RuleSet, author: User | None) -> None:
    """Make the table of rules equal to ``after``."""
    wanted = {_identity(rule): rule for rule in after}
    gone = []
    for row in Rule.objects.all():
        rule = wanted.pop(_identity(_rule(row)), None)
        if rule is None:
            gone.append(row.pk)
        elif (rule.active, rule.reason) != (row.active, row.reason):
            row.active, row.reason = rule.active, rule.reason
            row.save(update_fields=["active", "reason"])
    Rule.objects.filter(id__in=gone).delete()
    Rule.objects.bulk_create(_row(rule, author) for rule in wanted.values())


def _row(rule: guilty.Rule, author: User | None) -> Rule:
    values = {**judging.as_json(rule), "id": None}
    key = Rule.key_of([values[name] for name in Rule.KEY])
    return Rule(key=key, **values, author=author)
