"""Which single filters are asked for: common values, rare, old, and absent ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

import orjson
from django.db.models import Count, Max, Min, Sum

from benchmarks import dataset
from benchmarks.inside import site
from crashes.models import CrashReport
from records.filters import RecordFilter
from records.models import KindDay, MachineDay, Record

_HOUR = timedelta(hours=1)
_NAMES = (
    "classification",
    "payload_format_version",
    "build",
    "system_name",
    "kernel_version",
    "arch",
    "machine_type",
    "board_name",
    "cpu_model",
    "bios_version",
)
_RAREST = {
    "classification": "kind__classification__name",
    "build": "build__version",
    "system_name": "build__system_name",
}


class Case(NamedTuple):
    """A request: what is special about it, and its parameters."""

    what: str
    parameters: dict[str, str]

    @property
    def query(self) -> str:
        return urlencode(self.parameters)


def cases() -> list[Case]:
    """Every documented filter at least once; raises when one was forgotten."""
    found = [
        Case("no filter", {}),
        *_names(),
        *_values(),
        *_ids(),
        *_times(),
        *_texts(),
    ]
    tried = {name for each in found for name in each.parameters}
    forgotten = RecordFilter.base_filters.keys() - tried
    if forgotten:
        raise LookupError(f"No case for the filters {sorted(forgotten)}")
    return found


def _names() -> Iterator[Case]:
    """Filters on what small tables hold."""
    newest = _record("record_format_version=4")
    for name in _NAMES:
        yield Case("of the newest record", {name: str(newest[name])})
    if MachineDay.objects.filter(machine_id=dataset.RETIRED_MACHINE).exists():
        yield from _retired()
    for name, field in _RAREST.items():
        yield Case("never heard of", {name: "org.example/never/heard"})
        yield Case("rarest", {name: _rarest(field)})
    for pattern in (
        "org.clearlinux/*",
        "org.clearlinux/crash/*",
        "org.example/retired/*",
    ):
        yield Case("wildcard", {"classification": pattern})


def _retired() -> Iterator[Case]:
    """Names that `benchmarks.dataset` has put there."""
    retired = _record(f"machine_id={dataset.RETIRED_MACHINE}")
    unused = {
        **{name: str(retired[name]).replace("retired", "unused") for name in _NAMES},
        "payload_format_version": dataset.format_version("unused"),
    }
    for name in _NAMES:
        yield Case("only in the oldest 1 %", {name: str(retired[name])})
        yield Case("known, but of no record", {name: str(unused[name])})


def _values() -> Iterator[Case]:
    for severity in ("1", "4"):
        yield Case("", {"severity": severity})
    for least in ("2", "4"):
        yield Case("", {"severity_min": least})
    yield Case("only in the oldest 1 %", {"external": "true"})
    yield Case("nearly all", {"external": "false"})
    for version in ("4", "1"):
        yield Case("", {"record_format_version": version})


def _ids() -> Iterator[Case]:
    edges = Record.objects.aggregate(first=Min("id"), last=Max("id"))
    for share in (0.99, 0.01):
        between = edges["first"] + share * (edges["last"] - edges["first"])
        yield Case(f"{share:.0%} are below", {"from_id": str(int(between))})
    busiest = MachineDay.objects.values_list("machine_id").annotate(n=Sum("records"))
    yield Case("busiest", {"machine_id": busiest.order_by("-n")[0][0]})
    yield Case("of the newest record", {"machine_id": _record()["machine_id"]})
    yield Case("only in the oldest 1 %", {"machine_id": dataset.RETIRED_MACHINE})
    yield Case("none", {"machine_id": "0" * 32})
    yield Case("one", {"event_id": _record("record_format_version=4")["event_id"]})
    yield Case("none", {"event_id": "0" * 32})
    yield from _guilties()


def _guilties() -> Iterator[Case]:
    counts = CrashReport.objects.values_list("trace__guilty").annotate(n=Count("pk"))
    fullest = [pk for pk, _ in counts.order_by("-n") if pk is not None]
    yield Case("none", {"guilty": "0"})
    yield Case("of most crashes", {"guilty": str(fullest[0])})
    yield Case("of fewest crashes", {"guilty": str(fullest[-1])})
    yield Case("of some crashes", {"guilty": str(fullest[len(fullest) // 2])})


def _times() -> Iterator[Case]:
    now = datetime.now(UTC)
    oldest = Record.objects.aggregate(first=Min("received_at"))["first"]
    old = oldest + (now - oldest) / 10
    yield Case("", {"created_in_days": "1"})
    yield Case("everything", {"created_in_days": "1000"})
    yield Case("", {"created_in_sec": "3600"})
    yield Case("nothing", {"created_in_sec": "0"})
    for clock in ("received", "captured"):
        after, before = f"{clock}_after", f"{clock}_before"
        yield Case("the last hour", {after: _text(now - _HOUR)})
        yield Case("everything", {after: _text(oldest - 10 * _HOUR)})
        yield Case("the future", {after: _text(now + 100_000 * _HOUR)})
        yield Case("the first hour", {before: _text(oldest + _HOUR)})
        yield Case(
            "before the first", {before: _text(datetime(1969, 1, 1, tzinfo=UTC))}
        )
        yield Case("an old hour", {after: _text(old), before: _text(old + _HOUR)})
        week = old + 168 * _HOUR
        yield Case("an old week", {after: _text(old), before: _text(week)})
    yield Case("wrong clocks", {"captured_before": "1000000000"})
    yield Case("wrong clocks", {"ts_capture": "0"})
    yield Case("an old second", {"ts_capture": _captured(old)})
    yield Case("nothing", {"ts_capture": "1"})


def _texts() -> Iterator[Case]:
    yield Case("half of all", {"payload": "^hello"})
    yield Case("nothing", {"payload": "no such text"})
    yield Case("half of all", {"not_payload": "^hello"})
    yield Case("nothing", {"not_payload": "^"})


def _record(query: str = "") -> dict[str, Any]:
    """The newest record with these parameters, as the API gives it."""
    answered = site.get(f"/api/records?limit=1&{query}".removesuffix("&"))
    found: list[dict[str, Any]] = orjson.loads(answered.body)["records"]
    return found[0]


def _rarest(field: str) -> str:
    days = KindDay.objects.values_list(field).annotate(n=Sum("records"))
    return str(days.order_by("n", field)[0][0])


def _captured(moment: datetime) -> str:
    """A second in which a record was captured, soon after ``moment``."""
    later = Record.objects.filter(received_at__gte=moment).order_by("id")
    return str(later.values_list("captured_at", flat=True)[:1].get())


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
