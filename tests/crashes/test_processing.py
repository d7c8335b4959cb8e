"""From a crash record to its report, its trace, and the counts."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError

from crashes import backtrace, curation, judging, processing, rollups
from crashes.models import (
    CrashClassification,
    CrashDay,
    CrashReport,
    Frame,
    Guilty,
    Program,
    Trace,
    TraceFrame,
)
from records import digest as digesting
from records import names
from records.digest import digest_batch
from records.models import ParserFailure, Pending
from records.rebuild import rebuild_facts
from tests.crashes import ABORTED, ALL, GUESSED, OOPS, THREADED
from tests.crashes.factories import (
    CLR,
    ELSEWHERE,
    NOON,
    crashed,
    crashing,
    days,
    digest,
    frames_of,
    guilty_of,
    judged_from_payloads,
    recounted_days,
    reports,
    sent,
    verdicts,
)
from tests.factories import stored

A, B, MAIN = ("a()", "m.so"), ("b()", "n.so"), ("main()", "/usr/bin/app")


transactional = pytest.mark.django_db(transaction=True)


# --- One crash ----------------------------------------------------------------------


@pytest.mark.django_db
def test_a_crash_becomes_a_report_of_a_trace():
    record = crashed(
        A, B, A, signal=6, machine_id="m", external=True, build="33010", at=NOON
    )
    digest()
    report = CrashReport.objects.get()
    assert report.record_id == record.pk
    assert report.received_at == NOON
    assert (report.machine_id, report.external, report.signal) == ("m", True, 6)
    assert report.build_id == record.build_id
    assert report.state == "complete"
    trace = Trace.objects.get()
    assert report.trace_id == trace.pk
    assert (trace.classification.name, trace.program.name) == (CLR, "/usr/bin/app")
    assert frames_of(record) == (A, B, A)
    assert len(trace.frames) == 3
    assert trace.guilty.frame.function == "a()"
    assert trace.version == judging.in_force().version
    assert not ParserFailure.objects.exists()


@pytest.mark.django_db
def test_the_index_has_each_frame_of_a_trace_once():
    crashed(A, B, A)
    crashed(B)
    digest()
    index = TraceFrame.objects.values_list("frame__function", "trace__frames")
    a, b = Frame.objects.order_by("function").values_list("id", flat=True)
    expected = [("a()", [a, b, a]), ("b()", [b]), ("b()", [a, b, a])]
    assert sorted(index) == sorted(expected)


@pytest.mark.django_db
def test_crashes_are_counted_per_day_trace_build_and_source():
    for n in range(3):
        for hours in (0, 11.9999, 12):
            crashed(A, build=str(n % 2), at=NOON + timedelta(hours=hours))
    crashed(B, external=True)
    digest()
    assert days() == recounted_days()
    assert sum(CrashDay.objects.values_list("crashes", flat=True)) == 10
    assert {row[0].day for row in days()} == {10, 11}


@pytest.mark.django_db
def test_equal_backtraces_share_a_trace_in_one_batch_and_in_the_next():
    crashed(A, B, signal=6, machine_id="x")
    crashed(A, B, signal=11, machine_id="y")
    digest()
    names.forget()
    crashed(A, B)
    digest()
    assert CrashReport.objects.count() == 3
    assert Trace.objects.count() == 1
    assert TraceFrame.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [
        {"classification": ELSEWHERE},
        {"program": "/usr/bin/other"},
        {"frames": (B, A)},
        {"frames": (A, B, B)},
        {"frames": ()},
    ],
)
def test_a_trace_is_of_a_classification_a_program_and_frames(other):
    crashed(A, B)
    crashed(*other.pop("frames", (A, B)), **other)
    digest()
    assert Trace.objects.count() == 2


@pytest.mark.django_db
def test_threads_that_did_not_crash_are_no_part_of_the_trace():
    record = stored(classification=CLR, payload=THREADED)
    digest()
    assert [name for name, _ in frames_of(record)] == [
        "???",
        "(no symbols)",
        "decode_frame()",
        "start_thread()",
        "__clone3()",
    ]
    assert guilty_of(record) == ("decode_frame()", "libcodec.so.61")


@pytest.mark.django_db
def test_a_crash_of_the_kernel_is_of_the_program_kernel():
    for text in (OOPS, GUESSED):
        stored(classification="org.clearlinux/kernel/bug", payload=text)
    digest()
    assert set(Program.objects.values_list("name", flat=True)) == {"kernel"}
    assert Trace.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize("event", ["unknown", "clr-build", "error"])
def test_a_crash_without_backtrace_is_counted_and_nobody_is_guilty(event):
    record = stored(classification=f"org.clearlinux/crash/{event}", payload=ABORTED)
    digest()
    report = CrashReport.objects.get(record_id=record.pk)
    assert (report.signal, frames_of(record)) == (6, ())
    assert (guilty_of(record), Guilty.objects.count()) == (None, 0)
    assert days() == recounted_days() != []


@pytest.mark.django_db
def test_other_records_are_no_crashes():
    stored(payload=ABORTED)
    stored(classification="org.example/crash/app", payload=ABORTED)
    digest()
    assert not CrashReport.objects.exists()
    assert not ParserFailure.objects.exists()


@pytest.mark.django_db
def test_another_vendors_crashes_need_one_line_of_configuration():
    CrashClassification.objects.create(pattern="org.example/crash/app")
    record = crashed(A, classification="org.example/crash/app")
    digest()
    assert guilty_of(record) == A
    assert days() == recounted_days() != []


# --- Whatever is sent ---------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("text", ALL)
def test_every_format_of_a_payload_is_stored_as_it_was_parsed(text):
    record = stored(classification=CLR, payload=text)
    digest()
    assert not ParserFailure.objects.exists()
    parsed = backtrace.parse(text).frames
    assert list(frames_of(record)) == [(f.function, f.module) for f in parsed]
    assert verdicts() == judged_from_payloads(curation.rules())


@pytest.mark.django_db
def test_of_ten_thousand_frames_the_first_are_kept():
    record = crashed(*((f"f{n}()", "m.so") for n in range(10_000)))
    digest()
    assert frames_of(record)[0] == ("f0()", "m.so")
    assert len(frames_of(record)) == Frame.objects.count() == processing.MOST_FRAMES
    assert guilty_of(record) == ("f0()", "m.so")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "x" * 5000,
        "\U0001f4a5" * 3000,
        "é" * 2001,
        "'; DROP TABLE crashes_trace; --",
        "<script>alert(1)</script>",
        "a:b|c, d<T>::operator()(int, char*)",
        "%s %(x)s {0} \\x00 \\u0000",
        "\x01\x1f\x7f\u202e",
        "operator*",
    ],
)
def test_any_name_can_be_stored(name):
    program = f"/opt/{name}"
    record = crashed((f"{name}()", f"lib{name}.so"), A, program=program)
    digest()
    assert not ParserFailure.objects.exists()
    (function, module), last = frames_of(record)
    assert last == A
    parsed = backtrace.parse(record.payload)
    assert (function, module) == parsed.frames[0][1:3]
    assert Program.objects.get().name == parsed.program
    assert len(function) <= 2000 >= len(module)
    assert guilty_of(record) == ((function, module) if function != "???" else A)


@pytest.mark.django_db
def test_names_that_differ_only_after_what_is_kept_are_one_frame():
    crashed(("x" * 2000 + "y()", "m.so"))
    crashed(("x" * 2000 + "z()", "m.so"))
    digest()
    assert Frame.objects.count() == Trace.objects.count() == 1


# --- Again --------------------------------------------------------------------------


@pytest.mark.django_db
def test_reports_and_counts_made_again_are_equal_to_the_first_time():
    for n in range(12):
        crashed(A, *[B] * (n % 4), at=NOON + timedelta(hours=5 * n), build=str(n % 3))
    stored(NOON, classification="org.clearlinux/crash/error", payload="x")
    stored(NOON, classification="org.clearlinux/kernel/bug", payload=OOPS)
    digest()
    first = (reports(), days(), verdicts())
    traces = list(Trace.objects.order_by("id").values())
    for _ in range(2):
        assert sum(rebuild_facts(NOON.date(), NOON.date() + timedelta(days=9))) == 14
        assert (reports(), days(), verdicts()) == first
    assert list(Trace.objects.order_by("id").values()) == traces
    assert days() == recounted_days()


@pytest.mark.django_db
def test_a_part_of_the_days_can_be_made_again():
    for n in range(6):
        crashed(A, at=NOON + timedelta(days=n // 2))
    digest()
    first = (reports(), days())
    CrashDay.objects.filter(day=NOON.date()).update(crashes=2)
    list(rebuild_facts(NOON.date(), NOON.date()))
    assert (reports(), days()) == first


@pytest.mark.django_db
def test_a_record_that_is_digested_again_is_neither_reported_nor_counted_twice():
    record = crashed(A)
    digest()
    first = (reports(), days())
    Pending.objects.create(record_id=record.pk)
    other = crashed(B)
    digest()
    failure = ParserFailure.objects.get()
    assert failure.record_id == record.pk
    assert IntegrityError.__name__ in failure.error
    assert reports()[:1] == first[0]
    assert days() == recounted_days()
    assert guilty_of(other) == B


# --- What is remembered -------------------------------------------------------------


def fail_once(monkeypatch, where, name):
    """The next call of this function does its work and fails."""
    original = getattr(where, name)

    def failing(*args):
        monkeypatch.setattr(where, name, original)
        original(*args)
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(where, name, failing)


ABORT, RAISE = ("abort()", "libc.so.6"), ("raise()", "libc.so.6")


@transactional
def test_nothing_is_remembered_of_a_batch_that_was_rolled_back(monkeypatch):
    """On SQLite, other rows get the ids of those that were rolled back."""
    crashed(ABORT, RAISE, program="first")
    fail_once(monkeypatch, digesting, "run_parsers")
    with pytest.raises(RuntimeError):
        digest_batch(10)
    assert not Frame.objects.exists()
    Pending.objects.all().delete()
    record = crashed(A, B, program="second")
    digest()
    assert frames_of(record) == (A, B)
    assert guilty_of(record) == A
    assert reports()[0][5] == (CLR, "second", (A, B))


@transactional
def test_nothing_is_remembered_of_crashes_that_could_not_be_stored_together(
    monkeypatch,
):
    for n in range(20):
        crashed((f"f{n}()", "m.so"), ABORT if n % 2 else RAISE, program=str(n))
        crashed(RAISE, *[(f"g{n}()", "m.so")] * n, program=f"p{n}")
    fail_once(monkeypatch, rollups, "add")
    digest()
    assert not ParserFailure.objects.exists()
    assert CrashReport.objects.count() == 40
    assert verdicts() == judged_from_payloads(curation.rules())
    assert days() == recounted_days()
    names.forget()
    first = reports()
    list(rebuild_facts(NOON.date(), NOON.date()))
    assert reports() == first


# --- Several workers ----------------------------------------------------------------


@transactional
def test_two_workers_that_meet_the_same_crashes_make_each_row_once(
    in_threads, monkeypatch, on_postgres
):
    both_have_claimed = threading.Barrier(2, timeout=10)
    original = processing._trace_ids

    def trace_ids(facts):
        if on_postgres:  # there, they work at the same time
            both_have_claimed.wait()
        return original(facts)

    crashes = [
        crashing(
            (f"f{n % 20}()", "m.so"), B, (f"g{n % 7}()", "m.so"), program=f"p{n % 5}"
        )
        for n in range(140)
    ]
    # Each half has every crash, in the opposite order.
    sent(*crashes, *reversed(crashes))
    monkeypatch.setattr(processing, "_trace_ids", trace_ids)
    work = [lambda: digest_batch(140)] * 2
    assert in_threads(*work) == [140, 140]
    assert not ParserFailure.objects.exists()
    assert Trace.objects.count() == CrashReport.objects.count() / 2 == 140
    assert Frame.objects.count() == 28
    assert verdicts() == judged_from_payloads(curation.rules())
    assert days() == recounted_days()
    assert {row[4] for row in days()} == {2}


@transactional
def test_workers_that_share_nothing_in_memory_agree(in_threads, monkeypatch):
    """As two processes: each forgets what it and the other know."""

    def work() -> None:
        for _ in range(12):
            names.forget()
            digest_batch(10)

    crashes = [
        crashing((f"f{n % 9}()", "m.so"), ABORT, (f"g{n % 4}()", "m.so"))
        for n in range(180)
    ]
    sent(*crashes)
    in_threads(work, work)
    digest()
    assert not ParserFailure.objects.exists()
    assert CrashReport.objects.count() == 180
    assert Trace.objects.count() == 36
    assert verdicts() == judged_from_payloads(curation.rules())
    assert days() == recounted_days()
