"""A plausible fleet and what it sends: for demonstrations, benchmarks, tests (pure).

Machines switch to new builds as they come out, change their machine id every three
days, and send what their probes report. The same arguments give the same records.
What happens on a day is known before its records are made, so that processes can share
the days.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from hashlib import blake2b
from operator import itemgetter
from random import Random
from typing import NamedTuple

from records import demo_probes as probes
from records.demo_data import (
    CLEAR,
    EDGE,
    HARDWARE,
    OLD,
    RELEASES,
    STATIC_IDS,
    SYSTEMS_BY_ARCH,
    Hardware,
    Release,
)
from records.demo_probes import Host, Mix, Probe
from records.submission import NOT_CARRIED, Submission

DEFAULT_MACHINES = 150
DEFAULT_DAYS = 35

Placed = tuple[datetime, Submission]
"""A record with its time of reception."""

LARGEST_FLEET = 20_000
"""Machines; more records are those of a longer time."""

_DAY = 86_400
_ID_LIFE = 3 * _DAY
_LONGEST_SPOOL = 20 * 3600
_WRONG_CLOCKS = (0, 946_684_800, 2_085_978_496)  # 1970, 2000, and NTP's 2036
_RECORDS_PER_MACHINE_DAY = 1.7
_MACHINES_PER_FIRMWARE = 4000
_MOST_RELEASES = 60


class Size(NamedTuple):
    """How large a fleet is, and for how many days it sends."""

    machines: int = DEFAULT_MACHINES
    days: int = DEFAULT_DAYS

    @classmethod
    def of(cls, records: int, days: int | None = None) -> "Size":
        """What sends about ``records`` records, in so many days if they are given."""
        per_day = _RECORDS_PER_MACHINE_DAY
        if days is None:
            longest = round(records / (LARGEST_FLEET * per_day))
            days = max(DEFAULT_DAYS, longest)
        return cls(max(1, round(records / (days * per_day))), days)

    @property
    def records(self) -> int:
        """About how many it sends."""
        return round(self.machines * self.days * _RECORDS_PER_MACHINE_DAY)


def fleet_records(
    *, machines: int, days: int, until: datetime, seed: int
) -> Iterator[Placed]:
    """What a fleet sends in the ``days`` before ``until``, by time of reception.

    Generated day by day; memory grows with machines, not with days.
    """
    for day in fleet_days(Size(machines, days), until, seed):
        yield from day.records()


def fleet_days(size: Size, until: datetime, seed: int) -> Iterator["Day"]:
    """The same, by UTC day."""
    if until.tzinfo is None:
        raise ValueError("until must be aware of its time zone")
    fleet = Fleet(size.machines, until.timestamp(), size.days, seed)
    first = 0
    for midnight in midnights(size.days, until.timestamp()):
        day = Day(fleet, midnight, first, _events(fleet, midnight))
        first += len(day.events)
        yield day


def midnights(days: int, end: float) -> range:
    """When the UTC days begin that have something of the ``days`` before ``end``."""
    return range(int(_start(days, end) // _DAY) * _DAY, int(end) + 1, _DAY)


def _start(days: int, end: float) -> float:
    return end - days * _DAY


def demo_submission(rng: Random) -> Submission:
    """One record of some machine of a small fleet, captured now."""
    fleet = _live_fleet()
    machine = fleet.machines[int(rng.random() * len(fleet.machines))]
    alive = rng.random() < 0.55
    probe = probes.heartbeat if alive else machine.probes.pick(rng)
    releases = fleet.channels[machine.system_name]
    release = releases[machine.release]
    event = Event(time.time(), machine, release, releases[-1], probe)
    return _submission(rng, fleet, event, int(event.second))


# --- The fleet ----------------------------------------------------------------------


@dataclass(slots=True)
class Machine:
    """A physical machine; ``release`` is an index into the releases of its system."""

    number: int
    hardware: Hardware
    system_name: str
    flavour: str
    record_format_version: int
    presence: float
    eagerness: float
    heartbeat_at: float
    first_id_at: float
    probes: Mix[Probe]
    described: tuple[str, ...]
    static_id: str = ""
    release: int = 0

    @property
    def external(self) -> bool:
        return self.number % 20 == 3

    @property
    def faulty(self) -> bool:
        return bool(self.hardware.cpuid) and self.number % 40 == 7

    @property
    def hot(self) -> bool:
        return bool(self.hardware.cpuid) and self.number % 16 == 5

    def machine_id(self, seed: int, now: int) -> str:
        """The id that the client uses at ``now``: a new one every three days."""
        if self.static_id:
            return self.static_id
        number = int((now - self.first_id_at) // _ID_LIFE)
        text = f"{seed}/{self.number}/{number}".encode()
        return blake2b(text, digest_size=16).hexdigest()


class Event(NamedTuple):
    """A record to be: when it arrives, from which machine, and what it reports."""

    second: float
    machine: Machine
    release: Release
    newest: Release
    probe: Probe


class Fleet:
    """The machines, the builds that they run, and the source of all chance."""

    def __init__(self, machines: int, end: float, days: int, seed: int) -> None:
        self.seed = seed
        self.rng = Random(seed)  # noqa: S311 - no secret depends on it
        self.end = end
        self.start = _start(days, end)
        self.channels = RELEASES | {CLEAR: _clear_releases(self.rng, days)}
        self.machines = [
            _machine(self.rng, number, self.start) for number in range(machines)
        ]
        for machine in self.machines:
            machine.release = self._first_release(machine)

    def newest(self, system_name: str, second: float) -> int:
        """Which release of a system was the last one to come out."""
        position = (second - self.start) / (self.end - self.start)
        releases = self.channels[system_name]
        return max(n for n, each in enumerate(releases) if each.position <= position)

    def _first_release(self, machine: Machine) -> int:
        behind = int(self.rng.random() ** 2 * 0.6 / machine.eagerness)
        return max(0, self.newest(machine.system_name, self.start) - behind)


@dataclass(frozen=True)
class Day:
    """A UTC day of a fleet; ``first``: how many records came before."""

    fleet: Fleet
    midnight: int
    first: int
    events: list[Event]

    def records(self) -> Iterator[Placed]:
        """What was received, made now: nothing else depends on it."""
        rng = Random(f"{self.fleet.seed}/{self.midnight}")  # noqa: S311 - no secret
        for event in sorted(self.events, key=itemgetter(0)):
            captured = int(event.second - _delay(rng))
            received_at = datetime.fromtimestamp(event.second, UTC)
            yield received_at, _submission(rng, self.fleet, event, captured)


def _clear_releases(rng: Random, days: int) -> tuple[Release, ...]:
    """A build every third day or so, from long before the time shown to its end.

    Over a long time they come less often: once a week in a year.
    """
    gap = max(2, days / _MOST_RELEASES)
    releases: list[Release] = []
    build, day, patch = 43_210, -45.0, 3
    while day < days:
        kernel = f"6.{14 + patch // 16}.{patch % 16}-{1540 + patch}"
        position = OLD if not releases else day / days
        releases.append(Release(min(position, day / days), str(build), kernel))
        day += gap + gap * rng.random()
        build += 10 * (1 + int(rng.random() * 4))
        patch += rng.random() < 0.6
    return tuple(releases)


_MODELS = Mix(HARDWARE, [1 / (rank + 6) for rank in range(len(HARDWARE))])
_SYSTEMS = {arch: Mix.of(shares) for arch, shares in SYSTEMS_BY_ARCH.items()}
_FORMATS = Mix.of({4: 87, 3: 7, 2: 4, 1: 2})
_PRESENCE = Mix.of({1.0: 80, 0.6: 20})
# The chance that a machine updates on a day on which it could.
_EAGERNESS = Mix.of({0.65: 50, 0.25: 35, 0.03: 15})

_ANYWHERE: dict[Probe, float] = {
    probes.crash: 15,
    probes.kernel_oops: 10,
    probes.journal_error: 7,
    probes.crash_unknown: 3.5,
    probes.hello: 3.5,
    probes.crash_error: 1.2,
    probes.python_exception: 1.3,
    probes.bert: 1,
    probes.hostile: 0.5,
}
_ON_CLEAR = _ANYWHERE | {
    probes.update_checked: 4,
    probes.update_failed: 8,
    probes.update_check: 2.5,
    probes.verify: 2,
    probes.bundle_added: 1.5,
    probes.crash_build: 1.5,
    probes.installed: 0.6,
    probes.acrn: 0.6,
}
_ON_EDGE = _ANYWHERE | {probes.edge_crash: 25}
_PROBES = {CLEAR: Mix.of(_ON_CLEAR), EDGE: Mix.of(_ON_EDGE)}
_OTHER_PROBES = Mix.of(_ANYWHERE)


def _machine(rng: Random, number: int, start: float) -> Machine:
    hardware = _MODELS.pick(rng)
    system_name = _SYSTEMS[hardware.arch].pick(rng)
    version = _FORMATS.pick(rng)
    return Machine(
        number=number,
        hardware=hardware,
        system_name=system_name,
        flavour="kvm" if hardware.virtual else "native",
        record_format_version=version,
        presence=_PRESENCE.pick(rng),
        # An old client means that the machine is rarely updated.
        eagerness=_EAGERNESS.pick(rng) if version >= 3 else 0.03,
        heartbeat_at=rng.random() * (_DAY - 1200),
        first_id_at=start - rng.random() * _ID_LIFE,
        probes=_PROBES.get(system_name, _OTHER_PROBES),
        described=_described(hardware, version, number),
        static_id=_static_id(number),
    )


def _static_id(number: int) -> str:
    """Three in a hundred machines have an id that an administrator gave them."""
    rank, rest = divmod(number, 33)
    if rest != 4:
        return ""
    return STATIC_IDS[rank] if rank < len(STATIC_IDS) else f"lab rack {number}"


def _described(hardware: Hardware, version: int, number: int) -> tuple[str, ...]:
    """Host type, board, CPU and BIOS as the client of this record format sends them.

    Some of the newest clients cut each value at its first space.
    """
    *values, bios = hardware[1:5]
    revision = number // _MACHINES_PER_FIRMWARE
    values.append(f"{bios} rev. {revision}" if revision else bios)
    if version == 4 and number % 13 == 2:
        return tuple(value.split(" ")[0] for value in values)
    return tuple(values) if version >= 3 else (values[0], *[NOT_CARRIED] * 3)


@cache
def _live_fleet() -> Fleet:
    return Fleet(machines=200, end=time.time(), days=30, seed=1)


# --- A day of the fleet -------------------------------------------------------------


def _events(fleet: Fleet, midnight: int) -> list[Event]:
    """What happens on a day, in any order."""
    newest = {
        name: fleet.newest(name, max(midnight, fleet.start)) for name in fleet.channels
    }
    return [
        event
        for machine in fleet.machines
        if fleet.rng.random() < machine.presence
        for event in _machine_day(fleet, machine, midnight, newest[machine.system_name])
        if fleet.start < event.second <= fleet.end
    ]


def _machine_day(
    fleet: Fleet, machine: Machine, midnight: int, newest: int
) -> Iterator[Event]:
    """What a machine that is switched on sends in a day, in any order."""
    rng = fleet.rng
    releases = fleet.channels[machine.system_name]
    before = releases[machine.release]
    updated_at = float(midnight)
    if machine.release < newest and rng.random() < machine.eagerness:
        machine.release = newest
        updated_at = midnight + rng.random() * _DAY
        if machine.system_name == CLEAR:
            probe = probes.updated(before.build)
            yield Event(updated_at, machine, releases[newest], releases[newest], probe)
    after = releases[machine.release]
    for second, probe in _reports(rng, machine, midnight):
        release = after if second >= updated_at else before
        yield Event(second, machine, release, releases[newest], probe)


def _reports(
    rng: Random, machine: Machine, midnight: int
) -> Iterator[tuple[float, Probe]]:
    yield midnight + machine.heartbeat_at + rng.random() * 1200, probes.heartbeat
    yield from _happenings(rng, midnight, machine.probes.pick, 0.38)
    if machine.faulty:
        yield from _happenings(rng, midnight, _always(probes.machine_check), 0.55)
    if machine.hot:
        yield from _happenings(rng, midnight, _always(probes.thermal), 0.2)


def _happenings(
    rng: Random, midnight: int, pick: Callable[[Random], Probe], chance: float
) -> Iterator[tuple[float, Probe]]:
    """None, one or more things that happen on a day, most of them around noon."""
    while rng.random() < chance:
        second = midnight + (rng.random() + rng.random()) * _DAY / 2
        probe = pick(rng)
        for _ in range(_repetitions(rng, probe)):
            yield second, probe
            second = min(second + 5 + rng.random() * 60, midnight + _DAY - 1)


def _always(probe: Probe) -> Callable[[Random], Probe]:
    return lambda _rng: probe


def _repetitions(rng: Random, probe: Probe) -> int:
    """Programs are restarted and crash again; a crash error is sent twice."""
    if probe is probes.crash_error:
        return 2
    if probe is probes.crash and rng.random() < 0.04:
        return 2 + int(rng.random() * 8)
    return 1


def _delay(rng: Random) -> float:
    """Seconds between capture and reception: a few, or hours in the spool."""
    if rng.random() < 0.97:
        return 1 + rng.random() * 15
    return min(rng.expovariate(1 / 10_000), _LONGEST_SPOOL)


def _submission(rng: Random, fleet: Fleet, event: Event, captured: int) -> Submission:
    """The record of ``event`` as the machine's client would send it."""
    machine, release = event.machine, event.release
    kernel = _kernel(machine, release)
    version = machine.record_format_version
    host = Host(
        machine.number,
        machine.hardware,
        release.build,
        release.position,
        event.newest.build,
        kernel,
        version,
        captured,
    )
    report = event.probe(rng, host)
    host_type, board_name, cpu_model, bios_version = machine.described
    return Submission(
        version,
        report.severity,
        report.classification,
        machine.machine_id(fleet.seed, captured),
        captured if rng.random() >= 0.005 else _wrong_clock(rng),
        machine.hardware.arch,
        host_type,
        kernel,
        release.build,
        machine.system_name if version >= 2 else NOT_CARRIED,
        board_name,
        cpu_model,
        bios_version,
        report.payload_format_version if version >= 2 else None,
        f"{rng.getrandbits(128):032x}" if version >= 4 else None,
        machine.external,
        # Clients of format 4 add a line feed to what their probes hand over.
        report.payload + "\n" if version >= 4 else report.payload,
        None,
    )


def _kernel(machine: Machine, release: Release) -> str:
    if machine.system_name == CLEAR:
        return f"{release.kernel}.{machine.flavour}"
    return release.kernel.replace("{arch}", machine.hardware.arch)


def _wrong_clock(rng: Random) -> int:
    """A machine without a battery, or one that believed a wrong server."""
    century = _WRONG_CLOCKS[int(rng.random() * len(_WRONG_CLOCKS))]
    return century + int(rng.random() * 100_000)
