"""Other work for the worker, which apps bring along: run between batches.

A step does a bounded amount of work in transactions of its own and says how much it
did; 0 when there is nothing to do.
"""

from collections.abc import Callable

Step = Callable[[], int]

_steps: list[Step] = []


def register(step: Step) -> None:
    """Add a step; call it from ``AppConfig.ready``."""
    if step not in _steps:
        _steps.append(step)


def run() -> int:
    """Every step once; how much they did together."""
    return sum(step() for step in _steps)
