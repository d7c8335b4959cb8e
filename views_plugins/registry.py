"""The one door through which views come in: what a plugin is, and which there are."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from alerts import conditions
from alerts.conditions import Condition
from records import parsers, readings
from records.parsers import PayloadParser
from records.readings import PayloadReading
from views_plugins import discovery, shapes
from views_plugins.charts import Chart, Content
from views_plugins.discovery import Failure

if TYPE_CHECKING:
    from views_plugins.filters import Filters

READ = "records.view_record"
LONGEST = 3660
"""Days that a window may have."""

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")
_OPTION = re.compile(r"[a-z][a-z0-9_]{0,39}")
_COMMON = {"days", "start", "end", "system_name", "external", "classification"}
_TAKEN = {
    "account",
    "admin",
    "api",
    "capacity",
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

    def __post_init__(self) -> None:
        shapes.require(self, Option)
        if not _OPTION.fullmatch(self.name) or self.name in _COMMON:
            raise ValueError(f"An option cannot be called {self.name!r}")
        if not self.choices or "" in self.choices:
            raise ValueError(f"{self.name}: choices are needed, none of them empty")

    @property
    def default(self) -> str:
        return next(iter(self.choices))


@dataclass(frozen=True)
class Plugin:
    """A view: its tab, and what is behind it.

    ``content`` makes figures, charts and tables from the filters; page, table, CSV and
    JSON twin come by themselves. Or ``urls`` names a module with URL patterns of its
    own, mounted below `/<slug>`. ``parsers`` learn facts from payloads in the worker,
    ``readings`` show payloads on the page of a record, ``conditions`` are what rules of
    alerts may look for. Lower ``order`` comes first.
    """

    slug: str
    title: str
    order: int = 100
    content: Callable[["Filters"], Content | Chart] | None = None
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
    conditions: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        shapes.require(self, Plugin)
        if not _SLUG.fullmatch(self.slug) or self.slug in _TAKEN:
            raise ValueError(f"A view cannot be called {self.slug!r}")
        if bool(self.content) == bool(self.urls):
            raise ValueError(f"{self.slug}: give it either content or urls")
        if not 1 <= self.days <= LONGEST:
            raise ValueError(f"{self.slug}: days are from 1 to {LONGEST}")
        _check_different(self.slug, [each.name for each in self.options])
        for named in (self.parsers, self.readings, self.conditions):
            _check_different(self.slug, [each.name for each in named])


def _check_different(slug: str, names: list[str]) -> None:
    if len(set(names)) != len(names):
        raise ValueError(f"{slug}: two of {names} have the same name")


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
_withdrawn: dict[str, Plugin] = {}


def register(plugin: Plugin, app: str) -> None:
    """Add the view of an app, with all that it brings; all of it or nothing."""
    shapes.require(plugin, Plugin)
    other = _apps.get(plugin.slug, app)
    if other != app:
        raise ValueError(f"The view {plugin.slug!r} is the one of {other}")
    _plugins[plugin.slug], _apps[plugin.slug] = plugin, app
    added: list[Callable[[], None]] = [partial(_forget, plugin.slug)]
    try:
        for place, each in _brought(plugin):
            place.register(each)
            added.append(partial(place.unregister, each.name))
    except ValueError:
        for take_back in added:
            take_back()
        raise


def _forget(slug: str) -> None:
    del _plugins[slug], _apps[slug]


def unregister(slug: str) -> None:
    """Take a view out again, with what it brought."""
    plugin = _plugins.get(slug)
    if plugin is None:
        return
    _forget(slug)
    for place, each in _brought(plugin):
        place.unregister(each.name)


def _brought(plugin: Plugin) -> list[tuple[Any, Any]]:
    """What a view brings along, each with the module that it is registered in."""
    brought: list[tuple[Any, tuple[Any, ...]]] = [
        (parsers, plugin.parsers),
        (readings, plugin.readings),
        (conditions, plugin.conditions),
    ]
    return [(place, each) for place, things in brought for each in things]


def withdraw(app: str) -> None:
    """Take out the view of an app that is broken; its tab stays, to say so."""
    for plugin in plugins():
        if _apps[plugin.slug] == app:
            unregister(plugin.slug)
            _withdrawn[app] = plugin


def plugins() -> list[Plugin]:
    """Views that work, in the order of their tabs."""
    return sorted(_plugins.values(), key=lambda each: (each.order, each.slug))


def taken(slug: str) -> bool:
    """Whether an address belongs to the site or to another view."""
    return slug in _TAKEN or slug in _plugins


def app_of(slug: str) -> str:
    """The dotted name of the app that brought a view."""
    return _apps[slug]


def broken() -> list[Broken]:
    """What stands in for plugins that could not be loaded."""
    used = {*_plugins, *_TAKEN}
    found = []
    for app, failure in sorted(discovery.failures.items()):
        known = _withdrawn.get(app)
        name = app.rpartition(".")[2]
        wanted = known.slug if known else re.sub(r"[^a-z0-9]+", "-", name.lower())
        slug = _free(wanted.strip("-"), used)
        used.add(slug)
        if known:
            title, order, permission = known.title, known.order, known.permission
            found.append(Broken(slug, title, failure, order, permission))
        else:
            found.append(Broken(slug, name, failure))
    return found


def _free(slug: str, used: set[str]) -> str:
    while not slug or slug in used:
        slug += "-broken"
    return slug.lstrip("-")
