"""Starting plugins: each part of one is tried, and one that fails is left out.

It counts as not installed then, apart from its tab, which says what went wrong: its
models, migrations, templates, commands and admin pages could stop everything else.
"""

import logging
import pkgutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import takewhile
from types import ModuleType
from typing import Any

from django.apps import AppConfig, apps
from django.contrib import admin
from django.core.checks import model_checks
from django.db.migrations.loader import MigrationLoader
from django.template.backends.django import get_package_libraries
from django.utils.module_loading import module_has_submodule

from views_plugins import discovery, registry
from views_plugins.discovery import contained, failures

log = logging.getLogger(__name__)

_awaited: dict[str, set[Any]] = {}
"""By label: models that those of an app refer to, and that are not there (yet)."""


def start(configs: Sequence[AppConfig]) -> None:
    """Load these plugins, whose models are imported; leave out those that fail."""
    for config in configs:
        for stage, step in _STEPS.items():
            if config.name not in failures:
                with contained(config.name, stage):
                    step(config)
        if config.name in failures:
            leave_out(config)
    _leave_out_misfits([each for each in configs if each.name not in failures])
    for failure in failures.values():
        log.error("Plugin %s is left out: %s", failure.app, failure.reason)


def leave_out(config: AppConfig) -> None:
    """Take an app out of Django again, with all that it brought."""
    registry.withdraw(config.name)
    for model in apps.all_models.pop(config.label, {}).values():
        if admin.site.is_registered(model):
            admin.site.unregister(model)
    config.models = {}
    for key in _awaited.pop(config.label, ()):
        apps._pending_operations.pop(key, None)
    _set_apps(each for each in apps.get_app_configs() if each is not config)


@contextmanager
def watched(config: AppConfig) -> Iterator[None]:
    """Remember which models those that are imported inside refer to in vain."""
    pending: dict[Any, Any] = apps._pending_operations
    before = set(pending)
    yield
    _awaited[config.label] = set(pending) - before


def _set_apps(configs: Iterator[AppConfig]) -> None:
    # A new dictionary: Django may be going through the old one.
    apps.app_configs = {each.label: each for each in configs}
    apps.clear_cache()


# --- Steps --------------------------------------------------------------------------


def _check_models(config: AppConfig) -> None:
    """Now, since every command checks the models of all apps, and ends on an error."""
    found = model_checks.check_all_models([config])
    errors = [str(each) for each in found if each.is_serious()]
    if errors:
        raise ValueError("\n".join(errors))


def _import_migrations(config: AppConfig) -> None:
    package = _part(config, "migrations")
    if package is None:
        return
    for module in pkgutil.iter_modules(package.__path__):
        found: Any = import_module(f"{package.__name__}.{module.name}")
        if module.name[0] not in "_~" and found.Migration.run_before:
            raise ValueError("Migrations of a plugin run before no others")


def _import_libraries(config: AppConfig) -> None:
    package = _part(config, "templatetags")
    if package is None:
        return
    earlier = takewhile(lambda each: each is not config, apps.get_app_configs())
    taken = {name for each in earlier for name in _library_names(each)}
    own = set(_library_names(config))
    list(get_package_libraries(package))
    if own & taken:
        names = ", ".join(sorted(own & taken))
        raise ValueError(f"Template libraries of this name are there already: {names}")


def _library_names(config: AppConfig) -> list[str]:
    package = _part(config, "templatetags")
    return (
        [each.name for each in pkgutil.iter_modules(package.__path__)]
        if package
        else []
    )


def _import_others(config: AppConfig) -> None:
    """What Django imports of every app on its own."""
    _part(config, "management")
    _part(config, "admin")


def _register(config: AppConfig) -> None:
    module: Any = import_module(f"{config.name}.plugin")
    registry.register(module.PLUGIN, config.name)


_STEPS = {
    "models": _check_models,
    "migrations": _import_migrations,
    "templates": _import_libraries,
    "import": _import_others,
    "load": _register,
}


def _part(config: AppConfig, name: str) -> ModuleType | None:
    """A module or package inside an app, if it is there."""
    if config.module is None or not module_has_submodule(config.module, name):
        return None
    return import_module(f"{config.name}.{name}")


# --- The graph of all migrations ----------------------------------------------------


def _leave_out_misfits(plugins: Sequence[AppConfig]) -> None:
    """Plugins whose migrations do not fit with all others would stop all of them."""
    if _graph_error(plugins) is None or _graph_error(()) is not None:
        return
    fitting = _fitting(plugins)
    for config in plugins:
        if config not in fitting:
            error = _graph_error([*fitting, config])
            discovery.failed(config.name, "migrations", error or ValueError())
            leave_out(config)


def _fitting(plugins: Sequence[AppConfig]) -> list[AppConfig]:
    """As many as fit together, whatever the order in which they need each other."""
    fitting: list[AppConfig] = []
    before = -1
    while before < len(fitting):
        before = len(fitting)
        for each in plugins:
            if each not in fitting and _graph_error([*fitting, each]) is None:
                fitting.append(each)
    return fitting


def _graph_error(plugins: Sequence[AppConfig]) -> Exception | None:
    """What stops migrations with only these plugins beside the core."""
    everything = list(apps.get_app_configs())
    chosen = (e for e in everything if e in plugins or not discovery.is_plugin(e))
    _set_apps(chosen)
    try:
        conflicts = MigrationLoader(None, ignore_no_migrations=True).detect_conflicts()
    except Exception as error:  # noqa: BLE001
        return error
    finally:
        _set_apps(iter(everything))
    return ValueError(f"Conflicting migrations: {conflicts}") if conflicts else None
