"""Which classifications are crashes is configuration."""

import pytest

from crashes import classes
from crashes.models import CrashClassification

pytestmark = pytest.mark.django_db

WITH_FRAMES = (
    "org.clearlinux/crash/clr",
    "org.clearlinux/kernel/bug",
    "org.clearlinux/kernel/stackoverflow",
    "org.clearlinux/kernel/warning",
    "org.clearlinux/kernel/panic",
    "crash/kernel/bug",
    "crash/kernel/warning",
    "org.example/crash/clr",
)
COUNTED_ONLY = (
    "org.clearlinux/crash/unknown",
    "org.clearlinux/crash/clr-build",
    "org.clearlinux/crash/error",
    "org.example/crash/unknown",
)
NO_CRASHES = (
    "org.clearlinux/hello/world",
    "org.clearlinux/heartbeat/ping",
    "org.clearlinux/kernel/oops",
    "org.example/crash/app",
    "org.clearlinux/crash",
    "org.clearlinux/crash/clr/more",
    "crash/clr",
    "",
)


@pytest.mark.parametrize("classification", WITH_FRAMES)
def test_these_have_a_backtrace(classification):
    assert classes.is_crash(classification)
    assert classes.has_backtrace(classification) is True


@pytest.mark.parametrize("classification", COUNTED_ONLY)
def test_these_are_only_counted(classification):
    assert classes.is_crash(classification)
    assert classes.has_backtrace(classification) is False


@pytest.mark.parametrize("classification", NO_CRASHES)
def test_these_are_no_crashes(classification):
    assert not classes.is_crash(classification)
    assert classes.has_backtrace(classification) is None


def test_a_line_of_configuration_makes_crashes_of_another_vendors_records():
    CrashClassification.objects.create(pattern="org.example/crash/app")
    assert classes.has_backtrace("org.example/crash/app") is True
    assert not classes.is_crash("org.example/crash/other")


def test_a_line_that_is_switched_off_does_nothing():
    CrashClassification.objects.filter(pattern="*/crash/clr").update(active=False)
    assert not classes.is_crash("org.clearlinux/crash/clr")
    assert classes.is_crash("org.clearlinux/crash/clr-build")


def test_an_exact_line_counts_before_one_with_a_wildcard():
    CrashClassification.objects.create(pattern="org.example/crash/clr", backtrace=False)
    assert classes.has_backtrace("org.example/crash/clr") is False
    assert classes.has_backtrace("org.clearlinux/crash/clr") is True


def test_what_is_configured_is_read_once_in_ten_seconds(
    monkeypatch, django_assert_num_queries
):
    monkeypatch.setattr("crashes.classes.time.monotonic", lambda: now)
    now = 1000.0
    with django_assert_num_queries(1):
        assert not classes.is_crash("org.example/crash/app")
        assert classes.is_crash("org.example/crash/clr")
    CrashClassification.objects.create(pattern="org.example/crash/app")
    now = 1009.9
    assert not classes.is_crash("org.example/crash/app")
    now = 1010.0
    assert classes.is_crash("org.example/crash/app")


def test_without_any_line_there_are_no_crashes():
    CrashClassification.objects.all().delete()
    assert not classes.is_crash("org.clearlinux/crash/clr")
