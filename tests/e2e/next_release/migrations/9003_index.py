from django.db import migrations, models

from records.expand import AddIndexBeside


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("records", "9002_table")]

    operations = [
        AddIndexBeside("record", models.Index(fields=["lane"], name="record_lane")),
    ]
