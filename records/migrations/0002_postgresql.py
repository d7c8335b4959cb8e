"""What only PostgreSQL has: an owned sequence for record ids, and storage parameters."""

from django.db import migrations

FORWARD = """
-- Identity columns cannot be distributed or partitioned later; an owned sequence can.
ALTER TABLE records_record ALTER COLUMN id DROP IDENTITY IF EXISTS;
CREATE SEQUENCE records_record_id_seq OWNED BY records_record.id;
ALTER TABLE records_record ALTER COLUMN id SET DEFAULT nextval('records_record_id_seq');
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
        schema_editor.execute(FORWARD)


class Migration(migrations.Migration):
    dependencies = [("records", "0001_initial")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
