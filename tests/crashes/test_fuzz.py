"""Payloads that were cut, shuffled, repeated and filled with noise."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashes import demangle
from crashes.backtrace import parse
from crashes.guilty import Rules, family, fingerprint, judge
from crashes.starter_rules import STARTER_RULES
from tests.crashes import ALL

RULES = Rules(STARTER_RULES)
PIECES = st.sampled_from(
    [
        *[
            "#",
            "#0 ",
            "#1 ",
            "#99 ",
            " - [",
            "]",
            "] - ",
            "()",
            "??? ",
            "? ",
            "[kernel]",
        ],
        *["(no symbols)", "_ZN3foo3barEv", "S_", "T_", ".cold", ".part.0", "@@V_1"],
        *[
            "+0x1f",
            "Process: ",
            "PID: ",
            "Signal: ",
            "Error: ",
            "Reason: ",
            "Tainted : ",
        ],
        *[
            "Backtrace (TID 1):",
            "Backtrace :",
            "Too many frames",
            "Crash Report:",
            "main",
        ],
        *[
            "\n",
            "\r\n",
            "\n\n",
            " ",
            "\t",
            "\x00",
            "\ud800",
            "\u2028",
            "é",
            "[libx.so]",
        ],
    ]
)
PAYLOADS = st.one_of(
    st.text(), st.lists(PIECES, max_size=60).map("".join), st.sampled_from(ALL)
)


def judged(payload):
    """Everything that is done with a payload, and what must hold of any."""
    crash = parse(payload)
    for thread in crash.threads:
        for frame in thread.frames:
            assert frame.function
            assert f"{frame.function}{frame.module}".isprintable()
    verdict = judge(crash.frames, RULES.of("org.example/crash/app", crash.program))
    assert len(verdict.notes) == len(crash.frames) == crash.quality.frames
    assert (verdict.guilty is None) == (not crash.frames)
    assert 0 <= crash.quality.unknown_share <= 1
    return crash, verdict, family(crash.frames, verdict.notes)


@given(PAYLOADS)
def test_no_text_breaks_parsing_or_judging(payload):
    judged(payload)


@given(PAYLOADS, PAYLOADS)
def test_what_follows_a_payload_does_not_change_its_crashing_thread(payload, more):
    crash = parse(f"{payload}\n\nBacktrace (TID 2):\n")
    longer = parse(f"{payload}\n\nBacktrace (TID 2):\n{more}")
    if crash.frames:
        assert longer.frames == crash.frames


@given(st.sampled_from(ALL), st.integers(0, 1000), PAYLOADS)
def test_a_payload_that_is_cut_has_the_first_of_its_frames(payload, length, noise):
    whole, cut = parse(payload).frames, parse(payload[:length]).frames
    same = [frame._replace(source=None, raw="") for frame in whole[: len(cut)]]
    assert [frame._replace(source=None, raw="") for frame in cut] == same
    judged(payload[:length] + noise)


@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_lines_may_be_lost_doubled_and_shuffled(payload, rng):
    lines = payload.splitlines()
    judged("\n".join(rng.choices(lines, k=2 * len(lines)) if lines else []))
    rng.shuffle(lines)
    judged("\n".join(lines))


@given(st.sampled_from(ALL), st.randoms(use_true_random=False))
def test_bytes_may_be_damaged(payload, rng):
    damaged = list(payload)
    for _ in range(rng.randrange(20)):
        if damaged:
            damaged[rng.randrange(len(damaged))] = chr(rng.randrange(0x300))
    judged("".join(damaged))


@given(st.text("_ZSTNIJEDpsptcv0123fiPRK", max_size=80).map("_Z".__add__))
def test_no_mangled_name_breaks_the_demangler(name):
    readable = demangle.demangle(name)
    assert 0 < len(readable) <= demangle.LONGEST


HUGE = {
    "many frames": "".join(
        f"#{n} f{n}() - [libx.so] - f.c:{n}\n" for n in range(10_000)
    ),
    "many threads": "Backtrace (TID 1):\n#0 f() - [libx.so]\n\n" * 7_000,
    "many errors": "Error: x\n" * 30_000,
    "one line": "x" * 300_000,
    "one frame": f"#0 {'x' * 300_000}() - [libx.so]\n",
    "one module": f"#0 f() - [{'x' * 300_000}]\n",
    "many numbers": "#" + "1" * 300_000,
    "many separators": f"#0 f{' - [' * 75_000}",
    "many brackets": f"#0 f - [{'] - ' * 75_000}",
    "many colons": f"#0 f() - [libx.so] - {':1' * 150_000}x",
    "many spaces": f"Backtrace {' ' * 300_000}x",
    "many clones": f"#0 f{'.cold' * 60_000}x() - [libx.so]",
    "many versions": f"#0 f{'@' * 300_000}() - [libx.so]",
    "many offsets": f"#0 f{'+0x1' * 75_000}() - [libx.so]",
    "many guesses": f"#0 {'? ' * 150_000} - [kernel]",
    "blank lines": "\n" * 300_000,
    "carriage returns": "\r" * 300_000,
    "noise": random.Random(1).randbytes(300_000).decode("latin-1"),
    "mangled names": "".join(
        f"#{n} _ZN3foo{'S_' * (n % 80)}T_Ev() - [libx.so]\n" for n in range(2_500)
    ),
}


@pytest.mark.parametrize("payload", HUGE.values(), ids=HUGE)
def test_the_largest_payloads_are_read_to_their_end(payload):
    crash, _, _ = judged(f"Process: x\n{payload}\nPID: 7\n")
    assert crash.pid == 7
    assert fingerprint(crash.frames) or not crash.frames


def test_ten_thousand_frames_are_all_judged():
    crash, verdict, _ = judged("\n" + HUGE["many frames"])
    assert len(verdict.notes) == len(crash.frames) == 10_000
