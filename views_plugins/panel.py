"""The form above a view: its fields as the address fills them, and what is wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from django.http import QueryDict

from records.stats import classification_levels, classifications, system_names
from records.visible import visible
from views_plugins.filters import ALL, PRESETS, Filters
from views_plugins.registry import Option, Plugin

_LABELS = {
    "days": "Received",
    "start": "From",
    "end": "To",
    "system_name": "OS",
    "external": "Source",
    "classification": "Classification",
}


@dataclass(frozen=True)
class Choice:
    """An option of a view with the value that is chosen."""

    option: Option
    chosen: str


@dataclass(frozen=True)
class Panel:
    """``asked`` is None when the parameters make no sense; ``errors`` say why."""

    plugin: Plugin
    parameters: QueryDict
    asked: Filters | None
    errors: Mapping[str, list[str]] = field(default_factory=dict)

    def value(self, name: str) -> str:
        return str(self.parameters.get(name, "")).strip()

    @property
    def presets(self) -> dict[str, str]:
        """Windows to choose from; one that is not offered stays chosen."""
        chosen = self.preset
        known = dict(PRESETS)
        if chosen and chosen not in known:
            known[chosen] = f"{chosen} days"
        in_order = sorted(
            known, key=lambda each: (each == ALL, int(each.strip(ALL) or 0))
        )
        return {each: known[each] for each in in_order}

    @property
    def preset(self) -> str:
        """The window that is chosen; empty when dates are given."""
        return self.asked.preset if self.asked else ""

    @property
    def start(self) -> str:
        return self.asked.start.isoformat() if self.asked else self.value("start")

    @property
    def end(self) -> str:
        return self.asked.end.isoformat() if self.asked else self.value("end")

    @cached_property
    def systems(self) -> list[str]:
        """Operating systems to choose from; an unknown one stays chosen."""
        known, chosen = system_names(), self.value("system_name")
        return known if not chosen or chosen in known else [chosen, *known]

    @property
    def system_name(self) -> str:
        return self.value("system_name")

    @property
    def external(self) -> str:
        return {"1": "true", "0": "false"}.get(
            self.value("external"), self.value("external")
        )

    @property
    def classification(self) -> str:
        return self.value("classification")

    @cached_property
    def classifications(self) -> list[str]:
        """Every level of what was ever sent."""
        levels = classification_levels(dict.fromkeys(classifications(), 0))
        return [level for level, _ in levels]

    @property
    def choices(self) -> list[Choice]:
        return [
            Choice(each, self.value(each.name) or each.default)
            for each in self.plugin.options
        ]

    @property
    def problems(self) -> list[tuple[str, str]]:
        labels = _LABELS | {each.name: each.label for each in self.plugin.options}
        return [
            (visible(labels.get(name, name)), visible(" ".join(messages)))
            for name, messages in self.errors.items()
        ]

    @property
    def query(self) -> str:
        """The parameters of the address, for the downloads of the same numbers."""
        return f"?{self.parameters.urlencode()}" if self.parameters else ""
