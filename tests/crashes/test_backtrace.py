"""Payloads become frames, and names become comparable; C++ names become readable."""

import json
import string
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashes import demangle
from crashes.backtrace import (
    LONGEST_NAME,
    Kind,
    State,
    comparable,
    normalise,
    parse,
)
from crashes.demangle import AVAILABLE, LONGEST
from tests.crashes import (
    ABORTED,
    GUESSED,
    NOT_UNWOUND,
    OOPS,
    REGISTERS_ONLY,
    STRIPPED,
    THREADED,
    crash,
)

needs_cxx = pytest.mark.skipif(not AVAILABLE, reason="no C++ runtime on this machine")

# As sent: function, module, source, whether the function is unknown.
FRAMES = {
    "f() - [libfoo.so.1]": ("f()", "libfoo.so.1", None, False),
    "f() - [/usr/bin/f] - ../f.c:51": ("f()", "/usr/bin/f", "../f.c:51", False),
    "f() - [/opt/a] b] - f.c:1": ("f()", "/opt/a] b", "f.c:1", False),
    "f() - [libx.so] - /a] - b/f.c:3": ("f()", "libx.so", "/a] - b/f.c:3", False),
    "f() - [libfoo.so.1] - f.c": ("f()", "libfoo.so.1", None, False),
    "f() - []": ("f()", "", None, False),
    "_() - [libfoo.so.1]": ("_()", "libfoo.so.1", None, False),
    "a<b - [c]>::f(x) - [libc.so.6]": ("a<b - [c]>::f(x)", "libc.so.6", None, False),
    "do_exit - [kernel]": ("do_exit", "kernel", None, False),
    "? do_exit - [kernel]": ("? do_exit", "kernel", None, True),
    "? ??? - [kernel]": ("???", "kernel", None, True),
    "??? - [libfoo.so.1]": ("???", "libfoo.so.1", None, True),
    "??? - [libfoo.so.1] - f.c:3": ("???", "libfoo.so.1", "f.c:3", True),
    "(no symbols)": ("(no symbols)", "", None, True),
    "(no symbols) - f.c:3": ("(no symbols)", "", None, True),
    "() - [libfoo.so.1]": ("???", "libfoo.so.1", None, True),
    " - [libfoo.so.1]": ("???", "libfoo.so.1", None, True),
    "0x7fe8ccf1339c - [kernel]": ("???", "kernel", None, True),
    "+0x1f - [kernel]": ("???", "kernel", None, True),
    "======= - [kernel]": ("???", "kernel", None, True),
    "f() - [libfo": ("???", "", None, True),
    "f()": ("???", "", None, True),
    "": ("???", "", None, True),
}

NAMES = {
    "main()": "main()",
    "do_exit": "do_exit",
    "? do_exit.cold.23": "? do_exit",
    "f.cold()": "f()",
    "f.part.0()": "f()",
    "f.isra.0.cold()": "f()",
    "f.constprop.12.isra.3.part.0.lto_priv.0()": "f()",
    "f.llvm.1234567890()": "f()",
    "f.localalias()": "f()",
    "main.part()": "main.part()",
    "runtime.gopanic()": "runtime.gopanic()",
    ".cold()": ".cold()",
    "__libc_start_main@@GLIBC_2.34()": "__libc_start_main()",
    "clock_nanosleep@GLIBC_2.2.5()": "clock_nanosleep()",
    "@odd()": "@odd()",
    "do_exit+0x1f/0x30": "do_exit",
    "a+0xzz": "a+0xzz",
    "A::b(int) [clone .cold]": "A::b(int)",
    "A::b(char*, T<int, 1>)": "A::b(char*, T<int, 1>)",
    "_Znonsense()": "_Znonsense()",
}

CXX_NAMES = {
    "_ZN3foo3barEv()": "foo::bar()",
    "_ZN3foo3barEv": "foo::bar()",
    "_ZN3foo3barEv.cold()": "foo::bar()",
    "_ZN3foo3barEv.part.0.isra.1()": "foo::bar()",
    "_ZN3foo3barEv@@V_1()": "foo::bar()",
    "_ZSt9terminatev()": "std::terminate()",
    "? _Z1fv": "? f()",
    "_Z2\N{GREEK SMALL LETTER ALPHA}v": "\N{GREEK SMALL LETTER ALPHA}()",
    "_Z1fIJiEEv1AIJXspT_EEE": "void f<int>(A<int>)",
    "_ZNSt6vectorIN4llvm4NodeESaIS1_EE17_M_realloc_insertIJRKS1_EEEvN9__gnu_cxx17"
    "__normal_iteratorIPS1_S3_EEDpOT_()": "void std::vector<llvm::Node, std::allocator"
    "<llvm::Node> >::_M_realloc_insert<llvm::Node const&>(__gnu_cxx::__normal_iterator"
    "<llvm::Node*, std::vector<llvm::Node, std::allocator<llvm::Node> > >, "
    "llvm::Node const&)",
}


def pairs(depth):
    """f(A<int, int>, A<the first, the first>, A<the second, the second>, ...)"""
    digits = (string.digits + string.ascii_uppercase)[:depth]
    return f"_Z1f1AIiiE{''.join(f'S_IS{part}_S{part}_E' for part in digits)}"


# Each doubles what it stands for with every step of its depth.
ENDLESS = {
    "pairs of the type before": pairs,
    "packs in packs": lambda depth: f"_Z1fIJiiiiiEEv{'Dp1AIJT_' * depth}{'EE' * depth}",
    "conversions to conversions": lambda depth: f"_Z{'NcvT_I' * depth}i{'EE' * depth}",
}


@pytest.mark.parametrize("sent", FRAMES)
def test_a_frame_has_a_function_a_module_and_perhaps_a_source(sent):
    payload = crash(sent, "last() - [libend.so.1]")
    frame, last = parse(payload).frames
    found = (frame.function, frame.module, frame.source, frame.unknown)
    assert found == FRAMES[sent]
    assert frame.raw == f"#0 {sent}".strip()
    assert (frame.number, last.number) == (0, 1)


@pytest.mark.parametrize("sent", NAMES)
def test_a_name_is_kept_as_sent_without_what_the_compiler_added(sent):
    assert normalise(sent) == NAMES[sent]


@needs_cxx
@pytest.mark.parametrize("sent", CXX_NAMES)
def test_a_cxx_name_is_readable_and_brings_its_own_parentheses(sent):
    assert normalise(sent) == CXX_NAMES[sent]


@pytest.mark.parametrize("name", [*NAMES, *CXX_NAMES])
def test_a_normalised_name_stays_as_it_is(name):
    assert normalise(normalise(name)) == normalise(name)


def test_an_offset_is_kept_beside_the_name():
    (frame,) = parse(crash("do_exit.cold+0x1f/0x30 - [kernel]")).frames
    assert (frame.function, frame.offset) == ("do_exit", 0x1F)


@pytest.mark.parametrize("name", ["f()", "f", "? f"])
def test_names_compare_without_their_marks(name):
    assert comparable(normalise(name)) == "f"


def test_a_crash_of_a_program_has_a_header_and_frames():
    payload = parse(ABORTED)
    assert payload.kind is Kind.USER
    assert (payload.program, payload.pid, payload.signal) == (
        "/usr/bin/indexer",
        4711,
        6,
    )
    assert payload.reason == payload.kernel_version == payload.error == ""
    assert [frame.number for frame in payload.frames] == list(range(10))
    assert payload.quality.state is State.COMPLETE


def test_a_crash_of_the_kernel_has_a_reason_and_frames_after_the_registers():
    payload = parse(OOPS)
    assert payload.kind is Kind.KERNEL
    assert payload.reason.startswith("BUG: unable to handle kernel paging request at")
    assert payload.kernel_version == "6.1.14-1270.native #1"
    assert payload.tainted == "G           OE"
    assert [frame.function for frame in payload.frames] == [
        "? page_fault_oops",
        "? exc_page_fault",
        "nvme_poll",
        "do_syscall_64",
        "entry_SYSCALL_64_after_hwframe",
    ]
    assert payload.quality.unknown_share == 2 / 5


def test_a_kernel_that_is_not_tainted_may_say_so_without_a_label():
    assert parse(REGISTERS_ONLY).tainted == parse(GUESSED).tainted == "Not tainted"


def test_a_kernel_frame_tells_the_kind_when_the_header_is_lost():
    assert parse("\n#1 do_exit - [kernel]\n").kind is Kind.KERNEL


def test_every_thread_is_kept_and_the_first_has_crashed():
    payload = parse(THREADED)
    assert [thread.tid for thread in payload.threads] == [903, 900]
    assert [len(thread.frames) for thread in payload.threads] == [5, 2]
    assert payload.frames == payload.threads[0].frames
    assert payload.quality.frames == 5
    assert payload.quality.unknown == 2


def test_a_thread_whose_header_was_lost_is_another_thread():
    lost = THREADED.replace("Backtrace (TID 900):\n", "")
    assert [len(thread.frames) for thread in parse(lost).threads] == [5, 2]


def test_a_blank_line_among_the_frames_ends_nothing():
    torn = ABORTED.replace("#5 ", "\n\n#5 ")
    assert parse(torn).frames == parse(ABORTED).frames


def test_a_frame_that_is_there_twice_begins_no_thread():
    doubled = ABORTED.replace("#1 raise", "#0 raise").replace("#5 ", "\n#5 ")
    doubled = doubled.replace("#6 ", "#0 ")
    (thread,) = parse(doubled).threads
    assert len(thread.frames) == 10


def test_half_a_line_that_is_not_the_last_is_an_unknown_frame():
    payload = parse(crash("f() - [libx.so]", "g() - [li") + "PID: 2\n")
    assert [frame.function for frame in payload.frames] == ["f()", "???"]
    assert payload.quality.state is State.COMPLETE


def test_the_first_line_is_never_a_frame():
    assert parse("#0 f() - [libfoo.so]\n#1 g() - [libfoo.so]").frames[0].number == 1


@pytest.mark.parametrize("name", ["PID", "Signal"])
@pytest.mark.parametrize("value", ["", "x", "-1", "¹", "٣", "4294967296", "9" * 5000])
def test_a_number_that_is_none_is_left_out(name, value):
    payload = parse(f"Process: x\n{name}: {value}\n")
    assert payload.pid is payload.signal is None


def test_of_two_headers_the_first_counts_and_all_errors():
    payload = parse(NOT_UNWOUND.replace("PID: 31", "PID: 31\nPID: 32"))
    assert payload.pid == 31
    assert payload.error == (
        "Failed to find module for current frame\naddress out of range"
    )


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        ("", State.NONE),
        ("Crash from third party\n", State.NONE),
        (REGISTERS_ONLY, State.NONE),
        (STRIPPED, State.COMPLETE),
        (STRIPPED.rstrip(), State.COMPLETE),
        (NOT_UNWOUND, State.TRUNCATED),
        (
            STRIPPED.replace("PID", "Too many frames. Backtrace truncated.\nPID"),
            "truncated",
        ),
        (STRIPPED.rstrip()[:-3], State.TRUNCATED),
        (THREADED.rstrip()[:-3], State.COMPLETE),  # the other thread was cut
    ],
)
def test_the_state_tells_how_much_of_the_crashing_thread_there_is(payload, state):
    assert parse(payload).quality.state == state


@pytest.mark.parametrize("rest", ["", "\n"])
@pytest.mark.parametrize("length", range(1, len("#3 _start() - [/usr/bin/stripped]")))
def test_the_half_of_a_last_line_is_no_frame(length, rest):
    whole = STRIPPED[: STRIPPED.index("#3 ")]
    cut = STRIPPED[: STRIPPED.index("#3 ") + length] + rest
    assert parse(cut).frames == parse(whole).frames
    assert parse(cut).quality.state is State.TRUNCATED


def test_a_line_number_is_not_trusted_where_the_client_cut():
    whole = crash(*["f() - [libfoo.so] - f.c:1234"] * 400)
    payload = parse(whole[: whole.index("#300 ") - 3])
    assert payload.frames[-1].source is None
    assert payload.frames[-2].source == "f.c:1234"
    assert payload.quality.state is State.TRUNCATED
    assert parse(whole).frames[-1].source == "f.c:1234"
    assert parse(whole).quality.state is State.COMPLETE


def test_line_ends_of_other_systems_change_nothing():
    there, here = parse(ABORTED.replace("\n", "\r\n")), parse(ABORTED)
    assert there == here


def test_what_cannot_be_printed_is_replaced():
    payload = parse(crash("f\x00\x1b[1m\ud800() - [lib\x07.so]") + "\nReason: \x00")
    (frame,) = payload.frames
    assert (frame.function, frame.module) == (
        "f\ufffd\ufffd[1m\ufffd()",
        "lib\ufffd.so",
    )
    assert payload.reason == "\ufffd"


def test_no_name_is_longer_than_what_is_stored():
    long = "x" * 300_000
    payload = parse(f"Process: {long}\n#0 ? {long}() - [{long}] - {long}:1\n")
    (frame,) = payload.frames
    assert payload.program == frame.module == "x" * LONGEST_NAME
    assert len(frame.function) == LONGEST_NAME


@needs_cxx
def test_no_readable_name_is_longer_than_what_is_stored():
    name = f"_Z4ffff{'i' * 399}"
    assert len(normalise(name)) == LONGEST_NAME - 1
    assert len(normalise(f"? {name}")) == LONGEST_NAME


@given(st.text(), st.text())
def test_any_text_can_be_a_function_or_a_module(function, module):
    line = f"{function} - [{module}]".replace("\n", " ")
    for frame in parse(crash(line)).frames:
        assert frame.function.isprintable()
        assert frame.module.isprintable()


def test_recorded_payloads_are_read_as_the_predecessor_read_them(shared_data):
    read = 0
    for line in (shared_data / "payloads.jsonl").read_text().splitlines():
        record = json.loads(line)
        payload = parse(record["payload"])
        if record["predecessor_parse"] is not None:
            read += 1
            assert record["predecessor_parse"] == {
                "program": payload.program,
                "pid": str(payload.pid or ""),
                "signal": str(payload.signal or ""),
                "frames": len(payload.frames),
            }, record["name"]
    assert read > 30


# --- C++ ------------------------------------------------------------------------


@pytest.fixture
def written(monkeypatch):
    """The lengths of what the C++ runtime has written."""
    lengths = []
    runtime = demangle._demangler

    def measured(name):
        readable = runtime(name)
        lengths.append(len(readable))
        return readable

    monkeypatch.setattr(demangle, "_demangler", measured)
    demangle.demangle.cache_clear()
    return lengths


@needs_cxx
@pytest.mark.parametrize("made", ENDLESS.values(), ids=ENDLESS)
def test_a_name_that_would_become_endless_is_left_alone(made, written):
    short, endless = made(2), made(30)
    assert len(endless) <= LONGEST
    assert demangle.demangle(short) != short
    assert demangle.demangle(endless) == endless
    assert max(written, default=0) < 20_000


@needs_cxx
def test_many_references_to_long_parts_are_not_even_tried(written):
    part, references = f"_Z1f200{'a' * 200}Fv{'S_' * 100}E", "S0_" * 180
    assert demangle.demangle(f"{part[:209]}vES0_") != f"{part[:209]}vES0_"
    assert demangle.demangle(part + references) == part + references
    assert max(written) < 10_000


def test_a_longer_name_is_not_even_tried(monkeypatch):
    monkeypatch.setattr(demangle, "_demangler", lambda _name: "f()")
    demangle.demangle.cache_clear()
    assert demangle.demangle("_Z".ljust(LONGEST, "x")) == "f()"
    assert demangle.demangle("_Z".ljust(LONGEST + 1, "x")) != "f()"
    demangle.demangle.cache_clear()


@needs_cxx
def test_a_name_with_many_references_is_expanded_when_the_result_is_short():
    name = "_Z1fSt4pairIiiE" + "S0_" * 40
    readable = demangle.demangle(name)
    assert readable == f"f({', '.join(['std::pair<int, int>'] * 41)})"


@needs_cxx
@pytest.mark.parametrize(
    "name",
    [
        "main",
        "",
        "_Z",
        "_ZN3fooE3",
        "_Z1\N{GREEK SMALL LETTER ALPHA}v",
        "_Z1\ud800v",
        f"_Z{LONGEST - 6}{'x' * (LONGEST - 6)}PPv",
        f"_Z1f{'P' * 1900}i",
        f"_Z1f{'C' * 1000}i",
        f"_Z1f{'S' * 1900}",
        f"_Z1fT{'0' * 1000}_",
    ],
)
def test_what_is_no_cxx_name_or_too_long_is_left_alone(name):
    assert demangle.demangle(name) == name


def library(demangler, *, other=None):
    """What cxxfilt is, with these ways to demangle."""
    return SimpleNamespace(
        Error=RuntimeError,
        default_demangler=SimpleNamespace(demangle=demangler),
        Demangler=other or missing,
    )


def missing(*_names):
    raise RuntimeError("no such library")


def broken(*_names):
    raise OSError("cannot be loaded")


def works(name):
    return "f()" if name == "_Z1fv" else name


def test_the_way_that_works_is_taken():
    second = SimpleNamespace(demangle=works)
    assert demangle.load(library(works)) is works
    assert demangle.load(library(missing, other=lambda *_names: second)) is works


@pytest.mark.parametrize("other", [missing, broken])
def test_there_may_be_no_way_to_demangle(other):
    assert demangle.load(None) is None
    assert demangle.load(library(lambda name: name, other=other)) is None


@pytest.fixture
def _no_cxx_runtime(monkeypatch):
    demangle.demangle.cache_clear()
    monkeypatch.setattr(demangle, "_demangler", None)
    yield
    demangle.demangle.cache_clear()


@pytest.mark.usefixtures("_no_cxx_runtime")
def test_without_a_cxx_runtime_names_stay_mangled():
    assert normalise("_ZN3foo3barEv.cold()") == "_ZN3foo3barEv()"
