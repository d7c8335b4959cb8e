"""Machine checks and thermal events of tests, and what was counted of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from django.http import QueryDict

from records.digest import digest_batch
from records.models import Record
from records.spans import fold
from records.store import insert_records
from records.submission import Submission
from records.versions import version_key
from tests.factories import submission
from views_plugins import filters
from views_plugins.charts import Chart, Content
from views_plugins.registry import Plugin

_TICK = timedelta(microseconds=1)
_MIDNIGHTS = (
    datetime(2025, 12, 22, tzinfo=UTC),  # a Monday
    datetime(2025, 12, 29, tzinfo=UTC),  # a Monday: week 1 of 2026
    datetime(2026, 1, 1, tzinfo=UTC),
    datetime(2026, 1, 5, tzinfo=UTC),
)
MOMENTS = (
    *_MIDNIGHTS,
    *(midnight - _TICK for midnight in _MIDNIGHTS),
    *(midnight + timedelta(hours=30) for midnight in _MIDNIGHTS),
)
BUILDS = (("clear", "9990"), ("clear", "10010"), ("clear", "33000"), ("other", "40.1"))
CHECKS = (
    ("corrected", "Corrected error", "9c00004001010091", "Memory controller", 1),
    ("corrected", "Corrected error", "9000004000000135", "Cache hierarchy", None),
    ("UCNA", "Uncorrected error", "bc0000000000009f", "Memory controller", None),
    ("SRAO", "Uncorrected error", "bd000000000000c0", "Memory controller", 0),
    ("corrected", "Corrected error", "", "No status", None),
)
HEARTBEAT = "org.clearlinux/heartbeat/ping"


def check(said: str, status: str, *, socket: int = 0, cpu: int = 3) -> str:
    """A payload of mcelog, with or without a line of STATUS."""
    line = f"STATUS {status} MCGSTATUS 0\n" if status else ""
    return (
        "Hardware event. This is not a software error.\nMCE 0\n"
        f"CPU {cpu} BANK 7 \nMISC 8c ADDR 1d0035000 \nMCi status:\n{said}\n{line}"
        f"MCGCAP f000814 APICID 0 SOCKETID {socket} \n"
    )


def hot(status: str = "1", cpu: int = 2) -> str:
    return (
        "Hardware event. This is not a software error.\nMCE 0\n"
        f"CPU {cpu} THERMAL EVENT \nSTATUS {status} MCGSTATUS 0\n"
    )


def mixed(count: int = 300, seed: int = 7) -> list[tuple[datetime, Submission]]:
    """Checks, thermal events of new and old clients, heartbeats and others."""
    random = Random(seed)
    rows = []
    for _ in range(count):
        classification, payload = _event(random)
        build = random.choice(BUILDS)
        sent = submission(
            classification=classification,
            payload=payload,
            system_name=build[0],
            build=build[1],
            machine_id=random.choice("stuvwxyz"),
            external=random.random() < 0.3,
        )
        rows.append((random.choice(MOMENTS), sent))
    return rows


def _event(random: Random) -> tuple[str, str]:
    vendor = random.choice(["org.clearlinux", "org.example"])
    event, said, status, _, _ = random.choice(CHECKS)
    return random.choice(
        [
            (f"{vendor}/mce/{event}", check(said, status, socket=random.randrange(2))),
            (f"{vendor}/mce/thermal", hot(random.choice("01"))),
            (f"{vendor}/mce/corrected", hot(random.choice("01"))),
            (HEARTBEAT, "hello\n"),
            (f"{vendor}/mce-like/corrected", check(said, status)),
        ]
    )


def digested(rows: Iterable[tuple[datetime, Submission]]) -> None:
    """Some of it before days are summed up, some after."""
    sent = list(rows)
    for some, most in ((sent[::2], None), (sent[1::2], 20)):
        insert_records(some)
        while digest_batch(1000):
            pass
        fold(datetime(2026, 1, 13, tzinfo=UTC), most)


# --- Counted again, from the records themselves -------------------------------------


class Sent(NamedTuple):
    """A record, as far as it is counted; ``event`` is its class, or `thermal`."""

    id: int
    day: date
    machine: str
    build: tuple[str, str]
    external: bool
    classification: str
    event: str
    payload: str

    @property
    def monday(self) -> date:
        year, week, _ = self.day.isocalendar()
        return date.fromisocalendar(year, week, 1)

    @property
    def uncorrected(self) -> bool:
        return "Uncorrected" in self.payload

    @property
    def above(self) -> bool:
        return "STATUS 1 " in self.payload

    @property
    def word(self) -> str:
        before, found, _ = self.payload.partition(" MCGSTATUS")
        return before[-8:] if found else ""

    @property
    def error(self) -> str:
        return next(c[3] for c in CHECKS if not c[2] or c[2] in self.payload)

    @property
    def place(self) -> str:
        socket = f"socket {self.payload.partition('SOCKETID ')[2][0]}"
        channel = next(c[4] for c in CHECKS if not c[2] or c[2] in self.payload)
        return socket if channel is None else f"{socket}, channel {channel}"


def all_sent() -> Iterator[Sent]:
    rows = Record.objects.order_by("id").values_list(
        "id",
        "received_at",
        "machine_id",
        "build__system_name",
        "build__version",
        "kind__external",
        "kind__classification__name",
        "payload",
    )
    for pk, at, machine, system, version, external, name, payload in rows:
        _, sender, event = name.split("/")
        kind = event if sender == "mce" else ""
        yield Sent(
            pk,
            at.astimezone(UTC).date(),
            machine,
            (system, version),
            external,
            name,
            "thermal" if kind and "THERMAL" in payload else kind,
            payload,
        )


def inside(asked: filters.Filters) -> list[Sent]:
    scope = asked.scope
    return [
        each
        for each in all_sent()
        if asked.start <= each.day <= asked.end
        and scope.system_name in ("", each.build[0])
        and scope.external in (None, each.external)
    ]


def checks(asked: filters.Filters) -> list[Sent]:
    return [each for each in inside(asked) if each.event not in ("", "thermal")]


def thermal(asked: filters.Filters) -> list[Sent]:
    return [each for each in inside(asked) if each.event == "thermal"]


def machine_days(asked: filters.Filters) -> set[tuple[date, str, str, bool]]:
    """Days on which a machine sent a heartbeat, from each system and source."""
    return {
        (each.day, each.machine, each.build[0], each.external)
        for each in inside(asked)
        if each.classification == HEARTBEAT
    }


def rate(events: int, days: int) -> float | None:
    return round(events * 1000 / days, 2) if days else None


# --- What a view shows --------------------------------------------------------------


def asked(plugin: Plugin, query: str = "", today: date = date(2026, 1, 6)) -> Any:
    return filters.parse(plugin, QueryDict(query), today=today)


def part(content: Content, key: str) -> Any:
    found = content.part(key)
    assert found is not None
    return found


def numbers(chart: Chart) -> dict[str, tuple[Any, ...]]:
    """The values of each category, in the order of the series."""
    return {
        label.text: tuple(each.values[n] for each in chart.series)
        for n, label in enumerate(chart.categories)
    }


def figures(content: Content) -> dict[str, Any]:
    return {figure.label: figure.value for figure in content.figures}


def by_version(builds: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted(set(builds), key=lambda each: (each[0], version_key(each[1])))


def ranked(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda each: (-each[1], each[0]))


WINDOWS = (
    "",
    "days=1",
    "days=7",
    "days=28",
    "days=all",
    "start=2025-12-31&end=2026-01-01",
    "start=2025-12-22&end=2026-01-04",
    "days=28&system_name=clear",
    "days=28&system_name=other&external=true",
    "days=28&external=false",
    "start=2024-01-01&end=2024-01-31",
)
