"""How often each rule counts: in how many crashes it decided about a frame."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.core.cache import cache
from django.db.models import Sum

from crashes import judging
from crashes.models import CrashDay, Trace
from records.scope import Scope

DAYS = 90
MOST_TRACES = 20_000
_REMEMBERED_SECONDS = 120
_BATCH = 2000
_BROAD = 0.1  # of all different frames
_FEW_FRAMES = 50


@dataclass(frozen=True)
class Hits:
    """By the id of a rule: crashes with a frame it matches; rules that match a lot."""

    crashes: Counter[int] = field(default_factory=Counter)
    broad: frozenset[int] = frozenset()


def hits() -> Hits:
    """Of the rules in force, in the last `DAYS`; remembered for a while."""
    key = f"crashes-hits-{judging.in_force().version}"
    found: Hits | None = cache.get(key)
    if found is None:
        found = count_hits()
        cache.set(key, found, _REMEMBERED_SECONDS)
    return found


def count_hits() -> Hits:
    rules = judging.in_force().rules
    crashes: Counter[int] = Counter()
    frames: dict[int, set[int]] = {}
    seen: set[int] = set()
    for trace, n in recent_traces():
        classification = judging.classifications.one(trace.classification_id)
        program = judging.programs.one(trace.program_id)
        rule_for = rules.of(classification, program).rule_for
        labels = judging.frames.of(trace.frames)
        different = set(trace.frames)
        seen |= different
        matched = {frame: rule_for(*labels[frame]) for frame in different}
        for frame, rule in matched.items():
            if rule:
                frames.setdefault(rule.id, set()).add(frame)
        crashes.update(dict.fromkeys({r.id for r in matched.values() if r}, n))
    return Hits(crashes, _broad(frames, len(seen)))


def _broad(frames: dict[int, set[int]], total: int) -> frozenset[int]:
    if total < _FEW_FRAMES:
        return frozenset()
    return frozenset(r for r, each in frames.items() if len(each) > total * _BROAD)


def recent_traces(limit: int = MOST_TRACES) -> Iterator[tuple[Trace, int]]:
    """Traces with crashes in the last `DAYS`, the most frequent, with their number."""
    scope = Scope.last_days(DAYS, datetime.now(UTC).date())
    days = CrashDay.objects.filter(day__gte=scope.start).values_list("trace_id")
    counts = dict(days.annotate(n=Sum("crashes")).order_by("-n", "trace_id")[:limit])
    ids = list(counts)
    for start in range(0, len(ids), _BATCH):
        for trace in Trace.objects.filter(id__in=ids[start : start + _BATCH]):
            yield trace, counts[trace.pk]
