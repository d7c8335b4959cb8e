"""The one door through which views come in: what a plugin is, and which there are."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from records import parsers, readings
from records.parsers import PayloadParser
from records.readings import PayloadReading
from views_plugins import discovery
from views_plugins.charts import Chart, Content
from views_plugins.discovery import Failure

if TYPE_CHECKING:
    from views_plugins.filters import Filters

READ = "records.view_record"
_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
_TAKEN = {
    "admin",
    "api",
    "crashes",
    "favicon",
    "health",
    "healthz",
    "login",
    "logout",
    "metrics",
    "readyz",
    "records",
    "static",
    "telemetryui",
    "v2",
    "v3",
}


@dataclass(frozen=True)
class Option:
    """A choice of a view's own, beside the common filters; the first is the default."""

    name: str
    label: str
    choices: Mapping[str, str]

    @property
    def default(self) -> str:
        return next(iter(self.choices))


@dataclass(frozen=True)
class Plugin:
    """A view: its tab, and what is behind it.

    ``content`` makes figures, charts and tables from the filters; page, table, CSV and
    JSON twin come by themselves. Or ``urls`` names a module with URL patterns of its
    own, mounted below `/<slug>`. ``parsers`` learn facts from payloads in the worker,
    ``readings`` show payloads on the page of a record. Lower ``order`` comes first.
    """

    slug: str
    title: str
    order: int = 100
    content: "Callable[[Filters], Content | Chart] | None" = None
    urls: str = ""
    permission: str = READ
    options: tuple[Option, ...] = ()
    by_classification: bool = False
    days: int = 7
    about: str = ""
    empty: str = ""
    tab: bool = True
    parsers: tuple[PayloadParser, ...] = ()
    readings: tuple[PayloadReading, ...] = ()
    app: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not _SLUG.fullmatch(self.slug) or self.slug in _TAKEN:
            raise ValueError(f"A view cannot be called {self.slug!r}")
        if bool(self.content) == bool(self.urls):
            raise ValueError(f"{self.slug}: give it either content or urls")


@dataclass(frozen=True)
class Broken:
    """The tab of a plugin that could not be loaded."""

    slug: str
    title: str
    failure: Failure
    order: int = 1000
    permission: str = READ
    tab: bool = True


_plugins: dict[str, Plugin] = {}
_apps: dict[str, str] = {}


def register(plugin: Plugin, app: str) -> None:
    """Add the view of an app, with its parsers and readings; all of it or nothing."""
    other = _apps.get(plugin.slug, app)
    if other != app:
        raise ValueError(f"The view {plugin.slug!r} is the one of {other}")
    for parser in plugin.parsers:
        parsers.register(parser)
    for reading in plugin.readings:
        readings.register(reading)
    _plugins[plugin.slug], _apps[plugin.slug] = plugin, app


def unregister(slug: str) -> None:
    """Take a view out again, with what it brought."""
    plugin = _plugins.pop(slug, None)
    _apps.pop(slug, None)
    for parser in plugin.parsers if plugin else ():
        parsers.unregister(parser.name)
    for reading in plugin.readings if plugin else ():
        readings.unregister(reading.name)


def plugins() -> list[Plugin]:
    """Views that work, in the order of their tabs."""
    return sorted(_plugins.values(), key=lambda each: (each.order, each.slug))


def app_of(slug: str) -> str:
    """The dotted name of the app that brought a view."""
    return _apps[slug]


def broken() -> list[Broken]:
    """What stands in for plugins that could not be loaded."""
    used = {*_plugins, *_TAKEN}
    found = []
    for app, failure in sorted(discovery.failures.items()):
        name = app.rpartition(".")[2]
        slug = _free(re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-"), used)
        used.add(slug)
        found.append(Broken(slug, name, failure))
    return found


def _free(slug: str, used: set[str]) -> str:
    while not slug or slug in used:
        slug += "-broken"
    return slug.lstrip("-")


@contextmanager
def contained(app: str, stage: str) -> Iterator[None]:
    """What a plugin raises inside is noted as its failure, and goes no further."""
    try:
        yield
    except Exception as error:  # noqa: BLE001
        discovery.failed(app, stage, error)
