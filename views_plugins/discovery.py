"""Which plugins there are; found by the settings, before there are any models.

What cannot be imported is kept aside with its error, and breaks nothing else.
"""

import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path

from django.apps import AppConfig

ENTRY_POINTS = "telemetry.views"
"""The entry point group in which an installed package names its Django app."""

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Failure:
    """What went wrong with a plugin: when, in a line, and in full."""

    app: str
    stage: str
    reason: str
    trace: str = ""


failures: dict[str, Failure] = {}
"""By the dotted name of the app; the first failure of each."""


def failed(app: str, stage: str, error: Exception, reason: str = "") -> None:
    """Note that a plugin is broken; it is shown in its tab and on the health page."""
    trace = "".join(traceback.format_exception(error))
    text = reason or f"{type(error).__name__}: {error}"
    failures.setdefault(app, Failure(app, stage, text, trace))


def discover(named: Sequence[str], taken: Iterable[str]) -> list[str]:
    """Apps to install: built-in ones, ``named`` ones, and those of installed packages.

    ``taken`` are apps that are there already, whose labels a plugin cannot have.
    """
    labels = {name.rpartition(".")[2] for name in taken}
    found = []
    for app in dict.fromkeys((*_built_in(), *named, *_installed())):
        label = _label(app)
        if label is None:
            continue
        if label in labels:
            error = ValueError(f"Another app has the label {label!r}")
            failed(app, "import", error)
            continue
        labels.add(label)
        found.append(app)
    return found


def _built_in() -> list[str]:
    """Folders beside this module that hold a plugin."""
    found = _HERE.glob("*/plugin.py")
    return sorted(f"{_HERE.name}.{file.parent.name}" for file in found)


def _installed() -> list[str]:
    return sorted(point.value for point in entry_points(group=ENTRY_POINTS))


def _label(app: str) -> str | None:
    """The label of an app that can be imported; None notes why it cannot."""
    try:
        import_module(app)
        config = AppConfig.create(app)
        if not getattr(config, "is_plugin", False):
            raise TypeError("Its AppConfig is not a views_plugins.apps.PluginConfig")
        return config.label
    except ModuleNotFoundError as error:
        # Its own missing dependency is another matter than a plugin that is not there.
        absent = error.name is not None and f"{app}.".startswith(f"{error.name}.")
        reason = f"There is no module {error.name!r}: is the plugin installed?"
        failed(app, "import", error, reason if absent else "")
    except Exception as error:  # noqa: BLE001
        failed(app, "import", error)
    return None
