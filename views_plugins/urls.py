"""Addresses of views: one for each that the registry knows."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any

from django.apps import apps
from django.core.exceptions import AppRegistryNotReady
from django.urls import URLPattern, URLResolver, include, path

from views_plugins import api, discovery, registry, views
from views_plugins.registry import Plugin

Patterns = list[URLPattern | URLResolver]

if not apps.ready:
    raise AppRegistryNotReady("Addresses are known when all plugins are loaded.")


def _patterns() -> Iterator[URLPattern | URLResolver]:
    for plugin in registry.plugins():
        yield from _own(plugin) if plugin.urls else _drawn(plugin)
    for view in registry.broken():
        yield path(view.slug, views.broken_page(view), name=f"view-{view.slug}")


def _drawn(plugin: Plugin) -> Patterns:
    slug = plugin.slug
    return [
        path(slug, views.page_of(plugin), name=f"view-{slug}"),
        path(f"{slug}/<str:key>.csv", views.table_of(plugin), name=f"table-{slug}"),
    ]


def _own(plugin: Plugin) -> Patterns:
    """The patterns of a plugin that has some, each of them contained."""
    app = registry.app_of(plugin.slug)
    mounted: Patterns = []
    with discovery.contained(app, "urls"):
        module: Any = import_module(plugin.urls)
        inside = list(_guarded(plugin, module.urlpatterns))
        resolver: Any = path(f"{plugin.slug}/", include((inside, plugin.slug)))
        _ = resolver.reverse_dict  # whose making compiles every pattern
        mounted.append(resolver)
    if not mounted:
        registry.withdraw(app)
    return mounted


def _guarded(
    plugin: Plugin, patterns: Iterable[URLPattern | URLResolver]
) -> Iterator[URLPattern | URLResolver]:
    for each in patterns:
        if isinstance(each, URLPattern):
            view = views.contained(plugin, each.callback)
            yield URLPattern(each.pattern, view, each.default_args, each.name)
        else:
            inside = list(_guarded(plugin, each.url_patterns))
            yield URLResolver(
                each.pattern,
                inside,
                each.default_kwargs,
                app_name=each.app_name,
                namespace=each.namespace,
            )


urlpatterns: Patterns = [
    path("health", views.health_page, name="health"),
    *_patterns(),
]

api_patterns: Patterns = [
    path("views", api.ViewList.as_view(), name="api-views"),
    *(
        path(
            f"views/{plugin.slug}",
            api.twin_of(plugin).as_view(),
            name=f"api-view-{plugin.slug}",
        )
        for plugin in registry.plugins()
        if plugin.content
    ),
]
