"""`manage.py startplugin NAME`: a package that is a working plugin, to start from."""

import keyword
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.template import Context, Engine

from views_plugins import registry

SKELETON = Path(registry.__file__).parent / "skeleton"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class Command(BaseCommand):
    help = "Writes the skeleton of a plugin: a view of its own, with its tests."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="The Python package, as in boot_times.")
        parser.add_argument(
            "--directory", help="Where it is written; else ./telemetry-NAME."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["name"]
        problem = name_problem(name)
        if problem:
            raise CommandError(f"A plugin cannot be called {name!r}: {problem}")
        slug = name.replace("_", "-")
        folder = Path(options["directory"] or f"telemetry-{slug}")
        if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
            raise CommandError(f"There is something in {folder} already.")
        write(folder, name)
        self.stdout.write(
            f"{folder} has a plugin that works. Next:\n"
            f"  pip install -e {folder}\n"
            "  manage.py migrate\n"
            f"and restart: its view is at /{slug}. {folder / 'README.md'} says more."
        )


def name_problem(name: str) -> str:
    """Why a plugin cannot have this name; empty when it can."""
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        return "use up to 40 lower-case letters, digits and _, a letter first."
    slug = name.replace("_", "-")
    if registry.taken(slug):
        return f"/{slug} is taken."
    if name in apps.app_configs or find_spec(name):
        return "there is a module or an app of this name."
    return ""


def write(folder: Path, name: str) -> None:
    """Write the skeleton, its templates filled in."""
    words = name.replace("_", " ")
    context = Context(
        {
            "app_name": name,
            "slug": name.replace("_", "-"),
            "title": words.capitalize(),
            "camel_case": words.title().replace(" ", ""),
        },
        autoescape=False,
    )
    engine = Engine()
    for source in sorted(SKELETON.rglob("*-tpl")):
        place = str(source.relative_to(SKELETON)).replace("app_name", name)
        target = folder / place.removesuffix("-tpl")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(engine.from_string(source.read_text()).render(context))
