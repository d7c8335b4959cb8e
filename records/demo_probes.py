"""What the probes of a demo machine report: one function per sort of payload (pure)."""

import time
from base64 import encodebytes
from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import accumulate
from random import Random
from typing import Generic, NamedTuple, TypeVar
from zlib import crc32

from records.demo_data import (
    BUGS,
    BUNDLES,
    EDGE_BUGS,
    HOSTILE,
    HOSTILE_CLASSIFICATIONS,
    IDLE_THREADS,
    KERNEL_BUGS,
    MACHINE_CHECKS,
    MODULES,
    REGISTERS,
    SERVICES,
    TRACEBACKS,
    Bug,
    Frames,
    Hardware,
    KernelBug,
    MachineCheck,
)

CLIENT_LIMIT = 8187
"""Characters after which the client cuts a payload."""

_MOST_FRAMES = 64
_LEAST_UNSIGNALLED = 3  # clients of older record formats do not name the signal

T = TypeVar("T")


class Mix(Generic[T]):
    """Things to choose from, each with its share."""

    def __init__(self, things: Sequence[T], shares: Sequence[float]) -> None:
        self._things = things
        self._upto = list(accumulate(shares))

    @classmethod
    def of(cls, shares: Mapping[T, float]) -> "Mix[T]":
        return cls(list(shares), list(shares.values()))

    @classmethod
    def ranked(cls, things: Sequence[T], steepness: float = 1.0) -> "Mix[T]":
        """Shares that fall with the rank, as Zipf's law has it."""
        return cls(things, [(rank + 1) ** -steepness for rank in range(len(things))])

    def pick(self, rng: Random) -> T:
        upto = self._upto
        return self._things[bisect(upto, rng.random() * upto[-1], hi=len(upto) - 1)]


class Report(NamedTuple):
    """What a probe hands to the client, which adds the rest of the record."""

    classification: str
    severity: int
    payload_format_version: int
    payload: str


class Host(NamedTuple):
    """What a probe can see of the machine that it runs on.

    ``position``: of the build among the releases, see demo_data.Release.
    """

    number: int
    hardware: Hardware
    build: str
    position: float
    newest_build: str
    kernel: str
    record_format_version: int
    now: int


Probe = Callable[[Random, Host], Report]


# --- Signs of life ------------------------------------------------------------------

HEARTBEAT = Report("org.clearlinux/heartbeat/ping", 1, 1, "hello\n")


def heartbeat(_rng: Random, _host: Host) -> Report:
    return HEARTBEAT


def hello(rng: Random, _host: Host) -> Report:
    payload = "hello\n"
    if rng.random() < 0.5:
        payload += f"LC_ALL: C.UTF-8\nuptime: {_below(rng, 900_000)}\n"
    if rng.random() < 0.3:
        bundles = sorted(rng.sample(BUNDLES, 5))
        payload += f"\nBundles ({len(bundles)}):\n" + "\n".join(bundles) + "\n"
    return Report("org.clearlinux/hello/world", 1, 1, payload)


def journal_error(rng: Random, _host: Host) -> Report:
    service = _one(rng, SERVICES)
    ending = _one(
        rng,
        (
            "Main process exited, code=exited, status=1/FAILURE",
            "Main process exited, code=exited, status=203/EXEC",
            "Control process exited, code=exited, status=2/INVALIDARGUMENT",
        ),
    )
    return Report(
        "org.clearlinux/journal/error", 2, 1, f"MESSAGE={service}: {ending}\n"
    )


def python_exception(rng: Random, _host: Host) -> Report:
    program, inner, error = _one(rng, TRACEBACKS)
    payload = (
        "Traceback (most recent call last):\n"
        f'  File "{program}", line {20 + _below(rng, 4)}, in <module>\n    main()\n'
        f'  File "{program}", line 12, in main\n{inner}{error}\n\n'
    )
    return Report("org.clearlinux/python/python-exception", 3, 1, payload)


def hostile(rng: Random, _host: Host) -> Report:
    """Text that breaks a page, a spreadsheet or a log that trusts it."""
    classification, severity = _one(rng, HOSTILE_CLASSIFICATIONS)
    return Report(classification, severity, 1, _one(rng, HOSTILE))


# --- Crashes of programs ------------------------------------------------------------


def crash(rng: Random, host: Host) -> Report:
    bug = _bugs(host.position).pick(rng)
    return Report("org.clearlinux/crash/clr", 3, 1, _crash_payload(rng, host, bug))


def edge_crash(rng: Random, host: Host) -> Report:
    """The format of the crash probe, sent by another vendor."""
    bug = _edge_bugs(host.position).pick(rng)
    return Report("org.example/crash/app", 3, 1, _crash_payload(rng, host, bug))


def crash_unknown(_rng: Random, _host: Host) -> Report:
    return Report("org.clearlinux/crash/unknown", 2, 1, "Crash from third party\n")


def crash_build(_rng: Random, _host: Host) -> Report:
    payload = "Crash from Clear package build\n"
    return Report("org.clearlinux/crash/clr-build", 2, 1, payload)


def crash_error(rng: Random, host: Host) -> Report:
    """The crash probe could not unwind, or only as far as the top frame."""
    bug = _bugs(host.position).pick(rng)
    pid = _pid(rng)
    error, frames = _one(
        rng,
        (
            ("Failed to find module for current frame", ""),
            (
                f"Error while iterating through frames for thread {pid}: "
                "address out of range",
                f"#0 ??? - [{bug.program}]\n",
            ),
        ),
    )
    payload = (
        f"Process: {bug.program}\nPID: {pid}\nSignal: {bug.signal}\nError: {error}\n\n"
        f"Backtrace (TID {pid}):\n{frames}"
    )
    return Report("org.clearlinux/crash/error", 4, 1, payload)


@cache
def _bugs(position: float) -> Mix[Bug]:
    return _present(BUGS, position)


@cache
def _edge_bugs(position: float) -> Mix[Bug]:
    return _present(EDGE_BUGS, position)


def _present(bugs: Sequence[Bug], position: float) -> Mix[Bug]:
    """The bugs that a build has; one keeps its share when a commoner one is fixed."""
    ranked = enumerate(bugs, start=1)
    present = [(bug, 1 / rank) for rank, bug in ranked if _has(position, bug)]
    return Mix([bug for bug, _ in present], [share for _, share in present])


def _has(position: float, bug: Bug) -> bool:
    return bug.since <= position < bug.fixed


def _crash_payload(rng: Random, host: Host, bug: Bug) -> str:
    pid = _pid(rng)
    frames = _stack(rng, bug)
    if rng.random() < 0.06:
        frames = tuple(map(_stripped, frames))
    program = bug.program.rpartition("/")[2] if host.number % 9 == 0 else bug.program
    head = f"Process: {program}\nPID: {pid}\n"
    if host.record_format_version >= _LEAST_UNSIGNALLED:
        head += f"Signal: {bug.signal}\n"
    if len(frames) == _MOST_FRAMES:
        head += "Too many frames. Backtrace truncated.\n"
    in_main = bug.ending[-1].startswith("_start")
    others = _below(rng, bug.threads + 1)
    tids = range(pid, pid + others + 1)  # the main thread has the id of the process
    crashed = tids[0] if in_main else tids[-1]
    blocks = [head, _thread(crashed, frames)]
    blocks += [_thread(tid, _one(rng, IDLE_THREADS)) for tid in tids if tid != crashed]
    return "\n".join(blocks)[:CLIENT_LIMIT]


def _stack(rng: Random, bug: Bug) -> Frames:
    """The faulty frames, and below them what varies from one crash to the next."""
    callers = _one(rng, bug.callers)
    if not bug.recursive:
        return bug.fault + callers + bug.ending
    depth = 4 + _below(rng, 150)
    return (bug.fault + callers * depth + bug.ending)[:_MOST_FRAMES]


def _thread(tid: int, frames: Frames) -> str:
    lines = [f"#{number} {frame}\n" for number, frame in enumerate(frames)]
    return f"Backtrace (TID {tid}):\n{''.join(lines)}"


def _stripped(frame: str) -> str:
    """The same frame of a program without symbols: only the module is known."""
    _, bracket, module = frame.partition("[/")
    return f"??? - [/{module.partition(']')[0]}]" if bracket else frame


# --- The kernel ---------------------------------------------------------------------

_KERNEL_MIX = Mix.ranked(KERNEL_BUGS)
_KERNEL_SEVERITY = {"warning": 2}
_MISSING_PREFIX = {"bug", "warning"}  # these come without "org.clearlinux/" at times


def kernel_oops(rng: Random, host: Host) -> Report:
    bug = _KERNEL_MIX.pick(rng)
    lines = _kernel_lines(rng, host, bug)
    payload = "\n".join(lines)[:CLIENT_LIMIT] + "\n"
    if bug.event in _MISSING_PREFIX and rng.random() < 0.1:
        return Report(f"crash/kernel/{bug.event}", 2, 1, payload)
    severity = _KERNEL_SEVERITY.get(bug.event, 4)
    return Report(f"org.clearlinux/kernel/{bug.event}", severity, 1, payload)


def _kernel_lines(rng: Random, host: Host, bug: KernelBug) -> list[str]:
    line = 100 + crc32(host.kernel.encode()) % 3000  # the same in one kernel
    values = {"cpu": _below(rng, 16), "pid": _pid(rng), "line": line}
    lines = ["Crash Report:", "Reason: " + bug.reason.format(**values)]
    if not bug.fault:
        return lines
    lines += [f"Kernel Version : {host.kernel} #1", f"Tainted : {bug.tainted}"]
    if rng.random() < 0.7:
        lines.append("Modules : " + MODULES[host.number % len(MODULES)])
    if rng.random() < 0.15:  # newer kernels often give registers and no frames
        return lines + _registers(rng)
    lines.append("Backtrace :")
    if rng.random() < 0.5:
        lines += _registers(rng)
    frames = bug.fault + _one(rng, bug.callers)
    return lines + [f"#{n} {frame} - [kernel]" for n, frame in enumerate(frames, 1)]


def _registers(rng: Random) -> list[str]:
    bits = rng.getrandbits(len(REGISTERS))
    return [
        f"Register {name}: {'Non-zero' if bits >> n & 1 else 'Zero'}"
        for n, name in enumerate(REGISTERS)
    ]


def bert(rng: Random, host: Host) -> Report:
    """What the firmware remembers of a crash: text, or base64 from older clients."""
    block = rng.randbytes(24) + bytes(120)
    if host.record_format_version < 4:
        payload = encodebytes(block).decode("ascii")
    else:
        payload = "Crash Report:\nReason: BERT: Error records from previous boot:\n"
        payload += _hardware_error("event severity: fatal")
        payload += _hardware_error(" Error 0, type: fatal")
        payload += _hardware_error("  section type: unknown")
        for offset in range(0, 64, 16):
            words = block[offset : offset + 16].hex(" ", 4)
            payload += _hardware_error(f"  {offset:08x}: {words}")
    return Report("org.clearlinux/bert/debug", 2, 1, payload)


def _hardware_error(text: str) -> str:
    return f"[Hardware Error]: {text}\n"


# --- Processors and memory ----------------------------------------------------------

_CHECK_MIX = Mix.ranked(MACHINE_CHECKS, steepness=1.8)
_MCE_HEAD = "Hardware event. This is not a software error.\nMCE 0\n"


def machine_check(rng: Random, host: Host) -> Report:
    """Faulty memory: the same few addresses on each machine."""
    check = _CHECK_MIX.pick(rng)
    cpu = (host.number * 7) % 16
    payload = (
        f"{_MCE_HEAD}CPU {cpu} BANK {check.bank} \n"
        f"{_address(rng, host) if check.addressed else ''}"
        f"{_mce_time(host)}MCG status:{'MCIP ' if check.mcg_status else ''}\n"
        f"MCi status:\n{check.lines}\n{_mce_tail(host, cpu, check)}"
    )
    classification = f"org.clearlinux/mce/{check.event}"
    return Report(classification, check.severity, 1, payload)


def thermal(rng: Random, host: Host) -> Report:
    """Too hot, or back below; old packages file it under corrected errors."""
    cpu = _below(rng, 8)
    payload = (
        f"{_MCE_HEAD}CPU {cpu} THERMAL EVENT \n{_mce_time(host)}"
        f"STATUS {_below(rng, 2)} MCGSTATUS 0\n{_mce_end(host, cpu)}"
    )
    event = "thermal" if host.record_format_version >= 3 else "corrected"
    return Report(f"org.clearlinux/mce/{event}", 2, 1, payload)


def _address(rng: Random, host: Host) -> str:
    page = 0x1D_0000 + host.number * 0x35 + _below(rng, 3)
    return f"MISC 200001c086801086 ADDR {page << 12:x} \n"


def _mce_time(host: Host) -> str:
    return f"TIME {host.now} {time.asctime(time.gmtime(host.now))}\n"


def _mce_tail(host: Host, cpu: int, check: MachineCheck) -> str:
    return (
        f"STATUS {check.status} MCGSTATUS {check.mcg_status:x}\n{_mce_end(host, cpu)}"
    )


def _mce_end(host: Host, cpu: int) -> str:
    return (
        f"MCGCAP f000814 APICID {cpu * 2:x} SOCKETID 0 \nMICROCODE 2007006\n"
        f"CPUID {host.hardware.cpuid}\n"
    )


# --- Software updates ---------------------------------------------------------------


def updated(before: str) -> Probe:
    """The probe that reports a successful update from build ``before``."""

    def update(rng: Random, host: Host) -> Report:
        return _update(rng, host, before, host.build, 0)

    return update


def update_failed(rng: Random, host: Host) -> Report:
    if rng.random() < 0.6:
        return _update(rng, host, host.build, "-1", 11)
    return _update(rng, host, host.build, host.newest_build, 1 + _below(rng, 20))


def update_checked(rng: Random, host: Host) -> Report:
    """An update that found nothing to do."""
    return _update(rng, host, host.build, host.build, 0)


def _update(rng: Random, host: Host, before: str, after: str, result: int) -> Report:
    modern = _modern(host)
    seconds = 0.2 if before == after else 8 + rng.random() * 150
    payload = (
        f"{_swupd_head(host)}current_version={before}\nserver_version={after}\n"
        f"result={result}\ntime={seconds:5.1f}\n"
    )
    if modern:
        payload += f"bytes={_below(rng, 200_000_000) if not result else 0}\n"
    severity = 4 if result else 1 if modern else 2
    return Report("org.clearlinux/swupd-client/update", severity, 2, payload)


def verify(rng: Random, host: Host) -> Report:
    failed = rng.random() < 0.3
    mismatches = _below(rng, 9)
    counts = (
        f"file_replaced_count={mismatches}\nfile_not_replaced_count={failed:d}\n"
        f"file_missing_count={_below(rng, 5)}\nfile_fixed_count={mismatches}\n"
        "file_not_fixed_count=0\nfile_deleted_count=0\nfile_not_deleted_count=0\n"
        f"file_mismatch_count={mismatches}\nfile_extraneous_count=0\n"
    )
    payload = (
        f"{_swupd_head(host)}fix=1\nret={failed:d}\ncurrent_version={host.build}\n"
        f"{counts}"
    )
    severity = 4 if failed else 1 if _modern(host) else 2
    return Report("org.clearlinux/swupd-client/verify", severity, 2, payload)


def update_check(rng: Random, host: Host) -> Report:
    failed = rng.random() < 0.2
    payload = (
        f"{_swupd_head(host)}result={failed:d}\nversion_current={host.build}\n"
        f"version_server={'-1' if failed else host.newest_build}\n"
    )
    return Report("org.clearlinux/swupd-client/check", 3 if failed else 2, 2, payload)


def bundle_added(rng: Random, host: Host) -> Report:
    severity, bundles, result, size = (
        1,
        ", ".join(rng.sample(BUNDLES, 2)),
        0,
        31_337_042,
    )
    if rng.random() < 0.15:
        severity, bundles, result, size = 2, "no-such-bundle", 6, 0
    payload = (
        f"{_swupd_head(host)}bundles={bundles}\ncurrent_version={host.build}\n"
        f"result={result}\nbytes={size}\n"
    )
    return Report("org.clearlinux/swupd-client/bundleadd", severity, 2, payload)


def _modern(host: Host) -> bool:
    return host.record_format_version >= 4


def _swupd_head(host: Host) -> str:
    version = "5.0.6" if _modern(host) else "3.22.7"
    return f"PACKAGE_NAME=swupd-client\nPACKAGE_VERSION={version}\n"


# --- Installer, and the probes of ACRN ----------------------------------------------


def installed(rng: Random, host: Host) -> Report:
    if rng.random() < 0.25:
        payload = "version=3.0.2\nfailed to mount /dev/sda3: wrong fs type\n"
        return Report("org.clearlinux/clr-installer/failure", 3, 1, payload)
    payload = (
        "version=3.0.2\ntargetMedia:\n- name: ${sda}\n  type: disk\n  children:\n"
        "  - name: ${sda1}\n    fstype: vfat\n    mountpoint: /boot\n"
        f"bundles:\n- os-core\n- os-core-update\n- {_one(rng, BUNDLES)}\n"
        f"keyboard: de\nlanguage: de_DE.UTF-8\ntelemetry: true\nversion: {host.build}\n"
    )
    return Report("org.clearlinux/clr-installer/success", 1, 1, payload)


def acrn(rng: Random, host: Host) -> Report:
    event = _below(rng, 4)
    directory = f"/var/log/acrnprobe/crashlog/crash{event}_{rng.getrandbits(40):010x}"
    uptime = f"{12 * (1 + _below(rng, 4)):04d}:00:00"
    classification, severity, payload = (
        ("clearlinux/crash/IPANIC", 4, f"{directory}/console-ramoops-0"),
        ("clearlinux/swupdate/-", 2, f"system update to: {host.build}"),
        (f"clearlinux/uptime/{uptime}", 2, f"system boot time: {uptime}"),
        ("clearlinux/reboot/warm", 2, f"{directory}/reboot_reason"),
    )[event]
    return Report(classification, severity, 1, payload + "\n")


# --- Chance -------------------------------------------------------------------------


def _one(rng: Random, things: Sequence[T]) -> T:
    return things[int(rng.random() * len(things))]


def _below(rng: Random, limit: int) -> int:
    return int(rng.random() * limit)


def _pid(rng: Random) -> int:
    return 300 + _below(rng, 60_000)
