"""Rules as the database has them, compiled; and traces judged by them."""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, TypeVar, cast

from django.db import transaction

from crashes import guilty
from crashes.backtrace import NO_SYMBOLS, UNKNOWN, Frame
from crashes.models import Frame as FrameRow
from crashes.models import Guilty, Program, RulesVersion
from records.labels import Labels
from records.models import Classification
from records.names import Values

Label = TypeVar("Label")

_PER_QUERY = 10_000
_MOST_REMEMBERED = 100_000
_FIELDS = tuple(field.name for field in fields(guilty.Rule))


@dataclass(frozen=True)
class Ruling:
    """A version of the rules, compiled. Version 0: nothing was ever applied."""

    version: int
    rules: guilty.Rules


def in_force() -> Ruling:
    """The rules that pages show verdicts of."""
    return _ruling(RulesVersion.State.CURRENT) or Ruling(0, guilty.Rules())


def being_applied() -> Ruling | None:
    """The rules that traces are being judged by again, if any."""
    return _ruling(RulesVersion.State.JUDGING)


def rules_in_force() -> dict[int, guilty.Rule]:
    """The rules that verdicts name, by id, with those that are always in force."""
    current = RulesVersion.objects.filter(state=RulesVersion.State.CURRENT)
    exported = current.values_list("rules", flat=True).first() or []
    found = [*guilty.DEFAULT_RULES, *map(from_json, exported)]
    return {rule.id: rule for rule in found}


def _ruling(state: str) -> Ruling | None:
    versions = RulesVersion.objects.filter(state=state).order_by("-id")
    version = versions.values_list("id", flat=True).first()
    return _rulings.one(version) if version else None


def _load_rulings(versions: set[int]) -> dict[int, Ruling]:
    rows = RulesVersion.objects.filter(id__in=versions).values_list("id", "rules")
    return {pk: Ruling(pk, guilty.Rules(map(from_json, rules))) for pk, rules in rows}


_rulings = Labels(_load_rulings)


def as_json(rule: guilty.Rule) -> dict[str, Any]:
    return {**asdict(rule), "kind": rule.kind.value}


def from_json(values: Mapping[str, Any]) -> guilty.Rule:
    """A rule from its export; raises ValueError or TypeError for what is none."""
    known = {name: values[name] for name in _FIELDS if name in values}
    known["kind"] = guilty.RuleKind(known.get("kind", guilty.RuleKind.IGNORE))
    return guilty.Rule(**{"id": 0, **known})


class _NewLabels(Labels[Label]):
    """Labels of rows that are as new as the transaction: remembered when it commits.

    SQLite gives the id of a row that was rolled back to another one.
    """

    def of(self, ids: Iterable[int]) -> Mapping[int, Label]:
        known = self._known
        missing = list(set(ids) - known.keys())
        if not missing:
            return known
        loaded: dict[int, Label] = {}
        for start in range(0, len(missing), _PER_QUERY):
            loaded |= self._load(set(missing[start : start + _PER_QUERY]))
        transaction.on_commit(partial(self._remember, loaded))
        return ChainMap(loaded, known)

    def _remember(self, loaded: dict[int, Label]) -> None:
        known = self._known if len(self._known) < _MOST_REMEMBERED else {}
        self._known = {**known, **loaded}


def _load_frames(ids: set[int]) -> dict[int, tuple[str, str]]:
    rows = FrameRow.objects.filter(id__in=ids).values_list("id", "function", "module")
    return {row[0]: (row[1], row[2]) for row in rows}


def _load_programs(ids: set[int]) -> dict[int, str]:
    return dict(Program.objects.filter(id__in=ids).values_list("id", "name"))


def _load_classifications(ids: set[int]) -> dict[int, str]:
    return dict(Classification.objects.filter(id__in=ids).values_list("id", "name"))


frames = _NewLabels(_load_frames)
"""(function, module) by the id of a frame."""
programs = _NewLabels(_load_programs)
classifications = _NewLabels(_load_classifications)


def frames_of(frame_ids: Sequence[int]) -> list[Frame]:
    """The frames of a stored trace, as they were when it was parsed."""
    return _frames(frame_ids, frames.of(frame_ids))


def _frames(
    frame_ids: Sequence[int], labels: Mapping[int, tuple[str, str]]
) -> list[Frame]:
    return [_frame(n, *labels[frame_id]) for n, frame_id in enumerate(frame_ids)]


def _frame(index: int, function: str, module: str) -> Frame:
    unknown = function in (UNKNOWN, NO_SYMBOLS) or function.startswith("? ")
    return Frame(index, function, module, None, None, unknown, "")


class Judged(NamedTuple):
    """The frame that is guilty of a trace, by id, and the trace's family."""

    frame_id: int | None
    family: str


def judge(ruling: Ruling, traces: Sequence[Values]) -> list[Judged]:
    """Judge traces, given as the values of `Trace.KEY`."""
    rows = cast(Sequence[tuple[int, int, Sequence[int]]], traces)
    class_names = classifications.of({row[0] for row in rows})
    program_names = programs.of({row[1] for row in rows})
    labels = frames.of(set(chain.from_iterable(row[2] for row in rows)))
    judged = []
    for classification_id, program_id, frame_ids in rows:
        matcher = ruling.rules.of(
            class_names[classification_id], program_names[program_id]
        )
        judged.append(_judge(matcher, frame_ids, _frames(frame_ids, labels)))
    return judged


def _judge(
    matcher: guilty.Matcher, frame_ids: Sequence[int], found: Sequence[Frame]
) -> Judged:
    verdict = guilty.judge(found, matcher)
    return Judged(
        None if verdict.index is None else frame_ids[verdict.index],
        guilty.family(found, verdict.notes),
    )


def guilty_ids(frame_ids: Iterable[int]) -> dict[int, int]:
    """The Guilty of each of these frames, made where there was none."""
    wanted = sorted(set(frame_ids))
    known = Guilty.objects.filter(frame_id__in=wanted)
    found = dict(known.values_list("frame_id", "id"))
    new = [Guilty(frame_id=each) for each in wanted if each not in found]
    if new:
        Guilty.objects.bulk_create(new, ignore_conflicts=True)
        found = dict(known.values_list("frame_id", "id"))
    return found
