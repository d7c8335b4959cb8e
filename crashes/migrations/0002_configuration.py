"""Which classifications are crashes; the starter set of rules comes by a command."""

from django.db import migrations

WITH_BACKTRACE = (
    "*/crash/clr",
    "*/kernel/bug",
    "*/kernel/panic",
    "*/kernel/stackoverflow",
    "*/kernel/warning",
)
WITHOUT = ("*/crash/clr-build", "*/crash/error", "*/crash/unknown")


def forward(apps, schema_editor):
    model = apps.get_model("crashes", "CrashClassification")
    for pattern in WITH_BACKTRACE:
        model.objects.get_or_create(pattern=pattern, defaults={"backtrace": True})
    for pattern in WITHOUT:
        model.objects.get_or_create(pattern=pattern, defaults={"backtrace": False})


class Migration(migrations.Migration):
    dependencies = [("crashes", "0001_initial")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
