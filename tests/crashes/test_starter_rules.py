"""The rules that ship with the project find the guilty of ordinary crashes."""

import json

import pytest

from crashes.backtrace import comparable, normalise, parse
from crashes.demangle import AVAILABLE
from crashes.guilty import DEFAULT_RULES, Reason, RuleKind, Rules, judge
from crashes.starter_rules import STARTER_RULES
from tests.crashes import ABORTED, GUESSED, OOPS, STRIPPED, THREADED, crash

RULES = Rules(STARTER_RULES)

MAIN = (
    "main() - [/usr/bin/app]",
    "__libc_start_call_main() - [libc.so.6]",
    "__libc_start_main@@GLIBC_2.34() - [libc.so.6]",
    "_start() - [/usr/bin/app]",
)
ABORT = (
    "__pthread_kill_implementation() - [libc.so.6]",
    "raise() - [libc.so.6]",
    "abort() - [libc.so.6]",
)

# What is above the guilty frame `culprit() - [/usr/bin/app]`.
ABOVE = {
    "abort": ABORT,
    "an older abort": ("raise() - [libpthread.so.0]", "abort() - [libc.so.6]"),
    "an assertion": (
        *ABORT,
        "__assert_fail_base.cold() - [libc.so.6]",
        "__assert_fail() - [libc.so.6]",
    ),
    "a damaged heap": (
        *ABORT,
        "__libc_message_impl.cold() - [libc.so.6]",
        "malloc_printerr() - [libc.so.6]",
        "_int_free() - [libc.so.6]",
        "__libc_free@GLIBC_2.2.5() - [libc.so.6]",
    ),
    "a smashed stack": (
        *ABORT,
        "__libc_message.cold() - [libc.so.6]",
        "__fortify_fail() - [libc.so.6]",
        "__stack_chk_fail() - [libc.so.6]",
    ),
    "a copy": ("__memmove_avx_unaligned_erms() - [libc.so.6]",),
    "a string": ("__strlen_evex() - [libc.so.6]", "__strdup() - [libc.so.6]"),
    "a format": (
        "__strlen_avx2() - [libc.so.6]",
        "__printf_buffer() - [libc.so.6]",
        "__vsnprintf_internal() - [libc.so.6]",
        "snprintf() - [libc.so.6]",
    ),
    "a stream": ("_IO_fwrite() - [libc.so.6]", "fputs() - [libc.so.6]"),
    "a lock": ("___pthread_mutex_lock() - [libc.so.6]",),
    "a wait": ("__poll() - [libc.so.6]",),
    "an exception": (
        *ABORT,
        "??? - [libstdc++.so.6]",
        "_ZSt9terminatev() - [libstdc++.so.6]",
        "__cxa_throw() - [libstdc++.so.6]",
        "_ZSt20__throw_length_errorPKc() - [libstdc++.so.6]",
        "_ZNSt6vectorIhSaIhEE17_M_default_appendEm() - [/usr/bin/app]",
    ),
    "an exception of the other library": (
        *ABORT,
        "abort_message() - [libc++abi.so.1]",
        "_ZL28demangling_terminate_handlerv() - [libc++abi.so.1]",
        "_ZSt9terminatev() - [libc++abi.so.1]",
        "__cxa_throw() - [libc++abi.so.1]",
    ),
    "a tree": ("_ZSt18_Rb_tree_incrementPSt18_Rb_tree_node_base() - [libstdc++.so.6]",),
    "new": (
        *ABORT,
        "malloc() - [libc.so.6]",
        "_Znwm() - [libstdc++.so.6]",
    ),
    "a message of GLib": (
        "g_log_structured_array.part.0() - [libglib-2.0.so.0]",
        "g_logv() - [libglib-2.0.so.0]",
        "g_log() - [libglib-2.0.so.0]",
    ),
    "the program's own writer of messages": (
        *ABORT,
        "on_message() - [/usr/bin/app]",
        "g_logv() - [libglib-2.0.so.0]",
        "g_log() - [libglib-2.0.so.0]",
    ),
    "an assertion of GLib": (
        *ABORT,
        "g_assertion_message() - [libglib-2.0.so.0]",
        "g_assertion_message_expr() - [libglib-2.0.so.0]",
    ),
    "a type check": (
        "g_type_check_instance_is_fundamentally_a() - [libgobject-2.0.so.0]",
        "g_object_unref() - [libgobject-2.0.so.0]",
    ),
    "a handler of signals": (
        *ABORT,
        "on_signal() - [/usr/bin/app]",
        "__restore_rt() - [libc.so.6]",
    ),
}

KERNEL = {
    "a warning": ("dump_stack_lvl", "__warn", "report_bug", "exc_invalid_op"),
    "an old warning": ("dump_stack", "warn_slowpath_common", "warn_slowpath_fmt"),
    "a page fault": (
        "__die_body",
        "page_fault_oops",
        "exc_page_fault",
        "asm_exc_page_fault",
    ),
    "a panic": ("dump_stack_lvl", "panic"),
    "a list": ("dump_stack", "__list_del_entry_valid"),
    "a lock": ("native_queued_spin_lock_slowpath", "_raw_spin_lock_irqsave"),
    "a soft lockup": (
        "dump_stack",
        "watchdog_timer_fn",
        "__hrtimer_run_queues",
        "hrtimer_interrupt",
        "sysvec_apic_timer_interrupt",
        "asm_sysvec_apic_timer_interrupt",
    ),
    "a sanitizer": ("dump_stack_lvl", "print_report", "kasan_report"),
}


def verdict(payload):
    return judge(parse(payload).frames, RULES.of())


needs_cxx = pytest.mark.skipif(not AVAILABLE, reason="no C++ runtime on this machine")


@needs_cxx
@pytest.mark.parametrize("above", ABOVE.values(), ids=ABOVE)
def test_the_function_below_the_libraries_is_guilty(above):
    found = verdict(crash(*above, "culprit() - [/usr/bin/app]", *MAIN))
    assert (found.guilty, found.reason) == (("culprit()", "/usr/bin/app"), "named")


@pytest.mark.parametrize("above", KERNEL.values(), ids=KERNEL)
def test_the_function_below_the_kernels_report_is_guilty(above):
    names = (*above, "culprit", "do_syscall_64", "entry_SYSCALL_64_after_hwframe")
    found = verdict(crash(*(f"{name} - [kernel]" for name in names)))
    assert found.guilty == ("culprit", "kernel")


@pytest.mark.parametrize(
    "frames",
    [
        (
            "handle_mm_fault",
            "do_user_addr_fault",
            "exc_page_fault",
            "asm_exc_page_fault",
        ),
        ("driver_irq", "handle_irq_event", "common_interrupt", "lock_acquire", "other"),
        ("driver_release", "kobject_put", "kfree", "other"),
    ],
)
def test_what_the_kernel_interrupts_or_calls_back_from_hides_nothing_above(frames):
    found = verdict(crash(*(f"{name} - [kernel]" for name in frames)))
    assert found.guilty == (frames[0], "kernel")


@pytest.mark.parametrize(
    ("payload", "guilty"),
    [
        (ABORTED, ("media::Catalog::insert(int const&)", "/usr/bin/indexer")),
        (THREADED, ("decode_frame()", "libcodec.so.61")),
        (STRIPPED, ("???", "/usr/bin/stripped")),
        (OOPS, ("nvme_poll", "kernel")),
        (GUESSED, ("? bond_set_rx_mode", "kernel")),
    ],
)
@needs_cxx
def test_the_examples_have_the_guilty_a_person_would_name(payload, guilty):
    assert verdict(payload).guilty == guilty


def test_a_program_without_symbols_is_guilty_rather_than_a_library():
    frames = ("??? - [/usr/bin/app]", *MAIN[1:3], "??? - [/usr/bin/app]")
    found = verdict(crash(*ABORT, *frames))
    assert (found.index, found.reason) == (3, Reason.UNKNOWN)


def test_no_rule_is_there_twice():
    rules = [*STARTER_RULES, *DEFAULT_RULES]
    assert len({(rule.function, rule.module) for rule in rules}) == len(rules)
    assert len({rule.id for rule in rules}) == len(rules)


def test_every_rule_says_why():
    assert not [rule for rule in STARTER_RULES if not rule.reason.endswith(".")]


def test_names_are_written_as_frames_have_them():
    names = {rule.function for rule in STARTER_RULES if "*" not in rule.function}
    assert {comparable(normalise(name)) for name in names} == set(
        map(comparable, names)
    )


def test_no_rule_is_about_every_function_of_a_module():
    assert not [rule for rule in STARTER_RULES if not rule.function.strip("*:_")]


def test_only_the_standard_library_is_ignored_wherever_it_is_compiled_into():
    anywhere = {rule.function for rule in STARTER_RULES if rule.module == "*"}
    assert anywhere == {"std::*", "void std::*", "bool std::*", "__gnu_cxx::*"}
    kinds = {rule.kind for rule in STARTER_RULES if rule.module == "*"}
    assert kinds == {RuleKind.IGNORE}


def test_recorded_crashes_are_judged_by_what_is_below_the_libraries(shared_data):
    libraries = {"libc.so.6", "libstdc++.so.6"}
    for line in (shared_data / "payloads.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["classification"].startswith("org.clearlinux/crash/"):
            found = verdict(record["payload"])
            assert not found.guilty or found.guilty.module not in libraries
