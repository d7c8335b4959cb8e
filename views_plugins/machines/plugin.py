"""Machines: a page for each machine id, which lists and charts lead to."""

from views_plugins.registry import Plugin

PLUGIN = Plugin(
    slug="machines",
    title="Machine",
    urls="views_plugins.machines.urls",
    about="Everything that one machine id sent.",
    tab=False,
)
