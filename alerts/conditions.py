"""What a rule can look for, and which conditions there are (pure).

A condition reads counts and says how much there is of something, for each subject that
has any; whether that is too much is the rule's business (see `changes`).
"""

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from records.scope import Scope

LONGEST_SUBJECT = 200
LONGEST_TITLE = 200
LONGEST_TEXT = 300
LONGEST_LINK = 1000
LONGEST_MACHINE = 32

_NAME = re.compile(r"[a-z][a-z0-9_.-]{0,59}")


@dataclass(frozen=True)
class Watch:
    """What a rule looks at: days and operating system, and how much it needs there."""

    scope: "Scope"
    minimum: float
    now: datetime


@dataclass(frozen=True)
class Reading:
    """How much there is of a condition for one subject.

    ``subject`` tells it from others for good; ``title`` is what people call it, and may
    be text of a machine; ``text`` is a sentence on it. Of one that is not ``sure``
    (there is too little to judge by) nobody is told. One that is about a machine names
    it, and goes when the machine is erased. A ``link`` of more than 1000 characters is
    left out.
    """

    subject: str
    value: float
    title: str
    text: str = ""
    link: str = ""
    machine_id: str = ""
    sure: bool = True

    def __post_init__(self) -> None:
        if not 0 < len(self.subject) <= LONGEST_SUBJECT:
            raise ValueError("A subject has from 1 to 200 characters")
        if "\x00" in f"{self.subject}{self.link}{self.machine_id}".encode().decode():
            raise ValueError("A reading has a NUL in a name")
        if not math.isfinite(self.value):
            raise ValueError("The value of a reading is a finite number")
        if len(self.machine_id) > LONGEST_MACHINE:
            raise ValueError("A machine id has at most 32 characters")


@dataclass(frozen=True)
class Condition:
    """Something to look for.

    ``read`` is asked once a minute per rule, in the worker, and may take some seconds.
    ``threshold``, ``minimum`` and ``days`` are what a new rule begins with. Without a
    ``minimum_unit`` it needs no minimum; unless ``by_system``, it knows nothing of
    operating systems.
    """

    name: str
    label: str
    about: str
    unit: str
    read: Callable[[Watch], Iterable[Reading]]
    threshold: int | float = 1
    days: int = 7
    minimum: int | float = 0
    minimum_unit: str = ""
    by_system: bool = True

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"A condition cannot be called {self.name!r}")


_conditions: dict[str, Condition] = {}


def register(condition: Condition) -> None:
    """Add a condition; call it from ``AppConfig.ready``."""
    if _conditions.get(condition.name, condition) != condition:
        raise ValueError(f"There is a condition {condition.name!r} already")
    _conditions[condition.name] = condition


def unregister(name: str) -> None:
    _conditions.pop(name, None)


def registered() -> list[Condition]:
    return sorted(_conditions.values(), key=lambda each: each.label)


def get(name: str) -> Condition | None:
    return _conditions.get(name)
