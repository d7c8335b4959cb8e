"""System checks of plugins: what would work alone, but not beside others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Warning
from django.utils.module_loading import module_has_submodule

from views_plugins import discovery

_FOLDERS = {"templates": "telemetry.W002", "static": "telemetry.W003"}


def plugins(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Each plugin keeps to its own names, and can make its own tables."""
    chosen = apps.get_app_configs() if app_configs is None else app_configs
    found: list[CheckMessage] = []
    for config in filter(discovery.is_plugin, chosen):
        found += [*_outside(config), *_unmigrated(config)]
    return found


def _outside(config: AppConfig) -> Iterator[CheckMessage]:
    """Files that another app of the same file name hides, or that hide another's."""
    for folder, code in _FOLDERS.items():
        place = Path(config.path, folder)
        inside = sorted(place.iterdir()) if place.is_dir() else []
        names = [each.name for each in inside if each.name != config.label]
        if names:
            yield Warning(
                f"The plugin {config.name} has {folder} outside a folder of its own: "
                f"{', '.join(names)}",
                hint=f"Move them into {folder}/{config.label}/.",
                id=code,
            )


def _unmigrated(config: AppConfig) -> Iterator[CheckMessage]:
    migrations = config.module and module_has_submodule(config.module, "migrations")
    if list(config.get_models()) and not migrations:
        yield Warning(
            f"The plugin {config.name} has models and no migrations.",
            hint=f"Write them: manage.py makemigrations {config.label}",
            id="telemetry.W004",
        )
