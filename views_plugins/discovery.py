"""Which plugins there are; found by the settings, before there are any models.

What cannot be imported is kept aside with its error, and breaks nothing else.
"""

import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
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


def failed(app: str, stage: str, error: BaseException, reason: str = "") -> None:
    """Note that a plugin is broken; it is shown in its tab and on the health page."""
    trace = "".join(traceback.format_exception(error))
    text = reason or f"{type(error).__name__}: {error}"
    failures.setdefault(app, Failure(app, stage, text, trace))


@contextmanager
def contained(app: str, stage: str) -> Iterator[None]:
    """What a plugin raises inside is noted as its failure, and goes no further.

    That it wants to end the process is a failure, too.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001
        failed(app, stage, error)


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


def is_plugin(config: AppConfig) -> bool:
    """Whether an app is a plugin, built in or not."""
    return bool(getattr(config, "is_plugin", False))


def _built_in() -> list[str]:
    """Folders beside this module that hold a plugin."""
    found = _HERE.glob("*/plugin.py")
    return sorted(f"{_HERE.name}.{file.parent.name}" for file in found)


def _installed() -> list[str]:
    return sorted(point.value for point in entry_points(group=ENTRY_POINTS))


def _label(app: str) -> str | None:
    """The label of an app that can be imported; None notes why it cannot."""
    with contained(app, "import"):
        try:
            import_module(app)
        except ModuleNotFoundError as error:
            # Its own missing dependency is another matter than a plugin that is absent.
            if error.name is None or not f"{app}.".startswith(f"{error.name}."):
                raise
            reason = f"There is no module {error.name!r}: is the plugin installed?"
            failed(app, "import", error, reason)
        else:
            return _config(app).label
    return None


def _config(app: str) -> AppConfig:
    config = AppConfig.create(app)
    if not is_plugin(config):
        raise TypeError("Its AppConfig is not a views_plugins.apps.PluginConfig")
    if config.name != app:
        raise ValueError(f"Its AppConfig is named {config.name!r}")
    return config
