"""What rules of alerts may look for: uncorrected errors, by machine."""

from collections import Counter
from collections.abc import Iterator

from alerts.conditions import Condition, Reading, Watch
from records import addresses
from views_plugins.mce.counts import events_by
from views_plugins.mcelog import NO_STATUS

_MEMORY = {"Memory controller", "Near memory", "Cache hierarchy", NO_STATUS}
"""Errors of memory that are found when it is read are told as those of a cache."""


def uncorrected(watch: Watch) -> Iterator[Reading]:
    """Machines with uncorrected errors of memory on these days."""
    machines: Counter[str] = Counter()
    counts = events_by(watch.scope, "machine_id", "uncorrected", "error_class")
    for (machine, is_uncorrected, error), n in counts.items():
        if is_uncorrected and error in _MEMORY:
            machines[machine] += n
    for machine, n in machines.items():
        yield Reading(
            subject=machine or "(none)",
            value=n,
            title=f"Machine {machine}",
            text=f"{n} uncorrected memory errors since {watch.scope.start}.",
            link=addresses.machine(machine),
            machine_id=machine,
        )


CONDITION = Condition(
    name="uncorrected-memory-error",
    label="Uncorrected memory error",
    about="Errors of memory, or seen by a cache that read it, that a machine could not "
    "correct.",
    unit="errors",
    read=uncorrected,
)
