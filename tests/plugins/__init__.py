"""Plugins of tests: written into a folder when they are needed."""

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

APPS = """
from views_plugins.apps import PluginConfig


class Config(PluginConfig):
    name = {name!r}
"""
PLUGIN = """
from views_plugins.charts import Chart, Content, Kind, Label, Series
from views_plugins.registry import Option, Plugin


def chart(values=(1, 2), **changes):
    series = (Series("n", tuple(values)),)
    categories = (Label("a"), Label("b"))
    given = dict(key="numbers", title="Numbers", kind=Kind.BAR, categories=categories)
    return Chart(**given | {{"series": series}} | changes)


def content(asked):
    return chart()


def plugin(**changes):
    given = dict(slug={slug!r}, title="Title of {name}", content=content)
    return Plugin(**given | changes)


PLUGIN = plugin()
"""

Files = Mapping[str, str]
"""What is in a package beside ``apps.py`` and ``plugin.py``: sources by path. What is
added to ``plugin.py`` is at the path ``+``."""


def write(folder: Path, name: str, files: Files) -> None:
    """Write a plugin that works, apart from what ``files`` change."""
    slug = name.replace("_", "-")
    sources = {
        "__init__.py": "",
        "apps.py": APPS.format(name=name),
        "plugin.py": PLUGIN.format(slug=slug, name=name) + dedent(files.get("+", "")),
        **files,
    }
    for path, source in sources.items():
        if path != "+":
            file = folder / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(source))
