from django.db import migrations, models

from tests.e2e.next_release.migrations import LAST


class Migration(migrations.Migration):
    dependencies = [("records", LAST)]

    operations = [
        migrations.AddField("record", "note", models.TextField(null=True)),
        migrations.AddField(
            "record", "lane", models.SmallIntegerField(db_default=1)
        ),
        migrations.AddField(
            "build", "channel", models.TextField(db_default="stable")
        ),
    ]
