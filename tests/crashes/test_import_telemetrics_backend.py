"""`manage.py import_telemetrics_backend`: once each, resumable, and compared."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from crashes import curation, takeover
from crashes.models import Guilty, RulesVersion, TakenOver
from crashes.predecessor import connected
from crashes.takeover import Overtaken
from crashes.verification import compare
from records import erase
from records.models import Pending, Record, RetentionRule, RetentionRun
from records.purge import batches
from tests.crashes.factories import (
    digest,
    guilty_of,
    guilty_row,
    in_force,
    judge_everything,
    payload,
)
from tests.crashes.predecessors import OldDatabase, old_database
from tests.factories import stored

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
CRASH = "org.clearlinux/crash/clr"
A, B = ("a()", "m.so"), ("b()", "m.so")


@pytest.fixture(scope="module")
def old_of_all(on_postgres: bool) -> Iterator[OldDatabase]:
    if not on_postgres:
        pytest.skip("the predecessor's database is PostgreSQL")
    with old_database(os.environ["DATABASE_URL"]) as database:
        yield database


@pytest.fixture
def old(old_of_all: OldDatabase) -> OldDatabase:
    """An empty database of the predecessor."""
    old_of_all.execute(
        "TRUNCATE records, guilty, guilty_blacklisted RESTART IDENTITY CASCADE"
    )
    return old_of_all


def take(old: OldDatabase, *options: str) -> None:
    call_command("import_telemetrics_backend", old.url, *options)


def crash(old: OldDatabase, *frames: tuple[str, str], **changes: Any) -> int:
    values = {"classification": CRASH, "payload": payload(*frames), "severity": 3}
    return old.record(**values | changes)


def odd(old: OldDatabase) -> None:
    """Rows as years of other software left them."""
    nothing = dict.fromkeys(
        (
            *("architecture", "bios_version", "board_name", "cpu_model", "event_id"),
            *("external", "host_type", "kernel_version", "machine_id", "severity"),
            *("payload_version", "record_version", "system_name", "timestamp_client"),
        )
    )
    old.record(**nothing)
    old.record(build='"32130"')
    old.record(build="'32130'", system_name='"clear-linux-os"')
    old.record(build="", classification="no slash", machine_id="x" * 99)
    old.record(timestamp_server=Decimal("1580000000.123456"), external=True)
    old.record(timestamp_server=Decimal("NaN"), severity=70_000)
    old.record(timestamp_server=10**15, timestamp_client=Decimal("NaN"))
    old.record(payload="\x01 \u202e <script>", classification="a/b\n/c" + "d" * 200)
    old.records(3, event_id="same" * 8, external=True)
    crash(old, A, B)


def test_odd_rows_are_all_imported_and_compared(old, capsys):
    odd(old)
    take(old)
    written = capsys.readouterr()
    assert Record.objects.count() == Pending.objects.count() == 12
    assert "Records: 12 of 12 rec" in written.err
    assert "Everything is here" in written.out
    assert "NOT EXPLAINED" not in written.out
    lines = [line.split() for line in written.out.splitlines()]
    assert ["clear-linux-os", "32130", "10", "10"] in lines
    assert ["N/A", "32130", "1", "1"] in lines
    assert ["internal", "8", "8"] in lines
    assert ["external", "4", "4"] in lines
    moments = set(Record.objects.values_list("received_at", flat=True))
    assert datetime(2020, 1, 26, 0, 53, 20, 123456, tzinfo=UTC) in moments
    assert Record.objects.filter(kind__telemetry_id=None).count() == 12


def test_importing_again_doubles_nothing_and_takes_what_is_new(old, capsys):
    odd(old)
    take(old)
    take(old, "--batch", "5")
    assert Record.objects.count() == 12
    old.records(7)
    take(old, "--batch", "3")
    assert Record.objects.count() == 19
    assert "Everything is here" in capsys.readouterr().out
    row = TakenOver.objects.get()
    assert row.records == 19
    assert len(row.ranges) == 2


def test_two_databases_are_told_apart(old, capsys):
    old.records(3)
    take(old)
    with old_database(old.url) as other:
        other.records(4, classification="a/b/c")
        take(other)
    take(old)
    assert Record.objects.count() == 7
    assert TakenOver.objects.count() == 2
    assert "NOT EXPLAINED" not in capsys.readouterr().out


def test_records_of_clients_do_not_count_as_imported(old, capsys):
    telemetry_id = connection_telemetry_id()
    old.records(3)
    take(old)
    stored(telemetry_id=telemetry_id)
    old.records(3)
    take(old)
    stored(telemetry_id=None)  # of a demonstration
    take(old)
    assert "NOT EXPLAINED" not in capsys.readouterr().out


def connection_telemetry_id() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO records_telemetryid (value, label, active, created_at) "
            "VALUES ('a', '', true, now()) RETURNING id"
        )
        return int(cursor.fetchone()[0])


def test_two_imports_at_once_double_nothing(old):
    old.records(5)
    with connected(old.url) as one, connected(old.url) as two:
        first, second = takeover.state_of(one), takeover.state_of(two)
        assert list(takeover.take_records(one, first, 3)) == [3, 2]
        with pytest.raises(Overtaken):
            list(takeover.take_records(two, second, 3))
    assert Record.objects.count() == 5


# --- Guilties and rules -------------------------------------------------------------


def test_comments_and_hidden_are_there_when_a_crash_is_judged(old, transactional_db):
    guilty = old.guilty("_ZN3foo3barEv()", "m.so", "known & fixed", False)
    old.guilty("a()", "m.so", None, True)
    old.guilty("a.cold()", "m.so", "split", True)
    old.guilty("main()", "m.so", "", False)
    old.guilty("b()", "m.so", None, None)
    crash(old, ("_ZN3foo3barEv()", "m.so"), guilty_id=guilty)
    crash(old, A)
    take(old)
    digest()
    assert guilty_row("foo::bar()").comment == "known & fixed"
    row = guilty_row("a()")
    assert (row.comment, row.hidden) == ("split", True)
    assert {guilty_of(each) for each in Record.objects.all()} == {
        ("foo::bar()", "m.so"),
        A,
    }
    assert Guilty.objects.count() == 2


def test_what_was_said_here_is_not_overwritten(old, transactional_db):
    old.guilty("a()", "m.so", "theirs", False)
    take(old)
    Guilty.objects.update(comment="ours", hidden=True)
    old.guilty("a.cold()", "m.so", "theirs again", False)
    take(old)
    row = guilty_row("a()")
    assert (row.comment, row.hidden) == ("ours", True)


def test_their_list_becomes_rules_once(old, transactional_db, capsys):
    in_force()
    old.never_guilty("a()", "m.so")
    old.never_guilty("f(*)()", "m.so")
    old.never_guilty("", "m.so")
    crash(old, A, B)
    take(old)
    digest()
    judge_everything()
    assert guilty_of(Record.objects.get()) == B
    rules = {(each.function, each.glob, each.reason) for each in curation.rules()}
    assert rules == {("a()", False, "imported"), ("f(*)()", False, "imported")}
    assert "No rule: Entry 3: function: Empty." in capsys.readouterr().out
    versions = RulesVersion.objects.count()
    curation.apply((), note="nothing is ignored")
    take(old)
    assert curation.rules() == ()
    assert RulesVersion.objects.count() == versions + 1


def test_guilties_are_compared_once_the_worker_has_judged(
    old, transactional_db, capsys
):
    in_force()
    guilty = old.guilty("b()", "m.so", None, None)
    same = old.guilty("c()", "m.so", None, None)
    crash(old, A, B, guilty_id=guilty)
    crash(old, ("c()", "m.so"), guilty_id=same)
    take(old)
    assert "2 wait" in capsys.readouterr().out
    digest()
    take(old)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["b()", "[m.so]", "1", "0", "judged", "anew"] in lines
    assert ["a()", "[m.so]", "0", "1", "judged", "anew"] in lines
    assert ["c()", "[m.so]", "1", "1"] in lines


# --- Differences --------------------------------------------------------------------


def notes(old: OldDatabase) -> Counter[str]:
    with connected(old.url) as database:
        found = compare(database, takeover.state_of(database))
    return Counter(row.note for each in found for row in each.rows)


@pytest.fixture
def five(old: OldDatabase) -> OldDatabase:
    """Five records that are imported and digested, three of them new."""
    now = datetime.now(UTC)
    old.records(2, timestamp_server=(now - timedelta(days=40)).timestamp())
    old.records(3, timestamp_server=now.timestamp(), machine_id="m")
    take(old)
    digest()
    assert notes(old) == {"": 4}
    return old


def test_a_record_that_is_lost_is_not_explained(five, capsys):
    Record.objects.latest("id").delete()
    assert notes(five) == {"NOT EXPLAINED": 4}
    with pytest.raises(CommandError, match="not explained"):
        take(five)
    assert "NOT EXPLAINED" in capsys.readouterr().out


def test_what_retention_deleted_is_explained_and_no_more(five):
    run = RetentionRun.objects.create(started=datetime.now(UTC))
    assert sum(batches(run)) == 2
    assert notes(five) == {"deleted by retention": 4}
    Record.objects.latest("id").delete()
    assert notes(five) == {"NOT EXPLAINED": 4}


def test_a_loss_is_not_put_on_retention_that_deleted_nothing(five):
    Record.objects.earliest("id").delete()
    assert notes(five) == {"NOT EXPLAINED": 4}


def test_what_a_rule_for_a_machine_deleted_is_explained(old):
    two_days_ago = (datetime.now(UTC) - timedelta(days=2)).timestamp()
    old.records(3, machine_id="m", timestamp_server=two_days_ago)
    take(old)
    digest()
    RetentionRule.objects.create(criterion="machine_id", value="m", days=1)
    run = RetentionRun.objects.create(started=datetime.now(UTC))
    assert sum(batches(run)) == 3
    assert notes(old) == {"deleted by retention": 4}


def test_an_erased_machine_is_explained(five):
    erase.erase("m", "somebody")
    assert notes(five) == {"erased": 4}


def test_what_was_deleted_there_is_explained(five):
    five.execute("DELETE FROM records WHERE id = 1")
    assert notes(five) == {"deleted there since": 4}
    stored()  # belongs to no import
    assert notes(five) == {"deleted there since": 4}


# --- Failures -----------------------------------------------------------------------


def test_an_address_without_a_server_is_told_without_the_password():
    with pytest.raises(CommandError, match="No connection") as raised:
        call_command(
            "import_telemetrics_backend", "postgres://u:s3cret@127.0.0.1:9/telemetry"
        )
    assert "s3cret" not in str(raised.value)


def test_another_database_is_refused(old):
    with pytest.raises(CommandError, match='relation "guilty" does not exist'):
        call_command("import_telemetrics_backend", os.environ["DATABASE_URL"])


def test_a_batch_is_at_least_one_record(old):
    with pytest.raises(CommandError, match="at least one"):
        take(old, "--batch", "0")


@pytest.mark.reliability
@pytest.mark.slow
def test_an_import_that_is_killed_goes_on_where_it_was(old, server_database):
    old.execute(
        "INSERT INTO records (build, classification, payload, timestamp_server) "
        "SELECT n % 7, 'a/b/c' || n % 3, 'payload ' || n, 1580000000 + n "
        "FROM generate_series(1, 6000) AS n"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "telemetry_site.settings",
        "DATABASE_URL": server_database,
    }
    command = [sys.executable, "manage.py", "import_telemetrics_backend", old.url]

    def started(*options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def imported() -> int:
        with closing(psycopg2.connect(server_database)) as other:
            cursor = other.cursor()
            cursor.execute(
                "SELECT count(DISTINCT payload), count(*) FROM records_record"
            )
            different, all_of_them = cursor.fetchone()
            assert different == all_of_them
            return int(different)

    for more in (1, 1000):
        before = imported()
        process = started("--batch", "100")
        end = time.monotonic() + 60
        while imported() < before + more and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert 0 < imported() < 6_000
    process = started()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    assert "Everything is here" in output
    assert imported() == 6_000
