"""Django apps of plugins: what goes wrong in one of them stays in it."""

import pkgutil
from importlib import import_module
from typing import Any

from django.apps import AppConfig
from django.conf import settings

from views_plugins import discovery, registry


class ViewsPluginsConfig(AppConfig):
    name = "views_plugins"
    verbose_name = "Views"


class PluginConfig(AppConfig):
    """The app of a plugin. Its module `plugin` holds `PLUGIN`."""

    is_plugin = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.default = True  # beside this class, which a module of its own imports

    def import_models(self) -> None:
        with registry.contained(self.name, "models"):
            super().import_models()

    def ready(self) -> None:
        with registry.contained(self.name, "migrations"):
            self._import_migrations()
        if self.name in discovery.failures:
            self._leave_unmigrated()
            return
        with registry.contained(self.name, "load"):
            module: Any = import_module(f"{self.name}.plugin")
            registry.register(module.PLUGIN, self.name)

    def _import_migrations(self) -> None:
        """Now, since a migration that cannot be imported would stop all of them."""
        try:
            package = import_module(f"{self.name}.migrations")
        except ModuleNotFoundError as error:
            if error.name == f"{self.name}.migrations":
                return
            raise
        for module in pkgutil.iter_modules(package.__path__):
            import_module(f"{package.__name__}.{module.name}")

    def _leave_unmigrated(self) -> None:
        settings.MIGRATION_MODULES = {**settings.MIGRATION_MODULES, self.label: None}
