"""`manage.py seed_demo`: a demo fleet in the database, counted."""

import os
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from django.core.management import CommandError, call_command

from records import names
from records.digest import digest_batch
from records.models import MachineDay, Pending, Record
from tests.factories import stored
from tests.records.recount import recounted, rollups

ROOT = Path(__file__).resolve().parent.parent.parent

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten_names():
    """Ids remembered from another test's rolled-back rows would lead nowhere."""
    names.forget()
    yield
    names.forget()


def seed(*arguments: str, **options: object) -> None:
    call_command("seed_demo", "--machines=6", "--days=4", *arguments, **options)


def test_a_fleet_is_stored_and_digested(capsys):
    seed()
    made = Record.objects.count()
    assert 20 < made < 120
    assert not Pending.objects.exists()
    assert sum(MachineDay.objects.values_list("records", flat=True)) == made
    assert f"Made {made} records of 6 machines in 4 days" in capsys.readouterr().out


def test_ids_follow_the_time_of_reception_and_end_now():
    seed()
    times = list(Record.objects.order_by("id").values_list("received_at", flat=True))
    assert times == sorted(times)
    now = datetime.now(UTC)
    assert now - timedelta(days=4, minutes=1) < times[0]
    assert times[-1] <= now


def test_digesting_can_be_left_to_the_worker(capsys):
    seed("--no-digest")
    assert Pending.objects.count() == Record.objects.count() > 0
    assert "the worker will digest them" in capsys.readouterr().out


def test_a_database_with_records_is_left_alone_when_asked_to(capsys):
    seed("--if-empty")
    made = Record.objects.count()
    assert made
    seed("--if-empty")
    assert Record.objects.count() == made
    assert "There are records already" in capsys.readouterr().out


def test_a_number_of_records_can_be_asked_for():
    call_command("seed_demo", "--records=400", "--days=5")
    assert 250 < Record.objects.count() < 550


def test_progress_is_told_in_plain_lines_when_nobody_watches(capsys):
    stored()
    seed()
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in lines] == ["Demo fleet", "Digest"]


def test_what_is_there_stays_as_it_is_and_is_counted_once():
    before = stored(classification="org.example/was/here")
    digest_batch(10)
    seed()
    assert Record.objects.filter(pk=before.pk).exists()
    assert Record.objects.count() > 20
    assert rollups() == recounted(Record.objects.all())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--days=0"], "--days must be at least 1"),
        (["--records=0"], "--records must be at least 1"),
        (["--processes=0"], "--processes must be at least 1"),
        (["--records=9", "--machines=9"], "exclude each other"),
    ],
)
def test_impossible_sizes_are_refused(arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("seed_demo", *arguments)
    assert not Record.objects.exists()


def test_a_large_fleet_that_is_stopped_leaves_the_table_with_its_indexes(
    on_postgres: bool, server_database: str
):
    if not on_postgres:
        pytest.skip("indexes are left out on PostgreSQL")
    command = [sys.executable, "manage.py", "seed_demo", "--records=200000"]
    with closing(psycopg2.connect(server_database)) as other:
        other.autocommit = True
        before = count_indexes(other)
        running = subprocess.Popen(
            [*command, "--processes=2"],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": server_database},
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while count_indexes(other) == before and time.monotonic() < deadline:
            time.sleep(0.02)
        assert count_indexes(other) < before
        running.terminate()
        assert running.wait(60) != 0
        assert count_indexes(other) == before


def count_indexes(other: Any) -> int:
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_indexes WHERE indexname ~ '^record_'")
        return int(cursor.fetchone()[0])
