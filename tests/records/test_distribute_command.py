"""`manage.py distribute`: on stubs of Citus, and on the rules that it asks to keep."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from records import cluster, database, erase, labels, purge, rebuild
from records import store as stores
from records.digest import digest_batch
from records.distribution import Place
from records.models import KindDay, Pending, Record, RetentionRun
from records.store import store
from tests.factories import stored, submission
from tests.records import fake_citus

pytestmark = pytest.mark.django_db

REFERENCE = {
    f"records_{name}"
    for name in ("build", "classification", "hardware", "kernel", "kind", "telemetryid")
}
DISTRIBUTED = {"records_record"}
# Somebody decided of each of these that it stays on the coordinator.
LOCAL = """
accounts_apitoken accounts_externalidentity accounts_grant accounts_loginattempt
alerts_alert alerts_channel alerts_delivery alerts_rule alerts_rule_channels auth_group
auth_group_permissions auth_permission auth_user auth_user_groups
auth_user_user_permissions crashes_buildday crashes_buildspan crashes_countedguilty
crashes_crashclassification crashes_crashday crashes_crashreport crashes_frame
crashes_guilty crashes_guiltyday crashes_guiltypresence crashes_program crashes_rejudge
crashes_rule crashes_rulesversion crashes_takenover crashes_trace crashes_traceframe
django_admin_log django_content_type django_migrations django_session mce_mceday
mce_mceevent mce_mcemachineday mce_mcespan records_buildpresence
records_buildpresencespan records_erasure records_folded records_hardwareday
records_hardwarespan records_kindday records_kindspan records_machineday
records_parserfailure records_pending records_receivedhour records_refusalpolicy
records_refused records_refusedday records_retentionrule records_retentionrun
records_systempresence thermal_thermalday thermal_thermalevent thermal_thermalmachineday
updates_outcomespan updates_resultspan updates_updateday updates_updateevent
updates_versionspan
"""


@pytest.fixture(autouse=True)
def _one_half_only(request: pytest.FixtureRequest, on_postgres: bool) -> None:
    if not on_postgres and "anywhere" not in request.keywords:
        pytest.skip("runs in the PostgreSQL half")


def said(capsys: pytest.CaptureFixture[str], **options: Any) -> list[str]:
    call_command("distribute", **options)
    return capsys.readouterr().out.splitlines()


# --- Where tables belong ------------------------------------------------------------


def test_of_every_table_somebody_decided_where_it_belongs():
    found = {table.name: table.place for table in cluster.tables()}
    expected = {
        **dict.fromkeys(REFERENCE, Place.REFERENCE),
        **dict.fromkeys(DISTRIBUTED, Place.DISTRIBUTED),
        **dict.fromkeys(LOCAL.split(), Place.LOCAL),
    }
    assert found == expected


def test_constraints_are_as_django_knows_them():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text "
            "FROM pg_constraint WHERE contype = 'f' AND conparentid = 0"
        )
        there = set(cursor.fetchall())
    known = {
        (table.name, other) for table in cluster.tables() for other in table.references
    }
    assert there == known


def test_records_can_be_spread_by_id():
    """No constraint but on id, ids of an owned sequence, no trigger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contype, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE 'records_record'::regclass IN (conrelid, confrelid) "
            "AND contype <> 'n'"
        )
        assert cursor.fetchall() == [("p", "PRIMARY KEY (id)")]
        cursor.execute(
            "SELECT attidentity, pg_get_serial_sequence('records_record', 'id'), "
            "(SELECT count(*) FROM pg_trigger WHERE tgrelid = attrelid), "
            "(SELECT count(*) FROM pg_index WHERE indrelid = attrelid AND indisunique)"
            "FROM pg_attribute "
            "WHERE attrelid = 'records_record'::regclass AND attname = 'id'"
        )
        assert cursor.fetchone() == ("", "public.records_record_id_seq", 0, 1)


# --- The command --------------------------------------------------------------------


def test_a_database_is_distributed_and_the_second_time_nothing_is_left_to_do(capsys):
    stored()
    fake_citus.install()
    lines = said(capsys, coordinator="db.internal", shards=16)
    calls = fake_citus.calls()
    assert calls[0] == "coordinator db.internal:5432"
    names = [call.removeprefix("reference ") for call in calls[1:-2]]
    assert set(names) == REFERENCE
    assert len(names) == len(REFERENCE)
    assert names.index("records_kind") > names.index("records_classification")
    assert names.index("records_kind") > names.index("records_telemetryid")
    assert calls[-2:] == ["by id in 16 records_record", "truncate records_record_0"]
    assert lines[0] == "Citus fake, 2 nodes"
    assert len(lines) == len(calls) + 1 + len(REFERENCE)  # and a sequence for each

    assert said(capsys)[-1] == "Everything is in its place."
    assert fake_citus.calls() == calls


def test_names_get_new_ids_after_their_last_from_a_sequence(capsys):
    before = [stored(build=f"before {n}").build_id for n in range(3)]
    fake_citus.install()
    said(capsys, coordinator="db")
    assert not cluster.state().identities.keys() & (REFERENCE | DISTRIBUTED)
    labels.forget()
    after = [stored(build=f"after {n}").build_id for n in range(3)]
    assert after == [max(before) + n for n in (1, 2, 3)]


def test_a_dry_run_says_what_would_be_done_and_does_nothing(capsys):
    stored()
    fake_citus.install()
    planned = said(capsys, coordinator="db", dry_run=True)
    assert fake_citus.calls() == []
    assert [line.partition(";")[0] for line in planned[-2:]] == [
        "SELECT create_distributed_table('records_record', 'id', shard_count := 32)",
        "SELECT truncate_local_data_after_distributing_table('records_record_0')",
    ]
    assert said(capsys, coordinator="db") == planned


def test_it_goes_on_where_it_ended(capsys):
    fake_citus.install()
    steps = cluster.distribute(coordinator="db")
    for _ in range(4 + len(REFERENCE)):
        next(steps)
    steps.close()
    before = fake_citus.calls()
    assert len(before) == 3
    said(capsys)
    assert len(set(fake_citus.calls())) == len(fake_citus.calls())
    assert fake_citus.calls()[:3] == before
    assert said(capsys)[-1] == "Everything is in its place."


def test_an_error_of_citus_is_told(capsys):
    fake_citus.install()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION create_reference_table(t regclass) "
            "RETURNS void LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'node2 is away' USING ERRCODE = '08006'; END $$"
        )
    with (
        pytest.raises(CommandError, match=r"(?s)node2 is away.*may be run again"),
        transaction.atomic(),
    ):
        call_command("distribute", coordinator="db")


def test_a_statement_that_changes_nothing_is_not_repeated_for_ever():
    fake_citus.install()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION create_reference_table(t regclass) "
            "RETURNS void LANGUAGE sql AS ''"
        )
    with pytest.raises(CommandError, match="create_reference_table"):
        call_command("distribute", coordinator="db")


@pytest.mark.parametrize(
    ("workers", "options", "message"),
    [(0, {"coordinator": "db"}, "citus_add_node"), (2, {}, "--coordinator")],
)
def test_what_is_missing_is_said(workers, options, message):
    fake_citus.install(workers)
    with pytest.raises(CommandError, match=message):
        call_command("distribute", **options)


@pytest.mark.anywhere
def test_without_citus_nothing_is_done(on_postgres):
    reason = "CREATE EXTENSION citus" if on_postgres else "Only PostgreSQL"
    with pytest.raises(CommandError, match=reason):
        call_command("distribute")


# --- What is different on a cluster -------------------------------------------------


def test_a_record_whose_node_has_not_committed_yet_is_digested_later():
    """The queue is on the coordinator, which commits a moment before the nodes."""
    fake_citus.install()
    late = stored()
    there = stored()
    Record.objects.filter(pk=late.pk).delete()
    assert digest_batch(10) == 1
    assert list(Pending.objects.values_list("record_id", flat=True)) == [late.pk]
    assert digest_batch(10) == 0
    late.save(force_insert=True)
    assert digest_batch(10) == 1
    assert sum(KindDay.objects.values_list("records", flat=True)) == 2
    assert not Pending.objects.exists()
    assert there.pk > late.pk


@pytest.mark.anywhere
def test_on_one_database_a_record_that_is_gone_does_not_stay_in_the_queue():
    stored()
    Record.objects.all().delete()
    assert digest_batch(10) == 1
    assert not Pending.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("code", ["08000", "08003", "08006", "57P01", "57P03", "40001"])
def test_what_a_node_fails_on_is_stored_the_second_time(monkeypatch, code):
    """The connection to the coordinator lives on; the statement is what failed."""

    def insert(cursor, rows):
        if not failed:
            failed.append(code)
            cursor.execute(f"DO $$ BEGIN RAISE EXCEPTION SQLSTATE '{code}'; END $$")
        original(cursor, rows)

    original, failed = stores._insert, []
    monkeypatch.setattr(stores, "_insert", insert)
    answers = store([submission(), submission(event_id=None)])
    assert failed
    assert [each.duplicate for each in answers] == [False, False]
    ids = list(Record.objects.order_by("id").values_list("id", flat=True))
    assert ids == sorted(each.id for each in answers)
    assert list(Pending.objects.values_list("record_id", flat=True)) == ids


def test_rows_are_deleted_by_a_list_of_ids_in_one_plain_statement():
    """What a cluster spreads over its nodes: no join, no subquery."""
    gone, kept = [stored(), stored()], stored()
    gone.append(stored())
    between = r"id BETWEEN \d+ AND \d+"
    for chosen, condition in (
        (gone[1:], rf"{between} AND id \+ 0 = ANY\('{{\d+, \d+}}'::bigint\[\]\)"),
        (gone[:1], between),
    ):
        with CaptureQueriesContext(connection) as queries:
            deleted = database.delete_ids(Record, "id", [each.pk for each in chosen])
        assert deleted == len(chosen)
        (statement,) = (each["sql"] for each in queries)
        assert re.fullmatch(f"DELETE FROM records_record WHERE {condition}", statement)
    assert list(Record.objects.all()) == [kept]


FORBIDDEN = re.compile(
    r"FOR (NO KEY )?UPDATE|FOR (KEY )?SHARE|LATERAL|RECURSIVE|ROLLUP|GROUPING SETS|"
    r"\bEXISTS\s*\(",
    re.IGNORECASE,
)


def test_no_statement_about_records_is_one_that_a_cluster_refuses(client, settings):
    settings.TELEMETRY_ANONYMOUS_READ = True
    pages = ("/records", "/records/live", "/overview", "/health", "/machines/x")
    apis = ("classification=*/hello/*", "guilty=1", "payload=x", "machine_id=x")
    now = datetime.now(UTC)
    with CaptureQueriesContext(connection) as queries:
        store([submission(event_id=None), submission()])
        old = stored(now - timedelta(days=50), machine_id="erased")
        stored(now - timedelta(days=50))
        digest_batch(10)
        erase.erase(old.machine_id, "test")
        list(rebuild.rebuild_facts(now.date(), now.date()))
        rebuild.rebuild_day(now.date())
        list(purge.batches(RetentionRun.objects.create(started=now)))
        purge.preview(now)
        for path in (*pages, *(f"/api/records?{each}" for each in apis)):
            assert client.get(path).status_code in (200, 204, 404)
    asked = [each["sql"] for each in queries if "records_record" in each["sql"]]
    assert len(asked) > 20
    assert [sql for sql in asked if FORBIDDEN.search(sql)] == []
