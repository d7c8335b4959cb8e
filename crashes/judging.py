"""Rules as the database has them, compiled; and traces judged by them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple, cast

from crashes import guilty
from crashes.backtrace import NO_SYMBOLS, UNKNOWN, Frame
from crashes.models import Frame as FrameRow
from crashes.models import Guilty, Program, RulesVersion
from records.labels import Labels
from records.models import Classification
from records.names import Values

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


def _load_frames(ids: set[int]) -> dict[int, tuple[str, str]]:
    rows = FrameRow.objects.filter(id__in=ids).values_list("id", "function", "module")
    return {row[0]: (row[1], row[2]) for row in rows}


def _load_programs(ids: set[int]) -> dict[int, str]:
    return dict(Program.objects.filter(id__in=ids).values_list("id", "name"))


def _load_classifications(ids: set[int]) -> dict[int, str]:
    return dict(Classification.objects.filter(id__in=ids).values_list("id", "name"))


frames = Labels(_load_frames)
"""(function, module) by the id of a frame."""
programs = Labels(_load_programs)
classifications = Labels(_load_classifications)


def frames_of(frame_ids: Sequence[int]) -> list[Frame]:
    """The frames of a stored trace, as they were when it was parsed."""
    labels = frames.of(frame_ids)
    return [_frame(n, *labels[frame_id]) for n, frame_id in enumerate(frame_ids)]


def _frame(index: int, function: str, module: str) -> Frame:
    unknown = function in (UNKNOWN, NO_SYMBOLS) or function.startswith("? ")
    return Frame(index, function, module, None, None, unknown, "")


class Judged(NamedTuple):
    """The frame that is guilty of a trace, by id, and the trace's family."""

    frame_id: int | None
    family: str


def judge(ruling: Ruling, trace: Values) -> Judged:
    """Judge a trace, given as the values of `Trace.KEY`."""
    classification_id, program_id, frame_ids = cast(tuple[int, int, list[int]], trace)
    matcher = ruling.rules.of(
        classifications.one(classification_id), programs.one(program_id)
    )
    found = frames_of(frame_ids)
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
