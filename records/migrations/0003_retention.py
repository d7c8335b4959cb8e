"""The age of records that no other rule is about."""

from django.db import migrations

from records.retention import DEFAULT_DAYS, Criterion


def forward(apps, schema_editor):
    rules = apps.get_model("records", "RetentionRule")
    rules.objects.create(criterion=Criterion.DEFAULT.value, days=DEFAULT_DAYS)


class Migration(migrations.Migration):
    dependencies = [("records", "0002_postgresql")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
