from django.db import migrations, models

from records.expand import AddCheckBeside


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("records", "9003_index")]

    operations = [
        AddCheckBeside(
            "record",
            models.CheckConstraint(
                condition=models.Q(lane__gt=0), name="record_lane_positive"
            ),
        ),
    ]
