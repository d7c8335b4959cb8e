"""What only PostgreSQL has: records in partitions, their ids, storage parameters."""

from django.db import migrations, models

TEXTS = (models.CharField, models.TextField)

FORWARD = """
-- Identity columns cannot be distributed or partitioned; an owned sequence can.
ALTER TABLE records_record ALTER COLUMN id DROP IDENTITY IF EXISTS;
CREATE SEQUENCE records_record_id_seq OWNED BY records_record.id;
ALTER TABLE records_record ALTER COLUMN id SET DEFAULT nextval('records_record_id_seq');
-- As `records.models.NameIndex` has it.
ALTER TABLE records_record DROP CONSTRAINT records_record_pkey,
    ADD PRIMARY KEY (id) WITH (fillfactor = 95);
-- The first partition; `records.partitions` makes the others.
CREATE TABLE records_record_0 PARTITION OF records_record
    FOR VALUES FROM (0) TO (1000000);
-- The queue is short but churns: clean it by count of dead rows, not by share.
ALTER TABLE records_pending SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_threshold = -1
);
-- Counts are updated in place many times a day: leave room on the page for that.
ALTER TABLE records_kindday SET (fillfactor = 60);
ALTER TABLE records_hardwareday SET (fillfactor = 60);
ALTER TABLE records_machineday SET (fillfactor = 80);
ALTER TABLE records_systempresence SET (fillfactor = 60);
ALTER TABLE records_buildpresence SET (fillfactor = 60);
ALTER TABLE records_receivedhour SET (fillfactor = 60);
"""


def forward(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        partition(schema_editor, apps.get_model("records", "Record"))
        schema_editor.execute(FORWARD)


def partition(schema_editor, model):
    """Make the empty table anew; indexes follow at the end of this migration.

    Columns of a fixed length come first: PostgreSQL walks through all in front of the
    one that it looks for.
    """
    schema_editor.delete_model(model)
    model._meta.local_fields.sort(key=lambda field: isinstance(field, TEXTS))
    schema_editor.sql_create_table += " PARTITION BY RANGE (id)"
    schema_editor.create_model(model)
    del schema_editor.sql_create_table


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
