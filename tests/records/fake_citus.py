"""What Citus offers, as stubs in plain PostgreSQL: they note what they were asked."""

from django.db import connection

SCHEMA = """
CREATE TABLE fake_calls (id serial, call text);
CREATE TABLE pg_dist_node (groupid int, nodename text, nodeport int);
CREATE TABLE pg_dist_partition
    (logicalrelid regclass, partmethod "char", repmodel "char");

CREATE FUNCTION citus_version() RETURNS text LANGUAGE sql AS $$ SELECT 'Citus fake' $$;
CREATE FUNCTION citus_get_active_worker_nodes()
    RETURNS TABLE (node_name text, node_port int) LANGUAGE sql
    AS $$ SELECT nodename, nodeport FROM pg_dist_node WHERE groupid > 0 $$;
CREATE FUNCTION fake_note(call text, t regclass, method "char", model "char")
    RETURNS void LANGUAGE sql AS $$
    INSERT INTO fake_calls (call) VALUES (call || ' ' || t);
    DELETE FROM pg_dist_partition WHERE logicalrelid = t;
    INSERT INTO pg_dist_partition VALUES (t, method, model);
$$;

CREATE FUNCTION citus_set_coordinator_host(host text, port int)
    RETURNS void LANGUAGE sql AS $$
    INSERT INTO fake_calls (call) VALUES (format('coordinator %s:%s', host, port));
    INSERT INTO pg_dist_node VALUES (0, host, port);
$$;
-- As Citus does: what refers to a reference table becomes known by itself, and what is
-- known cannot be converted any more when it has an identity column.
CREATE FUNCTION create_reference_table(t regclass) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
    IF t IN (SELECT logicalrelid FROM pg_dist_partition) AND
        EXISTS (SELECT FROM pg_attribute WHERE attrelid = t AND attidentity <> '')
    THEN
        RAISE 'cannot complete operation on a table with identity column';
    END IF;
    PERFORM fake_note('reference', t, 'n', 't');
    INSERT INTO pg_dist_partition SELECT DISTINCT conrelid::regclass, 'n'::"char",
        's'::"char" FROM pg_constraint WHERE confrelid = t AND contype = 'f' AND
        conrelid NOT IN (SELECT logicalrelid FROM pg_dist_partition);
END $$;
CREATE FUNCTION citus_add_local_table_to_metadata
    (t regclass, cascade_via_foreign_keys bool) RETURNS void LANGUAGE sql
    AS $$ SELECT fake_note('managed', t, 'n', 's') $$;
CREATE FUNCTION create_distributed_table(t regclass, col text, shard_count int)
    RETURNS void LANGUAGE sql
    AS $$ SELECT fake_note(format('by %s in %s', col, shard_count), t, 'h', 's') $$;
CREATE FUNCTION truncate_local_data_after_distributing_table(t regclass)
    RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO fake_calls (call) VALUES ('truncate ' || t);
    EXECUTE format('TRUNCATE %s', t);
END $$;
"""


def install(workers: int = 2) -> None:
    connection.check_constraints()  # tables cannot be altered while some are to come
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        for number in range(1, workers + 1):
            cursor.execute(
                "INSERT INTO pg_dist_node VALUES (%s, %s, 5432)",
                [number, f"node{number}"],
            )


def calls() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT call FROM fake_calls ORDER BY id")
        return [call for (call,) in cursor.fetchall()]
