"""Plugins that are broken, each in a way of its own."""

from tests.plugins import Files

SECRET = "SECRET-OF-A-PAYLOAD"

_MODEL = """
from django.db import models


class Thing(models.Model):
    user = models.ForeignKey("auth.User", on_delete=models.CASCADE, null=True)
"""
_MIGRATION = """
from django.db import migrations, models, transaction


def fail(apps, schema_editor):
    raise RuntimeError("this migration fails")


def fail_inside(apps, schema_editor):
    with transaction.atomic(savepoint=False):
        schema_editor.execute("DELETE FROM nowhere")


class Migration(migrations.Migration):
    initial = True
    dependencies = {dependencies}
    operations = {operations}
"""
_TABLE = """[
        migrations.CreateModel(
            "Thing",
            [
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                )
            ],
        )
    ]"""


def _migration(dependencies: str = "[]", operations: str = _TABLE) -> str:
    return _MIGRATION.format(dependencies=dependencies, operations=operations)


_THING = """
from django.db import models


class Thing(models.Model):
    pass
"""


def _parser(name: str, **changes: str) -> str:
    steps = {"parse": "fact", "store": "nothing", "forget": "nothing"} | changes
    given = ", ".join(f"{step}={function}" for step, function in steps.items())
    return f"""
from records.parsers import PayloadParser


def fact(record):
    return record.payload


def nothing(each):
    pass


def fail(given):
    raise ValueError(f"cannot: {{given}}")


def leave(given):
    raise SystemExit(7)


PARSER = PayloadParser("{name}", 1, ("*/hello/*",), {given})
PLUGIN = plugin(parsers=(PARSER,))
"""


LEFT_OUT: dict[str, tuple[Files, str, str]] = {
    # files, stage, what the reason says
    "bad_import": ({"__init__.py": "import nowhere_to_be_found"}, "import", "nowhere"),
    "bad_exit": ({"__init__.py": "raise SystemExit(3)"}, "import", "SystemExit: 3"),
    "bad_apps": ({"apps.py": "1 / 0"}, "import", "ZeroDivisionError"),
    "bad_config": (
        {"apps.py": "from django.apps import AppConfig as Config"},
        "import",
        "is not a views_plugins.apps.PluginConfig",
    ),
    "bad_name": (
        {
            "apps.py": """
            from views_plugins.apps import PluginConfig


            class Config(PluginConfig):
                name = "records"
            """
        },
        "import",
        "is named 'records'",
    ),
    "bad_label": (
        {
            "apps.py": """
            from views_plugins.apps import PluginConfig


            class Config(PluginConfig):
                name = "bad_label"
                label = "auth"
            """
        },
        "import",
        "the label 'auth'",
    ),
    "bad_models": (
        {
            "models.py": f"{_MODEL}\n\nclass Two(models.Model):\n"
            "    other = models.ForeignKey('Nothing', models.CASCADE)\n\n"
            "raise AttributeError('half way')"
        },
        "models",
        "AttributeError: half way",
    ),
    "bad_fields": (
        {"models.py": _MODEL.replace('"auth.User"', '"nowhere.Thing"')},
        "models",
        "fields.E300",
    ),
    "bad_migration": (
        {"models.py": _THING, "migrations/__init__.py": "", "migrations/0001.py": "1/"},
        "migrations",
        "SyntaxError",
    ),
    "bad_dependency": (
        {
            "models.py": _THING,
            "migrations/__init__.py": "",
            "migrations/0001.py": _migration('[("records", "0999_none")]'),
        },
        "migrations",
        "0999_none",
    ),
    "bad_leaves": (
        {
            "models.py": _THING,
            "migrations/__init__.py": "",
            "migrations/0001.py": _migration(),
            "migrations/0002.py": _migration(),
        },
        "migrations",
        "Conflicting migrations",
    ),
    "bad_order": (
        {
            "migrations/__init__.py": "",
            "migrations/0001.py": _migration(operations="[]")
            + "    run_before = [('records', '0001_initial')]",
        },
        "migrations",
        "run before no others",
    ),
    "bad_tags": (
        {"templatetags/__init__.py": "", "templatetags/bad_tags.py": "1 / 0"},
        "templates",
        "ZeroDivisionError",
    ),
    "bad_library": (
        {"templatetags/__init__.py": "", "templatetags/records.py": "register = None"},
        "templates",
        "there already: records",
    ),
    "bad_commands": ({"management/__init__.py": "1 / 0"}, "import", "ZeroDivision"),
    "bad_admin": (
        {
            "models.py": _THING,
            "admin.py": """
            from django.contrib import admin
            from bad_admin.models import Thing

            admin.site.register(Thing)
            raise RuntimeError("half way")
            """,
        },
        "import",
        "RuntimeError: half way",
    ),
    "bad_ready": (
        {
            "apps.py": """
            from views_plugins.apps import PluginConfig


            class Config(PluginConfig):
                name = "bad_ready"

                def ready(self):
                    raise RuntimeError("not ready")
            """,
            "models.py": _THING,
            "admin.py": """
            from django.contrib import admin
            from bad_ready.models import Thing

            admin.site.register(Thing)
            """,
        },
        "ready",
        "not ready",
    ),
    "bad_syntax": ({"plugin.py": "PLUGIN = ("}, "load", "SyntaxError"),
    "bad_plugin": ({"plugin.py": ""}, "load", "has no attribute 'PLUGIN'"),
    "bad_type": ({"plugin.py": "PLUGIN = 'text'"}, "load", "is str, not Plugin"),
    "bad_slug": (
        {"+": "PLUGIN = plugin(slug='builds')"},
        "load",
        "'builds' is the one",
    ),
    "bad_order_type": ({"+": "PLUGIN = plugin(order='1')"}, "load", "order is str"),
    "bad_option": (
        {"+": "PLUGIN = plugin(options=(Option('days', 'Days', {'1': 'one'}),))"},
        "load",
        "cannot be called 'days'",
    ),
    "bad_addresses": (
        {"+": "from django.urls import reverse\nreverse('records')"},
        "load",
        "when all plugins are loaded",
    ),
    "bad_parser": (
        {"+": _parser("crashes")},
        "load",
        "parser is named 'crashes'",
    ),
    "bad_urls": (
        {
            "+": "PLUGIN = plugin(content=None, urls='bad_urls.urls')",
            "urls.py": "import nowhere_to_be_found",
        },
        "urls",
        "nowhere_to_be_found",
    ),
    "bad_patterns": (
        {
            "+": "PLUGIN = plugin(content=None, urls='bad_patterns.urls')",
            "urls.py": "from django.urls import re_path\n"
            "urlpatterns = [re_path('(', lambda request: None)]",
        },
        "urls",
        "not a valid regular expression",
    ),
    "bad_list": (
        {
            "+": "PLUGIN = plugin(content=None, urls='bad_list.urls')",
            "urls.py": "urlpatterns = ['text']",
        },
        "urls",
        "AttributeError",
    ),
}
"""Plugins that are left out when a process starts (or when its addresses are made)."""

_CONTENT: dict[str, tuple[str, str]] = {
    # what `content` does, what a member of the staff reads
    "bad_content": (f"raise ValueError('{SECRET}')", f"ValueError: {SECRET}"),
    "bad_end": ("raise SystemExit(5)", "SystemExit: 5"),
    "bad_none": ("return None", "is NoneType, not Content"),
    "bad_list_of_charts": ("return [chart()]", "is list, not Content"),
    "bad_nan": ("return chart((1.0, float('nan')))", "values[1] is not finite"),
    "bad_infinity": ("return chart((1.0, float('inf')))", "values[1] is not finite"),
    "bad_set": ("return chart(({1}, 2))", "values[0] is set"),
    "bad_decimal": (
        "import decimal; return chart((1, decimal.Decimal(2)))",
        "values[1] is Decimal",
    ),
    "bad_huge": ("return chart((1, 2 ** 70))", "more than 64 bits"),
    "bad_lengths": ("return chart((1, 2, 3))", "a value for each category"),
    "bad_parts": (
        "return Content(parts=(chart(), chart()))",
        "Two parts have the same key",
    ),
    "bad_kind": ("return chart(kind='bar')", "kind is str, not Kind"),
    "bad_link": (
        "return chart(categories=(Label('a', 'javascript:alert(1)'), Label('b')))",
        "categories[0].link is not an address",
    ),
    "bad_text": ("return chart(title='half \\ud800')", "title has half a character"),
}


def _shows(does: str) -> Files:
    body = f"def content(asked):\n    {does}\n"
    return {"+": f"{body}\n\nPLUGIN = plugin(content=content)"}


_URLS = """
from django.http import Http404
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import path


def fails(request):
    raise ValueError("SECRET-OF-A-PAYLOAD")


def nothing(request):
    return None


def template(request):
    return render(request, "bad_views/missing.html")


def later(request):
    return TemplateResponse(request, "bad_views/missing.html")


def absent(request):
    raise Http404("on purpose")


def ends(request):
    raise SystemExit(1)


urlpatterns = [
    path("", fails),
    path("nothing", nothing),
    path("template", template),
    path("later", later),
    path("absent", absent),
    path("ends", ends),
]
"""

WORKING: dict[str, Files] = {
    "good": {},
    **{name: _shows(does) for name, (does, _) in _CONTENT.items()},
    "bad_views": {
        "+": "PLUGIN = plugin(content=None, urls='bad_views.urls')",
        "urls.py": _URLS,
    },
    "bad_table": {
        "models.py": _THING,
        "migrations/__init__.py": "",
        "migrations/0001_initial.py": _migration(
            operations=f"{_TABLE} + [migrations.RunPython(fail)]"
        ),
        "+": "from bad_table.models import Thing\n\n\n"
        "def content(asked):\n    return chart((1, Thing.objects.count()))\n\n\n"
        "PLUGIN = plugin(content=content)",
    },
    "bad_statement": {
        "models.py": _THING,
        "migrations/__init__.py": "",
        "migrations/0001_initial.py": _migration(
            operations=f"{_TABLE} + [migrations.RunPython(fail_inside)]"
        ),
    },
    "bad_needs": {
        "models.py": _THING,
        "migrations/__init__.py": "",
        "migrations/0001_initial.py": _migration('[("bad_table", "0001_initial")]'),
    },
    "good_table": {
        "models.py": _THING,
        "migrations/__init__.py": "",
        "migrations/0001_initial.py": _migration(),
    },
    "bad_parse": {"+": _parser("bad_parse", parse="fail")},
    "bad_parse_exit": {"+": _parser("bad_parse_exit", parse="leave")},
    "bad_store": {"+": _parser("bad_store", store="fail")},
    "bad_forget": {"+": _parser("bad_forget", forget="fail")},
    "good_parser": {"+": _parser("good_parser")},
    "bad_reading": {
        "+": """
        from records.readings import PayloadReading


        def read(record):
            raise ValueError(record.payload)


        READINGS = (
            PayloadReading("bad_reading", ("*/hello/*",), read),
            PayloadReading(
                "missing", ("*/hello/*",), lambda record: {}, "bad_reading/no.html"
            ),
        )
        PLUGIN = plugin(readings=READINGS)
        """
    },
    "bad_places": {
        "templates/elsewhere/page.html": "",
        "static/bad_places/a.css": "",
        "static/css/site.css": "",
        "models.py": _THING,
    },
}
"""Plugins that are there, whatever happens when they are asked for something."""

CONTENT = {name: says for name, (_, says) in _CONTENT.items()}
ABSENT = "bad_absence"
"""Named in the setting, and not there."""
