"""Machine checks as mcelog and kernels print them, of many versions."""

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from views_plugins import mcelog
from views_plugins.mcelog import ErrorCode, MachineCheck

CORRECTED = "org.clearlinux/mce/corrected"
PATCHED = """\
Hardware event. This is not a software error.
MCE 0
CPU 3 BANK 7\x20
MISC 200001c086801086 ADDR 1d0035000\x20
TIME 1564000000 Wed Jul 24 20:26:40 2019
MCG status:
MCi status:
Corrected error
Error enabled
MCi_MISC register valid
MCi_ADDR register valid
MCA: MEMORY CONTROLLER RD_CHANNEL1_ERR
Transaction: Memory read error
STATUS 9c00004001010091 MCGSTATUS 0
MCGCAP f000814 APICID a SOCKETID 1\x20
MICROCODE 2007006
CPUID Vendor Intel Family 6 Model 85 Step 7
"""
HOT = """\
Hardware event. This is not a software error.
MCE 0
CPU 2 THERMAL EVENT\x20
TIME 1564000000 Wed Jul 24 20:26:40 2019
STATUS 1 MCGSTATUS 0
MCGCAP f000814 APICID 4 SOCKETID 0\x20
MICROCODE 200005e
CPUID Vendor Intel Family 6 Model 85 Step 4
"""


def values(check: MachineCheck, *names: str) -> tuple[object, ...]:
    return tuple(getattr(check, name) for name in names)


# --- What was recorded --------------------------------------------------------------

# kind, cpu, bank, status, misc, addr, uncorrected, class, channel, count, word
RECORDED = {
    "org.clearlinux-mce-AR-1": (
        *("AR", 2, 0, 0xB080000000000150, None, None),
        *(True, "Cache hierarchy", None, 0, "00000150"),
    ),
    "org.clearlinux-mce-corrected-1": (
        *("corrected", 3, 1, 0x9000004000000135, None, None),
        *(False, "Cache hierarchy", None, 1, "00000135"),
    ),
    "org.clearlinux-mce-corrected-3": (
        *("corrected", 5, 2, 0xC000004000000014, None, None),
        *(False, "TLB", None, 1, "00000014"),
    ),
    "org.clearlinux-mce-UCNA-1": (
        *("UCNA", 1, 4, 0xB200000000000400, None, None),
        *(True, "Internal timer", None, 0, "00000400"),
    ),
    "org.clearlinux-mce-SRAO-1": (
        *("SRAO", 0, 8, 0xBD000000000000C0, 0x8C, 0x61FCA3000),
        *(True, "Memory controller", 0, 0, "000000c0"),
    ),
    "org.clearlinux-mce-UCNA-2": (
        *("UCNA", 0, 7, 0xBC0000000000009F, 0x8C, 0x2AB34C000),
        *(True, "Memory controller", None, 0, "0000009f"),
    ),
    "org.clearlinux-mce-thermal-2": (
        *("thermal", 2, None, 0, None, None),
        *(False, "No status", None, None, ""),
    ),
    "org.clearlinux-mce-thermal-3": (
        *("thermal", 2, None, 1, None, None),
        *(False, "No status", None, None, ""),
    ),
}
RECORDED_WORDS = {
    "org.clearlinux-mce-AR-1": "uncorrected, AR without S (reserved)",
    "org.clearlinux-mce-corrected-1": "corrected",
    "org.clearlinux-mce-corrected-3": "corrected",
    "org.clearlinux-mce-UCNA-1": "uncorrected, processor context corrupt",
    "org.clearlinux-mce-SRAO-1": "uncorrected, action optional (SRAO)",
    "org.clearlinux-mce-UCNA-2": "uncorrected, no action required (UCNA)",
    "org.clearlinux-mce-thermal-2": "below the threshold",
    "org.clearlinux-mce-thermal-3": "above the threshold",
}


@pytest.fixture(scope="module")
def recorded(shared_data) -> dict[str, tuple[str, str]]:
    lines = (shared_data / "payloads.jsonl").read_text().splitlines()
    found = (json.loads(line) for line in lines)
    return {
        each["name"]: (each["payload"], each["classification"])
        for each in found
        if "/mce/" in each["classification"]
    }


def test_every_recorded_payload_is_decoded(recorded):
    names = ("kind", "cpu", "bank", "status", "misc", "addr", "uncorrected")
    found = {}
    for name, sent in recorded.items():
        check = mcelog.parse(*sent)
        last = (check.error.name, check.channel, check.corrected_count)
        found[name] = (*values(check, *names), *last, check.status_word)
        same = values(check, "time", "microcode", "socket", "events")
        assert same == (1564000000, 0x200005E, 0, 1)
        assert check.cpuid == ("Intel", 6, 85, 4)
    assert found == RECORDED


def test_every_recorded_payload_is_put_into_words(recorded):
    first = {
        name: mcelog.describe(mcelog.parse(*sent))[0][1]
        for name, sent in recorded.items()
    }
    assert first == RECORDED_WORDS


# --- One text -----------------------------------------------------------------------


def test_every_value_is_read():
    assert mcelog.parse(PATCHED, CORRECTED) == MachineCheck(
        kind="corrected",
        events=1,
        cpu=3,
        bank=7,
        status=0x9C00004001010091,
        mcgstatus=0,
        addr=0x1D0035000,
        misc=0x200001C086801086,
        tsc=None,
        time=1564000000,
        socket=1,
        apicid=10,
        microcode=0x2007006,
        cpuid=mcelog.Cpu("Intel", 6, 85, 7),
        mca="MEMORY CONTROLLER RD_CHANNEL1_ERR",
        transaction="Memory read error",
        status_word="01010091",
        said=False,
    )


def test_the_bits_of_status_are_decoded():
    check = mcelog.parse(PATCHED, CORRECTED)
    assert check.flags == ("VAL", "EN", "MISCV", "ADDRV")
    assert check.error == ErrorCode("Memory controller", "memory read", 1)
    assert values(check, "mcacod", "mscod", "corrected_count") == (0x91, 0x101, 1)
    assert values(check, "uncorrected", "above") == (False, None)


def test_a_check_is_described_in_order():
    assert mcelog.describe(mcelog.parse(PATCHED, CORRECTED)) == [
        ("Severity", "corrected"),
        ("Error", "Memory controller, memory read"),
        ("Decoded by mcelog", "MEMORY CONTROLLER RD_CHANNEL1_ERR"),
        ("Transaction", "Memory read error"),
        ("Status", "0x9c00004001010091"),
        ("Flags", "VAL EN MISCV ADDRV"),
        ("Error code", "0x0091"),
        ("Model-specific code", "0x0101"),
        ("Corrected errors", "1"),
        ("CPU", "3"),
        ("Bank", "7"),
        ("Memory channel", "1"),
        ("Address", "0x1d0035000"),
        ("Misc", "0x200001c086801086"),
        ("Socket", "1"),
        ("APIC id", "0xa"),
        ("Processor", "Intel family 6 model 85 step 7"),
        ("Microcode", "0x2007006"),
        ("Time", "2019-07-24 20:26:40 UTC"),
    ]


def test_only_the_first_of_several_events_is_read():
    second = PATCHED.replace("MCE 0", "MCE 1").replace("CPU 3 BANK 7", "CPU 4 BANK 8")
    first = PATCHED.replace("MISC 200001c086801086 ADDR 1d0035000", "")
    check = mcelog.parse(first + second, CORRECTED)
    assert values(check, "events", "cpu", "bank", "addr") == (2, 3, 7, None)
    assert ("Further events in this payload", "1") in mcelog.describe(check)


def test_events_without_a_number_are_told_apart_too():
    check = mcelog.parse("CPU 0 BANK 1\nSTATUS 80\nCPU 1 BANK 2\nADDR 1\nSTATUS 81\n")
    assert values(check, "events", "cpu", "status", "addr") == (2, 0, 0x80, None)


# --- Other versions and senders -----------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "Hardware event. This is not a software error.\nMCE 0\n"
            "CPU 0 BANK 7 TSC b98e63765d2 [at 2400 Mhz 0 days 1:2:3 uptime]\n"
            "RIP !INEXACT! 10:ffffffff81670493\nSTATUS 9c00004001010090 MCGSTATUS 0\n"
            "MCGCAP f000c14 APICID 0 SOCKETID 0 \nPPIN 8f2d7b9a55a0e7b1\n"
            "CPUID Vendor Intel Family 6 Model 85\n",
            {"cpu": 0, "bank": 7, "tsc": 0xB98E63765D2, "cpuid": ("Intel", 6, 85)},
            id="with a time stamp counter, without a step",
        ),
        pytest.param(
            "\n".join(
                f"May  5 08:57 host mcelog[22]: {x}" for x in PATCHED.split("\n")
            ),
            {
                "bank": 7,
                "events": 1,
                "mca": "MEMORY CONTROLLER RD_CHANNEL1_ERR",
                "transaction": "Memory read error",
            },
            id="through syslog",
        ),
        pytest.param(
            PATCHED.replace("\n", "\r\n"),
            {"bank": 7, "mca": "MEMORY CONTROLLER RD_CHANNEL1_ERR", "events": 1},
            id="with carriage returns",
        ),
        pytest.param(
            PATCHED.upper(),
            {"bank": 7, "addr": 0x1D0035000, "status_word": "01010091"},
            id="in upper case",
        ),
        pytest.param(
            "STATUS 9C00004001ABCDEF MCGSTATUS 0\nPROCESSOR 2:800F11 TIME 1\n",
            {"status_word": "01abcdef", "cpuid": ("AMD", 23, 1, 1), "mscod": None},
            id="of AMD, in upper case",
        ),
        pytest.param(
            PATCHED.lower(),
            {"bank": 7, "addr": 0x1D0035000, "channel": 1, "events": 1},
            id="in lower case",
        ),
        pytest.param(
            "CPU 2\nBANK 9\nTSC 0xabc\nRIP 0x10:0xffff\nMISC 0x8c\nADDR 0x61fca3000\n"
            "STATUS 0x9c00004000000090\nMCGSTATUS 0x5\nPROCESSOR 0:0x50654\n"
            "TIME 1564000000\nSOCKETID 1\nAPICID 32\nMCGCAP 0xf000814\n",
            {
                "cpu": 2,
                "bank": 9,
                "tsc": 0xABC,
                "misc": 0x8C,
                "mcgstatus": 5,
                "status": 0x9C00004000000090,
                "addr": 0x61FCA3000,
                "socket": 1,
                "cpuid": ("Intel", 6, 85, 4),
                "status_word": "00000090",
            },
            id="raw",
        ),
        pytest.param(
            "[ 5.0] mce: [Hardware Error]: CPU 3: Machine Check Exception: 5 Bank 7: "
            "bc00000000010090\n[5.0] mce: [Hardware Error]: TSC 2e1 ADDR 1234 MISC 86\n"
            "[ 5.0] mce: [Hardware Error]: PROCESSOR 0:206d7 TIME 1598967234 SOCKET 1 "
            "APIC 20 microcode 710\n",
            {
                "cpu": 3,
                "bank": 7,
                "status": 0xBC00000000010090,
                "mcgstatus": 5,
                "tsc": 0x2E1,
                "addr": 0x1234,
                "misc": 0x86,
                "time": 1598967234,
                "socket": 1,
                "apicid": 0x20,
                "microcode": 0x710,
                "cpuid": ("Intel", 6, 45, 7),
                "uncorrected": True,
            },
            id="of the kernel",
        ),
        pytest.param(
            "CPU 1: Machine Check Exception:               4 Bank 4: b60a200170080813\n"
            "TSC 89cfb4725b17 ADDR 1025cb3f0\n",
            {"cpu": 1, "bank": 4, "mcgstatus": 4, "addr": 0x1025CB3F0},
            id="of an old kernel",
        ),
        pytest.param(
            "mce_record: 2020-10-26 20:46:41 +0100 bank=8, status= 8c0000400001009f, "
            "Corrected error, mci=Error_enabled, mca=MEMORY CONTROLLER, cpu_type= X, "
            "cpu= 1, socketid= 1, misc= 2000000a6646, addr= 93e6e4300, mcgstatus=0, "
            "mcgcap= 1c09, apicid= 20",
            {
                "cpu": 1,
                "bank": 8,
                "status": 0x8C0000400001009F,
                "socket": 1,
                "misc": 0x2000000A6646,
                "addr": 0x93E6E4300,
                "apicid": 0x20,
            },
            id="of rasdaemon",
        ),
        pytest.param(
            "CPU: 0, MCGc/s: 1000c16/0, MC5: 8c00004000010090, ADDR/MISC: 0/0, "
            "TSC: 1f, PROCESSOR: 0:306f2, TIME: 1500000000, SOCKET: 1, APIC: 2",
            {
                "cpu": 0,
                "bank": 5,
                "status": 0x8C00004000010090,
                "tsc": 0x1F,
                "socket": 1,
                "apicid": 2,
                "cpuid": ("Intel", 6, 63, 2),
            },
            id="of the trace event",
        ),
        pytest.param(
            "MCE 0\nHARDWARE ERROR. This is *NOT* a software problem!\n"
            "Please contact your hardware vendor\nCPU 1 4 northbridge TSC 89a560bb249\n"
            "ADDR 1dfa49690 \n  Northbridge Chipkill ECC error\n"
            "       bit46 = corrected ecc error\n  bus error 'local node response\n"
            "STATUS 9410c00020080a13 MCGSTATUS 0\n",
            {
                "cpu": 1,
                "bank": 4,
                "cpuid": ("AMD",),
                "corrected_count": None,
                "mscod": None,
                "flags": ("VAL", "EN", "ADDRV"),
                "events": 1,
            },
            id="of AMD, old",
        ),
        pytest.param(
            "CPU 0 BANK 0\nMCA: corrected filtering (some unreported errors in same "
            "region)\nGeneric CACHE Level-2 Generic Error\n"
            "STATUS ae2000000003110a MCGSTATUS 0\n",
            {
                "mca": "corrected filtering (some unreported errors in same region) "
                "Generic CACHE Level-2 Generic Error",
                "error": ErrorCode(
                    "Cache hierarchy", "any request, generic, level 2", None, True
                ),
            },
            id="of which some are not reported",
        ),
        pytest.param(
            "CPU 1 BANK 8\nMCA: MEMORY CONTROLLER RD_CHANNELunspecified_ERR\n"
            "Memory DIMM ID of error: 2\nMemory channel ID of error: 2\n"
            "STATUS 8c0000400001009f MCGSTATUS 0\n",
            {"channel": 2, "corrected_count": 1},
            id="whose channel is only said in words",
        ),
        pytest.param(
            "CPU 3 BANK 1\nMCi status:\nUncorrected error\nSRAR\n",
            {"uncorrected": True, "status": None, "error": ErrorCode("No status")},
            id="without a status",
        ),
        pytest.param(
            "CPU 0 BANK 6\nSTATUS 01234567890abcdef MCGSTATUS 0\nTIME 1234567890123\n",
            {"status": None, "time": None, "bank": 6},
            id="with numbers that are too long",
        ),
        pytest.param(
            "", {"events": 1, "status": None, "kind": "corrected"}, id="empty"
        ),
    ],
)
def test_texts_of_other_senders_are_read(text, expected):
    check = mcelog.parse(text, CORRECTED)
    found = {name: getattr(check, name) for name in expected}
    if found.get("cpuid"):
        found["cpuid"] = tuple(n for n in found["cpuid"] if n is not None)
    assert found == expected


def test_what_another_vendor_means_by_its_bits_is_left_alone():
    text = PATCHED.replace("Vendor Intel Family 6", "Vendor AMD Family 23")
    text = text.replace("STATUS 9c", "STATUS 9d")
    check = mcelog.parse(text, CORRECTED)
    assert "S" not in check.flags
    assert check.mscod is check.corrected_count is None
    assert check.error.name == "Memory controller"
    assert [label for label, _ in mcelog.describe(check)][-1] == "Not decoded"


# --- Thermal events -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("classification", "payload", "thermal"),
    [
        ("org.clearlinux/mce/thermal", HOT, True),
        ("org.clearlinux/mce/thermal", "", True),
        ("org.clearlinux/mce/corrected", HOT, True),
        ("org.example/mce/corrected", "CPU 1 THERMAL EVENT", True),
        ("org.clearlinux/mce/corrected", PATCHED, False),
        ("org.clearlinux/mce/SRAO", "PCU: THERMAL something", False),
        ("org.clearlinux/mce/corrected", "isothermal", False),
        ("", HOT, True),
    ],
)
def test_a_thermal_event_is_told_from_an_error(classification, payload, thermal):
    assert mcelog.is_thermal(classification, payload) is thermal
    assert (mcelog.parse(payload, classification).kind == "thermal") is thermal


@pytest.mark.parametrize(
    ("change", "above"),
    [
        (("STATUS 1", "STATUS 1"), True),
        (("STATUS 1", "STATUS 0"), False),
        (("STATUS 1", "STATUS 880003c3"), True),
        (("STATUS 1", "STATUS c000000088260c00"), False),
        (("STATUS 1", "Processor 2 heated above trip temperature"), True),
        (("STATUS 1", "Processor 2 below trip temperature"), False),
        (("STATUS 1", ""), None),
    ],
)
def test_a_thermal_event_is_above_or_below(change, above):
    check = mcelog.parse(HOT.replace(*change), "org.clearlinux/mce/thermal")
    assert check.above is above
    assert values(check, "cpu", "uncorrected", "flags") == (2, False, ())
    assert check.mcacod is check.mscod is check.corrected_count is None


# --- Codes --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "name", "detail"),
    [
        (0x0000, "No error", ""),
        (0x0001, "Unclassified", ""),
        (0x0002, "Microcode ROM parity", ""),
        (0x0003, "External", ""),
        (0x0004, "FRC", ""),
        (0x0005, "Internal parity", ""),
        (0x0006, "SMM handler code access", ""),
        (0x0400, "Internal timer", ""),
        (0x0402, "Internal unclassified", ""),
        (0x07FF, "Internal unclassified", ""),
        (0x0E0B, "I/O", ""),
        (0x000E, "Generic cache hierarchy", "level 2"),
        (0x100F, "Generic cache hierarchy", "any level"),
        (0x0010, "TLB", "instruction, level 0"),
        (0x001B, "TLB", "generic, any level"),
        (0x0080, "Memory controller", "any transaction"),
        (0x00B3, "Memory controller", "address or command"),
        (0x00FF, "Memory controller", ""),
        (0x0124, "Cache hierarchy", "write, data, level 0"),
        (0x018A, "Cache hierarchy", "snoop, generic, level 2"),
        (0x0291, "Near memory", "memory read"),
        (
            0x0800,
            "Bus and interconnect",
            "originated here, any request, memory access, level 0",
        ),
        (
            0x0F0F,
            "Bus and interconnect",
            "any participation, timed out, any request, other transaction, any level",
        ),
        (0x0007, "Not architectural", ""),
        (0x0200, "Not architectural", ""),
        (0x2010, "Not architectural", ""),
    ],
)
def test_error_codes_have_the_names_of_the_manual(code, name, detail):
    assert mcelog.decode(code)[:2] == (name, detail)


@given(st.integers(0, 0xFFFF).filter(lambda code: code & 0xEFFF != 0x0E0B))
def test_the_filter_bit_changes_neither_class_nor_detail(code):
    plain, filtered = mcelog.decode(code & ~0x1000), mcelog.decode(code | 0x1000)
    assert plain.name in mcelog.ERROR_CLASSES
    if filtered.filtered:
        assert filtered[:3] == plain[:3]
    else:
        assert filtered.name == "Not architectural"


@pytest.mark.parametrize(
    ("bit", "flag"),
    [
        *((63, "VAL"), (62, "OVER"), (61, "UC"), (60, "EN"), (59, "MISCV")),
        *((58, "ADDRV"), (57, "PCC"), (56, "S"), (55, "AR")),
    ],
)
def test_a_bit_of_status_is_a_flag(bit, flag):
    assert MachineCheck("corrected", status=1 << bit).flags == (flag,)


@pytest.mark.parametrize(
    ("status", "severity"),
    [
        (0x8000000000000000, "corrected"),
        (0x8180000000000000, "corrected"),
        (0xA000000000000000, "uncorrected, no action required (UCNA)"),
        (0xA100000000000000, "uncorrected, action optional (SRAO)"),
        (0xA180000000000000, "uncorrected, action required (SRAR)"),
        (0xA080000000000000, "uncorrected, AR without S (reserved)"),
        (0xA380000000000000, "uncorrected, processor context corrupt"),
    ],
)
def test_the_severity_is_what_the_bits_ask_for(status, severity):
    assert MachineCheck("corrected", status=status).severity == severity


# --- Any text -----------------------------------------------------------------------

WORDS = sorted({*PATCHED.split(), *HOT.split(), "CPU", "0x", "\n", "\x00", "٣", "²"})


def consistent(check: MachineCheck) -> None:
    """What holds for every result."""
    for label, text in mcelog.describe(check):
        assert label
        assert text
    assert check.events >= 1
    assert check.error.name in mcelog.ERROR_CLASSES
    numbers = ("status", "mcgstatus", "addr", "misc", "tsc", "microcode", "apicid")
    for name in numbers:
        assert 0 <= (getattr(check, name) or 0) < 1 << 64
    for name in ("cpu", "bank", "socket", "channel"):
        assert 0 <= (getattr(check, name) or 0) < 1 << 31
    assert len(check.status_word) in (0, 8)
    assert max(len(check.mca), len(check.transaction)) <= 200


@given(st.text() | st.lists(st.sampled_from(WORDS)).map(" ".join), st.text())
def test_any_text_gives_a_result(text, classification):
    consistent(mcelog.parse(text, classification))


@given(
    st.sampled_from([PATCHED, HOT]),
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 9), st.text(max_size=9))),
)
def test_any_mutation_gives_a_result(text, edits):
    for at, removed, added in edits:
        text = text[:at] + added + text[at + removed :]
    consistent(mcelog.parse(text, CORRECTED))


@pytest.mark.parametrize("name", sorted(mcelog.MachineCheck.__slots__))
def test_a_truncated_text_gives_what_is_there(name):
    """What is read once of a text stays what it is as the text goes on."""
    lines = PATCHED.splitlines(keepends=True)
    seen = [
        getattr(mcelog.parse("".join(lines[:n]), CORRECTED), name)
        for n in range(len(lines) + 1)
    ]
    known = [each for each in seen if each not in (None, "")]
    assert all(a == b for a, b in pairwise(known))


@pytest.mark.parametrize(
    "piece",
    [
        *(" ", "CPU ", "MCE 0\n", "mcelog", "mcelog[1", "CPUID Vendor ", "00000000 "),
        *("MCA: corrected filtering", "STATUS:=", "[Hardware Error]", "0", "\n "),
        "CPU 0 BANK 1\n",
    ],
)
def test_the_longest_hostile_payload_takes_no_time(piece):
    for start in ("", "CPUID Vendor "):
        began = time.monotonic()
        mcelog.parse((start + piece * 60_000)[:60_000], CORRECTED)
        assert time.monotonic() - began < 1
