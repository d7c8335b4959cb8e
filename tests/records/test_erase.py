"""Erasing a machine: no table names it afterwards, and others lose nothing."""

import getpass
import json
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection

from records import erase, parsers
from records.digest import digest_batch
from records.models import (
    Erasure,
    HardwareDay,
    KindDay,
    MachineDay,
    ParserFailure,
    Pending,
    Record,
    Refused,
    RetentionRule,
    RetentionRun,
    SystemPresence,
)
from records.purge import batches
from tests.factories import TELEMETRY_ID, stored
from tests.records.every_fact import FACTS, fact_ids, rows, sent_and_digested

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GONE = "feedc0dedeadbeef0123456789abcdef"
STAYS = "0123456789abcdef0123456789abcdef"


def rows_that_name(table: str, machine_id: str) -> list[str]:
    """Rows with this text in any column."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{table}"')
        rows = map(repr, map(_readable, cursor.fetchall()))
        return [row for row in rows if machine_id in row]


def _readable(row: tuple[object, ...]) -> list[object]:
    return [bytes(v) if isinstance(v, memoryview) else v for v in row]


def tables_that_name(machine_id: str) -> dict[str, list[str]]:
    """Every table of the database that names it, with the rows that do."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    found = {table: rows_that_name(table, machine_id) for table in tables}
    return {table: rows for table, rows in found.items() if rows}


def refused(headers: dict[str, str], body: bytes = b"") -> Refused:
    return Refused.objects.create(
        received_at=NOW,
        code="build",
        message="Build version has invalid characters",
        sender="format 4",
        path="/v2/collector",
        headers=headers,
        body=body,
    )


def everywhere(machine_id: str) -> None:
    """One machine, in every way in which a database can know it."""
    sent_and_digested(NOW, machine_id=machine_id)
    stored(NOW, machine_id=machine_id)
    failing = Record.objects.filter(machine_id=machine_id).latest("id").pk
    ParserFailure.objects.create(
        record_id=failing, parser="x", version=1, error=f"no: {machine_id}"
    )
    refused({"HTTP_MACHINE_ID": machine_id})
    refused({}, json.dumps({"machine_id": machine_id}).encode())
    RetentionRule.objects.create(criterion="machine_id", value=machine_id, days=36_500)
    LogEntry.objects.create(
        user=User.objects.get_or_create(username="somebody")[0],
        object_repr=f"machine_id {machine_id}",
        action_flag=CHANGE,
        change_message=f'[{{"changed": "{machine_id}"}}]',
    )
    run = RetentionRun.objects.create(started=NOW)
    list(batches(run))


def test_no_table_names_an_erased_machine():
    everywhere(GONE)
    assert tables_that_name(GONE).keys() >= {
        "records_record",
        "records_refused",
        "mce_mcemachineday",
        "updates_updateevent",
    }
    done = erase.erase(GONE, "somebody")
    assert tables_that_name(GONE) == {}
    assert done.records == 6
    assert done.erased_by == "somebody"
    assert done.machine_hash == erase.machine_hash(GONE) != erase.machine_hash(STAYS)
    assert LogEntry.objects.get().object_repr == "machine_id (erased)"


def test_other_machines_lose_nothing():
    everywhere(STAYS)
    digest_batch(100)
    before = tables_that_name(STAYS)
    everywhere(GONE)
    erase.erase(GONE, "somebody")
    assert tables_that_name(STAYS) == before


def test_counts_that_name_no_machine_stay():
    sent_and_digested(NOW, machine_id=GONE)
    kinds, hardware = KindDay.objects.count(), HardwareDay.objects.count()
    counted = rows("CrashDay", "MceDay", "ThermalDay", "UpdateDay")
    erase.erase(GONE, "somebody")
    assert fact_ids() == {name: [] for name in FACTS}
    assert not MachineDay.objects.exists()
    assert (KindDay.objects.count(), HardwareDay.objects.count()) == (kinds, hardware)
    assert rows("CrashDay", "MceDay", "ThermalDay", "UpdateDay") == counted
    assert SystemPresence.objects.count() == 1


def test_what_waits_for_the_worker_is_never_counted():
    stored(NOW, machine_id=GONE)
    kept = stored(NOW, machine_id=STAYS).pk
    erase.erase(GONE, "somebody")
    assert list(Pending.objects.values_list("record_id", flat=True)) == [kept]


def test_many_records_go_batch_by_batch(monkeypatch):
    monkeypatch.setattr(erase, "_BATCH", 2)
    for _ in range(5):
        stored(NOW, machine_id=GONE)
    assert list(erase.erase_records(GONE)) == [2, 2, 1]


def test_facts_that_cannot_be_deleted_keep_their_records():
    def fail(ids: object) -> None:
        raise ValueError("broken")

    parser = parsers.PayloadParser(
        "bad", 1, (), lambda r: None, lambda f: None, fail, fail
    )
    stored(NOW, machine_id=GONE)
    parsers.register(parser)
    try:
        with pytest.raises(erase.FactsLeftOver, match="bad"):
            erase.erase(GONE, "somebody")
    finally:
        parsers.unregister("bad")
    assert Record.objects.exists()
    assert Pending.objects.exists()
    assert not Erasure.objects.exists()


@pytest.mark.parametrize(
    ("machine_id", "headers", "body"),
    [
        ("x", {"HTTP_MACHINE_ID": "x"}, b""),
        ("x", {"HTTP_MACHINE_ID": "'x'"}, b""),
        ("my-machine", {}, b'{"machine_id":"my-machine","payload":"'),
        ("größe", {"HTTP_MACHINE_ID": "größe".encode().decode("latin-1")}, b""),
        ("größe", {}, '{"machine_id": "größe"}'.encode()),
        ("größe", {}, '{"machine_id": "größe"}'.encode("latin-1")),
        ("größe", {}, rb'{"machine_id": "gr\u00f6\u00dfe"}'),
        ("a.c", {}, b"a.c\n"),
    ],
)
def test_a_refused_request_that_carries_the_id_goes(machine_id, headers, body):
    refused({"HTTP_X_TELEMETRY_TID": TELEMETRY_ID, **headers}, body)
    erase.erase(machine_id, "somebody")
    assert not Refused.objects.exists()


@pytest.mark.parametrize(
    ("machine_id", "body"), [("x", b"xx axb 0x1"), ("a.c", b"abc"), ("m", b"")]
)
def test_a_refused_request_without_the_id_stays(machine_id, body):
    refused({"HTTP_X_TELEMETRY_TID": TELEMETRY_ID}, body)
    erase.erase(machine_id, "somebody")
    assert Refused.objects.exists()


# --- The command --------------------------------------------------------------------


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a person at a terminal types."""
    typed: list[str] = []
    command = "records.management.commands.erase_machine"
    monkeypatch.setattr(f"{command}.sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: typed.pop(0))
    return typed


def test_the_command_erases_without_asking_when_told_so(monkeypatch, capsys):
    monkeypatch.setattr(getpass, "getuser", lambda: "root")
    stored(NOW, machine_id=GONE)
    call_command("erase_machine", GONE, "--yes")
    done = Erasure.objects.get()
    assert (done.records, done.erased_by) == (1, "root, on the command line")
    written = capsys.readouterr()
    assert written.out.startswith("Erased 1 records and 0 other rows")
    assert GONE not in written.out + written.err


@pytest.mark.parametrize(("answer", "left"), [("yes", 0), ("no", 1), ("", 1)])
def test_the_command_asks_first(answers, answer, left):
    stored(NOW, machine_id=GONE)
    answers.append(answer)
    if left:
        with pytest.raises(CommandError, match="Nothing was erased"):
            call_command("erase_machine", GONE)
    else:
        call_command("erase_machine", GONE)
    assert Record.objects.count() == left


def test_without_a_terminal_the_command_has_to_be_told(monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(CommandError, match="--yes"):
        call_command("erase_machine", GONE)


def test_an_operator_without_a_name_is_noted_as_such(monkeypatch):
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    call_command("erase_machine", GONE, "--yes")
    assert Erasure.objects.get().erased_by == "The command line"
