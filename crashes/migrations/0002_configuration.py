"""Which classifications are crashes, and the starter set of rules as version 1."""

from django.db import migrations

from crashes.judging import as_json
from crashes.models import Rule
from crashes.starter_rules import STARTER_RULES

WITH_BACKTRACE = (
    "*/crash/clr",
    "*/kernel/bug",
    "*/kernel/panic",
    "*/kernel/stackoverflow",
    "*/kernel/warning",
)
WITHOUT = ("*/crash/clr-build", "*/crash/error", "*/crash/unknown")


def forward(apps, schema_editor):
    classes = apps.get_model("crashes", "CrashClassification")
    rows = [classes(pattern=pattern, backtrace=True) for pattern in WITH_BACKTRACE]
    rows += [classes(pattern=pattern, backtrace=False) for pattern in WITHOUT]
    classes.objects.bulk_create(rows)
    add_starter_rules(apps)


def add_starter_rules(apps):
    rules = apps.get_model("crashes", "Rule")
    values = [{**as_json(rule), "id": None} for rule in STARTER_RULES]
    rows = [
        rules(key=Rule.key_of([each[name] for name in Rule.KEY]), **each)
        for each in values
    ]
    rules.objects.bulk_create(rows)
    versions = apps.get_model("crashes", "RulesVersion")
    exported = [
        {**each, "id": row.pk} for each, row in zip(values, rules.objects.order_by("id"))
    ]
    versions.objects.create(rules=exported, note="Starter set", state="current")


class Migration(migrations.Migration):
    dependencies = [("crashes", "0001_initial")]

    operations = [migrations.RunPython(forward, migrations.RunPython.noop)]
