"""What was measured and how it is told: spreads, comparisons, sections (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple


class Spread(NamedTuple):
    """The same thing measured several times."""

    values: tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        return cls(tuple(values))

    @property
    def median(self) -> float:
        return median(self.values)

    def times(self, factor: float) -> "Spread":
        return Spread.of(value * factor for value in self.values)

    def per(self, other: "Spread") -> "Spread":
        """Round by round when both have the same rounds, else of the medians.

        What is compared was measured in turn, so a slow minute slows both of a pair.
        """
        if len(self.values) == len(other.values):
            pairs = zip(self.values, other.values, strict=True)
            return Spread.of(mine / theirs for mine, theirs in pairs)
        return Spread((self.median / other.median,))

    def show(self, form: str = "{:,.0f}", unit: str = "") -> str:
        """Median (lowest to highest)."""
        low, middle, high = (
            form.format(n) for n in (min(self.values), self.median, max(self.values))
        )
        around = f" ({low} to {high})" if low != high else ""
        return f"{middle}{unit}{around}"


def rate(spread: Spread) -> str:
    return spread.show("{:,.0f}", "/s")


def milliseconds(seconds: Spread) -> str:
    return seconds.times(1000).show("{:,.1f}", " ms")


def percent(share: Spread) -> str:
    return share.times(100).show("{:.0f}", " %")


def factor(ratio: Spread) -> str:
    return ratio.show("{:.2f}", "")


@dataclass(frozen=True)
class Line:
    """One measurement; ``met`` is None where there is no budget."""

    what: str
    measured: str
    compared: str = ""
    ratio: str = ""
    budget: str = ""
    met: bool | None = None


class Table(NamedTuple):
    """Further figures of a section."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Details(NamedTuple):
    """Long text under a summary, closed at first."""

    summary: str
    text: str


@dataclass
class Section:
    """What one part of the run found.

    ``problems`` say that a figure cannot be trusted: records lost, requests refused.
    """

    title: str
    lines: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    details: list[Details] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
