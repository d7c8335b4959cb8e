"""What the built-in conditions read equals a recount of what was sent."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest

from alerts.builtin import crash_rates, new_guilties, refused_spikes, silence
from alerts.conditions import Reading, Watch
from alerts.evaluation import evaluate_due
from alerts.models import Alert, Rule
from records.models import Build, Record, RefusedDay, TelemetryId
from records.scope import Scope
from records.store import insert_records
from tests.crashes.factories import crashing, digest
from tests.factories import stored, submission

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 20, 6, tzinfo=UTC)
HEARTBEAT = "org.clearlinux/heartbeat/ping"


def watch(days: int = 7, system_name: str = "", minimum: float = 0) -> Watch:
    start = NOW.date() - timedelta(days=days - 1)
    return Watch(Scope(start, NOW.date(), system_name), minimum, NOW)


def by_subject(readings: object) -> dict[str, Reading]:
    return {each.subject: each for each in readings}


@pytest.fixture
def fleet(db: None) -> None:
    """Crashes and heartbeats of three weeks, from two systems."""
    random = Random(5)
    rows = []
    for _ in range(400):
        sent = {
            "system_name": random.choice(["clear", "other"]),
            "build": random.choice(["10", "20", "30"]),
            "machine_id": random.choice("abcdefgh"),
        }
        at = NOW - timedelta(hours=random.randrange(21 * 24))
        function = random.choice(["f1", "f2", "f3"])
        if at > NOW - timedelta(days=6) and random.random() < 0.3:
            function = f"new{random.randrange(3)}"
        row = random.choice(
            [
                crashing((function, "m.so"), **sent),
                submission(classification=HEARTBEAT, **sent),
                submission(classification=HEARTBEAT, **sent),
            ]
        )
        rows.append((at, row))
    insert_records(sorted(rows, key=lambda row: row[0]))
    digest()


class Sent:
    """A record, as these conditions count it."""

    def __init__(self, record: Record) -> None:
        self.day: date = record.received_at.astimezone(UTC).date()
        self.system = record.build.system_name
        self.build = record.build_id
        self.machine = record.machine_id
        _, found, rest = record.payload.partition("#0 ")
        self.function = rest.partition(" - ")[0] if found else ""


def everything() -> list[Sent]:
    return list(map(Sent, Record.objects.select_related("build")))


def inside(watch: Watch) -> list[Sent]:
    return [
        each
        for each in everything()
        if watch.scope.start <= each.day <= watch.scope.end
        and watch.scope.system_name in ("", each.system)
    ]


WATCHES = [watch(7), watch(1), watch(21), watch(7, "clear"), watch(14, "other")]


def test_new_guilties_equal_a_recount(fleet):
    for asked in WATCHES:
        crashes = [each for each in inside(asked) if each.function]
        before = {
            each.function for each in everything() if each.day < asked.scope.start
        }
        machines = {
            function: len({e.machine for e in crashes if e.function == function})
            for function in {each.function for each in crashes} - before
        }
        found = list(new_guilties(asked))
        assert {each.title: each.value for each in found} == {
            f"{function} [m.so]": n for function, n in machines.items()
        }
        for each in found:
            assert each.link == f"/crashes/guilty_details/{each.subject}"
            assert each.sure


def test_some_guilties_are_new(fleet):
    assert len(list(new_guilties(watch(7)))) == 3


def test_crash_rates_equal_a_recount(fleet):
    for asked in [*WATCHES, watch(7, minimum=14)]:
        sent = inside(asked)
        crashes = Counter(each.build for each in sent if each.function)
        heartbeats = {(e.build, e.day, e.machine) for e in sent if not e.function}
        days = Counter(build for build, *_ in heartbeats)
        found = by_subject(crash_rates(asked))
        assert {subject: each.value for subject, each in found.items()} == {
            str(build): round(100 * n / days[build], 2)
            for build, n in crashes.items()
            if days[build]
        }
        for subject, each in found.items():
            assert each.sure == (days[int(subject)] >= asked.minimum)
            build = Build.objects.get(pk=subject)
            assert each.title == f"{build.system_name} {build.version}"
            assert f"{crashes[build.pk]} crashes in {days[build.pk]} mac" in each.text
    assert {each.sure for each in found.values()} == {True, False}


@pytest.mark.parametrize(
    "name", ["\U0001f600" * 256, "", "<b>&\n", "../x?y#z", "\u202e"]
)
def test_no_name_of_a_build_stops_the_reading(rule_of_everything, name):
    at = NOW - timedelta(hours=1)
    place = {"system_name": name or "x", "build": name or "x"}
    rows = [submission(classification=HEARTBEAT, machine_id=name[:32], **place)]
    rows += [crashing((name or "f", "m.so"), machine_id=name[:32], **place)]
    insert_records([(at, row) for row in rows])
    digest()
    assert evaluate_due(NOW) == 2
    assert set(Rule.objects.values_list("problem", flat=True)) == {""}
    assert Alert.objects.filter(rule__condition="crash-rate").count() == 1


@pytest.fixture
def rule_of_everything(db: None) -> None:
    for name in ("new-guilty", "crash-rate"):
        Rule.objects.create(name=name, condition=name, threshold=0.1, days=7)


# --- Silence ------------------------------------------------------------------------


@pytest.fixture
def fleets(db: None) -> None:
    for name, active in (("north", True), ("south", True), ("gone", False)):
        TelemetryId.objects.create(value=f"id-{name}", label=name, active=active)
    TelemetryId.objects.create(value="id-never", label="never")


def from_fleet(name: str, hours: float, **changes: object) -> None:
    telemetry_id = TelemetryId.objects.get(label=name).pk
    at = NOW - timedelta(hours=hours)
    stored(at, telemetry_id=telemetry_id, **changes)


def test_silence_is_of_each_active_fleet_that_ever_sent(fleets):
    from_fleet("north", 30, system_name="clear")
    from_fleet("north", 2, severity=3, system_name="clear")
    from_fleet("south", 26.5, system_name="other")
    from_fleet("gone", 100)
    found = by_subject(silence(watch()))
    assert {name: each.value for name, each in found.items()} == {
        "north": 2,
        "south": 26.5,
    }
    assert found["south"].title == "Fleet south"
    assert "2026-03-19 03:30 UTC" in found["south"].text


def test_silence_of_an_operating_system_is_of_all_its_fleets(fleets):
    from_fleet("north", 3, system_name="clear", build="1")
    from_fleet("south", 2, system_name="clear", build="2")
    from_fleet("south", 1, system_name="other")
    (found,) = silence(watch(system_name="clear"))
    assert (found.subject, found.value) == ("clear", 2)
    assert list(silence(watch(system_name="nothing"))) == []


def test_silence_goes_on_when_the_last_record_is_deleted(fleets):
    from_fleet("north", 72)
    digest()
    Record.objects.all().delete()
    (found,) = silence(watch())
    assert (found.subject, found.value) == ("north", 54)


def test_a_record_of_a_moment_ago_is_no_silence(fleets):
    from_fleet("north", -0.5)
    (found,) = silence(watch())
    assert found.value == 0


# --- Refused requests ---------------------------------------------------------------


def refused(code: str, *counts: int) -> None:
    """On today, yesterday and the days before."""
    for back, n in enumerate(counts):
        day = NOW.date() - timedelta(days=back)
        RefusedDay.objects.create(day=day, code=code, refused=n)


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        ((500, 10, 10, 10, 10, 10, 10), 50),
        ((0, 500, 10, 10, 10, 10, 10), 50),
        ((500, 300, 50), 50),
        ((40,), 40),
        ((0, 0, 70), 0),
        ((7, 7, 7, 7, 7, 7, 7, 9999), 1),
    ],
)
def test_requests_refused_in_a_day_are_compared_with_the_days_before(counts, value):
    refused("unknown_id", *counts)
    refused("other", 1, 1, 1, 1, 1, 1, 1)
    found = by_subject(refused_spikes(watch(7, minimum=40)))
    assert found["unknown_id"].value == value
    assert found["unknown_id"].sure == (max(counts[:2]) >= 40)
    assert (found["other"].value, found["other"].sure) == (1, False)
    assert found["unknown_id"].title == "Refused: unknown_id"


def test_without_refusals_there_is_nothing_to_read():
    assert list(refused_spikes(watch())) == []
