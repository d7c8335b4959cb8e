from django.db import migrations
from django.db.models import F, Max

BATCH = 500


def forward(apps, schema_editor):
    records = apps.get_model("records", "Record").objects
    last = records.aggregate(last=Max("id"))["last"] or 0
    for start in range(0, last, BATCH):
        some = records.filter(id__gt=start, id__lte=start + BATCH, note=None)
        some.update(note=F("event_id"))


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("records", "9004_check")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
