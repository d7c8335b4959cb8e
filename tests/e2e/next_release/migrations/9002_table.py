from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("records", "9001_columns")]

    operations = [
        migrations.CreateModel(
            "Label",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("text", models.TextField(unique=True)),
                ("build", models.ForeignKey("records.build", models.CASCADE)),
            ],
        ),
    ]
