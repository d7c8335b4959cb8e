"""What mcelog and kernels print of a machine check or thermal event, decoded (pure).

Only what is architectural is decoded (Intel SDM vol. 3B, "Interpreting machine check
error codes"); what only one model of processor knows stays a number. `parse` never
raises: what a text does not say, or says in an unknown way, is None or an empty text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

THERMAL = "thermal"
CORRECTED = "corrected"
UNKNOWN_CHANNEL = 0xF
NO_STATUS = "No status"
NOT_ARCHITECTURAL = "Not architectural"

_LONGEST_LINE = 200
_FILTERED = 1 << 12
_VENDORS = ("Intel", "Cyrix", "AMD", "UMC", "vendor 4", "Centaur")
_INTEL = {"", "Intel", "GenuineIntel"}
_MCG_FLAGS = {"RIPV": 0, "EIPV": 1, "MCIP": 2, "LMCE": 3}
_FLAGS = {
    "VAL": 63,
    "OVER": 62,
    "UC": 61,
    "EN": 60,
    "MISCV": 59,
    "ADDRV": 58,
    "PCC": 57,
}
_INTEL_FLAGS = _FLAGS | {"S": 56, "AR": 55}


# --- Error codes --------------------------------------------------------------------


class _Part(NamedTuple):
    """Some bits of an error code, and what each value means."""

    shift: int
    names: tuple[str, ...]

    def of(self, code: int) -> str:
        value = code >> self.shift & (1 << (len(self.names) - 1).bit_length()) - 1
        return self.names[value] if value < len(self.names) else ""


class _Form(NamedTuple):
    """Error codes of one class: the bits they share, and the parts of the others."""

    mask: int
    value: int
    name: str
    parts: tuple[_Part, ...] = ()


class ErrorCode(NamedTuple):
    """MCACOD: what sort of error, and what the rest of the code says of it."""

    name: str
    detail: str = ""
    channel: int | None = None
    filtered: bool = False


_LEVEL = _Part(0, ("level 0", "level 1", "level 2", "any level"))
_CONTENT = _Part(2, ("instruction", "data", "generic", ""))
_REQUEST = _Part(
    4,
    (
        *("any request", "read", "write", "data read", "data write"),
        *("instruction fetch", "prefetch", "eviction", "snoop"),
        *[""] * 7,
    ),
)
_PARTICIPATION = _Part(
    9, ("originated here", "responded here", "seen as third party", "any participation")
)
_TIMEOUT = _Part(8, ("", "timed out"))
_ACCESS = _Part(2, ("memory access", "", "I/O", "other transaction"))
_TRANSACTION = _Part(
    4,
    (
        *("any transaction", "memory read", "memory write", "address or command"),
        *("memory scrubbing", "", "", ""),
    ),
)
_BY_CHANNEL = {"Memory controller", "Near memory"}
_FORMS = (
    _Form(0xFFFF, 0x0000, "No error"),
    _Form(0xFFFF, 0x0001, "Unclassified"),
    _Form(0xFFFF, 0x0002, "Microcode ROM parity"),
    _Form(0xFFFF, 0x0003, "External"),
    _Form(0xFFFF, 0x0004, "FRC"),
    _Form(0xFFFF, 0x0005, "Internal parity"),
    _Form(0xFFFF, 0x0006, "SMM handler code access"),
    _Form(0xFFFF, 0x0400, "Internal timer"),
    _Form(0xFFFF, 0x0E0B, "I/O"),
    _Form(0xFC00, 0x0400, "Internal unclassified"),
    _Form(0xEFFC, 0x000C, "Generic cache hierarchy", (_LEVEL,)),
    _Form(0xEFF0, 0x0010, "TLB", (_CONTENT, _LEVEL)),
    _Form(0xEF80, 0x0080, "Memory controller", (_TRANSACTION,)),
    _Form(0xEF00, 0x0100, "Cache hierarchy", (_REQUEST, _CONTENT, _LEVEL)),
    _Form(0xEF80, 0x0280, "Near memory", (_TRANSACTION,)),
    _Form(
        0xE800,
        0x0800,
        "Bus and interconnect",
        (_PARTICIPATION, _TIMEOUT, _REQUEST, _ACCESS, _LEVEL),
    ),
)
ERROR_CLASSES = (*(form.name for form in _FORMS), NOT_ARCHITECTURAL, NO_STATUS)


def decode(mcacod: int) -> ErrorCode:
    """The meaning of the low 16 bits of STATUS."""
    form = next((f for f in _FORMS if mcacod & f.mask == f.value), None)
    if form is None:
        return ErrorCode(NOT_ARCHITECTURAL)
    details = filter(None, (part.of(mcacod) for part in form.parts))
    channel = mcacod & 0xF if form.name in _BY_CHANNEL else UNKNOWN_CHANNEL
    return ErrorCode(
        name=form.name,
        detail=", ".join(details),
        channel=None if channel == UNKNOWN_CHANNEL else channel,
        filtered=bool(form.parts and mcacod & _FILTERED),
    )


# --- One event ----------------------------------------------------------------------


class Cpu(NamedTuple):
    vendor: str
    family: int | None = None
    model: int | None = None
    step: int | None = None

    def __str__(self) -> str:
        numbers = zip(("family", "model", "step"), self[1:], strict=True)
        known = [f"{name} {value}" for name, value in numbers if value is not None]
        return " ".join([self.vendor, *known])


@dataclass(frozen=True, slots=True)
class MachineCheck:
    """The first event of a payload, and how many ``events`` it has."""

    kind: str
    events: int = 1
    cpu: int | None = None
    bank: int | None = None
    status: int | None = None
    mcgstatus: int | None = None
    addr: int | None = None
    misc: int | None = None
    tsc: int | None = None
    time: int | None = None
    socket: int | None = None
    apicid: int | None = None
    microcode: int | None = None
    cpuid: Cpu | None = None
    mca: str = ""
    transaction: str = ""
    status_word: str = ""
    """What the predecessor took for the status: the eight digits before MCGSTATUS."""
    said_channel: int | None = None
    said: bool | None = None
    """What the text says in words: uncorrected; of a thermal event: above."""

    @property
    def intel(self) -> bool:
        """Whether bits that only Intel defines mean what they mean there."""
        return self.cpuid is None or self.cpuid.vendor in _INTEL

    @property
    def flags(self) -> tuple[str, ...]:
        if self.kind == THERMAL:
            return ()
        return _set_flags(self.status, _INTEL_FLAGS if self.intel else _FLAGS)

    @property
    def uncorrected(self) -> bool:
        """By STATUS; without it by what is said, or by the class of the event."""
        if self.kind == THERMAL:
            return False
        if self.status is not None:
            return "UC" in self.flags
        if self.said is not None:
            return self.said
        return self.kind in {"SRAO", "SRAR", "UCNA", "AR"}

    @property
    def above(self) -> bool | None:
        """Whether a thermal event is that of getting too hot."""
        if self.kind != THERMAL:
            return None
        return self.said if self.status is None else bool(self.status & 1)

    @property
    def mcacod(self) -> int | None:
        if self.status is None or self.kind == THERMAL:
            return None
        return self.status & 0xFFFF

    @property
    def mscod(self) -> int | None:
        """The error code that only this model of an Intel processor knows."""
        if self.mcacod is None or not self.intel:
            return None
        return (self.status or 0) >> 16 & 0xFFFF

    @property
    def error(self) -> ErrorCode:
        return ErrorCode(NO_STATUS) if self.mcacod is None else decode(self.mcacod)

    @property
    def corrected_count(self) -> int | None:
        """Corrected errors that the bank counted (an Intel bank may)."""
        if self.mcacod is None or not self.intel:
            return None
        return (self.status or 0) >> 38 & 0x7FFF

    @property
    def channel(self) -> int | None:
        """The memory channel."""
        coded = self.error.channel
        return self.said_channel if coded is None else coded

    @property
    def severity(self) -> str:
        """What the bits of STATUS ask the system to do."""
        flags = self.flags
        if self.mcacod is None:
            return ""
        if "UC" not in flags:
            return "corrected"
        if "PCC" in flags:
            return "uncorrected, processor context corrupt"
        if not self.intel:
            return "uncorrected"
        return _ACTIONS["S" in flags, "AR" in flags]


_ACTIONS = {
    (False, False): "uncorrected, no action required (UCNA)",
    (True, False): "uncorrected, action optional (SRAO)",
    (True, True): "uncorrected, action required (SRAR)",
    (False, True): "uncorrected, AR without S (reserved)",
}


def is_thermal(classification: str, payload: str) -> bool:
    """Old senders filed thermal events under corrected errors."""
    event = classification.rpartition("/")[2]
    return event == THERMAL or (event in {CORRECTED, ""} and "THERMAL" in payload)


def parse(payload: str, classification: str = "") -> MachineCheck:
    """Whatever ``payload`` says of its first event; never raises."""
    text = _PREFIX.sub("", payload)
    starts = list(_NUMBER.finditer(text)) or list(_START.finditer(text))
    if len(starts) > 1:
        text = text[: starts[1].start()]
    thermal = is_thermal(classification, payload)
    return MachineCheck(
        kind=THERMAL if thermal else classification.rpartition("/")[2],
        events=max(1, len(starts)),
        **{name: _number(text, name) for name in _NUMBERS},
        cpuid=_cpu(text),
        mca=_line(_MCA, text),
        transaction=_line(_TRANSACTION_LINE, text),
        status_word=_line(_STATUS_WORD, text).lower(),
        said=_said(text, _SAYS_ABOVE if thermal else _SAYS_UNCORRECTED),
    )


# --- Reading text -------------------------------------------------------------------

_OPTIONS = re.ASCII | re.IGNORECASE | re.MULTILINE
_IS = r"[ \t:=]{1,40}"
_DECIMAL = rf"{_IS}([0-9]{{1,9}})(?!\w)"
_HEX = r"(?:0x)?([0-9a-f]{1,16})(?!\w)"

# What comes before the text of a line in syslog and in the log of the kernel.
_PREFIX = re.compile(
    r"^.*?(?:mcelog(?:\[[0-9]+\])?|\[Hardware Error\]):[ \t]*", _OPTIONS
)
# Where an event begins: "MCE 0" in logs of mcelog, "CPU 0 …" wherever it is missing.
_NUMBER = re.compile(r"^[ \t]*MCE[ \t]+[0-9]+[ \t\r]*$", _OPTIONS)
_START = re.compile(r"^[ \t]*CPU[ \t]+[0-9]+(?!\w)(?!.*has large)", _OPTIONS)

# The forms of each number and their base: of mcelog first, then of the kernel.
_FORMS_OF = {
    "cpu": ((rf"CPU{_DECIMAL}", 10),),
    "bank": (
        (rf"BANK{_DECIMAL}", 10),
        (r"CPU [0-9]{1,9} ([0-9]{1,9}) [a-z]", 10),
        (r"MC([0-9]{1,9}):", 10),
    ),
    "status": (
        (rf"STATUS{_IS}{_HEX}", 16),
        (rf"(?:BANK |MC)[0-9]{{1,9}}:[ \t]{{0,16}}{_HEX}", 16),
    ),
    "mcgstatus": (
        (rf"MCGSTATUS{_IS}{_HEX}", 16),
        (rf"Machine Check(?: Exception)?{_IS}{_HEX}", 16),
    ),
    "addr": ((rf"ADDR{_IS}{_HEX}", 16),),
    "misc": ((rf"MISC{_IS}{_HEX}", 16),),
    "tsc": ((rf"TSC{_IS}{_HEX}", 16),),
    "time": ((rf"TIME{_IS}([0-9]{{1,11}})(?!\w)", 10),),
    "socket": (
        (rf"SOCKETID{_IS}(?:0x)?([0-9a-f]{{1,4}})(?!\w)", 16),
        (rf"SOCKET{_DECIMAL}", 10),
    ),
    "apicid": ((rf"APIC(?:ID)?{_IS}{_HEX}", 16),),
    "microcode": ((rf"MICROCODE{_IS}{_HEX}", 16),),
    "said_channel": ((rf"Memory channel ID of error{_DECIMAL}", 10),),
}
_NUMBERS = {
    name: tuple((re.compile(rf"(?<!\w){form}", _OPTIONS), base) for form, base in forms)
    for name, forms in _FORMS_OF.items()
}
_CPUID = re.compile(
    r"(?<!\w)CPUID Vendor ([^\n]{1,40}?) Family ([0-9]{1,4})"
    r" Model ([0-9]{1,4})(?: Step(?:ping)? ([0-9]{1,4}))?(?!\w)",
    _OPTIONS,
)
_SIGNATURE = re.compile(
    rf"(?<!\w)PROCESSOR{_IS}([0-9]{{1,3}}):(?:0x)?([0-9a-f]{{1,8}})(?!\w)", _OPTIONS
)
_AMD_BANK = re.compile(r"^[ \t]*CPU [0-9]+ [0-9]+ [a-z]", _OPTIONS)
_MCA = re.compile(
    r"^[ \t]*MCA:((?:[ \t]*corrected filtering[^\n]*\n)?[^\n]*)", _OPTIONS
)
_TRANSACTION_LINE = re.compile(r"^[ \t]*Transaction:([^\n]*)", _OPTIONS)
_STATUS_WORD = re.compile(r"([0-9a-f]{8})\s+MCGSTATUS", _OPTIONS)
_SAYS_ABOVE = re.compile(r"(above)|below", _OPTIONS)
_SAYS_UNCORRECTED = re.compile(r"(uncorrected)|corrected", _OPTIONS)


def _number(text: str, name: str) -> int | None:
    for pattern, base in _NUMBERS[name]:
        if found := pattern.search(text):
            return int(found[1], base)
    return None


def _line(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return " ".join(found[1].split())[:_LONGEST_LINE] if found else ""


def _said(text: str, pattern: re.Pattern[str]) -> bool | None:
    found = pattern.search(text)
    return None if found is None else found[1] is not None


def _cpu(text: str) -> Cpu | None:
    if found := _CPUID.search(text):
        return Cpu(found[1], *(n if n is None else int(n) for n in found.groups()[1:]))
    if found := _SIGNATURE.search(text):
        return _signed(int(found[1]), int(found[2], 16))
    return Cpu("AMD") if _AMD_BANK.search(text) else None


def _signed(vendor: int, signature: int) -> Cpu:
    """A processor by its CPUID signature."""
    name = _VENDORS[vendor] if vendor < len(_VENDORS) else f"vendor {vendor}"
    family, model = signature >> 8 & 0xF, signature >> 4 & 0xF
    if family in (0x6, 0xF):
        model += (signature >> 16 & 0xF) << 4
    if family == 0xF:
        family += signature >> 20 & 0xFF
    return Cpu(name, family, model, signature & 0xF)


def _set_flags(value: int | None, bits: Mapping[str, int]) -> tuple[str, ...]:
    return tuple(name for name, bit in bits.items() if (value or 0) >> bit & 1)


# --- In words -----------------------------------------------------------------------


def describe(check: MachineCheck) -> list[tuple[str, str]]:
    """What there is to say of an event, as labels and values."""
    facts = [*_what(check), *_where(check), *_who(check)]
    return [(label, text) for label, text in facts if text]


def _what(check: MachineCheck) -> Iterator[tuple[str, str]]:
    if check.kind == THERMAL:
        yield "Temperature", _ABOVE[check.above]
        yield "Status", _hex(check.status)
        return
    error = check.error
    filtered = "some errors of this sort were not reported" if error.filtered else ""
    yield "Severity", check.severity
    yield "Error", ", ".join(filter(None, (error.name, error.detail, filtered)))
    yield "Decoded by mcelog", check.mca
    yield "Transaction", check.transaction
    yield "Status", _hex(check.status, 16)
    yield "Flags", " ".join(check.flags)
    yield "Error code", _hex(check.mcacod, 4)
    yield "Model-specific code", _hex(check.mscod, 4)
    yield "Corrected errors", _text(check.corrected_count or None)
    yield "Global status", " ".join(_set_flags(check.mcgstatus, _MCG_FLAGS))


def _where(check: MachineCheck) -> Iterator[tuple[str, str]]:
    yield "CPU", _text(check.cpu)
    yield "Bank", _text(check.bank)
    yield "Memory channel", _text(check.channel)
    yield "Address", _hex(check.addr)
    yield "Misc", _hex(check.misc)
    yield "Socket", _text(check.socket)
    yield "APIC id", _hex(check.apicid)


def _who(check: MachineCheck) -> Iterator[tuple[str, str]]:
    yield "Processor", _text(check.cpuid)
    yield "Microcode", _hex(check.microcode)
    if check.time is not None:
        yield "Time", f"{datetime.fromtimestamp(check.time, UTC):%Y-%m-%d %H:%M:%S} UTC"
    yield "Time stamp counter", _hex(check.tsc)
    if check.events > 1:
        yield "Further events in this payload", f"{check.events - 1:,}"
    if not check.intel and check.kind != THERMAL:
        yield "Not decoded", "what only this vendor defines: extended code, syndrome"


_ABOVE = {True: "above the threshold", False: "below the threshold", None: "unknown"}


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _hex(value: int | None, digits: int = 1) -> str:
    return "" if value is None else f"0x{value:0{digits}x}"
