"""What the crash API answers, as plain values."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from crashes import exchange, judging, stats
from crashes.curation import Preview
from crashes.models import Guilty, Rejudge, Rule, RulesVersion
from records.labels import builds as build_labels
from records.objects import timestamp
from records.scope import Scope
from records.stats import in_version_order

State = RulesVersion.State


def top(scope: Scope, *, limit: int, hidden: bool) -> dict[str, Any]:
    crashes = stats.top(scope, limit=limit, hidden=hidden)
    used = {build for crash in crashes for build in crash.builds}
    newest_first = in_version_order(used)[::-1]
    return {
        "first_day": _day(scope.start),
        "last_day": _day(scope.end),
        "crashes": [_top_crash(crash, newest_first) for crash in crashes],
    }


def _top_crash(crash: stats.TopCrash, newest_first: list[int]) -> dict[str, Any]:
    labels = build_labels.of(newest_first)
    builds = [build for build in newest_first if build in crash.builds]
    return {
        "guilty": crash.guilty,
        "function": crash.function,
        "module": crash.module,
        "comment": crash.comment,
        "hidden": crash.hidden,
        "crashes": crash.crashes,
        "machines": crash.machines,
        "builds": [_build(*labels[b], crashes=crash.builds[b]) for b in builds],
    }


def _build(system_name: str, build: str, **counts: int) -> dict[str, Any]:
    return {"system_name": system_name, "build": build, **counts}


def guilty(row: Guilty) -> dict[str, Any]:
    return {
        "id": row.pk,
        "function": row.frame.function,
        "module": row.frame.module,
        "comment": row.comment,
        "hidden": row.hidden,
        "merged_into": row.merged_into_id,
    }


def guilty_detail(row: Guilty) -> dict[str, Any]:
    everything = Scope()
    first, last = stats.seen(row.pk)
    builds = stats.builds_of(row.pk, everything)
    days = stats.by_day(everything, row.pk)
    return {
        **guilty(row),
        "first_seen": _time(first),
        "last_seen": _time(last),
        "builds": [
            _build(b.system_name, b.version, crashes=b.crashes, machines=b.machines)
            for b in builds
        ],
        "days": [{"day": _day(day), "crashes": n} for day, n in days.items()],
    }


def backtrace(trace: stats.Backtrace) -> dict[str, Any]:
    return {
        "trace": trace.trace,
        "program": trace.program,
        "classification": trace.classification,
        "crashes": trace.crashes,
        "machines": trace.machines,
        "signals": list(trace.signals),
        "last_record": trace.last_record,
        "last_received": _time(trace.last_received),
        "frames": [
            {
                "id": noted.id,
                "number": noted.frame.number,
                "function": noted.frame.function,
                "module": noted.frame.module,
                "note": noted.note.kind.value,
                "rule": noted.note.rule,
                "markable": noted.markable,
            }
            for noted in trace.frames
        ],
    }


def rules() -> dict[str, Any]:
    """All rules of the newest version, and which version is how far."""
    rows = Rule.objects.select_related("author")
    return {
        "in_force": _version_in(State.CURRENT),
        "being_applied": _version_in(State.JUDGING),
        "rules": [_rule(row) for row in rows],
    }


def _rule(row: Rule) -> dict[str, Any]:
    return {
        "id": row.pk,
        **{name: getattr(row, name) for name in exchange.KEYS},
        "author": row.author.get_username() if row.author else None,
        "created_at": _time(row.created_at),
    }


def _version_in(state: str) -> dict[str, Any] | None:
    found = RulesVersion.objects.filter(state=state).defer("rules")
    row = found.select_related("author").first()
    return version(row) if row else None


def version(row: RulesVersion) -> dict[str, Any]:
    """A version; ``left`` of its ``affected`` traces are to be judged still."""
    return {
        "id": row.pk,
        "state": str(row.state),
        "note": row.note,
        "author": row.author.get_username() if row.author else None,
        "created_at": _time(row.created_at),
        "affected": row.affected,
        "left": Rejudge.objects.count() if row.state == State.JUDGING else 0,
    }


def preview(found: Preview) -> dict[str, Any]:
    labels: Mapping[int, Iterable[str]]
    labels = judging.frames.of([group.frame_id for group in found.groups])
    return {
        "affected_traces": found.affected_traces,
        "moved_traces": found.moved_traces,
        "moved_crashes": found.moved_crashes,
        "machines": found.machines,
        "groups": [
            {
                "guilty": group.guilty,
                **dict(
                    zip(("function", "module"), labels[group.frame_id], strict=True)
                ),
                "comment": group.comment,
                "hidden": group.hidden,
                "before": group.before,
                "after": group.after,
            }
            for group in found.groups
        ],
    }


def _time(moment: datetime | None) -> str | None:
    return timestamp(int(moment.timestamp())) if moment else None


def _day(day: Any) -> str | None:
    return day.isoformat() if day else None
