"""Django apps of plugins: what goes wrong in one of them stays in it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import register

from views_plugins import checks, discovery, loading


class ViewsPluginsConfig(AppConfig):
    name = "views_plugins"
    verbose_name = "Views"

    def ready(self) -> None:
        register(checks.plugins)
        loading.start(list(filter(discovery.is_plugin, apps.get_app_configs())))


class PluginConfig(AppConfig):
    """The app of a plugin. Its module `plugin` holds `PLUGIN`."""

    is_plugin = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.default = True  # beside this class, which a module of its own imports
        cls.ready = _contained(cls.ready)  # type: ignore[method-assign,assignment]

    def import_models(self) -> None:
        with loading.watched(self), discovery.contained(self.name, "models"):
            super().import_models()


def _contained(ready: Callable[[Any], None]) -> Callable[[Any], None]:
    """``ready`` of an app that was not left out; one that fails is."""

    @wraps(ready)
    def guarded(config: PluginConfig) -> None:
        if config.name in discovery.failures:
            return
        with discovery.contained(config.name, "ready"):
            ready(config)
        if config.name in discovery.failures:
            loading.leave_out(config)

    return guarded
