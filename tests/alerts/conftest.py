"""A condition that reads whatever a test says, and rules of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from alerts import conditions
from alerts.conditions import Condition, Reading, Watch
from alerts.models import Channel, Rule


@dataclass
class Source:
    """What the condition `said` reads; ``watches`` are those it was asked with."""

    readings: list[Reading] = field(default_factory=list)
    error: BaseException | None = None
    before: Callable[[], None] = lambda: None
    watches: list[Watch] = field(default_factory=list)

    def say(self, **values: float) -> None:
        self.readings = [
            Reading(
                name, value, title=f"Title {name}", text=f"{value} of it", link="/x"
            )
            for name, value in values.items()
        ]

    def read(self, watch: Watch) -> list[Reading]:
        self.watches.append(watch)
        self.before()
        if self.error:
            raise self.error
        return self.readings


@pytest.fixture
def source() -> Iterator[Source]:
    found = Source()
    conditions.register(
        Condition("said", "What is said", "What a test says.", "things", found.read)
    )
    yield found
    conditions.unregister("said")


@pytest.fixture
def channel(db: None) -> Channel:
    return Channel.objects.create(
        name="ops",
        kind=Channel.Kind.WEBHOOK,
        target="https://hooks.example/1",
        secret="a secret of some length",
    )


@pytest.fixture
def rule(source: Source, channel: Channel) -> Rule:
    """Fires from 10 on."""
    made = Rule.objects.create(name="r", condition="said", threshold=10, days=7)
    made.channels.add(channel)
    return made
